// SPDX-License-Identifier: BSD-3-Clause
/* memory_read, memory_write, memory_zero and memory_copy. */
#include "tests/memory/fixture.h"

#define SPACE SZ_16M
#define N_PAGES (SPACE / SZ_4K)

static void fill(uint8_t *at, uint64_t len, uint32_t seed)
{
	for (uint64_t i = 0; i < len; i++)
		at[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
}

START_TEST(what_is_written_is_read_across_arenas)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(mem_freep) uint8_t *in = mem_zalloc(SZ_2M + 3 * SZ_4K);
	_cleanup_(mem_freep) uint8_t *out = mem_zalloc(SZ_2M + 3 * SZ_4K);
	const uint64_t len = SZ_2M + SZ_4K + 100;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	ck_assert_int_eq(new_arena(m, 2, PA + SZ_4K, SZ_2M), 0);
	ck_assert_int_eq(new_arena(m, 3, PA + SZ_4K + SZ_2M, SZ_4K), 0);
	fill(in, len, 1);
	ck_assert_int_eq(memory_write(m, PA + 50, in, len), 0);
	ck_assert_int_eq(memory_read(m, PA + 50, out, len), 0);
	ck_assert_mem_eq(in, out, len);
	ck_assert_int_eq(memory_zero(m, PA + 50, len - 1), 0);
	ck_assert_int_eq(memory_read(m, PA, out, len + 50), 0);
	ck_assert(is_all(out, 0, len + 49));
	ck_assert_uint_eq(out[len + 49], in[len - 1]);
}
END_TEST

START_TEST(a_place_is_one_arena_and_no_table)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t len = 0, pa;
	uint8_t *at, byte = 0x5a;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_64K), 0);
	ck_assert_int_eq(new_arena(m, 2, PA + SZ_64K, SZ_4K), 0);
	at = memory_at(m, PA + SZ_4K, SZ_1M, &len);
	ck_assert_ptr_nonnull(at);
	ck_assert_uint_eq(len, SZ_64K - SZ_4K);
	ck_assert_int_eq(memory_write(m, PA + SZ_4K + 3, &byte, 1), 0);
	ck_assert_uint_eq(at[3], 0x5a);
	ck_assert_ptr_nonnull(memory_at(m, PA + SZ_64K, 100, &len));
	ck_assert_uint_eq(len, 100);
	ck_assert_ptr_null(memory_at(m, PA + SZ_64K + SZ_4K, 1, &len));
	ck_assert_int_eq(memory_table_alloc(m, SZ_4K, &pa), 0);
	ck_assert_ptr_null(memory_at(m, pa, SZ_4K, &len));
}
END_TEST

START_TEST(table_memory_is_read_and_written_like_any)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t pa, word = 0x1122334455667788;

	ck_assert_int_eq(memory_table_alloc(m, SZ_4K, &pa), 0);
	ck_assert_int_eq(memory_write(m, pa + 16, &word, sizeof(word)), 0);
	ck_assert_mem_eq((uint8_t *)memory_table_view(m, pa, SZ_4K) + 16, &word, sizeof(word));
	word = 0;
	ck_assert_int_eq(memory_read(m, pa + 16, &word, sizeof(word)), 0);
	ck_assert_uint_eq(word, 0x1122334455667788);
	ck_assert_int_eq(memory_write(m, TABLES_PA + TABLES_LEN - 4, &word, sizeof(word)), -EFAULT);
}
END_TEST

