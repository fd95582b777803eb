// SPDX-License-Identifier: BSD-3-Clause
#include "proto/message.h"

#include <errno.h>
#include <string.h>

#include "base/fdset.h"
#include "base/mem.h"
#include "tests/proto/wire.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct codec *, codec_free)

static uint8_t packet[PROTO_MAX_MESSAGE];
static uint8_t data[PROTO_MAX_DATA];
static uint64_t values[PROTO_MAX_VALUES + 1];
static struct piece pieces[PROTO_MAX_PIECES + 1];
static struct row rows[PROTO_MAX_ROWS + 1];
static struct wire wire, part;

static const struct piece piece_highest = { PROTO_MAX_OPS - 1, UINT32_MAX, 1, UINT64_MAX,
					    FDSET_MAX };
static const struct row row_highest = {
	.n = { UINT64_MAX, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, UINT64_MAX },
	.s = { "text", "", "\xc3\xa4", "last" },
	.n_n = ROW_MAX_N,
	.n_s = ROW_MAX_S,
};
static const struct welcome welcome_highest = { UINT32_MAX,
						UINT64_MAX,
						UINT32_MAX,
						UINT32_MAX,
						UINT32_MAX,
						UINT64_MAX,
						{ 0, 255, 1, [15] = 9 },
						UINT32_MAX };
static const struct fault_event fault_highest = { UINT64_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX,
						  UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
						  UINT32_MAX, UINT64_MAX };

static void check_same_row(const struct row *a, const struct row *b)
{
	ck_assert_uint_eq(a->n_n, b->n_n);
	ck_assert_uint_eq(a->n_s, b->n_s);
	ck_assert_mem_eq(a->n, b->n, sizeof(a->n));
	for (size_t i = 0; i < b->n_s; i++)
		ck_assert_str_eq(a->s[i], b->s[i]);
}

static void check_same_lists(const struct reply *a, const struct reply *b)
{
	ck_assert_uint_eq(a->n_values, b->n_values);
	for (size_t i = 0; i < b->n_values; i++)
		ck_assert_uint_eq(a->values[i], b->values[i]);
	ck_assert_uint_eq(a->n_pieces, b->n_pieces);
	if (b->n_pieces)
		ck_assert_mem_eq(a->pieces, b->pieces, b->n_pieces * sizeof(*b->pieces));
	ck_assert_uint_eq(a->n_data, b->n_data);
	if (b->n_data)
		ck_assert_mem_eq(a->data, b->data, b->n_data);
	ck_assert_uint_eq(a->n_rows, b->n_rows);
	for (size_t i = 0; i < b->n_rows; i++)
		check_same_row(&a->rows[i], &b->rows[i]);
}

static void check_there_and_back(struct codec *c, const struct reply *in)
{
	struct reply out;
	struct reason why = { "" };
	long len;

	len = reply_encode(c, in, packet, sizeof(packet));
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(reply_decode(c, packet, (size_t)len, &out, &why), 0);
	ck_assert_uint_eq(out.serial, in->serial);
	ck_assert_int_eq(out.status, in->status);
	ck_assert_uint_eq(out.failed, in->failed);
	ck_assert_str_eq(out.reason, in->reason ? in->reason : "");
	check_same_lists(&out, in);
	ck_assert_uint_eq(!out.welcome, !in->welcome);
	if (in->welcome)
		ck_assert_mem_eq(out.welcome->token, in->welcome->token, PROTO_TOKEN_LEN);
	ck_assert_uint_eq(!out.fault, !in->fault);
}

START_TEST(reply_of_nothing_but_success_comes_back)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	check_there_and_back(c, &(struct reply){ .serial = 1 });
	check_there_and_back(c, &(struct reply){ .serial = UINT64_MAX });
}
END_TEST

START_TEST(reply_of_a_failure_comes_back)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	char longest[REASON_MAX] = "";

	memset(longest, 'x', sizeof(longest) - 1);
	check_there_and_back(c, &(struct reply){ .serial = 1, .status = -1 });
	check_there_and_back(c, &(struct reply){ .serial = 1,
						 .status = -4095,
						 .failed = PROTO_MAX_OPS - 1,
						 .reason = longest });
	check_there_and_back(c, &(struct reply){ .status = -EPROTO, .reason = "the session ends" });
}
END_TEST

