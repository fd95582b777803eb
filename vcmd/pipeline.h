/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a request: decode, authorise, plan, program, journal, retire, apply, reply.
 *
 * Everything that changes the graph comes this way: clients' requests, and what the broker does of itself (the end of a
 * session, memory pressure).
 */
#pragma once

#include <stddef.h>

#include "base/reason.h"

struct broker;
struct client;
struct request;

/* One packet of a client. 0, or -EPROTO with the reason: the client broke the rules, and its link is to go. */
int pipeline_packet(struct broker *b, struct client *c, const void *buf, size_t len,
		    struct reason *why);

/* A request that has waited (vcmd/pending.h), from the start. */
void pipeline_again(struct broker *b, struct client *c, const struct request *req);
/* One that has waited in vain. */
void pipeline_refuse(struct broker *b, struct client *c, const struct request *req, int status,
		     const struct reason *why);

/*
 * The rest of the way for a plan that has been made: program, journal, retire, apply. 0; otherwise the plan has been
 * aborted and nothing has happened: the status for the client.
 */
int pipeline_execute(struct broker *b, struct reason *why);
