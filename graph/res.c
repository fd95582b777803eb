// SPDX-License-Identifier: BSD-3-Clause
#include "graph/res.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/attr.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/handle.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/space.h"
#include "graph/vcm.h"

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

static int res_cmp_addr(const struct res *a, const struct res *b)
{
	int c = CMP(a->addr, b->addr);

	return c ? c : CMP(a->obj.handle, b->obj.handle);
}

static int res_cmp_backing(const struct res *a, const struct res *b)
{
	int c = CMP(a->vcm->id, b->vcm->id);

	return c ? c : res_cmp_addr(a, b);
}

static_assert(sizeof(struct res) == HANDLE_ROOM_LEN, "a room is as long as a reservation");

RB_GENERATE(res_tree, res, by_addr[0], res_cmp_addr)
RB_GENERATE(res_backing_tree, res, by_backing, res_cmp_backing)

/* The space that its addresses come from; NULL where the client or the memory says them. */
static struct space *space_of(const struct res *r)
{
	return r->bound ? r->bound->space : r->vcm->space;
}

static struct range range_of(const struct res *r)
{
	return (struct range){ r->addr, r->addr + (r->len - 1) };
}

void res_claim(struct res *r)
{
	struct space *space = space_of(r);
	int ret = space ? space_take_at(space, range_of(r)) : 0;

	assert(ret == 0); /* the plan that is being taken back has put it there */
	(void)ret;
}

void res_yield(struct res *r)
{
	struct space *space = space_of(r);

	if (space)
		space_put(space, range_of(r));
}

void res_link(struct res *r)
{
	res_index_insert(&r->vcm->reservations, r);
	r->vcm->n_res++;
	if (r->bound)
		r->bound->n_res++;
	object_name(&r->obj);
}

void res_unlink(struct res *r)
{
	object_unname(&r->obj);
	if (r->bound)
		r->bound->n_res--;
	r->vcm->n_res--;
	res_index_remove(&r->vcm->reservations, r);
}

void res_destroy(struct res *r)
{
	object_leave(&r->obj);
	object_unsettle(&r->obj);
}

void res_move(struct res *r, uint64_t addr)
{
	if (r->addr == addr)
		return;
	res_index_remove(&r->vcm->reservations, r);
	r->addr = addr;
	res_index_insert(&r->vcm->reservations, r);
}

void res_retype(struct res *r, uint32_t attr)
{
	r->attr = attr;
	if (r->physmem)
		r->physmem->root->cache = attr_res_cache(attr);
}

void res_attach(struct res *r, struct physmem *m)
{
	r->physmem = m;
	RB_INSERT(res_backing_tree, &m->backings, r);
	r->vcm->n_backed++;
	if (!m->n_backings++)
		TAILQ_INSERT_TAIL(&m->root->mapped, m, mapped_link);
	m->root->n_mappings++;
	m->root->cache = attr_res_cache(r->attr);
}

void res_detach(struct res *r)
{
	struct physmem *m = r->physmem;

	RB_REMOVE(res_backing_tree, &m->backings, r);
	r->vcm->n_backed--;
	if (!--m->n_backings)
		TAILQ_REMOVE(&m->root->mapped, m, mapped_link);
	m->root->n_mappings--;
	r->physmem = NULL;
}

int res_make(struct plan *p, struct vcm *v, uint32_t handle, struct res **out)
{
	struct object obj;
	struct res *r;
	int ret = object_admit(&obj, v->obj.session, handle, OBJECT_RES, 1, p->why);

	if (ret < 0)
		return ret;
	r = object_settle(&obj, res_index_entry_size(&v->reservations));
	if (!r) {
		object_leave(&obj);
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	}
	r->vcm = v;
	r->addr = RES_NO_ADDR;
	*out = r;
	return 0;
}

bool vcm_is_clear(const struct vcm *v, struct range range)
{
	const struct res *r = vcm_res_before(v, range.last);
	const struct bound *b = RB_ROOT(&v->bounds);

	if (r && range_meets(range_of(r), range))
		return false;
	while (b && !range_meets(b->range, range))
		b = b->range.first < range.first ? RB_RIGHT(b, by_addr) : RB_LEFT(b, by_addr);
	return !b;
}

static int check_len(struct plan *p, uint64_t len)
{
	if (len && is_aligned(len, PAGE_LEN))
		return 0;
	return refuse(p->why, -EINVAL, "length 0x%llx is not a multiple of 4096",
		      (unsigned long long)len);
}

static int take_room(struct plan *p, struct space *space, uint64_t len, uint64_t align,
		     const char *what, uint32_t handle, uint64_t *out)
{
	int r = space_take(space, len, align, out);

	if (r == -ENOSPC)
		return refuse(
			p->why, r,
			"%s %u has no 0x%llx bytes in a row at alignment 0x%llx: the largest such run is 0x%llx, 0x%llx bytes are free",
			what, handle, (unsigned long long)len, (unsigned long long)align,
			(unsigned long long)space_largest(space, align),
			(unsigned long long)(range_len(space_range(space)) - space_used(space)));
	return r < 0 ? refuse(p->why, r, "the broker is out of memory") : 0;
}

