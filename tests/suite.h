/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every libcheck program shares: its main, and how a case says that it cannot run here.
 *
 *	START_TEST(range_reaches_the_last_byte) { ... } END_TEST
 *
 *	SUITE_MAIN("range", range_reaches_the_last_byte, range_is_never_empty)
 */
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUITE_TIMEOUT 60 /* seconds a case; CK_TIMEOUT_MULTIPLIER stretches it */

/* cases ends with NULL. 0 when every case passed. Each runs in its own process, unless CK_FORK=no. */
static inline int suite_run(const char *name, const TTest *const *cases)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	for (; *cases; cases++)
		tcase_add_test(tcase, *cases);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define SUITE_MAIN(name, ...)                                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const cases[] = { __VA_ARGS__, NULL };                                \
                                                                                                   \
		return suite_run(name, cases);                                                     \
	}

/* Leaves the case, which ./dev test counts as skipped: `if (geteuid()) SUITE_SKIP("needs root");` */
#define SUITE_SKIP(why)                                                                            \
	do {                                                                                       \
		printf("SKIP: %s: %s\n", __func__, (why));                                         \
		fflush(stdout);                                                                    \
		return;                                                                            \
	} while (0)
