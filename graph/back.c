// SPDX-License-Identifier: BSD-3-Clause
/*
 * Backing: what joins a reservation and a physmem, and what may not.
 */
#include <errno.h>

#include "graph/attr.h"
#include "graph/avcm.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/res.h"
#include "graph/vcm.h"

/* Every mapping of a physmem, its root and its aliases has one cache policy: this one has it, or is the first. */
static int check_cache(struct plan *p, const struct res *r, const struct physmem *m)
{
	const struct res *other;

	if (!m->root->n_mappings || m->root->cache == attr_res_cache(r->attr))
		return 0;
	other = RB_ROOT(&TAILQ_FIRST(&m->root->mapped)->backings);
	if (other->obj.session != r->obj.session)
		return refuse(
			p->why, -EINVAL,
			"reservation %u asks for cache policy %u, but another session maps the memory of physmem %u with policy %u: one memory has one",
			r->obj.handle, attr_res_cache(r->attr), m->obj.handle, m->root->cache);
	return refuse(
		p->why, -EINVAL,
		"reservation %u asks for cache policy %u, but reservation %u maps physmem %u with policy %u: one memory has one",
		r->obj.handle, attr_res_cache(r->attr), other->obj.handle, m->obj.handle,
		m->root->cache);
}

/* What was imported to be read is not mapped to be written. Nothing keeps a master without an IOMMU from writing. */
static int check_rights(struct plan *p, const struct res *r, const struct physmem *m, uint32_t attr)
{
	if (m->writable)
		return 0;
	if (r->vcm->type == VCM_ONE_TO_ONE)
		return refuse(
			p->why, -EACCES,
			"physmem %u was imported to be read, and a device of the one-to-one vcm %u writes what it reaches: import it to be written",
			m->obj.handle, r->vcm->obj.handle);
	if (!(attr_res_access(attr) & VCM_WRITE))
		return 0;
	return refuse(
		p->why, -EACCES,
		"physmem %u was imported to be read, and reservation %u is to be written: reserve with VCM_READ alone",
		m->obj.handle, r->obj.handle);
}

static int check_memory(struct plan *p, const struct res *r, const struct physmem *m)
{
	bool secure = attr_res_access(r->attr) & VCM_SECURE;
	enum vcm_type type = r->vcm->type;

	if (secure != m->secure)
		return refuse(p->why, -EINVAL, "reservation %u is %s and physmem %u is %s",
			      r->obj.handle, secure ? "secure" : "not secure", m->obj.handle,
			      m->secure ? "secure" : "not");
	if (secure && (type == VCM_EXT_USER || type == VCM_EXT_KERNEL))
		return refuse(p->why, -EINVAL, "physmem %u is secure: no CPU maps it",
			      m->obj.handle);
	if (!m->extents[0].arena && (type == VCM_EXT_USER || type == VCM_EXT_KERNEL))
		return refuse(p->why, -EINVAL,
			      "physmem %u is a window: the broker has no fd of it to map",
			      m->obj.handle);
	if (type != VCM_ONE_TO_ONE)
		return 0;
	if (!physmem_is_contiguous(m))
		return refuse(
			p->why, -EINVAL,
			"physmem %u is scattered: a one-to-one region takes contiguous memory (VCM_PHYS_CONT)",
			m->obj.handle);
	if (!range_covers(r->vcm->range, (struct range){ m->extents[0].pa.first,
							 m->extents[0].pa.first + (m->len - 1) }))
		return refuse(
			p->why, -EINVAL,
			"physmem %u at 0x%llx lies outside the one-to-one vcm %u, 0x%llx .. 0x%llx",
			m->obj.handle, (unsigned long long)m->extents[0].pa.first,
			r->vcm->obj.handle, (unsigned long long)r->vcm->range.first,
			(unsigned long long)r->vcm->range.last);
	if (!is_aligned(m->extents[0].pa.first, attr_res_align(r->attr, SZ_4K)))
		return refuse(p->why, -EINVAL,
			      "physmem %u at 0x%llx has not the alignment of reservation %u",
			      m->obj.handle, (unsigned long long)m->extents[0].pa.first,
			      r->obj.handle);
	return 0;
}

static const struct avcm *inactive_avcm(const struct vcm *v)
{
	const struct avcm *a;

	TAILQ_FOREACH(a, &v->avcms, vcm_link)
		if (!a->active)
			return a;
	return NULL;
}

static int check_active(struct plan *p, const struct vcm *v)
{
	if (v->n_active == v->n_avcms)
		return 0;
	return refuse(p->why, -EAGAIN,
		      "the association of vcm %u with %s is not active: activate it first",
		      v->obj.handle, inactive_avcm(v)->device->name);
}

static int check_len(struct plan *p, const struct res *r, const struct physmem *m)
{
	if (r->len == m->len)
		return 0;
	return refuse(p->why, -EINVAL, "reservation %u has 0x%llx bytes and physmem %u has 0x%llx",
		      r->obj.handle, (unsigned long long)r->len, m->obj.handle,
		      (unsigned long long)m->len);
}

