// SPDX-License-Identifier: BSD-3-Clause
#include "graph/arena.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/pool.h"
#include "graph/space.h"
#include "graph/user.h"

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

static int arena_cmp(const struct arena *a, const struct arena *b)
{
	int c = CMP((uintptr_t)a->pool, (uintptr_t)b->pool);

	if (!c)
		c = CMP(a->contiguous, b->contiguous);
	if (!c)
		c = CMP(a->sole, b->sole);
	if (!c)
		c = CMP(a->room, b->room);
	return c ? c : CMP(a->id, b->id);
}

RB_GENERATE(arena_tree, arena, by_room, arena_cmp)

static void displace(struct arena *a)
{
	if (a->placed)
		RB_REMOVE(arena_tree, &a->user->arenas, a);
	a->placed = false;
}

/* Granule arenas are found by their room; sole ones by their length, when they are kept. */
static void place(struct arena *a)
{
	displace(a);
	if (a->closing || a->quarantined || (a->sole && !a->cached))
		return;
	a->room = a->sole ? range_len(a->range) : space_largest(a->space, PAGE_LEN);
	RB_INSERT(arena_tree, &a->user->arenas, a);
	a->placed = true;
}

struct arena *arena_new(struct user *u, struct pool *pool, struct range r, bool contiguous,
			bool sole)
{
	struct arena *a = mem_new0(struct arena);

	if (!a)
		return NULL;
	a->space = sole ? NULL : space_new(r);
	if (!sole && !a->space)
		return mem_free(a);
	a->sole = sole;
	a->pool = pool;
	a->user = u;
	a->range = r;
	a->id = ++pool->graph->next_arena;
	a->contiguous = contiguous;
	TAILQ_INSERT_TAIL(&pool->arenas, a, link);
	pool->n_arenas++;
	u->bytes += range_len(r);
	u->n_arenas++;
	place(a);
	return a;
}

static void uncache(struct arena *a)
{
	TAILQ_REMOVE(&a->pool->cached, a, cached_link);
	a->pool->cached_bytes -= range_len(a->range);
	a->user->cached_bytes -= range_len(a->range);
	a->cached = false;
}

void arena_keep(struct arena *a)
{
	assert(!a->used && !a->cached);
	if (a->quarantined)
		return;
	a->user->bytes -= range_len(a->range);
	a->user->n_arenas--;
	a->user->cached_bytes += range_len(a->range);
	a->pool->cached_bytes += range_len(a->range);
	TAILQ_INSERT_TAIL(&a->pool->cached, a, cached_link);
	a->cached = true;
	place(a);
}

void arena_revive(struct arena *a)
{
	assert(a->cached);
	uncache(a);
	a->user->bytes += range_len(a->range);
	a->user->n_arenas++;
	place(a);
}

void arena_close(struct arena *a)
{
	a->closing = true;
	place(a);
}

void arena_reopen(struct arena *a)
{
	a->closing = false;
	place(a);
}

void arena_end(struct arena *a)
{
	assert(!a->used);
	a->closing = false;
	if (a->quarantined)
		return;
	displace(a);
	a->user->n_arenas -= !a->cached;
	if (a->cached)
		uncache(a);
	else if (!a->disowned)
		a->user->bytes -= range_len(a->range);
	TAILQ_REMOVE(&a->pool->arenas, a, link);
	a->pool->n_arenas--;
	pool_put(a->pool, a->range);
	space_free(a->space);
	mem_free(a);
}

void arena_disown(struct arena *a)
{
	assert(a->sole && !a->cached);
	if (a->disowned)
		return;
	a->disowned = true;
	a->user->bytes -= range_len(a->range);
}

void arena_quarantine(struct arena *a)
{
	if (a->quarantined)
		return;
	if (a->cached)
		arena_revive(a);
	a->quarantined = true;
	a->pool->quarantined += range_len(a->range);
	place(a);
}

static void count(struct arena *a, uint64_t len)
{
	a->used += len;
	a->pool->used += len;
}

int arena_take(struct arena *a, uint64_t len, uint64_t align, struct range *out)
{
	uint64_t first;
	int r = space_take(a->space, len, align, &first);

	if (r < 0)
		return r;
	*out = (struct range){ first, first + (len - 1) };
	count(a, len);
	place(a);
	return 0;
}

int arena_take_at(struct arena *a, struct range r)
{
	int ret = space_take_at(a->space, r);

	if (ret < 0)
		return ret;
	count(a, range_len(r));
	place(a);
	return 0;
}

void arena_fill(struct arena *a)
{
	assert(a->sole && !a->used);
	count(a, range_len(a->range));
}

void arena_put(struct arena *a, struct range r)
{
	a->used -= range_len(r);
	a->pool->used -= range_len(r);
	if (!a->space)
		return;
	space_put(a->space, r);
	place(a);
}

struct arena *arena_find(struct user *u, struct pool *pool, bool contiguous, uint64_t len,
			 uint64_t align, unsigned int tries)
{
	struct arena probe = { .pool = pool, .contiguous = contiguous, .room = len };
	struct arena *a = RB_NFIND(arena_tree, &u->arenas, &probe);

	for (; a && tries; a = RB_NEXT(arena_tree, &u->arenas, a), tries--) {
		if (a->pool != pool || a->contiguous != contiguous || a->sole)
			return NULL;
		if (space_largest(a->space, align) >= len)
			return a;
	}
	return NULL;
}

struct arena *arena_find_cached(struct user *u, struct pool *pool, bool contiguous, uint64_t len,
				uint64_t align)
{
	struct arena probe = { .pool = pool, .contiguous = contiguous, .sole = true, .room = len };
	struct arena *a = RB_NFIND(arena_tree, &u->arenas, &probe);

	for (; a; a = RB_NEXT(arena_tree, &u->arenas, a)) {
		if (a->pool != pool || a->contiguous != contiguous || !a->sole || a->room != len)
			return NULL;
		if (is_aligned(a->range.first, align))
			return a;
	}
	return NULL;
}

uint64_t arena_largest(struct user *u, struct pool *pool, bool contiguous, uint64_t align)
{
	struct arena probe = { .pool = pool, .contiguous = contiguous, .room = UINT64_MAX };
	struct arena *a = RB_NFIND(arena_tree, &u->arenas, &probe);
	uint64_t best = 0, n;

	a = a ? RB_PREV(arena_tree, &u->arenas, a) : RB_MAX(arena_tree, &u->arenas);
	for (; a && a->pool == pool && a->contiguous == contiguous && !a->sole && a->room > best;
	     a = RB_PREV(arena_tree, &u->arenas, a)) {
		n = space_largest(a->space, align);
		best = n > best ? n : best;
	}
	return best;
}
