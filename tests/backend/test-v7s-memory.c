// SPDX-License-Identifier: BSD-3-Clause
/* What the tables promise about memory: when it is taken, when it comes back, and what hardware is told before. */
#include "base/mem.h"
#include "tests/backend/table.h"

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* The tables as hardware sees them: every page of a range. */
static uint64_t picture(uint64_t va, uint64_t len)
{
	uint64_t sum = 0, pa, size;

	for (uint64_t at = va; at < va + len; at += SZ_4K) {
		sum = sum * 31 + 7;
		if (page(at, &pa, &size))
			sum = (sum + pa) * 31 + size;
	}
	return sum;
}

START_TEST(map_without_table_memory_fails_at_each_allocation_and_changes_nothing)
{
	size_t n = 0, live;
	uint64_t before;
	int r;

	setup();
	ck_assert(!map(SZ_1M, 0, SZ_4K, SZ_4K));
	before = picture(0, 4 * SZ_16M);
	live = machine.tables_live;
	do {
		machine.table_fails_at = ++n;
		r = map(SZ_1M + SZ_4K, 0x80000000 + SZ_4K, 10 * SZ_1M, SZ_4K | SZ_64K);
		if (r) {
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_uint_eq(picture(0, 4 * SZ_16M), before);
			ck_assert_uint_eq(machine.tables_live, live);
		}
	} while (r);
	ck_assert_uint_eq(n, 11); /* ten tables */
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384 + 11 * 1024);
	machine.table_fails_at = 0;
	teardown();
}
END_TEST

START_TEST(splitting_without_table_memory_fails_and_changes_nothing)
{
	uint64_t before;

	for (size_t n = 1; n <= 2; n++) {
		setup();
		ck_assert(!map(0, 0, 2 * SZ_16M, ALL_SIZES));
		before = picture(0, 2 * SZ_16M);
		machine.table_fails_at = n;
		ck_assert_int_eq(machine_unmap(table, SZ_4K, SZ_16M), -ENOMEM);
		ck_assert_uint_eq(picture(0, 2 * SZ_16M), before);
		machine.table_fails_at = n;
		ck_assert_int_eq(machine_protect(table, SZ_4K, SZ_16M, MAP_RO), -ENOMEM);
		ck_assert_uint_eq(picture(0, 2 * SZ_16M), before);
		ck_assert_uint_eq(machine.tables_live, 1);
		ck_assert(!machine_unmap(table, SZ_4K, SZ_16M));
		teardown();
	}
}
END_TEST

START_TEST(unmap_and_protect_of_whole_maps_take_no_memory)
{
	setup();
	for (unsigned int i = 0; i < 4; i++)
		ck_assert(!map(i * (SZ_16M + SZ_1M + SZ_64K + SZ_4K), 0,
			       SZ_16M + SZ_1M + SZ_64K + SZ_4K, ALL_SIZES));
	machine.table_fails_at = 1;
	mem_fail_nth(1);
	/* One of them; a union of two; the whole. */
	ck_assert(!machine_protect(table, SZ_16M + SZ_1M + SZ_64K + SZ_4K,
				   SZ_16M + SZ_1M + SZ_64K + SZ_4K, MAP_RO));
	ck_assert(!machine_unmap(table, SZ_16M + SZ_1M + SZ_64K + SZ_4K,
				 SZ_16M + SZ_1M + SZ_64K + SZ_4K));
	ck_assert(!machine_unmap(table, 2 * (SZ_16M + SZ_1M + SZ_64K + SZ_4K),
				 2 * (SZ_16M + SZ_1M + SZ_64K + SZ_4K)));
	ck_assert(!machine_unmap(table, 0, LARGEST));
	ck_assert_uint_eq(machine.table_fails_at, 1);
	ck_assert(!mem_fail_fired());
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
	teardown();
}
END_TEST

START_TEST(table_and_format_without_memory_are_null)
{
	setup();
	mem_fail_nth(1);
	ck_assert_ptr_null(v7s_new(&machine.bus));
	mem_fail_nth(1);
	ck_assert_ptr_null(v7s_ops.new(machine.format));
	ck_assert(mem_fail_fired());
	machine.table_fails_at = 1;
	ck_assert_ptr_null(v7s_ops.new(machine.format));
	ck_assert_uint_eq(machine.tables_live, 1);
	ck_assert_ptr_null(v7s_free(NULL));
	v7s_ops.free(NULL);
	teardown();
}
END_TEST

/* --- invalidation ------------------------------------------------------------------------------------------------- */

/* What the one user of the table was told last, and how often. */
static struct stale told;
static unsigned int n_told;

static int be_told(struct stale_user *user _unused_, const struct stale *stale)
{
	told = *stale;
	n_told++;
	return 0;
}

static struct stale_user ear = { .invalidate = be_told };

static bool was_told(void *ctx _unused_)
{
	return n_told > 0;
}

