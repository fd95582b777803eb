// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "journal/crc.h"
#include "tests/suite.h"

/* RFC 3720, B.4. */
START_TEST(crc_is_that_of_iscsi)
{
	uint8_t buf[32];

	memset(buf, 0, sizeof(buf));
	ck_assert_uint_eq(crc32c(0, buf, sizeof(buf)), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	ck_assert_uint_eq(crc32c(0, buf, sizeof(buf)), 0x62a8ab43);
	for (unsigned int i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)i;
	ck_assert_uint_eq(crc32c(0, buf, sizeof(buf)), 0x46dd794e);
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
}
END_TEST

START_TEST(crc_goes_on_where_it_stopped)
{
	const char *text = "123456789";

	for (size_t i = 0; i <= 9; i++)
		ck_assert_uint_eq(crc32c(crc32c(0, text, i), text + i, 9 - i), 0xe3069283);
}
END_TEST

START_TEST(crc_is_the_same_without_the_instruction)
{
	uint8_t buf[257];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 31 + 7);
	for (size_t len = 0; len <= sizeof(buf); len++)
		ck_assert_uint_eq(crc32c(1, buf, len), crc32c_plain(1, buf, len));
}
END_TEST

SUITE_MAIN("crc", crc_is_that_of_iscsi, crc_goes_on_where_it_stopped,
	   crc_is_the_same_without_the_instruction)
