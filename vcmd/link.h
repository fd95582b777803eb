/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client's connection: packets in, packets and fds out, over SOCK_SEQPACKET. It knows nothing of what they mean.
 *
 *	request socket	<->	packets of at most PROTO_MAX_MESSAGE bytes, whole or not at all
 *	event socket	 ->	made at the start, its other end goes out with the first packet (link_open_events)
 *
 * A slow peer costs only itself: what it does not read is queued up to a bound, and from the bound on nothing more is
 * read from it; a peer that does not read its events loses the link.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vcmd/transport.h"

struct loop;
struct link;

struct link_handler {
	/* One packet. */
	void (*packet)(void *ctx, const void *buf, size_t len);
	/* The peer has gone, or broke the rules of the transport. Called once; the link is to be freed by its owner, in this
	 * call or later. */
	void (*gone)(void *ctx, const char *why);
};

/* Takes fd on success only. */
int link_new(struct loop *loop, int fd, const struct link_handler *handler, void *ctx,
	     struct link **out);
struct link *link_free(struct link *l);
const struct transport_peer *link_peer(const struct link *l);

/* Sends or queues one packet; duplicates of fds travel along, the caller keeps its own. 0; -ENOMEM; -EPIPE when the link
 * is going (gone() has been or will be called). */
int link_send(struct link *l, const void *buf, size_t len, const int *fds, size_t n_fds);
/* Ends the connection: gone() will be called, with why, which must be a literal. */
void link_break(struct link *l, const char *why);
/* The client's end of the event socket, once; the caller closes it. A negative errno otherwise. */
int link_open_events(struct link *l);
int link_send_event(struct link *l, const void *buf, size_t len);
/* Stops (and starts again) reading requests, in nested calls' sum: the session has as many in flight as it may. */
void link_pause(struct link *l);
void link_resume(struct link *l);
