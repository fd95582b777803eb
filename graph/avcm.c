// SPDX-License-Identifier: BSD-3-Clause
#include "graph/avcm.h"

#include <assert.h>
#include <errno.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/vcm.h"

void avcm_link(struct avcm *a)
{
	TAILQ_INSERT_TAIL(&a->vcm->avcms, a, vcm_link);
	a->vcm->n_avcms++;
	if (a->table)
		a->table->n_avcms++;
	object_name(&a->obj);
}

void avcm_unlink(struct avcm *a)
{
	object_unname(&a->obj);
	if (a->table)
		a->table->n_avcms--;
	a->vcm->n_avcms--;
	TAILQ_REMOVE(&a->vcm->avcms, a, vcm_link);
}

void avcm_destroy(struct avcm *a)
{
	object_leave(&a->obj);
	mem_free(a);
}

void avcm_set_active(struct avcm *a, bool active)
{
	int by = active ? 1 : -1;

	assert(a->active != active);
	a->active = active;
	a->vcm->n_active += by;
	a->device->n_active += by;
	a->obj.session->n_active += by;
	a->obj.session->graph->n_active += by;
	if (active) {
		TAILQ_INSERT_TAIL(&a->device->active, a, device_link);
		TAILQ_INSERT_TAIL(&a->obj.session->active, a, session_link);
	} else {
		TAILQ_REMOVE(&a->device->active, a, device_link);
		TAILQ_REMOVE(&a->obj.session->active, a, session_link);
	}
}

void avcm_retype(struct avcm *a, uint32_t attr)
{
	int r = attr_check_assoc(attr, &a->half, NULL);

	assert(r == 0); /* it was checked when it was set */
	(void)r;
	a->attr = attr;
}

/* What part of the device's addresses a vcm on that half may have. */
static struct range reach_of(const struct format *format, struct assoc_half half)
{
	struct range r = { 0, (UINT64_C(1) << format->va_bits) - 1 };
	uint64_t border;

	if (!half.split)
		return r;
	border = UINT64_C(1) << (32 - half.split);
	if (half.high)
		r.first = border;
	else
		r.last = border - 1;
	return r;
}

/* A device may have holes: addresses that mean something else to its bus. */
static int check_holes(struct plan *p, const struct vcm *v, const struct device *d)
{
	uint64_t from = v->range.first;
	struct range hole = { from, v->range.last };

	for (size_t i = 0; i < d->n_reach; i++) {
		if (range_has(d->reach[i], from)) {
			if (d->reach[i].last >= v->range.last)
				return 0;
			from = d->reach[i].last + 1;
			hole.first = from;
		} else if (d->reach[i].first > from && d->reach[i].first <= hole.last) {
			hole.last = d->reach[i].first - 1;
		}
	}
	return refuse(
		p->why, -EINVAL,
		"vcm %u, 0x%llx .. 0x%llx, holds addresses that %s cannot be given, 0x%llx .. 0x%llx",
		v->obj.handle, (unsigned long long)v->range.first,
		(unsigned long long)v->range.last, d->name, (unsigned long long)hole.first,
		(unsigned long long)hole.last);
}

static int check_reach(struct plan *p, const struct vcm *v, const struct device *d,
		       struct assoc_half half)
{
	struct range reach;

	if (d->kind != DEVICE_IOMMU || !d->format->split) {
		if (half.split || half.high)
			return refuse(p->why, -EINVAL, "%s has one base: no split, no high base",
				      d->name);
		if (d->kind != DEVICE_IOMMU)
			return 0;
	}
	reach = reach_of(d->format, half);
	if (!range_covers(reach, v->range))
		return refuse(
			p->why, -EINVAL,
			"vcm %u, 0x%llx .. 0x%llx, goes beyond what %s sees there, 0x%llx .. 0x%llx",
			v->obj.handle, (unsigned long long)v->range.first,
			(unsigned long long)v->range.last, d->name, (unsigned long long)reach.first,
			(unsigned long long)reach.last);
	return d->n_reach ? check_holes(p, v, d) : 0;
}

