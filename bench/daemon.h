/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real vcmd, as it was built, on a socket of the bench's own.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct daemon {
	pid_t pid;
	char folder[64];
	char socket[128];
};

#define DAEMON_NULL ((struct daemon){ .pid = 0 })

/* A node, whose window is the file that daemon_path(d, "window") names. */
enum daemon_node {
	DAEMON_NO_NODE,
	DAEMON_POLLED_NODE, /* neither rings */
	DAEMON_SOCKET_NODE, /* eventfds are handed out at "node.sock" */
};

#define DAEMON_WINDOW_LEN (1024u * 1024)

struct daemon_plan {
	/* The CPU that it starts on and stays on: it knows of no other, and so never polls. -1: it may run everywhere. */
	int cpu;
	/* The same from outside, once it has started: it polls, and stays there. -1: nothing. */
	int bind;
	unsigned int poll_us;
	unsigned int tlb_entries; /* of both SMMUs */
	enum daemon_node node;
	bool kept; /* what it has outlives it, by a keeper that runs (tests/vcmd/keeper.h) */
};

#define DAEMON_PLAN                                                                                \
	((struct daemon_plan){ .cpu = -1, .bind = -1, .poll_us = 50, .tlb_entries = 64 })

/* Where the programs were built: $VCM_BUILDDIR, or where the bench was. */
const char *daemon_build_folder(void);

/* 0 when it answers, or a negative errno number. All users may connect to it. */
int daemon_start(struct daemon *d, const struct daemon_plan *plan);
/* A file in its folder. */
void daemon_path(const struct daemon *d, const char *name, char path[static 128]);
/* Ends it as systemd does. Safe on DAEMON_NULL. */
void daemon_stop(struct daemon *d);
