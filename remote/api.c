// SPDX-License-Identifier: BSD-3-Clause
#include "remote/api.h"

#include "remote/batch.h"
#include "remote/error.h"

static struct {
	struct vcm_node *node;
	int error;
	bool gave_up; /* the last call's wait: whether it happens is not known */
} api;

void vcm_node_use(struct vcm_node *n)
{
	api.node = n;
}

struct vcm_node *vcm_node_used(void)
{
	return api.node;
}

int vcm_errno(void)
{
	return api.error;
}

int vcm_end(int status)
{
	api.error = -status;
	return status;
}

/* The broker's words, where they are about the last failure. */
const char *vcm_last_error(void)
{
	return api.node && api.error ? api.node->reason : "";
}

static int call(const struct vcm_op *op, struct vcm_pending *p)
{
	struct vcm_node *n = api.node;
	int r;

	*p = (struct vcm_pending){ .data = NULL };
	if (!n)
		return -VCM_ENOTCONN;
	n->reason[0] = 0;
	r = vcm_node_call(n, p, op);
	api.gave_up = p->gave_up;
	return r;
}

int vcm_do(const struct vcm_op *op)
{
	struct vcm_pending p;

	api.gave_up = false;
	return vcm_end(api.node && api.node->in_batch ? vcm_batch_add(api.node, op) : call(op, &p));
}

void *vcm_make(struct vcm_op *op)
{
	struct vcm_node *n = api.node;
	int r;

	if (!n) {
		vcm_end(-VCM_ENOTCONN);
		return NULL;
	}
	op->handle = vcm_node_new_handle(n);
	r = op->handle ? vcm_do(op) : vcm_end(-VCM_ENOMEM);
	if (r == 0) {
		if (n->in_batch)
			vcm_batch_made(n, op->handle);
		return vcm_object_of(op->handle);
	}
	/* It may be there all the same, until the session ends. */
	if (op->handle && !api.gave_up)
		vcm_node_free_handle(n, op->handle);
	return NULL;
}

int vcm_undo(const struct vcm_op *op)
{
	int r = vcm_do(op);

	if (r == 0 && api.node->in_batch)
		vcm_batch_ended(api.node, op->on);
	else if (r == 0)
		vcm_node_free_handle(api.node, op->on);
	return r;
}

bool vcm_ask(const struct vcm_op *op, struct vcm_pending *answer, uint32_t n_values)
{
	int r = api.node && api.node->in_batch ? -VCM_EINPROGRESS : call(op, answer);

	if (r == 0 && answer->n_values < n_values)
		r = -VCM_EPROTO;
	return vcm_end(r) == 0;
}

uint64_t vcm_ask_value(const struct vcm_op *op, uint32_t i, uint64_t error_value)
{
	struct vcm_pending p;

	return vcm_ask(op, &p, i + 1) ? p.values[i] : error_value;
}

size_t vcm_size_of(uint64_t v, size_t error_value)
{
	if (v <= SIZE_MAX)
		return (size_t)v;
	vcm_end(-VCM_EOVERFLOW);
	return error_value;
}

size_t vcm_ask_size(const struct vcm_op *op, uint32_t i, size_t error_value)
{
	return vcm_size_of(vcm_ask_value(op, i, error_value), error_value);
}

/* A name in the type of a pointer, as the specification wants it. */
void *vcm_object_of(uint64_t handle)
{
	if (handle <= UINT32_MAX)
		return (void *)(uintptr_t)handle; /* NOLINT(performance-no-int-to-ptr) */
	vcm_end(-VCM_EPROTO);
	return NULL;
}

void *vcm_ask_object(const struct vcm_op *op, uint32_t i)
{
	return vcm_object_of(vcm_ask_value(op, i, 0));
}
