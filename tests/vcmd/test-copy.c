// SPDX-License-Identifier: BSD-3-Clause
/* Copies, long ones in slices, while the world goes on. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"

#define LEN (20 * SZ_1M)
#define A 41
#define A_MEM 42
#define B 43
#define B_MEM 44

static struct world *w;
static struct peer *p;
static struct stage_devices d;

/* Two reservations of 20 MB: A in one piece, B in 64 KB blocks. */
static void setup(void)
{
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = NEW, .addr = 0x80000000, .len = 64 * SZ_1M },
		{ .code = OP_ASSOC, .handle = 45, .on = NEW, .target = 3 },
		{ .code = OP_ACTIVATE, .on = 45 },
		{ .code = OP_RESERVE,
		  .handle = A,
		  .on = NEW,
		  .len = LEN,
		  .attr = VCM_ALIGN_ATTR(12) },
		{ .code = OP_RESERVE,
		  .handle = B,
		  .on = NEW,
		  .len = LEN,
		  .attr = VCM_ALIGN_ATTR(12) },
		{ .code = OP_PHYS_ALLOC, .handle = A_MEM, .arg = 1, .len = LEN },
		{ .code = OP_PHYS_ALLOC, .handle = B_MEM, .arg = 1, .len = LEN, .attr = VCM_64KB },
		{ .code = OP_BACK, .on = A, .target = A_MEM },
		{ .code = OP_BACK, .on = B, .target = B_MEM },
	};

	w = world_new(NULL);
	p = world_peer(w);
	d = stage_set(p);
	ck_ok(BATCH(p, ops));
}

static uint64_t pa_of(uint32_t mem, uint64_t offset)
{
	uint64_t after = 0;

	for (;;) {
		ck_ok(CALL(p, PHYS_NEXT, .on = mem, .addr = after));
		after = peer_value(p, 0);
		ck_assert_uint_ne(after, 0);
		if (offset < peer_value(p, 1))
			return after + offset;
		offset -= peer_value(p, 1);
	}
}

/* A word at each page that says which it is. */
static void number_pages(uint32_t mem, uint64_t from, uint64_t n)
{
	uint64_t chunk = 0, len = 0, at = 0;

	for (uint64_t word = from; word < from + n; word++, at += SZ_4K) {
		if (at == len) {
			ck_ok(CALL(p, PHYS_NEXT, .on = mem, .addr = chunk));
			chunk = peer_value(p, 0);
			len = peer_value(p, 1);
			at = 0;
			ck_assert_uint_ne(chunk, 0);
		}
		ck_assert(memory_write(w->broker->memory, chunk + at, &word, sizeof(word)) == 0);
	}
}

static void ck_page(uint32_t mem, uint64_t at, uint64_t number)
{
	uint64_t word;

	ck_assert(memory_read(w->broker->memory, pa_of(mem, at), &word, sizeof(word)) == 0);
	ck_assert_uint_eq(word, number);
}

START_TEST(a_long_copy_arrives_whole)
{
	setup();
	number_pages(A_MEM, 1000, LEN / SZ_4K);
	ck_ok(CALL(p, RES_COPY, .on = B, .target = A, .len = LEN));
	ck_assert_uint_eq(peer_value(p, 0), LEN);
	for (uint64_t at = 0; at < LEN; at += SZ_64K)
		ck_page(B_MEM, at, 1000 + at / SZ_4K);
	world_free(w);
}
END_TEST

START_TEST(others_are_served_during_a_long_copy)
{
	uint64_t copy, info;
	struct peer *other;

	setup();
	other = world_peer(w);
	copy = SEND(p, RES_COPY, .on = B, .target = A, .len = LEN);
	info = SEND(p, VCM_INFO, .on = NEW);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(peer_wait(p, info));
	ck_assert_ptr_null(p->stash); /* the copy is not through */
	ck_ok(peer_wait(p, copy));
	ck_assert_uint_eq(peer_value(p, 0), LEN);
	world_free(w);
}
END_TEST

/* Both directions, by one page, so that every slice overlaps the next. */
START_TEST(a_copy_that_overlaps_itself_moves)
{
	const uint64_t n = LEN - SZ_4K;

	setup();
	number_pages(B_MEM, 0, LEN / SZ_4K);
	ck_ok(CALL(p, RES_COPY, .on = B, .addr = SZ_4K, .target = B, .arg = 0, .len = n));
	ck_assert_uint_eq(peer_value(p, 0), n);
	ck_page(B_MEM, 0, 0);
	for (uint64_t at = SZ_4K; at < LEN; at += 17 * SZ_4K)
		ck_page(B_MEM, at, at / SZ_4K - 1);
	ck_ok(CALL(p, RES_COPY, .on = B, .addr = 0, .target = B, .arg = SZ_4K, .len = n));
	for (uint64_t at = 0; at < n; at += 17 * SZ_4K)
		ck_page(B_MEM, at, at / SZ_4K);
	world_free(w);
}
END_TEST

