// SPDX-License-Identifier: BSD-3-Clause
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct reason *why, int err, const char *fmt, ...)
{
	va_list args;

	if (!why)
		return err;
	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return err;
}
