/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listening socket: bound by us, or handed over by the service manager. It knows nothing of who connects.
 *
 * A socket file that nobody answers on is replaced; a live one is refused. What was bound is unlinked at the end, if it
 * is still ours. When fds run out, a spare one is used to take connections and close them, so that peers see an end and
 * not a silence.
 */
#pragma once

#include <sys/types.h>

#include "base/reason.h"

/* What the service manager calls the socket that it hands over: vcmd.socket says so. */
#define LISTENER_NAME "listen"

struct loop;
struct listener;

struct listener_config {
	const char *path;
	mode_t mode;
	const char *group; /* NULL: the process's own, and a notice that there is no group vcm */
	int handed; /* a socket from the service manager, used instead of one of our own; -1 */
};

/* fd is the callback's from now on. */
typedef void (*listener_fn)(void *ctx, int fd);

/* The socket that the service manager hands over, which is the caller's; -1: there is none. What listens and has another
 * name is closed, and a warning says so. What does not listen is left alone: it is the fd store's (vcmd/store.h). */
int listener_take_handed(void);

/* 0, or a negative errno with a reason. config->handed is taken on success only, and has to be a listening Unix
 * SOCK_SEQPACKET that is bound to a path; where that is not config->path, a notice says so. A group that we may not give the socket to is a warning: then nobody's group
 * may connect. */
int listener_new(struct loop *loop, const struct listener_config *config, listener_fn fn, void *ctx,
		 struct listener **out, struct reason *why);
struct listener *listener_free(struct listener *l);
/* Where it listens, for people. */
const char *listener_name(const struct listener *l);
