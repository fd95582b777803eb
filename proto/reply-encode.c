// SPDX-License-Identifier: BSD-3-Clause
#include "proto/message.h"

#include <assert.h>
#include <errno.h>

#include "proto/codec.h"
#include "proto/quick.h"
#include "proto/text.h"
#include "proto/vcm.pb-c.h"

static int give_pieces(struct scratch *a, const struct reply *in, VcmWire__Reply *m)
{
	VcmWire__Piece *pieces = scratch_alloc_n(a, in->n_pieces, sizeof(*pieces));
	VcmWire__Piece **list = scratch_alloc_n(a, in->n_pieces, sizeof(VcmWire__Piece *));

	if (in->n_pieces > PROTO_MAX_PIECES || !pieces || !list)
		return -EMSGSIZE;
	for (size_t i = 0; i < in->n_pieces; i++) {
		const struct piece *p = &in->pieces[i];

		vcm_wire__piece__init(&pieces[i]);
		pieces[i].op = p->op;
		pieces[i].arena = p->arena;
		pieces[i].offset = p->offset;
		pieces[i].len = p->len;
		pieces[i].fd = p->fd;
		list[i] = &pieces[i];
	}
	m->pieces = list;
	m->n_pieces = in->n_pieces;
	return 0;
}

static int give_row(struct scratch *a, const struct row *row, VcmWire__Row *m)
{
	assert(row->n_n <= ROW_MAX_N && row->n_s <= ROW_MAX_S);
	vcm_wire__row__init(m);
	m->n = unconst(row->n);
	m->n_n = row->n_n;
	m->s = scratch_alloc_n(a, row->n_s, sizeof(*m->s));
	if (!m->s)
		return -EMSGSIZE;
	for (; m->n_s < row->n_s; m->n_s++) {
		m->s[m->n_s] = text_make_valid(a, row->s[m->n_s]);
		if (!m->s[m->n_s])
			return -EMSGSIZE;
	}
	return 0;
}

static int give_rows(struct scratch *a, const struct reply *in, VcmWire__Reply *m)
{
	VcmWire__Row *rows = scratch_alloc_n(a, in->n_rows, sizeof(*rows));
	VcmWire__Row **list = scratch_alloc_n(a, in->n_rows, sizeof(VcmWire__Row *));
	int r;

	if (in->n_rows > PROTO_MAX_ROWS || !rows || !list)
		return -EMSGSIZE;
	for (size_t i = 0; i < in->n_rows; i++) {
		r = give_row(a, &in->rows[i], &rows[i]);
		if (r)
			return r;
		list[i] = &rows[i];
	}
	m->rows = list;
	m->n_rows = in->n_rows;
	return 0;
}

static int give_reason(struct scratch *a, const struct reply *in, VcmWire__Reply *m)
{
	if (!in->reason || !*in->reason)
		return 0;
	m->reason = text_make_valid(a, in->reason);
	return m->reason ? 0 : -EMSGSIZE;
}

static void give_welcome(const struct welcome *w, VcmWire__Welcome *m)
{
	vcm_wire__welcome__init(m);
	m->version = w->version;
	m->features = w->features;
	m->max_message = w->max_message;
	m->max_ops = w->max_ops;
	m->max_data = w->max_data;
	m->session = w->session;
	m->token = (ProtobufCBinaryData){ PROTO_TOKEN_LEN, unconst(w->token) };
	m->grace = w->grace;
}

static void give_fault(const struct fault_event *f, VcmWire__Fault *m)
{
	vcm_wire__fault__init(m);
	m->id = f->id;
	m->device = f->device;
	m->addr = f->addr;
	m->len = f->len;
	m->flags = f->flags;
	m->context = f->context;
	m->fsr = f->fsr;
	m->fsynr0 = f->fsynr0;
	m->fsynr1 = f->fsynr1;
	m->time_ns = f->time_ns;
}

/* What needs no memory. */
static int give_plain(const struct reply *in, VcmWire__Reply *m)
{
	m->serial = in->serial;
	m->status = in->status;
	m->failed = in->failed;
	m->values = unconst(in->values);
	m->n_values = in->n_values;
	m->data = (ProtobufCBinaryData){ in->n_data, unconst(in->data) };
	if (in->n_values > PROTO_MAX_VALUES || in->n_data > PROTO_MAX_DATA)
		return -EMSGSIZE;
	return 0;
}

long reply_encode(struct codec *c, const struct reply *in, void *buf, size_t cap)
{
	VcmWire__Reply m;
	VcmWire__Welcome welcome;
	VcmWire__Fault fault;
	size_t len = quick_reply_encode(in, buf, cap);

	if (len)
		return (long)len;
	scratch_reset(&c->scratch);
	vcm_wire__reply__init(&m);
	if (give_plain(in, &m) || give_reason(&c->scratch, in, &m) ||
	    give_pieces(&c->scratch, in, &m) || give_rows(&c->scratch, in, &m))
		return -EMSGSIZE;
	if (in->welcome) {
		give_welcome(in->welcome, &welcome);
		m.welcome = &welcome;
	}
	if (in->fault) {
		give_fault(in->fault, &fault);
		m.fault = &fault;
	}
	return codec_pack(&m.base, buf, cap);
}
