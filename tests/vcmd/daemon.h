/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon as a process of its own, on a socket of its own. It ends with its parent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/vcmd/peer.h"

struct daemon {
	pid_t pid;
	char folder[64], socket[96];
	int janitor; /* a pipe: when nobody has it any more, the folder goes */
};

/* Returns when it serves. config: a configuration; two users who do not exist, ALICE and BOB, should be let in by it. */
void daemon_start(struct daemon *d, const char *config);
/* Asserts that it is still there, and that it ends well. */
void daemon_stop(struct daemon *d);
/* A connection before hello, and after. */
struct peer *daemon_connect(const struct daemon *d);
struct peer *daemon_peer(const struct daemon *d);
size_t daemon_count_fds(const struct daemon *d);
/* KB of resident memory. */
size_t daemon_resident(const struct daemon *d);
/* A column of the status. */
uint64_t peer_status(struct peer *p, unsigned int column);
/* Asks until no session is left but the peer's own, and asserts that they have left nothing. */
void peer_await_nothing(struct peer *p);

/* Becomes another user, for good. */
void become(uid_t uid);
