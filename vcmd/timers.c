// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/timers.h"

#include <stddef.h>

void timers_set(struct timers *ts, struct timer *t, uint64_t due_ms)
{
	struct timer *before;

	timers_clear(ts, t);
	t->due_ms = due_ms;
	t->set = true;
	TAILQ_FOREACH_REVERSE(before, ts, timers, link)
		if (before->due_ms <= due_ms)
			break;
	if (before)
		TAILQ_INSERT_AFTER(ts, before, t, link);
	else
		TAILQ_INSERT_HEAD(ts, t, link);
}

void timers_clear(struct timers *ts, struct timer *t)
{
	if (t->set)
		TAILQ_REMOVE(ts, t, link);
	t->set = false;
}

struct timer *timers_first(const struct timers *ts)
{
	return TAILQ_FIRST(ts);
}

struct timer *timers_take_due(struct timers *ts, uint64_t now_ms)
{
	struct timer *t = TAILQ_FIRST(ts);

	if (!t || t->due_ms > now_ms)
		return NULL;
	timers_clear(ts, t);
	return t;
}
