// SPDX-License-Identifier: BSD-3-Clause
// Both codecs against short memory, cut packets and packets with wrong bytes in them.
#include "proto/message.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "base/fdset.h"
#include "base/mem.h"
#include "tests/suite.h"

#define N_MUTATIONS 100000
#define MAX_FLIPS 8

CLEANUP_DEFINE(struct codec *, codec_free)

struct packet {
	size_t len;
	uint8_t buf[4096];
};

/* Copies what it decodes, so that ASan sees every byte read that is not there. */
typedef int (*decode_fn)(struct codec *c, const uint8_t *buf, size_t len);

static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static const struct op ops[] = {
	{ OP_DEV_GET, 0, 0, 0, 0, 0, 0, 0, "vcodec_a_mm1", NULL, 0 },
	{ OP_VCM_CREATE, 1, 0, 0, 0x1000, 0x10000000, 0, 0, NULL, NULL, 0 },
	{ OP_ASSOC, 2, 1, 5, 0, 0, 0x1c, 0, NULL, NULL, 0 },
	{ OP_RESERVE, 3, 1, 0, 0, 0x210000, 0x300, 0, NULL, NULL, 0 },
	{ OP_SIM_WRITE, 0, 0, 5, 0x10000, 0, 0, 0, NULL, "bytes\0and more", 14 },
	{ OP_RES_COPY, 0, 3, 4, UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, NULL, NULL, 0 },
};
static const uint64_t values[] = { 0, 1, 0x10000000, UINT64_MAX };
static const struct piece pieces[] = { { 0, 1, 0, 0x200000, 1 }, { 5, 2, 0x1000, 0x1000, 0 } };
static const struct row rows[] = {
	{ { 1, 2, UINT64_MAX }, { "cpu", "" }, 3, 2 },
	{ { 0 }, { "x" }, ROW_MAX_N, 1 },
};

static void make_request(struct codec *c, struct packet *p)
{
	const struct request in = { 1u << 20, 77, false, { 0 }, ops, sizeof(ops) / sizeof(*ops) };
	long len = request_encode(c, &in, p->buf, sizeof(p->buf));

	ck_assert_int_gt(len, 0);
	p->len = (size_t)len;
}

static void make_reply(struct codec *c, struct packet *p)
{
	const struct welcome welcome = { 1, 2, 3, 4, 5, 6, { 7 } };
	const struct reply in = { .serial = 9,
				  .status = -ENOMEM,
				  .failed = 3,
				  .reason = "pool 1: no run of 2M is free",
				  .values = values,
				  .n_values = 4,
				  .pieces = pieces,
				  .n_pieces = 2,
				  .data = "data",
				  .n_data = 4,
				  .rows = rows,
				  .n_rows = 2,
				  .welcome = &welcome };
	long len = reply_encode(c, &in, p->buf, sizeof(p->buf));

	ck_assert_int_gt(len, 0);
	p->len = (size_t)len;
}

/* So that ASan sees every byte. */
static void read_whole(const void *p, size_t len)
{
	static uint8_t sink[PROTO_MAX_DATA];

	ck_assert_uint_le(len, sizeof(sink));
	if (len)
		memcpy(sink, p, len);
}

/* Everything that a request promises, read to the last byte. */
static void check_request(const struct request *r)
{
	size_t n_data = 0;

	ck_assert_uint_ge(r->serial, 1);
	ck_assert_uint_lt(r->ack, r->serial);
	ck_assert(r->is_hello ? r->n_ops == 0 : r->n_ops >= 1 && r->n_ops <= PROTO_MAX_OPS);
	if (r->is_hello)
		ck_assert_uint_le(strlen(r->hello.name), PROTO_MAX_NAME);
	for (size_t i = 0; i < r->n_ops; i++) {
		ck_assert_uint_le(r->ops[i].handle, PROTO_HANDLE_MAX);
		ck_assert_uint_le(strlen(r->ops[i].name), PROTO_MAX_NAME);
		n_data += r->ops[i].n_data;
		read_whole(r->ops[i].data, r->ops[i].n_data);
	}
	ck_assert_uint_le(n_data, PROTO_MAX_DATA);
}

static void check_reply(const struct reply *r)
{
	ck_assert(r->status <= 0 && r->status >= -4095);
	ck_assert(r->serial ? !r->fault : r->fault || r->status);
	ck_assert_uint_lt(r->failed, PROTO_MAX_OPS);
	ck_assert_uint_le(strlen(r->reason), PROTO_MAX_TEXT);
	ck_assert_uint_le(r->n_values, PROTO_MAX_VALUES);
	read_whole(r->data, r->n_data);
	for (size_t i = 0; i < r->n_pieces; i++)
		ck_assert(r->pieces[i].len && r->pieces[i].fd <= FDSET_MAX);
	for (size_t i = 0; i < r->n_rows; i++) {
		ck_assert(r->rows[i].n_n <= ROW_MAX_N && r->rows[i].n_s <= ROW_MAX_S);
		for (size_t s = 0; s < r->rows[i].n_s; s++)
			ck_assert_uint_le(strlen(r->rows[i].s[s]), PROTO_MAX_TEXT);
	}
}

