/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session of a caller on the bus: the transport of a client of the broker, which makes messages of calls, and replies and
 * signals of messages.
 *
 * It belongs to the peer that opened it and ends with it. One that was opened as shared can be used by other peers of the
 * same user too, at its own path.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/reason.h"
#include "proto/message.h"

struct bus;
struct bus_call;
struct bus_peer;
struct client;

struct bus_session {
	LIST_ENTRY(bus_session) link; /* of the bus */
	struct bus *bus;
	struct bus_peer *owner;
	struct client *client;
	uint64_t id; /* 0: not yet */
	uint8_t token[PROTO_TOKEN_LEN];
	uint64_t serial; /* of the last request; the upper half is the last ticket */
	uint64_t seen;   /* answers up to this serial need not be kept; UINT64_MAX: none need */
	uint64_t last_ticket; /* as a serial; of the connection */
	bool shared, closing;
	bool in_use; /* whoever set it frees it, when it has no client any more */
	unsigned int n_pauses;
	uint64_t n_calls;       /* of both lists */
	const char *over;       /* why it is to go; a literal. */
	uint32_t next_handle;   /* none below is free, as far as we know */
	sd_bus_message *holder; /* a call that is answered when the session ends; NULL */
	int status;             /* of the hello */
	struct reason why;
	TAILQ_HEAD(bus_call_list, bus_call) calls; /* under way */
	struct bus_call_list held;                 /* come while the session is paused, in order */
};

struct bus_opening {
	const char *name; /* "": the peer's */
	bool shared;
	uint64_t id; /* to be resumed, with its token; 0: a new one */
	uint8_t token[PROTO_TOKEN_LEN];
};

/* Becomes the peer's own. 0, or a negative errno with the reason. */
int bus_session_open(struct bus_peer *p, const struct bus_opening *opening, struct reason *why);
/* Its owner could not be told of it: it ends, and another one can be opened. */
void bus_session_untold(struct bus_session *s);
/* The owner has vanished, and so do its sessions: the one it has, and one that it has just closed. */
void bus_session_owner_gone(struct bus_peer *p);
/* The sessions that are over go, and calls that were held are made; from the loop. */
void bus_session_later(void *ctx);
/* The one with that id; NULL. */
struct bus_session *bus_session_find(struct bus *bus, uint64_t id);
/* Its owner may, and, when it is shared, everybody of the same user. */
bool bus_session_may_use(const struct bus_session *s, const struct bus_peer *p);
/*
 * One request. The call is taken over: it is answered, now or later. s may be over afterwards, but is not gone before the
 * loop has its turn.
 */
void bus_session_request(struct bus_session *s, struct bus_call *call, const struct op *ops,
			 size_t n_ops);
/*
 * What is to be carried out once, whatever happens to the broker: the call has a ticket of the caller's, and what it was answered
 * is kept until the caller says that it has `seen` the answers up to a ticket. 1: it was carried out before, and has been
 * answered so; 0: the request is to be made; or a negative errno with the reason. Tickets only grow.
 */
int bus_session_take_ticket(struct bus_session *s, struct bus_call *call, uint32_t ticket,
			    uint32_t seen, struct reason *why);
/* A handle that is free. */
uint32_t bus_session_pick(struct bus_session *s);
/* A handle has become free. */
void bus_session_unpick(struct bus_session *s, uint32_t handle);
