// SPDX-License-Identifier: BSD-3-Clause
#include "graph/pool.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/space.h"

/* A granule is the pool's 128th part, within these, so that users of a few pages do not exhaust a small pool. */
#define GRANULE_MIN SZ_64K
#define GRANULE_MAX SZ_2M
#define GRANULE_SHARE 128

static uint64_t granule_for(uint64_t pool_len)
{
	uint64_t granule = GRANULE_MIN;

	while (granule < GRANULE_MAX && granule * GRANULE_SHARE < pool_len)
		granule *= 2;
	return granule;
}

static int add_ranges(struct pool *p, const struct pool_config *config)
{
	p->ranges = mem_zalloc_n(config->n_ranges, sizeof(*p->ranges));
	p->spaces = mem_zalloc_n(config->n_ranges, sizeof(struct space *));
	if (!p->ranges || !p->spaces)
		return -ENOMEM;
	for (; p->n_ranges < config->n_ranges; p->n_ranges++) {
		p->ranges[p->n_ranges] = config->ranges[p->n_ranges];
		p->spaces[p->n_ranges] = space_new(p->ranges[p->n_ranges]);
		if (!p->spaces[p->n_ranges])
			return -ENOMEM;
		p->len += range_len(p->ranges[p->n_ranges]);
	}
	return 0;
}

struct pool *pool_new(struct graph *g, const struct pool_config *config)
{
	struct pool *p = mem_new0(struct pool);

	if (!p)
		return NULL;
	p->graph = g;
	TAILQ_INIT(&p->arenas);
	TAILQ_INIT(&p->cached);
	TAILQ_INSERT_TAIL(&g->pools, p, link);
	if (add_ranges(p, config) < 0)
		return pool_free(p);
	p->memtype = config->memtype;
	p->secure = config->secure;
	p->hw = config->hw;
	p->granule = config->granule ? config->granule : granule_for(p->len);
	p->has_cont = config->cont_len > 0;
	if (p->has_cont)
		p->cont = (struct range){ p->ranges[0].first,
					  p->ranges[0].first + (config->cont_len - 1) };
	return p;
}

struct pool *pool_free(struct pool *p)
{
	struct arena *a, *next;

	if (!p)
		return NULL;
	TAILQ_FOREACH_SAFE(a, &p->arenas, link, next) {
		assert(!a->used);
		a->quarantined = false; /* the end of the graph */
		arena_end(a);
	}
	for (size_t i = 0; i < p->n_ranges; i++)
		space_free(p->spaces[i]);
	TAILQ_REMOVE(&p->graph->pools, p, link);
	mem_free(p->spaces);
	mem_free(p->ranges);
	return mem_free(p);
}

static int take_within(struct pool *p, size_t i, struct range in, uint64_t len, uint64_t align,
		       struct range *out)
{
	uint64_t first;
	int r = space_take_within(p->spaces[i], in, len, align, &first);

	if (r == 0)
		*out = (struct range){ first, first + (len - 1) };
	return r;
}

/* What is left of the first range beside its contiguous region, and the further ranges. */
static int take_outside(struct pool *p, uint64_t len, uint64_t align, struct range *out)
{
	int r = -ENOSPC;

	for (size_t i = 0; i < p->n_ranges && r == -ENOSPC; i++) {
		struct range in = p->ranges[i];

		if (i == 0 && p->has_cont) {
			if (p->cont.last == in.last)
				continue;
			in.first = p->cont.last + 1;
		}
		r = take_within(p, i, in, len, align, out);
	}
	return r;
}

int pool_take(struct pool *p, bool contiguous, uint64_t len, uint64_t align, struct range *out)
{
	int r = -ENOSPC;

	if (contiguous && p->has_cont)
		r = take_within(p, 0, p->cont, len, align, out);
	if (r == -ENOSPC)
		r = take_outside(p, len, align, out);
	if (r == -ENOSPC && p->has_cont) /* the region, or across its end */
		r = take_within(p, 0, p->ranges[0], len, align, out);
	return r;
}

int pool_take_at(struct pool *p, struct range r)
{
	for (size_t i = 0; i < p->n_ranges; i++)
		if (range_covers(p->ranges[i], r))
			return space_take_at(p->spaces[i], r);
	return -EINVAL;
}

void pool_put(struct pool *p, struct range r)
{
	for (size_t i = 0; i < p->n_ranges; i++)
		if (range_covers(p->ranges[i], r)) {
			space_put(p->spaces[i], r);
			return;
		}
	assert(!"a range that no pool gave");
}

uint64_t pool_largest(const struct pool *p, uint64_t align)
{
	uint64_t best = 0, n;

	for (size_t i = 0; i < p->n_ranges; i++) {
		n = space_largest(p->spaces[i], align);
		best = n > best ? n : best;
	}
	return best;
}

uint64_t pool_largest_free(const struct pool *p)
{
	const struct arena *a;
	uint64_t best = pool_largest(p, PAGE_LEN), n;

	TAILQ_FOREACH(a, &p->arenas, link) {
		if (a->quarantined || a->sole)
			continue;
		n = space_largest(a->space, PAGE_LEN);
		best = n > best ? n : best;
	}
	return best;
}

uint64_t pool_free_bytes(const struct pool *p)
{
	uint64_t n = p->len;

	for (size_t i = 0; i < p->n_ranges; i++)
		n -= space_used(p->spaces[i]);
	return n;
}
