/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An arena as the graph sees it: an extent of a pool that belongs to one user, and which of its pages are taken.
 *
 *	granule arena	the user's small physmems share it; its pages are a space of their own
 *	sole arena	one large or coherent physmem fills it exactly
 *
 * A short arena that empties is kept, zeroed, for the same user up to ARENA_CACHE_MAX bytes a user, and given up when the pool
 * runs short or the user's last session ends. It never passes to another user.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"

struct pool;
struct space;
struct user;

/* Bytes that are kept for a user. */
#define ARENA_CACHE_MAX (4 * SZ_16M)
/* A longer one is not kept: a new one, filled ahead of need, is there sooner than this one is zeroed (2 MB: 0.1 ms). */
#define ARENA_KEEP_LEN SZ_2M

struct arena {
	RB_ENTRY(arena) by_room;        /* in the user's tree: pool, contiguous, sole, room, id */
	TAILQ_ENTRY(arena) link;        /* in the pool, all of them */
	TAILQ_ENTRY(arena) cached_link; /* in the pool, the kept ones, oldest first */
	struct pool *pool;
	struct user *user;
	struct range range;
	struct space *space; /* of a granule arena */
	uint64_t used;       /* bytes of live physmems */
	uint64_t leaving;    /* bytes of them that the plan under way gives back */
	uint64_t room;       /* largest free run, as the tree has it; sole: its length */
	uint64_t stored;     /* the daemon's: its number in the fd store, 0: none */
	uint32_t id;         /* system-wide, never used again */
	bool sole;
	bool contiguous; /* for VCM_PHYS_CONT, of a pool with a contiguous region */
	bool placed;     /* in the user's tree */
	bool cached;
	bool closing; /* the plan under way ends it */
	bool disowned; /* its user has let go of what others have imported, and does not pay for it */
	bool quarantined; /* some device may still reach it: never given to anybody again */
};

RB_HEAD(arena_tree, arena);
TAILQ_HEAD(arena_list, arena);
RB_PROTOTYPE(arena_tree, arena, by_room, arena_cmp)

/* Takes r of the pool for the user, which has been found to be allowed it. NULL without memory. */
struct arena *arena_new(struct user *u, struct pool *pool, struct range r, bool contiguous,
			bool sole);
/* Nothing is in it: kept for its user (unless it is quarantined), or in use by it again. */
void arena_keep(struct arena *a);
void arena_revive(struct arena *a);
/* The plan under way ends it, and does not after all. */
void arena_close(struct arena *a);
void arena_reopen(struct arena *a);
/*
 * Some device may reach it for good: it is counted, and never ended, kept or taken from again; its user pays for it. Also
 * while a plan is under way, which may be ending it: then it stays all the same, and STEP_ARENA_FREE must leave it alone.
 */
void arena_quarantine(struct arena *a);
/* Its user has no part any more in what it holds, which others have imported: it pays no longer. */
void arena_disown(struct arena *a);
/* Gives its range back to the pool and frees it, unless it is quarantined. It is empty, or kept. */
void arena_end(struct arena *a);
/* len bytes of a granule arena, at align. 0, -ENOSPC, -ENOMEM. */
int arena_take(struct arena *a, uint64_t len, uint64_t align, struct range *out);
/* Exactly r of a granule arena. 0; -EBUSY, -EINVAL, -ENOMEM. */
int arena_take_at(struct arena *a, struct range r);
/* All of a sole arena. */
void arena_fill(struct arena *a);
void arena_put(struct arena *a, struct range r);
/* The user's granule arena with a free run of len at align, the tightest among `tries` that are long enough; NULL. */
struct arena *arena_find(struct user *u, struct pool *pool, bool contiguous, uint64_t len,
			 uint64_t align, unsigned int tries);
/* A kept sole arena of exactly that length; NULL. */
struct arena *arena_find_cached(struct user *u, struct pool *pool, bool contiguous, uint64_t len,
				uint64_t align);
/* Bytes of the largest free run at align among the user's granule arenas of the pool: exact for 4 KB, else of those with
 * the most room. */
uint64_t arena_largest(struct user *u, struct pool *pool, bool contiguous, uint64_t align);
