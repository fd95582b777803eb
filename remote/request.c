// SPDX-License-Identifier: BSD-3-Clause
/* Calls of the broker, in two halves. */
#include "remote/error.h"
#include "remote/fragment.h"
#include "remote/hook.h"
#include "remote/node.h"

uint64_t vcm_node_seen(const struct vcm_node *n)
{
	uint64_t seen = n->serial;

	for (const struct vcm_pending *p = n->pending; p; p = p->next)
		seen = p->serial - 1;
	return seen;
}

/* Whatever comes meanwhile is taken; handlers wait until the message is out. */
static int send_fragment(struct vcm_node *n, uint32_t epoch, const void *fragment, size_t len)
{
	const struct vcm_link *link = n->link;

	for (;;) {
		int r = link->send(link->ctx, fragment, len);

		if (r != -VCM_EAGAIN)
			return r;
		r = link->run(link->ctx, 1);
		if (r < 0)
			return r;
		/* What is left of it means nothing to the host of now. */
		if (n->epoch != epoch)
			return -VCM_ECONNRESET;
	}
}

int vcm_node_send_rest(struct vcm_node *n)
{
	uint32_t epoch = n->epoch;
	int r = 0;

	while (n->n_sent < n->n_fragments && r == 0) {
		size_t len;
		const void *fragment = vcm_fragment_make(n->out.bytes, n->out.len, n->link->payload,
							 n->number, n->n_sent, &len);

		r = send_fragment(n, epoch, fragment, len);
		n->n_sent += r == 0;
	}
	return r;
}

/* What has been begun is gone on with; of what has not, the host never hears. */
static int send_all(struct vcm_node *n, struct vcm_pending *p)
{
	int r;

	n->n_sent = 0;
	n->n_fragments = vcm_fragment_count(n->out.len, n->link->payload);
	if (!n->n_fragments)
		return -VCM_E2BIG;
	n->number = vcm_fragment_number_after(n->number);
	r = vcm_node_send_rest(n);
	p->gave_up = r < 0 && n->n_sent > 0;
	if (n->n_sent == 0)
		n->n_fragments = 0;
	return r;
}

int vcm_node_send(struct vcm_node *n, struct vcm_pending *p)
{
	int r;

	p->serial = ++n->serial;
	p->is_done = false;
	p->gave_up = false;
	p->n_values = 0;
	p->n_data = 0;
	p->failed = n->out.n_ops;
	p->next = n->pending;
	n->pending = p;
	r = send_all(n, p);
	if (r < 0)
		vcm_node_drop(n, p);
	return r;
}

void vcm_node_drop(struct vcm_node *n, struct vcm_pending *p)
{
	for (struct vcm_pending **at = &n->pending; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			return;
		}
}

int vcm_node_submit(struct vcm_node *n, struct vcm_pending *p, const struct vcm_op *op)
{
	int r;

	p->gave_up = false;
	if (n->state != VCM_NODE_ATTACHED)
		return -VCM_ENOTCONN;
	/* What an open batch has collected is in the same place. */
	if (n->in_batch)
		return -VCM_EBUSY;
	r = vcm_node_send_rest(n);
	if (r < 0)
		return r;
	vcm_request_begin(&n->out, n->serial + 1, vcm_node_seen(n));
	r = vcm_request_add(&n->out, &n->scratch, op);
	return r == 0 ? vcm_node_send(n, p) : r;
}

int vcm_node_finish(struct vcm_node *n, struct vcm_pending *p)
{
	while (!p->is_done) {
		int r = vcm_node_wait(n);

		if (r < 0 && !p->is_done) {
			vcm_node_drop(n, p);
			p->gave_up = true;
			return r;
		}
	}
	return p->status;
}

int vcm_node_call(struct vcm_node *n, struct vcm_pending *p, const struct vcm_op *op)
{
	int r = vcm_node_submit(n, p, op);

	return r == 0 ? vcm_node_finish(n, p) : r;
}

uint32_t vcm_node_poll(struct vcm_node *n)
{
	/* What the link says of giving up is for those who wait. */
	(void)n->link->run(n->link->ctx, 0);
	return vcm_node_run_hooks(n);
}

int vcm_node_wait(struct vcm_node *n)
{
	/* Before, not after: what a handler's calls leave behind is not to be seen where an answer has just come. */
	if (vcm_node_run_hooks(n))
		return 0;
	return n->link->run(n->link->ctx, 1);
}
