// SPDX-License-Identifier: BSD-3-Clause
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvcmclient/poller.h"

#include "tests/suite.h"

static struct poller poller_on(unsigned int n_cpus)
{
	struct poller p = { .n_calls = 0 };
	const struct poller_facts facts = { .n_cpus = n_cpus };

	poller_learn(&p, &facts);
	return p;
}

/* How many of n calls polled; each poll pays, or does not. */
static int polls(struct poller *p, int n, bool has_paid)
{
	int n_polls = 0;

	for (int i = 0; i < n; i++) {
		if (!poller_begin(p))
			continue;
		n_polls++;
		poller_end(p, has_paid);
	}
	return n_polls;
}

START_TEST(poller_wants_to_know_the_facts_first_and_then_now_and_again)
{
	struct poller p = { .n_calls = 0 };
	const struct poller_facts facts = { .n_cpus = 2 };

	ck_assert(poller_is_curious(&p));
	poller_learn(&p, &facts);
	ck_assert(!poller_is_curious(&p));
	polls(&p, 1000, true);
	ck_assert(poller_is_curious(&p));
}
END_TEST

START_TEST(poller_with_one_cpu_never_polls)
{
	struct poller p = poller_on(1);

	ck_assert_int_eq(polls(&p, 10000, true), 0);
}
END_TEST

START_TEST(poller_that_pays_always_polls)
{
	struct poller p = poller_on(2);

	ck_assert_int_eq(polls(&p, 1000, true), 1000);
}
END_TEST

START_TEST(poller_in_vain_polls_ever_more_rarely)
{
	struct poller p = poller_on(2);

	ck_assert_int_le(polls(&p, 1000, false), 10);
	polls(&p, 5000, false);
	ck_assert_int_le(polls(&p, 10000, false), 10000 / POLLER_MAX_SKIP + 1);
}
END_TEST

START_TEST(poller_comes_back_when_polls_pay_again)
{
	struct poller p = poller_on(2);

	polls(&p, 10000, false);
	polls(&p, 3 * POLLER_MAX_SKIP, true);
	ck_assert_int_eq(polls(&p, 100, true), 100);
}
END_TEST

START_TEST(poller_leaves_the_cpu_to_others_after_it_was_preempted)
{
	struct poller p = poller_on(2);
	const struct poller_facts preempted = { .n_cpus = 2, .n_preempted = 1 };

	ck_assert_int_eq(polls(&p, 10, true), 10);
	poller_learn(&p, &preempted);
	ck_assert_int_eq(polls(&p, 20, true), 0);
	ck_assert_int_gt(polls(&p, 100, true), 0);
	poller_learn(&p, &preempted);
	ck_assert_int_eq(polls(&p, 10, true), 10);
}
END_TEST

START_TEST(poller_that_loses_its_second_cpu_stops)
{
	struct poller p = poller_on(2);
	const struct poller_facts alone = { .n_cpus = 1 };

	ck_assert_int_eq(polls(&p, 10, true), 10);
	poller_learn(&p, &alone);
	ck_assert_int_eq(polls(&p, 10, true), 0);
}
END_TEST

START_TEST(facts_name_at_least_one_cpu)
{
	struct poller_facts facts = { 0, -1 };

	poller_look_up(0, &facts);
	ck_assert_uint_ge(facts.n_cpus, 1);
	ck_assert_int_ge(facts.n_preempted, 0);
}
END_TEST

/* Each on a CPU of its own: neither is in the other's way. */
START_TEST(facts_of_who_is_bound_count_where_the_broker_may_run)
{
	struct poller_facts alone, both;
	cpu_set_t all, one;
	pid_t broker;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	broker = fork();
	if (broker == 0) {
		pause();
		_exit(0);
	}
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	poller_look_up(0, &alone);
	poller_look_up(broker, &both);
	ck_assert_uint_eq(alone.n_cpus, 1);
	ck_assert_uint_eq(both.n_cpus, (unsigned int)CPU_COUNT(&all));
	kill(broker, SIGKILL);
	waitpid(broker, NULL, 0);
}
END_TEST

SUITE_MAIN("poller", facts_of_who_is_bound_count_where_the_broker_may_run,
	   poller_wants_to_know_the_facts_first_and_then_now_and_again,
	   poller_with_one_cpu_never_polls, poller_that_pays_always_polls,
	   poller_in_vain_polls_ever_more_rarely, poller_comes_back_when_polls_pay_again,
	   poller_leaves_the_cpu_to_others_after_it_was_preempted,
	   poller_that_loses_its_second_cpu_stops, facts_name_at_least_one_cpu)
