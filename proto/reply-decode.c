// SPDX-License-Identifier: BSD-3-Clause
#include "proto/message.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fdset.h"
#include "base/range.h"
#include "proto/codec.h"
#include "proto/quick.h"
#include "proto/text.h"
#include "proto/vcm.pb-c.h"

#define STATUS_MIN (-4095) /* errno numbers end there, as in the kernel */

static_assert(ROW_MAX_N <= UINT8_MAX && ROW_MAX_S <= UINT8_MAX, "a row counts in bytes");

static int check_piece(const VcmWire__Piece *m, size_t i, struct reason *why)
{
	struct range r;

	if (m->op >= PROTO_MAX_OPS)
		return refuse(why, -EPROTO, "piece %zu: op %" PRIu32 ": there are %d at most", i,
			      m->op, PROTO_MAX_OPS);
	if (!range_make(m->offset, m->len, &r))
		return refuse(why, -EPROTO, "piece %zu: len %#" PRIx64 " at offset %#" PRIx64, i,
			      m->len, m->offset);
	if (m->fd > FDSET_MAX)
		return refuse(why, -EPROTO, "piece %zu: fd %" PRIu32 ": there are %d at most", i,
			      m->fd, FDSET_MAX);
	return 0;
}

static int take_pieces(struct codec *c, const VcmWire__Reply *m, struct reply *out,
		       struct reason *why)
{
	struct piece *pieces = scratch_alloc_n(&c->scratch, m->n_pieces, sizeof(*pieces));
	int r;

	if (!pieces)
		return refuse(why, -EPROTO, "%zu pieces unfold to more than %u bytes", m->n_pieces,
			      CODEC_MEMORY);
	for (size_t i = 0; i < m->n_pieces; i++) {
		const VcmWire__Piece *p = m->pieces[i];

		r = check_piece(p, i, why);
		if (r)
			return r;
		pieces[i] = (struct piece){ p->op, p->arena, p->offset, p->len, p->fd };
	}
	out->pieces = pieces;
	out->n_pieces = m->n_pieces;
	return 0;
}

static int take_row(const VcmWire__Row *m, size_t i, struct row *out, struct reason *why)
{
	if (m->n_n > ROW_MAX_N || m->n_s > ROW_MAX_S)
		return refuse(why, -EPROTO,
			      "row %zu: %zu numbers and %zu texts: at most %d and %d are allowed",
			      i, m->n_n, m->n_s, ROW_MAX_N, ROW_MAX_S);
	*out = (struct row){ .n_n = (uint8_t)m->n_n, .n_s = (uint8_t)m->n_s };
	if (m->n_n)
		memcpy(out->n, m->n, m->n_n * sizeof(*m->n));
	for (size_t s = 0; s < m->n_s; s++) {
		if (!text_is_valid(m->s[s]))
			return refuse(why, -EPROTO,
				      "row %zu: text %zu: above %d bytes, or control characters", i,
				      s, PROTO_MAX_TEXT);
		out->s[s] = m->s[s];
	}
	return 0;
}

static int take_rows(struct codec *c, const VcmWire__Reply *m, struct reply *out,
		     struct reason *why)
{
	struct row *rows = scratch_alloc_n(&c->scratch, m->n_rows, sizeof(*rows));
	int r;

	if (!rows)
		return refuse(why, -EPROTO, "%zu rows unfold to more than %u bytes", m->n_rows,
			      CODEC_MEMORY);
	for (size_t i = 0; i < m->n_rows; i++) {
		r = take_row(m->rows[i], i, &rows[i], why);
		if (r)
			return r;
	}
	out->rows = rows;
	out->n_rows = m->n_rows;
	return 0;
}

static int take_welcome(struct codec *c, const VcmWire__Welcome *m, struct reply *out,
			struct reason *why)
{
	struct welcome *w;

