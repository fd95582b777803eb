// SPDX-License-Identifier: BSD-3-Clause
#include "base/range.h"

#include "tests/suite.h"

START_TEST(range_reaches_the_last_byte)
{
	struct range r;

	ck_assert(range_make(UINT64_MAX, 1, &r));
	ck_assert_uint_eq(r.first, UINT64_MAX);
	ck_assert_uint_eq(r.last, UINT64_MAX);
	ck_assert_uint_eq(range_len(r), 1);
	ck_assert(range_make(UINT64_MAX - SZ_4K + 1, SZ_4K, &r));
	ck_assert_uint_eq(r.last, UINT64_MAX);
	ck_assert_uint_eq(range_len(r), SZ_4K);
	ck_assert(range_make(1, UINT64_MAX, &r));
	ck_assert_uint_eq(r.last, UINT64_MAX);
}
END_TEST

START_TEST(range_past_the_last_byte_is_refused_and_out_is_untouched)
{
	struct range r = { 7, 9 };

	ck_assert(!range_make(UINT64_MAX, 2, &r));
	ck_assert(!range_make(UINT64_MAX - SZ_4K + 2, SZ_4K, &r));
	ck_assert(!range_make(2, UINT64_MAX, &r));
	ck_assert_uint_eq(r.first, 7);
	ck_assert_uint_eq(r.last, 9);
}
END_TEST

START_TEST(range_of_no_bytes_is_refused_and_out_is_untouched)
{
	struct range r = { 7, 9 };

	ck_assert(!range_make(0, 0, &r));
	ck_assert(!range_make(UINT64_MAX, 0, &r));
	ck_assert_uint_eq(r.first, 7);
	ck_assert_uint_eq(r.last, 9);
}
END_TEST

START_TEST(range_of_everything_has_the_largest_length_there_is)
{
	ck_assert_uint_eq(range_len((struct range){ 0, UINT64_MAX }), UINT64_MAX);
	ck_assert_uint_eq(range_len((struct range){ 1, UINT64_MAX }), UINT64_MAX);
}
END_TEST

START_TEST(range_has_both_its_ends_and_nothing_beyond)
{
	struct range r = { SZ_4K, 2 * SZ_4K - 1 };

	ck_assert(range_has(r, r.first));
	ck_assert(range_has(r, r.last));
	ck_assert(!range_has(r, r.first - 1));
	ck_assert(!range_has(r, r.last + 1));
}
END_TEST

START_TEST(range_covers_itself_and_its_parts_only)
{
	struct range r = { 10, 20 };

	ck_assert(range_covers(r, r));
	ck_assert(range_covers(r, (struct range){ 10, 10 }));
	ck_assert(range_covers(r, (struct range){ 20, 20 }));
	ck_assert(!range_covers(r, (struct range){ 9, 20 }));
	ck_assert(!range_covers(r, (struct range){ 10, 21 }));
	ck_assert(!range_covers(r, (struct range){ 0, UINT64_MAX }));
	ck_assert(range_covers((struct range){ 0, UINT64_MAX }, r));
}
END_TEST

START_TEST(ranges_that_touch_do_not_meet_unless_they_share_a_byte)
{
	struct range r = { 10, 20 };

	ck_assert(!range_meets(r, (struct range){ 0, 9 }));
	ck_assert(!range_meets(r, (struct range){ 21, 30 }));
	ck_assert(range_meets(r, (struct range){ 0, 10 }));
	ck_assert(range_meets(r, (struct range){ 20, UINT64_MAX }));
	ck_assert(range_meets(r, (struct range){ 12, 13 }));
	ck_assert(range_meets((struct range){ 12, 13 }, r));
}
END_TEST

START_TEST(alignment_keeps_what_is_aligned)
{
	uint64_t up;

	ck_assert(is_aligned(0, SZ_16M));
	ck_assert(is_aligned(SZ_16M, SZ_16M));
	ck_assert(!is_aligned(SZ_1M, SZ_16M));
	ck_assert_uint_eq(align_down(SZ_1M, SZ_1M), SZ_1M);
	ck_assert_uint_eq(align_down(SZ_1M - 1, SZ_4K), SZ_1M - SZ_4K);
	ck_assert(align_up(SZ_64K, SZ_64K, &up));
	ck_assert_uint_eq(up, SZ_64K);
	ck_assert(align_up(SZ_64K + 1, SZ_64K, &up));
	ck_assert_uint_eq(up, 2 * SZ_64K);
	ck_assert(align_up(0, SZ_4K, &up));
	ck_assert_uint_eq(up, 0);
}
END_TEST

START_TEST(aligning_past_the_last_byte_is_refused_and_out_is_untouched)
{
	uint64_t up = 7;

	ck_assert(!align_up(UINT64_MAX, SZ_4K, &up));
	ck_assert(!align_up(UINT64_MAX - SZ_4K + 2, SZ_4K, &up));
	ck_assert_uint_eq(up, 7);
	ck_assert(align_up(UINT64_MAX - SZ_4K + 1, SZ_4K, &up));
	ck_assert_uint_eq(up, UINT64_MAX - SZ_4K + 1);
}
END_TEST

SUITE_MAIN("range", range_reaches_the_last_byte,
	   range_past_the_last_byte_is_refused_and_out_is_untouched,
	   range_of_no_bytes_is_refused_and_out_is_untouched,
	   range_of_everything_has_the_largest_length_there_is,
	   range_has_both_its_ends_and_nothing_beyond, range_covers_itself_and_its_parts_only,
	   ranges_that_touch_do_not_meet_unless_they_share_a_byte, alignment_keeps_what_is_aligned,
	   aligning_past_the_last_byte_is_refused_and_out_is_untouched)