START_TEST(mapping_alone_makes_nothing_stale)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(0, 0, SZ_16M, SZ_4K));
	ck_assert_uint_eq(n_told, 0);
	v7s_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(a_few_changed_blocks_are_named_by_one_address_each)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(SZ_16M - SZ_1M - SZ_64K - SZ_4K, 0, SZ_4K, SZ_4K));
	ck_assert(!map(SZ_16M - SZ_1M - SZ_64K, 0, SZ_64K, SZ_64K));
	ck_assert(!map(SZ_16M - SZ_1M, 0, SZ_1M, SZ_1M));
	ck_assert(!map(SZ_16M, 0, SZ_16M, SZ_16M));
	ck_assert(!machine_protect(table, SZ_16M - SZ_1M - SZ_64K - SZ_4K,
				   SZ_4K + SZ_64K + SZ_1M + SZ_16M, MAP_RO));
	ck_assert_uint_eq(n_told, 1);
	ck_assert(!told.all);
	ck_assert_uint_eq(told.n, 4);
	ck_assert_uint_eq(told.at[0], SZ_16M - SZ_1M - SZ_64K - SZ_4K);
	ck_assert_uint_eq(told.at[1], SZ_16M - SZ_1M - SZ_64K);
	ck_assert_uint_eq(told.at[2], SZ_16M - SZ_1M);
	ck_assert_uint_eq(told.at[3], SZ_16M);
	v7s_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(many_changed_blocks_are_everything)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(0, 0, 9 * SZ_4K, SZ_4K));
	ck_assert(!machine_protect(table, 0, 8 * SZ_4K, MAP_RO));
	ck_assert(!told.all);
	ck_assert_uint_eq(told.n, 8);
	ck_assert(!machine_unmap(table, 0, 9 * SZ_4K));
	ck_assert(told.all);
	v7s_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(empty_tables_go_back_after_the_invalidation_and_not_before)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(0, 0, 3 * SZ_1M, SZ_4K));
	ck_assert_uint_eq(machine.tables_live, 4);
	machine.on_free = was_told;
	v7s_ops.update_start(table);
	ck_assert(!v7s_ops.unmap(table, 0, 2 * SZ_1M));
	for (unsigned int i = 0; i < 256; i++)
		ck_assert(!v7s_ops.unmap(table, 2 * SZ_1M + i * SZ_4K, SZ_4K));
	ck_assert_uint_eq(machine.tables_live, 4);
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384 + 3 * 1024);
	v7s_ops.update_done(table);
	ck_assert_uint_eq(machine.tables_live, 1);
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
	v7s_detach(table, &ear);
	machine.on_free = NULL;
	teardown();
}
END_TEST

START_TEST(the_link_in_a_dead_table_is_a_fault_to_a_walk_under_way)
{
	uint32_t d, word;

	setup();
	ck_assert(!map(0, 0x80000000, 2 * SZ_1M, SZ_4K));
	d = l1(0);
	v7s_ops.update_start(table);
	ck_assert(!v7s_ops.unmap(table, 0, 2 * SZ_1M));
	word = machine_word(&machine, d & 0xFFFFFC00);
	ck_assert_uint_eq(word & 3, 0);
	v7s_ops.update_done(table);
	teardown();
}
END_TEST

START_TEST(a_range_that_is_mapped_again_in_the_same_update_is_invalidated_first)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(0, 0, SZ_1M, SZ_1M));
	v7s_ops.update_start(table);
	ck_assert(!v7s_ops.unmap(table, 0, SZ_1M));
	ck_assert(!v7s_ops.map(table, SZ_1M, 0, SZ_1M, SZ_1M, MAP_RW));
	ck_assert_uint_eq(n_told, 0);
	ck_assert(!v7s_ops.map(table, 0, 0x80000000, SZ_1M, SZ_4K, MAP_RW));
	ck_assert_uint_eq(n_told, 1);
	ck_assert_uint_eq(told.at[0], 0);
	v7s_ops.update_done(table);
	ck_assert_uint_eq(n_told, 1);
	v7s_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(a_split_drops_the_large_entry_before_a_small_one_differs)
{
	n_told = 0;
	setup();
	v7s_attach(table, &ear);
	ck_assert(!map(0, 0, SZ_16M, SZ_16M));
	v7s_ops.update_start(table);
	ck_assert(!v7s_ops.unmap(table, SZ_4K, SZ_4K));
	ck_assert_uint_ge(n_told, 1);
	ck_assert(!told.all);
	n_told = 0;
	v7s_ops.update_done(table);
	ck_assert_uint_eq(n_told, 1);
	ck_assert_uint_eq(told.n, 1);
	ck_assert_uint_eq(told.at[0], SZ_4K);
	v7s_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(tables_that_are_left_to_the_next_process_go_with_the_format)
{
	struct v7s *format;
	struct table *left;

	setup();
	format = v7s_new(&machine.bus);
	left = v7s_ops.new(format);
	ck_assert(!machine_map(left, SZ_1M, 0, SZ_4K, SZ_4K, MAP_RW));
	v7s_leave(format);
	/* Their memory is as it was: a sanitizer would see what is not freed of the process. */
	v7s_free(format);
	machine.tables_live -= 2;
	teardown();
}
END_TEST

SUITE_MAIN("v7s-memory", map_without_table_memory_fails_at_each_allocation_and_changes_nothing,
	   splitting_without_table_memory_fails_and_changes_nothing,
	   unmap_and_protect_of_whole_maps_take_no_memory, table_and_format_without_memory_are_null,
	   mapping_alone_makes_nothing_stale, a_few_changed_blocks_are_named_by_one_address_each,
	   many_changed_blocks_are_everything,
	   empty_tables_go_back_after_the_invalidation_and_not_before,
	   the_link_in_a_dead_table_is_a_fault_to_a_walk_under_way,
	   a_range_that_is_mapped_again_in_the_same_update_is_invalidated_first,
	   a_split_drops_the_large_entry_before_a_small_one_differs,
	   tables_that_are_left_to_the_next_process_go_with_the_format)