	if (m->token.len != PROTO_TOKEN_LEN)
		return refuse(why, -EPROTO, "welcome: token of %zu bytes: it has %d", m->token.len,
			      PROTO_TOKEN_LEN);
	w = scratch_alloc(&c->scratch, sizeof(*w));
	if (!w)
		return refuse(why, -EPROTO, "welcome unfolds to more than %u bytes", CODEC_MEMORY);
	*w = (struct welcome){ m->version, m->features, m->max_message,
			       m->max_ops, m->max_data, m->session };
	memcpy(w->token, m->token.data, PROTO_TOKEN_LEN);
	w->grace = m->grace;
	out->welcome = w;
	return 0;
}

static int take_fault(struct codec *c, const VcmWire__Fault *m, struct reply *out,
		      struct reason *why)
{
	struct fault_event *f = scratch_alloc(&c->scratch, sizeof(*f));

	if (!f)
		return refuse(why, -EPROTO, "fault unfolds to more than %u bytes", CODEC_MEMORY);
	*f = (struct fault_event){ m->id,      m->device, m->addr,   m->len,    m->flags,
				   m->context, m->fsr,    m->fsynr0, m->fsynr1, m->time_ns };
	out->fault = f;
	return 0;
}

static int check_limits(const VcmWire__Reply *m, struct reason *why)
{
	if (m->n_values > PROTO_MAX_VALUES)
		return refuse(why, -EPROTO, "%zu values: at most %d are allowed", m->n_values,
			      PROTO_MAX_VALUES);
	if (m->n_pieces > PROTO_MAX_PIECES)
		return refuse(why, -EPROTO, "%zu pieces: at most %d are allowed", m->n_pieces,
			      PROTO_MAX_PIECES);
	if (m->n_rows > PROTO_MAX_ROWS)
		return refuse(why, -EPROTO, "%zu rows: at most %d are allowed", m->n_rows,
			      PROTO_MAX_ROWS);
	if (m->data.len > PROTO_MAX_DATA)
		return refuse(why, -EPROTO, "%zu bytes of data: at most %d are allowed",
			      m->data.len, PROTO_MAX_DATA);
	return 0;
}

static int check_reply(const VcmWire__Reply *m, struct reason *why)
{
	if (m->status > 0 || m->status < STATUS_MIN)
		return refuse(why, -EPROTO, "status %" PRId32 ": neither 0 nor a negative errno",
			      m->status);
	if (m->failed >= PROTO_MAX_OPS)
		return refuse(why, -EPROTO, "failed %" PRIu32 ": there are %d at most", m->failed,
			      PROTO_MAX_OPS);
	if (!text_is_valid(m->reason))
		return refuse(why, -EPROTO, "reason: above %d bytes, or control characters",
			      PROTO_MAX_TEXT);
	if (m->serial && m->fault)
		return refuse(why, -EPROTO, "fault in the reply to request %" PRIu64, m->serial);
	if (!m->serial && m->welcome)
		return refuse(why, -EPROTO, "welcome that answers no request");
	if (!m->serial && !m->fault && !m->status)
		return refuse(why, -EPROTO, "event of no kind");
	return check_limits(m, why);
}

static int take_parts(struct codec *c, const VcmWire__Reply *m, struct reply *out,
		      struct reason *why)
{
	int r = 0;

	if (m->n_pieces)
		r = take_pieces(c, m, out, why);
	if (!r && m->n_rows)
		r = take_rows(c, m, out, why);
	if (!r && m->welcome)
		r = take_welcome(c, m->welcome, out, why);
	if (!r && m->fault)
		r = take_fault(c, m->fault, out, why);
	return r;
}

int reply_decode(struct codec *c, const void *buf, size_t len, struct reply *out,
		 struct reason *why)
{
	const VcmWire__Reply *m;
	int r;

	if (quick_reply_decode(&c->scratch, buf, len, out))
		return 0;
	m = codec_unpack(c, &vcm_wire__reply__descriptor, buf, len, why);
	if (!m)
		return -EPROTO;
	r = check_reply(m, why);
	if (r)
		return r;
	*out = (struct reply){ .serial = m->serial,
			       .status = m->status,
			       .failed = m->failed,
			       .reason = m->reason,
			       .values = m->values,
			       .n_values = m->n_values,
			       .data = m->data.data,
			       .n_data = m->data.len };
	return take_parts(c, m, out, why);
}
