// SPDX-License-Identifier: BSD-3-Clause
#include "base/cleanup.h"

#include <fcntl.h>

#include "tests/suite.h"

struct thing {
	int n_freed;
};

static void thing_free(struct thing *thing)
{
	thing->n_freed++;
}

CLEANUP_DEFINE(struct thing *, thing_free)

START_TEST(owner_that_leaves_scope_frees_once)
{
	struct thing thing = { 0 };

	{
		_cleanup_(thing_freep) _unused_ struct thing *owner = &thing;
	}
	ck_assert_int_eq(thing.n_freed, 1);
}
END_TEST

START_TEST(owner_of_nothing_frees_nothing)
{
	_cleanup_(thing_freep) _unused_ struct thing *owner = NULL;
	_cleanup_(fd_closep) _unused_ int fd = -1;
}
END_TEST

START_TEST(stolen_pointer_is_not_freed_by_the_loser)
{
	struct thing thing = { 0 }, *winner;

	{
		_cleanup_(thing_freep) struct thing *loser = &thing;

		winner = STEAL_PTR(loser);
		ck_assert_ptr_null(loser);
	}
	ck_assert_ptr_eq(winner, &thing);
	ck_assert_int_eq(thing.n_freed, 0);
}
END_TEST

START_TEST(stolen_fd_stays_open)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), winner;

	ck_assert_int_ge(fd, 0);
	{
		_cleanup_(fd_closep) int loser = fd;

		winner = steal_fd(&loser);
		ck_assert_int_eq(loser, -1);
	}
	ck_assert_int_eq(winner, fd);
	ck_assert_int_ge(fcntl(winner, F_GETFD), 0);
	fd_closep(&winner);
	ck_assert_int_eq(winner, -1);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
}
END_TEST

SUITE_MAIN("cleanup", owner_that_leaves_scope_frees_once, owner_of_nothing_frees_nothing,
	   stolen_pointer_is_not_freed_by_the_loser, stolen_fd_stays_open)
