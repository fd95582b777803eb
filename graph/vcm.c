// SPDX-License-Identifier: BSD-3-Clause
#include "graph/vcm.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/space.h"

#define VCM_WEIGHT 4 /* its space's first nodes weigh more than it */

void vcm_link(struct vcm *v)
{
	TAILQ_INSERT_TAIL(&v->obj.session->vcms, v, link);
	object_name(&v->obj);
}

void vcm_unlink(struct vcm *v)
{
	object_unname(&v->obj);
	TAILQ_REMOVE(&v->obj.session->vcms, v, link);
}

/* Growth beyond twice what was needed at the last trim, and this. */
#define TRIM_SLACK ((size_t)16 * 1024)

static bool is_much(size_t footprint, size_t trimmed)
{
	return footprint > 2 * trimmed + TRIM_SLACK;
}

static size_t footprint_of(const struct vcm *v)
{
	return v->reservations.footprint + (v->type == VCM_DEVICE ? space_footprint(v->space) : 0);
}

void vcm_note_growth(struct plan *p, struct vcm *v, const struct bound *b)
{
	if (v->grown || (!is_much(footprint_of(v), v->trimmed) &&
			 !(b && is_much(space_footprint(b->space), b->trimmed))))
		return;
	LIST_INSERT_HEAD(&p->grown, v, grown_link);
	v->grown = true;
}

static void ungrow(struct vcm *v)
{
	if (v->grown)
		LIST_REMOVE(v, grown_link);
	v->grown = false;
}

void vcm_trim(struct vcm *v)
{
	struct bound *b;

	ungrow(v);
	res_index_trim(&v->reservations);
	if (v->type == VCM_DEVICE)
		space_trim(v->space);
	v->trimmed = footprint_of(v);
	RB_FOREACH(b, bound_tree, &v->bounds) {
		space_trim(b->space);
		b->trimmed = space_footprint(b->space);
	}
}

void vcm_destroy(struct vcm *v)
{
	assert(!v->n_res && RB_EMPTY(&v->bounds) && TAILQ_EMPTY(&v->avcms) &&
	       TAILQ_EMPTY(&v->tables));
	ungrow(v);
	res_index_deinit(&v->reservations);
	if (v->type == VCM_DEVICE)
		space_free(v->space);
	object_leave(&v->obj);
	mem_free(v);
}

void vcm_table_link(struct vcm_table *t)
{
	TAILQ_INSERT_TAIL(&t->vcm->tables, t, link);
}

void vcm_table_unlink(struct vcm_table *t)
{
	TAILQ_REMOVE(&t->vcm->tables, t, link);
}

struct vcm_table *vcm_table_of(const struct vcm *v, const struct format *format)
{
	struct vcm_table *t;

	TAILQ_FOREACH(t, &v->tables, link)
		if (t->format == format)
			return t;
	return NULL;
}

/* The whole pages inside r; false when there is none. */
static bool whole_pages(struct range r, struct range *out)
{
	uint64_t first;

	if (!align_up(r.first, PAGE_LEN, &first))
		return false;
	if (r.last - r.first < PAGE_LEN - 1 || r.last < first || r.last - first < PAGE_LEN - 1)
		return false;
	*out = (struct range){ first,
			       align_down(r.last - (PAGE_LEN - 1), PAGE_LEN) + (PAGE_LEN - 1) };
	return true;
}

int vcm_make(struct plan *p, struct session *s, uint32_t handle, enum vcm_type type, struct range r,
	     struct vcm **out)
{
	struct vcm *v = mem_new0(struct vcm);
	int ret;

	if (!v)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	ret = object_admit(&v->obj, s, handle, OBJECT_VCM, VCM_WEIGHT, p->why);
	if (ret < 0) {
		mem_free(v);
		return ret;
	}
	v->id = ++s->graph->next_id;
	v->type = type;
	v->range = r;
	res_index_init(&v->reservations, s, r, type == VCM_DEVICE || type == VCM_EXT_KERNEL);
	RB_INIT(&v->bounds);
	TAILQ_INIT(&v->avcms);
	TAILQ_INIT(&v->tables);
	if (type == VCM_EXT_KERNEL)
		v->space = s->graph->kernel;
	if (type == VCM_DEVICE) {
		struct range pages = { 0 };

		whole_pages(r, &pages);
		v->space = space_new(pages);
		if (!v->space) {
			vcm_destroy(v);
			return refuse(p->why, -ENOMEM, "the broker is out of memory");
		}
	}
	*out = v;
	return 0;
}

