// SPDX-License-Identifier: BSD-3-Clause
#include "base/files.h"

#include <sys/resource.h>

#include "tests/suite.h"

static void limit(rlim_t n)
{
	struct rlimit files;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
}

START_TEST(a_part_is_left)
{
	limit(160);
	ck_assert(files_leave(149, 16, 1000)); /* 150 are taken, 10 are left */
	ck_assert(!files_leave(150, 16, 1000));
}
END_TEST

START_TEST(no_more_than_the_most_is_left)
{
	limit(160);
	ck_assert(files_leave(155, 16, 4));
	ck_assert(!files_leave(156, 16, 4));
}
END_TEST

START_TEST(of_few_none_is_left)
{
	limit(15);
	ck_assert(files_leave(14, 16, 4));
}
END_TEST

SUITE_MAIN("files", a_part_is_left, no_more_than_the_most_is_left, of_few_none_is_left)
