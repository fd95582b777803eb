/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reservation: a contiguous range of one vcm, backed by one physmem or by none.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/object.h"

struct bound;
struct ledge;
struct physmem;
struct plan;
struct vcm;

/* The address of a one-to-one reservation that is not backed; no reservation starts there. */
#define RES_NO_ADDR 1

/*
 * What comes and goes with each reservation is together at the head. Most are in an index with shelves, and have no
 * by_addr; what all have in a process of a million is counted in bytes.
 */
struct res {
	struct object obj;
	uint64_t addr;
	struct vcm *vcm;
	struct physmem *physmem;
	struct ledge *ledge; /* of the vcm's index, where that has shelves */
	struct bound *bound;
	uint64_t len;
	uint32_t attr;
	RB_ENTRY(res) by_backing; /* in the physmem, when backed: vcm, address, handle */
	RB_ENTRY(res) by_addr[];  /* one where the vcm's index is a tree: address, handle */
};

RB_HEAD(res_tree, res);
RB_HEAD(res_backing_tree, res);
RB_PROTOTYPE(res_tree, res, by_addr[0], res_cmp_addr)
RB_PROTOTYPE(res_backing_tree, res, by_backing, res_cmp_backing)

/*
 * addr is used in a prebuilt user vcm only: the address that the client has set aside for it.
 * -EINVAL; -ENOSPC (no room of that alignment); -EBUSY (the client's address is taken); -EDQUOT; -ENOMEM.
 */
int plan_res_reserve(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint32_t attr,
		     uint64_t addr, struct res **out);
/* At the start of the vcm, which is a device region. As above; -EBUSY when something is there. */
int plan_res_reserve_at(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint32_t attr,
			uint64_t memtarget, struct res **out);
int plan_res_reserve_bound(struct plan *p, struct bound *b, uint32_t handle, uint64_t len,
			   uint32_t attr, struct res **out);
/* -EBUSY while it is backed. */
int plan_res_unreserve(struct plan *p, struct res *r);
/* -EINVAL for bad attributes or another alignment; -EBUSY for another cache policy unless it is the sole mapping. */
int plan_res_set_attr(struct plan *p, struct res *r, uint32_t attr);
/*
 * -EBUSY already backed; -EINVAL lengths differ, cache policies or security differ, memory unsuited to a one-to-one
 * region; -EAGAIN an association is missing or not active.
 */
int plan_res_back(struct plan *p, struct res *r, struct physmem *m);
/* Whether m can be what backs r, whatever is active: 0, or -EINVAL. */
int res_check_fit(struct plan *p, const struct res *r, const struct physmem *m);
/* -EINVAL not backed; -EAGAIN an association is not active. */
int plan_res_unback(struct plan *p, struct res *r);
/* The same without asking for active associations: the session has ended. */
int plan_res_reclaim_backing(struct plan *p, struct res *r);

/* Whether [addr, addr + len) is free of reservations and bounds of the vcm. */
bool vcm_is_clear(const struct vcm *v, struct range r);

/* For the plan's changes: its addresses, taken from its space again (which cannot fail) or given back; its links. */
void res_claim(struct res *r);
void res_yield(struct res *r);
void res_link(struct res *r);
void res_unlink(struct res *r);
void res_attach(struct res *r, struct physmem *m);
void res_detach(struct res *r);
/* Another address (one-to-one), other attributes. */
void res_move(struct res *r, uint64_t addr);
void res_retype(struct res *r, uint32_t attr);
void res_destroy(struct res *r);
/* Unlinked, without an address. handle HANDLE_BROKER: the broker picks. -EINVAL, -EDQUOT, -ENOMEM. */
int res_make(struct plan *p, struct vcm *v, uint32_t handle, struct res **out);