START_TEST(access_that_leaves_memory_is_refused_and_changes_nothing)
{
	static const struct {
		uint64_t pa, len;
	} bad[] = {
		{ PA - 1, 2 },
		{ PA + SZ_64K - 1, 2 },
		{ PA, SZ_64K + 1 },
		{ PA + 2 * SZ_64K - 1, 1 },
		{ 0, 1 },
		{ UINT64_MAX, 1 },
		{ PA, UINT64_MAX },
		{ PA + 1, UINT64_MAX - PA },
		{ UINT64_MAX, UINT64_MAX },
		{ PA - SZ_1M, 2 * SZ_1M },
		{ PA + SZ_64K, SZ_64K },
	};
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(mem_freep) uint8_t *buf = mem_zalloc(2 * SZ_1M);
	uint8_t all[SZ_64K];

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_64K), 0);
	ck_assert_int_eq(new_arena(m, 2, PA + 2 * SZ_64K, SZ_64K), 0);
	memset(buf, 0x11, 2 * SZ_1M);
	ck_assert_int_eq(memory_write(m, PA, buf, SZ_64K), 0);
	memset(buf, 0x22, 2 * SZ_1M);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t pa = bad[i].pa, len = bad[i].len;

		ck_assert_int_eq(memory_zero(m, pa, len), -EFAULT);
		ck_assert_int_eq(memory_copy(m, pa, PA, len), -EFAULT);
		ck_assert_int_eq(memory_copy(m, PA, pa, len), -EFAULT);
		ck_assert_int_eq(memory_copy(m, PA + 1, pa, len), -EFAULT);
		ck_assert_int_eq(memory_read(m, pa, buf, len), -EFAULT);
		ck_assert_int_eq(memory_write(m, pa, buf, len), -EFAULT);
		ck_assert(is_all(buf, 0x22, 2 * SZ_1M));
	}
	ck_assert_int_eq(memory_read(m, PA, all, SZ_64K), 0);
	ck_assert(is_all(all, 0x11, SZ_64K));
}
END_TEST

START_TEST(nothing_may_be_moved_anywhere)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	ck_assert_int_eq(memory_zero(m, 0, 0), 0);
	ck_assert_int_eq(memory_copy(m, UINT64_MAX, 0, 0), 0);
	ck_assert_int_eq(memory_read(m, 0, NULL, 0), 0);
	ck_assert_int_eq(memory_write(m, PA, NULL, 0), 0);
}
END_TEST

START_TEST(copy_between_overlapping_ranges_is_a_move)
{
	static const int64_t shifts[] = { 1, -1, 63, -64, 4096, -4096, 5000, -70000, 1 << 20, 0 };
	static const uint64_t lens[] = { 1, 100, SZ_4K, SZ_64K + 7, SZ_1M, SZ_2M + 13 };
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(mem_freep) uint8_t *want = mem_zalloc(2 * SZ_2M);
	_cleanup_(mem_freep) uint8_t *got = mem_zalloc(2 * SZ_2M);
	const uint64_t from = SZ_1M / 2 + 11;

	/* Three arenas in a row: the ranges cross their borders. */
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_1M), 0);
	ck_assert_int_eq(new_arena(m, 2, PA + SZ_1M, SZ_4K), 0);
	ck_assert_int_eq(new_arena(m, 3, PA + SZ_1M + SZ_4K, 3 * SZ_1M - SZ_4K), 0);
	for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
		for (size_t k = 0; k < sizeof(lens) / sizeof(*lens); k++) {
			uint64_t to = from + (uint64_t)shifts[i];

			fill(want, 2 * SZ_2M, (uint32_t)(i * 100 + k));
			ck_assert_int_eq(memory_write(m, PA, want, 2 * SZ_2M), 0);
			memmove(want + to, want + from, lens[k]);
			ck_assert_int_eq(memory_copy(m, PA + to, PA + from, lens[k]), 0);
			ck_assert_int_eq(memory_read(m, PA, got, 2 * SZ_2M), 0);
			ck_assert_mem_eq(want, got, 2 * SZ_2M);
		}
	}
}
END_TEST

START_TEST(long_zeroing_stops_at_the_byte)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(mem_freep) uint8_t *buf = mem_zalloc(SZ_2M);

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	for (uint64_t off = 0; off < 130; off += 13) {
		uint64_t len = SZ_1M + 7 * off;

		memset(buf, 0xee, SZ_2M);
		ck_assert_int_eq(memory_write(m, PA, buf, SZ_2M), 0);
		ck_assert_int_eq(memory_zero(m, PA + 4000 + off, len), 0);
		ck_assert_int_eq(memory_read(m, PA, buf, SZ_2M), 0);
		ck_assert(is_all(buf, 0xee, 4000 + off));
		ck_assert(is_all(buf + 4000 + off, 0, len));
		ck_assert(is_all(buf + 4000 + off + len, 0xee, SZ_2M - 4000 - off - len));
	}
}
END_TEST

/* The naive model: every byte of the space, and which arena each page is of. */
struct model {
	uint8_t bytes[SPACE];
	uint32_t arena[N_PAGES]; /* 0: none */
	uint32_t next_id;
};

static struct model model;
static uint8_t scratch[SPACE];

