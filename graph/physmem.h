/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A physmem: one or more extents of arenas, in the order of its own offsets.
 *
 *	offset	0                    0x10000        0x11000
 *		|---- extent 0 ------|-- extent 1 --|		pa 0x44000000, pa 0x40203000
 *
 * An alias (vcm_map_phys_addr) is a physmem over part of another one, its root, which it keeps from being freed and whose
 * memory type it shares. An import (graph/grant.h) is an alias in another session: it does not keep its root's owner from
 * letting go of the memory, but keeps the memory.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/alias.h"
#include "graph/object.h"
#include "graph/res.h"

struct arena;
struct grant;
struct plan;
struct session;
struct user;

struct extent {
	RB_ENTRY(extent) by_pa; /* in the graph, for owners */
	struct physmem *physmem;
	struct arena *arena; /* NULL in a window */
	struct range pa;
	uint64_t offset;
};

RB_HEAD(extent_tree, extent);
RB_PROTOTYPE(extent_tree, extent, by_pa, extent_cmp)

TAILQ_HEAD(mapped_list, physmem);

struct physmem {
	struct object obj;
	TAILQ_ENTRY(physmem) link; /* in the session (a window: in the graph) */
	RB_ENTRY(physmem) by_part; /* an alias's, in the root; import_link too, of an import */
	TAILQ_ENTRY(physmem) import_link;
	TAILQ_ENTRY(physmem) mapped_link; /* in the root, while it has backings */
	uint64_t id;                      /* system-wide; an alias's is its root's */
	struct physmem *root;             /* itself, unless it is an alias */
	struct range part;                /* an alias's: which of its root's offsets */
	uint64_t furthest;                /* the last of them below it in the tree */
	struct aliases aliases;           /* a root's */
	struct mapped_list mapped; /* a root's: itself and its aliases, those that have backings */
	struct extent *extents;    /* an import of all of it: the root's */
	size_t n_extents;
	struct grant *grants[2]; /* [writable] */
	struct res_backing_tree backings;
	size_t n_backings;
	size_t n_mappings; /* root: backings of it and of its aliases */
	uint64_t paid;     /* an alias's: bytes that its user pays for it */
	uint64_t len;
	uint32_t memtype; /* 0: a window */
	uint32_t attr;
	uint8_t cache; /* root: the cache policy of all its mappings, while it has any */
	bool secure;
	bool writable;  /* false: imported to be read */
	bool is_import; /* an alias in a session that is not its root's owner */
	bool orphaned; /* root: its owner has let go; imports have it. Of no session, once the plan is through */
};

RB_PROTOTYPE(alias_tree, physmem, by_part, alias_cmp)

/*
 * GRAPH_E_PRESSURE (positive): it may fit after kept arenas are given up (plan_evict, in a plan of its own).
 * -EINVAL, -EDQUOT; -ENOMEM with the reason telling want of size from fragmentation.
 */
#define GRAPH_E_PRESSURE 1
int plan_physmem_alloc(struct plan *p, struct session *s, uint32_t handle, uint32_t memtype,
		       uint64_t len, uint32_t attr, struct physmem **out);
/* -EBUSY while reservations map it, or it has aliases in its session. Its grants end; what is imported lives on. */
int plan_physmem_free(struct plan *p, struct physmem *m);
/* All kept arenas of a memtype are given up. */
int plan_evict(struct plan *p, uint32_t memtype);
/* All kept arenas of a user are given up. */
int plan_evict_user(struct plan *p, struct user *u);

/* The extent that holds an offset below len. */
const struct extent *physmem_extent_at(const struct physmem *m, uint64_t offset);
/*
 * Segments, as vcm_get_next_phys_addr() shows them: whole extents where the block sizes are not restricted or the memory
 * is contiguous (VCM_PHYS_CONT, an alias); else the blocks. after: any address of the segment before; 0 starts. False at the end, or when after is
 * not in m.
 */
bool physmem_next_segment(const struct physmem *m, uint64_t after, struct range *out);
/* The offset of pa in m; false when it is not in it. */
bool physmem_offset_of(const struct physmem *m, uint64_t pa, uint64_t *out);
bool physmem_is_contiguous(const struct physmem *m);

/* For the plan's changes. */
void physmem_link(struct physmem *m);
void physmem_unlink(struct physmem *m);
/* Counts the extents as leaving their arenas under the plan, and takes that back. */
void physmem_leave(struct physmem *m);
void physmem_unleave(struct physmem *m);
/* Gives the extents back to their arenas. */
void physmem_release(struct physmem *m);
/* Arenas that this has emptied are kept for their user. */
void physmem_keep_empty(struct physmem *m);
/* Without a session, an alias or a mapping: its own root. */
void physmem_init(struct physmem *m);
/* Unlinked, without memory. */
int physmem_make(struct plan *p, struct session *s, uint32_t handle, struct physmem **out);
/* Its owner lets go of it while others have it, and does not after all; then there is no way back. */
void physmem_orphan(struct physmem *m);
void physmem_unorphan(struct physmem *m);
void physmem_leave_owner(struct physmem *m);
/* Of an orphan's imports some have gone: an arena whose user has no part in it any more is not paid for by it. */
void physmem_settle_payer(struct physmem *root);
/* It is there to stay: the pools' high-water marks count it. */
void physmem_settle(struct physmem *m);
void physmem_destroy(struct physmem *m);
