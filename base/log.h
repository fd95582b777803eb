/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One line per event, to standard error, with the <N> prefix that journald understands when it is the reader; or to a sink,
 * which may know better what to do with what the line is about.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

/* The values are syslog's. */
enum log_level {
	LOG_L_ERROR = 3,
	LOG_L_WARNING = 4,
	LOG_L_NOTICE = 5,
	LOG_L_INFO = 6,
	LOG_L_DEBUG = 7,
};

/* Lines above this level are dropped; LOG_L_NOTICE at start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* 0, or -EINVAL when the name is none of error, warning, notice, info, debug. */
int log_level_parse(const char *name, enum log_level *out);

/* What a line is about, for whoever looks for such lines; 0 and NULL: nothing of the kind. */
struct log_about {
	uint64_t session;
	uint32_t vcm; /* the session's handle */
	const char *device;
	const char *operation;
};

/* Gets lines that are not dropped, without the end of the line; about is never NULL. */
typedef void (*log_sink_fn)(enum log_level level, const struct log_about *about, const char *line);
/* NULL: standard error, as at start. */
void log_set_sink(log_sink_fn sink);

void log_write(enum log_level level, const char *fmt, ...) _printf_(2, 3);
void log_write_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
	_printf_(3, 4);

/* log_about(LOG_L_WARNING, LOG_ABOUT(.session = 7, .device = "mdp_port0"), "%s: ...", ...) */
#define LOG_ABOUT(...) (&(const struct log_about){ __VA_ARGS__ })
#define log_about(level, about, ...) log_write_about(level, about, __VA_ARGS__)

#define log_error(...) log_write(LOG_L_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_L_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_L_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_L_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_get_level() >= LOG_L_DEBUG)                                                \
			log_write(LOG_L_DEBUG, __VA_ARGS__);                                       \
	} while (0)
