// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum log_level max_level = LOG_L_NOTICE;

static const struct {
	const char *name;
	enum log_level level;
} names[] = {
	{ "error", LOG_L_ERROR }, { "warning", LOG_L_WARNING }, { "notice", LOG_L_NOTICE },
	{ "info", LOG_L_INFO },   { "debug", LOG_L_DEBUG },
};

void log_set_level(enum log_level level)
{
	max_level = level;
}

enum log_level log_get_level(void)
{
	return max_level;
}

int log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i].name)) {
			*out = names[i].level;
			return 0;
		}
	return -EINVAL;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	if (level > max_level)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* What a peer chose to be called must not forge a second line. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "%s\n", line);
}
