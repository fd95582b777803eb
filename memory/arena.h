/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arenas: found by address and by id, and, when they have ended, waiting to be closed.
 *
 *	by_pa ----.      .---- by_id            closing: no id, no address, only bytes that go back in steps
 *	           arena                        arena - arena - arena
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdint.h>

#include "base/range.h"
#include "memory/piece.h"

struct arena {
	struct range pa;
	uint32_t id;
	struct piece piece;
	RB_ENTRY(arena) by_pa, by_id;
	TAILQ_ENTRY(arena) closing;
};

RB_HEAD(arenas_by_pa, arena);
RB_HEAD(arenas_by_id, arena);
TAILQ_HEAD(arenas_closing, arena);

struct arenas {
	struct arenas_by_pa by_pa;
	struct arenas_by_id by_id;
	struct arenas_closing closing;
	struct arena *last; /* found; most look-ups want it again */
	uint64_t n_arenas, bytes, huge_bytes, closing_bytes;
	unsigned int n_closed; /* at once, since the last idle moment, which forgets them */
};

void arenas_init(struct arenas *all);
/* Closes what is left. */
void arenas_deinit(struct arenas *all);

/* The one that holds pa, the lowest that meets a range, the one of an id; NULL when there is none. */
struct arena *arenas_at(struct arenas *all, uint64_t pa);
struct arena *arenas_meeting(struct arenas *all, struct range pa);
struct arena *arenas_find(struct arenas *all, uint32_t id);

/* An arena that nobody can find yet, or NULL without memory; piece is the caller's until arenas_link(). */
struct arena *arena_make(uint32_t id, struct range pa);
/* Returns NULL; NULL is fine. */
struct arena *arena_free(struct arena *a);
/* Takes the arena. Neither its addresses nor its id may be in use. */
void arenas_link(struct arenas *all, struct arena *a);
/* Closes an arena that nobody can find, or, if that would be long, leaves it to arenas_close_step(). */
void arenas_close(struct arenas *all, struct arena *a);
/* The same of one that was linked. */
void arenas_end(struct arenas *all, struct arena *a);
/* Whatever is closed from now on leaves its bytes to whoever has them too. */
void arenas_leave(struct arenas *all);
/* One step of it, if closing_bytes says that there is one. */
void arenas_close_step(struct arenas *all);