static bool model_has(uint64_t at, uint64_t len)
{
	for (uint64_t page = at / SZ_4K; len > 0 && page <= (at + len - 1) / SZ_4K; page++)
		if (page >= N_PAGES || model.arena[page] == 0)
			return false;
	return true;
}

static uint64_t rnd(uint64_t n)
{
	return (((uint64_t)random() << 31) | (uint64_t)random()) % n;
}

/* Mostly short, some long enough to be streamed. */
static uint64_t rnd_len(void)
{
	static const uint64_t most[] = { 16, 300, SZ_4K, SZ_64K, SZ_1M };

	return rnd(most[rnd(5)]) + 1;
}

static void step_new(struct memory *m)
{
	uint64_t page = rnd(N_PAGES), n = 1 + rnd(rnd(4) ? 64 : 700);
	bool free_there = true;
	int r;

	if (n > N_PAGES - page)
		n = N_PAGES - page;
	for (uint64_t i = 0; i < n; i++)
		free_there = free_there && model.arena[page + i] == 0;
	r = new_arena(m, ++model.next_id, PA + page * SZ_4K, n * SZ_4K);
	ck_assert_int_eq(r, free_there ? 0 : -EEXIST);
	if (r < 0)
		return;
	for (uint64_t i = 0; i < n; i++)
		model.arena[page + i] = model.next_id;
	memset(&model.bytes[page * SZ_4K], 0, n * SZ_4K);
}

static void step_free(struct memory *m)
{
	uint32_t id = model.arena[rnd(N_PAGES)];

	if (id == 0)
		return;
	memory_arena_free(m, id);
	for (uint64_t i = 0; i < N_PAGES; i++)
		if (model.arena[i] == id)
			model.arena[i] = 0;
}

static void step_move(struct memory *m)
{
	uint64_t at = rnd(SPACE), from = rnd(3) ? rnd(SPACE) : at + rnd(200), len = rnd_len();
	bool ok = model_has(at, len), ok_from = model_has(from, len);
	uint64_t what = rnd(4);

	if (what == 0) {
		ck_assert_int_eq(memory_zero(m, PA + at, len), ok ? 0 : -EFAULT);
		if (ok)
			memset(&model.bytes[at], 0, len);
	} else if (what == 1) {
		fill(scratch, len, (uint32_t)at);
		ck_assert_int_eq(memory_write(m, PA + at, scratch, len), ok ? 0 : -EFAULT);
		if (ok)
			memcpy(&model.bytes[at], scratch, len);
	} else if (what == 2) {
		ck_assert_int_eq(memory_read(m, PA + at, scratch, len), ok ? 0 : -EFAULT);
		if (ok)
			ck_assert_mem_eq(&model.bytes[at], scratch, len);
	} else {
		ok = ok && ok_from;
		ck_assert_int_eq(memory_copy(m, PA + at, PA + from, len), ok ? 0 : -EFAULT);
		if (ok)
			memmove(&model.bytes[at], &model.bytes[from], len);
	}
}

static void compare_all(struct memory *m)
{
	for (uint64_t i = 0; i < N_PAGES; i++) {
		int r = memory_read(m, PA + i * SZ_4K, scratch, SZ_4K);

		ck_assert_int_eq(r, model.arena[i] ? 0 : -EFAULT);
		if (r == 0)
			ck_assert_mem_eq(&model.bytes[i * SZ_4K], scratch, SZ_4K);
	}
}

START_TEST(random_operations_agree_with_a_naive_array)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(2 * SZ_2M);
	const int n_steps = (int)suite_scaled(6000, 2, 10);

	srandom(42);
	for (int i = 0; i < n_steps; i++) {
		uint64_t what = rnd(20);

		if (what < 2)
			step_new(m);
		else if (what == 2 && rnd(3) == 0)
			step_free(m);
		else if (what == 3)
			memory_idle(m);
		else
			step_move(m);
		if (i % 1000 == 0)
			compare_all(m);
	}
	compare_all(m);
}
END_TEST

SUITE_MAIN("access", what_is_written_is_read_across_arenas, a_place_is_one_arena_and_no_table,
	   table_memory_is_read_and_written_like_any,
	   access_that_leaves_memory_is_refused_and_changes_nothing, nothing_may_be_moved_anywhere,
	   copy_between_overlapping_ranges_is_a_move, long_zeroing_stops_at_the_byte,
	   random_operations_agree_with_a_naive_array)
