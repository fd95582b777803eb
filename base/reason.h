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

/*
 * Writes the reason and is err, so that `return refuse(why, -EBUSY, "...")` reads as it means. why may be NULL.
 * A macro, so that whoever reads the caller, compiler or checker, sees that it is err.
 */
#define refuse(why, err, ...)                                                                      \
	__extension__({                                                                            \
		int _err = (err);                                                                  \
		reason_write((why), __VA_ARGS__);                                                  \
		_err;                                                                              \
	})

void reason_write(struct reason *why, const char *fmt, ...) _printf_(2, 3);
