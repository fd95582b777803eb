/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker that was restarted knows the session, and waits for it: how a session finds it again. The library notices that the
 * connection has ended, by a call that waits or by its event channel, and does this on its own.
 *
 *	connect -> hello (session, token) -> welcome, a new event channel
 *	   |_________________|________________|
 *		nobody there, or the broker went away again: wait for the socket's folder to change, or a moment
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/reason.h"
#include "libvcmclient/connection.h"
#include "proto/message.h"

struct session;

struct resume {
	char path[PROTO_MAX_NAME + 64]; /* of the socket; longer ones do not fit into an address */
	uint64_t session;
	uint8_t token[PROTO_TOKEN_LEN];
	uint32_t grace;       /* ms; 0: the session ends with its connection */
	int poke_fd;          /* an eventfd: patience has changed */
	atomic_uint patience; /* ms: how long to look for the broker */
};

/* A session that has been welcomed may be resumed. 0, or what eventfd() says. */
int resume_init(struct resume *r, const char *path, const struct welcome *welcome);
/* Sessions that cannot be resumed are fine. */
void resume_deinit(struct resume *r);
/* Whoever looks for the broker gives up after so many ms. */
void resume_hurry(struct resume *r, unsigned int ms);

/*
 * Looks for the broker, and says hello as session s. Out: the new connection; the event channel is s's already.
 * -ETIMEDOUT; -ESTALE or what else the broker says to it; -EPROTO; -EMFILE; -ENOMEM.
 */
int resume_find(struct session *s, const struct connection_lost *lost, int *out_fd,
		struct reason *why);
