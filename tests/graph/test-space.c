// SPDX-License-Identifier: BSD-3-Clause
#include "graph/space.h"

#include <errno.h>

#include "base/mem.h"
#include "tests/suite.h"

#define SZ_1G UINT64_C(0x40000000)

static struct range range_at(uint64_t first, uint64_t len)
{
	struct range r;

	ck_assert(range_make(first, len, &r));
	return r;
}

static uint64_t take(struct space *s, uint64_t len, uint64_t align)
{
	uint64_t first = 1;

	ck_assert_int_eq(space_take(s, len, align, &first), 0);
	ck_assert_uint_eq(first % align, 0);
	return first;
}

static void put(struct space *s, uint64_t first, uint64_t len)
{
	mem_fail_nth(1);
	space_put(s, range_at(first, len));
	ck_assert_int_eq(mem_fail_fired(), 0);
}

START_TEST(a_new_space_is_wholly_free)
{
	struct range r = range_at(SZ_4K, SZ_16M);
	struct space *s = space_new(r);

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(space_range(s).first, r.first);
	ck_assert_uint_eq(space_range(s).last, r.last);
	ck_assert_uint_eq(space_used(s), 0);
	ck_assert(space_is_free(s, r));
	ck_assert_uint_eq(space_largest(s, SZ_4K), SZ_16M);
	ck_assert_uint_eq(space_largest(s, SZ_64K), SZ_16M - SZ_64K + SZ_4K);
	ck_assert_uint_eq(space_largest(s, SZ_1M), SZ_16M - SZ_1M + SZ_4K);
	ck_assert_uint_eq(space_largest(s, SZ_2M), SZ_16M - SZ_2M + SZ_4K);
	ck_assert_uint_eq(space_largest(s, SZ_16M), SZ_4K);
	ck_assert_ptr_null(space_free(s));
}
END_TEST

START_TEST(free_of_nothing_is_fine)
{
	ck_assert_ptr_null(space_free(NULL));
}
END_TEST

START_TEST(take_gives_the_lowest_fit)
{
	struct space *s = space_new(range_at(0, SZ_1G));
	uint64_t a = take(s, SZ_4K, SZ_4K), b = take(s, SZ_4K, SZ_4K), c = take(s, SZ_4K, SZ_4K);

	ck_assert_uint_eq(a, 0);
	ck_assert_uint_eq(b, SZ_4K);
	ck_assert_uint_eq(c, 2 * SZ_4K);
	put(s, b, SZ_4K);
	ck_assert_uint_eq(take(s, 2 * SZ_4K, SZ_4K), 3 * SZ_4K);
	ck_assert_uint_eq(take(s, SZ_4K, SZ_4K), b);
	ck_assert_uint_eq(take(s, SZ_64K, SZ_64K), SZ_64K);
	ck_assert_uint_eq(take(s, SZ_16M, SZ_16M), SZ_16M);
	ck_assert_uint_eq(take(s, SZ_4K, SZ_4K), 5 * SZ_4K);
	ck_assert_uint_eq(take(s, SZ_2M, SZ_2M), SZ_2M);
	ck_assert_uint_eq(take(s, SZ_1M, SZ_1M), SZ_1M);
	space_free(s);
}
END_TEST

/* All of it, by each way of taking, and again after something was in it. */
static void take_whole(uint64_t first, uint64_t len)
{
	struct range r = range_at(first, len);
	struct space *s = space_new(r);
	uint64_t at;

	ck_assert_ptr_nonnull(s);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			put(s, take(s, SZ_4K, SZ_4K), SZ_4K);
		if (i == 2)
			ck_assert_int_eq(space_take_at(s, r), 0);
		else
			ck_assert_uint_eq(take(s, len, SZ_4K), first);
		ck_assert_uint_eq(space_used(s), len);
		ck_assert_uint_eq(space_largest(s, SZ_4K), 0);
		ck_assert_int_eq(space_take(s, SZ_4K, SZ_4K, &at), -ENOSPC);
		ck_assert(!space_is_free(s, range_at(first + len - SZ_4K, SZ_4K)));
		space_put(s, r);
		ck_assert(space_is_free(s, r));
		ck_assert_uint_eq(space_largest(s, SZ_4K), len);
	}
	space_free(s);
}

START_TEST(all_of_a_space_of_any_size_can_be_taken)
{
	for (unsigned bits = 12; bits <= 44; bits++) {
		uint64_t len = UINT64_C(1) << bits;

		take_whole(0, len);
		take_whole(len, len);
		take_whole(3 * len, len + SZ_4K);
		take_whole(SZ_4K, len);
		if (len > SZ_4K)
			take_whole(len, len - SZ_4K);
	}
	take_whole(0, UINT64_C(1) << 63);
}
END_TEST

