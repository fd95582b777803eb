/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the daemon: how it is reached, the session of the graph that goes with it, and what is under way for it.
 *
 *	NEW --hello--> LIVE --bye, or the link has gone--> ENDING --all is taken back--> (freed, or OVER until the link goes)
 *	 |			/		 |
 *	 +--hello of a session-+   WAITING --the grace is over
 *
 * WAITING has no link: its session outlived the broker before this one. A hello that shows its token (vcmd/resume.h) is of a NEW
 * client, which takes the session.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log-limit.h"
#include "base/reason.h"
#include "graph/user.h"
#include "proto/message.h"
#include "vcmd/config.h"
#include "vcmd/replies.h"

struct answer;
struct broker;
struct copy;
struct device;
struct pending;
struct link_handler;
struct loop_idle;
struct loop_timer;
struct session;
struct transaction;
struct transport;
struct transport_peer;

enum client_state {
	CLIENT_NEW,
	CLIENT_WAITING,
	CLIENT_LIVE,
	CLIENT_ENDING,
	CLIENT_OVER,
};

/* Which arenas' fds the client was sent lately: it keeps them, and asks again when it does not. */
#define CLIENT_GIVEN 64

struct hook {
	LIST_ENTRY(hook) link;
	uint32_t device;
};

struct client {
	TAILQ_ENTRY(client) entry;
	struct broker *broker;
	const struct transport *transport;
	void *link;  /* behind the transport; NULL once it has gone */
	void *owner; /* the same, for ended() */
	struct session *session;
	enum client_state state;
	char name[PROTO_MAX_NAME + 1];
	pid_t pid;
	uid_t uid;
	gid_t gid;
	bool is_nodes;               /* nobody can go on with it after the broker's end */
	struct config_limits limits; /* those of its user, as they were when it came */
	uint32_t max_message, max_ops, max_data; /* of one message, either way */
	uint64_t last_serial, bye_serial;
	uint8_t token[PROTO_TOKEN_LEN]; /* by which it is known again after a restart of the broker */
	struct replies replies;
	uint64_t sent_before; /* on an earlier connection, up to this serial: it may have been carried out */
	uint64_t last_changed; /* the last serial that changed something */
	bool over;       /* killed, or restored and was being taken back: nobody can resume it */
	bool incomplete; /* restored, and not all of it: what its client believes to have may be lost */
	unsigned int granted; /* rights that somebody else has given the next request, and it alone */
	uint64_t n_requests, n_refused;
	uint64_t in_flight;           /* requests that wait */
	uint64_t n_holding;           /* those of them that hold the client up */
	uint64_t given[CLIENT_GIVEN]; /* an arena's id * 2, + 1 when it may be written */
	LIST_HEAD(, hook) hooks;
	LIST_HEAD(, transaction) transactions; /* that wait */
	LIST_HEAD(, copy) copies;
	LIST_HEAD(, pending) pendings; /* requests whose memory is on its way into the store */
	struct loop_idle *reclaim;     /* while ENDING */
	struct loop_timer *retry;
	struct log_limit laments;     /* of retries */
	struct loop_timer *grace;     /* while WAITING; NULL otherwise */
	TAILQ_ENTRY(client) stranger; /* while it has no session and a socket: NEW, or OVER */
	struct loop_timer *deadline;  /* of a stranger */
};

/* Over a socket; and what its link is to call. */
extern const struct transport client_over_link;
extern const struct link_handler client_link_handler;

/* Takes fd, or closes it. */
void client_accept(struct broker *b, int fd);
/*
 * A client that comes another way. NULL without memory; then link stays the caller's. Whether it may connect is the
 * caller's to know.
 */
struct client *client_new(struct broker *b, const struct transport *transport, void *link);
/* A packet of the client. c may be gone afterwards. */
void client_packet(struct client *c, const void *buf, size_t len);
/* An event that is no fault: what has become of the session. */
void client_notice(struct client *c, int status, const char *reason);
/* Its session ends as if it had died, without a grace; by whom is for the log. */
void client_kill(struct client *c, const struct client *by);
/* No more packets can come: the session ends. c is gone afterwards, or will be when all has been taken back. */
void client_gone(struct client *c, const char *why);
/* A session that outlived the broker before: it waits for its client. Who that is, is for the caller to fill in. NULL without
 * memory. */
struct client *client_restore(struct broker *b, struct session *s);
/* The session of one that is LIVE or WAITING ends. c may be gone afterwards. */
void client_end(struct client *c);
/* One whose session is another's now. */
void client_discard(struct client *c);
/* What the configuration allows its user. */
struct limits client_limits(const struct client *c);
/* The same of a user; root may have anything. */
struct limits client_limits_for(const struct config_limits *l, uid_t uid);
/* The end of the daemon: everything is taken back now; or, when another one follows (broker->leaving), let go of. */
void client_finish(struct client *c);

/* Nobody is there any more to be sent anything. */
void client_close_link(struct client *c);
/* It has a session now, and all the time that it wants. */
void client_settle(struct client *c);
/* Those who follow sessions are told that its session has begun, or is over. */
void client_announce(const struct client *c, bool begun);
/* 0 outside a session. */
uint64_t client_session_id(const struct client *c);

/* The first packet of a client (vcmd/hello.c). 0, or -EPROTO. */
int client_hello(struct client *c, const struct request *req, struct reason *why);
/* A request has been served: one that said goodbye ends the session. c may be gone afterwards. */
void client_after_request(struct client *c);
/* Arenas' fds are sent again: the client has dropped some. */
void client_forget_given(struct client *c);

/* Sends the answer of a request, now or after it has waited. The caller's answer is not kept. */
void client_reply(struct client *c, uint64_t serial, const struct answer *a);
/* The same with one value, with data, or with a status, and nothing else. */
void client_reply_value(struct client *c, uint64_t serial, uint64_t value);
void client_reply_data(struct client *c, uint64_t serial, const void *data, size_t len);
/* reason may be NULL. */
void client_reply_short(struct client *c, uint64_t serial, int status, const char *reason);
/* What a request was answered that comes again. */
void client_reply_kept(struct client *c, const struct reply_kept *kept);
void client_event(struct client *c, const struct fault_event *event);
/*
 * A request starts, or stops, to wait. holds: it ends without the client's help, so that the client may be made to wait
 * for it when it has as many as it may; a fault handler's requests must get through.
 */
void client_park(struct client *c, bool holds);
void client_unpark(struct client *c, bool holds);

bool client_has_hook(const struct client *c, uint32_t device);
/* 0, -ENOMEM. */
int client_set_hook(struct client *c, uint32_t device, bool set);
/* Whether the answer to this serial may be asked for again, whatever happens meanwhile. */
enum replies_keep client_keeps(const struct client *c, uint64_t serial);
const struct transport_peer *client_peer(const struct client *c);
/* The client of a session of the graph. */
struct client *client_of(const struct session *s);
