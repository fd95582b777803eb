/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A remote CPU as a client: fragments become packets of a session, packets to it become fragments. How fragments travel is
 * the carrier's: rings in a window (node-ring.c), or the kernel's (node-char.c).
 *
 *	carrier --node_fragment()--> assembly --a packet--> client --> pipeline
 *	carrier <------send()------- queue <----a packet---- client
 *
 * A node has one session at a time. When it ends, for whatever reason, it is taken back as any session is; the carrier
 * may have to wait for that (node_clear()) before it starts the node again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct broker;
struct config_node;
struct node;
struct session;

struct node_carrier {
	/* Bytes of the largest fragment, header included. */
	size_t (*payload)(const void *ctx);
	/* 0; -EAGAIN: node_room() will be called; anything else: the carrier knows, and will call node_end(). */
	int (*send)(void *ctx, const void *fragment, size_t len, bool is_last);
	/* All of a packet has been sent, or as much as there is room for. */
	void (*flush)(void *ctx);
	/* The node may be listened to again (node_listens()), or what was its own has all been taken back. */
	void (*wake)(void *ctx);
	/* The session cannot go on, for a reason that no message can tell: no sign of life, no memory. The carrier starts the
	 * node again, or at least ends the session. */
	void (*reset)(void *ctx, const char *why);
};

/* What operators see of a node. Texts are literals, or the configuration's. */
struct node_report {
	const char *name, *carrier, *kick, *state;
	const struct session *session; /* NULL: none */
	uint64_t epoch;
	uint64_t descriptors, buffer_len;
	uint64_t n_in, n_out, bytes_in, bytes_out; /* fragments, and what is in them */
	uint64_t n_dropped, n_resets, n_kicks;
	uint64_t heard_ns; /* 0: never */
};

/* NULL without memory. Everything passed outlives the node. */
struct node *node_new(struct broker *b, const struct config_node *config,
		      const struct node_carrier *carrier, void *ctx);
/* Any session must have been taken back before: broker_free() does. NULL is fine. */
struct node *node_free(struct node *n);

/* One fragment from the node, which costs at most one request. */
void node_fragment(struct node *n, const void *fragment, size_t len);
/*
 * The peer goes on with a session of a former life, which is no more. It is told, now or when it speaks, and heard again when
 * it starts anew. knows: it can be told now.
 */
void node_orphan(struct node *n, bool knows);
/* There is room for fragments again. */
void node_room(struct node *n);
/* The session ends, and nothing more is sent of it. Messages are counted from 1 again when the peer has started anew. */
void node_end(struct node *n, const char *why, bool anew);
/* Whether fragments may come: not while it has as many requests waiting, or replies unread, as it may. */
bool node_listens(const struct node *n);
/* Whether nothing is left of former sessions, also those that an earlier broker had: they end now. */
bool node_clear(const struct node *n);
bool node_has_session(const struct node *n);
/* Whether something waits to be sent. */
bool node_waits_for_room(const struct node *n);
/* What is the same for every carrier; the rest is the carrier's to add. */
struct node_report node_report(const struct node *n);
