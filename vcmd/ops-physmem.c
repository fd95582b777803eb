// SPDX-License-Identifier: BSD-3-Clause
/* Operations on physical memory. */
#include <errno.h>

#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "vcmd/broker.h"
#include "vcmd/find.h"
#include "vcmd/ops.h"

int op_phys_alloc(struct call *c, const struct op *op)
{
	struct physmem *m;

	if (op->arg > UINT32_MAX)
		return refuse(c->why, -EINVAL, "the configuration has no memory for memtype_t %llu",
			      (unsigned long long)op->arg);
	return plan_physmem_alloc(c->plan, c->session, op->handle, (uint32_t)op->arg, op->len,
				  op->attr, &m);
}

int op_phys_free(struct call *c, const struct op *op)
{
	struct physmem *m = find_physmem(c, op->on);

	return m ? plan_physmem_free(c->plan, m) : -EINVAL;
}

int op_phys_info(struct call *c, const struct op *op)
{
	const struct physmem *m = find_physmem(c, op->on);

	if (!m)
		return -EINVAL;
	call_value(c, m->memtype);
	call_value(c, m->len);
	call_value(c, m->attr);
	return 0;
}

int op_phys_next(struct call *c, const struct op *op)
{
	const struct physmem *m = find_physmem(c, op->on);
	struct range segment;
	uint64_t offset;

	if (!m)
		return -EINVAL;
	if (op->addr && !physmem_offset_of(m, op->addr, &offset))
		return refuse(c->why, -EINVAL, "0x%llx is not in physmem %u",
			      (unsigned long long)op->addr, op->on);
	if (!physmem_next_segment(m, op->addr, &segment)) {
		call_value(c, 0);
		call_value(c, 0);
		return 0;
	}
	call_value(c, segment.first);
	call_value(c, range_len(segment));
	return 0;
}

int op_phys_map(struct call *c, const struct op *op)
{
	return plan_physmem_map(c->plan, c->session, op->handle, op->addr, op->len);
}

int op_phys_num_res(struct call *c, const struct op *op)
{
	call_value(c, graph_count_res_of_pa(c->broker->graph, c->session, op->addr));
	return 0;
}

int op_phys_next_res(struct call *c, const struct op *op)
{
	struct res *r = op->target ? find_res(c, op->target) : NULL;
	uint64_t offset;

	if (op->target && !r)
		return -EINVAL;
	if (r && (!r->physmem || !physmem_offset_of(r->physmem, op->addr, &offset)))
		return refuse(c->why, -EINVAL, "reservation %u does not map 0x%llx", op->target,
			      (unsigned long long)op->addr);
	r = graph_next_res_of_pa(c->broker->graph, c->session, op->addr, r);
	call_value(c, r ? r->obj.handle : 0);
	call_value(c, r ? r->len : 0);
	return 0;
}

int op_memtype_cont(struct call *c, const struct op *op)
{
	const struct pool *pool;
	bool known = false;

	TAILQ_FOREACH(pool, &c->broker->graph->pools, link) {
		if (pool->memtype != op->arg)
			continue;
		known = true;
		if (pool->has_cont) {
			call_value(c, pool->cont.first);
			call_value(c, range_len(pool->cont));
			return 0;
		}
	}
	if (!known)
		return refuse(c->why, -EINVAL, "the configuration has no memory for memtype_t %llu",
			      (unsigned long long)op->arg);
	call_value(c, 0);
	call_value(c, 0);
	return 0;
}
