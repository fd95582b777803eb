// SPDX-License-Identifier: BSD-3-Clause
/* Operations on vcms and bounds. */
#include <errno.h>

#include "backend/backend.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "vcmd/client.h"
#include "vcmd/find.h"
#include "vcmd/ops.h"
#include "vcmd/transport.h"

int op_vcm_create(struct call *c, const struct op *op)
{
	struct vcm *v;
	int r = plan_vcm_create(c->plan, c->session, op->handle, op->addr, op->len, &v);

	if (r == 0)
		call_value(c, v->type);
	return r;
}

int op_vcm_prebuilt(struct call *c, const struct op *op)
{
	struct vcm *v;
	int r;

	if (op->arg == VCM_PREBUILT_USER && c->client->transport->no_fds)
		return refuse(c->why, -EOPNOTSUPP,
			      "no memory can be shown to your process: you are none of ours");
	r = plan_vcm_prebuilt(c->plan, c->session, op->handle, op->arg, &v);
	if (r == 0)
		call_value(c, v->type);
	return r;
}

int op_vcm_clone(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);

	return v ? plan_vcm_clone(c->plan, v, op->handle) : -EINVAL;
}

int op_vcm_free(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);

	return v ? plan_vcm_free(c->plan, v) : -EINVAL;
}

int op_vcm_info(struct call *c, const struct op *op)
{
	const struct vcm *v = find_vcm(c, op->on);

	if (!v)
		return -EINVAL;
	call_value(c, v->range.first);
	call_value(c, range_len(v->range));
	call_value(c, v->type);
	call_value(c, v->n_res);
	return 0;
}

int op_vcm_pgtbl(struct call *c, const struct op *op)
{
	const struct vcm *v = find_vcm(c, op->on);
	const struct vcm_table *t = v ? TAILQ_FIRST(&v->tables) : NULL;

	if (!v)
		return -EINVAL;
	if (!t || !t->hw)
		return refuse(
			c->why, -ENODATA,
			"vcm %u has no page table: it is associated with no device behind an IOMMU",
			op->on);
	call_value(c, ((const struct backend *)t->format->hw)->format->root(t->hw));
	return 0;
}

int op_bound_create(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct bound *b;
	int r = v ? plan_bound_create(c->plan, v, op->handle, op->len, op->addr, &b) : -EINVAL;

	if (r == 0)
		call_value(c, b->range.first);
	return r;
}

int op_bound_free(struct call *c, const struct op *op)
{
	struct bound *b = find_bound(c, op->on);

	return b ? plan_bound_free(c->plan, b) : -EINVAL;
}

int op_bound_info(struct call *c, const struct op *op)
{
	const struct bound *b = find_bound(c, op->on);

	if (!b)
		return -EINVAL;
	call_value(c, b->vcm->obj.handle);
	call_value(c, b->range.first);
	call_value(c, range_len(b->range));
	return 0;
}

int op_bound_next(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct bound *b = op->target && v ? find_bound(c, op->target) : NULL;

	if (!v || (op->target && !b))
		return -EINVAL;
	if (b && b->vcm != v)
		return refuse(c->why, -EINVAL, "bound %u is not of vcm %u", op->target, op->on);
	b = vcm_bound_next(v, b);
	call_value(c, b ? b->obj.handle : 0);
	return 0;
}
