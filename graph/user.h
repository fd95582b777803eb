/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user (uid) as the graph counts it: what its sessions hold together, what they may hold, and its arenas.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdint.h>

#include "base/reason.h"
#include "graph/arena.h"

struct graph;

struct limits {
	uint64_t bytes;   /* of arenas that hold a physmem: granules count whole */
	uint64_t objects; /* units of about 256 bytes of the broker's memory */
	uint64_t sessions;
	uint64_t table_bytes; /* of page tables */
	uint64_t arenas;      /* each may be an open file of the broker's */
};

struct user {
	RB_ENTRY(user) by_uid;
	struct graph *graph;
	uint32_t uid;
	struct limits limits;
	uint64_t bytes, objects, n_sessions, table_bytes;
	uint64_t n_arenas;     /* also those that are quarantined or disowned, not the kept ones */
	uint64_t cached_bytes; /* of arenas that hold nothing and are kept, zeroed, for this user */
	struct arena_tree arenas;
	uint64_t n_wrong_tokens, wrong_since_ns; /* the daemon's */
};

RB_HEAD(user_tree, user);
RB_PROTOTYPE(user_tree, user, by_uid, user_cmp)

/* The user, made if it is new; NULL without memory. It stays until graph_free(). */
struct user *user_get(struct graph *g, uint32_t uid, const struct limits *limits);
/* Counts n more objects: 0 or -EDQUOT. */
int user_charge_objects(struct user *u, uint64_t n, struct reason *why);
void user_release_objects(struct user *u, uint64_t n);
/* Whether its arenas may have so many bytes more: 0 or -EDQUOT. */
int user_check_bytes(const struct user *u, uint64_t more, struct reason *why);
/* Whether it may have one arena more: 0 or -EDQUOT. */
int user_check_arena(const struct user *u, struct reason *why);
