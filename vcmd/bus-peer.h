/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who calls: a unique name of the bus, with the credentials that the bus knows it by.
 *
 *	ASKING --the bus has answered--> KNOWN --the name vanishes--> (freed, its session ends)
 *
 * What a peer sends while the bus is asked is held, in order. A name cannot be used again by another peer. Whether it has
 * access is asked with each call: a reload may say otherwise. Who has a session goes on with it.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "vcmd/transport.h"

struct bus;
struct bus_held;
struct bus_session;
struct session;

enum bus_peer_state {
	BUS_PEER_ASKING,
	BUS_PEER_KNOWN,
};

struct bus_peer {
	RB_ENTRY(bus_peer) by_name;
	struct bus *bus;
	enum bus_peer_state state;
	struct transport_peer who;
	struct bus_session *session; /* its own; NULL */
	bool subscribed;
	sd_bus_slot *asking;
	uint64_t swept; /* the last round that it was in */
	STAILQ_HEAD(, bus_held) held;
	size_t n_held, n_held_bytes;
	char name[];
};

RB_HEAD(bus_peer_tree, bus_peer);
RB_PROTOTYPE(bus_peer_tree, bus_peer, by_name, bus_peer_cmp)

/* The filter that sees every message first: calls of peers that are not KNOWN, or have no access, do not pass. */
int bus_peer_filter(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* NameOwnerChanged. */
int bus_peer_changed(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* Asks after those who are there: a bus that is flooded may not have said that they have gone. A timer's, whose ctx is the bus. */
void bus_peer_sweep(void *ctx);
/* The sender of a message that has passed the filter; NULL: there is none. */
struct bus_peer *bus_peer_of(struct bus *bus, sd_bus_message *m);
/* It is on the bus no more, or the bus is not. */
void bus_peer_gone(struct bus_peer *p);
/* Starts, or stops, to be told of changes. */
void bus_peer_subscribe(struct bus_peer *p, bool on);
/* Whether it may see a session: its own user's, or all with the right `inspect`. */
bool bus_peer_may_see(const struct bus_peer *p, const struct session *s);