START_TEST(a_copy_ends_where_its_backing_ends)
{
	uint64_t copy;

	setup();
	copy = SEND(p, RES_COPY, .on = B, .target = A, .len = LEN);
	ck_ok(CALL(p, UNBACK, .on = A));
	ck_ok(peer_wait(p, copy));
	ck_assert_uint_ge(peer_value(p, 0), SZ_1M);
	ck_assert_uint_lt(peer_value(p, 0), LEN);
	world_free(w);
}
END_TEST

START_TEST(a_client_may_die_in_a_copy)
{
	setup();
	SEND(p, RES_COPY, .on = B, .target = A, .len = LEN);
	ck_ok(CALL(p, VCM_INFO, .on = NEW));
	world_kill(w, p);
	world_settle(w);
	world_free(w);
}
END_TEST

START_TEST(a_client_may_say_goodbye_in_a_copy)
{
	setup();
	SEND(p, RES_COPY, .on = B, .target = A, .len = LEN);
	ck_ok(CALL(p, BYE));
	world_free(w);
}
END_TEST

START_TEST(many_copies_at_once_all_arrive)
{
	uint64_t serials[20];

	setup();
	for (int i = 0; i < 20; i++)
		serials[i] = SEND(p, RES_COPY, .on = B, .target = A, .len = 3 * SZ_1M);
	for (int i = 0; i < 20; i++) {
		ck_ok(peer_wait(p, serials[i]));
		ck_assert_uint_eq(peer_value(p, 0), 3 * SZ_1M);
	}
	world_free(w);
}
END_TEST

START_TEST(odd_offsets_and_lengths_are_copied)
{
	setup();
	ck_ok(CALL(p, SIM_WRITE, .target = d.a_stream, .addr = 0x80000000 + 12345, .data = "odd",
		   .n_data = 3));
	ck_ok(CALL(p, RES_COPY, .on = B, .addr = 65534, .target = A, .arg = 12345, .len = 3));
	ck_assert_uint_eq(peer_value(p, 0), 3);
	ck_ok(CALL(p, RES_INFO, .on = B));
	ck_ok(CALL(p, SIM_READ, .target = d.a_stream, .addr = peer_value(p, 1) + 65534, .len = 3));
	ck_assert_mem_eq(p->reply.data, "odd", 3);
	world_free(w);
}
END_TEST

START_TEST(secure_memory_is_never_copied_or_mapped)
{
	static const char text[] =
		"stock = 0\nmemtype 0 { pool { ranges = {\"0x40000000+16M\"} secure = true } }\n"
		"memtype 1 { pool { ranges = {\"0x60000000+16M\"} } }\n"
		"smmu s { base = 0x1000000\n context c { mid = 0 } }\n";

	w = world_new(text);
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_16M));
	ck_ok(CALL(p, ASSOC, .handle = 2, .on = 1, .target = peer_device(p, "c")));
	ck_ok(CALL(p, ACTIVATE, .on = 2));
	for (uint32_t i = 0; i < 2; i++) {
		ck_ok(CALL(p, PHYS_ALLOC, .handle = 3 + 2 * i, .arg = 1 + i, .len = SZ_64K));
		ck_ok(CALL(p, RESERVE, .handle = 4 + 2 * i, .on = 1, .len = SZ_64K,
			   .attr = i ? 0 : VCM_SECURE));
		ck_ok(CALL(p, BACK, .on = 4 + 2 * i, .target = 3 + 2 * i));
	}
	ck_status(CALL(p, RES_COPY, .on = 6, .target = 4, .len = 64), -EACCES);
	ck_status(CALL(p, RES_COPY, .on = 4, .target = 6, .len = 64), -EACCES);
	ck_ok(CALL(p, VCM_PREBUILT, .handle = 7, .arg = VCM_PREBUILT_USER));
	ck_ok(CALL(p, ASSOC, .handle = 8, .on = 7, .target = peer_device(p, "cpu")));
	ck_ok(CALL(p, ACTIVATE, .on = 8));
	ck_ok(CALL(p, RESERVE, .handle = 9, .on = 7, .len = SZ_64K, .addr = USER_AT));
	ck_status(CALL(p, BACK, .on = 9, .target = 3), -EINVAL);
	world_free(w);
}
END_TEST

SUITE_MAIN("copy", a_long_copy_arrives_whole, others_are_served_during_a_long_copy,
	   a_copy_that_overlaps_itself_moves, a_copy_ends_where_its_backing_ends,
	   a_client_may_die_in_a_copy, a_client_may_say_goodbye_in_a_copy,
	   many_copies_at_once_all_arrive, odd_offsets_and_lengths_are_copied,
	   secure_memory_is_never_copied_or_mapped)
