// SPDX-License-Identifier: BSD-3-Clause
/*
 * Allocation of physical memory: which addresses of which arenas a physmem gets.
 *
 * Small physmems share their user's granule arenas; large and coherent ones get arenas of their own. The fewest chunks
 * that the block sizes allow: one run if there is one, else the largest runs first.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/arena.h"
#include "graph/attr.h"
#include "graph/graph.h"
#include "graph/plan.h"

/* How many granule arenas are looked at before a new one is made. */
#define FIND_TRIES 8

struct taking {
	struct plan *p;
	struct session *s;
	struct physmem *m;
	size_t cap_extents;
	uint32_t memtype;
	bool cont; /* VCM_PHYS_CONT: the contiguous regions first */
	bool coherent;
};

static bool is_sole(const struct taking *t, const struct pool *pool, uint64_t len)
{
	return t->coherent || len >= pool->granule;
}

static int add_extent(struct taking *t, struct arena *a, struct range r)
{
	struct physmem *m = t->m;
	struct extent *last = m->n_extents ? &m->extents[m->n_extents - 1] : NULL;

	if (last && last->arena == a && last->pa.last + 1 == r.first) {
		last->pa.last = r.last;
	} else {
		assert(m->extents && m->n_extents < t->cap_extents);
		m->extents[m->n_extents++] =
			(struct extent){ .physmem = m, .arena = a, .pa = r, .offset = m->len };
	}
	m->len += range_len(r);
	return 0;
}

