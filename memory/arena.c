// SPDX-License-Identifier: BSD-3-Clause
#include "memory/arena.h"

#include <assert.h>

#include "base/mem.h"

/* Each takes the kernel some 20 us. */
#define CLOSED_AT_ONCE 64

/* Ranges that meet are equal: a tree of arenas, which never meet, is ordered by it, and finds the one that is met. */
static int compare_pa(const struct arena *a, const struct arena *b)
{
	return a->pa.last < b->pa.first ? -1 : a->pa.first > b->pa.last;
}

static int compare_id(const struct arena *a, const struct arena *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE_INTERNAL(arenas_by_pa, arena, by_pa, compare_pa, static _unused_)
RB_GENERATE_INTERNAL(arenas_by_id, arena, by_id, compare_id, static _unused_)

struct arena *arena_make(uint32_t id, struct range pa)
{
	struct arena *a = mem_new0(struct arena);

	if (!a)
		return NULL;
	a->id = id;
	a->pa = pa;
	a->piece = PIECE_NULL;
	return a;
}

struct arena *arena_free(struct arena *a)
{
	if (!a)
		return NULL;
	piece_deinit(&a->piece);
	return mem_free(a);
}

void arenas_init(struct arenas *all)
{
	*all = (struct arenas){ .by_pa = RB_INITIALIZER(&all->by_pa) };
	TAILQ_INIT(&all->closing);
}

void arenas_deinit(struct arenas *all)
{
	struct arena *a;

	while ((a = RB_MIN(arenas_by_pa, &all->by_pa)))
		arenas_end(all, a);
	while (all->closing_bytes > 0)
		arenas_close_step(all);
	assert(all->n_arenas == 0 && all->bytes == 0 && all->huge_bytes == 0);
	assert(TAILQ_EMPTY(&all->closing));
}

struct arena *arenas_meeting(struct arenas *all, struct range pa)
{
	const struct arena *last = all->last;
	struct arena key = { .pa = pa };

	if (!last || !range_covers(last->pa, pa))
		all->last = RB_FIND(arenas_by_pa, &all->by_pa, &key);
	return all->last;
}

struct arena *arenas_at(struct arenas *all, uint64_t pa)
{
	return arenas_meeting(all, (struct range){ pa, pa });
}

struct arena *arenas_find(struct arenas *all, uint32_t id)
{
	struct arena key = { .id = id };

	return RB_FIND(arenas_by_id, &all->by_id, &key);
}

void arenas_link(struct arenas *all, struct arena *a)
{
	struct arena *met = RB_INSERT(arenas_by_pa, &all->by_pa, a);

	assert(!met);
	met = RB_INSERT(arenas_by_id, &all->by_id, a);
	assert(!met);
	(void)met;
	all->n_arenas++;
	all->bytes += a->piece.len;
	all->huge_bytes += a->piece.huge_len;
}

void arenas_close(struct arenas *all, struct arena *a)
{
	bool is_here = a->piece.fd < 0; /* of a window: nothing is closed */

	if (is_here || (!piece_is_long(&a->piece) && all->n_closed < CLOSED_AT_ONCE)) {
		all->n_closed += !is_here;
		arena_free(a);
		return;
	}
	all->closing_bytes += a->piece.len;
	TAILQ_INSERT_TAIL(&all->closing, a, closing);
}

void arenas_end(struct arenas *all, struct arena *a)
{
	RB_REMOVE(arenas_by_pa, &all->by_pa, a);
	RB_REMOVE(arenas_by_id, &all->by_id, a);
	if (all->last == a)
		all->last = NULL;
	all->n_arenas--;
	all->bytes -= a->piece.len;
	all->huge_bytes -= a->piece.huge_len;
	arenas_close(all, a);
}

void arenas_leave(struct arenas *all)
{
	struct arena *a;

	RB_FOREACH(a, arenas_by_pa, &all->by_pa)
		a->piece.left = true;
}

void arenas_close_step(struct arenas *all)
{
	struct arena *a = TAILQ_FIRST(&all->closing);

	if (!a)
		return;
	all->closing_bytes -= a->piece.len;
	piece_shrink_step(&a->piece);
	all->closing_bytes += a->piece.len;
	if (a->piece.len == 0) {
		TAILQ_REMOVE(&all->closing, a, closing);
		arena_free(a);
	}
}
