// SPDX-License-Identifier: BSD-3-Clause
#include "base/log-limit.h"
#include "tests/suite.h"

#define NOW UINT64_C(1000000000000)

static struct log_unsaid unsaid;

static unsigned int say(struct log_limit *l, uint64_t now_ns, unsigned int times)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < times; i++)
		n += log_limit_allows(l, now_ns, &unsaid);
	return n;
}

START_TEST(a_burst_is_said_and_the_rest_is_not)
{
	struct log_limit l = { 0 };

	ck_assert_uint_eq(say(&l, NOW, 1000), LOG_LIMIT_BURST);
	ck_assert_str_eq(unsaid.text, "");
	ck_assert_uint_eq(say(&l, NOW + LOG_LIMIT_EVERY_NS - 1, 1), 0);
}
END_TEST

START_TEST(what_went_unsaid_is_said_once)
{
	struct log_limit l = { 0 };

	say(&l, NOW, LOG_LIMIT_BURST + 7);
	ck_assert_uint_eq(say(&l, NOW + LOG_LIMIT_EVERY_NS, 1), 1);
	ck_assert_str_eq(unsaid.text, "; 7 more before it went unsaid");
	ck_assert_uint_eq(say(&l, NOW + 2 * LOG_LIMIT_EVERY_NS, 1), 1);
	ck_assert_str_eq(unsaid.text, "");
}
END_TEST

/* However long it goes on. */
START_TEST(a_flood_is_said_at_the_rate)
{
	struct log_limit l = { 0 };
	unsigned int n = 0;

	for (uint64_t i = 0; i < 1000; i++)
		n += say(&l, NOW + i * LOG_LIMIT_EVERY_NS / 10, 10);
	ck_assert_uint_eq(n, LOG_LIMIT_BURST + 99);
}
END_TEST

START_TEST(a_burst_comes_back_with_time_and_no_more_than_one)
{
	struct log_limit l = { 0 };

	say(&l, NOW, 100);
	ck_assert_uint_eq(say(&l, NOW + 3 * LOG_LIMIT_EVERY_NS, 100), 3);
	ck_assert_uint_eq(say(&l, NOW + 1000 * LOG_LIMIT_EVERY_NS, 100), LOG_LIMIT_BURST);
}
END_TEST

START_TEST(the_greatest_number_has_room)
{
	struct log_limit l = { .n_unsaid = UINT64_MAX };

	ck_assert_uint_eq(say(&l, NOW, 1), 1);
	ck_assert_str_eq(unsaid.text, "; 18446744073709551615 more before it went unsaid");
}
END_TEST

SUITE_MAIN("base/log-limit", a_burst_is_said_and_the_rest_is_not, what_went_unsaid_is_said_once,
	   a_flood_is_said_at_the_rate, a_burst_comes_back_with_time_and_no_more_than_one,
	   the_greatest_number_has_room)
