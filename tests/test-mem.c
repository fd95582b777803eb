// SPDX-License-Identifier: BSD-3-Clause
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#include "tests/suite.h"

START_TEST(memory_is_zeroed)
{
	_cleanup_(mem_freep) unsigned char *p = mem_zalloc_n(16, 64);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < 16 * 64; i++)
		ck_assert_uint_eq(p[i], 0);
}
END_TEST

START_TEST(memory_of_an_overflowing_size_is_refused)
{
	volatile size_t half = SIZE_MAX / 2 + 1;
	_cleanup_(mem_freep) char *p = mem_zalloc(8);

	ck_assert_ptr_null(mem_zalloc_n(half, 2));
	ck_assert_ptr_null(mem_zalloc_n(half, half));
	ck_assert_ptr_nonnull(p);
	p[7] = 'x';
	ck_assert_ptr_null(mem_realloc_n(p, half, 2));
	ck_assert_int_eq(p[7], 'x');
}
END_TEST

START_TEST(memory_that_grows_keeps_its_bytes)
{
	_cleanup_(mem_freep) char *p = mem_strdup("vcm");
	char *more;

	ck_assert_ptr_nonnull(p);
	more = mem_realloc_n(p, 1000, 10);
	ck_assert_ptr_nonnull(more);
	p = more;
	ck_assert_str_eq(p, "vcm");
}
END_TEST

START_TEST(freeing_nothing_is_fine_and_returns_nothing)
{
	ck_assert_ptr_null(mem_free(NULL));
	ck_assert_ptr_null(mem_free(mem_zalloc(1)));
}
END_TEST

/* The nth of four kinds of allocation fails, and only that one. */
static size_t allocate_all(void)
{
	_cleanup_(mem_freep) char *a = mem_zalloc(1), *b = mem_zalloc_n(2, 2), *c = mem_strdup("c");
	_cleanup_(mem_freep) char *d = mem_realloc_n(NULL, 4, 4);

	return (size_t)!a << 1 | (size_t)!b << 2 | (size_t)!c << 3 | (size_t)!d << 4;
}

START_TEST(failure_hits_the_nth_allocation_of_any_kind_once)
{
	for (size_t n = 1; n <= 4; n++) {
		mem_fail_nth(n);
		ck_assert_uint_eq(allocate_all(), (size_t)1 << n);
		ck_assert(mem_fail_fired());
		ck_assert_uint_eq(allocate_all(), 0);
	}
}
END_TEST

START_TEST(failure_beyond_the_last_allocation_is_reported_as_not_come)
{
	mem_fail_nth(5);
	ck_assert_uint_eq(allocate_all(), 0);
	ck_assert(!mem_fail_fired());
	/* Asking has switched it off: the fifth allocation from the first is not hit now. */
	ck_assert_uint_eq(allocate_all(), 0);
	ck_assert(!mem_fail_fired());
}
END_TEST

START_TEST(failed_growth_leaves_the_old_block)
{
	_cleanup_(mem_freep) char *p = mem_strdup("vcm");

	mem_fail_nth(1);
	ck_assert_ptr_null(mem_realloc_n(p, 100, 1));
	ck_assert(mem_fail_fired());
	ck_assert_str_eq(p, "vcm");
}
END_TEST

SUITE_MAIN("mem", memory_is_zeroed, memory_of_an_overflowing_size_is_refused,
	   memory_that_grows_keeps_its_bytes, freeing_nothing_is_fine_and_returns_nothing,
	   failure_hits_the_nth_allocation_of_any_kind_once,
	   failure_beyond_the_last_allocation_is_reported_as_not_come,
	   failed_growth_leaves_the_old_block)
