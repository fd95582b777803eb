// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_stderr(enum log_level level, const struct log_about *about, const char *line);

static enum log_level max_level = LOG_L_NOTICE;
static log_sink_fn current_sink = write_stderr;

static const struct {
	const char *name;
	enum log_level level;
} names[] = {
	{ "error", LOG_L_ERROR }, { "warning", LOG_L_WARNING }, { "notice", LOG_L_NOTICE },
	{ "info", LOG_L_INFO },   { "debug", LOG_L_DEBUG },
};

static void write_stderr(enum log_level level, const struct log_about *about _unused_,
			 const char *line)
{
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "%s\n", line);
}

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

void log_set_sink(log_sink_fn sink)
{
	current_sink = sink ? sink : write_stderr;
}

static void write_line(enum log_level level, const struct log_about *about, const char *fmt,
		       va_list args) __attribute__((format(printf, 3, 0)));

static void write_line(enum log_level level, const struct log_about *about, const char *fmt,
		       va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	/* What a peer chose to be called must not forge a second line. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	current_sink(level, about, line);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > max_level)
		return;
	va_start(args, fmt);
	write_line(level, &(const struct log_about){ 0 }, fmt, args);
	va_end(args);
}

void log_write_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
{
	va_list args;

	if (level > max_level)
		return;
	va_start(args, fmt);
	write_line(level, about, fmt, args);
	va_end(args);
}
