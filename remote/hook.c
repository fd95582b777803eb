// SPDX-License-Identifier: BSD-3-Clause
#include "remote/hook.h"

#include <vcm/vcm.h>

#include "remote/error.h"

static struct vcm_node_hook *find(struct vcm_node *n, uint32_t device)
{
	for (uint32_t i = 0; i < VCM_NODE_HOOKS; i++)
		if (n->hooks[i].device == device)
			return &n->hooks[i];
	return NULL;
}

struct vcm_node_hook vcm_node_get_hook(struct vcm_node *n, uint32_t device)
{
	const struct vcm_node_hook *hook = find(n, device);

	return hook ? *hook : (struct vcm_node_hook){ .handler = NULL };
}

int vcm_node_set_hook(struct vcm_node *n, uint32_t device, vcm_handler handler, void *data)
{
	struct vcm_node_hook *hook = find(n, device);

	if (!hook && !handler)
		return 0;
	if (!hook)
		hook = find(n, 0);
	if (!hook)
		return -VCM_ENOMEM;
	*hook = (struct vcm_node_hook){ handler ? device : 0, handler, data };
	return 0;
}

/* On the wire: 0 terminate, 1 retry, from 2 on the handler has failed. */
static uint64_t verdict_of(int r)
{
	return r < 0 ? 2 + (uint64_t) - (int64_t)r : r == VCM_FAULT_RETRY;
}

static void handle(struct vcm_node *n, struct vcm_node_fault *f)
{
	/* Device 0 is nobody's, and what free places have. */
	const struct vcm_node_hook *hook = f->device ? find(n, f->device) : NULL;
	struct vcm_op op = { .code = OP_FAULT_REPLY, .addr = f->id };
	struct vcm_pending p = { .data = NULL };

	if (f->is_too_far)
		op.arg = verdict_of(-VCM_EOVERFLOW);
	else if (hook)
		op.arg = verdict_of(hook->handler(f->device, hook->data, &f->fault));
	/* Whether it was still waited for is the broker's to know. */
	(void)vcm_node_call(n, &p, &op);
}

static bool is_runnable(const struct vcm_node *n)
{
	return n->n_faults && n->depth < VCM_NODE_DEPTH && !n->in_batch;
}

uint32_t vcm_node_run_hooks(struct vcm_node *n)
{
	uint32_t done = 0;

	while (is_runnable(n)) {
		struct vcm_node_fault f = n->faults[0];

		n->n_faults--;
		for (uint32_t i = 0; i < n->n_faults; i++)
			n->faults[i] = n->faults[i + 1];
		n->depth++;
		handle(n, &f);
		n->depth--;
		done++;
	}
	return done;
}