static int check_type(struct plan *p, const struct vcm *v, const struct device *d)
{
	switch (d->kind) {
	case DEVICE_CPU:
		if (v->type == VCM_EXT_KERNEL || v->type == VCM_EXT_USER)
			return 0;
		return refuse(p->why, -EINVAL,
			      "vcm %u is not prebuilt: cpu takes prebuilt ones only",
			      v->obj.handle);
	case DEVICE_ONE_TO_ONE:
		if (v->type == VCM_ONE_TO_ONE)
			return 0;
		return refuse(
			p->why, -EINVAL,
			"vcm %u is not one-to-one, and %s has no IOMMU: create it over exactly a contiguous region or physmem",
			v->obj.handle, d->name);
	case DEVICE_IOMMU:
		if (v->type == VCM_DEVICE)
			return 0;
		return refuse(p->why, -EINVAL,
			      "vcm %u is %s: %s is behind an IOMMU and takes device regions only",
			      v->obj.handle, v->type == VCM_ONE_TO_ONE ? "one-to-one" : "prebuilt",
			      d->name);
	}
	return -EINVAL;
}

/* The table of a format that the vcm does not have yet, with all that is backed mapped in it. */
static int add_table(struct plan *p, struct vcm *v, const struct format *format,
		     struct vcm_table **out)
{
	struct vcm_table *t;
	struct res *r;
	int ret;

	if (v->n_backed && v->n_res > VCM_TABLE_MAX && !v->obj.session->restoring)
		return refuse(
			p->why, -E2BIG,
			"vcm %u has %llu reservations, and backing: with more than %u it is associated with its first device of a kind before it is backed",
			v->obj.handle, (unsigned long long)v->n_res, VCM_TABLE_MAX);
	ret = plan_want(p, 1, 1 + v->n_backed);
	if (ret < 0)
		return ret;
	t = mem_new0(struct vcm_table);
	if (!t)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	t->vcm = v;
	t->format = format;
	vcm_table_link(t);
	plan_change(p, CHANGE_TABLE_NEW, t, NULL, 0);
	plan_step(p, &(struct step){ .kind = STEP_TABLE_NEW, .table = t });
	*out = t;
	if (!v->n_backed)
		return 0;
	p->graph->work += v->n_res;
	VCM_FOREACH_RES(r, v)
		if (r->physmem)
			plan_step(p,
				  &(struct step){ .kind = STEP_MAP,
						  .table = t,
						  .res = r,
						  .physmem = r->physmem,
						  .attr = r->attr,
						  .range = { r->addr, r->addr + (r->len - 1) } });
	return 0;
}

int plan_avcm_assoc(struct plan *p, struct vcm *v, uint32_t handle, struct device *d, uint32_t attr)
{
	struct vcm_table *t = NULL;
	struct assoc_half half;
	struct avcm *a;
	int r = attr_check_assoc(attr, &half, p->why);

	if (r == 0)
		r = check_type(p, v, d);
	if (r == 0)
		r = check_reach(p, v, d, half);
	if (r == 0 && v->n_avcms >= AVCMS_MAX)
		r = refuse(p->why, -EDQUOT, "vcm %u has %u associations and may have no more",
			   v->obj.handle, AVCMS_MAX);
	if (r < 0)
		return r;
	if (d->format)
		t = vcm_table_of(v, d->format);
	if (d->format && !t)
		r = add_table(p, v, d->format, &t);
	if (r == 0)
		r = plan_want(p, 1, 0);
	if (r < 0)
		return r;
	a = mem_new0(struct avcm);
	if (!a)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	r = object_admit(&a->obj, v->obj.session, handle, OBJECT_AVCM, 1, p->why);
	if (r < 0) {
		mem_free(a);
		return r;
	}
	a->vcm = v;
	a->device = d;
	a->table = t;
	a->half = half;
	a->attr = attr;
	avcm_link(a);
	plan_change(p, CHANGE_AVCM_NEW, a, NULL, 0);
	return 0;
}

int plan_avcm_deassoc(struct plan *p, struct avcm *a)
{
	struct vcm_table *t = a->table;
	int r;

	if (a->active)
		return refuse(p->why, -EBUSY,
			      "association %u with %s is active: deactivate it first",
			      a->obj.handle, a->device->name);
	r = plan_want(p, 2, 1);
	if (r < 0)
		return r;
	avcm_unlink(a);
	plan_change(p, CHANGE_AVCM_GONE, a, NULL, 0);
	if (t && !t->n_avcms) {
		vcm_table_unlink(t);
		plan_change(p, CHANGE_TABLE_GONE, t, NULL, 0);
		plan_step(p, &(struct step){ .kind = STEP_TABLE_FREE, .late = true, .table = t });
	}
	return 0;
}

