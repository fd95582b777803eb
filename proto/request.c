// SPDX-License-Identifier: BSD-3-Clause
#include "proto/message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/quick.h"
#include "proto/text.h"
#include "proto/vcm.pb-c.h"

static int check_op(const VcmWire__Op *m, size_t i, struct reason *why)
{
	if (m->handle > PROTO_HANDLE_MAX)
		return refuse(why, -EPROTO, "operation %zu: handle %#" PRIx32 ": above %#x", i,
			      m->handle, PROTO_HANDLE_MAX);
	if (*m->name && !name_is_valid(m->name))
		return refuse(why, -EPROTO,
			      "operation %zu: name: more than %d bytes, or not printable", i,
			      PROTO_MAX_NAME);
	return 0;
}

static int take_ops(struct codec *c, const VcmWire__Request *m, struct request *out,
		    struct reason *why)
{
	struct op *ops = scratch_alloc_n(&c->scratch, m->n_ops, sizeof(*ops));
	size_t n_data = 0;
	int r;

	if (!ops)
		return refuse(why, -EPROTO, "%zu operations unfold to more than %u bytes", m->n_ops,
			      CODEC_MEMORY);
	for (size_t i = 0; i < m->n_ops; i++) {
		const VcmWire__Op *op = m->ops[i];

		r = check_op(op, i, why);
		if (r)
			return r;
		n_data += op->data.len;
		ops[i] = (struct op){ op->code, op->handle,    op->on,      op->target,
				      op->addr, op->len,       op->attr,    op->arg,
				      op->name, op->data.data, op->data.len };
	}
	if (n_data > PROTO_MAX_DATA)
		return refuse(why, -EPROTO, "%zu bytes of data: at most %d are allowed", n_data,
			      PROTO_MAX_DATA);
	out->ops = ops;
	out->n_ops = m->n_ops;
	return 0;
}

static int take_hello(const VcmWire__Hello *m, struct request *out, struct reason *why)
{
	if (!name_is_valid(m->name))
		return refuse(why, -EPROTO, "hello: name: more than %d bytes, or not printable",
			      PROTO_MAX_NAME);
	if (m->token.len != (m->session ? PROTO_TOKEN_LEN : 0))
		return refuse(why, -EPROTO, "hello: token of %zu bytes for session %" PRIu64,
			      m->token.len, m->session);
	out->is_hello = true;
	out->hello = (struct hello){ .version = m->version,
				     .features = m->features,
				     .name = m->name,
				     .session = m->session,
				     .sent = m->sent };
	if (m->session)
		memcpy(out->hello.token, m->token.data, PROTO_TOKEN_LEN);
	return 0;
}

static int check_request(const VcmWire__Request *m, struct reason *why)
{
	if (m->serial == 0)
		return refuse(why, -EPROTO, "serial 0: serials start at 1");
	if (m->ack >= m->serial)
		return refuse(why, -EPROTO, "ack %" PRIu64 ": not below serial %" PRIu64, m->ack,
			      m->serial);
	if (m->n_ops > PROTO_MAX_OPS)
		return refuse(why, -EPROTO, "%zu operations: at most %d are allowed", m->n_ops,
			      PROTO_MAX_OPS);
	if (m->hello && m->n_ops)
		return refuse(why, -EPROTO, "hello with %zu operations: it goes alone", m->n_ops);
	if (!m->hello && !m->n_ops)
		return refuse(why, -EPROTO, "request %" PRIu64 " asks for nothing", m->serial);
	return 0;
}

int request_decode(struct codec *c, const void *buf, size_t len, struct request *out,
		   struct reason *why)
{
	const VcmWire__Request *m;
	int r;

	if (quick_request_decode(&c->scratch, buf, len, out))
		return 0;
	m = codec_unpack(c, &vcm_wire__request__descriptor, buf, len, why);
	if (!m)
		return -EPROTO;
	r = check_request(m, why);
	if (r)
		return r;
	*out = (struct request){ .serial = m->serial, .ack = m->ack };
	return m->hello ? take_hello(m->hello, out, why) : take_ops(c, m, out, why);
}

static void give_op(const struct op *op, VcmWire__Op *m)
{
	vcm_wire__op__init(m);
	m->code = op->code;
	m->handle = op->handle;
	m->on = op->on;
	m->target = op->target;
	m->addr = op->addr;
	m->len = op->len;
	m->attr = op->attr;
	m->arg = op->arg;
	if (op->name)
		m->name = unconst(op->name);
	m->data = (ProtobufCBinaryData){ op->n_data, unconst(op->data) };
}

static int give_ops(struct codec *c, const struct request *in, VcmWire__Request *m)
{
	VcmWire__Op *ops = scratch_alloc_n(&c->scratch, in->n_ops, sizeof(*ops));
	VcmWire__Op **list = scratch_alloc_n(&c->scratch, in->n_ops, sizeof(VcmWire__Op *));
	size_t n_data = 0;

	if (in->n_ops > PROTO_MAX_OPS || !ops || !list)
		return -EMSGSIZE;
	for (size_t i = 0; i < in->n_ops; i++) {
		give_op(&in->ops[i], &ops[i]);
		n_data += in->ops[i].n_data;
		list[i] = &ops[i];
	}
	m->ops = list;
	m->n_ops = in->n_ops;
	return n_data > PROTO_MAX_DATA ? -EMSGSIZE : 0;
}

long request_encode(struct codec *c, const struct request *in, void *buf, size_t cap)
{
	VcmWire__Request m;
	VcmWire__Hello hello;
	size_t len = quick_request_encode(in, buf, cap);
	int r;

	if (len)
		return (long)len;
	scratch_reset(&c->scratch);
	vcm_wire__request__init(&m);
	m.serial = in->serial;
	m.ack = in->ack;
	if (in->is_hello) {
		vcm_wire__hello__init(&hello);
		hello.version = in->hello.version;
		hello.features = in->hello.features;
		if (in->hello.name)
			hello.name = unconst(in->hello.name);
		hello.session = in->hello.session;
		hello.sent = in->hello.sent;
		if (in->hello.session)
			hello.token =
				(ProtobufCBinaryData){ PROTO_TOKEN_LEN, unconst(in->hello.token) };
		m.hello = &hello;
	} else {
		r = give_ops(c, in, &m);
		if (r)
			return r;
	}
	return codec_pack(&m.base, buf, cap);
}
