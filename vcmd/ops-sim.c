// SPDX-License-Identifier: BSD-3-Clause
/* Operations on simulated devices. */
#include <errno.h>
#include <limits.h>

#include "graph/device.h"
#include "vcmd/broker.h"
#include "vcmd/machine.h"
#include "vcmd/ops.h"
#include "vcmd/rights.h"
#include "vcmd/simulate.h"

static struct device *find_device(const struct call *c, const struct op *op)
{
	struct device *d = device_by_number(c->broker->graph, op->target);

	if (!d)
		refuse(c->why, 0, "there is no device %u", op->target);
	return d;
}

int op_sim_read(struct call *c, const struct op *op)
{
	struct device *d = find_device(c, op);

	return d ? simulate(c, d, false, op) : -EINVAL;
}

int op_sim_write(struct call *c, const struct op *op)
{
	struct device *d = find_device(c, op);

	return d ? simulate(c, d, true, op) : -EINVAL;
}

static struct sim *find_sim(const struct call *c, const struct op *op, int *out_err)
{
	const struct device *d = find_device(c, op);
	struct sim *sim = d ? ((const struct machine_device *)d->hw)->sim : NULL;

	*out_err = d ? -ENODEV : -EINVAL;
	if (d && !sim)
		refuse(c->why, 0, "%s is not behind a simulated IOMMU", d->name);
	return sim;
}

int op_sim_fail(struct call *c, const struct op *op)
{
	int err;
	struct sim *sim = find_sim(c, op, &err);

	if (!sim)
		return err;
	if (op->arg > INT_MAX || op->len > UINT_MAX ||
	    sim_fail_next(sim, (enum sim_failure)op->arg, (unsigned int)op->len) < 0)
		return refuse(c->why, -EINVAL, "the simulator has no failure %llu",
			      (unsigned long long)op->arg);
	return 0;
}

int op_sim_stats(struct call *c, const struct op *op)
{
	struct sim_counters n;
	int err;
	struct sim *sim = find_sim(c, op, &err);

	if (!sim)
		return err;
	if (op->arg && !rights_simulate(c->client))
		return refuse(
			c->why, -EACCES,
			"the counters are everybody's: to reset them needs the right `simulate`");
	sim_get_counters(sim, &n);
	if (op->arg)
		sim_reset_counters(sim);
	call_value(c, n.tlb_hits);
	call_value(c, n.tlb_misses);
	call_value(c, n.walk_reads);
	call_value(c, n.faults);
	call_value(c, n.invalidations);
	return 0;
}
