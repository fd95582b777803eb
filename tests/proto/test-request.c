// SPDX-License-Identifier: BSD-3-Clause
#include "proto/message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "tests/proto/wire.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct codec *, codec_free)

static uint8_t packet[PROTO_MAX_MESSAGE];
static uint8_t data[PROTO_MAX_DATA + 1];
static struct wire wire, part;

/* As long as a name may be, from the first printable character to the last. */
static const char longest_name[] =
	" !#~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456";

static_assert(sizeof(longest_name) == PROTO_MAX_NAME + 1, "as long as may be");

static const struct op op_highest = { .code = UINT32_MAX,
				      .handle = PROTO_HANDLE_MAX,
				      .on = UINT32_MAX,
				      .target = UINT32_MAX,
				      .addr = UINT64_MAX,
				      .len = UINT64_MAX,
				      .attr = UINT32_MAX,
				      .arg = UINT64_MAX,
				      .name = longest_name,
				      .data = data,
				      .n_data = PROTO_MAX_DATA };

static void check_same(const struct op *a, const struct op *b)
{
	ck_assert_uint_eq(a->code, b->code);
	ck_assert_uint_eq(a->handle, b->handle);
	ck_assert_uint_eq(a->on, b->on);
	ck_assert_uint_eq(a->target, b->target);
	ck_assert_uint_eq(a->addr, b->addr);
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_uint_eq(a->attr, b->attr);
	ck_assert_uint_eq(a->arg, b->arg);
	ck_assert_str_eq(a->name, b->name ? b->name : "");
	ck_assert_uint_eq(a->n_data, b->n_data);
	if (b->n_data)
		ck_assert_mem_eq(a->data, b->data, b->n_data);
}

/* Encodes, decodes, and compares. */
static void check_there_and_back(struct codec *c, const struct request *in)
{
	struct request out;
	struct reason why;
	long len;

	len = request_encode(c, in, packet, sizeof(packet));
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(request_decode(c, packet, (size_t)len, &out, &why), 0);
	ck_assert_uint_eq(out.serial, in->serial);
	ck_assert_uint_eq(out.ack, in->ack);
	ck_assert_uint_eq(out.is_hello, in->is_hello);
	ck_assert_uint_eq(out.n_ops, in->n_ops);
	for (size_t i = 0; i < in->n_ops; i++)
		check_same(&out.ops[i], &in->ops[i]);
	if (in->is_hello) {
		ck_assert_uint_eq(out.hello.version, in->hello.version);
		ck_assert_uint_eq(out.hello.features, in->hello.features);
		ck_assert_str_eq(out.hello.name, in->hello.name);
		ck_assert_uint_eq(out.hello.session, in->hello.session);
		ck_assert_uint_eq(out.hello.sent, in->hello.sent);
		ck_assert_mem_eq(out.hello.token, in->hello.token, PROTO_TOKEN_LEN);
	}
}

START_TEST(request_comes_back_with_every_field_at_its_lowest_and_highest)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	const struct op lowest = { .code = 0 };

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	check_there_and_back(c, &(struct request){ .serial = 1, .ops = &lowest, .n_ops = 1 });
	check_there_and_back(c, &(struct request){ .serial = UINT64_MAX,
						   .ack = UINT64_MAX - 1,
						   .ops = &op_highest,
						   .n_ops = 1 });
}
END_TEST

START_TEST(request_comes_back_with_each_field_alone)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	const struct op ops[] = {
		{ .code = 3 },     { .handle = 1 },
		{ .on = 2 },       { .target = 3 },
		{ .addr = 4 },     { .len = 5 },
		{ .attr = 6 },     { .arg = 7 },
		{ .name = "cpu" }, { .data = "\0", .n_data = 1 },
	};

	check_there_and_back(c, &(struct request){ .serial = 1,
						   .ops = ops,
						   .n_ops = sizeof(ops) / sizeof(*ops) });
}
END_TEST

