// SPDX-License-Identifier: BSD-3-Clause
#include "proto/quick.h"

#include <string.h>

#include "base/fdset.h"
#include "base/mem.h"
#include "tests/proto/wire.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct codec *, codec_free)

#define N_RANDOM 20000

static struct scratch scratch, scratch2;
static uint8_t packet[PROTO_MAX_MESSAGE], other[PROTO_MAX_MESSAGE];
static struct wire wire, part;
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Of every length, 0 included. */
static uint64_t any_u64(void)
{
	uint64_t bits = next_random() % 65;

	return bits ? next_random() >> (64 - bits) : 0;
}

static uint32_t any_u32(void)
{
	return (uint32_t)(any_u64() >> (next_random() % 2 ? 32 : 0));
}

static struct op any_op(void)
{
	return (struct op){ .code = any_u32(),
			    .handle = any_u32() & PROTO_HANDLE_MAX,
			    .on = any_u32(),
			    .target = any_u32(),
			    .addr = any_u64(),
			    .len = any_u64(),
			    .attr = any_u32(),
			    .arg = any_u64(),
			    .name = "" };
}

static void check_same_op(const struct op *a, const struct op *b)
{
	ck_assert(a->code == b->code && a->handle == b->handle && a->on == b->on &&
		  a->target == b->target && a->addr == b->addr && a->len == b->len &&
		  a->attr == b->attr && a->arg == b->arg);
	ck_assert_str_eq(a->name, "");
	ck_assert_uint_eq(a->n_data, 0);
}

/* The generated code takes a message with a field that it does not know: the rest must be the same both ways. */
static size_t with_unknown_field(size_t len)
{
	memcpy(other, packet, len);
	other[len] = (99 << 3 & 0x7f) | 0x80;
	other[len + 1] = 99 >> 4;
	other[len + 2] = 1;
	return len + 3;
}

START_TEST(quick_request_is_what_the_generated_code_makes_of_the_bytes)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	for (int i = 0; i < N_RANDOM; i++) {
		struct op ops[4] = { any_op(), any_op(), any_op(), any_op() };
		struct request in = { .serial = any_u64() | 1,
				      .ops = ops,
				      .n_ops = 1 + next_random() % 4 };
		struct request quick, slow;
		size_t len;

		in.ack = in.serial - 1 - any_u64() % in.serial;
		len = quick_request_encode(&in, packet, sizeof(packet));
		ck_assert_uint_gt(len, 0);
		ck_assert(quick_request_decode(&scratch, packet, len, &quick));
		len = with_unknown_field(len);
		ck_assert(!quick_request_decode(&scratch2, other, len, &slow));
		ck_assert_int_eq(request_decode(c, other, len, &slow, NULL), 0);
		ck_assert(quick.serial == slow.serial && quick.ack == slow.ack &&
			  quick.n_ops == slow.n_ops);
		ck_assert(!quick.is_hello && quick.serial == in.serial && quick.ack == in.ack);
		for (size_t k = 0; k < in.n_ops; k++) {
			check_same_op(&quick.ops[k], &slow.ops[k]);
			check_same_op(&quick.ops[k], &ops[k]);
		}
	}
}
END_TEST

START_TEST(quick_request_has_the_bytes_of_the_generated_code)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	for (int i = 0; i < N_RANDOM; i++) {
		/* The name comes last, and is nothing for the quick way. */
		struct op ops[2] = { any_op(), { .name = "n" } };
		struct request in = {
			.serial = any_u64(), .ack = any_u64(), .ops = ops, .n_ops = 2
		};
		long slow = request_encode(c, &in, other, sizeof(other));
		size_t quick;

		ck_assert_uint_eq(quick_request_encode(&in, packet, sizeof(packet)), 0);
		in.n_ops = 1;
		quick = quick_request_encode(&in, packet, sizeof(packet));
		ck_assert_uint_gt(quick, 0);
		ck_assert_int_gt(slow, (long)quick);
		ck_assert_mem_eq(packet, other, quick);
	}
}
END_TEST

static struct piece any_piece(void)
{
	struct piece p = { .op = any_u32() % PROTO_MAX_OPS,
			   .arena = any_u32(),
			   .offset = any_u64() / 2,
			   .len = any_u64() / 2 + 1,
			   .fd = any_u32() % (FDSET_MAX + 1) };

	return p;
}

static void check_same_reply(const struct reply *a, const struct reply *b)
{
	ck_assert(a->serial == b->serial && a->status == b->status && a->failed == b->failed);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_uint_eq(a->n_values, b->n_values);
	ck_assert_uint_eq(a->n_pieces, b->n_pieces);
	for (size_t i = 0; i < a->n_values; i++)
		ck_assert_uint_eq(a->values[i], b->values[i]);
	for (size_t i = 0; i < a->n_pieces; i++) {
		const struct piece *p = &a->pieces[i], *q = &b->pieces[i];

		ck_assert(p->op == q->op && p->arena == q->arena && p->offset == q->offset &&
			  p->len == q->len && p->fd == q->fd);
	}
	ck_assert(!a->n_data && !b->n_data && !a->n_rows && !b->n_rows);
	ck_assert(!a->welcome && !b->welcome && !a->fault && !b->fault);
}

