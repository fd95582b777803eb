/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket to the broker: requests go out, replies come back in any order, to many threads at once.
 *
 * No thread of the library's stands between: whoever waits reads. Of all that wait one leads: it reads the socket, hands to
 * the others what is theirs, and hands the lead on when its own reply is there. A leader that finds the broker quick polls
 * for a moment before it sleeps (libvcmclient/poller.h).
 *
 * When the connection breaks, everyone that waits gets -ECONNRESET (-EPROTO when the broker talked nonsense), and everyone
 * that comes later -ENOTCONN.
 *
 * With a finder (connection_set_finder()), the end of the socket does not break it: it is down. The leader, once it has read
 * all that was still to be read, finds the broker again; what was asked and not answered is sent again, as it was; and nobody
 * who waits has noticed. What has been asked WITHDRAW_AFTER times without an answer to anything may be what ends
 * brokers, and is withdrawn (libvcmclient/withdraw.h).
 *
 *	UP --the socket has ended--> DOWN --found--> UP
 *	 |__________________________|____________________ broken
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/reason.h"
#include "libvcmclient/packet.h"
#include "proto/message.h"

struct connection;

/* Takes fd, a connected SOCK_SEQPACKET socket, on success. NULL without memory. */
struct connection *connection_new(int fd);
/* Nobody waits any more (asserted). Returns NULL; NULL is fine. */
struct connection *connection_free(struct connection *c);
CLEANUP_DEFINE(struct connection *, connection_free)

/* What bounds a request; PROTO_MAX_MESSAGE before. */
void connection_set_max_message(struct connection *c, size_t len);
/* Whether to poll before sleeping, where it pays. On at start. */
void connection_set_polling(struct connection *c, bool is_on);

/*
 * A second fd that those who wait watch too: when it is readable, ready(ctx) is called without any lock, by one of them.
 * Each asks first whether it shall, wants(ctx), with the lock held: that only looks. When the leader does not, those who do
 * watch it beside the leader. When ready() says that it is busy (false), the thread waits for its reply alone. -1: none.
 */
struct connection_side {
	int fd;
	bool (*wants)(void *ctx);
	bool (*ready)(void *ctx);
	void *ctx;
};
void connection_set_side(struct connection *c, const struct connection_side *side);

/* What a new connection begins with. */
struct connection_lost {
	uint64_t answered; /* every request up to this serial */
	uint64_t sent;     /* the last serial that was sent */
};

struct connection_finder {
	/* Out: a new socket, on which the first request may be sent. Called without any lock, by one at a time. 0, or why not:
	 * then the connection breaks. */
	int (*find)(void *ctx, const struct connection_lost *lost, int *out_fd, struct reason *why);
	void *ctx;
};
void connection_set_finder(struct connection *c, const struct connection_finder *finder);
/* Whether the end of the socket would not be, or is not, its end. */
bool connection_is_revivable(struct connection *c);

/*
 * Sends a request (its serial and ack are filled in here) and waits for the reply, whose status is not looked at.
 * Out: the packet with the reply, which goes back through connection_put().
 * 0; -ENOTCONN, -ECONNRESET, -EPROTO as above; -EMSGSIZE it is too long; -ENOMEM.
 */
int connection_request(struct connection *c, const struct request *request, struct packet **out,
		       struct reason *why);
void connection_put(struct connection *c, struct packet *packet);

/* Breaks it: whoever waits fails with err, those who come later with -ENOTCONN. The first break counts. */
void connection_break(struct connection *c, int err, const char *text);
/* Why it broke, or 0. */
int connection_error(struct connection *c);
/* For who sends nothing: 0, or -ENOTCONN when it is broken, also when nobody has noticed. */
int connection_check(struct connection *c, struct reason *why);

/* In a forked child: closes the child's copy of the socket. The parent's connection is not touched. */
void connection_forked(struct connection *c);
