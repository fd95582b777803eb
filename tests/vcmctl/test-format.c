// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/format.h"

#include <string.h>

#include <vcm/attr.h>

#include "tests/suite.h"

static char buf[FORMAT_LEN];

START_TEST(sizes_are_exact_and_as_short_as_that_allows)
{
	ck_assert_str_eq(format_size(buf, 0), "0");
	ck_assert_str_eq(format_size(buf, 1), "1");
	ck_assert_str_eq(format_size(buf, 1000), "1000");
	ck_assert_str_eq(format_size(buf, 4096), "4K");
	ck_assert_str_eq(format_size(buf, 65536), "64K");
	ck_assert_str_eq(format_size(buf, 3 << 19), "1.5M");
	ck_assert_str_eq(format_size(buf, (2 << 20) + 4096), "2052K");
	ck_assert_str_eq(format_size(buf, 256 << 20), "256M");
	ck_assert_str_eq(format_size(buf, UINT64_C(1) << 47), "128T");
	ck_assert_str_eq(format_size(buf, UINT64_C(1) << 63), "8E");
	ck_assert_str_eq(format_size(buf, UINT64_MAX), "18446744073709551615");
	ck_assert_str_eq(format_size(buf, UINT64_MAX - 4095), "18014398509481980K");
}
END_TEST

START_TEST(addresses_have_eight_digits_or_more)
{
	ck_assert_str_eq(format_addr(buf, 0), "0x00000000");
	ck_assert_str_eq(format_addr(buf, 0x40000000), "0x40000000");
	ck_assert_str_eq(format_addr(buf, 0x7f0000001000), "0x7f0000001000");
	ck_assert_str_eq(format_addr(buf, UINT64_MAX), "0xffffffffffffffff");
}
END_TEST

START_TEST(durations_get_coarser_as_they_get_longer)
{
	const uint64_t s = 1000000000;

	ck_assert_str_eq(format_duration(buf, 0), "0.00s");
	ck_assert_str_eq(format_duration(buf, s / 4), "0.25s");
	ck_assert_str_eq(format_duration(buf, 12 * s), "12s");
	ck_assert_str_eq(format_duration(buf, 245 * s), "4:05");
	ck_assert_str_eq(format_duration(buf, 7445 * s), "2:04:05");
	ck_assert_str_eq(format_duration(buf, (3 * 86400 + 7445) * s), "3d 2:04:05");
	ck_assert_str_eq(format_duration(buf, UINT64_MAX), "213503d 23:34:33");
}
END_TEST

START_TEST(reservations_without_access_bits_can_be_read_and_written)
{
	ck_assert_str_eq(format_res_attr(buf, 0), "rw");
	ck_assert_str_eq(format_res_attr(buf, VCM_READ), "r");
	ck_assert_str_eq(format_res_attr(buf, VCM_WRITE), "w");
	ck_assert_str_eq(format_res_attr(buf, VCM_READ | VCM_EXECUTE), "rx");
	ck_assert_str_eq(format_res_attr(buf, VCM_USER | VCM_SUPERVISOR), "rw");
	ck_assert_str_eq(format_res_attr(buf, VCM_SUPERVISOR), "rw privileged");
	ck_assert_str_eq(format_res_attr(buf, VCM_SECURE | VCM_WB_WA), "rw secure wb-wa");
	ck_assert_str_eq(format_res_attr(buf, VCM_OUTER_WB_NWA), "rw outer-wb-nwa");
	ck_assert_str_eq(format_res_attr(buf, 15), "rw cache?");
}
END_TEST

START_TEST(physical_attributes_without_a_size_mean_all_sizes)
{
	ck_assert_str_eq(format_phys_attr(buf, 0), "all");
	ck_assert_str_eq(format_phys_attr(buf, VCM_ALL), "all");
	ck_assert_str_eq(format_phys_attr(buf, VCM_4KB | VCM_1MB), "4K 1M");
	ck_assert_str_eq(format_phys_attr(buf, VCM_PHYS_CONT | VCM_COHERENT),
			 "all contiguous coherent");
}
END_TEST

START_TEST(page_sizes_are_the_bits)
{
	ck_assert_str_eq(format_page_sizes(buf, 0), "");
	ck_assert_str_eq(format_page_sizes(buf, 0x1111000), "4K 64K 1M 16M");
	/* All 64 do not fit: it is cut, and ends. */
	ck_assert_uint_lt(strlen(format_page_sizes(buf, UINT64_MAX)), FORMAT_LEN);
}
END_TEST

START_TEST(users_have_names_or_numbers)
{
	ck_assert_str_eq(format_user(buf, 0), "root");
	ck_assert_str_eq(format_user(buf, 4000000000), "4000000000");
}
END_TEST

static void check_number(const char *text, uint64_t expected)
{
	uint64_t v = ~expected;

	ck_assert_msg(parse_number(text, &v), "%s", text);
	ck_assert_uint_eq(v, expected);
}

START_TEST(numbers_are_decimal_or_hexadecimal_and_may_have_a_unit)
{
	check_number("0", 0);
	check_number("010", 10);
	check_number("4K", 4096);
	check_number("0x10k", 16384);
	check_number("16M", 16 << 20);
	check_number("1G", 1 << 30);
	check_number("18446744073709551615", UINT64_MAX);
	check_number("0xffffffffffffffff", UINT64_MAX);
	check_number("0xFFFFFFFFC0000000", UINT64_MAX - (1 << 30) + 1);
}
END_TEST

START_TEST(numbers_that_are_none_are_refused_and_out_is_untouched)
{
	static const char *const wrong[] = { "",
					     " 1",
					     "-1",
					     "+1",
					     "x",
					     "0x",
					     "1z",
					     "4KB",
					     "4 K",
					     "0x1g1",
					     "1.5M",
					     "0b1",
					     "18446744073709551616",
					     "0x10000000000000000",
					     "18014398509481984K",
					     "17179869184G" };
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(char *); i++)
		ck_assert_msg(!parse_number(wrong[i], &v), "\"%s\"", wrong[i]);
	ck_assert_uint_eq(v, 7);
}
END_TEST

SUITE_MAIN("format", sizes_are_exact_and_as_short_as_that_allows,
	   addresses_have_eight_digits_or_more, durations_get_coarser_as_they_get_longer,
	   reservations_without_access_bits_can_be_read_and_written,
	   physical_attributes_without_a_size_mean_all_sizes, page_sizes_are_the_bits,
	   users_have_names_or_numbers, numbers_are_decimal_or_hexadecimal_and_may_have_a_unit,
	   numbers_that_are_none_are_refused_and_out_is_untouched)
