/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vcm: a region of addresses that is reserved from, and its page tables, one a format.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vcm/attr.h>

#include "base/range.h"
#include "graph/device.h"
#include "graph/index.h"
#include "graph/object.h"
#include "graph/res.h"

struct plan;
struct session;
struct space;

struct vcm_table {
	TAILQ_ENTRY(vcm_table) link;
	struct vcm *vcm;
	const struct format *format;
	unsigned int n_avcms;
	uint64_t charged; /* bytes of table memory that the user has been charged for it */
	bool updating;    /* the daemon's: between update_start and update_done */
	void *hw;         /* the daemon's, from program on */
};

struct bound;
RB_HEAD(bound_tree, bound);
TAILQ_HEAD(vcm_table_list, vcm_table);

struct vcm {
	struct object obj;
	TAILQ_ENTRY(vcm) link; /* in the session */
	uint64_t id;           /* system-wide, never used again */
	enum vcm_type type;
	struct range range;
	struct space *space; /* VCM_DEVICE: its own; VCM_EXT_KERNEL: the graph's; else NULL */
	struct res_index reservations;
	LIST_ENTRY(vcm) grown_link; /* in the plan, when grown */
	bool grown;
	size_t trimmed; /* footprint after the last trim */
	size_t n_res, n_bounds;
	size_t n_backed;          /* of the reservations */
	struct bound_tree bounds; /* by address */
	struct avcm_list avcms;
	unsigned int n_avcms, n_active;
	struct vcm_table_list tables;
};

/* A region. Its type is VCM_ONE_TO_ONE when [start, start + len) is exactly a contiguous region of a memtype or a live
 * contiguous physmem of the session. -EINVAL, -EDQUOT, -ENOMEM. */
int plan_vcm_create(struct plan *p, struct session *s, uint32_t handle, uint64_t start,
		    uint64_t len, struct vcm **out);
/* id: VCM_PREBUILT_KERNEL, VCM_PREBUILT_USER. */
int plan_vcm_prebuilt(struct plan *p, struct session *s, uint32_t handle, uint64_t id,
		      struct vcm **out);
/* So many reservations, or bounds, that cloning them never holds the broker up. */
#define VCM_CLONE_MAX 16384u
/* So many, that a table can be made for the backing among them. */
#define VCM_TABLE_MAX 262144u
/* The reservations, bounds and backing of src in a new vcm; their handles are of the broker's half. -EINVAL for a
 * prebuilt one, -E2BIG. */
int plan_vcm_clone(struct plan *p, struct vcm *src, uint32_t handle);
/* -EBUSY while it has reservations, bounds or associations. */
int plan_vcm_free(struct plan *p, struct vcm *v);

struct vcm_table *vcm_table_of(const struct vcm *v, const struct format *format);

void vcm_table_link(struct vcm_table *t);
void vcm_table_unlink(struct vcm_table *t);

/*
 * After something has been reserved from v, or from a bound of it (else NULL): what was touched once and is empty now goes
 * when the plan ends, if it has become much.
 */
void vcm_note_growth(struct plan *p, struct vcm *v, const struct bound *b);
void vcm_trim(struct vcm *v);

/* For the plan's changes: linking cannot fail. */
void vcm_link(struct vcm *v);
void vcm_unlink(struct vcm *v);
void vcm_destroy(struct vcm *v);
/* Unlinked and empty. -EINVAL, -EDQUOT, -ENOMEM. */
int vcm_make(struct plan *p, struct session *s, uint32_t handle, enum vcm_type type, struct range r,
	     struct vcm **out);
