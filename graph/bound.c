// SPDX-License-Identifier: BSD-3-Clause
#include "graph/bound.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/attr.h"
#include "graph/plan.h"
#include "graph/space.h"
#include "graph/vcm.h"

#define BOUND_WEIGHT 4

static int bound_cmp(const struct bound *a, const struct bound *b)
{
	return a->range.first < b->range.first ? -1 : a->range.first > b->range.first;
}

RB_GENERATE(bound_tree, bound, by_addr, bound_cmp)

void bound_link(struct bound *b)
{
	if (b->vcm->space) {
		int r = space_take_at(b->vcm->space, b->range);

		/* bound_make()'s caller has taken it and given it back, or this plan has: it needs no memory. */
		assert(r == 0);
		(void)r;
	}
	RB_INSERT(bound_tree, &b->vcm->bounds, b);
	b->vcm->n_bounds++;
	object_name(&b->obj);
}

void bound_unlink(struct bound *b)
{
	object_unname(&b->obj);
	RB_REMOVE(bound_tree, &b->vcm->bounds, b);
	b->vcm->n_bounds--;
	if (b->vcm->space)
		space_put(b->vcm->space, b->range);
}

void bound_destroy(struct bound *b)
{
	assert(!b->n_res);
	space_free(b->space);
	object_leave(&b->obj);
	mem_free(b);
}

int bound_make(struct plan *p, struct vcm *v, uint32_t handle, struct range r, struct bound **out)
{
	struct bound *b = mem_new0(struct bound);
	int ret;

	if (!b)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	ret = object_admit(&b->obj, v->obj.session, handle, OBJECT_BOUND, BOUND_WEIGHT, p->why);
	if (ret < 0) {
		mem_free(b);
		return ret;
	}
	b->vcm = v;
	b->range = r;
	b->space = space_new(r);
	if (!b->space) {
		bound_destroy(b);
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	}
	*out = b;
	return 0;
}

/* Where the bound lies: the client's word in a prebuilt user vcm, the allocator's elsewhere. The range is free, not
 * taken, afterwards: bound_link() takes it. */
static int place(struct plan *p, struct vcm *v, uint64_t len, uint64_t addr, struct range *out)
{
	int r;

	if (v->type == VCM_EXT_USER) {
		if (!range_make(addr, len, out) || !is_aligned(addr, PAGE_LEN) ||
		    !range_covers(v->range, *out))
			return refuse(p->why, -EINVAL,
				      "0x%llx is no place for a bound of 0x%llx bytes",
				      (unsigned long long)addr, (unsigned long long)len);
		if (!vcm_is_clear(v, *out))
			return refuse(p->why, -EBUSY, "part of 0x%llx .. 0x%llx is reserved",
				      (unsigned long long)out->first,
				      (unsigned long long)out->last);
		return 0;
	}
	r = space_take(v->space, len, attr_res_align(0, len), &addr);
	if (r == -ENOSPC)
		return refuse(p->why, r,
			      "vcm %u has no 0x%llx bytes in a row: the largest free run is 0x%llx",
			      v->obj.handle, (unsigned long long)len,
			      (unsigned long long)space_largest(v->space, PAGE_LEN));
	if (r != 0)
		return refuse(p->why, r, "the broker is out of memory");
	range_make(addr, len, out);
	space_put(v->space, *out);
	return 0;
}

int plan_bound_create(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint64_t addr,
		      struct bound **out)
{
	struct range range = { 0 };
	int r;

	if (v->type == VCM_ONE_TO_ONE)
		return refuse(
			p->why, -EINVAL,
			"vcm %u is one-to-one: its addresses are those of memory, none is set aside",
			v->obj.handle);
	if (!len || !is_aligned(len, PAGE_LEN))
		return refuse(p->why, -EINVAL, "length 0x%llx is not a multiple of 4096",
			      (unsigned long long)len);
	r = plan_want(p, 1, 0);
	if (r == 0)
		r = place(p, v, len, addr, &range);
	if (r == 0)
		r = bound_make(p, v, handle, range, out);
	if (r != 0)
		return r;
	bound_link(*out);
	plan_change(p, CHANGE_BOUND_NEW, *out, NULL, 0);
	vcm_note_growth(p, v, NULL);
	return 0;
}

int plan_bound_free(struct plan *p, struct bound *b)
{
	int r;

	if (b->n_res)
		return refuse(p->why, -EBUSY,
			      "bound %u has %llu reservations: unreserve them first", b->obj.handle,
			      (unsigned long long)b->n_res);
	r = plan_want(p, 1, 0);
	if (r < 0)
		return r;
	bound_unlink(b);
	plan_change(p, CHANGE_BOUND_GONE, b, NULL, 0);
	return 0;
}
