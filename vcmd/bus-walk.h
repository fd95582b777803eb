/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a caller is shown when it asks for a list, one by one, so that it can be had in slices while things come and go:
 *
 *	pools, devices, nodes --> sessions that it may see --> what is in those whose operations it may call
 *
 * At most BUS_OBJECT_LISTED of each kind, and BUS_WALK_SESSIONS sessions' objects.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcmd/bus-object.h"

struct bus;
struct bus_peer;

#define BUS_WALK_SESSIONS 8

enum bus_walk_stage {
	BUS_WALK_POOLS,
	BUS_WALK_DEVICES,
	BUS_WALK_NODES,
	BUS_WALK_ALL_SESSIONS,
	BUS_WALK_OBJECTS,
	BUS_WALK_END,
};

struct bus_walk {
	struct bus *bus;
	const struct bus_peer *peer;
	enum bus_walk_stage stage;
	uint64_t at;     /* where it goes on: an index, a number, an id, a handle */
	size_t n;        /* listed of this kind */
	size_t n_looked; /* sessions that were looked at */
	uint64_t sessions[BUS_WALK_SESSIONS];
	size_t n_sessions, session;
	unsigned int kind; /* enum object_kind */
};

struct bus_found {
	char path[BUS_OBJECT_PATH];
	const char *interface;
	const void *what; /* valid until the loop has its turn */
	bool has_operations;
};

/* The peer must outlive it. */
void bus_walk_begin(struct bus_walk *w, struct bus *bus, const struct bus_peer *peer);
/* One step, whose cost does not grow with what there is: whether there was something. w->stage is BUS_WALK_END afterwards when
 * nothing is left. */
bool bus_walk_step(struct bus_walk *w, struct bus_found *out);
