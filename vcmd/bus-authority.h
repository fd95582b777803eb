/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the configuration's rights refuse a caller of the system's bus, polkit may allow: who manages, breaks simulated hardware,
 * or looks at what is others'. It is asked for the one call, and the broker goes on meanwhile:
 *
 *	the rights say no --CheckAuthorization--> yes: the call is made
 *					          no, no polkit, or no answer in time: it is refused, as the rights say
 *					          only if asked: refused, unless the caller lets people be asked
 *
 * Any other bus lets anybody have polkit's name: there the rights alone decide.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>

#include "proto/message.h"

struct bus;
struct bus_call;
struct bus_peer;
struct bus_session;

LIST_HEAD(bus_asked_list, bus_asked);

/*
 * True: polkit is asked, and the call, of one operation, is taken over; it is answered, or made, later. False: there is nothing
 * to ask.
 */
bool bus_authority_ask(struct bus_session *s, struct bus_call *call, const struct op *op);
/* The caller has vanished: nobody waits for an answer any more. */
void bus_authority_forget(struct bus_peer *p);
