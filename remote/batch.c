// SPDX-License-Identifier: BSD-3-Clause
#include "remote/batch.h"

#include <vcm/vcm.h>

#include "remote/api.h"
#include "remote/error.h"

static void mark(uint32_t *set, uint32_t handle)
{
	if (handle - 1 < VCM_NODE_OBJECTS)
		set[(handle - 1) / 32] |= 1u << (handle - 1) % 32;
}

void vcm_batch_made(struct vcm_node *n, uint32_t handle)
{
	mark(n->batched, handle);
}

void vcm_batch_ended(struct vcm_node *n, uint32_t handle)
{
	mark(n->released, handle);
}

/* gone: the handles that are free from now on; NULL: nobody knows, and none of them is given again in this session. */
static void close_batch(struct vcm_node *n, const uint32_t *gone)
{
	for (uint32_t i = 0; i < VCM_NODE_OBJECTS / 32; i++) {
		n->objects[i] &= ~(gone ? gone[i] : 0);
		n->batched[i] = n->released[i] = 0;
	}
	n->in_batch = false;
}

int vcm_batch_add(struct vcm_node *n, const struct vcm_op *op)
{
	if (n->batch_error == 0 && n->state != VCM_NODE_ATTACHED)
		n->batch_error = -VCM_ENOTCONN;
	if (n->batch_error == 0 && n->out.n_ops == n->max_ops)
		n->batch_error = -VCM_E2BIG;
	if (n->batch_error == 0)
		n->batch_error = vcm_request_add(&n->out, &n->scratch, op);
	return n->batch_error;
}

int vcm_batch_begin(void)
{
	struct vcm_node *n = vcm_node_used();
	int r;

	if (!n || n->state != VCM_NODE_ATTACHED)
		return vcm_end(-VCM_ENOTCONN);
	if (n->in_batch)
		return vcm_end(-VCM_EBUSY);
	r = vcm_node_send_rest(n);
	if (r < 0)
		return vcm_end(r);
	vcm_request_begin(&n->out, n->serial + 1, vcm_node_seen(n));
	n->in_batch = true;
	n->batch_error = 0;
	return vcm_end(0);
}

static int send_batch(struct vcm_node *n, uint32_t *out_failed, bool *out_gave_up)
{
	struct vcm_pending p = { .data = NULL };
	int r = n->batch_error;

	*out_failed = n->out.n_ops;
	if (r < 0 || n->out.n_ops == 0)
		return r;
	n->reason[0] = 0;
	r = n->state == VCM_NODE_ATTACHED ? vcm_node_send(n, &p) : -VCM_ENOTCONN;
	if (r == 0)
		r = vcm_node_finish(n, &p);
	*out_failed = p.failed;
	*out_gave_up = p.gave_up;
	return r;
}

int vcm_batch_commit(size_t *failed)
{
	struct vcm_node *n = vcm_node_used();
	bool gave_up = false;
	uint32_t at;
	int r;

	if (!n || !n->in_batch)
		return vcm_end(-VCM_EINVAL);
	/* Handlers that run while it waits are no part of it. */
	n->in_batch = false;
	r = send_batch(n, &at, &gave_up);
	if (r < 0 && failed)
		*failed = at;
	close_batch(n, gave_up ? NULL : r < 0 ? n->batched : n->released);
	return vcm_end(r);
}

void vcm_batch_abort(void)
{
	struct vcm_node *n = vcm_node_used();

	if (n && n->in_batch)
		close_batch(n, n->batched);
}
