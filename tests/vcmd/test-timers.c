// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/timers.h"

#include "tests/suite.h"

#define NEW_TIMERS(ts) struct timers ts = TAILQ_HEAD_INITIALIZER(ts)

START_TEST(timers_come_in_the_order_of_their_time)
{
	NEW_TIMERS(ts);
	struct timer t[4] = { { .set = false } };

	timers_set(&ts, &t[0], 30);
	timers_set(&ts, &t[1], 10);
	timers_set(&ts, &t[2], 40);
	timers_set(&ts, &t[3], 20);
	ck_assert_ptr_eq(timers_take_due(&ts, 100), &t[1]);
	ck_assert_ptr_eq(timers_take_due(&ts, 100), &t[3]);
	ck_assert_ptr_eq(timers_take_due(&ts, 100), &t[0]);
	ck_assert_ptr_eq(timers_take_due(&ts, 100), &t[2]);
	ck_assert_ptr_null(timers_take_due(&ts, 100));
}
END_TEST

START_TEST(timers_of_one_time_come_in_the_order_they_were_set)
{
	NEW_TIMERS(ts);
	struct timer t[3] = { { .set = false } };

	for (int i = 0; i < 3; i++)
		timers_set(&ts, &t[i], 5);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(timers_take_due(&ts, 5), &t[i]);
}
END_TEST

START_TEST(timers_are_due_at_their_time_and_not_before)
{
	NEW_TIMERS(ts);
	struct timer t = { .set = false };

	timers_set(&ts, &t, 7);
	ck_assert_ptr_null(timers_take_due(&ts, 6));
	ck_assert_ptr_eq(timers_first(&ts), &t);
	ck_assert_ptr_eq(timers_take_due(&ts, 7), &t);
	ck_assert(!t.set);
	ck_assert_ptr_null(timers_first(&ts));
}
END_TEST

START_TEST(timers_move_when_they_are_set_again)
{
	NEW_TIMERS(ts);
	struct timer a = { .set = false }, b = { .set = false };

	timers_set(&ts, &a, 1);
	timers_set(&ts, &b, 2);
	timers_set(&ts, &a, 3);
	ck_assert_ptr_eq(timers_first(&ts), &b);
	timers_clear(&ts, &b);
	timers_clear(&ts, &b);
	ck_assert_ptr_eq(timers_first(&ts), &a);
	ck_assert_ptr_eq(timers_take_due(&ts, 3), &a);
}
END_TEST

SUITE_MAIN("timers", timers_come_in_the_order_of_their_time,
	   timers_of_one_time_come_in_the_order_they_were_set,
	   timers_are_due_at_their_time_and_not_before, timers_move_when_they_are_set_again)
