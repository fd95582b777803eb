/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a request was refused, in words for the person who sent it: which object, which rule, what to do.
 */
#pragma once

#include "base/cleanup.h"

#define REASON_MAX 240 /* bytes with the final 0 */

struct reason {
	char text[REASON_MAX];
};

/* Writes the reason and returns err, so that `return refuse(why, -EBUSY, "...")` reads as it means. why may be NULL. */
int refuse(struct reason *why, int err, const char *fmt, ...) _printf_(3, 4);
