/* SPDX-License-Identifier: BSD-3-Clause */
/* The cases of a program that runs in a guest: a line each, "ok" or "FAIL", as guest-lib.sh counts them. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <vcm/vcm.h>

static bool case_failed;
static int n_failed;

/* One condition of a case, told where it fails. */
#define expect(what)                                                                               \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			case_failed = true;                                                        \
			printf("     line %d: %s: %s\n", __LINE__, #what, vcm_last_error());       \
		}                                                                                  \
	} while (0)

/* What the rest of the program cannot do without. */
#define need(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("FAIL line %d: %s: %s\n", __LINE__, #what, vcm_last_error());       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static inline void end_case(const char *name)
{
	printf("%s %s\n", case_failed ? "FAIL" : "ok  ", name);
	fflush(stdout);
	n_failed += case_failed;
	case_failed = false;
}
