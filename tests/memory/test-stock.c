// SPDX-License-Identifier: BSD-3-Clause
#include "memory/stock.h"

#include <sys/resource.h>

#include "tests/memory/fixture.h"

START_TEST(stock_is_filled_to_its_length_and_counts_for_no_arena)
{
	static const uint64_t lens[] = { 0,          SZ_1M,      SZ_2M,     5 * SZ_2M + 1,
					 2 * SZ_16M, 4 * SZ_16M, 6 * SZ_16M };

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		_cleanup_(memory_freep) struct memory *m = new_memory(lens[i]);

		ck_assert_uint_eq(stats_of(m).stock_bytes, 0);
		idle_until_done(m);
		ck_assert_uint_eq(stats_of(m).stock_bytes, align_down(lens[i], SZ_2M));
		ck_assert_uint_eq(stats_of(m).arena_bytes, 0);
		ck_assert_uint_eq(count_mapped(), align_down(lens[i], SZ_2M));
		ck_assert(!memory_idle(m));
	}
}
END_TEST

START_TEST(arena_of_a_stocked_length_is_taken_from_the_stock)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(2 * SZ_16M);
	size_t n_fds;

	idle_until_done(m);
	n_fds = count_fds();
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 2 * SZ_16M - SZ_2M);
	ck_assert_int_eq(new_arena(m, 2, PA + SZ_16M, SZ_16M), 0);
	ck_assert_uint_eq(stats_of(m).stock_bytes, SZ_16M - SZ_2M);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_int_eq(new_arena(m, 3, PA + SZ_2M, SZ_2M + SZ_4K), 0);
	ck_assert_uint_eq(stats_of(m).stock_bytes, SZ_16M - SZ_2M);
	ck_assert_uint_eq(count_fds(), n_fds + 1);
	ck_assert(memory_idle(m));
	idle_until_done(m);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 2 * SZ_16M);
}
END_TEST

START_TEST(ended_arena_never_goes_back_to_the_stock)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(SZ_2M);

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	memory_arena_free(m, 1);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 0);
	ck_assert_uint_eq(count_mapped(), 0);
}
END_TEST

START_TEST(half_filled_piece_is_finished_for_who_needs_it_now)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(2 * SZ_16M);
	_cleanup_(mem_freep) uint8_t *buf = mem_zalloc(SZ_16M);
	size_t n_fds;

	for (int i = 0; i < 8 * 4 + 3 && stats_of(m).stock_bytes < SZ_16M; i++)
		memory_idle(m);
	ck_assert(memory_idle(m));
	ck_assert(memory_idle(m));
	n_fds = count_fds();
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M), 0);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_uint_eq(count_pages(memory_arena_fd(m, 1, true)), SZ_16M);
	ck_assert_int_eq(memory_read(m, PA, buf, SZ_16M), 0);
	ck_assert(is_all(buf, 0, SZ_16M));
}
END_TEST

START_TEST(stock_is_filled_where_the_kernel_refuses_huge_pages)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(2 * SZ_16M);

	refuse_huge_pages();
	idle_until_done(m);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 2 * SZ_16M);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M), 0);
	ck_assert_uint_eq(stats_of(m).huge_bytes, 0);
	ck_assert_uint_eq(count_pages(memory_arena_fd(m, 1, true)), SZ_16M);
}
END_TEST

/* From now on there are n fds to be had. */
static void leave_fds(int n)
{
	struct rlimit limit;
	int taken[8] = { 0 };

	ck_assert_int_lt(n, 8);
	for (int i = 0; i <= n; i++)
		taken[i] = dup(STDERR_FILENO);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)taken[n];
	for (int i = 0; i <= n; i++)
		close(taken[i]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(stock_is_given_up_for_an_arena_that_finds_no_fd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(4 * SZ_2M);

	leave_fds(2);
	idle_until_done(m);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 2 * SZ_2M);
	ck_assert(!memory_idle(m));
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 0);
	ck_assert(!memory_idle(m));
	memory_arena_free(m, 1);
	idle_until_done(m);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 2 * SZ_2M);
}
END_TEST

SUITE_MAIN("stock", stock_is_filled_to_its_length_and_counts_for_no_arena,
	   arena_of_a_stocked_length_is_taken_from_the_stock,
	   ended_arena_never_goes_back_to_the_stock,
	   half_filled_piece_is_finished_for_who_needs_it_now,
	   stock_is_filled_where_the_kernel_refuses_huge_pages,
	   stock_is_given_up_for_an_arena_that_finds_no_fd)
