// SPDX-License-Identifier: BSD-3-Clause
#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "memory/room.h"

struct memory_unplaced {
	LIST_ENTRY(memory_unplaced) link; /* of the window, if it is in one */
	struct arena *arena;
	enum memory_source source; /* that was asked for */
	bool spoiled;              /* in a window: another has had a part of it */
};

struct memory_unplaced *memory_unplaced_free(struct memory *m, struct memory_unplaced *u)
{
	if (!u)
		return NULL;
	if (u->arena && u->arena->piece.window)
		LIST_REMOVE(u, link);
	if (u->arena)
		arenas_close(&m->arenas, u->arena);
	return mem_free(u);
}

bool memory_is_at_hand(const struct memory *m, uint64_t len, enum memory_source source)
{
	return len <= SZ_2M || source == SOURCE_HUGETLB ||
	       (source == SOURCE_MEMFD && stock_has(&m->stock, len));
}

/* Its pages come later. */
static int take_piece(struct memory *m, struct arena *a, enum memory_source source)
{
	uint64_t len = range_len(a->pa);
	int r;

	if (source == SOURCE_WINDOW || source == SOURCE_PAGEMAP)
		return room_place_in_window(m, a, source);
	if (source == SOURCE_HUGETLB) {
		r = room_take_huge(m, a);
		if (r != -ENOMEM && r != -EINVAL)
			return r;
	}
	if (stock_take(&m->stock, len, &a->piece))
		return 0;
	r = piece_init(&a->piece, SOURCE_MEMFD, len);
	return r < 0 && room_relieve(m, SOURCE_MEMFD, r) ?
		       piece_init(&a->piece, SOURCE_MEMFD, len) :
		       r;
}

struct memory_unplaced *memory_unplaced_new(struct memory *m, struct range pa,
					    enum memory_source source, struct reason *why)
{
	struct memory_unplaced *u = mem_new0(struct memory_unplaced);
	int r;

	if (u)
		u->arena = arena_make(0, pa);
	if (!u || !u->arena) {
		refuse(why, 0, "the broker has no memory left");
		return memory_unplaced_free(m, u);
	}
	u->source = source;
	r = take_piece(m, u->arena, source);
	if (u->arena->piece.window)
		LIST_INSERT_HEAD(&u->arena->piece.window->unplaced, u, link);
	if (r < 0) {
		room_refuse_short(why, u->arena, r);
		return memory_unplaced_free(m, u);
	}
	return u;
}

int memory_unplaced_fill(struct memory *m, struct memory_unplaced *u, bool *out_more,
			 struct reason *why)
{
	struct piece *p = &u->arena->piece;
	int r = 0;

	*out_more = p->filled < p->len && !u->spoiled;
	if (*out_more)
		r = piece_fill_step(p, out_more);
	if (r < 0 && room_relieve(m, p->source, r))
		r = piece_fill_step(p, out_more);
	return r < 0 ? room_refuse_short(why, u->arena, r) : 0;
}

int memory_unplaced_fd(const struct memory_unplaced *u)
{
	return u->arena->piece.fd;
}

void unplaced_spoil(struct window *w, struct range pa)
{
	struct memory_unplaced *u;

	LIST_FOREACH(u, &w->unplaced, link)
		u->spoiled |= range_meets(u->arena->pa, pa);
}

bool memory_unplaced_fits(const struct memory_unplaced *u, struct range pa,
			  enum memory_source source)
{
	if (u->source != source || range_len(u->arena->pa) != range_len(pa))
		return false;
	return !u->arena->piece.window || (u->arena->pa.first == pa.first && !u->spoiled);
}

int memory_arena_place(struct memory *m, uint32_t id, struct range pa, struct memory_unplaced *u,
		       struct reason *why)
{
	int r = room_refuse_in_use(m, id, pa, why);

	if (r < 0)
		return r;
	assert(memory_unplaced_fits(u, pa, u->source));
	if (u->arena->piece.window)
		LIST_REMOVE(u, link);
	u->arena->id = id;
	u->arena->pa = pa;
	room_link(m, STEAL_PTR(u->arena));
	memory_unplaced_free(m, u);
	return 0;
}
