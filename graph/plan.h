/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plan: one change of the graph, of one operation or of many, that happens wholly or not at all.
 *
 * After a plan_* function has failed, the plan can only be aborted.
 *
 * The plan_* functions of each noun check the rules, take all the memory that is needed, make the change in the graph in
 * a way that plan_abort() can take back without fail, and list the steps that hardware and memory have to follow. The
 * operations of a batch so see each other. Nobody else sees the graph between plan_begin() and commit or abort: one
 * thread runs it.
 *
 *	STEP_*		when		undone by
 *	program		before the journal, in order; may fail	the inverse step, which cannot fail
 *	late		after the journal; cannot fail		-
 *
 * An unmap is late, so that a failed batch never disturbs a device, unless a later step of the same plan maps the same
 * addresses: then it moves forward into the program (its inverse, mapping again what the table had room for, cannot fail).
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct arena;
struct avcm;
struct graph;
struct physmem;
struct res;
struct session;
struct vcm;
struct vcm_table;

enum step_kind {
	STEP_ARENA_NEW,  /* arena */
	STEP_ARENA_FREE, /* arena; late */
	STEP_ZERO,       /* pa; late */
	STEP_TABLE_NEW,  /* table */
	STEP_TABLE_FREE, /* table; late */
	STEP_MAP,        /* table res physmem attr addr */
	STEP_UNMAP,      /* table res physmem attr addr; late or not */
	STEP_PROTECT,    /* table res attr old_attr */
	STEP_ACTIVATE,   /* avcm */
	STEP_DEACTIVATE, /* avcm */
	STEP_REPLACE,    /* avcm, in place of old_avcm */
};

struct step {
	enum step_kind kind;
	uint32_t op; /* the operation of the batch that planned it */
	bool late;
	uint32_t attr, old_attr;
	struct arena *arena;
	struct vcm_table *table;
	struct res *res;
	struct physmem *physmem;
	struct avcm *avcm, *old_avcm;
	struct range range; /* STEP_ZERO: physical; STEP_MAP, STEP_UNMAP: device addresses */
};

enum change_kind {
	CHANGE_VCM_NEW,
	CHANGE_VCM_GONE,
	CHANGE_RES_NEW,
	CHANGE_RES_GONE,
	CHANGE_BOUND_NEW,
	CHANGE_BOUND_GONE,
	CHANGE_AVCM_NEW,
	CHANGE_AVCM_GONE,
	CHANGE_PHYSMEM_NEW,
	CHANGE_PHYSMEM_GONE,
	CHANGE_PHYSMEM_ORPHANED, /* its owner's handle is gone, imports keep it */
	CHANGE_GRANT_NEW,
	CHANGE_GRANT_GONE,
	CHANGE_TABLE_NEW,
	CHANGE_TABLE_GONE,
	CHANGE_ARENA_NEW,
	CHANGE_ARENA_REVIVED,
	CHANGE_ARENA_GONE,
	CHANGE_BACKED,
	CHANGE_UNBACKED, /* res; value: its address before */
	CHANGE_RES_ATTR,
	CHANGE_AVCM_ATTR, /* value: the old one */
	CHANGE_ACTIVE,
	CHANGE_INACTIVE, /* avcm */
};

struct change {
	enum change_kind kind;
	void *object;
	struct physmem *physmem;
	uint64_t value;
};

struct plan {
	struct graph *graph;
	struct reason *why;
	struct step *steps;
	size_t n_steps, cap_steps;
	struct change *changes;
	size_t n_changes, cap_changes;
	uint64_t work_before;   /* graph->work when it began */
	uint64_t keeping;       /* bytes of arenas that it empties and keeps */
	size_t n_unmaps;        /* STEP_UNMAP among the steps */
	LIST_HEAD(, vcm) grown; /* to be trimmed when it ends */
	uint32_t op; /* the operation of the batch that plans now; after a failure, the one that failed */
	bool open;
};

#define PLAN_NULL ((struct plan){ 0 })

/* The plan keeps its arrays for the next use: up to PLAN_KEEP entries each. */
#define PLAN_KEEP 4096

void plan_deinit(struct plan *p);
void plan_begin(struct plan *p, struct graph *g, struct reason *why);
/*
 * Whether it has become so long that everybody would feel it: 0, or -E2BIG. For who plans several operations, before each one
 * but the first, which no other has made long.
 */
#define PLAN_WORK_MAX 32768
int plan_check_work(const struct plan *p);
/* The change stands; what it removed is freed, what it emptied is kept or gone. */
void plan_commit(struct plan *p);
/* Everything is as it was at plan_begin(). */
void plan_abort(struct plan *p);

/* For the nouns: room for that many more entries, after which the two below cannot fail. 0, -ENOMEM. */
int plan_want(struct plan *p, size_t n_changes, size_t n_steps);
void plan_change(struct plan *p, enum change_kind kind, void *object, struct physmem *physmem,
		 uint64_t value);
void plan_step(struct plan *p, const struct step *step);

/*
 * Takes back what a session holds, at most about budget objects; in the order that is safe: associations deactivated, then
 * unmapped, then freed. 1: more is left; 0: nothing is left; -ENOMEM: nothing was planned, try again later.
 */
int plan_reclaim(struct plan *p, struct session *s, size_t budget);
/* Deactivates one of its associations; one that does not end is behind the others then. 1; 0: none is active; -ENOMEM. */
int plan_reclaim_active(struct plan *p, struct session *s);
