// SPDX-License-Identifier: BSD-3-Clause
#include "remote/message.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include "remote/error.h"
#include "remote/quick.h"
#include "remote/shared.h"

_Static_assert(VCM_MESSAGE_CAP >= 640, "a reply with all that it can hold");

static pb_ostream_t rest_of(struct vcm_request *r)
{
	return pb_ostream_from_buffer(r->bytes + r->len, sizeof(r->bytes) - r->len);
}

void vcm_request_begin(struct vcm_request *r, uint64_t serial, uint64_t ack)
{
	r->n_ops = 0;
	r->len = vcm_quick_head(r->bytes, serial, ack);
}

/* The length, or max + 1 when it is longer. */
static size_t length_of(const char *text, size_t max)
{
	size_t n = 0;

	while (n <= max && text[n])
		n++;
	return n;
}

int vcm_request_hello(struct vcm_request *r, union vcm_scratch *s, uint64_t serial,
		      const char *name)
{
	size_t n = length_of(name, sizeof(s->request.hello.name) - 1);
	pb_ostream_t out;

	if (n >= sizeof(s->request.hello.name))
		return -VCM_E2BIG;
	s->request = (vcm_wire_Request){ .serial = serial,
					 .has_hello = true,
					 .hello = { .version = VCM_PROTO_VERSION } };
	vcm_shared_read(s->request.hello.name, name, n);
	r->len = r->n_ops = 0;
	out = rest_of(r);
	if (!pb_encode(&out, vcm_wire_Request_fields, &s->request))
		return -VCM_E2BIG;
	r->len = out.bytes_written;
	return 0;
}

static int fill(vcm_wire_Op *m, const struct vcm_op *op)
{
	size_t n = op->name ? length_of(op->name, VCM_MESSAGE_NAME) : 0;

	if (n > VCM_MESSAGE_NAME || op->n_data > VCM_MESSAGE_DATA)
		return -VCM_EINVAL;
	*m = (vcm_wire_Op){ .code = op->code,
			    .handle = op->handle,
			    .on = op->on,
			    .target = op->target,
			    .addr = op->addr,
			    .len = op->len,
			    .attr = op->attr,
			    .arg = op->arg };
	vcm_shared_read(m->name, op->name, n);
	vcm_shared_read(m->data.bytes, op->data, op->n_data);
	m->data.size = (pb_size_t)op->n_data;
	return 0;
}

static int add_any(struct vcm_request *r, union vcm_scratch *s, const struct vcm_op *op)
{
	pb_ostream_t out = rest_of(r);

	if (fill(&s->op, op) < 0)
		return -VCM_EINVAL;
	if (!pb_encode_tag(&out, PB_WT_STRING, vcm_wire_Request_ops_tag) ||
	    !pb_encode_submessage(&out, vcm_wire_Op_fields, &s->op))
		return -VCM_E2BIG;
	r->len += out.bytes_written;
	return 0;
}

int vcm_request_add(struct vcm_request *r, union vcm_scratch *s, const struct vcm_op *op)
{
	bool is_plain = !op->name && !op->n_data && sizeof(r->bytes) - r->len >= VCM_QUICK_OP;
	int status = r->n_ops == VCM_MESSAGE_OPS ? -VCM_E2BIG : 0;

	if (status == 0 && is_plain)
		r->len += vcm_quick_op(r->bytes + r->len, op);
	else if (status == 0)
		status = add_any(r, s, op);
	r->n_ops += status == 0;
	return status;
}

int vcm_reply_decode(union vcm_scratch *s, const uint8_t *bytes, size_t len)
{
	pb_istream_t in = pb_istream_from_buffer(bytes, len);

	if (vcm_quick_reply(bytes, len, &s->reply))
		return 0;
	return pb_decode(&in, vcm_wire_Reply_fields, &s->reply) ? 0 : -VCM_EPROTO;
}