START_TEST(request_holds_as_many_operations_as_it_may)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	static struct op ops[PROTO_MAX_OPS + 1];
	struct request r = { .serial = 1, .ops = ops, .n_ops = PROTO_MAX_OPS };

	for (uint32_t i = 0; i < PROTO_MAX_OPS; i++)
		ops[i] = (struct op){ OP_RESERVE, i + 1, 1, 0, 0, 1u << 20, 0x300, 0, "n", "d", 1 };
	check_there_and_back(c, &r);
	r.n_ops++;
	ck_assert_int_eq(request_encode(c, &r, packet, sizeof(packet)), -EMSGSIZE);
}
END_TEST

START_TEST(hello_comes_back)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	check_there_and_back(c, &(struct request){ .serial = 1,
						   .is_hello = true,
						   .hello = { UINT32_MAX,
							      UINT64_MAX,
							      longest_name,
							      UINT64_MAX,
							      { 255, 0, 1, [15] = 9 },
							      UINT64_MAX } });
	check_there_and_back(
		c, &(struct request){ .serial = 1, .is_hello = true, .hello = { .name = "" } });
}
END_TEST

START_TEST(request_that_does_not_fit_is_not_encoded)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct op op = op_highest;
	struct request r = { .serial = 1, .ops = &op, .n_ops = 1 };
	long len = request_encode(c, &r, packet, sizeof(packet));

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(request_encode(c, &r, packet, (size_t)len), len);
	ck_assert_int_eq(request_encode(c, &r, packet, (size_t)len - 1), -EMSGSIZE);
	ck_assert_int_eq(request_encode(c, &r, packet, 0), -EMSGSIZE);
	op.n_data++;
	ck_assert_int_eq(request_encode(c, &r, packet, sizeof(packet)), -EMSGSIZE);
}
END_TEST

static void check_refused(const char *reason)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct request out;
	struct reason why = { "" };

	ck_assert_int_eq(request_decode(c, wire.buf, wire.len, &out, &why), -EPROTO);
	ck_assert_msg(strstr(why.text, reason), "\"%s\" does not say \"%s\"", why.text, reason);
	ck_assert_int_eq(request_decode(c, wire.buf, wire.len, &out, NULL), -EPROTO);
}

/* A request of serial 1 and the operation that is being built in `part`. */
static void wrap_op(void)
{
	wire.len = 0;
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_message(&wire, REQUEST_F_OPS, &part);
	part.len = 0;
}

START_TEST(request_refused_without_serial)
{
	check_refused("serial 0");
	wire_int(&wire, REQUEST_F_SERIAL, 0);
	wire_message(&wire, REQUEST_F_OPS, &part);
	check_refused("serial 0");
}
END_TEST

START_TEST(request_refused_that_acknowledges_itself)
{
	wire_int(&wire, REQUEST_F_SERIAL, 7);
	wire_int(&wire, REQUEST_F_ACK, 7);
	wire_message(&wire, REQUEST_F_OPS, &part);
	check_refused("ack 7: not below serial 7");
}
END_TEST

START_TEST(request_refused_that_asks_for_nothing)
{
	wire_int(&wire, REQUEST_F_SERIAL, 12);
	check_refused("request 12 asks for nothing");
}
END_TEST

START_TEST(request_refused_with_hello_and_operations)
{
	wrap_op();
	wire_message(&wire, REQUEST_F_HELLO, &part);
	check_refused("hello with 1 operations");
}
END_TEST

START_TEST(request_refused_with_too_many_operations)
{
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	for (int i = 0; i <= PROTO_MAX_OPS; i++)
		wire_message(&wire, REQUEST_F_OPS, &part);
	check_refused("1025 operations");
}
END_TEST

START_TEST(request_refused_with_a_handle_of_the_brokers_half)
{
	wire_int(&part, OP_F_CODE, OP_VCM_CREATE);
	wire_int(&part, OP_F_HANDLE, PROTO_HANDLE_MAX + 1u);
	wrap_op();
	check_refused("operation 0: handle 0x80000000");
}
END_TEST