START_TEST(reply_comes_back_with_every_list_at_its_longest)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct reply r = { .serial = 1, .values = values, .n_values = PROTO_MAX_VALUES };

	memset(values, 0xff, sizeof(values));
	check_there_and_back(c, &r);
	for (size_t i = 0; i < PROTO_MAX_PIECES; i++)
		pieces[i] = piece_highest;
	check_there_and_back(
		c, &(struct reply){ .serial = 1, .pieces = pieces, .n_pieces = PROTO_MAX_PIECES });
	for (size_t i = 0; i < PROTO_MAX_ROWS; i++)
		rows[i] = row_highest;
	check_there_and_back(
		c, &(struct reply){ .serial = 1, .rows = rows, .n_rows = PROTO_MAX_ROWS });
	memset(data, 0xa5, sizeof(data));
	check_there_and_back(
		c, &(struct reply){ .serial = 1, .data = data, .n_data = PROTO_MAX_DATA });
}
END_TEST

START_TEST(welcome_comes_back_whole)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct reply out, in = { .serial = 1, .welcome = &welcome_highest };
	long len = reply_encode(c, &in, packet, sizeof(packet));

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(reply_decode(c, packet, (size_t)len, &out, NULL), 0);
	ck_assert_uint_eq(out.welcome->version, UINT32_MAX);
	ck_assert_uint_eq(out.welcome->features, UINT64_MAX);
	ck_assert_uint_eq(out.welcome->max_message, UINT32_MAX);
	ck_assert_uint_eq(out.welcome->max_ops, UINT32_MAX);
	ck_assert_uint_eq(out.welcome->max_data, UINT32_MAX);
	ck_assert_uint_eq(out.welcome->session, UINT64_MAX);
	ck_assert_uint_eq(out.welcome->grace, UINT32_MAX);
	ck_assert_mem_eq(out.welcome->token, welcome_highest.token, PROTO_TOKEN_LEN);
}
END_TEST

START_TEST(fault_comes_back_whole)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct fault_event f = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	struct reply out, in = { .fault = &f };

	for (int i = 0; i < 2; i++, f = fault_highest) {
		long len = reply_encode(c, &in, packet, sizeof(packet));

		ck_assert_int_gt(len, 0);
		ck_assert_int_eq(reply_decode(c, packet, (size_t)len, &out, NULL), 0);
		ck_assert_uint_eq(out.fault->id, f.id);
		ck_assert_uint_eq(out.fault->device, f.device);
		ck_assert_uint_eq(out.fault->addr, f.addr);
		ck_assert_uint_eq(out.fault->len, f.len);
		ck_assert_uint_eq(out.fault->flags, f.flags);
		ck_assert_uint_eq(out.fault->context, f.context);
		ck_assert_uint_eq(out.fault->fsr, f.fsr);
		ck_assert_uint_eq(out.fault->fsynr0, f.fsynr0);
		ck_assert_uint_eq(out.fault->fsynr1, f.fsynr1);
		ck_assert_uint_eq(out.fault->time_ns, f.time_ns);
	}
}
END_TEST

START_TEST(reply_above_a_limit_is_not_encoded)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	const struct reply replies[] = {
		{ .serial = 1, .values = values, .n_values = PROTO_MAX_VALUES + 1 },
		{ .serial = 1, .pieces = pieces, .n_pieces = PROTO_MAX_PIECES + 1 },
		{ .serial = 1, .rows = rows, .n_rows = PROTO_MAX_ROWS + 1 },
		{ .serial = 1, .data = data, .n_data = PROTO_MAX_DATA + 1 },
		{ .serial = 1, .rows = rows, .n_rows = SIZE_MAX },
		{ .serial = 1, .pieces = pieces, .n_pieces = SIZE_MAX / 2 },
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++)
		ck_assert_int_eq(reply_encode(c, &replies[i], packet, sizeof(packet)), -EMSGSIZE);
	check_there_and_back(c, &(struct reply){ .serial = 1 });
}
END_TEST

