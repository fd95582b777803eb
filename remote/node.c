// SPDX-License-Identifier: BSD-3-Clause
/* What comes over the link: replies, faults, resets. */
#include "remote/node.h"

#include "remote/error.h"
#include "remote/shared.h"

void vcm_node_init(struct vcm_node *n, const struct vcm_link *link, const char *name)
{
	*n = (struct vcm_node){ .link = link, .name = name };
}

static void settle(struct vcm_pending *p, int status)
{
	p->status = status;
	p->is_done = true;
}

void vcm_node_settle(struct vcm_node *n)
{
	for (struct vcm_pending *p = n->pending; p; p = p->next)
		settle(p, -VCM_ECONNRESET);
	n->pending = NULL;
}

static void lose(struct vcm_node *n)
{
	if (n->state == VCM_NODE_ATTACHED)
		n->state = VCM_NODE_LOST;
	vcm_node_settle(n);
	n->n_faults = 0;
	n->n_sent = n->n_fragments = 0;
}

void vcm_node_reset(void *node, bool is_up)
{
	struct vcm_node *n = node;

	lose(n);
	n->is_up = is_up;
	n->epoch++;
	vcm_assembly_init(&n->in, n->in_bytes, sizeof(n->in_bytes));
}

/* --- faults ------------------------------------------------------------------------------------------------------- */

static void take_fault(struct vcm_node *n, const vcm_wire_Fault *f)
{
	if (n->state != VCM_NODE_ATTACHED)
		return;
	if (n->n_faults == VCM_NODE_FAULTS) {
		n->n_missed++;
		return;
	}
	n->faults[n->n_faults++] = (struct vcm_node_fault){
		.id = f->id,
		.device = f->device,
		.is_too_far = (size_t)f->addr != f->addr || (size_t)f->len != f->len,
		.fault = { .size = sizeof(struct vcm_fault),
			   .dev_addr = (size_t)f->addr,
			   .len = (size_t)f->len,
			   .flags = f->flags,
			   .context = f->context,
			   .fsr = f->fsr,
			   .fsynr0 = f->fsynr0,
			   .fsynr1 = f->fsynr1,
			   .time_ns = f->time_ns },
	};
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static struct vcm_pending *unlink_pending(struct vcm_node *n, uint64_t serial)
{
	for (struct vcm_pending **at = &n->pending; *at; at = &(*at)->next) {
		struct vcm_pending *p = *at;

		if (p->serial != serial)
			continue;
		*at = p->next;
		return p;
	}
	return NULL;
}

static void answer(struct vcm_node *n, struct vcm_pending *p, const vcm_wire_Reply *r)
{
	p->failed = r->failed;
	p->n_values = r->values_count < OP_MAX_VALUES ? r->values_count : OP_MAX_VALUES;
	for (uint32_t i = 0; i < p->n_values; i++)
		p->values[i] = r->values[i];
	p->n_data = r->data.size;
	if (p->data)
		vcm_shared_read(p->data, r->data.bytes, p->n_data < p->cap ? p->n_data : p->cap);
	/* Most have none. */
	n->reason[0] = 0;
	if (r->reason[0])
		vcm_shared_read(n->reason, r->reason, sizeof(n->reason));
	/* A status that says neither done nor why not is the host's mistake, and is nobody's success. */
	settle(p, r->status <= 0 ? r->status : -VCM_EPROTO);
}

/* The welcome is for vcm_node_attach() only, which knows what to do without one. */
static void take_welcome(struct vcm_node *n, const vcm_wire_Reply *r)
{
	const vcm_wire_Welcome *w = &r->welcome;

	if (n->state != VCM_NODE_DETACHED || !r->has_welcome || w->version != VCM_PROTO_VERSION)
		return;
	n->max_ops = w->max_ops < VCM_MESSAGE_OPS ? w->max_ops : VCM_MESSAGE_OPS;
	n->state = n->max_ops ? VCM_NODE_ATTACHED : VCM_NODE_DETACHED;
}

static void take_reply(struct vcm_node *n, const vcm_wire_Reply *r)
{
	struct vcm_pending *p = unlink_pending(n, r->serial);

	if (!p) {
		n->n_stale++;
		return;
	}
	if (r->status == 0)
		take_welcome(n, r);
	answer(n, p, r);
}

static void take_message(struct vcm_node *n)
{
	const vcm_wire_Reply *r = &n->scratch.reply;
	bool is_wrong =
		vcm_reply_decode(&n->scratch, n->in.buf, n->in.len) < 0 || r->serial > n->serial;

	if (!is_wrong && r->serial)
		take_reply(n, r);
	else if (!is_wrong && r->has_fault)
		take_fault(n, &r->fault);
	else if (is_wrong || r->status < 0)
		lose(n);
}

void vcm_node_receive(void *node, const volatile void *payload, size_t len)
{
	struct vcm_node *n = node;
	enum vcm_assembly_result r = vcm_assembly_take(&n->in, payload, len);

	/* Before the welcome it may be the tail of what an earlier session was told, and then the host counts anew. */
	if (r == VCM_ASSEMBLY_WRONG && n->state == VCM_NODE_DETACHED) {
		vcm_assembly_init(&n->in, n->in_bytes, sizeof(n->in_bytes));
		if (vcm_assembly_take(&n->in, payload, len) == VCM_ASSEMBLY_DONE)
			take_message(n);
		return;
	}
	if (r == VCM_ASSEMBLY_DONE)
		take_message(n);
	else if (r == VCM_ASSEMBLY_WRONG)
		lose(n);
}
