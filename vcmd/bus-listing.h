/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GetManagedObjects, in slices: a list of some thousand objects takes milliseconds to write, in which nobody else would be served.
 *
 *	call --> queue --its turn--> a slice a turn of the loop --all--> reply --> the signals that came meanwhile
 *
 * One list is made at a time, whoever asks, so that no more than one is held. A user has at most BUS_LISTINGS_MAX in the queue.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct bus;
struct bus_listing;
struct bus_peer;

#define BUS_LISTINGS_MAX 16
/* Steps of vcmd/bus-walk.h in a turn. */
#define BUS_LISTING_SLICE 32

STAILQ_HEAD(bus_listing_list, bus_listing);

/* Of the root: takes GetManagedObjects, and leaves everything else to others. */
int bus_listing_call(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* A signal to a peer whose list is under way would be older than the list that follows it: whether it is kept until then. */
bool bus_listing_defer(struct bus *bus, const struct bus_peer *to, sd_bus_message *m);
/* The peer has gone. */
void bus_listing_forget(struct bus *bus, const struct bus_peer *p);
/* The bus takes more than it did. */
void bus_listing_kick(struct bus *bus);
/* A slice; a timer's, whose ctx is the bus. */
void bus_listing_turn(void *ctx);
