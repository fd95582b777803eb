/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bound: a sub-range of a vcm that is reserved from separately; ordinary reservations stay out of it.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/object.h"
#include "graph/vcm.h"

struct plan;
struct space;
struct vcm;

struct bound {
	struct object obj;
	RB_ENTRY(bound) by_addr; /* in the vcm */
	struct vcm *vcm;
	struct range range;
	struct space *space;
	size_t trimmed; /* the space's footprint after the last trim */
	uint64_t n_res;
};

RB_PROTOTYPE(bound_tree, bound, by_addr, bound_cmp)

/* addr as for plan_res_reserve(). -EINVAL, -ENOSPC, -EBUSY, -EDQUOT, -ENOMEM. */
int plan_bound_create(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint64_t addr,
		      struct bound **out);
/* -EBUSY while it has reservations. */
int plan_bound_free(struct plan *p, struct bound *b);

/* For the plan's changes. */
void bound_link(struct bound *b);
void bound_unlink(struct bound *b);
void bound_destroy(struct bound *b);
/* Unlinked, all its addresses free. -EINVAL, -EDQUOT, -ENOMEM. */
int bound_make(struct plan *p, struct vcm *v, uint32_t handle, struct range r, struct bound **out);