START_TEST(reply_that_does_not_fit_is_not_encoded)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	const struct reply r = { .serial = 1, .data = data, .n_data = 1000 };
	long len = reply_encode(c, &r, packet, sizeof(packet));

	ck_assert_int_gt(len, 1000);
	ck_assert_int_eq(reply_encode(c, &r, packet, (size_t)len), len);
	ck_assert_int_eq(reply_encode(c, &r, packet, (size_t)len - 1), -EMSGSIZE);
}
END_TEST

START_TEST(reply_texts_are_made_to_fit_and_cannot_steer_a_terminal)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	char longer[2 * PROTO_MAX_TEXT] = "";
	struct row row = { .s = { "\033[2Jname\n", longer }, .n_s = 2 };
	struct reply out,
		in = { .serial = 1, .status = -1, .reason = "a\tb\177", .rows = &row, .n_rows = 1 };
	long len;

	memset(longer, 'y', sizeof(longer) - 1);
	len = reply_encode(c, &in, packet, sizeof(packet));
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(reply_decode(c, packet, (size_t)len, &out, NULL), 0);
	ck_assert_str_eq(out.reason, "a?b?");
	ck_assert_str_eq(out.rows[0].s[0], "?[2Jname?");
	ck_assert_uint_eq(strlen(out.rows[0].s[1]), PROTO_MAX_TEXT);
}
END_TEST

static void check_refused(const char *reason)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct reply out;
	struct reason why = { "" };

	ck_assert_int_eq(reply_decode(c, wire.buf, wire.len, &out, &why), -EPROTO);
	ck_assert_msg(strstr(why.text, reason), "\"%s\" does not say \"%s\"", why.text, reason);
	ck_assert_int_eq(reply_decode(c, wire.buf, wire.len, &out, NULL), -EPROTO);
}

/* A reply of serial 1 and the part that is being built. */
static void wrap(unsigned int field)
{
	wire.len = 0;
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_message(&wire, field, &part);
	part.len = 0;
}

/* sint32, as protobuf writes it. */
static void check_status_refused(int32_t status)
{
	wire.len = 0;
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_int(&wire, REPLY_F_STATUS, ((uint32_t)status << 1) ^ (status < 0 ? UINT32_MAX : 0));
	check_refused("status ");
}

START_TEST(reply_refused_with_a_status_that_is_no_errno)
{
	check_status_refused(1);
	check_status_refused(INT32_MAX);
	check_status_refused(-4096);
	check_status_refused(INT32_MIN);
}
END_TEST

START_TEST(reply_refused_whose_failed_operation_cannot_exist)
{
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_int(&wire, REPLY_F_FAILED, PROTO_MAX_OPS);
	check_refused("failed 1024");
}
END_TEST

START_TEST(reply_refused_with_a_reason_that_is_too_long_or_steers_a_terminal)
{
	char reason[PROTO_MAX_TEXT + 2] = "";

	memset(reason, 'x', PROTO_MAX_TEXT + 1);
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_text(&wire, REPLY_F_REASON, reason);
	check_refused("reason: above 255");
	wire.len = 0;
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_text(&wire, REPLY_F_REASON, "\033[2J");
	check_refused("reason: above 255 bytes, or control characters");
}
END_TEST

START_TEST(reply_refused_with_too_many_values)
{
	for (int i = 0; i <= PROTO_MAX_VALUES; i++)
		wire_raw(&part, 1);
	wrap(REPLY_F_VALUES);
	check_refused("5121 values");
}
END_TEST

START_TEST(reply_refused_with_too_many_pieces_rows_or_bytes)
{
	static const uint8_t much[PROTO_MAX_DATA + 1];

	wire_int(&wire, REPLY_F_SERIAL, 1);
	for (int i = 0; i <= PROTO_MAX_PIECES; i++)
		wire_message(&wire, REPLY_F_PIECES, &part);
	check_refused("1025 pieces");
	wire.len = 0;
	wire_int(&wire, REPLY_F_SERIAL, 1);
	for (int i = 0; i <= PROTO_MAX_ROWS; i++)
		wire_message(&wire, REPLY_F_ROWS, &part);
	check_refused("257 rows");
	wire.len = 0;
	wire_int(&wire, REPLY_F_SERIAL, 1);
	wire_bytes(&wire, REPLY_F_DATA, much, sizeof(much));
	check_refused("32769 bytes of data");
}
END_TEST

