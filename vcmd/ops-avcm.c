// SPDX-License-Identifier: BSD-3-Clause
/* Operations on associations. */
#include <errno.h>

#include "graph/plan.h"
#include "vcmd/broker.h"
#include "vcmd/find.h"
#include "vcmd/ops.h"

int op_assoc(struct call *c, const struct op *op)
{
	struct vcm *v = find_vcm(c, op->on);
	struct device *d = v ? device_by_number(c->broker->graph, op->target) : NULL;

	if (v && !d)
		return refuse(c->why, -EINVAL, "there is no device %u", op->target);
	return v ? plan_avcm_assoc(c->plan, v, op->handle, d, op->attr) : -EINVAL;
}

int op_deassoc(struct call *c, const struct op *op)
{
	struct avcm *a = find_avcm(c, op->on);

	return a ? plan_avcm_deassoc(c->plan, a) : -EINVAL;
}

int op_assoc_set_attr(struct call *c, const struct op *op)
{
	struct avcm *a = find_avcm(c, op->on);

	return a ? plan_avcm_set_attr(c->plan, a, op->attr) : -EINVAL;
}

int op_assoc_info(struct call *c, const struct op *op)
{
	const struct avcm *a = find_avcm(c, op->on);

	if (!a)
		return -EINVAL;
	call_value(c, a->vcm->obj.handle);
	call_value(c, a->device->number);
	call_value(c, a->attr);
	call_value(c, a->active);
	return 0;
}

int op_activate(struct call *c, const struct op *op)
{
	struct avcm *a = find_avcm(c, op->on);

	return a ? plan_avcm_activate(c->plan, a, op->attr) : -EINVAL;
}

int op_deactivate(struct call *c, const struct op *op)
{
	struct avcm *a = find_avcm(c, op->on);

	return a ? plan_avcm_deactivate(c->plan, a) : -EINVAL;
}
