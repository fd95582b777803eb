// SPDX-License-Identifier: BSD-3-Clause
/* The node's codec against the host's: each reads what the other writes. */
#include "remote/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"
#include "remote/error.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct codec *, codec_free)

static struct vcm_request out;
static union vcm_scratch scratch;

static const struct vcm_op everything = {
	.code = OP_SIM_WRITE,
	.handle = 0x7fffffff,
	.on = UINT32_MAX,
	.target = 0x80000001,
	.addr = UINT64_MAX,
	.len = 0x100000000,
	.attr = 0x3ff,
	.arg = 1ull << 63,
	.name = "vcodec_a_stream",
	.data = "bytes\0and more",
	.n_data = 14,
};

START_TEST(the_host_reads_every_field_of_an_operation)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct request r;
	struct reason why;

	vcm_request_begin(&out, 7, 6);
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &everything), 0);
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &(struct vcm_op){ .code = OP_BYE }), 0);
	ck_assert_int_eq(request_decode(c, out.bytes, out.len, &r, &why), 0);
	ck_assert_uint_eq(r.serial, 7);
	ck_assert_uint_eq(r.ack, 6);
	ck_assert(!r.is_hello);
	ck_assert_uint_eq(r.n_ops, 2);
	ck_assert_uint_eq(r.ops[0].code, everything.code);
	ck_assert_uint_eq(r.ops[0].handle, everything.handle);
	ck_assert_uint_eq(r.ops[0].on, everything.on);
	ck_assert_uint_eq(r.ops[0].target, everything.target);
	ck_assert_uint_eq(r.ops[0].addr, everything.addr);
	ck_assert_uint_eq(r.ops[0].len, everything.len);
	ck_assert_uint_eq(r.ops[0].attr, everything.attr);
	ck_assert_uint_eq(r.ops[0].arg, everything.arg);
	ck_assert_str_eq(r.ops[0].name, everything.name);
	ck_assert_uint_eq(r.ops[0].n_data, everything.n_data);
	ck_assert_mem_eq(r.ops[0].data, everything.data, everything.n_data);
	ck_assert_uint_eq(r.ops[1].code, OP_BYE);
}
END_TEST

START_TEST(the_host_reads_a_hello)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct request r;
	struct reason why;

	ck_assert_int_eq(vcm_request_hello(&out, &scratch, 3, "dsp0"), 0);
	ck_assert_int_eq(request_decode(c, out.bytes, out.len, &r, &why), 0);
	ck_assert(r.is_hello);
	ck_assert_uint_eq(r.serial, 3);
	ck_assert_uint_eq(r.hello.version, PROTO_VERSION);
	ck_assert_str_eq(r.hello.name, "dsp0");
	ck_assert_int_eq(vcm_request_hello(&out, &scratch, 3, "a name of thirty-two bytes, all of"),
			 -VCM_E2BIG);
}
END_TEST

START_TEST(a_request_holds_so_many_operations_and_no_more)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct vcm_op op = { .code = OP_RESERVE, .handle = 1, .on = 2, .len = 4096, .attr = 0x300 };
	struct request r;
	struct reason why;

	vcm_request_begin(&out, 1, 0);
	for (uint32_t i = 0; i < VCM_MESSAGE_OPS; i++)
		ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), 0);
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), -VCM_E2BIG);
	ck_assert_int_eq(request_decode(c, out.bytes, out.len, &r, &why), 0);
	ck_assert_uint_eq(r.n_ops, VCM_MESSAGE_OPS);
}
END_TEST

START_TEST(what_does_not_fit_leaves_the_request_as_it_was)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct vcm_op op = { .code = OP_SIM_WRITE, .n_data = VCM_MESSAGE_DATA };
	uint8_t data[VCM_MESSAGE_DATA] = { 0 };
	struct request r;
	struct reason why;
	unsigned int n = 0;

	op.data = data;
	vcm_request_begin(&out, 1, 0);
	while (vcm_request_add(&out, &scratch, &op) == 0)
		n++;
	ck_assert_uint_eq(n, 3); /* of 256 bytes and more, in 1024 */
	ck_assert_int_eq(request_decode(c, out.bytes, out.len, &r, &why), 0);
	ck_assert_uint_eq(r.n_ops, n);
	op.n_data++;
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), -VCM_EINVAL);
	op.n_data = 0;
	op.name = "0123456789012345678901234567890123456789012345678901234567890123";
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), -VCM_EINVAL);
	op.name++;
	ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), 0);
	ck_assert_uint_eq(out.n_ops, n + 1);
}
END_TEST

static long encode(const struct reply *r, uint8_t *buf, size_t cap)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();

	return reply_encode(c, r, buf, cap);
}

