// SPDX-License-Identifier: BSD-3-Clause
/*
 * Regions of an earlier process and what is in them, put back.
 */
#include <assert.h>
#include <errno.h>

#include "graph/attr.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/restore.h"
#include "graph/space.h"
#include "graph/vcm.h"

static bool is_region(const struct graph *g, const struct restored_vcm *was)
{
	struct range r = was->range;

	switch (was->type) {
	case VCM_DEVICE:
	case VCM_ONE_TO_ONE:
		return r.first <= r.last && r.last >> 52 == 0 && r.last - r.first >= PAGE_LEN - 1;
	case VCM_EXT_KERNEL:
		return r.first == g->kernel_window.first && r.last == g->kernel_window.last;
	case VCM_EXT_USER:
		return r.first == g->user_window.first && r.last == g->user_window.last;
	}
	return false;
}

int restore_vcm(struct session *s, uint32_t handle, const struct restored_vcm *was,
		struct reason *why)
{
	struct plan p = { .graph = s->graph, .why = why };
	struct vcm *v;
	int r;

	if (!was->id || !is_region(s->graph, was))
		return refuse(why, -EINVAL, "it is no region, or the configuration's has changed");
	r = vcm_make(&p, s, handle, was->type, was->range, &v);
	if (r < 0)
		return r;
	v->id = was->id;
	vcm_link(v);
	return 0;
}

static struct vcm *find_vcm(const struct session *s, uint32_t handle, struct reason *why)
{
	return (struct vcm *)session_find(s, handle, OBJECT_VCM, why);
}

static bool is_pages(struct range r)
{
	return r.first <= r.last && is_aligned(r.first, PAGE_LEN) &&
	       is_aligned(r.last - (PAGE_LEN - 1), PAGE_LEN);
}

static int take(struct space *space, struct range r, struct reason *why)
{
	int ret = space ? space_take_at(space, r) : 0;

	if (ret == 0)
		return 0;
	return refuse(why, ret == -ENOMEM ? ret : -EINVAL,
		      ret == -ENOMEM ? "the broker is out of memory" : "its addresses are taken");
}

int restore_bound(struct session *s, uint32_t handle, uint32_t vcm, struct range range,
		  struct reason *why)
{
	struct plan p = { .graph = s->graph, .why = why };
	struct vcm *v = find_vcm(s, vcm, why);
	struct bound *b;
	int r;

	if (!v)
		return -EINVAL;
	if (v->type == VCM_ONE_TO_ONE || !is_pages(range) || !range_covers(v->range, range) ||
	    !vcm_is_clear(v, range))
		return refuse(why, -EINVAL, "it is no place for a bound of vcm %u", vcm);
	r = take(v->space, range, why);
	if (r < 0)
		return r;
	r = bound_make(&p, v, handle, range, &b);
	if (v->space)
		space_put(v->space, range); /* bound_link() takes it */
	if (r < 0)
		return r;
	bound_link(b);
	return 0;
}

/* Where it is, and that nothing else is there. */
static int check_place(const struct vcm *v, const struct bound *b, const struct restored_res *was,
		       struct reason *why)
{
	struct range r;

	if (v->type == VCM_ONE_TO_ONE && !was->physmem)
		return was->addr == RES_NO_ADDR && !b ?
			       0 :
			       refuse(why, -EINVAL, "it is not backed, and has an address");
	if (!range_make(was->addr, was->len, &r) || !is_pages(r) || !range_covers(v->range, r))
		return refuse(why, -EINVAL, "it is not inside vcm %u", v->obj.handle);
	if (b && (b->vcm != v || !range_covers(b->range, r)))
		return refuse(why, -EINVAL, "it is not inside bound %u", b->obj.handle);
	if (v->type == VCM_EXT_USER && !b && !vcm_is_clear(v, r))
		return refuse(why, -EINVAL, "its addresses are taken");
	return 0;
}

static int check_res(const struct vcm *v, const struct bound *b, const struct restored_res *was,
		     struct reason *why)
{
	int r = attr_check_res(was->attr, why);

	if (r == 0 && (!was->len || !is_aligned(was->len, PAGE_LEN)))
		r = refuse(why, -EINVAL, "its length is not of whole pages");
	return r == 0 ? check_place(v, b, was, why) : r;
}

static int add(struct vcm *v, struct bound *b, uint32_t handle, const struct restored_res *was,
	       struct res **out, struct reason *why)
{
	struct plan p = { .graph = v->obj.session->graph, .why = why };
	struct space *space = b ? b->space : v->space;
	struct range range = { was->addr, was->addr + (was->len - 1) };
	int r;

	if (res_index_want(&v->reservations, was->addr) < 0)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	r = take(space, range, why);
	if (r < 0)
		return r;
	r = res_make(&p, v, handle, out);
	if (r < 0) {
		if (space)
			space_put(space, range);
		return r;
	}
	(*out)->bound = b;
	(*out)->addr = was->addr;
	(*out)->len = was->len;
	(*out)->attr = was->attr;
	res_link(*out);
	return 0;
}

static void drop(struct res *r)
{
	res_yield(r);
	res_unlink(r);
	res_destroy(r);
}

static int back(struct res *r, struct physmem *m, struct reason *why)
{
	struct plan p = { .graph = r->obj.session->graph, .why = why };
	int ret = res_check_fit(&p, r, m);

	if (ret == 0 && r->vcm->type == VCM_ONE_TO_ONE && r->addr != m->extents[0].pa.first)
		ret = refuse(why, -EINVAL, "it is not where its memory is");
	if (ret == 0)
		res_attach(r, m);
	return ret;
}

int restore_res(struct session *s, uint32_t handle, const struct restored_res *was,
		struct reason *why)
{
	struct vcm *v = find_vcm(s, was->vcm, why);
	struct object *b = NULL, *m = NULL;
	struct res *r = NULL;
	int ret;

	if (v && was->bound)
		b = session_find(s, was->bound, OBJECT_BOUND, why);
	if (v && was->physmem)
		m = session_find(s, was->physmem, OBJECT_PHYSMEM, why);
	if (!v || (was->bound && !b) || (was->physmem && !m))
		return -EINVAL;
	ret = check_res(v, (struct bound *)b, was, why);
	if (ret == 0)
		ret = add(v, (struct bound *)b, handle, was, &r, why);
	if (ret < 0)
		return ret;
	assert(r);
	ret = m ? back(r, (struct physmem *)m, why) : 0;
	if (ret < 0)
		drop(r);
	return ret;
}