int plan_avcm_set_attr(struct plan *p, struct avcm *a, uint32_t attr)
{
	struct assoc_half half;
	int r;

	if (a->active)
		return refuse(p->why, -EBUSY,
			      "association %u with %s is active: deactivate it first",
			      a->obj.handle, a->device->name);
	r = attr_check_assoc(attr, &half, p->why);
	if (r == 0)
		r = check_reach(p, a->vcm, a->device, half);
	if (r == 0)
		r = plan_want(p, 1, 0);
	if (r < 0)
		return r;
	plan_change(p, CHANGE_AVCM_ATTR, a, NULL, a->attr);
	avcm_retype(a, attr);
	return 0;
}

/* Whether two associations can be active on one IOMMU context at once: a low and a high one of the same split, of one
 * session: the device reaches both, and so does whoever drives it. */
static bool can_share(const struct avcm *a, const struct avcm *b)
{
	return a->obj.session == b->obj.session && a->half.split &&
	       a->half.split == b->half.split && a->half.high != b->half.high;
}

static void set_active(struct plan *p, struct avcm *a, bool active)
{
	plan_change(p, active ? CHANGE_ACTIVE : CHANGE_INACTIVE, a, NULL, 0);
	avcm_set_active(a, active);
}

/* What stands in the way of a: all of it belongs to the session and goes, or the device is busy. */
static int clear_way(struct plan *p, struct avcm *a, uint32_t flags, struct avcm **out_old)
{
	struct avcm *other, *next;
	unsigned int n = 0;

	TAILQ_FOREACH(other, &a->device->active, device_link) {
		if (can_share(a, other))
			continue;
		if (!(flags & VCM_ACTIVATE_SWITCH))
			return refuse(
				p->why, -EBUSY,
				"%s is active already: deactivate that association first, or switch",
				a->device->name);
		if (other->obj.session != a->obj.session)
			return refuse(p->why, -EBUSY, "%s is active for another session",
				      a->device->name);
		n++;
	}
	*out_old = NULL;
	TAILQ_FOREACH_SAFE(other, &a->device->active, device_link, next) {
		if (can_share(a, other))
			continue;
		if (n == 1 && other->half.split == a->half.split &&
		    other->half.high == a->half.high)
			*out_old = other;
		else
			plan_step(p, &(struct step){ .kind = STEP_DEACTIVATE, .avcm = other });
		set_active(p, other, false);
	}
	return 0;
}

int plan_avcm_activate(struct plan *p, struct avcm *a, uint32_t flags)
{
	struct avcm *old = NULL;
	int r;

	if (flags & ~VCM_ACTIVATE_SWITCH)
		return refuse(p->why, -EINVAL, "activation flags 0x%x mean nothing",
			      flags & ~VCM_ACTIVATE_SWITCH);
	if (a->active)
		return refuse(p->why, -EBUSY, "association %u with %s is active already",
			      a->obj.handle, a->device->name);
	r = plan_want(p, 4, 4); /* at most two are active on a context */
	if (r < 0)
		return r;
	if (a->device->kind == DEVICE_IOMMU) {
		r = clear_way(p, a, flags, &old);
		if (r < 0)
			return r;
		plan_step(p, &(struct step){ .kind = old ? STEP_REPLACE : STEP_ACTIVATE,
					     .avcm = a,
					     .old_avcm = old });
	}
	set_active(p, a, true);
	return 0;
}

int plan_avcm_deactivate(struct plan *p, struct avcm *a)
{
	int r;

	if (!a->active)
		return refuse(p->why, -ENOENT, "association %u with %s is not active",
			      a->obj.handle, a->device->name);
	r = plan_want(p, 1, 1);
	if (r < 0)
		return r;
	if (a->device->kind == DEVICE_IOMMU)
		plan_step(p, &(struct step){ .kind = STEP_DEACTIVATE, .avcm = a });
	set_active(p, a, false);
	return 0;
}
