// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/polling.h"

#define NS_PER_US 1000

void polling_init(struct polling *p, unsigned int max_us, unsigned int n_cpus)
{
	if (max_us > POLLING_MAX_US)
		max_us = POLLING_MAX_US;
	if (n_cpus < 2)
		max_us = 0;
	*p = (struct polling){
		.max_ns = (uint64_t)max_us * NS_PER_US,
		.backoff = POLLING_BACKOFF_MIN,
	};
}

static void score_add(struct polling *p, bool good)
{
	if (good)
		p->score += (POLLING_SURE - p->score + 7) / 8;
	else
		p->score -= (p->score + 7) / 8;
}

uint64_t polling_budget(struct polling *p)
{
	if (!p->max_ns)
		return 0;
	if (p->n_skip) {
		p->n_skip--;
		return 0;
	}
	return p->score >= POLLING_WORTH ? p->max_ns : 0;
}

static void back_off(struct polling *p)
{
	p->n_hits = 0;
	p->n_skip = p->backoff;
	if (p->backoff < POLLING_BACKOFF_MAX)
		p->backoff *= 2;
}

void polling_polled(struct polling *p, bool hit, bool preempted)
{
	bool streak = p->n_hits > 0;

	score_add(p, hit);
	if (preempted || (!hit && !streak)) {
		back_off(p);
		return;
	}
	/* A miss after hits is a client that paused: it costs the streak, not the habit. */
	p->n_hits = hit ? p->n_hits + 1 : 0;
	if (p->n_hits >= POLLING_TRUSTED)
		p->backoff = POLLING_BACKOFF_MIN;
}

void polling_was_late(struct polling *p)
{
	p->n_skip = 0;
	if (p->score < POLLING_WORTH)
		p->score = POLLING_WORTH;
}

void polling_slept(struct polling *p, uint64_t ns)
{
	/* Half of a round trip between two sleepers is our own wake-up, which polling saves. */
	score_add(p, ns <= 2 * p->max_ns);
}
