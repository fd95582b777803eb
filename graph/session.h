/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session: one client's handles and everything that they name.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "graph/handle.h"
#include "graph/object.h"

struct graph;
struct user;
struct vcm;
struct physmem;

TAILQ_HEAD(vcm_list, vcm);
TAILQ_HEAD(physmem_list, physmem);

struct session {
	RB_ENTRY(session) by_id;
	struct graph *graph;
	struct user *user;
	uint64_t id;
	struct handles client, broker;
	uint64_t pages_charged;
	struct vcm_list vcms;
	struct physmem_list physmems; /* aliases before what they alias */
	uint64_t counts[N_OBJECT_KINDS];
	uint64_t n_active; /* associations */
	TAILQ_HEAD(, avcm) active;
	uint64_t bytes; /* of physmems */
	bool restoring; /* its objects come back under any handle */
	void *hw;       /* the daemon's */
};

RB_HEAD(session_tree, session);
RB_PROTOTYPE(session_tree, session, by_id, session_cmp)

/* 0; -EDQUOT when the user has as many sessions as it may; -ENOMEM. */
int session_new(struct graph *g, struct user *user, struct session **out, struct reason *why);
/* Everything of it has been taken back (asserted). Returns NULL; NULL is fine. */
struct session *session_free(struct session *s);

/* The object of that kind and handle; NULL, with the reason, when there is none. */
struct object *session_find(const struct session *s, uint32_t handle, enum object_kind kind,
			    struct reason *why);
/* The object of that kind with the lowest handle from `handle` on (the broker's half comes last); NULL at the end. */
struct object *session_next(const struct session *s, uint32_t handle, enum object_kind kind);
