// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the AArch64 tables promise about memory and caches: when memory is taken, when it comes back, what hardware is told
 * before, and what it finds in between.
 * Mutations that it was seen to catch: tables freed before the invalidation; a group named by one address; the split
 * without an invalid moment, and with one where it is not needed; a table counted twice; the rest of a chain kept.
 */
#include "tests/backend/a64.h"

#define VA (UINT64_C(7) << 30)

/* What the one user of the table was told last, and how often. */
static struct stale told;
static unsigned int n_told;
static uint64_t seen_at, seen; /* the descriptor at an address, when it was told */

static int told_result; /* 0: it forgets */

static int be_told(struct stale_user *user _unused_, const struct stale *stale)
{
	told = *stale;
	if (!n_told++ && seen_at)
		seen = descriptor(seen_at);
	return told_result;
}

static struct stale_user ear = { .invalidate = be_told };

static void listen(void)
{
	n_told = 0;
	seen_at = seen = 0;
	a64_attach(table, &ear);
}

static bool was_told(void *ctx _unused_)
{
	return n_told > 0;
}

static bool names(uint64_t at)
{
	for (unsigned int i = 0; i < told.n; i++) {
		if (told.at[i] == at)
			return true;
	}
	return told.all;
}

/* --- memory ------------------------------------------------------------------------------------------------------------- */

START_TEST(map_without_table_memory_fails_at_each_allocation_and_changes_nothing)
{
	uint64_t before;
	size_t n = 0, live;
	int r;

	setup();
	ck_assert(!map(VA, 0, SZ_4K, SZ_4K));
	before = picture(VA, 8 * SZ_2M);
	live = machine.tables_live;
	do {
		machine.table_fails_at = ++n;
		r = map(VA + SZ_4K, SZ_4K, SZ_1G + 3 * SZ_2M, SZ_4K | SZ_2M);
		if (r) {
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_uint_eq(picture(VA, 8 * SZ_2M), before);
			ck_assert_uint_eq(machine.tables_live, live);
			ck_assert_uint_eq(footprint(), 4 * 4096);
		}
	} while (r);
	/* Pages up to 2 MB are in a table that is there; the next gigabyte has a table, and its last page another. */
	ck_assert_uint_eq(n, 3);
	machine.table_fails_at = 0;
	teardown();
}
END_TEST

START_TEST(table_memory_that_the_hardware_cannot_address_is_no_memory)
{
	struct a64_config config = { .pa_bits = 31 };

	setup();
	ck_assert_ptr_null(a64_new(&machine.bus, &config));
	config.pa_bits = 49;
	ck_assert_ptr_null(a64_new(&machine.bus, &config));
	teardown();
}
END_TEST

START_TEST(splitting_without_table_memory_fails_and_changes_nothing)
{
	for (size_t n = 1; n <= 4; n++) {
		uint64_t before;
		size_t live;

		setup();
		ck_assert(!map(VA, VA, 2 * SZ_1G, SZ_1G));
		before = picture(VA, SZ_2M);
		live = machine.tables_live;
		machine.table_fails_at = n;
		ck_assert_int_eq(unmap(VA + SZ_4K, SZ_1G), -ENOMEM);
		machine.table_fails_at = n;
		ck_assert_int_eq(protect(VA + SZ_4K, SZ_1G, MAP_RO), -ENOMEM);
		ck_assert_uint_eq(picture(VA, SZ_2M), before);
		ck_assert_uint_eq(machine.tables_live, live);
		assert_page(VA, VA, SZ_1G);
		assert_page(VA + SZ_1G, VA + SZ_1G, SZ_1G);
		ck_assert(!unmap(VA + SZ_4K, SZ_1G));
		teardown();
	}
}
END_TEST

START_TEST(both_edges_in_one_block_take_no_more_than_they_need)
{
	setup();
	ck_assert(!map(VA, VA, SZ_1G, SZ_1G));
	ck_assert_uint_eq(footprint(), 2 * 4096);
	ck_assert(!unmap(VA + SZ_4K, SZ_4K));
	ck_assert_uint_eq(footprint(), 4 * 4096);
	ck_assert_uint_eq(machine.tables_live, 4);
	teardown();
}
END_TEST

