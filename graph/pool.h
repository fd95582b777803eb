/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool: disjoint ranges of physical addresses of one memtype, and who has which.
 *
 *	first range	|== contiguous region ==|----------- the rest -----------|   further ranges |--------|
 *			 VCM_PHYS_CONT first     everything else first; both use the other when their own is full
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/arena.h"

struct graph;
struct space;

struct pool_config {
	uint32_t memtype; /* enum memtype_t: 1 is VCM_MEMTYPE_0 */
	const struct range *ranges;
	size_t n_ranges;
	uint64_t cont_len; /* 0: no contiguous region */
	uint64_t granule;  /* 0: by size */
	bool secure;
	const void *hw; /* the daemon's */
};

struct pool {
	TAILQ_ENTRY(pool) link;
	struct graph *graph;
	uint32_t memtype;
	struct range *ranges;
	struct space **spaces; /* one a range: pages that belong to no arena */
	size_t n_ranges;
	struct range cont;
	bool has_cont;
	bool secure;
	uint64_t granule;
	const void *hw;
	struct arena_list arenas; /* of all users */
	struct arena_list cached; /* those that are kept for their users, oldest first */
	uint64_t len;
	uint64_t used; /* bytes of live physmems */
	uint64_t high_water;
	uint64_t quarantined;
	uint64_t cached_bytes;
	uint64_t n_arenas;
	uint64_t n_failed_size, n_failed_fragmented;
};

TAILQ_HEAD(pool_list, pool);

/* NULL without memory. Linked into the graph. */
struct pool *pool_new(struct graph *g, const struct pool_config *config);
struct pool *pool_free(struct pool *p);
/* len bytes that belong to no arena: in the contiguous region first, or last. 0, -ENOSPC, -ENOMEM. */
int pool_take(struct pool *p, bool contiguous, uint64_t len, uint64_t align, struct range *out);
/* Exactly r, of one of its ranges. 0; -EBUSY, -EINVAL, -ENOMEM. */
int pool_take_at(struct pool *p, struct range r);
/* Gives back what these two gave. */
void pool_put(struct pool *p, struct range r);
/* Bytes of the largest run at align that belongs to no arena. */
uint64_t pool_largest(const struct pool *p, uint64_t align);
/* Bytes of the largest run that is free or only kept for a user. */
uint64_t pool_largest_free(const struct pool *p);
uint64_t pool_free_bytes(const struct pool *p);
