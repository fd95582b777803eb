/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that want new arenas while somebody keeps our fds: they wait until the keeper has the fds, without holding up
 * anybody else, and are carried out from the start then. So no record of the journal ever names memory that is not safe, and
 * nothing has happened before.
 *
 *	request -> plan: an arena is missing -> aborted;  memory is taken, and stored;  barrier ... -> plan again, with it
 *
 * Meanwhile no more requests are taken from the client: they come in order.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "memory/memory.h"

struct broker;
struct call;
struct client;
struct pending;
struct plan;
struct request;

/* Memory that is safe in the store, for an arena that will be made. */
struct ahead {
	SLIST_ENTRY(ahead) link;
	struct memory_unplaced *memory;
	uint64_t len, stored;
	enum memory_source source;
};

SLIST_HEAD(ahead_list, ahead);

/*
 * Whether everything that the plan wants is there. 0; PENDING_WAIT: it is on its way, and the plan is to be aborted; -ENOMEM with
 * the reason.
 */
#define PENDING_WAIT 3
int pending_prepare(struct broker *b, const struct plan *p, struct reason *why);
/* The request is carried out when the last pending_prepare() has what it wanted. 0, -ENOMEM. */
int pending_add(struct broker *b, struct client *c, const struct request *req);
/* What is ahead, of that length and source, is the caller's; NULL. */
struct ahead *pending_take(struct broker *b, uint64_t len, enum memory_source source);
/* The client ends: its requests will not be carried out. */
void pending_abandon(struct client *c);
