// SPDX-License-Identifier: BSD-3-Clause
#include "backend/stale.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void stale_init(struct stale *s, unsigned int max)
{
	assert(max <= STALE_MAX);
	*s = (struct stale){ .max = max };
	LIST_INIT(&s->users);
}

void stale_attach(struct stale *s, struct stale_user *user)
{
	LIST_INSERT_HEAD(&s->users, user, link);
}

void stale_detach(struct stale_user *user)
{
	LIST_REMOVE(user, link);
}

void stale_entry(struct stale *s, uint64_t at)
{
	if (s->n == s->max)
		s->all = true;
	else
		s->at[s->n++] = at;
}

void stale_around(struct stale *s, uint64_t first, uint64_t end)
{
	if (s->first == s->end) {
		s->first = first;
		s->end = end;
		return;
	}
	if (first < s->first)
		s->first = first;
	if (end > s->end)
		s->end = end;
}

bool stale_touches(const struct stale *s, uint64_t first, uint64_t end)
{
	return first < s->end && end > s->first;
}

int stale_flush(struct stale *s)
{
	struct stale_user *user;
	int r = 0;

	if (s->first == s->end)
		return 0;
	atomic_thread_fence(memory_order_seq_cst);
	LIST_FOREACH(user, &s->users, link)
		if (user->invalidate(user, s) < 0)
			r = -EIO;
	s->all = false;
	s->n = 0;
	s->first = s->end = 0;
	return r;
}
