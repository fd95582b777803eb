// SPDX-License-Identifier: BSD-3-Clause
#include "graph/attr.h"

#include <errno.h>
#include <string.h>
#include <vcm/attr.h>

#include "base/range.h"
#include "tests/suite.h"

START_TEST(reservation_attributes_are_accepted)
{
	static const uint32_t good[] = {
		0,
		VCM_READ | VCM_WRITE | VCM_EXECUTE | VCM_USER | VCM_SUPERVISOR | VCM_SECURE,
		VCM_NOTCACHED,
		VCM_WB_WA,
		VCM_OUTER_WB_NWA,
		VCM_ALIGN_4K,
		VCM_ALIGN_1GB,
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_int_eq(attr_check_res(good[i], NULL), 0);
}
END_TEST

START_TEST(reservation_attributes_are_refused)
{
	static const struct {
		uint32_t attr;
		const char *word;
	} bad[] = {
		{ 1u << 15, "0x8000" },
		{ 1u << 31, "0x80000000" },
		{ VCM_ALIGN_ATTR(1), "order 1" },
		{ VCM_ALIGN_ATTR(11), "order 11" },
		{ VCM_ALIGN_ATTR(31), "order 31" },
		{ 10, "policy 10" },
		{ 15, "policy 15" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct reason why = { "" };

		ck_assert_int_eq(attr_check_res(bad[i].attr, &why), -EINVAL);
		ck_assert_msg(strstr(why.text, bad[i].word), "%s", why.text);
		ck_assert_int_eq(attr_check_res(bad[i].attr, NULL), -EINVAL);
	}
}
END_TEST

START_TEST(the_default_alignment_is_the_largest_usual_one_not_above_the_length)
{
	static const struct {
		uint64_t len, align;
	} cases[] = {
		{ SZ_4K, SZ_4K },      { SZ_64K - SZ_4K, SZ_4K }, { SZ_64K, SZ_64K },
		{ SZ_1M - 1, SZ_64K }, { SZ_1M, SZ_1M },          { SZ_16M - SZ_4K, SZ_1M },
		{ SZ_16M, SZ_16M },    { 1000 * SZ_16M, SZ_16M },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_uint_eq(attr_res_align(VCM_READ, cases[i].len), cases[i].align);
	for (unsigned int order = 12; order <= 30; order++)
		ck_assert_uint_eq(attr_res_align(VCM_ALIGN_ATTR(order) | 9, SZ_16M),
				  UINT64_C(1) << order);
}
END_TEST

START_TEST(access_bits_have_their_defaults_filled_in)
{
	static const struct {
		uint32_t attr, access;
	} cases[] = {
		{ 0, VCM_READ | VCM_WRITE | VCM_USER },
		{ VCM_READ, VCM_READ | VCM_USER },
		{ VCM_WRITE, VCM_READ | VCM_WRITE | VCM_USER },
		{ VCM_EXECUTE, VCM_EXECUTE | VCM_USER },
		{ VCM_READ | VCM_SUPERVISOR, VCM_READ },
		{ VCM_READ | VCM_SUPERVISOR | VCM_USER, VCM_READ | VCM_USER },
		{ VCM_SECURE | VCM_READ, VCM_SECURE | VCM_READ | VCM_USER },
		{ VCM_SUPERVISOR, VCM_READ | VCM_WRITE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_uint_eq(attr_res_access(cases[i].attr), cases[i].access);
	ck_assert_uint_eq(attr_res_cache(VCM_READ | VCM_ALIGN_1M | VCM_INNER_WT_NWA), 5);
}
END_TEST

START_TEST(block_sizes_are_a_union_and_none_means_all)
{
	ck_assert(attr_phys_any_size(0));
	ck_assert(attr_phys_any_size(VCM_ALL | VCM_4KB));
	ck_assert(!attr_phys_any_size(VCM_4KB));
	ck_assert_uint_eq(attr_phys_sizes(0), ~(SZ_4K - 1));
	ck_assert_uint_eq(attr_phys_sizes(VCM_ALL | VCM_1MB), ~(SZ_4K - 1));
	ck_assert_uint_eq(attr_phys_sizes(VCM_4KB | VCM_1MB), SZ_4K | SZ_1M);
	ck_assert_uint_eq(attr_phys_sizes(VCM_64KB | VCM_PHYS_CONT), SZ_64K);
	ck_assert_uint_eq(attr_phys_align(VCM_PHYS_CONT), SZ_4K);
	ck_assert_uint_eq(attr_phys_align(SET_ALIGN_REQ_BYTES(VCM_ALL, 4UL)), SZ_64K);
	ck_assert_uint_eq(attr_phys_align(VCM_ALIGNMENT_MASK), SZ_4K << 31);
}
END_TEST

START_TEST(physical_attributes_and_lengths_are_checked_together)
{
	static const struct {
		uint32_t attr;
		uint64_t len;
		int r;
	} cases[] = {
		{ 0, SZ_4K, 0 },
		{ 0, 0, -EINVAL },
		{ 0, 4097, -EINVAL },
		{ 0, 4095, -EINVAL },
		{ 1u << 11, SZ_4K, -EINVAL },
		{ VCM_64KB, SZ_64K, 0 },
		{ VCM_64KB, SZ_4K, -EINVAL },
		{ VCM_64KB | VCM_4KB, SZ_64K + SZ_4K, 0 },
		{ VCM_1MB | VCM_64KB, SZ_1M + SZ_64K, 0 },
		{ VCM_1MB | VCM_64KB, SZ_1M + SZ_4K, -EINVAL },
		{ VCM_1MB, SZ_1M + SZ_64K, -EINVAL },
		{ VCM_1MB | VCM_ALL, SZ_4K, 0 },
		{ 0, UINT64_MAX, -EINVAL },
		{ 0, -SZ_4K, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct reason why = { "" };

		ck_assert_msg(attr_check_phys(cases[i].attr, cases[i].len, &why) == cases[i].r,
			      "case %zu", i);
		ck_assert_int_eq(why.text[0] != 0, cases[i].r != 0);
	}
}
END_TEST

START_TEST(association_attributes_say_a_half)
{
	static const struct {
		uint32_t attr;
		int r;
		struct assoc_half half;
	} cases[] = {
		{ 0, 0, { 0, false } },
		{ VCM_USE_LOW_BASE, 0, { 0, false } },
		{ VCM_SPLIT_ATTR(7), 0, { 7, false } },
		{ VCM_SPLIT_ATTR(3) | VCM_USE_LOW_BASE, 0, { 3, false } },
		{ VCM_SPLIT_ATTR(1) | VCM_USE_HIGH_BASE, 0, { 1, true } },
		{ VCM_USE_HIGH_BASE, -EINVAL, { 0 } },
		{ VCM_SPLIT_ATTR(2) | VCM_USE_HIGH_BASE | VCM_USE_LOW_BASE, -EINVAL, { 0 } },
		{ VCM_SPLIT_ATTR(8), -EINVAL, { 0 } },
		{ VCM_SPLIT_ATTR(31), -EINVAL, { 0 } },
		{ 1, -EINVAL, { 0 } },
		{ 1u << 8, -EINVAL, { 0 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct assoc_half half = { 99, true };

		ck_assert_int_eq(attr_check_assoc(cases[i].attr, &half, NULL), cases[i].r);
		if (cases[i].r)
			continue;
		ck_assert_uint_eq(half.split, cases[i].half.split);
		ck_assert_int_eq(half.high, cases[i].half.high);
	}
}
END_TEST

SUITE_MAIN("attr", reservation_attributes_are_accepted, reservation_attributes_are_refused,
	   the_default_alignment_is_the_largest_usual_one_not_above_the_length,
	   access_bits_have_their_defaults_filled_in, block_sizes_are_a_union_and_none_means_all,
	   physical_attributes_and_lengths_are_checked_together, association_attributes_say_a_half)