START_TEST(request_refused_with_a_name_that_is_too_long)
{
	char name[PROTO_MAX_NAME + 2] = "";

	memset(name, 'x', PROTO_MAX_NAME + 1);
	wire_text(&part, OP_F_NAME, name);
	wrap_op();
	check_refused("operation 0: name");
	wire_text(&part, HELLO_F_NAME, name);
	wire.len = 0;
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_message(&wire, REQUEST_F_HELLO, &part);
	check_refused("hello: name");
}
END_TEST

START_TEST(request_refused_with_a_token_that_is_none)
{
	wire_text(&part, HELLO_F_TOKEN, "short");
	wire_int(&part, HELLO_F_SESSION, 1);
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_message(&wire, REQUEST_F_HELLO, &part);
	check_refused("hello: token of 5 bytes for session 1");
	part.len = wire.len = 0;
	wire_text(&part, HELLO_F_TOKEN, "a token of 16 b.");
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	wire_message(&wire, REQUEST_F_HELLO, &part);
	check_refused("hello: token of 16 bytes for session 0");
}
END_TEST

START_TEST(request_refused_with_a_name_that_is_not_printable)
{
	for (int ch = 1; ch < 256; ch++) {
		if (ch >= ' ' && ch <= '~')
			continue;
		wire_text(&part, OP_F_NAME, (char[]){ 'c', (char)ch, '\0' });
		wrap_op();
		check_refused("operation 0: name");
	}
}
END_TEST

START_TEST(request_refused_with_too_much_data_in_one_operation)
{
	wire_bytes(&part, OP_F_DATA, data, PROTO_MAX_DATA + 1);
	wrap_op();
	check_refused("32769 bytes of data");
}
END_TEST

START_TEST(request_refused_with_too_much_data_in_all)
{
	wire_bytes(&part, OP_F_DATA, data, PROTO_MAX_DATA);
	wrap_op();
	wire_bytes(&part, OP_F_DATA, data, 1);
	wire_message(&wire, REQUEST_F_OPS, &part);
	check_refused("32769 bytes of data");
}
END_TEST

START_TEST(request_refused_above_the_largest_message)
{
	wire.len = PROTO_MAX_MESSAGE + 1;
	check_refused("message of 65537 bytes");
}
END_TEST

START_TEST(request_refused_that_unfolds_to_too_much)
{
	wire_int(&wire, REQUEST_F_SERIAL, 1);
	while (wire.len < PROTO_MAX_MESSAGE - 2)
		wire_message(&wire, REQUEST_F_OPS, &part);
	check_refused("unfolds to more than 1048576");
}
END_TEST

START_TEST(request_refused_of_no_bytes_and_of_noise)
{
	check_refused("serial 0");
	memset(wire.buf, 0xff, wire.len = 100);
	check_refused("no well-formed Request");
}
END_TEST

START_TEST(request_with_unknown_fields_and_operations_passes)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct request out;

	wire_int(&part, OP_F_CODE, 4000000);
	wire_int(&part, 99, 1);
	wrap_op();
	wire_text(&wire, 1000, "of a later version");
	ck_assert_int_eq(request_decode(c, wire.buf, wire.len, &out, NULL), 0);
	ck_assert_uint_eq(out.ops[0].code, 4000000);
}
END_TEST

SUITE_MAIN("request", request_comes_back_with_every_field_at_its_lowest_and_highest,
	   request_comes_back_with_each_field_alone, request_holds_as_many_operations_as_it_may,
	   hello_comes_back, request_that_does_not_fit_is_not_encoded,
	   request_refused_without_serial, request_refused_that_acknowledges_itself,
	   request_refused_that_asks_for_nothing, request_refused_with_hello_and_operations,
	   request_refused_with_too_many_operations,
	   request_refused_with_a_handle_of_the_brokers_half,
	   request_refused_with_a_name_that_is_too_long, request_refused_with_a_token_that_is_none,
	   request_refused_with_a_name_that_is_not_printable,
	   request_refused_with_too_much_data_in_one_operation,
	   request_refused_with_too_much_data_in_all, request_refused_above_the_largest_message,
	   request_refused_that_unfolds_to_too_much, request_refused_of_no_bytes_and_of_noise,
	   request_with_unknown_fields_and_operations_passes)
