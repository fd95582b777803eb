// SPDX-License-Identifier: BSD-3-Clause
/* The beginning and the end of a session. */
#include "remote/error.h"
#include "remote/node.h"

static int await_link(struct vcm_node *n)
{
	while (!n->is_up) {
		int r = n->link->run(n->link->ctx, 1);

		if (r < 0)
			return r;
	}
	return 0;
}

static void forget(struct vcm_node *n)
{
	for (uint32_t i = 0; i < VCM_NODE_OBJECTS / 32; i++)
		n->objects[i] = n->batched[i] = n->released[i] = 0;
	for (uint32_t i = 0; i < VCM_NODE_HOOKS; i++)
		n->hooks[i].device = 0;
	n->n_faults = 0;
	n->n_sent = n->n_fragments = 0;
	n->in_batch = false;
	vcm_node_settle(n);
	n->state = VCM_NODE_DETACHED;
	n->number = 0;
	vcm_assembly_init(&n->in, n->in_bytes, sizeof(n->in_bytes));
}

static int greet(struct vcm_node *n)
{
	struct vcm_pending p = { .data = NULL };
	int r = vcm_request_hello(&n->out, &n->scratch, n->serial + 1, n->name);

	if (r == 0)
		r = vcm_node_send(n, &p);
	return r == 0 ? vcm_node_finish(n, &p) : r;
}

int vcm_node_attach(struct vcm_node *n)
{
	uint32_t epoch;
	int r;

	if (n->state == VCM_NODE_ATTACHED)
		return -VCM_EBUSY;
	/* A host that starts anew while we greet it has not heard us. */
	do {
		forget(n);
		r = await_link(n);
		epoch = n->epoch;
		if (r == 0)
			r = greet(n);
	} while (r < 0 && n->epoch != epoch);
	return r == 0 && n->state != VCM_NODE_ATTACHED ? -VCM_EPROTO : r;
}

int vcm_node_detach(struct vcm_node *n)
{
	const struct vcm_op bye = { .code = OP_BYE };
	struct vcm_pending p = { .data = NULL };
	int r = n->state == VCM_NODE_ATTACHED ? 0 : -VCM_ENOTCONN;

	n->in_batch = false;
	if (r == 0)
		r = vcm_node_call(n, &p, &bye);
	forget(n);
	return r;
}

int vcm_node_ping(struct vcm_node *n)
{
	const struct vcm_op ping = { .code = OP_PING };
	struct vcm_pending p = { .data = NULL };

	return vcm_node_call(n, &p, &ping);
}
