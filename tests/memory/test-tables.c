// SPDX-License-Identifier: BSD-3-Clause
#include "memory/tables.h"

#include "tests/memory/fixture.h"

static size_t n_resident(struct memory *m)
{
	unsigned char pages[TABLES_LEN / SZ_4K];
	size_t n = 0;

	ck_assert_int_eq(mincore(memory_table_view(m, TABLES_PA, TABLES_LEN), TABLES_LEN, pages),
			 0);
	for (size_t i = 0; i < TABLES_LEN / SZ_4K; i++)
		n += pages[i] & 1;
	return n;
}

START_TEST(blocks_are_aligned_to_their_length_zeroed_and_apart)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t pa[TABLE_ORDERS * 4];
	uint64_t total = 0;

	for (size_t i = 0; i < TABLE_ORDERS * 4; i++) {
		size_t len = TABLE_LEN_MIN << (i % TABLE_ORDERS);
		uint8_t *at;

		ck_assert_int_eq(memory_table_alloc(m, len, &pa[i]), 0);
		ck_assert(is_aligned(pa[i], len));
		at = memory_table_view(m, pa[i], len);
		ck_assert(is_all(at, 0, len));
		memset(at, (int)i + 1, len);
		total += len;
	}
	ck_assert_uint_eq(stats_of(m).table_bytes, total);
	ck_assert_uint_eq(stats_of(m).table_limit, TABLES_LEN);
	for (size_t i = 0; i < TABLE_ORDERS * 4; i++) {
		size_t len = TABLE_LEN_MIN << (i % TABLE_ORDERS);

		ck_assert(is_all(memory_table_view(m, pa[i], len), (uint8_t)(i + 1), len));
		memory_table_free(m, pa[i], len);
	}
	ck_assert_uint_eq(stats_of(m).table_bytes, 0);
}
END_TEST

START_TEST(window_is_used_to_its_last_block_of_each_length)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	for (size_t len = TABLE_LEN_MIN; len <= TABLE_LEN_MAX; len *= 2) {
		uint64_t n = TABLES_LEN / len, pa;

		for (uint64_t i = 0; i < n; i++)
			ck_assert_int_eq(memory_table_alloc(m, len, &pa), 0);
		ck_assert_int_eq(memory_table_alloc(m, len, &pa), -ENOMEM);
		ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), -ENOMEM);
		for (uint64_t i = 0; i < n; i++)
			memory_table_free(m, TABLES_PA + i * len, len);
	}
}
END_TEST

START_TEST(freed_neighbours_become_one_block_again)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t pa;

	for (uint64_t i = 0; i < TABLES_LEN / TABLE_LEN_MIN; i++)
		ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), 0);
	for (uint64_t i = 0; i < 64; i += 2)
		memory_table_free(m, TABLES_PA + i * TABLE_LEN_MIN, TABLE_LEN_MIN);
	ck_assert_int_eq(memory_table_alloc(m, 2 * TABLE_LEN_MIN, &pa), -ENOMEM);
	for (uint64_t i = 1; i < 64; i += 2)
		memory_table_free(m, TABLES_PA + i * TABLE_LEN_MIN, TABLE_LEN_MIN);
	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MAX, &pa), 0);
	ck_assert_uint_eq(pa, TABLES_PA);
}
END_TEST

START_TEST(small_blocks_leave_the_large_ones_whole)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t pa = 0, hole;

	ck_assert_int_eq(memory_table_alloc(m, 4 * TABLE_LEN_MIN, &hole), 0);
	for (uint64_t i = 4; i < TABLES_LEN / TABLE_LEN_MIN; i++)
		ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), 0);
	/* Free: one single block at the end, and four in a row. */
	memory_table_free(m, pa, TABLE_LEN_MIN);
	memory_table_free(m, hole, 4 * TABLE_LEN_MIN);
	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), 0);
	ck_assert_uint_ge(pa, hole + 4 * TABLE_LEN_MIN);
	ck_assert_int_eq(memory_table_alloc(m, 4 * TABLE_LEN_MIN, &pa), 0);
	ck_assert_uint_eq(pa, hole);
}
END_TEST

START_TEST(block_is_zeroed_when_it_is_used_again)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t pa, other;

	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &other), 0);
	for (size_t len = TABLE_LEN_MIN; len <= TABLE_LEN_MAX; len *= 2) {
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(memory_table_alloc(m, len, &pa), 0);
			ck_assert(is_all(memory_table_view(m, pa, len), 0, len));
			memset(memory_table_view(m, pa, len), 0xff, len);
			memory_table_free(m, pa, len);
		}
	}
}
END_TEST

START_TEST(window_costs_nothing_until_it_is_used_and_little_after)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	const uint64_t n = TABLES_LEN / TABLE_LEN_MAX;
	uint64_t pa;

	ck_assert_uint_eq(n_resident(m), 0);
	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), 0);
	memset(memory_table_view(m, pa, TABLE_LEN_MIN), 1, TABLE_LEN_MIN);
	ck_assert_uint_eq(n_resident(m), 1);
	memory_table_free(m, pa, TABLE_LEN_MIN);
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MAX, &pa), 0);
		memset(memory_table_view(m, pa, TABLE_LEN_MAX), 1, TABLE_LEN_MAX);
	}
	ck_assert_uint_eq(n_resident(m), TABLES_LEN / SZ_4K);
	for (uint64_t i = 0; i < n; i++)
		memory_table_free(m, TABLES_PA + i * TABLE_LEN_MAX, TABLE_LEN_MAX);
	ck_assert_uint_le(n_resident(m), TABLES_LEN / SZ_4K / 4);
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MAX, &pa), 0);
		ck_assert(is_all(memory_table_view(m, pa, TABLE_LEN_MAX), 0, TABLE_LEN_MAX));
	}
}
END_TEST