START_TEST(unmap_and_protect_of_whole_maps_take_no_memory)
{
	uint64_t each = SZ_1G + SZ_2M + SZ_64K + SZ_4K;

	setup();
	for (unsigned int i = 0; i < 4; i++)
		ck_assert(!map(VA + i * each, 0, each, A64_ALL));
	machine.table_fails_at = 1;
	mem_fail_nth(1);
	ck_assert(!protect(VA + each, each, MAP_RO));
	ck_assert(!unmap(VA + each, each));
	ck_assert(!unmap(VA + 2 * each, 2 * each));
	ck_assert(!unmap(0, EVERYTHING));
	ck_assert_uint_eq(machine.table_fails_at, 1);
	ck_assert(!mem_fail_fired());
	ck_assert_uint_eq(footprint(), 4096);
	teardown();
}
END_TEST

START_TEST(table_and_format_without_memory_are_null)
{
	struct a64_config config = { .pa_bits = 40 };

	setup();
	mem_fail_nth(1);
	ck_assert_ptr_null(a64_new(&machine.bus, &config));
	mem_fail_nth(1);
	ck_assert_ptr_null(a64_ops.new(format));
	ck_assert(mem_fail_fired());
	machine.table_fails_at = 1;
	ck_assert_ptr_null(a64_ops.new(format));
	ck_assert_uint_eq(machine.tables_live, 1);
	ck_assert_ptr_null(a64_free(NULL));
	a64_ops.free(NULL);
	teardown();
}
END_TEST