START_TEST(a_node_reads_every_part_of_a_reply_that_it_has_a_use_for)
{
	const uint64_t values[16] = { 0, 1, UINT64_MAX };
	const struct fault_event fault = { .id = 9,
					   .device = 8,
					   .addr = 1ull << 40,
					   .len = 64,
					   .flags = 3,
					   .context = 2,
					   .fsr = 4,
					   .fsynr0 = 5,
					   .fsynr1 = 6,
					   .time_ns = 1234567 };
	const struct welcome welcome = {
		.version = 1, .max_ops = 1024, .session = 77, .token = { 1, 2, 3 }
	};
	const struct reply r = { .serial = 99,
				 .status = -VCM_EBUSY,
				 .failed = 3,
				 .reason = "it is backed",
				 .values = values,
				 .n_values = 16,
				 .data = "0123456789",
				 .n_data = 10,
				 .welcome = &welcome,
				 .fault = &fault };
	const vcm_wire_Reply *got = &scratch.reply;
	uint8_t buf[1024];
	long len = encode(&r, buf, sizeof(buf));

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(vcm_reply_decode(&scratch, buf, (size_t)len), 0);
	ck_assert_uint_eq(got->serial, 99);
	ck_assert_int_eq(got->status, -VCM_EBUSY);
	ck_assert_uint_eq(got->failed, 3);
	ck_assert_str_eq(got->reason, "it is backed");
	ck_assert_uint_eq(got->values_count, 16);
	ck_assert_mem_eq(got->values, values, sizeof(values));
	ck_assert_uint_eq(got->data.size, 10);
	ck_assert_mem_eq(got->data.bytes, "0123456789", 10);
	ck_assert(got->has_welcome && got->welcome.max_ops == 1024 && got->welcome.session == 77);
	ck_assert(got->has_fault);
	ck_assert_uint_eq(got->fault.addr, 1ull << 40);
	ck_assert_uint_eq(got->fault.fsynr1, 6);
	ck_assert_uint_eq(got->fault.time_ns, 1234567);
}
END_TEST

START_TEST(what_a_node_has_no_use_for_is_skipped)
{
	const struct piece piece = { .op = 0, .arena = 3, .offset = 0, .len = 4096 };
	const struct row row = { .n = { 1, 2 }, .s = { "a" }, .n_n = 2, .n_s = 1 };
	const struct reply r = {
		.serial = 5, .pieces = &piece, .n_pieces = 1, .rows = &row, .n_rows = 1
	};
	uint8_t buf[1024];
	long len = encode(&r, buf, sizeof(buf));

	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(vcm_reply_decode(&scratch, buf, (size_t)len), 0);
	ck_assert_uint_eq(scratch.reply.serial, 5);
}
END_TEST

START_TEST(a_reply_beyond_a_bound_is_refused)
{
	const uint64_t values[17] = { 0 };
	const uint8_t data[VCM_MESSAGE_DATA + 1] = { 0 };
	uint8_t buf[1024];
	long len = encode(&(struct reply){ .serial = 1, .values = values, .n_values = 17 }, buf,
			  sizeof(buf));

	ck_assert_int_eq(vcm_reply_decode(&scratch, buf, (size_t)len), -VCM_EPROTO);
	len = encode(&(struct reply){ .serial = 1, .data = data, .n_data = sizeof(data) }, buf,
		     sizeof(buf));
	ck_assert_int_eq(vcm_reply_decode(&scratch, buf, (size_t)len), -VCM_EPROTO);
}
END_TEST

/* The short way and nanopb's: the same bytes. A name makes an operation take the long one, and is all that it adds. */
START_TEST(both_ways_to_write_give_the_same)
{
	struct vcm_op op = { .code = 1 };

	for (unsigned int field = 0; field < 128; field++) {
		size_t head, quick;

		op.handle = field & 1 ? 0x7fffffff : 0;
		op.on = field & 2 ? 0x80 : 0;
		op.target = field & 4 ? 0x7f : 0;
		op.addr = field & 8 ? UINT64_MAX : 0;
		op.len = field & 16 ? 0x4000 : 0;
		op.attr = field & 32 ? UINT32_MAX : 0;
		op.arg = field & 64 ? 1 : 0;
		op.name = NULL;
		vcm_request_begin(&out, field + 1, field);
		head = out.len;
		ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), 0);
		quick = out.len - head;
		op.name = "n";
		ck_assert_int_eq(vcm_request_add(&out, &scratch, &op), 0);
		ck_assert_uint_eq(out.len, head + 2 * quick + 3);
		ck_assert_uint_eq(out.bytes[head + quick + 1], out.bytes[head + 1] + 3);
		ck_assert_mem_eq(out.bytes + head + 2, out.bytes + head + quick + 2, quick - 2);
	}
}
END_TEST

/* Whatever the bytes are, it ends, and with one of two answers. Every beginning of a good one, and every byte of it changed. */
START_TEST(no_bytes_are_too_bad_to_be_read)
{
	const uint64_t values[3] = { 1, 2, 3 };
	const struct reply r = { .serial = 99,
				 .reason = "why",
				 .values = values,
				 .n_values = 3,
				 .data = "abc",
				 .n_data = 3 };
	uint8_t buf[1024];
	long len = encode(&r, buf, sizeof(buf));

	for (long i = 0; i < len; i++) {
		int short_one = vcm_reply_decode(&scratch, buf, (size_t)i);

		ck_assert(short_one == 0 || short_one == -VCM_EPROTO);
		for (unsigned int v = 0; v < 256; v++) {
			uint8_t was = buf[i];
			int got;

			buf[i] = (uint8_t)v;
			got = vcm_reply_decode(&scratch, buf, (size_t)len);
			ck_assert(got == 0 || got == -VCM_EPROTO);
			ck_assert_uint_le(scratch.reply.values_count, 16);
			buf[i] = was;
		}
	}
}
END_TEST

SUITE_MAIN("remote/message", the_host_reads_every_field_of_an_operation, the_host_reads_a_hello,
	   a_request_holds_so_many_operations_and_no_more,
	   what_does_not_fit_leaves_the_request_as_it_was,
	   a_node_reads_every_part_of_a_reply_that_it_has_a_use_for,
	   what_a_node_has_no_use_for_is_skipped, a_reply_beyond_a_bound_is_refused,
	   both_ways_to_write_give_the_same, no_bytes_are_too_bad_to_be_read)
