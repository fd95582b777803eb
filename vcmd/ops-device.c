// SPDX-License-Identifier: BSD-3-Clause
/* Operations on devices. */
#include <errno.h>
#include <vcm/attr.h>

#include "graph/graph.h"
#include "graph/lookup.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/fault.h"
#include "vcmd/find.h"
#include "vcmd/journal.h"
#include "vcmd/machine.h"
#include "vcmd/ops.h"

static struct device *find_device(const struct call *c, uint32_t number)
{
	struct device *d = device_by_number(c->broker->graph, number);

	if (!d)
		refuse(c->why, 0, "there is no device %u", number);
	return d;
}

int op_dev_get(struct call *c, const struct op *op)
{
	const struct device *d = device_by_name(c->broker->graph, op->name);

	if (!d)
		return refuse(c->why, -ENODEV, "there is no device named \"%s\"", op->name);
	call_value(c, d->number);
	call_value(c, ((const struct machine_device *)d->hw)->base);
	return 0;
}

int op_dev_info(struct call *c, const struct op *op)
{
	const struct device *d = find_device(c, op->target);
	const struct machine_device *hw = d ? d->hw : NULL;

	if (!d)
		return -EINVAL;
	call_value(c, hw->base);
	call_value(c, hw->backend ? hw->backend->ops->hw_version(hw->backend) : 0);
	return 0;
}

static bool is_active_for(const struct device *d, const struct session *s)
{
	const struct avcm *a;

	TAILQ_FOREACH(a, &d->active, device_link)
		if (a->obj.session == s)
			return true;
	return false;
}

/* What the CPU or a one-to-one master sees at addr: the graph is their table. */
static uint64_t pa_in_graph(const struct call *c, const struct device *d, uint64_t addr)
{
	const struct avcm *a;

	TAILQ_FOREACH(a, &d->active, device_link) {
		const struct res *r =
			a->obj.session == c->session ? vcm_res_containing(a->vcm, addr) : NULL;

		if (r && r->physmem)
			return res_to_pa(r, addr);
	}
	return 0;
}

int op_dev_to_phys(struct call *c, const struct op *op)
{
	const struct device *d = find_device(c, op->target);
	const struct machine_device *hw = d ? d->hw : NULL;
	uint64_t pa = 0;

	if (!d)
		return -EINVAL;
	if (!hw->backend)
		pa = pa_in_graph(c, d, op->addr);
	else if (!is_active_for(d, c->session) ||
		 hw->backend->ops->translate(hw->backend, hw->context, op->addr, &pa) < 0)
		pa = 0;
	if (!pa)
		return refuse(c->why, -EFAULT,
			      "%s would fault at 0x%llx: nothing is mapped there for this session",
			      d->name, (unsigned long long)op->addr);
	call_value(c, pa);
	return 0;
}

int op_hook(struct call *c, const struct op *op)
{
	bool had;
	int r;

	if (!find_device(c, op->target))
		return -EINVAL;
	if (op->arg > 1)
		return refuse(c->why, -EINVAL, "a hook is set (1) or removed (0), not %llu",
			      (unsigned long long)op->arg);
	had = client_has_hook(c->client, op->target);
	if (client_set_hook(c->client, op->target, op->arg) < 0)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	r = had == op->arg ?
		    0 :
		    journal_hook(c->broker->journal, c->client, op->target, op->arg, c->why);
	if (r < 0)
		client_set_hook(c->client, op->target, had);
	return r;
}

int op_dev_open(struct call *c, const struct op *op)
{
	const struct device *d = find_device(c, op->target);
	const struct machine_device *hw = d ? d->hw : NULL;

	if (!d)
		return -EINVAL;
	if (!hw->backend || !hw->backend->ops->device_fd)
		return refuse(c->why, -ENODEV, "%s has no file: it is no VFIO device", d->name);
	c->answer->fds[c->answer->n_fds++] = hw->backend->ops->device_fd(hw->backend, hw->context);
	return 0;
}

int op_fault_reply(struct call *c, const struct op *op)
{
	return faults_answer(c->broker->faults, c->client, op->addr, op->arg, c->why);
}
