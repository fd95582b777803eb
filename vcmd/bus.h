/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * org.vcmd.Vcm1 on a message bus: the connection, and what hangs on it. doc/dbus.md says what callers see.
 *
 *	caller --method--> peer (who it is) --> session (a client of the broker) --> call: a request of the protocol
 *	       <--reply---                                                       <-- its reply, typed again
 *
 * What comes over the bus is made a message of the protocol, checked as such, and goes the way of every other client's.
 * Nothing here waits for the bus: a bus that is not there, or goes, is tried again, and until then there are no callers.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcmd/bus-authority.h"
#include "vcmd/bus-listing.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"

struct broker;
struct bus_session;
struct codec;
struct loop_fd;
struct loop_timer;
struct sd_bus;

#define BUS_NAME "org.vcmd.Vcm1"
#define BUS_ROOT "/org/vcmd/Vcm1"
#define BUS_MANAGER BUS_NAME ".Manager"
#define BUS_OPERATIONS BUS_NAME ".Operations"
#define BUS_SESSION BUS_NAME ".Session"
#define BUS_POOL BUS_NAME ".Pool"
#define BUS_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

LIST_HEAD(bus_session_list, bus_session);

struct bus {
	struct broker *broker;
	char *where;
	struct sd_bus *sd; /* NULL: there is none now */
	int fd;
	struct loop_fd *watch;
	struct loop_timer *turn;  /* sd-bus wants a turn */
	struct loop_timer *again; /* to connect again */
	struct loop_timer *later; /* sessions that are over are to go, what was held is to be made */
	struct loop_timer *tick;  /* runs while anybody has subscribed */
	unsigned int n_failed;    /* to connect, in a row */
	bool said;                /* that there is none */
	struct bus_peer_tree peers;
	struct loop_timer *sweep; /* of the peers */
	uint64_t n_sweeps;
	size_t n_subscribed;
	struct bus_session_list sessions;
	struct bus_asked_list asked; /* polkit */
	struct bus_owed_list owed;   /* refusals */
	struct loop_timer *owing;
	struct bus_listing_list listings;
	struct loop_timer *listing;
	size_t n_held_bytes; /* of all peers' calls that wait for the bus to say who they are */
	struct codec *codec;
	uint8_t *packet;         /* PROTO_MAX_MESSAGE bytes: the request under way */
	struct bus_pools *pools; /* as subscribers know them */
};

/* where: "system", "session" or an address. NULL without memory. */
struct bus *bus_new(struct broker *b, const char *where);
/* The broker has gone, and so have the sessions. Returns NULL; NULL is fine. */
struct bus *bus_free(struct bus *bus);
/* It does not take what it is sent: until it does, nothing more that must be answered is read from it. */
bool bus_is_behind(const struct bus *bus);
/* Something has been sent from outside of a method call: what the bus wants is looked at again. */
void bus_sent(struct bus *bus);
