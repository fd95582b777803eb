/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The broker: the graph, the memory and the machine together, and the clients that share them.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log-limit.h"
#include "base/reason.h"
#include "graph/plan.h"
#include "vcmd/pending.h"
#include "vcmd/restore.h"

struct client;
struct codec;
struct config;
struct copies;
struct faults;
struct graph;
struct journal;
struct loop;
struct loop_idle;
struct machine;
struct memory;
struct monitor;
struct nodes;
struct session;
struct store;

TAILQ_HEAD(client_list, client);

/* The stages of a request that can fail, for tests that make them. */
enum stage {
	STAGE_NONE,
	STAGE_AUTHORISE,
	STAGE_PLAN,
	STAGE_PROGRAM,
	STAGE_JOURNAL,
};

struct broker {
	struct loop *loop;
	struct config *config; /* a reference */
	struct graph *graph;
	struct memory *memory;
	struct machine *machine;
	struct store *store;     /* NULL: none */
	struct journal *journal; /* NULL: nothing outlives this process */
	struct faults *faults;
	struct monitor *monitor;
	struct nodes *nodes;
	struct codec *codec;   /* of the request under way */
	struct codec *encoder; /* of what is sent, which may be while a request is under way */
	struct plan plan;
	struct answer *answer; /* of the request under way */
	void *out;             /* PROTO_MAX_MESSAGE bytes for encoding */
	struct client_list clients;
	struct loop_idle *chores; /* memory that is filled or given back in idle moments */
	/* Called when the graph has changed, or who is connected; NULL: nobody asks. */
	void (*changed)(void *ctx);
	void *changed_ctx;
	struct restore_report restored;
	bool leaving; /* another broker follows: what is in use stays as it is */
	/* Reads the configuration anew: 0, or a negative errno with the reason. NULL: it cannot be. */
	int (*reload)(void *ctx, struct reason *why);
	void *reload_ctx;
	struct pendings pendings;
	struct client_list strangers; /* connections without a session, oldest first */
	struct log_limit
		complaints;   /* of clients that break the protocol: each can come again at once */
	uint64_t last_stored; /* the number of the last arena that was put into the store */
	uint64_t started_ns;
	uint64_t n_clients, n_requests, n_refused, n_quarantined;
	/* Whoever wants to know that a session has begun, or has been taken back (gone); NULL. */
	void (*on_session)(void *ctx, const struct session *s, bool gone);
	void *on_session_ctx;
	enum stage fail_stage; /* tests: the stage that fails next, once */
};

/* Takes what config describes into service, and takes up what the store has of an earlier broker. loop and store outlive the
 * broker, which has a reference to config of its own; store may be NULL. NULL with the reason. */
struct broker *broker_new(struct loop *loop, struct config *config, struct store *store,
			  struct reason *why);
/* Everything of every client is taken back; or, when somebody keeps it for the next broker, let go of. Returns NULL; NULL is
 * fine. */
struct broker *broker_free(struct broker *b);
/* To be called by who has changed what others may want to know of. */
void broker_changed(struct broker *b);
/* A connection that the listener has accepted: fd is the broker's from now on. */
void broker_accept(struct broker *b, int fd);
