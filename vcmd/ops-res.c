// SPDX-License-Identifier: BSD-3-Clause
/* Operations on reservations and their backing. */
#include <errno.h>
#include <vcm/attr.h>

#include "graph/lookup.h"
#include "graph/plan.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/copy.h"
#include "vcmd/find.h"
#include "vcmd/ops.h"
#include "vcmd/pieces.h"

/* The answer to a reservation that has been made. */
static int reserved(struct call *c, int r, struct res *const *res)
{
	if (r == 0)
		call_value(c, (*res)->addr);
	return r;
}

int op_reserve(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct res *r = NULL;

	if (!v)
		return -EINVAL;
	return reserved(
		c, plan_res_reserve(c->plan, v, op->handle, op->len, op->attr, op->addr, &r), &r);
}

int op_reserve_at(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct res *r = NULL;

	if (!v)
		return -EINVAL;
	return reserved(
		c, plan_res_reserve_at(c->plan, v, op->handle, op->len, op->attr, op->arg, &r), &r);
}

int op_reserve_bound(struct call *c, const struct op *op)
{
	struct bound *b = find_bound(c, op->on);
	struct res *r = NULL;

	if (!b)
		return -EINVAL;
	return reserved(c, plan_res_reserve_bound(c->plan, b, op->handle, op->len, op->attr, &r),
			&r);
}

int op_unreserve(struct call *c, const struct op *op)
{
	struct res *r = find_res(c, op->on);

	return r ? plan_res_unreserve(c->plan, r) : -EINVAL;
}

int op_res_info(struct call *c, const struct op *op)
{
	const struct res *r = find_res(c, op->on);

	if (!r)
		return -EINVAL;
	call_value(c, r->vcm->obj.handle);
	call_value(c, r->addr);
	call_value(c, r->len);
	call_value(c, r->attr);
	call_value(c, r->physmem ? r->physmem->obj.handle : 0);
	return 0;
}

int op_res_set_attr(struct call *c, const struct op *op)
{
	struct res *r = find_res(c, op->on);

	return r ? plan_res_set_attr(c->plan, r, op->attr) : -EINVAL;
}

int op_res_next(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct res *r = op->target && v ? find_res(c, op->target) : NULL;

	if (!v || (op->target && !r))
		return -EINVAL;
	if (r && r->vcm != v)
		return refuse(c->why, -EINVAL, "reservation %u is not of vcm %u", op->target,
			      op->on);
	r = vcm_res_next(v, r);
	call_value(c, r ? r->obj.handle : 0);
	return 0;
}

int op_res_copy(struct call *c, const struct op *op)
{
	const struct res *to = find_res(c, op->on);
	const struct res *from = to ? find_res(c, op->target) : NULL;

	if (!to || !from)
		return -EINVAL;
	return copy_start(c, to, op->addr, from, op->arg, op->len);
}

static int found(struct call *c, const struct res *r, uint64_t addr)
{
	if (!r)
		return refuse(c->why, -ENOENT, "there is no such reservation at 0x%llx",
			      (unsigned long long)addr);
	call_value(c, r->obj.handle);
	return 0;
}

int op_res_get(struct call *c, const struct op *op)
{
	const struct vcm *v = find_vcm(c, op->on);

	return v ? found(c, vcm_res_at(v, op->addr), op->addr) : -EINVAL;
}

int op_res_find(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);

	return v ? found(c, vcm_res_containing(v, op->addr), op->addr) : -EINVAL;
}

static void want_pieces(struct call *c, struct res *r, uint64_t offset)
{
	c->answer->wanted[c->answer->n_wanted++] = (struct wanted_pieces){ r, offset, c->op };
}

int op_back(struct call *c, const struct op *op)
{
	struct res *r = find_res(c, op->on);
	struct physmem *m = r ? find_physmem(c, op->target) : NULL;
	int ret = m ? 0 : -EINVAL;

	if (m && r->vcm->type == VCM_EXT_USER)
		ret = pieces_check(c->client, m, c->why);
	if (ret == 0)
		ret = plan_res_back(c->plan, r, m);

	if (ret == 0 && r->vcm->type == VCM_EXT_USER)
		want_pieces(c, r, 0);
	return ret;
}

int op_unback(struct call *c, const struct op *op)
{
	struct res *r = find_res(c, op->on);

	return r ? plan_res_unback(c->plan, r) : -EINVAL;
}

int op_pieces(struct call *c, const struct op *op)
{
	struct res *r = find_res(c, op->on);

	if (!r)
		return -EINVAL;
	if (!r->physmem || r->vcm->type != VCM_EXT_USER || op->addr >= r->len)
		return refuse(c->why, -EINVAL,
			      "reservation %u has no pieces for the client at 0x%llx", op->on,
			      (unsigned long long)op->addr);
	if (op->attr)
		client_forget_given(c->client);
	want_pieces(c, r, op->addr);
	return 0;
}

int op_translate(struct call *c, const struct op *op)
{
	struct vcm *src = find_vcm(c, op->on), *dst = src ? find_vcm(c, op->target) : NULL;
	const struct res *r = dst ? vcm_res_containing(src, op->addr) : NULL;
	uint64_t pa, addr;

	if (!dst)
		return -EINVAL;
	if (!r)
		return found(c, NULL, op->addr);
	pa = res_to_pa(r, op->addr);
	if (!pa)
		return refuse(c->why, -ENOMEM, "reservation %u is not backed", r->obj.handle);
	if (vcm_addr_of_pa(c->broker->graph, dst, pa, &addr) < 0)
		return refuse(c->why, -ENOENT, "vcm %u maps nothing of what is at 0x%llx of vcm %u",
			      op->target, (unsigned long long)op->addr, op->on);
	call_value(c, addr);
	return 0;
}
