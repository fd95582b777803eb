/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a client is reached: what a session needs of whatever carries its packets. vcmd/link.h is the one over sockets.
 *
 * The owner of what is behind ctx calls client_packet() for each packet that comes, and client_gone(), once, from the loop
 * and never from within one of these calls, when none can come any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vcmd/replies.h"

/* Whom the rules of the configuration are asked about. */
struct transport_peer {
	pid_t pid; /* 0: no process of this machine */
	uid_t uid;
	gid_t gid;
	gid_t *gids; /* all of them, gid included */
	size_t n_gids;
};

struct transport {
	bool no_fds;        /* none can travel: the client's address space cannot be shown memory */
	bool fleeting;      /* a session ends when the broker does: its client starts anew */
	bool is_configured; /* by name: nobody asks whether its clients have access */
	/* One packet, sent or queued; duplicates of fds travel along. 0; -ENOMEM; -EPIPE when the peer is going. */
	int (*send)(void *ctx, const void *buf, size_t len, const int *fds, size_t n_fds);
	int (*send_event)(void *ctx, const void *buf, size_t len);
	/* The client's end of a way for events, once; the caller closes it. -EOPNOTSUPP: they come with the replies. */
	int (*open_events)(void *ctx);
	/* Ends the connection: client_gone() will be called, with why, which must be a literal. */
	void (*break_off)(void *ctx, const char *why);
	/* Stops, and starts again, listening to requests, in nested calls' sum. */
	void (*pause)(void *ctx);
	void (*resume)(void *ctx);
	const struct transport_peer *(*peer)(const void *ctx);
	/* Which answers are kept for whoever asks again, that to this serial among them; NULL: the latest. */
	enum replies_keep (*keeps)(uint64_t serial);
	/* The client needs it no more; called once. */
	void (*close)(void *ctx);
	/* Everything of the client has been taken back; NULL: nobody cares. After close(). */
	void (*ended)(void *ctx);
};
