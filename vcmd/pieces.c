// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/pieces.h"

#include <errno.h>
#include <stdbool.h>

#include "base/range.h"
#include "graph/arena.h"
#include "graph/physmem.h"
#include "graph/pool.h"
#include "graph/res.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/call.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/rights.h"

/* Fds a reply carries at most: a batch of small buffers has few arenas. */
#define FDS_MAX 32

/* 0: the client has it. -1: no room, or no fd. Else 1 + the index of its fd. What is to be read only, is shown so. */
static int give(struct broker *b, struct client *c, const struct arena *arena, bool writable)
{
	struct answer *a = b->answer;
	uint64_t *slot = &c->given[arena->id % CLIENT_GIVEN];
	int fd;

	if (*slot / 2 == arena->id && *slot % 2 >= writable)
		return 0;
	fd = a->n_fds < FDS_MAX ? memory_arena_fd(b->memory, arena->id, writable) : -1;
	if (fd < 0)
		return -1;
	*slot = (uint64_t)arena->id * 2 + writable;
	a->fds[a->n_fds++] = fd;
	return (int)a->n_fds;
}

/* False when the answer is full. */
static bool add(struct broker *b, const struct wanted_pieces *w, const struct extent *e,
		uint64_t skip)
{
	struct answer *a = b->answer;
	int fd;

	if (a->n_pieces == PROTO_MAX_PIECES)
		return false;
	fd = give(b, client_of(w->res->obj.session), e->arena, w->res->physmem->writable);
	if (fd < 0)
		return false;
	a->pieces[a->n_pieces++] =
		(struct piece){ .op = w->op,
				.arena = e->arena->id,
				.offset = memory_arena_offset(b->memory, e->arena->id) +
					  e->pa.first + skip - e->arena->range.first,
				.len = range_len(e->pa) - skip,
				.fd = (uint32_t)fd };
	return true;
}

/* All of a window is seen through its fd; a huge page is shown to who has all of it. */
static int check_arena(const struct client *c, const struct arena *a, struct reason *why)
{
	const struct config_pool *pool = a->pool->hw;

	if (pool->source == SOURCE_WINDOW && !rights_map(c, pool))
		return refuse(why, -EACCES,
			      "memory of memtype %u is in a window, whose fd shows all of it: "
			      "map-users and map-groups of its pool say who may map it",
			      a->pool->memtype - 1);
	if (pool->source == SOURCE_PAGEMAP && range_len(a->range) != SZ_2M)
		return refuse(why, -EACCES,
			      "memory of memtype %u at 0x%llx shares its huge page with others': "
			      "allocate multiples of 2 MB to map them",
			      a->pool->memtype - 1, (unsigned long long)a->range.first);
	return 0;
}

int pieces_check(const struct client *c, const struct physmem *m, struct reason *why)
{
	int r = 0;

	for (size_t i = 0; i < m->n_extents && r == 0; i++)
		if (m->extents[i].arena)
			r = check_arena(c, m->extents[i].arena, why);
	return r;
}

void pieces_fill(struct broker *b)
{
	struct answer *a = b->answer;
	size_t n_wanted = a->n_wanted;

	a->n_wanted = 0; /* the reservations may be gone when the plan is through */
	for (size_t i = 0; i < n_wanted; i++) {
		const struct wanted_pieces *w = &a->wanted[i];
		const struct physmem *m = w->res->physmem;
		const struct extent *e;

		if (!m) /* a later operation of the batch has unbacked it */
			continue;
		e = physmem_extent_at(m, w->offset);
		if (!add(b, w, e, w->offset - e->offset))
			return;
		while (++e < m->extents + m->n_extents)
			if (!add(b, w, e, 0))
				return;
	}
}
