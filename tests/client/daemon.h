/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real daemon, as it was built, on a socket of its own, with a configuration of the test's own.
 */
#pragma once

#include <sys/types.h>

struct daemon {
	pid_t pid;
	char dir[64];
};

/*
 * Starts it, and returns when it says that it is ready; sets $VCM_SOCKET. config: the text of its configuration file.
 * Exits the program when it cannot be started: then no test makes sense.
 */
void daemon_start(struct daemon *d, const char *config);
/* Ends it: it must have been alive, and must end by itself. Removes what it left. -1 when something was wrong. */
int daemon_stop(struct daemon *d);
