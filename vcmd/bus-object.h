/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The objects of the bus, below /org/vcmd/Vcm1, and their properties:
 *
 *	pool/N	device/N	node/N	session/ID	session/ID/vcm/HANDLE, .../reservation/HANDLE, bound, association, physmem
 *
 * They are what the graph has, looked up at each call: none is kept. Every caller with access sees pools and devices; a
 * session and what is in it, whoever bus_peer_may_see() it. Listed (GetManagedObjects, Introspect) are at most
 * BUS_OBJECT_LISTED of each kind, and objects of the sessions that the caller may use only: a million reservations are no
 * million objects. The others answer at their paths, and Inspect pages through them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "proto/message.h"

struct bus;
struct object;
struct session;

#define BUS_OBJECT_LISTED 64
#define BUS_OBJECT_PATH 96 /* bytes of the longest path, the final 0 included */

/* On a new connection. 0, or a negative errno. */
int bus_object_export(struct bus *bus);

/* "/org/vcmd/Vcm1/session/7" and anything below it. */
bool bus_object_parse_session(const char *path, uint64_t *out_id);
void bus_object_path_of_session(uint64_t id, char *buf);
void bus_object_path(const struct object *o, char *buf);
void bus_object_path_of(uint64_t session, unsigned int kind, uint32_t handle, char *buf);
void bus_object_path_of_pool(size_t i, char *buf);

/* The interface of a kind of object (enum object_kind). */
const char *bus_object_interface(unsigned int kind);
/* What the interface's properties say of one thing. */
void bus_object_inspect(const char *interface, const void *what, struct row *out);
/* Appends oa{sa{sv}}: an object with its interface, and perhaps the operations. */
int bus_object_append_all(sd_bus_message *m, const char *path, const char *interface,
			  const struct row *row, bool has_operations);
/* Appends the interface's properties, a{sv}, of what the row says. */
int bus_object_append(sd_bus_message *m, const char *interface, const struct row *row);
