// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/about.h"

#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/res.h"
#include "graph/session.h"
#include "graph/vcm.h"
#include "vcmd/broker.h"
#include "vcmd/ops.h"

static const struct object *find(const struct call *c, uint32_t handle)
{
	const struct object *o = NULL;

	for (int kind = 0; !o && kind < N_OBJECT_KINDS; kind++)
		o = session_find(c->session, handle, (enum object_kind)kind, NULL);
	return o;
}

static void add_object(struct log_about *about, const struct object *o)
{
	const struct avcm *a;

	switch ((enum object_kind)o->kind) {
	case OBJECT_VCM:
		about->vcm = o->handle;
		return;
	case OBJECT_RES:
		about->vcm = ((const struct res *)o)->vcm->obj.handle;
		return;
	case OBJECT_BOUND:
		about->vcm = ((const struct bound *)o)->vcm->obj.handle;
		return;
	case OBJECT_AVCM:
		a = (const struct avcm *)o;
		about->vcm = a->vcm->obj.handle;
		about->device = a->device->name;
		return;
	case OBJECT_PHYSMEM:
	case N_OBJECT_KINDS:
		return;
	}
}

struct log_about about_op(const struct call *c, const struct op *op)
{
	struct log_about about = { .session = c->session->id, .operation = op_name(op->code) };
	const struct op_row *row = op_row(op->code);
	const struct object *o = find(c, op->on);
	const struct device *d = NULL;

	if (o)
		add_object(&about, o);
	if (row && row->right == RIGHT_DEVICE)
		d = device_by_number(c->broker->graph, op->target);
	if (d)
		about.device = d->name;
	return about;
}