START_TEST(view_reaches_the_window_and_not_a_byte_more)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint8_t *at = memory_table_view(m, TABLES_PA, TABLES_LEN);

	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_eq(memory_table_view(m, TABLES_PA + TABLES_LEN - 1, 1), at + TABLES_LEN - 1);
	ck_assert_ptr_null(memory_table_view(m, TABLES_PA, TABLES_LEN + 1));
	ck_assert_ptr_null(memory_table_view(m, TABLES_PA - 1, 2));
	ck_assert_ptr_null(memory_table_view(m, TABLES_PA + TABLES_LEN, 1));
	ck_assert_ptr_null(memory_table_view(m, TABLES_PA + TABLES_LEN - 1, 2));
	ck_assert_ptr_null(memory_table_view(m, TABLES_PA, 0));
	ck_assert_ptr_null(memory_table_view(m, UINT64_MAX, 2));
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	ck_assert_ptr_null(memory_table_view(m, PA, 1));
}
END_TEST

START_TEST(crooked_window_is_used_where_it_is_straight)
{
	struct memory_config config = { .tables = { 0x1400, 0x1400 + 3 * SZ_64K } };
	_cleanup_(memory_freep) struct memory *m = memory_new(&config);
	uint64_t pa;

	ck_assert_uint_eq(stats_of(m).table_limit, 2 * SZ_64K);
	ck_assert_int_eq(memory_table_alloc(m, SZ_64K, &pa), 0);
	ck_assert_uint_eq(pa, SZ_64K);
	ck_assert_int_eq(memory_table_alloc(m, SZ_64K, &pa), 0);
	ck_assert_uint_eq(pa, 2 * SZ_64K);
	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), -ENOMEM);
	ck_assert_ptr_nonnull(memory_table_view(m, 0x1400, 3 * SZ_64K + 1));
}
END_TEST

START_TEST(window_without_a_whole_block_has_none)
{
	struct memory_config config = { .tables = { UINT64_MAX - 0xfff, UINT64_MAX } };
	_cleanup_(memory_freep) struct memory *m = memory_new(&config);
	uint64_t pa;

	ck_assert_int_eq(memory_table_alloc(m, TABLE_LEN_MIN, &pa), -ENOMEM);
	ck_assert_ptr_nonnull(memory_table_view(m, UINT64_MAX, 1));
	ck_assert_uint_eq(stats_of(m).table_limit, 0);
}
END_TEST

/* Which 1K blocks are in use, by the byte that their owner wrote. */
struct owner {
	uint64_t pa;
	size_t len;
};

START_TEST(random_blocks_agree_with_a_naive_map)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	static struct owner owners[400];
	static uint8_t used[TABLES_LEN / TABLE_LEN_MIN];
	uint64_t used_len = 0;

	srandom(1);
	for (int step = 0; step < 50000; step++) {
		size_t i = (size_t)random() % 400;
		struct owner *o = &owners[i];

		if (o->len) {
			ck_assert(is_all(memory_table_view(m, o->pa, o->len), (uint8_t)i, o->len));
			memset(&used[(o->pa - TABLES_PA) / TABLE_LEN_MIN], 0,
			       o->len / TABLE_LEN_MIN);
			used_len -= o->len;
			memory_table_free(m, o->pa, o->len);
			o->len = 0;
			continue;
		}
		o->len = TABLE_LEN_MIN << (random() % TABLE_ORDERS);
		if (memory_table_alloc(m, o->len, &o->pa) < 0) {
			for (size_t at = 0; at < TABLES_LEN / TABLE_LEN_MIN;
			     at += o->len / TABLE_LEN_MIN)
				ck_assert(!is_all(&used[at], 0, o->len / TABLE_LEN_MIN));
			o->len = 0;
			continue;
		}
		ck_assert(is_aligned(o->pa, o->len));
		ck_assert(is_all(&used[(o->pa - TABLES_PA) / TABLE_LEN_MIN], 0,
				 o->len / TABLE_LEN_MIN));
		ck_assert(is_all(memory_table_view(m, o->pa, o->len), 0, o->len));
		memset(&used[(o->pa - TABLES_PA) / TABLE_LEN_MIN], 1, o->len / TABLE_LEN_MIN);
		memset(memory_table_view(m, o->pa, o->len), (int)i, o->len);
		used_len += o->len;
		ck_assert_uint_eq(stats_of(m).table_bytes, used_len);
	}
}
END_TEST

SUITE_MAIN("tables", blocks_are_aligned_to_their_length_zeroed_and_apart,
	   window_is_used_to_its_last_block_of_each_length, freed_neighbours_become_one_block_again,
	   small_blocks_leave_the_large_ones_whole, block_is_zeroed_when_it_is_used_again,
	   window_costs_nothing_until_it_is_used_and_little_after,
	   view_reaches_the_window_and_not_a_byte_more, crooked_window_is_used_where_it_is_straight,
	   window_without_a_whole_block_has_none, random_blocks_agree_with_a_naive_map)