static void check_piece_refused(uint64_t op, uint64_t offset, uint64_t len, uint64_t fd,
				const char *reason)
{
	wire_int(&part, PIECE_F_OP, op);
	wire_int(&part, PIECE_F_OFFSET, offset);
	wire_int(&part, PIECE_F_LEN, len);
	wire_int(&part, PIECE_F_FD, fd);
	wrap(REPLY_F_PIECES);
	check_refused(reason);
}

START_TEST(reply_refused_with_a_piece_out_of_bounds)
{
	check_piece_refused(PROTO_MAX_OPS, 0, 1, 0, "piece 0: op 1024");
	check_piece_refused(0, 0, 0, 0, "piece 0: len 0");
	check_piece_refused(0, UINT64_MAX, 2, 0, "piece 0: len 0x2 at offset 0xffffffffffffffff");
	check_piece_refused(0, 0, 1, FDSET_MAX + 1, "piece 0: fd 65");
}
END_TEST

START_TEST(reply_refused_with_a_row_out_of_bounds)
{
	for (int i = 0; i <= ROW_MAX_N; i++)
		wire_int(&part, ROW_F_N, 1);
	wrap(REPLY_F_ROWS);
	check_refused("row 0: 17 numbers and 0 texts");
	for (int i = 0; i <= ROW_MAX_S; i++)
		wire_text(&part, ROW_F_S, "");
	wrap(REPLY_F_ROWS);
	check_refused("row 0: 0 numbers and 5 texts");
	wire_text(&part, ROW_F_S, "fine");
	wire_text(&part, ROW_F_S, "bad\r");
	wrap(REPLY_F_ROWS);
	check_refused("row 0: text 1");
}
END_TEST

START_TEST(reply_refused_with_a_token_of_another_length)
{
	static const uint8_t token[PROTO_TOKEN_LEN + 1];

	for (size_t len = 0; len <= sizeof(token); len++) {
		if (len == PROTO_TOKEN_LEN)
			continue;
		wire_bytes(&part, WELCOME_F_TOKEN, token, len);
		wrap(REPLY_F_WELCOME);
		check_refused("welcome: token of ");
	}
}
END_TEST

START_TEST(reply_refused_that_is_neither_answer_nor_event)
{
	check_refused("event of no kind");
	wire_message(&wire, REPLY_F_WELCOME, &part);
	check_refused("welcome that answers no request");
	wrap(REPLY_F_FAULT);
	check_refused("fault in the reply to request 1");
}
END_TEST

START_TEST(reply_refused_above_the_largest_message_and_of_noise)
{
	wire.len = PROTO_MAX_MESSAGE + 1;
	check_refused("message of 65537 bytes");
	memset(wire.buf, 0xff, wire.len = 100);
	check_refused("no well-formed Reply");
}
END_TEST

START_TEST(reply_refused_that_unfolds_to_too_much)
{
	wire_int(&wire, REPLY_F_SERIAL, 1);
	while (wire.len < PROTO_MAX_MESSAGE - 2)
		wire_message(&wire, REPLY_F_ROWS, &part);
	check_refused("unfolds to more than 1048576");
}
END_TEST

SUITE_MAIN("reply", reply_of_nothing_but_success_comes_back, reply_of_a_failure_comes_back,
	   reply_comes_back_with_every_list_at_its_longest, welcome_comes_back_whole,
	   fault_comes_back_whole, reply_above_a_limit_is_not_encoded,
	   reply_that_does_not_fit_is_not_encoded,
	   reply_texts_are_made_to_fit_and_cannot_steer_a_terminal,
	   reply_refused_with_a_status_that_is_no_errno,
	   reply_refused_whose_failed_operation_cannot_exist,
	   reply_refused_with_a_reason_that_is_too_long_or_steers_a_terminal,
	   reply_refused_with_too_many_values, reply_refused_with_too_many_pieces_rows_or_bytes,
	   reply_refused_with_a_piece_out_of_bounds, reply_refused_with_a_row_out_of_bounds,
	   reply_refused_with_a_token_of_another_length,
	   reply_refused_that_is_neither_answer_nor_event,
	   reply_refused_above_the_largest_message_and_of_noise,
	   reply_refused_that_unfolds_to_too_much)
