// SPDX-License-Identifier: BSD-3-Clause
/* What is refused leaves nothing behind: every allocation failing in turn, and no fd, and no memory. */
#include <sys/resource.h>

#include "tests/memory/fixture.h"

/* Runs the steps with the 1st, 2nd, 3rd... allocation failing, until none does. */
#define EVERY_ALLOCATION_FAILS(n) for (size_t n = 1, more_ = 1; more_; more_ = fired(&n))

static int fired(size_t *n)
{
	ck_assert_uint_lt((*n)++, 100);
	return mem_fail_fired();
}

START_TEST(memory_that_cannot_begin_leaves_nothing)
{
	size_t n_fds = count_fds();

	EVERY_ALLOCATION_FAILS(n)
	{
		_cleanup_(memory_freep) struct memory *m = NULL;

		mem_fail_nth(n);
		m = new_memory(SZ_2M);
		ck_assert_uint_eq(!m, n <= 2);
		ck_assert_uint_eq(count_fds(), n_fds);
	}
}
END_TEST

START_TEST(window_that_cannot_be_mapped_is_no_memory)
{
	struct memory_config config = { .tables = { 0, UINT64_MAX } };

	ck_assert_ptr_null(memory_new(&config));
	config.tables.last = UINT64_MAX - SZ_4K;
	ck_assert_ptr_null(memory_new(&config));
}
END_TEST

static void arena_happens_or_not(enum memory_source source, uint64_t len)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(SZ_2M);
	size_t n_fds = count_fds();

	EVERY_ALLOCATION_FAILS(n)
	{
		struct reason why = { .text = "" };
		int r;

		mem_fail_nth(n);
		r = memory_arena_new(m, 1, pages_at(PA, len), source, &why);
		if (r < 0) {
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_str_ne(why.text, "");
			ck_assert_uint_eq(count_fds(), n_fds);
			ck_assert_uint_eq(count_mapped(), 0);
			ck_assert_uint_eq(stats_of(m).arena_bytes, 0);
			ck_assert_int_eq(memory_arena_fd(m, 1, true), -1);
			ck_assert_int_eq(memory_read(m, PA, &(char){ 0 }, 1), -EFAULT);
		} else {
			memory_arena_free(m, 1);
		}
	}
	ck_assert_uint_eq(count_fds(), n_fds);
}

START_TEST(arena_happens_or_not_whichever_allocation_fails)
{
	arena_happens_or_not(SOURCE_MEMFD, SZ_4K);
	arena_happens_or_not(SOURCE_MEMFD, SZ_2M);
	arena_happens_or_not(SOURCE_HUGETLB, SZ_64K);
}
END_TEST

START_TEST(stock_that_cannot_be_filled_waits_for_an_arena_to_end)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(4 * SZ_2M);

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	mem_fail_nth(2);
	idle_until_done(m);
	ck_assert(mem_fail_fired());
	ck_assert_uint_eq(stats_of(m).stock_bytes, SZ_2M);
	memory_arena_free(m, 1);
	idle_until_done(m);
	ck_assert_uint_eq(stats_of(m).stock_bytes, 4 * SZ_2M);
}
END_TEST

START_TEST(arena_without_an_fd_is_refused_and_leaves_nothing)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	struct rlimit before;
	struct reason why = { .text = "" };
	size_t n_fds = count_fds();

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, before.rlim_max }), 0);
	ck_assert_int_eq(memory_arena_new(m, 2, pages_at(PA + SZ_2M, SZ_2M), SOURCE_MEMFD, &why),
			 -EMFILE);
	ck_assert_ptr_nonnull(strstr(why.text, "LimitNOFILE"));
	ck_assert_int_eq(memory_arena_new(m, 2, pages_at(PA + SZ_2M, SZ_2M), SOURCE_HUGETLB, &why),
			 -EMFILE);
	ck_assert_int_eq(memory_arena_fd(m, 1, false), -1);
	ck_assert_uint_eq(stats_of(m).n_arenas, 1);
	ck_assert_uint_eq(stats_of(m).fallbacks, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_ge(memory_arena_fd(m, 1, false), 0);
	memory_arena_free(m, 1);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_uint_eq(count_mapped(), 0);
}
END_TEST

START_TEST(arena_beyond_all_memory_is_refused_and_leaves_nothing)
{
	static const uint64_t lens[] = { UINT64_C(1) << 50, UINT64_C(1) << 62, UINT64_C(1) << 63,
					 UINT64_MAX - SZ_16M + 1 };
	_cleanup_(memory_freep) struct memory *m = NULL;
	struct memory_config config = { .tables = { 0, SZ_64K - 1 } };
	size_t n_fds = count_fds();

	m = memory_new(&config);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct reason why = { .text = "" };

		ck_assert_int_eq(memory_arena_new(m, 1, pages_at(SZ_16M, lens[i]), SOURCE_MEMFD,
						  &why),
				 -ENOMEM);
		ck_assert_str_ne(why.text, "");
		ck_assert_int_eq(memory_arena_new(m, 1, pages_at(SZ_16M, lens[i]), SOURCE_HUGETLB,
						  NULL),
				 -ENOMEM);
		ck_assert_uint_eq(count_fds(), n_fds);
		ck_assert_uint_eq(count_mapped(), 0);
	}
}
END_TEST

START_TEST(closing_arenas_are_finished_for_who_needs_an_fd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	struct rlimit before;

	refuse_huge_pages();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE,
				   &(struct rlimit){ (rlim_t)memory_arena_fd(m, 1, true) + 1,
						     before.rlim_max }),
			 0);
	memory_arena_free(m, 1);
	ck_assert_uint_gt(stats_of(m).closing_bytes, 0);
	ck_assert_int_eq(new_arena(m, 2, PA, SZ_64K), 0);
	ck_assert_uint_eq(stats_of(m).closing_bytes, 0);
}
END_TEST

SUITE_MAIN("shortage", memory_that_cannot_begin_leaves_nothing,
	   window_that_cannot_be_mapped_is_no_memory,
	   arena_happens_or_not_whichever_allocation_fails,
	   stock_that_cannot_be_filled_waits_for_an_arena_to_end,
	   arena_without_an_fd_is_refused_and_leaves_nothing,
	   arena_beyond_all_memory_is_refused_and_leaves_nothing,
	   closing_arenas_are_finished_for_who_needs_an_fd)
