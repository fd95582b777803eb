/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real vcmd, as it was built, on a socket of the bench's own.
 */
#pragma once

#include <limits.h>
#include <sys/types.h>

struct daemon {
	pid_t pid;
	char folder[64];
	char socket[128];
};

#define DAEMON_NULL ((struct daemon){ .pid = 0 })

struct daemon_plan {
	/* The CPU that it starts on and stays on: it knows of no other, and so never polls. -1: it may run everywhere. */
	int cpu;
	/* The same from outside, once it has started: it polls, and stays there. -1: nothing. */
	int bind;
	unsigned int poll_us;
	unsigned int tlb_entries; /* of both SMMUs */
};

#define DAEMON_PLAN                                                                                \
	((struct daemon_plan){ .cpu = -1, .bind = -1, .poll_us = 50, .tlb_entries = 64 })

/* Where the programs were built: $VCM_BUILDDIR, or where the bench was. */
const char *daemon_build_folder(void);

/* 0 when it answers, or a negative errno number. All users may connect to it. */
int daemon_start(struct daemon *d, const struct daemon_plan *plan);
/* Ends it as systemd does. Safe on DAEMON_NULL. */
void daemon_stop(struct daemon *d);
