/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that want new arenas which are not there at once: much memory takes the kernel its time to zero, and while somebody
 * keeps our fds, a new one must be in the store. They wait without holding up anybody else, and are carried out from the start
 * then. So no record of the journal ever names memory that is not safe, and nothing has happened before.
 *
 *	request -> plan: an arena is missing -> aborted;  memory is filled, in steps, and stored;  barrier ... -> plan again, with it
 *
 * Memory in a window has an address: what nobody has there is zeroed, and wanted only if nobody was given any of it meanwhile.
 *
 * Meanwhile no more requests are taken from the client: they come in order. What all of them have taken together is bounded:
 * one large request at a time, and small ones up to 64 MB; the others wait for their turn with nothing taken.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "memory/memory.h"

struct arena;
struct broker;
struct call;
struct client;
struct loop_idle;
struct pending;
struct plan;
struct request;

/* Memory for an arena that will be made. */
struct ahead {
	SLIST_ENTRY(ahead) link;
	struct memory_unplaced *memory;
	uint64_t stored; /* 0: nobody keeps it */
};

SLIST_HEAD(ahead_list, ahead);
TAILQ_HEAD(pending_queue, pending);

enum pending_size { PENDING_SMALL, PENDING_LARGE, N_PENDING_SIZES };

struct pendings {
	struct ahead_list ahead; /* memory for the request under way */
	uint64_t missing; /* what it lacks; has_turn: which is in ahead, and has yet to be filled and stored */
	bool has_turn;
	unsigned int tries; /* of the request under way, so far */
	uint64_t taken[N_PENDING_SIZES];
	struct pending_queue queues[N_PENDING_SIZES]; /* those without a turn */
	struct loop_idle *turns;
};

/* 0, -ENOMEM. */
int pendings_init(struct broker *b);
void pendings_deinit(struct broker *b);

/*
 * Whether everything that the plan wants is there. 0; PENDING_WAIT: it is on its way, and the plan is to be aborted; -ENOMEM with
 * the reason.
 */
#define PENDING_WAIT 3
int pending_prepare(struct broker *b, const struct plan *p, struct reason *why);
/* The request is carried out when the last pending_prepare() has what it wanted. 0, -ENOMEM. */
int pending_add(struct broker *b, struct client *c, const struct request *req);
/* What is ahead, and what the arena wants, is the caller's; NULL. */
struct ahead *pending_take(struct broker *b, const struct arena *arena);
/* The client ends: its requests will not be carried out. */
void pending_abandon(struct client *c);
