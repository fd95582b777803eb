// SPDX-License-Identifier: BSD-3-Clause
#include "base/reason.h"

#include <errno.h>
#include <string.h>

#include "tests/suite.h"

START_TEST(refusal_returns_its_error_and_keeps_its_words)
{
	struct reason why = { "" };

	ck_assert_int_eq(refuse(&why, -EBUSY, "res %d is %s", 7, "backed"), -EBUSY);
	ck_assert_str_eq(why.text, "res 7 is backed");
}
END_TEST

START_TEST(refusal_that_nobody_reads_returns_its_error)
{
	ck_assert_int_eq(refuse(NULL, -EINVAL, "%s", "unread"), -EINVAL);
}
END_TEST

START_TEST(refusal_longer_than_its_room_is_cut_and_terminated)
{
	static char longest[2 * REASON_MAX];
	struct reason why;

	memset(longest, 'x', sizeof(longest) - 1);
	memset(&why, '#', sizeof(why));
	ck_assert_int_eq(refuse(&why, -E2BIG, "%s", longest), -E2BIG);
	ck_assert_uint_eq(strlen(why.text), REASON_MAX - 1);
}
END_TEST

START_TEST(later_refusal_replaces_the_earlier_one)
{
	struct reason why;

	refuse(&why, -EINVAL, "a long first reason");
	refuse(&why, -EINVAL, "short");
	ck_assert_str_eq(why.text, "short");
}
END_TEST

SUITE_MAIN("reason", refusal_returns_its_error_and_keeps_its_words,
	   refusal_that_nobody_reads_returns_its_error,
	   refusal_longer_than_its_room_is_cut_and_terminated,
	   later_refusal_replaces_the_earlier_one)