/* In a prebuilt user vcm the client has set the addresses aside. */
static int check_user_addr(struct plan *p, const struct vcm *v, uint64_t addr, uint64_t len,
			   uint64_t align)
{
	struct range range;

	if (!range_make(addr, len, &range) || !is_aligned(addr, align) ||
	    !range_covers(v->range, range))
		return refuse(p->why, -EINVAL,
			      "0x%llx is no place for 0x%llx bytes at alignment 0x%llx",
			      (unsigned long long)addr, (unsigned long long)len,
			      (unsigned long long)align);
	if (!vcm_is_clear(v, range))
		return refuse(p->why, -EBUSY, "part of 0x%llx .. 0x%llx is reserved",
			      (unsigned long long)range.first, (unsigned long long)range.last);
	return 0;
}

/* The addresses have been taken from space (NULL: there is none to take them from), and go back on failure. */
static int reserve(struct plan *p, struct vcm *v, struct bound *b, uint32_t handle, uint64_t addr,
		   uint64_t len, uint32_t attr, struct res **out)
{
	struct space *space = b ? b->space : v->space;
	struct res *r = NULL;
	int ret = plan_want(p, 1, 0);

	if (ret == 0 && res_index_want(&v->reservations, addr) < 0)
		ret = refuse(p->why, -ENOMEM, "the broker is out of memory");
	if (ret == 0)
		ret = res_make(p, v, handle, &r);
	if (ret != 0) {
		if (space)
			space_put(space, (struct range){ addr, addr + (len - 1) });
		return ret;
	}
	assert(r);
	r->bound = b;
	r->addr = addr;
	r->len = len;
	r->attr = attr;
	res_link(r);
	plan_change(p, CHANGE_RES_NEW, r, NULL, 0);
	vcm_note_growth(p, v, b);
	*out = r;
	return 0;
}

int plan_res_reserve(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint32_t attr,
		     uint64_t addr, struct res **out)
{
	uint64_t align;
	int r = attr_check_res(attr, p->why);

	if (r == 0)
		r = check_len(p, len);
	if (r < 0)
		return r;
	align = attr_res_align(attr, len);
	switch (v->type) {
	case VCM_EXT_USER:
		r = check_user_addr(p, v, addr, len,
				    attr & (VCM_ALIGN_MASK << VCM_ALIGN_SHIFT) ? align : PAGE_LEN);
		break;
	case VCM_ONE_TO_ONE:
		addr = RES_NO_ADDR;
		if (len > range_len(v->range))
			r = refuse(p->why, -ENOSPC, "vcm %u is 0x%llx bytes long", v->obj.handle,
				   (unsigned long long)range_len(v->range));
		break;
	case VCM_DEVICE:
	case VCM_EXT_KERNEL:
		r = take_room(p, v->space, len, align, "vcm", v->obj.handle, &addr);
		break;
	}
	return r < 0 ? r : reserve(p, v, NULL, handle, addr, len, attr, out);
}

int plan_res_reserve_at(struct plan *p, struct vcm *v, uint32_t handle, uint64_t len, uint32_t attr,
			uint64_t memtarget, struct res **out)
{
	struct range range;
	int r = attr_check_res(attr, p->why);

	if (r == 0)
		r = check_len(p, len);
	if (r < 0)
		return r;
	if (memtarget != VCM_START)
		return refuse(p->why, -EINVAL, "there is no memory target %llu",
			      (unsigned long long)memtarget);
	if (v->type != VCM_DEVICE)
		return refuse(p->why, -EINVAL, "vcm %u is %s: its start is no place to choose",
			      v->obj.handle, v->type == VCM_ONE_TO_ONE ? "one-to-one" : "prebuilt");
	range = space_range(v->space);
	if ((attr & (VCM_ALIGN_MASK << VCM_ALIGN_SHIFT)) &&
	    !is_aligned(range.first, attr_res_align(attr, len)))
		return refuse(p->why, -EINVAL,
			      "the start of vcm %u, 0x%llx, has not the alignment asked for",
			      v->obj.handle, (unsigned long long)range.first);
	if (len > range_len(range))
		return refuse(p->why, -ENOSPC, "vcm %u has 0x%llx bytes", v->obj.handle,
			      (unsigned long long)range_len(range));
	range.last = range.first + (len - 1);
	r = space_take_at(v->space, range);
	if (r == -EBUSY)
		return refuse(p->why, r, "the start of vcm %u, 0x%llx .. 0x%llx, is reserved",
			      v->obj.handle, (unsigned long long)range.first,
			      (unsigned long long)range.last);
	if (r < 0)
		return refuse(p->why, r, "the broker is out of memory");
	return reserve(p, v, NULL, handle, range.first, len, attr, out);
}

int plan_res_reserve_bound(struct plan *p, struct bound *b, uint32_t handle, uint64_t len,
			   uint32_t attr, struct res **out)
{
	uint64_t addr = 0;
	int r = attr_check_res(attr, p->why);

	if (r == 0)
		r = check_len(p, len);
	if (r == 0)
		r = take_room(p, b->space, len, attr_res_align(attr, len), "bound", b->obj.handle,
			      &addr);
	return r < 0 ? r : reserve(p, b->vcm, b, handle, addr, len, attr, out);
}

int plan_res_unreserve(struct plan *p, struct res *r)
{
	int ret;

	if (r->physmem)
		return refuse(p->why, -EBUSY,
			      "reservation %u is backed by physmem %u: unback it first",
			      r->obj.handle, r->physmem->obj.handle);
	ret = plan_want(p, 1, 0);
	if (ret < 0)
		return ret;
	res_index_near(&r->vcm->reservations, r);
	res_yield(r);
	res_unlink(r);
	plan_change(p, CHANGE_RES_GONE, r, NULL, 0);
	return 0;
}
