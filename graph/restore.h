/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting back what an earlier process had: objects at their very addresses, under their very handles and ids.
 *
 *	sessions -> arenas -> physmems -> their aliases and imports -> vcms -> bounds -> reservations
 *	restore_end() -> associations, by plans as ever
 *
 * Each of these either puts back the whole object, or nothing: -EINVAL, with the reason why it fits nothing that is there, or
 * -ENOMEM. Nothing is taken on trust: whatever is put back, graph_check() passes. No plan is open, and nobody else uses the
 * graph meanwhile; quotas do not refuse, but are charged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vcm/attr.h>

#include "base/range.h"
#include "base/reason.h"
#include "graph/grant.h"

struct arena;
struct graph;
struct physmem;
struct pool;
struct session;
struct user;

/* What sessions do not need, but those that will come. */
struct restored_ids {
	uint64_t session, object;
	uint32_t arena;
};

/* n_handles: one beyond the highest handle of its own that the client has ever used. */
int restore_session(struct graph *g, struct user *u, uint64_t id, uint32_t n_handles,
		    struct session **out, struct reason *why);

struct restored_arena {
	uint32_t id, memtype;
	struct range range;
	bool sole, contiguous, quarantined;
	uint64_t stored;
};

/* Nothing is in it yet. In the order of their ids. */
int restore_arena(struct user *u, const struct restored_arena *was, struct arena **out,
		  struct reason *why);
/* Takes back an arena that nothing has been put into. */
void restore_no_arena(struct arena *a);

struct restored_extent {
	struct arena *arena; /* NULL: of a window */
	struct range range;
};

struct restored_physmem {
	uint64_t id, len;
	uint32_t memtype, attr;
	const struct restored_extent *extents;
	size_t n_extents;
	/* Of an alias or an import: */
	struct physmem *root; /* NULL: it is a root */
	uint64_t paid;
	bool writable;
};

/* s NULL: it is an orphan, and others' imports must follow (restore_end() ends it otherwise). */
int restore_physmem(struct graph *g, struct session *s, uint32_t handle,
		    const struct restored_physmem *was, struct physmem **out, struct reason *why);
int restore_grant(struct physmem *m, struct token token, bool writable, struct reason *why);

struct restored_vcm {
	uint64_t id;
	enum vcm_type type;
	struct range range;
};

int restore_vcm(struct session *s, uint32_t handle, const struct restored_vcm *was,
		struct reason *why);
int restore_bound(struct session *s, uint32_t handle, uint32_t vcm, struct range range,
		  struct reason *why);

struct restored_res {
	uint64_t addr, len;
	uint32_t attr;
	uint32_t vcm, bound, physmem; /* handles; 0: none */
};

int restore_res(struct session *s, uint32_t handle, const struct restored_res *was,
		struct reason *why);

/*
 * All has been put back: numbers go on behind those that may have been used, what nobody has is given back, limits hold again.
 * suspect: something is known to be missing, so that no memory is handed out again of which more may have been in use: arenas
 * with room are quarantined. Empty ones are handed to fn, which ends them (restore_no_arena()), or keeps them (arena_keep()).
 */
void restore_end(struct graph *g, const struct restored_ids *ids, bool suspect,
		 void (*on_empty)(void *ctx, struct arena *a), void *ctx);
