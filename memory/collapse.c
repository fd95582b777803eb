// SPDX-License-Identifier: BSD-3-Clause
#include "memory/collapse.h"

#include <sys/mman.h>
#include <time.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

bool collapse_is_due(struct collapse *c)
{
	if (!c->n_skip)
		return true;
	c->n_skip--;
	return false;
}

void collapse_took(struct collapse *c, uint64_t ns)
{
	if (ns < COLLAPSE_SLOW_NS) {
		c->backoff /= 2;
		return;
	}
	c->backoff = c->backoff < COLLAPSE_BACKOFF_MIN     ? COLLAPSE_BACKOFF_MIN :
		     c->backoff > COLLAPSE_BACKOFF_MAX / 2 ? COLLAPSE_BACKOFF_MAX :
							     2 * c->backoff;
	c->n_skip = c->backoff;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool collapse_pages(struct collapse *c, void *at, uint64_t len)
{
	uint64_t start = now_ns();
	int r = madvise(at, len, MADV_COLLAPSE);

	collapse_took(c, now_ns() - start);
	return r == 0;
}