START_TEST(empty_tables_go_back_after_the_invalidation_and_not_before)
{
	setup();
	ck_assert(!map(VA, 0, 4 * SZ_2M, SZ_4K));
	ck_assert(!map(VA + SZ_1G, 0, SZ_4K, SZ_4K));
	ck_assert_uint_eq(machine.tables_live, 1 + 1 + 2 + 5);
	listen();
	machine.on_free = was_told;
	ck_assert(!unmap(VA, SZ_1G));
	ck_assert_uint_eq(n_told, 1);
	ck_assert_uint_eq(machine.tables_live, 4);
	n_told = 0;
	ck_assert(!unmap(VA + SZ_1G, SZ_4K));
	ck_assert_uint_eq(machine.tables_live, 1);
	machine.on_free = NULL;
	a64_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(the_link_in_a_dead_table_is_a_fault_to_a_walk_under_way)
{
	uint64_t root, d, sub;

	setup();
	ck_assert(!map(VA, 0, 2 * SZ_2M, SZ_4K));
	root = a64_ops.root(table);
	d = machine_word(&machine, root);
	sub = machine_word(&machine, (d & 0xFFFFF000) + (VA >> 30 & 511) * 8) & 0xFFFFF000;
	a64_ops.update_start(table);
	ck_assert(!a64_ops.unmap(table, VA, SZ_1G));
	ck_assert_uint_eq(machine_word(&machine, sub) & 1, 0);
	ck_assert_uint_eq(machine_word(&machine, d & 0xFFFFF000) & 1, 0);
	a64_ops.update_done(table);
	teardown();
}
END_TEST

/* --- invalidation ----------------------------------------------------------------------------------------------------- */

START_TEST(mapping_alone_makes_nothing_stale)
{
	setup();
	listen();
	ck_assert(!map(VA, 0, SZ_1G + SZ_2M + SZ_64K + SZ_4K, A64_ALL));
	ck_assert_uint_eq(n_told, 0);
	a64_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(a_few_changed_entries_are_named_and_each_page_of_a_group_is)
{
	setup();
	listen();
	ck_assert(!map(VA - SZ_2M - SZ_64K - SZ_4K, 0, SZ_4K, SZ_4K));
	ck_assert(!map(VA - SZ_2M - SZ_64K, 0, SZ_64K, SZ_64K));
	ck_assert(!map(VA - SZ_2M, 0, SZ_2M, SZ_2M));
	ck_assert(!map(VA, 0, SZ_1G, SZ_1G));
	ck_assert(!unmap(VA - SZ_2M - SZ_64K - SZ_4K, SZ_4K + SZ_64K + SZ_2M + SZ_1G));
	ck_assert_uint_eq(n_told, 1);
	ck_assert(!told.all);
	ck_assert_uint_eq(told.n, 1 + 16 + 1 + 1);
	ck_assert(names(VA) && names(VA - SZ_2M) && names(VA - SZ_2M - SZ_64K - SZ_4K));
	for (unsigned int i = 1; i <= 16; i++)
		ck_assert(names(VA - SZ_2M - i * SZ_4K));
	a64_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(many_changed_entries_are_everything)
{
	setup();
	listen();
	ck_assert(!map(VA, 0, 33 * SZ_4K, SZ_4K));
	ck_assert(!protect(VA, 33 * SZ_4K, MAP_RO));
	ck_assert(told.all);
	ck_assert(!protect(VA, 32 * SZ_4K, MAP_RW));
	ck_assert(!told.all);
	ck_assert_uint_eq(told.n, 32);
	a64_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(a_range_that_is_mapped_again_in_the_same_update_is_invalidated_first)
{
	setup();
	listen();
	ck_assert(!map(VA, 0, SZ_2M, SZ_2M));
	a64_ops.update_start(table);
	ck_assert(!a64_ops.unmap(table, VA, SZ_2M));
	ck_assert(!a64_ops.map(table, VA + SZ_2M, 0, SZ_2M, SZ_2M, MAP_RW));
	ck_assert_uint_eq(n_told, 0);
	ck_assert(!a64_ops.map(table, VA, 0, SZ_2M, SZ_4K, MAP_RW));
	ck_assert_uint_eq(n_told, 1);
	ck_assert(names(VA));
	a64_ops.update_done(table);
	ck_assert_uint_eq(n_told, 1);
	a64_detach(table, &ear);
	teardown();
}
END_TEST

START_TEST(a_block_that_is_split_is_invalid_while_the_tlb_forgets_it)
{
	static const uint64_t sizes[] = { SZ_64K, SZ_2M, SZ_1G };

	for (unsigned int live = 0; live < 2; live++) {
		for (unsigned int i = 0; i < 3; i++) {
			setup_with(live);
			ck_assert(!map(VA, 0, sizes[i], sizes[i]));
			listen();
			seen_at = VA;
			a64_ops.update_start(table);
			ck_assert(!a64_ops.unmap(table, VA + SZ_4K, SZ_4K));
			ck_assert_uint_ge(n_told, 1);
			/* With live_split the new form stands already, and says the same. */
			ck_assert_uint_eq(seen & 1, live);
			ck_assert_uint_eq(descriptor(VA) & 1, 1);
			a64_ops.update_done(table);
			a64_detach(table, &ear);
			teardown();
		}
	}
}
END_TEST

START_TEST(another_memory_type_goes_through_an_invalid_entry_and_rights_do_not)
{
	struct map_attr other = MAP_RW;

	setup();
	ck_assert(!map(VA, 0, SZ_2M, SZ_2M));
	listen();
	seen_at = VA;
	ck_assert(!protect(VA, SZ_2M, MAP_RO));
	ck_assert_uint_eq(n_told, 1);
	ck_assert_uint_eq(seen & 1, 1);
	other.cache = 3;
	n_told = 0;
	ck_assert(!protect(VA, SZ_2M, other));
	ck_assert_uint_eq(n_told, 2);
	ck_assert_uint_eq(seen & 1, 0);
	other.shareable = true;
	n_told = 0;
	ck_assert(!protect(VA, SZ_2M, other));
	ck_assert_uint_eq(seen & 1, 0);
	ck_assert_uint_eq(descriptor(VA) & 1, 1);
	a64_detach(table, &ear);
	teardown();
}
END_TEST

SUITE_MAIN("a64-memory", map_without_table_memory_fails_at_each_allocation_and_changes_nothing,
	   table_memory_that_the_hardware_cannot_address_is_no_memory,
	   splitting_without_table_memory_fails_and_changes_nothing,
	   both_edges_in_one_block_take_no_more_than_they_need,
	   unmap_and_protect_of_whole_maps_take_no_memory, table_and_format_without_memory_are_null,
	   empty_tables_go_back_after_the_invalidation_and_not_before,
	   the_link_in_a_dead_table_is_a_fault_to_a_walk_under_way,
	   mapping_alone_makes_nothing_stale,
	   a_few_changed_entries_are_named_and_each_page_of_a_group_is,
	   many_changed_entries_are_everything,
	   a_range_that_is_mapped_again_in_the_same_update_is_invalidated_first,
	   a_block_that_is_split_is_invalid_while_the_tlb_forgets_it,
	   another_memory_type_goes_through_an_invalid_entry_and_rights_do_not)