/* What the two are to each other. */
static int check_nature(struct plan *p, const struct res *r, const struct physmem *m)
{
	int ret = check_memory(p, r, m);

	if (ret == 0)
		ret = check_cache(p, r, m);
	return ret == 0 ? check_rights(p, r, m, r->attr) : ret;
}

int res_check_fit(struct plan *p, const struct res *r, const struct physmem *m)
{
	int ret = check_len(p, r, m);

	return ret == 0 ? check_nature(p, r, m) : ret;
}

static int check_back(struct plan *p, const struct res *r, const struct physmem *m)
{
	int ret = check_len(p, r, m);

	if (ret < 0)
		return ret;
	if (r->physmem)
		return refuse(p->why, -EBUSY, "reservation %u is backed by physmem %u already",
			      r->obj.handle, r->physmem->obj.handle);
	if (!r->vcm->n_avcms)
		return refuse(
			p->why, -EAGAIN,
			"vcm %u is associated with no device: associate and activate it first",
			r->vcm->obj.handle);
	ret = check_active(p, r->vcm);
	return ret == 0 ? check_nature(p, r, m) : ret;
}

static size_t n_tables(const struct vcm *v)
{
	const struct vcm_table *t;
	size_t n = 0;

	TAILQ_FOREACH(t, &v->tables, link)
		n++;
	return n;
}

static struct step step_of(enum step_kind kind, struct vcm_table *t, struct res *r)
{
	return (struct step){ .kind = kind,
			      .late = kind == STEP_UNMAP,
			      .table = t,
			      .res = r,
			      .physmem = r->physmem,
			      .attr = r->attr,
			      .range = { r->addr, r->addr + (r->len - 1) } };
}

int plan_res_back(struct plan *p, struct res *r, struct physmem *m)
{
	struct vcm_table *t;
	uint64_t addr = r->addr;
	int ret = check_back(p, r, m);

	if (ret == 0)
		ret = plan_want(p, 1, n_tables(r->vcm));
	if (ret < 0)
		return ret;
	if (r->vcm->type == VCM_ONE_TO_ONE)
		res_move(r, m->extents[0].pa.first);
	res_attach(r, m);
	plan_change(p, CHANGE_BACKED, r, m, addr);
	TAILQ_FOREACH(t, &r->vcm->tables, link) {
		struct step s = step_of(STEP_MAP, t, r);

		plan_step(p, &s);
	}
	return 0;
}

int plan_res_reclaim_backing(struct plan *p, struct res *r)
{
	struct vcm_table *t;
	int ret = plan_want(p, 1, n_tables(r->vcm));

	if (ret < 0)
		return ret;
	TAILQ_FOREACH(t, &r->vcm->tables, link) {
		struct step s = step_of(STEP_UNMAP, t, r);

		plan_step(p, &s);
	}
	plan_change(p, CHANGE_UNBACKED, r, r->physmem, r->addr);
	res_detach(r);
	if (r->vcm->type == VCM_ONE_TO_ONE)
		res_move(r, RES_NO_ADDR);
	return 0;
}

int plan_res_unback(struct plan *p, struct res *r)
{
	int ret;

	if (!r->physmem)
		return refuse(p->why, -EINVAL, "reservation %u is not backed", r->obj.handle);
	ret = check_active(p, r->vcm);
	return ret < 0 ? ret : plan_res_reclaim_backing(p, r);
}

int plan_res_set_attr(struct plan *p, struct res *r, uint32_t attr)
{
	const uint32_t align = VCM_ALIGN_MASK << VCM_ALIGN_SHIFT;
	struct vcm_table *t;
	int ret = attr_check_res(attr, p->why);

	if (ret < 0)
		return ret;
	if ((attr ^ r->attr) & align)
		return refuse(p->why, -EINVAL, "the alignment of reservation %u cannot change",
			      r->obj.handle);
	if (r->physmem && ((attr ^ r->attr) & VCM_SECURE))
		return refuse(p->why, -EINVAL,
			      "reservation %u is backed: whether it is secure cannot change",
			      r->obj.handle);
	if (r->physmem && attr_res_cache(attr) != attr_res_cache(r->attr) &&
	    r->physmem->root->n_mappings > 1)
		return refuse(
			p->why, -EBUSY,
			"physmem %u has %zu mappings: its cache policy cannot change for one of them",
			r->physmem->obj.handle, r->physmem->root->n_mappings);
	ret = r->physmem ? check_rights(p, r, r->physmem, attr) : 0;
	if (ret == 0)
		ret = plan_want(p, 1, n_tables(r->vcm));
	if (ret < 0)
		return ret;
	if (r->physmem)
		TAILQ_FOREACH(t, &r->vcm->tables, link) {
			struct step s = step_of(STEP_PROTECT, t, r);

			s.old_attr = r->attr;
			s.attr = attr;
			plan_step(p, &s);
		}
	plan_change(p, CHANGE_RES_ATTR, r, NULL, r->attr);
	res_retype(r, attr);
	return 0;
}
