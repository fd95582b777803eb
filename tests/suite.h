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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUITE_TIMEOUT 60 /* seconds a case; CK_TIMEOUT_MULTIPLIER stretches it */

#ifndef __has_feature /* clang's way to say what gcc defines */
#define __has_feature(x) 0
#endif
/* Built with a sanitizer: malloc() is its own then, and what was freed stays resident for a while. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SUITE_IS_SANITIZED true
#else
#define SUITE_IS_SANITIZED false
#endif

/* How often to do what may be done less often where each time takes longer: n, or that part of it. */
static inline unsigned int suite_scaled(unsigned int n, unsigned int sanitized,
					unsigned int valgrind)
{
	return n / (getenv("VCM_UNDER_VALGRIND") ? valgrind : SUITE_IS_SANITIZED ? sanitized : 1);
}

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