START_TEST(quick_reply_is_what_the_generated_code_makes_of_the_bytes)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	for (int i = 0; i < N_RANDOM; i++) {
		uint64_t values[5] = { any_u64(), any_u64(), any_u64(), any_u64(), any_u64() };
		struct piece pieces[3] = { any_piece(), any_piece(), any_piece() };
		struct reply in = { .serial = any_u64() | 1,
				    .reason = "",
				    .values = values,
				    .n_values = next_random() % 6,
				    .pieces = pieces,
				    .n_pieces = next_random() % 4 };
		struct reply quick, slow;
		size_t len = quick_reply_encode(&in, packet, sizeof(packet));

		ck_assert_uint_gt(len, 0);
		ck_assert(quick_reply_decode(&scratch, packet, len, &quick));
		len = with_unknown_field(len);
		ck_assert(!quick_reply_decode(&scratch2, other, len, &slow));
		ck_assert_int_eq(reply_decode(c, other, len, &slow, NULL), 0);
		check_same_reply(&quick, &slow);
		check_same_reply(&quick, &in);
	}
}
END_TEST

START_TEST(quick_reply_has_the_bytes_of_the_generated_code)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	for (int i = 0; i < N_RANDOM; i++) {
		uint64_t values[2] = { any_u64(), any_u64() };
		struct piece pieces[2] = { any_piece(), any_piece() };
		struct reply in = { .serial = any_u64() | 1,
				    .values = values,
				    .n_values = next_random() % 3,
				    .pieces = pieces,
				    .n_pieces = next_random() % 3,
				    .data = "d",
				    .n_data = 1 };
		/* The data comes last, and is nothing for the quick way. */
		long slow = reply_encode(c, &in, other, sizeof(other));
		size_t quick;

		ck_assert_uint_eq(quick_reply_encode(&in, packet, sizeof(packet)), 0);
		in.n_data = 0;
		quick = quick_reply_encode(&in, packet, sizeof(packet));
		ck_assert_int_eq((long)quick, slow - 3);
		ck_assert_mem_eq(packet, other, quick);
	}
}
END_TEST

static void check_left_alone(void)
{
	struct request request;
	struct reply reply;

	ck_assert(!quick_request_decode(&scratch, wire.buf, wire.len, &request));
	ck_assert(!quick_reply_decode(&scratch, wire.buf, wire.len, &reply));
}

static void wrap(unsigned int field)
{
	wire.len = 0;
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_message(&wire, field, &part);
	part.len = 0;
}

START_TEST(quick_leaves_what_is_out_of_the_ordinary)
{
	check_left_alone(); /* nothing at all */
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_int(&wire, REQUEST_F_ACK, 1);
	check_left_alone();
	wire_int(&part, OP_F_HANDLE, PROTO_HANDLE_MAX + 1u);
	wrap(REQUEST_F_OPS);
	check_left_alone();
	wire_int(&part, OP_F_CODE, UINT64_C(1) << 32);
	wrap(REQUEST_F_OPS);
	check_left_alone();
	wire_text(&part, OP_F_NAME, "cpu");
	wrap(REQUEST_F_OPS);
	check_left_alone();
	wire_int(&part, PIECE_F_LEN, 0);
	wrap(REPLY_F_PIECES);
	check_left_alone();
	wire_int(&part, PIECE_F_OFFSET, UINT64_MAX);
	wire_int(&part, PIECE_F_LEN, 2);
	wrap(REPLY_F_PIECES);
	check_left_alone();
	wire_int(&part, PIECE_F_LEN, 1);
	wire_int(&part, PIECE_F_FD, FDSET_MAX + 1);
	wrap(REPLY_F_PIECES);
	check_left_alone();
	wire_text(&wire, REPLY_F_REASON, "no");
	check_left_alone();
}
END_TEST

/* Cut anywhere, a message is another one, or none; nothing is read beyond its end. */
START_TEST(quick_stops_at_the_end)
{
	const struct op ops[2] = { any_op(), any_op() };
	const struct request in = { .serial = UINT64_MAX, .ack = 5, .ops = ops, .n_ops = 2 };
	size_t len = quick_request_encode(&in, packet, sizeof(packet));

	for (size_t cut = 0; cut < len; cut++) {
		_cleanup_(mem_freep) uint8_t *exact = mem_zalloc(cut + 1);
		struct request out;
		struct reply reply;

		memcpy(exact + 1, packet, cut);
		if (quick_request_decode(&scratch, exact + 1, cut, &out))
			ck_assert_uint_lt(out.n_ops, 2);
		quick_reply_decode(&scratch, exact + 1, cut, &reply);
	}
}
END_TEST

START_TEST(quick_takes_as_many_operations_as_there_may_be)
{
	static struct op ops[PROTO_MAX_OPS + 1];
	struct request in = { .serial = 1, .ops = ops, .n_ops = PROTO_MAX_OPS }, out;
	size_t len;

	for (uint32_t i = 0; i <= PROTO_MAX_OPS; i++)
		ops[i] = (struct op){ .code = OP_UNRESERVE, .on = i + 1, .name = "" };
	len = quick_request_encode(&in, packet, sizeof(packet));
	ck_assert(quick_request_decode(&scratch, packet, len, &out));
	ck_assert_uint_eq(out.n_ops, PROTO_MAX_OPS);
	ck_assert_uint_eq(out.ops[PROTO_MAX_OPS - 1].on, PROTO_MAX_OPS);
	in.n_ops++;
	ck_assert_uint_eq(quick_request_encode(&in, packet, sizeof(packet)), 0);
}
END_TEST

SUITE_MAIN("quick", quick_request_is_what_the_generated_code_makes_of_the_bytes,
	   quick_request_has_the_bytes_of_the_generated_code,
	   quick_reply_is_what_the_generated_code_makes_of_the_bytes,
	   quick_reply_has_the_bytes_of_the_generated_code,
	   quick_leaves_what_is_out_of_the_ordinary, quick_stops_at_the_end,
	   quick_takes_as_many_operations_as_there_may_be)
