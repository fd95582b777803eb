// SPDX-License-Identifier: BSD-3-Clause
#include <sys/mman.h>

#include "base/range.h"
#include "memory/collapse.h"
#include "tests/suite.h"

static unsigned int skipped(struct collapse *c)
{
	unsigned int n = 0;

	while (!collapse_is_due(c))
		n++;
	return n;
}

START_TEST(quick_ones_are_always_due)
{
	struct collapse c = { 0 };

	for (int i = 0; i < 100; i++) {
		ck_assert(collapse_is_due(&c));
		collapse_took(&c, COLLAPSE_SLOW_NS - 1);
	}
}
END_TEST

START_TEST(slow_ones_become_rare)
{
	struct collapse c = { 0 };
	unsigned int last = 0;

	for (unsigned int n = COLLAPSE_BACKOFF_MIN; n <= COLLAPSE_BACKOFF_MAX; n *= 2) {
		collapse_took(&c, COLLAPSE_SLOW_NS);
		last = skipped(&c);
		ck_assert_uint_eq(last, n);
	}
	collapse_took(&c, UINT64_MAX);
	ck_assert_uint_eq(skipped(&c), last);
}
END_TEST

START_TEST(quick_ones_make_up_for_slow_ones)
{
	struct collapse c = { 0 };

	for (int i = 0; i < 4; i++)
		collapse_took(&c, COLLAPSE_SLOW_NS);
	skipped(&c);
	for (int i = 0; i < 32; i++)
		collapse_took(&c, 0);
	collapse_took(&c, COLLAPSE_SLOW_NS);
	ck_assert_uint_eq(skipped(&c), COLLAPSE_BACKOFF_MIN);
}
END_TEST

START_TEST(what_is_no_memory_is_refused)
{
	struct collapse c = { 0 };
	void *at = mmap(NULL, SZ_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(munmap(at, SZ_2M), 0);
	ck_assert(!collapse_pages(&c, at, SZ_2M));
}
END_TEST

SUITE_MAIN("collapse", quick_ones_are_always_due, slow_ones_become_rare,
	   quick_ones_make_up_for_slow_ones, what_is_no_memory_is_refused)
