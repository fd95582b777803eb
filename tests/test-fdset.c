// SPDX-License-Identifier: BSD-3-Clause
#include "base/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/suite.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int fd_new(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(fdset_closes_what_nobody_took)
{
	struct fdset set = FDSET_NULL;
	int kept = fd_new(), taken = fd_new();

	ck_assert_int_eq(fdset_add(&set, kept), 0);
	ck_assert_int_eq(fdset_add(&set, taken), 0);
	ck_assert_int_eq(fdset_take(&set, 1), taken);
	fdset_deinit(&set);
	ck_assert(!is_open(kept));
	ck_assert(is_open(taken));
	close(taken);
}
END_TEST

START_TEST(fdset_gives_each_fd_once)
{
	struct fdset set = FDSET_NULL;
	int fd = fd_new();

	ck_assert_int_eq(fdset_add(&set, fd), 0);
	ck_assert_int_eq(fdset_take(&set, 0), fd);
	ck_assert_int_eq(fdset_take(&set, 0), -1);
	fdset_deinit(&set);
	ck_assert(is_open(fd));
	close(fd);
}
END_TEST

START_TEST(fdset_has_nothing_beyond_its_end)
{
	struct fdset set = FDSET_NULL;

	ck_assert_int_eq(fdset_take(&set, 0), -1);
	ck_assert_int_eq(fdset_take(&set, FDSET_MAX), -1);
	ck_assert_int_eq(fdset_take(&set, SIZE_MAX), -1);
}
END_TEST

START_TEST(fdset_that_is_full_leaves_the_fd_to_the_caller)
{
	struct fdset set = FDSET_NULL;
	int fd = fd_new();

	for (size_t i = 0; i < FDSET_MAX; i++)
		ck_assert_int_eq(fdset_add(&set, fd_new()), 0);
	ck_assert_int_eq(fdset_add(&set, fd), -ENOSPC);
	ck_assert_uint_eq(set.n_fds, FDSET_MAX);
	fdset_deinit(&set);
	ck_assert(is_open(fd));
	close(fd);
}
END_TEST

START_TEST(fdset_can_be_cleaned_twice_and_filled_again)
{
	struct fdset set = FDSET_NULL;
	int fd;

	fdset_deinit(&set);
	ck_assert_int_eq(fdset_add(&set, fd_new()), 0);
	fdset_deinit(&set);
	fdset_deinit(&set);
	fd = fd_new();
	ck_assert_int_eq(fdset_add(&set, fd), 0);
	ck_assert_uint_eq(set.n_fds, 1);
	ck_assert_int_eq(fdset_take(&set, 0), fd);
	fdset_deinit(&set);
	close(fd);
}
END_TEST

SUITE_MAIN("fdset", fdset_closes_what_nobody_took, fdset_gives_each_fd_once,
	   fdset_has_nothing_beyond_its_end, fdset_that_is_full_leaves_the_fd_to_the_caller,
	   fdset_can_be_cleaned_twice_and_filled_again)
