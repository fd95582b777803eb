/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command: one file each, which exports one of these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* the broker said no, or is not there */
	EXIT_USAGE = 2,
};

/* The options that a command may take, as bits. */
enum option_bit {
	OPTION_JSON = 1,
	OPTION_DOT = 2,
	OPTION_RAW = 4,
	OPTION_HEX = 8,
	OPTION_TEXT = 16,
};

/* A command as it was called. */
struct call {
	char *const *args; /* what follows the command's name */
	unsigned int options;
	const char *bytes; /* the value of --hex or --text */
};

struct command {
	const char *name; /* one word, or two */
	const char *synopsis;
	const char *summary;
	unsigned int options;
	size_t n_args, n_optional; /* words that follow; what may be left out is NULL then */
	enum exit_code (*run)(const struct call *call);
};

extern const struct command cmd_dev_read;
extern const struct command cmd_dev_write;
extern const struct command cmd_device_bind;
extern const struct command cmd_device_unbind;
extern const struct command cmd_devices;
extern const struct command cmd_fault_inject;
extern const struct command cmd_fault_list;
extern const struct command cmd_faults;
extern const struct command cmd_graph;
extern const struct command cmd_journal_show;
extern const struct command cmd_journal_verify;
extern const struct command cmd_monitor;
extern const struct command cmd_nodes;
extern const struct command cmd_pools;
extern const struct command cmd_reload;
extern const struct command cmd_session_kill;
extern const struct command cmd_sessions;
extern const struct command cmd_status;
extern const struct command cmd_top;
extern const struct command cmd_who;
