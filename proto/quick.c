// SPDX-License-Identifier: BSD-3-Clause
#include "proto/quick.h"

#include <stdint.h>

#include "base/fdset.h"
#include "base/range.h"

#define MAX_VARINT 10
/* Tag and value of the numbers of an operation, or of a piece, each as long as it can be: the length is one byte. */
#define MAX_NUMBERS (5 * (1 + 5) + 3 * (1 + MAX_VARINT))
_Static_assert(MAX_NUMBERS < 0x80, "the length of a part is one byte");

#define TAG_INT(field) ((field) << 3)
#define TAG_BYTES(field) ((field) << 3 | 2)

/* The numbers of the fields, from vcm.proto. */
enum { REQUEST_SERIAL = 1, REQUEST_ACK = 2, REQUEST_OPS = 3 };
enum { REPLY_SERIAL = 1, REPLY_VALUES = 5, REPLY_PIECES = 6 };

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct reader {
	const uint8_t *at, *end;
};

static bool get_long_varint(struct reader *r, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 7 * MAX_VARINT && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

/* Most have one byte, or two. */
static inline bool get_varint(struct reader *r, uint64_t *out)
{
	size_t left = (size_t)(r->end - r->at);

	if (left >= 1 && r->at[0] < 0x80) {
		*out = *r->at++;
		return true;
	}
	if (left >= 2 && r->at[1] < 0x80) {
		*out = (r->at[0] & 0x7fu) | (unsigned int)r->at[1] << 7;
		r->at += 2;
		return true;
	}
	return get_long_varint(r, out);
}

/* The part that follows, which is a reader of its own. */
static inline bool get_part(struct reader *r, struct reader *out)
{
	uint64_t len;

	if (!get_varint(r, &len) || len > (uint64_t)(r->end - r->at))
		return false;
	*out = (struct reader){ r->at, r->at + len };
	r->at += len;
	return true;
}

static inline bool get_u32(struct reader *r, uint32_t *out)
{
	uint64_t v;

	if (!get_varint(r, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* All of them are numbers; an operation with a name or with data is none for us. */
static bool get_op(struct reader *r, struct op *op)
{
	uint64_t v, narrow = 0; /* all bits of those that have 32 */

	*op = (struct op){ .name = "" };
	while (r->at < r->end) {
		uint8_t tag = *r->at++;

		if (!get_varint(r, &v))
			return false;
		switch (tag) {
		case TAG_INT(1):
			narrow |= v;
			op->code = (uint32_t)v;
			break;
		case TAG_INT(2):
			narrow |= v;
			op->handle = (uint32_t)v;
			break;
		case TAG_INT(3):
			narrow |= v;
			op->on = (uint32_t)v;
			break;
		case TAG_INT(4):
			narrow |= v;
			op->target = (uint32_t)v;
			break;
		case TAG_INT(5):
			op->addr = v;
			break;
		case TAG_INT(6):
			op->len = v;
			break;
		case TAG_INT(7):
			narrow |= v;
			op->attr = (uint32_t)v;
			break;
		case TAG_INT(8):
			op->arg = v;
			break;
		default:
			return false;
		}
	}
	return narrow <= UINT32_MAX && op->handle <= PROTO_HANDLE_MAX;
}

static bool get_request(struct reader *r, struct op *ops, struct request *out)
{
	struct reader part;
	bool good = true;

	while (good && r->at < r->end) {
		switch (*r->at++) {
		case TAG_INT(REQUEST_SERIAL):
			good = get_varint(r, &out->serial);
			break;
		case TAG_INT(REQUEST_ACK):
			good = get_varint(r, &out->ack);
			break;
		case TAG_BYTES(REQUEST_OPS):
			good = out->n_ops < PROTO_MAX_OPS && get_part(r, &part) &&
			       get_op(&part, &ops[out->n_ops++]);
			break;
		default:
			return false;
		}
	}
	return good;
}

bool quick_request_decode(struct scratch *s, const void *buf, size_t len, struct request *out)
{
	struct reader r = { buf, (const uint8_t *)buf + len };
	struct op *ops;

	scratch_reset(s);
	ops = scratch_alloc_n(s, PROTO_MAX_OPS, sizeof(*ops));
	if (!ops || len > PROTO_MAX_MESSAGE)
		return false;
	/* Of all fields only these: there is no hello. */
	out->serial = out->ack = 0;
	out->is_hello = false;
	out->ops = ops;
	out->n_ops = 0;
	return get_request(&r, ops, out) && out->ack < out->serial && out->n_ops > 0;
}

static bool get_piece_field(struct reader *r, uint8_t tag, struct piece *p)
{
	switch (tag) {
	case TAG_INT(1):
		return get_u32(r, &p->op);
	case TAG_INT(2):
		return get_u32(r, &p->arena);
	case TAG_INT(3):
		return get_varint(r, &p->offset);
	case TAG_INT(4):
		return get_varint(r, &p->len);
	case TAG_INT(5):
		return get_u32(r, &p->fd);
	default:
		return false;
	}
}

static bool get_piece(struct reader *r, struct piece *p)
{
	struct range range;

	*p = (struct piece){ .op = 0 };
	while (r->at < r->end) {
		uint8_t tag = *r->at++;

		if (!get_piece_field(r, tag, p))
			return false;
	}
	return p->op < PROTO_MAX_OPS && p->fd <= FDSET_MAX && range_make(p->offset, p->len, &range);
}

static bool get_values(struct reader *r, uint64_t *values, size_t *n)
{
	while (r->at < r->end)
		if (*n == PROTO_MAX_VALUES || !get_varint(r, &values[(*n)++]))
			return false;
	return true;
}

static bool get_reply(struct reader *r, uint64_t *values, struct piece *pieces, struct reply *out)
{
	struct reader part;
	bool good = true;

	while (good && r->at < r->end) {
		switch (*r->at++) {
		case TAG_INT(REPLY_SERIAL):
			good = get_varint(r, &out->serial);
			break;
		case TAG_BYTES(REPLY_VALUES):
			good = get_part(r, &part) && get_values(&part, values, &out->n_values);
			break;
		case TAG_BYTES(REPLY_PIECES):
			good = out->n_pieces < PROTO_MAX_PIECES && get_part(r, &part) &&
			       get_piece(&part, &pieces[out->n_pieces++]);
			break;
		default:
			return false;
		}
	}
	return good;
}

bool quick_reply_decode(struct scratch *s, const void *buf, size_t len, struct reply *out)
{
	struct reader r = { buf, (const uint8_t *)buf + len };
	struct piece *pieces;
	uint64_t *values;

	scratch_reset(s);
	values = scratch_alloc_n(s, PROTO_MAX_VALUES, sizeof(*values));
	pieces = scratch_alloc_n(s, PROTO_MAX_PIECES, sizeof(*pieces));
	if (!values || !pieces || len > PROTO_MAX_MESSAGE)
		return false;
	*out = (struct reply){ .reason = "", .values = values, .pieces = pieces };
	return get_reply(&r, values, pieces, out) && out->serial > 0;
}

/* --- writing: the caller has made room -------------------------------------------------------------------------- */

static inline uint8_t *put_varint(uint8_t *at, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*at++ = (uint8_t)(v | 0x80);
	*at++ = (uint8_t)v;
	return at;
}

/* A field of 0 is not written: that is what it is without. */
static inline uint8_t *put_int(uint8_t *at, unsigned int field, uint64_t v)
{
	if (v == 0)
		return at;
	*at++ = (uint8_t)TAG_INT(field);
	return put_varint(at, v);
}

static uint8_t *put_op(uint8_t *at, const struct op *op)
{
	at = put_int(at, 1, op->code);
	at = put_int(at, 2, op->handle);
	at = put_int(at, 3, op->on);
	at = put_int(at, 4, op->target);
	at = put_int(at, 5, op->addr);
	at = put_int(at, 6, op->len);
	at = put_int(at, 7, op->attr);
	return put_int(at, 8, op->arg);
}

static uint8_t *put_piece(uint8_t *at, const struct piece *p)
{
	at = put_int(at, 1, p->op);
	at = put_int(at, 2, p->arena);
	at = put_int(at, 3, p->offset);
	at = put_int(at, 4, p->len);
	return put_int(at, 5, p->fd);
}

static bool has_room(const uint8_t *at, const uint8_t *end)
{
	return end - at >= 2 + MAX_NUMBERS;
}

size_t quick_request_encode(const struct request *in, void *buf, size_t cap)
{
	uint8_t *at = buf;
	const uint8_t *end = at + cap;

	if (in->is_hello || in->n_ops > PROTO_MAX_OPS || cap > PROTO_MAX_MESSAGE ||
	    !has_room(at, end))
		return 0;
	at = put_int(at, REQUEST_SERIAL, in->serial);
	at = put_int(at, REQUEST_ACK, in->ack);
	for (size_t i = 0; i < in->n_ops; i++) {
		const struct op *op = &in->ops[i];
		uint8_t *body = at + 2;

		if (op->n_data || (op->name && *op->name) || !has_room(at, end))
			return 0;
		at[0] = TAG_BYTES(REQUEST_OPS);
		at[1] = (uint8_t)(put_op(body, op) - body);
		at = body + at[1];
	}
	return (size_t)(at - (uint8_t *)buf);
}

static size_t varint_len(uint64_t v)
{
	return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

/* NULL: no room. */
static uint8_t *put_values(uint8_t *at, const uint8_t *end, const struct reply *in)
{
	size_t len = 0;

	for (size_t i = 0; i < in->n_values; i++)
		len += varint_len(in->values[i]);
	if (len == 0)
		return at;
	if ((size_t)(end - at) < 1 + MAX_VARINT + len)
		return NULL;
	*at++ = TAG_BYTES(REPLY_VALUES);
	at = put_varint(at, len);
	for (size_t i = 0; i < in->n_values; i++)
		at = put_varint(at, in->values[i]);
	return at;
}

static bool is_everyday(const struct reply *in)
{
	return in->status == 0 && in->failed == 0 && !(in->reason && *in->reason) && !in->n_data &&
	       !in->n_rows && !in->welcome && !in->fault && in->n_values <= PROTO_MAX_VALUES &&
	       in->n_pieces <= PROTO_MAX_PIECES;
}

size_t quick_reply_encode(const struct reply *in, void *buf, size_t cap)
{
	uint8_t *at = buf;
	const uint8_t *end = at + cap;

	if (!is_everyday(in) || cap > PROTO_MAX_MESSAGE || !has_room(at, end))
		return 0;
	at = put_int(at, REPLY_SERIAL, in->serial);
	at = put_values(at, end, in);
	for (size_t i = 0; i < in->n_pieces && at; i++) {
		uint8_t *body = at + 2;

		if (!has_room(at, end))
			return 0;
		at[0] = TAG_BYTES(REPLY_PIECES);
		at[1] = (uint8_t)(put_piece(body, &in->pieces[i]) - body);
		at = body + at[1];
	}
	return at ? (size_t)(at - (uint8_t *)buf) : 0;
}