static int want_extent(struct taking *t)
{
	size_t n = t->cap_extents ? 2 * t->cap_extents : 1;
	struct extent *bigger;

	if (t->m->n_extents < t->cap_extents)
		return 0;
	bigger = mem_realloc_n(t->m->extents, n, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	t->m->extents = bigger;
	t->cap_extents = n;
	return 0;
}

/* A new arena over addresses that belong to nobody. */
static int new_arena(struct taking *t, struct pool *pool, bool contiguous, bool sole, uint64_t len,
		     uint64_t align, struct arena **out)
{
	struct range r = { 0 };
	int ret = user_check_bytes(t->s->user, len, t->p->why);

	if (ret == 0)
		ret = user_check_arena(t->s->user, t->p->why);
	if (ret == 0)
		ret = pool_take(pool, contiguous, len, align, &r);
	if (ret != 0)
		return ret;
	*out = arena_new(t->s->user, pool, r, contiguous, sole);
	if (!*out) {
		pool_put(pool, r);
		return -ENOMEM;
	}
	plan_change(t->p, CHANGE_ARENA_NEW, *out, NULL, 0);
	plan_step(t->p, &(struct step){ .kind = STEP_ARENA_NEW, .arena = *out });
	return 0;
}

static int revive(struct taking *t, struct arena *a)
{
	int r = user_check_bytes(t->s->user, range_len(a->range), t->p->why);

	if (r == 0)
		r = user_check_arena(t->s->user, t->p->why);
	if (r < 0)
		return r;
	arena_revive(a);
	plan_change(t->p, CHANGE_ARENA_REVIVED, a, NULL, 0);
	return 0;
}

static int take_sole(struct taking *t, struct pool *pool, uint64_t len, uint64_t align)
{
	bool contiguous = t->cont && pool->has_cont;
	struct arena *a = arena_find_cached(t->s->user, pool, contiguous, len, align);
	int r;

	r = a ? revive(t, a) : new_arena(t, pool, contiguous, true, len, align, &a);
	if (r != 0)
		return r;
	arena_fill(a);
	return add_extent(t, a, a->range);
}

static int take_from(struct taking *t, struct arena *a, uint64_t len, uint64_t align)
{
	struct range got = { 0 };
	int r = a->cached ? revive(t, a) : 0;

	if (r == 0)
		r = arena_take(a, len, align, &got);
	return r < 0 ? r : add_extent(t, a, got);
}

/* A granule where there is one, or just what is needed where the pool has no granule left. */
static int take_new_granule(struct taking *t, struct pool *pool, bool contiguous, uint64_t len,
			    uint64_t align)
{
	struct arena *a;
	int r = new_arena(t, pool, contiguous, false, pool->granule,
			  align > pool->granule ? align : pool->granule, &a);

	if (r == -ENOSPC)
		r = new_arena(t, pool, contiguous, false, len, align, &a);
	return r < 0 ? r : take_from(t, a, len, align);
}

static int take_shared(struct taking *t, struct pool *pool, uint64_t len, uint64_t align)
{
	bool contiguous = t->cont && pool->has_cont;
	struct user *u = t->s->user;
	struct arena *a = arena_find(u, pool, contiguous, len, align, FIND_TRIES);
	int r;

	if (a)
		return take_from(t, a, len, align);
	r = take_new_granule(t, pool, contiguous, len, align);
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	a = arena_find(u, pool, contiguous, len, align, UINT_MAX);
	if (!a)
		a = arena_find(u, pool, !contiguous, len, align, UINT_MAX);
	return a ? take_from(t, a, len, align) : r;
}

/* One run of len bytes at align, in the first pool that has it. */
static int take_run(struct taking *t, uint64_t len, uint64_t align)
{
	struct pool *pool;
	int r = want_extent(t);

	if (r == 0)
		r = plan_want(t->p, 2, 1);
	if (r < 0)
		return r;
	r = -ENOSPC;
	TAILQ_FOREACH(pool, &t->s->graph->pools, link) {
		if (pool->memtype != t->memtype)
			continue;
		r = is_sole(t, pool, len) ? take_sole(t, pool, len, align) :
					    take_shared(t, pool, len, align);
		if (r != -ENOSPC)
			break;
	}
	return r;
}

static uint64_t largest_run(const struct taking *t, uint64_t align)
{
	uint64_t best = 0, n;
	struct pool *pool;

	TAILQ_FOREACH(pool, &t->s->graph->pools, link) {
		if (pool->memtype != t->memtype)
			continue;
		n = pool_largest(pool, align);
		best = n > best ? n : best;
		if (t->coherent)
			continue;
		for (int contiguous = 0; contiguous < 2; contiguous++) {
			n = arena_largest(t->s->user, pool, contiguous, align);
			/* A run that long would get an arena of its own; the user's arenas give shorter ones. */
			n = n < pool->granule ? n : pool->granule - PAGE_LEN;
			best = n > best ? n : best;
		}
	}
	return best;
}

static const uint64_t block_sizes[] = { SZ_16M, SZ_1M, SZ_64K, SZ_4K };
#define N_BLOCK_SIZES (sizeof(block_sizes) / sizeof(*block_sizes))

static int take_contiguous(struct taking *t, uint64_t len, uint64_t sizes, uint64_t align)
{
	int r = -ENOSPC;

	for (size_t i = 0; i < N_BLOCK_SIZES && r == -ENOSPC; i++) {
		uint64_t size = block_sizes[i];

		if ((sizes & size) && size <= len)
			r = take_run(t, len, size > align ? size : align);
	}
	return r;
}

/* As much as there is in blocks of one size: the whole rest in one run, or the longest runs. */
static int take_blocks(struct taking *t, uint64_t len, uint64_t size, uint64_t align)
{
	uint64_t n;
	int r;

	while (len - t->m->len >= size) {
		r = take_run(t, len - t->m->len, align);
		if (r != -ENOSPC)
			return r;
		n = align_down(largest_run(t, align), size);
		if (n > align_down(len - t->m->len, size))
			n = align_down(len - t->m->len, size);
		r = n ? take_run(t, n, align) : -ENOSPC;
		if (r == -ENOSPC)
			return 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_scattered(struct taking *t, uint64_t len, uint64_t sizes, uint64_t align)
{
	int r = 0;

	for (size_t i = 0; i < N_BLOCK_SIZES && r == 0 && t->m->len < len; i++) {
		uint64_t size = block_sizes[i];

		if (sizes & size)
			r = take_blocks(t, len, size, size > align ? size : align);
	}
	return r < 0 ? r : t->m->len == len ? 0 : -ENOSPC;
}

/* Whether any address of the memtype has the alignment at all. */
static bool has_alignment(const struct taking *t, uint64_t align)
{
	const struct pool *pool;
	uint64_t first;

	TAILQ_FOREACH(pool, &t->s->graph->pools, link)
		for (size_t i = 0; pool->memtype == t->memtype && i < pool->n_ranges; i++)
			if (align_up(pool->ranges[i].first, align, &first) &&
			    range_has(pool->ranges[i], first))
				return true;
	return false;
}

/* What the user could still get, were it in one piece; with what this physmem has got so far, which goes back. */
static uint64_t obtainable(const struct taking *t)
{
	const struct arena *a;
	struct pool *pool;
	uint64_t n = t->m->len;

	TAILQ_FOREACH(pool, &t->s->graph->pools, link) {
		if (pool->memtype != t->memtype)
			continue;
		n += pool_free_bytes(pool) + pool->cached_bytes;
		TAILQ_FOREACH(a, &pool->arenas, link)
			if (a->user == t->s->user && !a->sole && !a->cached && !a->closing &&
			    !a->quarantined && !t->coherent)
				n += range_len(a->range) - a->used;
	}
	return n;
}

static int explain(struct taking *t, uint64_t len, uint64_t align)
{
	uint64_t n = obtainable(t), largest = largest_run(t, PAGE_LEN);
	struct pool *pool;

	if (!has_alignment(t, align))
		return refuse(t->p->why, -EINVAL,
			      "memtype %u has no address that is a multiple of 0x%llx",
			      t->memtype - 1, (unsigned long long)align);
	TAILQ_FOREACH(pool, &t->s->graph->pools, link)
		if (n >= len && pool->memtype == t->memtype && pool->cached_bytes)
			return GRAPH_E_PRESSURE;
	TAILQ_FOREACH(pool, &t->s->graph->pools, link)
		if (pool->memtype == t->memtype) {
			pool->n_failed_size += n < len;
			pool->n_failed_fragmented += n >= len;
		}
	if (n < len)
		return refuse(t->p->why, -ENOMEM,
			      "memtype %u has 0x%llx bytes left, 0x%llx are wanted", t->memtype - 1,
			      (unsigned long long)n, (unsigned long long)len);
	return refuse(
		t->p->why, -ENOMEM,
		"memtype %u has 0x%llx bytes left but is fragmented: its largest free run is 0x%llx; smaller blocks or no VCM_PHYS_CONT may do",
		t->memtype - 1, (unsigned long long)n, (unsigned long long)largest);
}

static bool memtype_exists(const struct graph *g, uint32_t memtype, bool *out_secure)
{
	const struct pool *pool;

	TAILQ_FOREACH(pool, &g->pools, link)
		if (pool->memtype == memtype) {
			*out_secure = pool->secure;
			return true;
		}
	return false;
}

/* Undoes the takings of a physmem that will not be; its new arenas go with the plan. */
static int drop(struct taking *t, int err)
{
	for (size_t i = 0; i < t->m->n_extents; i++)
		arena_put(t->m->extents[i].arena, t->m->extents[i].pa);
	t->m->n_extents = 0;
	physmem_destroy(t->m);
	return err;
}

static int publish(struct taking *t)
{
	struct object *o = &t->m->obj;
	uint64_t weight = t->m->n_extents / 3; /* an extent is a third of what an object weighs */
	int r = plan_want(t->p, 1, 0);

	if (r == 0)
		r = user_charge_objects(t->s->user, weight, t->p->why);
	if (r < 0)
		return r;
	o->weight += weight;
	t->m->id = ++t->s->graph->next_id;
	physmem_link(t->m);
	plan_change(t->p, CHANGE_PHYSMEM_NEW, t->m, NULL, 0);
	return 0;
}

int plan_physmem_alloc(struct plan *p, struct session *s, uint32_t handle, uint32_t memtype,
		       uint64_t len, uint32_t attr, struct physmem **out)
{
	struct taking t = { .p = p,
			    .s = s,
			    .memtype = memtype,
			    .cont = attr & VCM_PHYS_CONT,
			    .coherent = attr & VCM_COHERENT };
	uint64_t sizes = attr_phys_sizes(attr), align = attr_phys_align(attr);
	bool secure = false;
	int r = attr_check_phys(attr, len, p->why);

	if (r < 0)
		return r;
	if (!memtype_exists(s->graph, memtype, &secure))
		return refuse(p->why, -EINVAL, "the configuration has no memory for memtype_t %u",
			      memtype);
	r = physmem_make(p, s, handle, &t.m);
	if (r < 0)
		return r;
	t.m->memtype = memtype;
	t.m->attr = attr;
	t.m->secure = secure;
	r = t.cont ? take_contiguous(&t, len, sizes, align) : take_scattered(&t, len, sizes, align);
	if (r == -ENOSPC)
		return drop(&t, explain(&t, len, align));
	if (r == -ENOMEM)
		refuse(p->why, r, "the broker is out of memory");
	if (r == 0)
		r = publish(&t);
	if (r < 0)
		return drop(&t, r);
	*out = t.m;
	return 0;
}

static int evict(struct plan *p, struct arena *a)
{
	int r = a->closing ? 0 : plan_want(p, 1, 1);

	if (r < 0 || a->closing)
		return r;
	arena_close(a);
	plan_change(p, CHANGE_ARENA_GONE, a, NULL, 0);
	plan_step(p, &(struct step){ .kind = STEP_ARENA_FREE, .late = true, .arena = a });
	return 0;
}

int plan_evict(struct plan *p, uint32_t memtype)
{
	struct pool *pool;
	struct arena *a;
	int r = 0;

	TAILQ_FOREACH(pool, &p->graph->pools, link)
		if (pool->memtype == memtype)
			TAILQ_FOREACH(a, &pool->cached, cached_link)
				if (r == 0)
					r = evict(p, a);
	return r;
}

int plan_evict_user(struct plan *p, struct user *u)
{
	struct pool *pool;
	struct arena *a;
	int r = 0;

	TAILQ_FOREACH(pool, &p->graph->pools, link)
		TAILQ_FOREACH(a, &pool->cached, cached_link)
			if (a->user == u && r == 0)
				r = evict(p, a);
	return r;
}