static int decode_request(struct codec *c, const uint8_t *buf, size_t len)
{
	_cleanup_(mem_freep) uint8_t *copy = mem_zalloc(len + !len);
	struct request out;
	struct reason why = { "" };
	int r;

	memcpy(copy, buf, len);
	r = request_decode(c, copy, len, &out, &why);
	if (r == 0)
		check_request(&out);
	else
		ck_assert_str_ne(why.text, "");
	return r;
}

static int decode_reply(struct codec *c, const uint8_t *buf, size_t len)
{
	_cleanup_(mem_freep) uint8_t *copy = mem_zalloc(len + !len);
	struct reply out;
	struct reason why = { "" };
	int r;

	memcpy(copy, buf, len);
	r = reply_decode(c, copy, len, &out, &why);
	if (r == 0)
		check_reply(&out);
	else
		ck_assert_str_ne(why.text, "");
	return r;
}

static void check_cut(struct codec *c, const struct packet *p, decode_fn decode)
{
	for (size_t len = 0; len < p->len; len++) {
		int r = decode(c, p->buf, len);

		ck_assert_msg(r == 0 || r == -EPROTO, "%d at %zu bytes", r, len);
	}
	ck_assert_int_eq(decode(c, p->buf, p->len), 0);
}

START_TEST(packets_cut_at_every_byte_are_refused_or_decode_to_less)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct packet p;

	make_request(c, &p);
	check_cut(c, &p, decode_request);
	make_reply(c, &p);
	check_cut(c, &p, decode_reply);
}
END_TEST

/* Flips, inserts, drops: what the length bytes of protobuf dislike most. */
static void mutate(struct packet *p)
{
	for (uint32_t n = 1 + next_random() % MAX_FLIPS; n && p->len > 1; n--) {
		size_t at = next_random() % p->len;

		switch (next_random() % 4) {
		case 0:
			p->buf[at] ^= (uint8_t)(1u << next_random() % 8);
			break;
		case 1:
			p->buf[at] = (uint8_t)next_random();
			break;
		case 2:
			memmove(p->buf + at, p->buf + at + 1, p->len - at - 1);
			p->len--;
			break;
		case 3:
			if (p->len == sizeof(p->buf))
				break;
			memmove(p->buf + at + 1, p->buf + at, p->len - at);
			p->len++;
			break;
		}
	}
}

static void check_mutations(struct codec *c, const struct packet *whole, decode_fn decode)
{
	size_t n_decoded = 0;

	for (int i = 0; i < N_MUTATIONS; i++) {
		struct packet p = *whole;
		int r;

		mutate(&p);
		r = decode(c, p.buf, p.len);
		ck_assert_msg(r == 0 || r == -EPROTO, "%d for mutation %d", r, i);
		n_decoded += r == 0;
	}
	ck_assert_uint_gt(n_decoded, 0);
	ck_assert_int_eq(decode(c, whole->buf, whole->len), 0);
}

START_TEST(a_hundred_thousand_mutated_requests_are_refused_or_decode_within_bounds)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct packet p;

	make_request(c, &p);
	check_mutations(c, &p, decode_request);
}
END_TEST

START_TEST(a_hundred_thousand_mutated_replies_are_refused_or_decode_within_bounds)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct packet p;

	make_reply(c, &p);
	check_mutations(c, &p, decode_reply);
}
END_TEST

START_TEST(noise_is_refused)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	static uint8_t noise[PROTO_MAX_MESSAGE];

	for (int i = 0; i < 1000; i++) {
		size_t len = next_random() % sizeof(noise);

		for (size_t b = 0; b < len; b++)
			noise[b] = (uint8_t)next_random();
		decode_request(c, noise, len);
		decode_reply(c, noise, len);
	}
}
END_TEST

START_TEST(codec_is_made_or_not_when_memory_is_short)
{
	struct codec *c;

	mem_fail_nth(1);
	c = codec_new();
	ck_assert(mem_fail_fired());
	ck_assert_ptr_null(c);
	ck_assert_ptr_null(codec_free(NULL));
}
END_TEST

START_TEST(no_call_on_a_codec_allocates)
{
	_cleanup_(codec_freep) struct codec *c = codec_new();
	struct packet request, reply;
	struct request req;
	struct reply rep;
	size_t before;

	mem_fail_nth(1);
	before = mallinfo2().uordblks;
	for (int i = 0; i < 100; i++) {
		make_request(c, &request);
		make_reply(c, &reply);
		ck_assert_int_eq(request_decode(c, request.buf, request.len, &req, NULL), 0);
		ck_assert_int_eq(reply_decode(c, reply.buf, reply.len, &rep, NULL), 0);
		ck_assert_int_lt(request_decode(c, reply.buf, reply.len, &req, NULL), 0);
	}
	ck_assert_uint_eq(mallinfo2().uordblks, before);
	ck_assert(!mem_fail_fired());
}
END_TEST

SUITE_MAIN("codec", packets_cut_at_every_byte_are_refused_or_decode_to_less,
	   a_hundred_thousand_mutated_requests_are_refused_or_decode_within_bounds,
	   a_hundred_thousand_mutated_replies_are_refused_or_decode_within_bounds, noise_is_refused,
	   codec_is_made_or_not_when_memory_is_short, no_call_on_a_codec_allocates)
