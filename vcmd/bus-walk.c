// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"
#include "vcmd/client.h"
#include "vcmd/nodes.h"

/* How many of all sessions are looked at: looking for those that may be seen is work too. */
#define LOOKED_AT (16 * BUS_OBJECT_LISTED)

void bus_walk_begin(struct bus_walk *w, struct bus *bus, const struct bus_peer *peer)
{
	const struct bus_session *s;

	*w = (struct bus_walk){ .bus = bus, .peer = peer };
	LIST_FOREACH(s, &bus->sessions, link)
		if (s->id && w->n_sessions < BUS_WALK_SESSIONS && bus_session_may_use(s, peer))
			w->sessions[w->n_sessions++] = s->id;
}

static bool next_stage(struct bus_walk *w)
{
	w->stage++;
	w->at = w->n = 0;
	return false;
}

static bool found(struct bus_walk *w, struct bus_found *out, const char *interface,
		  const void *what)
{
	out->interface = interface;
	out->what = what;
	out->has_operations = false;
	w->n++;
	return true;
}

static bool step_pools(struct bus_walk *w, struct bus_found *out)
{
	const struct pool *pool;
	uint64_t n = w->at;

	TAILQ_FOREACH(pool, &w->bus->broker->graph->pools, link)
		if (n-- == 0)
			break;
	if (!pool || w->n == BUS_OBJECT_LISTED)
		return next_stage(w);
	bus_object_path_of_pool(w->at++, out->path);
	return found(w, out, BUS_POOL, pool);
}

/* Their numbers begin at 1, and have no gaps. */
static bool step_devices(struct bus_walk *w, struct bus_found *out)
{
	const struct device *d = device_by_number(w->bus->broker->graph, (uint32_t)w->at + 1);

	if (!d || w->n == BUS_OBJECT_LISTED)
		return next_stage(w);
	w->at++;
	snprintf(out->path, sizeof(out->path), BUS_ROOT "/device/%" PRIu32, d->number);
	return found(w, out, BUS_NAME ".Device", d);
}

static bool step_nodes(struct bus_walk *w, struct bus_found *out)
{
	const struct carried *node = nodes_get(w->bus->broker->nodes, w->at);

	if (!node || w->n == BUS_OBJECT_LISTED)
		return next_stage(w);
	snprintf(out->path, sizeof(out->path), BUS_ROOT "/node/%" PRIu64, w->at++);
	return found(w, out, BUS_NAME ".Node", node);
}

static bool step_sessions(struct bus_walk *w, struct bus_found *out)
{
	struct session key = { .id = w->at };
	const struct session *s = RB_NFIND(session_tree, &w->bus->broker->graph->sessions, &key);

	if (!s || w->n == BUS_OBJECT_LISTED || w->n_looked++ == LOOKED_AT)
		return next_stage(w);
	w->at = s->id + 1;
	if (!bus_peer_may_see(w->peer, s))
		return false;
	bus_object_path_of_session(s->id, out->path);
	found(w, out, BUS_SESSION, s);
	out->has_operations = bus_session_find(w->bus, s->id);
	return true;
}

static bool next_kind(struct bus_walk *w)
{
	w->at = w->n = 0;
	if (++w->kind < N_OBJECT_KINDS)
		return false;
	w->kind = 0;
	w->session++;
	return false;
}

/* The session may have ended since, and the peer may not be let in any more. */
static const struct session *session_of(const struct bus_walk *w)
{
	const struct bus_session *s = bus_session_find(w->bus, w->sessions[w->session]);

	return s && bus_session_may_use(s, w->peer) ? s->client->session : NULL;
}

static bool step_objects(struct bus_walk *w, struct bus_found *out)
{
	const struct session *s;
	const struct object *o;

	if (w->session == w->n_sessions)
		return next_stage(w);
	s = session_of(w);
	o = s && w->at <= UINT32_MAX ? session_next(s, (uint32_t)w->at, (enum object_kind)w->kind) :
				       NULL;
	if (!o || w->n == BUS_OBJECT_LISTED)
		return next_kind(w);
	w->at = (uint64_t)o->handle + 1;
	bus_object_path(o, out->path);
	return found(w, out, bus_object_interface(w->kind), o);
}

bool bus_walk_step(struct bus_walk *w, struct bus_found *out)
{
	switch (w->stage) {
	case BUS_WALK_POOLS:
		return step_pools(w, out);
	case BUS_WALK_DEVICES:
		return step_devices(w, out);
	case BUS_WALK_NODES:
		return step_nodes(w, out);
	case BUS_WALK_ALL_SESSIONS:
		return step_sessions(w, out);
	case BUS_WALK_OBJECTS:
		return step_objects(w, out);
	case BUS_WALK_END:
		break;
	}
	return false;
}
