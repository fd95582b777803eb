// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/polling.h"

#include "tests/suite.h"

#define SOON UINT64_C(10000)
#define LATE UINT64_C(10000000)

static struct polling sure(void)
{
	struct polling p;

	polling_init(&p, 50, 2);
	for (int i = 0; i < 100; i++)
		polling_slept(&p, SOON);
	return p;
}

/* The share of waits that poll, in 1000, of a client that is never soon enough. */
static int polls_in_vain(struct polling *p, int n)
{
	int polls = 0;

	for (int i = 0; i < n; i++) {
		if (!polling_budget(p)) {
			polling_slept(p, SOON); /* as on a shared core: soon, once we let go */
			continue;
		}
		polls++;
		polling_polled(p, false, true);
	}
	return polls;
}

START_TEST(polling_never_polls_with_one_cpu)
{
	struct polling p;

	polling_init(&p, 50, 1);
	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(polling_budget(&p), 0);
		polling_slept(&p, SOON);
	}
}
END_TEST

START_TEST(polling_never_polls_when_told_not_to)
{
	struct polling p;

	polling_init(&p, 0, 64);
	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(polling_budget(&p), 0);
		polling_slept(&p, SOON);
	}
}
END_TEST

START_TEST(polling_never_polls_longer_than_50_us)
{
	struct polling p;

	polling_init(&p, 1000000, 2);
	for (int i = 0; i < 100; i++)
		polling_slept(&p, SOON);
	ck_assert_uint_eq(polling_budget(&p), 50 * 1000);
}
END_TEST

START_TEST(polling_begins_when_requests_have_come_soon_and_not_before)
{
	struct polling p;
	int n = 0;

	polling_init(&p, 50, 2);
	ck_assert_uint_eq(polling_budget(&p), 0);
	while (!polling_budget(&p)) {
		polling_slept(&p, SOON);
		ck_assert_int_lt(++n, 20);
	}
	ck_assert_int_gt(n, 1);
}
END_TEST

START_TEST(polling_does_not_begin_for_a_client_that_is_late)
{
	struct polling p;

	polling_init(&p, 50, 2);
	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(polling_budget(&p), 0);
		polling_slept(&p, LATE);
	}
}
END_TEST

START_TEST(polling_goes_on_while_it_hits)
{
	struct polling p = sure();

	for (int i = 0; i < 10000; i++) {
		ck_assert_uint_gt(polling_budget(&p), 0);
		polling_polled(&p, true, false);
	}
}
END_TEST

START_TEST(polling_survives_a_pause_of_the_client)
{
	struct polling p = sure();

	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_gt(polling_budget(&p), 0);
		polling_polled(&p, i % 20 != 19, false);
	}
}
END_TEST

START_TEST(polling_ends_when_it_misses)
{
	struct polling p = sure();

	for (int i = 0; i < 2; i++)
		if (polling_budget(&p))
			polling_polled(&p, false, false);
	ck_assert_uint_eq(polling_budget(&p), 0);
}
END_TEST

START_TEST(polling_always_follows_a_peer_that_cannot_wake_us)
{
	struct polling p;

	polling_init(&p, 50, 2);
	for (int i = 0; i < 1000; i++) {
		polling_was_late(&p);
		ck_assert_uint_gt(polling_budget(&p), 0);
		polling_polled(&p, false, true);
		ck_assert_uint_eq(polling_budget(&p), 0);
	}
	polling_init(&p, 50, 1);
	polling_was_late(&p);
	ck_assert_uint_eq(polling_budget(&p), 0);
}
END_TEST

START_TEST(polling_comes_back_when_the_client_does)
{
	struct polling p = sure();
	int n = 0;

	while (polling_budget(&p))
		polling_polled(&p, false, false);
	for (int i = 0; i < 100; i++)
		if (!polling_budget(&p))
			polling_slept(&p, LATE);
	while (!polling_budget(&p)) {
		polling_slept(&p, SOON);
		ck_assert_int_lt(++n, 100);
	}
}
END_TEST

START_TEST(polling_in_vain_becomes_rare)
{
	struct polling p = sure();

	ck_assert_int_lt(polls_in_vain(&p, 100000), 200);
}
END_TEST

START_TEST(polling_backs_off_when_others_want_the_cpu_even_if_it_hit)
{
	struct polling p = sure();

	ck_assert_uint_gt(polling_budget(&p), 0);
	polling_polled(&p, true, true);
	ck_assert_uint_eq(polling_budget(&p), 0);
}
END_TEST

START_TEST(polling_forgives_one_preemption_after_many_hits)
{
	struct polling p = sure();
	int n = 0;

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 2 * POLLING_TRUSTED; i++) {
			if (polling_budget(&p))
				polling_polled(&p, true, i == 0);
			else
				polling_slept(&p, SOON);
		}
	}
	while (!polling_budget(&p))
		ck_assert_int_le(++n, 2 * POLLING_BACKOFF_MIN);
}
END_TEST

SUITE_MAIN("polling", polling_never_polls_with_one_cpu, polling_never_polls_when_told_not_to,
	   polling_never_polls_longer_than_50_us,
	   polling_begins_when_requests_have_come_soon_and_not_before,
	   polling_does_not_begin_for_a_client_that_is_late, polling_goes_on_while_it_hits,
	   polling_survives_a_pause_of_the_client, polling_ends_when_it_misses,
	   polling_always_follows_a_peer_that_cannot_wake_us,
	   polling_comes_back_when_the_client_does, polling_in_vain_becomes_rare,
	   polling_backs_off_when_others_want_the_cpu_even_if_it_hit,
	   polling_forgives_one_preemption_after_many_hits)
