// SPDX-License-Identifier: BSD-3-Clause
#include "remote/quick.h"

#define TAG_INT(field) ((uint8_t)((field) << 3))
#define TAG_BYTES(field) ((uint8_t)((field) << 3 | 2))
#define MAX_VARINT 10u
/* Five numbers of 32 bits and three of 64, each with its tag: so the length of an operation is one byte. */
#define MAX_NUMBERS (5u * (1u + 5u) + 3u * (1u + MAX_VARINT))

_Static_assert(MAX_NUMBERS < 0x80 && VCM_QUICK_OP >= 2 + MAX_NUMBERS, "an operation");
_Static_assert(VCM_QUICK_HEAD >= 2 * (1 + MAX_VARINT), "the head of a request");

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* A zero is not written, as ever in proto3. */
static uint8_t *put(uint8_t *to, uint8_t tag, uint64_t v)
{
	if (!v)
		return to;
	*to++ = tag;
	for (; v > 0x7f; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

size_t vcm_quick_head(uint8_t *to, uint64_t serial, uint64_t ack)
{
	uint8_t *end = put(to, TAG_INT(vcm_wire_Request_serial_tag), serial);

	end = put(end, TAG_INT(vcm_wire_Request_ack_tag), ack);
	return (size_t)(end - to);
}

size_t vcm_quick_op(uint8_t *to, const struct vcm_op *op)
{
	uint8_t *end = to + 2;

	end = put(end, TAG_INT(vcm_wire_Op_code_tag), op->code);
	end = put(end, TAG_INT(vcm_wire_Op_handle_tag), op->handle);
	end = put(end, TAG_INT(vcm_wire_Op_on_tag), op->on);
	end = put(end, TAG_INT(vcm_wire_Op_target_tag), op->target);
	end = put(end, TAG_INT(vcm_wire_Op_addr_tag), op->addr);
	end = put(end, TAG_INT(vcm_wire_Op_len_tag), op->len);
	end = put(end, TAG_INT(vcm_wire_Op_attr_tag), op->attr);
	end = put(end, TAG_INT(vcm_wire_Op_arg_tag), op->arg);
	to[0] = TAG_BYTES(vcm_wire_Request_ops_tag);
	to[1] = (uint8_t)(end - to - 2);
	return (size_t)(end - to);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct reader {
	const uint8_t *at, *end;
};

static bool get(struct reader *r, uint64_t *out)
{
	uint64_t v = 0;

	for (uint32_t shift = 0; shift < 7 * MAX_VARINT && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool get_values(struct reader *r, vcm_wire_Reply *out)
{
	struct reader part = { r->at, r->at };
	uint64_t len;

	if (!get(r, &len) || len > (size_t)(r->end - r->at))
		return false;
	part.at = r->at;
	part.end = r->at = r->at + (size_t)len;
	while (part.at < part.end)
		if (out->values_count == sizeof(out->values) / sizeof(*out->values) ||
		    !get(&part, &out->values[out->values_count++]))
			return false;
	return true;
}

bool vcm_quick_reply(const uint8_t *bytes, size_t len, vcm_wire_Reply *out)
{
	struct reader r = { bytes, bytes + len };

	out->serial = 0;
	out->status = 0;
	out->failed = 0;
	out->reason[0] = 0;
	out->values_count = 0;
	out->data.size = 0;
	out->has_welcome = out->has_fault = false;
	while (r.at < r.end) {
		uint8_t tag = *r.at++;
		bool is_good = false;

		if (tag == TAG_INT(vcm_wire_Reply_serial_tag))
			is_good = get(&r, &out->serial);
		else if (tag == TAG_BYTES(vcm_wire_Reply_values_tag))
			is_good = get_values(&r, out);
		if (!is_good)
			return false;
	}
	return true;
}
