// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/bytes.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/suite.h"

static void check_hex(const char *text, const char *bytes, size_t len)
{
	_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL;

	ck_assert_int_eq(bytes_from_hex(&b, text), 0);
	ck_assert_uint_eq(b.len, len);
	ck_assert_mem_eq(b.p, bytes, len);
}

START_TEST(hexadecimal_digits_come_in_pairs_between_which_anything_may_stand)
{
	check_hex("", "", 0);
	check_hex("00", "\0", 1);
	check_hex("deADBEef", "\xde\xad\xbe\xef", 4);
	check_hex(" de ad:be-ef\n", "\xde\xad\xbe\xef", 4);
}
END_TEST

START_TEST(half_a_byte_and_other_letters_are_refused)
{
	static const char *const wrong[] = { "d", "dea", "xy", "0x00", "de a", "d e", "g0", "0g" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(char *); i++) {
		_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL;

		ck_assert_msg(bytes_from_hex(&b, wrong[i]) == -EINVAL, "\"%s\"", wrong[i]);
	}
}
END_TEST

START_TEST(bytes_become_hexadecimal_digits)
{
	_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL, hex = BYTES_NULL;

	ck_assert_int_eq(bytes_from_text(&b, "\x01z\xff"), 0);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_int_eq(bytes_to_hex(&hex, &b), 0);
	ck_assert_str_eq((char *)hex.p, "017aff");
}
END_TEST

/* What f prints, of at most 4095 bytes. */
static const char *printed(const struct bytes *b, uint64_t addr)
{
	static char text[4096];
	int pipes[2], saved = dup(STDOUT_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(pipes), 0);
	fflush(stdout);
	dup2(pipes[1], STDOUT_FILENO);
	bytes_dump(b, addr);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(pipes[1]);
	n = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

START_TEST(dumps_line_up_to_the_last_byte)
{
	_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL;

	ck_assert_int_eq(bytes_from_text(&b, "0123456789abcdef\x01\x7f~"), 0);
	ck_assert_str_eq(printed(&b, 0x10000000),
			 "10000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  "
			 "|0123456789abcdef|\n"
			 "10000010  01 7f 7e                                          |..~|\n");
	ck_assert_str_eq(printed(&BYTES_NULL, 0), "");
}
END_TEST

SUITE_MAIN("bytes", hexadecimal_digits_come_in_pairs_between_which_anything_may_stand,
	   half_a_byte_and_other_letters_are_refused, bytes_become_hexadecimal_digits,
	   dumps_line_up_to_the_last_byte)