static int add(struct plan *p, struct session *s, uint32_t handle, enum vcm_type type,
	       struct range r, struct vcm **out)
{
	int ret = plan_want(p, 1, 0);

	if (ret == 0)
		ret = vcm_make(p, s, handle, type, r, out);
	if (ret != 0)
		return ret;
	vcm_link(*out);
	plan_change(p, CHANGE_VCM_NEW, *out, NULL, 0);
	return 0;
}

static bool is_alias(const struct physmem *root, const struct session *s, struct range pages)
{
	const struct physmem *alias;
	uint64_t offset = 0;

	if (!physmem_offset_of(root, pages.first, &offset))
		return false;
	alias = alias_exactly(root, s,
			      (struct range){ offset, offset + (pages.last - pages.first) });
	return alias && physmem_is_contiguous(alias);
}

/* One-to-one: exactly a contiguous region of a memtype, or a live contiguous physmem of the session. */
static bool is_one_to_one(const struct session *s, struct range r)
{
	const struct physmem *m;
	const struct pool *pool;

	TAILQ_FOREACH(pool, &s->graph->pools, link)
		if (pool->has_cont && pool->cont.first == r.first && pool->cont.last == r.last)
			return true;
	m = graph_physmem_of_pa(s->graph, r.first);
	if (m && m->obj.session == s && !m->orphaned && physmem_is_contiguous(m) &&
	    m->extents[0].pa.first == r.first && m->extents[0].pa.last == r.last)
		return true;
	return m && is_alias(m, s, r);
}

int plan_vcm_create(struct plan *p, struct session *s, uint32_t handle, uint64_t start,
		    uint64_t len, struct vcm **out)
{
	struct range r, pages;
	bool one_to_one;

	if (len < PAGE_LEN)
		return refuse(p->why, -EINVAL, "a vcm of %llu bytes is shorter than a page (4096)",
			      (unsigned long long)len);
	if (start == RES_NO_ADDR)
		return refuse(p->why, -EINVAL,
			      "a vcm cannot start at 1: that is the error value of addresses");
	if (!range_make(start, len, &r) || r.last >> 52)
		return refuse(p->why, -EINVAL, "a vcm from 0x%llx of 0x%llx bytes goes beyond 2^52",
			      (unsigned long long)start, (unsigned long long)len);
	if (!whole_pages(r, &pages))
		return refuse(p->why, -EINVAL,
			      "a vcm from 0x%llx of 0x%llx bytes holds no whole page of 4096",
			      (unsigned long long)start, (unsigned long long)len);
	one_to_one = is_one_to_one(s, r);
	return add(p, s, handle, one_to_one ? VCM_ONE_TO_ONE : VCM_DEVICE, r, out);
}

int plan_vcm_prebuilt(struct plan *p, struct session *s, uint32_t handle, uint64_t id,
		      struct vcm **out)
{
	switch (id) {
	case VCM_PREBUILT_KERNEL:
		return add(p, s, handle, VCM_EXT_KERNEL, s->graph->kernel_window, out);
	case VCM_PREBUILT_USER:
		return add(p, s, handle, VCM_EXT_USER, s->graph->user_window, out);
	default:
		return refuse(p->why, -EINVAL, "there is no prebuilt vcm %llu",
			      (unsigned long long)id);
	}
}

int plan_vcm_free(struct plan *p, struct vcm *v)
{
	int r;

	if (v->n_res)
		return refuse(p->why, -EBUSY, "vcm %u has %zu reservations: unreserve them first",
			      v->obj.handle, v->n_res);
	if (!RB_EMPTY(&v->bounds))
		return refuse(p->why, -EBUSY, "vcm %u has bound %u: free it first", v->obj.handle,
			      RB_MIN(bound_tree, &v->bounds)->obj.handle);
	if (v->n_avcms)
		return refuse(p->why, -EBUSY, "vcm %u is associated with %s: deassociate it first",
			      v->obj.handle, TAILQ_FIRST(&v->avcms)->device->name);
	r = plan_want(p, 1, 0);
	if (r < 0)
		return r;
	vcm_unlink(v);
	plan_change(p, CHANGE_VCM_GONE, v, NULL, 0);
	return 0;
}
