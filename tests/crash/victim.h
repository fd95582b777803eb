/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon that is struck: one of the test's own, with a keeper and a bus of its own, or a systemd's.
 *
 *	how	own				a unit
 *	----------------------------------------------------------------------
 *	kill	SIGKILL				systemctl kill
 *	abort	SIGABRT				the same
 *	restart	SIGTERM, and another one	systemctl restart
 *	upgrade	the same, of the other program	the same, once `prepare` has put the other program there
 *	hang	-				SIGSTOP, until the watchdog ends it
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

enum victim_how {
	VICTIM_KILL,
	VICTIM_ABORT,
	VICTIM_RESTART,
	VICTIM_UPGRADE,
	VICTIM_HANG,
	N_VICTIM_HOWS,
};

struct victim_options {
	const char *vcmd,
		*next;       /* programs; next: of another release, which takes turns with vcmd */
	const char *unit;    /* instead of them */
	const char *prepare; /* a command before each blow, with $ROUND; NULL */
	enum victim_how how;
};

/* The name of a way. */
extern const char *const victim_hows[N_VICTIM_HOWS];

/* What its configuration must have, so that the clients find their devices and memory: a unit's has it already. */
void victim_print_config(FILE *f);
/* It runs. */
void victim_begin(const struct victim_options *which);
/* It is ended, and another one is started, or will be. */
void victim_strike(unsigned int round);
/* The address of the bus that it is on; "": the system's; NULL: there is none. */
const char *victim_bus(void);
/* fork(), and in the child nothing that is the daemon's. */
pid_t victim_fork(void);
/* What it has open beside what is kept for it, and what that is. */
struct victim_fds {
	unsigned int open, kept;
};
struct victim_fds victim_count_fds(void);
/* One of the test's own ends well. */
void victim_end(void);
