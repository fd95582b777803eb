// SPDX-License-Identifier: BSD-3-Clause
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>

void reason_write(struct reason *why, const char *fmt, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
}
