// SPDX-License-Identifier: BSD-3-Clause
/*
 * vcm_clone(): the same reservations, bounds and backing in a new vcm without associations.
 */
#include <errno.h>

#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/res.h"
#include "graph/session.h"
#include "graph/space.h"
#include "graph/vcm.h"

static int clone_bounds(struct plan *p, struct vcm *src, struct vcm *dst)
{
	struct bound *b, *copy;

	RB_FOREACH(b, bound_tree, &src->bounds) {
		int r = plan_want(p, 1, 0);

		p->graph->work++;
		if (r == 0)
			r = bound_make(p, dst, HANDLE_BROKER, b->range, &copy);
		if (r == 0 && dst->space) {
			r = space_take_at(dst->space, b->range);
			if (r < 0) {
				bound_destroy(copy);
				return refuse(p->why, r, "the broker is out of memory");
			}
			space_put(dst->space, b->range); /* bound_link() takes it */
		}
		if (r != 0)
			return r;
		bound_link(copy);
		plan_change(p, CHANGE_BOUND_NEW, copy, NULL, 0);
	}
	return 0;
}

static int clone_res(struct plan *p, const struct res *src, struct vcm *dst)
{
	struct bound *bound = src->bound ? RB_FIND(bound_tree, &dst->bounds, src->bound) : NULL;
	struct space *space = bound ? bound->space : dst->space;
	struct range range = { src->addr, src->addr + (src->len - 1) };
	struct res *copy;
	int r = plan_want(p, 2, 0);

	p->graph->work++;

	if (r == 0)
		r = res_make(p, dst, HANDLE_BROKER, &copy);
	if (r != 0)
		return r;
	if (res_index_want(&dst->reservations, src->addr) < 0 ||
	    (space && space_take_at(space, range) < 0)) {
		res_destroy(copy);
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	}
	copy->bound = bound;
	copy->addr = src->addr;
	copy->len = src->len;
	copy->attr = src->attr;
	res_link(copy);
	plan_change(p, CHANGE_RES_NEW, copy, NULL, 0);
	if (src->physmem) {
		res_attach(copy, src->physmem);
		plan_change(p, CHANGE_BACKED, copy, src->physmem, copy->addr);
	}
	return 0;
}

int plan_vcm_clone(struct plan *p, struct vcm *src, uint32_t handle)
{
	struct res *r;
	struct vcm *v;
	int ret;

	if (src->type == VCM_EXT_KERNEL || src->type == VCM_EXT_USER)
		return refuse(p->why, -EINVAL, "vcm %u is prebuilt and cannot be cloned",
			      src->obj.handle);
	if (src->n_res > VCM_CLONE_MAX || src->n_bounds > VCM_CLONE_MAX)
		return refuse(
			p->why, -E2BIG,
			"vcm %u has %llu reservations and %llu bounds: no more than %u are cloned at once",
			src->obj.handle, (unsigned long long)src->n_res,
			(unsigned long long)src->n_bounds, VCM_CLONE_MAX);
	ret = plan_want(p, 1, 0);
	if (ret == 0)
		ret = vcm_make(p, src->obj.session, handle, src->type, src->range, &v);
	if (ret != 0)
		return ret;
	vcm_link(v);
	plan_change(p, CHANGE_VCM_NEW, v, NULL, 0);
	ret = clone_bounds(p, src, v);
	VCM_FOREACH_RES(r, src)
		if (ret == 0)
			ret = clone_res(p, r, v);
	return ret;
}