START_TEST(take_prefers_blocks_in_use_and_keeps_free_ones_whole)
{
	struct space *s = space_new(range_at(0, SZ_1G));

	ck_assert_int_eq(space_take_at(s, range_at(5 * SZ_16M + SZ_64K, SZ_4K)), 0);
	ck_assert_uint_eq(take(s, SZ_4K, SZ_4K), 5 * SZ_16M);
	ck_assert_uint_eq(take(s, SZ_1M, SZ_1M), 5 * SZ_16M + SZ_1M);
	ck_assert_uint_eq(take(s, 8 * SZ_1M, SZ_2M), 5 * SZ_16M + SZ_2M);
	ck_assert_uint_eq(take(s, 8 * SZ_1M, SZ_1M), 0);
	ck_assert_uint_eq(take(s, SZ_16M, SZ_16M), SZ_16M);
	ck_assert_uint_eq(take(s, SZ_64K, SZ_64K), 8 * SZ_1M);
	space_free(s);
}
END_TEST

START_TEST(alignment_is_that_of_the_absolute_address)
{
	static const uint64_t starts[] = {
		0x1000,     0x40000000,     0x3fff1000,         0xabcdef000,
		0x7fff8000, 0x7ffffffff000, 0xffff800000001000, 0x13000
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		for (uint64_t align = SZ_4K; align <= 2 * SZ_1G; align *= 2) {
			struct range r = range_at(starts[i], 4 * SZ_1G);
			struct space *s = space_new(r);
			uint64_t first;

			ck_assert_int_eq(space_take_within(s, r, SZ_4K, align, &first), 0);
			ck_assert_uint_eq(first, (starts[i] + align - 1) & ~(align - 1));
			ck_assert_uint_ne(take(s, SZ_4K, align), first);
			ck_assert_uint_eq(space_used(s), 2 * SZ_4K);
			space_free(s);
		}
}
END_TEST

START_TEST(a_space_may_end_at_the_last_address)
{
	struct space *s = space_new((struct range){ UINT64_MAX - SZ_16M + 1, UINT64_MAX });

	ck_assert_uint_eq(take(s, SZ_16M, SZ_16M), UINT64_MAX - SZ_16M + 1);
	ck_assert_uint_eq(space_largest(s, SZ_4K), 0);
	put(s, UINT64_MAX - SZ_16M + 1, SZ_16M);
	ck_assert_int_eq(space_take_at(s, (struct range){ UINT64_MAX - SZ_4K + 1, UINT64_MAX }), 0);
	space_free(s);
}
END_TEST

START_TEST(a_space_of_one_page_holds_one_page)
{
	struct space *s = space_new(range_at(0x7fffffff000, SZ_4K));
	uint64_t first;

	ck_assert_int_eq(space_take(s, 2 * SZ_4K, SZ_4K, &first), -ENOSPC);
	ck_assert_int_eq(space_take(s, SZ_4K, 2 * SZ_4K, &first), -ENOSPC);
	ck_assert_uint_eq(take(s, SZ_4K, SZ_4K), 0x7fffffff000);
	ck_assert_int_eq(space_take(s, SZ_4K, SZ_4K, &first), -ENOSPC);
	space_free(s);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	struct space *s = space_new(range_at(SZ_4K, SZ_16M));
	uint64_t first = 7;

	ck_assert_int_eq(space_take(s, SZ_16M + SZ_4K, SZ_4K, &first), -ENOSPC);
	ck_assert_int_eq(space_take(s, SZ_16M, SZ_64K, &first), -ENOSPC);
	ck_assert_int_eq(space_take(s, UINT64_C(1) << 52, SZ_4K, &first), -ENOSPC);
	ck_assert_int_eq(space_take(s, SZ_4K, UINT64_C(1) << 63, &first), -ENOSPC);
	ck_assert_uint_eq(first, 7);
	ck_assert_uint_eq(space_used(s), 0);
	space_free(s);
}
END_TEST

START_TEST(take_within_stays_inside)
{
	struct space *s = space_new(range_at(SZ_4K, SZ_1G));
	struct range around = range_at(SZ_1G / 2 - SZ_4K, SZ_16M + 2 * SZ_4K);
	struct range small = range_at(5 * SZ_4K, SZ_64K);
	uint64_t first;

	ck_assert_int_eq(space_take_within(s, small, SZ_4K, SZ_4K, &first), 0);
	ck_assert_uint_eq(first, 5 * SZ_4K);
	ck_assert_int_eq(space_take_within(s, small, SZ_64K, SZ_4K, &first), -ENOSPC);
	ck_assert_int_eq(space_take_within(s, around, SZ_16M, SZ_16M, &first), 0);
	ck_assert_uint_eq(first, SZ_1G / 2);
	around = range_at(SZ_1G / 2, SZ_16M);
	ck_assert_int_eq(space_take_within(s, around, SZ_4K, SZ_4K, &first), -ENOSPC);
	space_free(s);
}
END_TEST

START_TEST(take_within_that_starts_inside_a_long_range_goes_past_it)
{
	struct space *s = space_new(range_at(0, SZ_1G));
	struct range in = range_at(3 * SZ_16M - SZ_1M, 2 * SZ_16M);
	uint64_t first;

	ck_assert_int_eq(space_take_at(s, range_at(0, 3 * SZ_16M)), 0);
	ck_assert_int_eq(space_take_within(s, in, SZ_4K, SZ_4K, &first), 0);
	ck_assert_uint_eq(first, 3 * SZ_16M);
	space_put(s, range_at(0, 3 * SZ_16M));
	ck_assert_int_eq(space_take_within(s, in, SZ_4K, SZ_4K, &first), 0);
	ck_assert_uint_eq(first, 3 * SZ_16M - SZ_1M);
	space_free(s);
}
END_TEST

START_TEST(within_is_cut_to_the_space_and_to_whole_pages)
{
	struct space *s = space_new(range_at(SZ_1M, SZ_1M));
	uint64_t odd = SZ_1M + SZ_64K + 1, first;

#define WITHIN(at, len) space_take_within(s, range_at(at, len), SZ_4K, SZ_4K, &first)
	ck_assert_int_eq(WITHIN(0, UINT64_MAX), 0);
	ck_assert_uint_eq(first, SZ_1M);
	ck_assert_int_eq(WITHIN(0, SZ_1M), -ENOSPC);
	ck_assert_int_eq(WITHIN(2 * SZ_1M, SZ_1M), -ENOSPC);
	ck_assert_int_eq(WITHIN(odd, 2 * SZ_4K - 1), 0);
	ck_assert_uint_eq(first, SZ_1M + SZ_64K + SZ_4K);
	ck_assert_int_eq(WITHIN(odd, SZ_4K), -ENOSPC);
#undef WITHIN
	space_free(s);
}
END_TEST

START_TEST(take_at_takes_exactly_that_or_says_why_not)
{
	struct space *s = space_new(range_at(SZ_64K, SZ_16M));

	ck_assert_int_eq(space_take_at(s, range_at(SZ_1M, 3 * SZ_4K)), 0);
	ck_assert(!space_is_free(s, range_at(SZ_1M, SZ_4K)));
	ck_assert(space_is_free(s, range_at(SZ_1M - SZ_4K, SZ_4K)));
	ck_assert(space_is_free(s, range_at(SZ_1M + 3 * SZ_4K, SZ_4K)));
	ck_assert_int_eq(space_take_at(s, range_at(SZ_1M + 2 * SZ_4K, SZ_1M)), -EBUSY);
	ck_assert_int_eq(space_take_at(s, range_at(SZ_64K, SZ_16M)), -EBUSY);
	ck_assert_int_eq(space_take_at(s, range_at(SZ_64K - SZ_4K, SZ_4K)), -EINVAL);
	ck_assert_int_eq(space_take_at(s, range_at(SZ_16M, 2 * SZ_64K)), -EINVAL);
	ck_assert_int_eq(space_take_at(s, range_at(SZ_2M + 1, SZ_4K)), -EINVAL);
	ck_assert_int_eq(space_take_at(s, range_at(SZ_2M, SZ_4K - 1)), -EINVAL);
	ck_assert_int_eq(space_take_at(s, (struct range){ SZ_2M, SZ_1M - 1 }), -EINVAL);
	ck_assert_uint_eq(space_used(s), 3 * SZ_4K);
	space_free(s);
}
END_TEST

START_TEST(what_touches_can_be_put_together)
{
	struct space *s = space_new(range_at(0, SZ_1G));
	uint64_t end = 0;

	while (end < 4 * SZ_16M)
		end = take(s, 3 * SZ_4K, SZ_4K) + 3 * SZ_4K;
	ck_assert_uint_eq(take(s, SZ_16M, SZ_4K), end);
	ck_assert_uint_eq(take(s, 8 * SZ_16M, SZ_16M), 6 * SZ_16M);
	ck_assert_int_eq(space_take_at(s, (struct range){ end + SZ_16M, 6 * SZ_16M - 1 }), 0);
	put(s, 0, 14 * SZ_16M);
	ck_assert_uint_eq(space_used(s), 0);
	ck_assert_uint_eq(space_largest(s, SZ_16M), SZ_1G);
	mem_fail_nth(1);
	ck_assert_int_eq(space_take_at(s, range_at(0, 14 * SZ_16M)), 0);
	ck_assert_int_eq(mem_fail_fired(), 0);
	space_free(s);
}
END_TEST

START_TEST(what_was_put_is_taken_again_without_an_allocation)
{
	static const uint64_t lens[] = {
		SZ_4K, SZ_64K, 5 * SZ_1M, SZ_16M, 3 * SZ_16M + SZ_4K, SZ_1G
	};
	struct space *s = space_new(range_at(SZ_4K, 16 * SZ_1G));
	uint64_t first[6];

	for (size_t i = 0; i < 6; i++)
		first[i] = take(s, lens[i], SZ_4K << i);
	for (size_t i = 0; i < 6; i++)
		put(s, first[i], lens[i]);
	ck_assert_uint_eq(take(s, 2 * SZ_1G, SZ_4K), SZ_4K);
	put(s, SZ_4K, 2 * SZ_1G);
	for (size_t i = 0; i < 6; i++) {
		mem_fail_nth(1);
		ck_assert_int_eq(space_take_at(s, range_at(first[i], lens[i])), 0);
		ck_assert_int_eq(mem_fail_fired(), 0);
	}
	space_free(s);
}
END_TEST

START_TEST(every_allocation_of_a_new_space_fails_in_turn)
{
	struct space *s = NULL;
	size_t n;

	for (n = 1; !s; n++) {
		mem_fail_nth(n);
		s = space_new(range_at(0x7ffff000, UINT64_C(1) << 40));
		ck_assert(!!s != !!mem_fail_fired());
	}
	ck_assert_uint_gt(n, 4);
	space_free(s);
}
END_TEST

START_TEST(every_allocation_of_a_take_fails_in_turn_and_nothing_has_changed)
{
	struct range r = range_at(0x7ffff000, UINT64_C(1) << 40);
	struct space *s = space_new(r);
	uint64_t first = 7;
	size_t n;

	for (n = 1;; n++) {
		int err;

		mem_fail_nth(n);
		err = space_take(s, SZ_1G + SZ_4K, SZ_1G, &first);
		if (!mem_fail_fired()) {
			ck_assert_int_eq(err, 0);
			break;
		}
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_uint_eq(first, 7);
		ck_assert(space_is_free(s, r));
		ck_assert_uint_eq(space_used(s), 0);
		ck_assert_uint_eq(space_largest(s, SZ_16M), r.last + 1 - 0x80000000);
		space_trim(s);
	}
	ck_assert_uint_gt(n, 2);
	space_free(s);
}
END_TEST

START_TEST(every_allocation_of_a_take_at_fails_in_turn_and_nothing_has_changed)
{
	struct range r = range_at(0x7ffff000, UINT64_C(1) << 40);
	struct range at = range_at(6 * SZ_1G + SZ_4K, SZ_1G);
	struct space *s = space_new(r);
	size_t n;

	for (n = 1;; n++) {
		int err;

		mem_fail_nth(n);
		err = space_take_at(s, at);
		if (!mem_fail_fired()) {
			ck_assert_int_eq(err, 0);
			break;
		}
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert(space_is_free(s, r));
		ck_assert_uint_eq(space_used(s), 0);
		space_trim(s);
	}
	ck_assert_uint_gt(n, 4);
	space_free(s);
}
END_TEST

START_TEST(a_huge_space_costs_what_was_touched)
{
	struct space *s = space_new(range_at(SZ_4K, (UINT64_C(1) << 47) - SZ_4K));
	size_t empty = space_footprint(s), touched;

	ck_assert_uint_lt(empty, 16384);
	for (uint64_t at = SZ_1G; at < UINT64_C(1) << 46; at *= 2)
		ck_assert_int_eq(space_take_at(s, range_at(at + SZ_64K, SZ_4K)), 0);
	touched = space_footprint(s);
	ck_assert_uint_lt(touched, empty + 17 * 6144);
	ck_assert_uint_eq(take(s, UINT64_C(1) << 45, SZ_1G), (UINT64_C(1) << 45) + SZ_1G);
	ck_assert_uint_lt(space_footprint(s), touched + 16384);
	ck_assert_uint_eq(space_used(s), (UINT64_C(1) << 45) + 16 * SZ_4K);
	space_free(s);
}
END_TEST

START_TEST(the_largest_space_works_anywhere)
{
	uint64_t len = UINT64_C(1) << 52;
	struct space *s = space_new(range_at(0x123456789000, len));

	ck_assert_uint_eq(space_largest(s, SZ_4K), len);
	ck_assert_uint_eq(take(s, len, SZ_4K), 0x123456789000);
	put(s, 0x123456789000, len);
	ck_assert_uint_eq(take(s, len / 2, len / 2), len / 2);
	space_free(s);
}
END_TEST

START_TEST(trim_releases_what_is_wholly_free)
{
	struct space *s = space_new(range_at(SZ_4K, 64 * SZ_1G));
	size_t empty = space_footprint(s);
	uint64_t first[512], kept;

	for (size_t i = 0; i < 512; i++)
		first[i] = take(s, 9 * SZ_1M, SZ_1M);
	kept = take(s, SZ_4K, SZ_4K);
	for (size_t i = 0; i < 512; i++)
		put(s, first[i], 9 * SZ_1M);
	ck_assert_uint_gt(space_footprint(s), empty + 250 * 512);
	space_trim(s);
	ck_assert_uint_eq(space_footprint(s), empty);
	ck_assert(!space_is_free(s, range_at(kept, SZ_4K)));
	put(s, kept, SZ_4K);
	ck_assert(space_is_free(s, space_range(s)));
	ck_assert_uint_eq(take(s, 9 * SZ_1M, SZ_1M), SZ_1M);
	space_free(s);
}
END_TEST

START_TEST(a_reservation_costs_few_bytes)
{
	struct space *s = space_new(range_at(SZ_4K, UINT64_C(1) << 40));

	for (size_t i = 0; i < 10000; i++)
		take(s, SZ_4K << (i % 10 ? i % 5 : 7), SZ_4K);
	ck_assert_uint_lt(space_footprint(s) / 10000, 10);
	space_free(s);
}
END_TEST

/* Every second page is taken: a finer class promises a fit in every word, and there is none. */
START_TEST(an_alignment_between_classes_finds_the_one_fit_there_is)
{
	struct space *s = space_new(range_at(SZ_4K, SZ_1G));
	uint64_t first, mid = SZ_1G / 2;

	for (uint64_t at = 2 * SZ_4K; at <= SZ_1G; at += 2 * SZ_4K)
		ck_assert_int_eq(space_take_at(s, range_at(at, SZ_4K)), 0);
	ck_assert_int_eq(space_take(s, SZ_4K, 2 * SZ_4K, &first), -ENOSPC);
	put(s, mid + 6 * SZ_4K, SZ_4K);
	ck_assert_uint_eq(take(s, SZ_4K, 2 * SZ_4K), mid + 6 * SZ_4K);
	ck_assert_int_eq(space_take(s, SZ_4K, 2 * SZ_4K, &first), -ENOSPC);
	put(s, mid + 16 * SZ_4K, SZ_4K);
	ck_assert_uint_eq(take(s, 2 * SZ_4K, 4 * SZ_4K), mid + 16 * SZ_4K);
	space_free(s);
}
END_TEST

SUITE_MAIN("space", a_new_space_is_wholly_free, free_of_nothing_is_fine, take_gives_the_lowest_fit,
	   take_prefers_blocks_in_use_and_keeps_free_ones_whole,
	   all_of_a_space_of_any_size_can_be_taken, alignment_is_that_of_the_absolute_address,
	   a_space_may_end_at_the_last_address, a_space_of_one_page_holds_one_page,
	   what_does_not_fit_is_refused, take_within_stays_inside,
	   take_within_that_starts_inside_a_long_range_goes_past_it,
	   within_is_cut_to_the_space_and_to_whole_pages,
	   take_at_takes_exactly_that_or_says_why_not, what_touches_can_be_put_together,
	   what_was_put_is_taken_again_without_an_allocation,
	   every_allocation_of_a_new_space_fails_in_turn,
	   every_allocation_of_a_take_fails_in_turn_and_nothing_has_changed,
	   every_allocation_of_a_take_at_fails_in_turn_and_nothing_has_changed,
	   a_huge_space_costs_what_was_touched, the_largest_space_works_anywhere,
	   trim_releases_what_is_wholly_free, a_reservation_costs_few_bytes,
	   an_alignment_between_classes_finds_the_one_fit_there_is)
