// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-signal.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-listing.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-object.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"
#include "vcmd/client.h"
#include "vcmd/inspect.h"
#include "vcmd/loop.h"

#define TICK_MS 250
/* Messages that the bus has not taken yet, above which signals are dropped. */
#define QUEUE_MAX 4096
/* A pool is under pressure from this part of it in use on: 15 of 16. */
#define PRESSURE_PART(size) ((size) / 16 * 15)

/* --- one signal to one caller */

static bool is_stuck(const struct bus *bus)
{
	uint64_t n = 0;

	return sd_bus_get_n_queued_write(bus->sd, &n) < 0 || n > QUEUE_MAX;
}

static int signal_new(const struct bus *bus, const char *path, const char *interface,
		      const char *member, sd_bus_message **out)
{
	return is_stuck(bus) ? -1 :
			       sd_bus_message_new_signal(bus->sd, out, path, interface, member);
}

/* r: how it went so far. What cannot be sent is dropped. */
static void signal_send(struct bus *bus, const struct bus_peer *to, sd_bus_message *m, int r)
{
	if (r >= 0 && !bus_listing_defer(bus, to, m))
		r = sd_bus_send_to(bus->sd, m, to->name, NULL);
	if (r < 0)
		log_debug("%s: a signal is dropped", to->name);
	bus_sent(bus);
}

void bus_signal_fault(const struct bus_session *s, const struct fault_event *f)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	char path[BUS_OBJECT_PATH];
	int r;

	bus_object_path_of_session(s->id, path);
	r = signal_new(s->bus, path, BUS_SESSION, "Fault", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "tuttuuuuut", f->id, f->device, f->addr, f->len,
					  f->flags, f->context, f->fsr, f->fsynr0, f->fsynr1,
					  f->time_ns);
	signal_send(s->bus, s->owner, m, r);
}

static void send_added(struct bus *bus, const struct bus_peer *to, const char *path,
		       const char *interface, const struct row *row)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = signal_new(bus, BUS_ROOT, BUS_OBJECT_MANAGER, "InterfacesAdded", &m);

	if (r >= 0)
		r = bus_object_append_all(m, path, interface, row, false);
	signal_send(bus, to, m, r);
}

static void send_removed(struct bus *bus, const struct bus_peer *to, const char *path,
			 const char *interface)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = signal_new(bus, BUS_ROOT, BUS_OBJECT_MANAGER, "InterfacesRemoved", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "oas", path, 1, interface);
	signal_send(bus, to, m, r);
}

static void send_changed(struct bus *bus, const struct bus_peer *to, const char *path,
			 const char *interface, const struct row *row)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = signal_new(bus, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", &m);

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', interface);
	if (r >= 0)
		r = bus_object_append(m, interface, row);
	if (r >= 0)
		r = sd_bus_message_append(m, "as", 0);
	signal_send(bus, to, m, r);
}

/* --- what operations do to objects */

enum effect {
	NOTHING,
	ADDS,
	REMOVES,
	CHANGES,
};

static enum effect effect_of(uint32_t code, enum object_kind *kind)
{
	switch (code) {
	case OP_VCM_CREATE:
	case OP_VCM_PREBUILT:
	case OP_VCM_CLONE:
		*kind = OBJECT_VCM;
		return ADDS;
	case OP_RESERVE:
	case OP_RESERVE_AT:
	case OP_RESERVE_BOUND:
		*kind = OBJECT_RES;
		return ADDS;
	case OP_PHYS_ALLOC:
	case OP_PHYS_MAP:
	case OP_IMPORT:
		*kind = OBJECT_PHYSMEM;
		return ADDS;
	case OP_ASSOC:
		*kind = OBJECT_AVCM;
		return ADDS;
	case OP_BOUND_CREATE:
		*kind = OBJECT_BOUND;
		return ADDS;
	case OP_VCM_FREE:
		*kind = OBJECT_VCM;
		return REMOVES;
	case OP_UNRESERVE:
		*kind = OBJECT_RES;
		return REMOVES;
	case OP_PHYS_FREE:
		*kind = OBJECT_PHYSMEM;
		return REMOVES;
	case OP_DEASSOC:
		*kind = OBJECT_AVCM;
		return REMOVES;
	case OP_BOUND_FREE:
		*kind = OBJECT_BOUND;
		return REMOVES;
	case OP_BACK:
	case OP_UNBACK:
	case OP_RES_SET_ATTR:
		*kind = OBJECT_RES;
		return CHANGES;
	case OP_ASSOC_SET_ATTR:
	case OP_ACTIVATE:
	case OP_DEACTIVATE:
		*kind = OBJECT_AVCM;
		return CHANGES;
	default:
		return NOTHING;
	}
}

bool bus_signal_is_removal(uint32_t code)
{
	enum object_kind kind;

	return effect_of(code, &kind) == REMOVES;
}

static void tell_done(struct bus_session *s, const struct bus_call_op *op)
{
	enum object_kind kind = OBJECT_VCM;
	enum effect effect = effect_of(op->method->code, &kind);
	uint32_t handle = effect == ADDS ? op->handle : op->on;
	const struct object *o;
	char path[BUS_OBJECT_PATH];
	struct row row;

	if (effect == NOTHING)
		return;
	bus_object_path_of(s->id, kind, handle, path);
	if (effect == REMOVES) {
		send_removed(s->bus, s->owner, path, bus_object_interface(kind));
		return;
	}
	o = session_find(s->client->session, handle, kind, NULL);
	if (!o) /* a later operation of the batch has freed it */
		return;
	inspect_object(o, &row);
	(effect == ADDS ? send_added : send_changed)(s->bus, s->owner, path,
						     bus_object_interface(kind), &row);
}

void bus_signal_done(struct bus_session *s, const struct bus_call *c)
{
	if (!s->owner->subscribed || !s->client->session)
		return;
	for (size_t i = 0; i < c->n_ops; i++)
		tell_done(s, &c->ops[i]);
}

/* --- what happens to everybody */

static void send_reclaimed(struct bus *bus, const struct bus_peer *to, const struct session *s)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = signal_new(bus, BUS_ROOT, BUS_MANAGER, "Reclaimed", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "tu", s->id, s->user->uid);
	signal_send(bus, to, m, r);
}

void bus_signal_session(void *ctx, const struct session *s, bool gone)
{
	struct bus *bus = ctx;
	struct bus_peer *p;
	char path[BUS_OBJECT_PATH];
	struct row row;

	if (!bus->n_subscribed || !bus->sd)
		return;
	bus_object_path_of_session(s->id, path);
	inspect_session(s, &row);
	RB_FOREACH(p, bus_peer_tree, &bus->peers) {
		if (!p->subscribed || !bus_peer_may_see(p, s))
			continue;
		if (!gone) {
			send_added(bus, p, path, BUS_SESSION, &row);
			continue;
		}
		send_removed(bus, p, path, BUS_SESSION);
		send_reclaimed(bus, p, s);
	}
}

/* --- pools */

struct bus_pools {
	size_t n;
	struct pool_seen {
		uint64_t used, cached, n_failed;
		bool pressed;
	} seen[];
};

static struct pool_seen look(const struct pool *p)
{
	return (struct pool_seen){ .used = p->used,
				   .cached = p->cached_bytes,
				   .n_failed = p->n_failed_size + p->n_failed_fragmented,
				   .pressed = p->used >= PRESSURE_PART(p->len) };
}

static bool differs(const struct pool_seen *a, const struct pool_seen *b)
{
	return a->used != b->used || a->cached != b->cached || a->n_failed != b->n_failed;
}

static void send_pressure(struct bus *bus, const struct bus_peer *to, const char *path,
			  const struct pool *p)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = signal_new(bus, BUS_ROOT, BUS_MANAGER, "PoolPressure", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "outt", path, p->memtype, p->used, p->len);
	signal_send(bus, to, m, r);
}

/* Pressure is told when it begins, and each time that it kept somebody from memory. */
static void tell_pool(struct bus *bus, size_t i, const struct pool *pool, struct pool_seen *seen)
{
	const struct pool_seen now = look(pool);
	bool pressed = (now.pressed && !seen->pressed) || now.n_failed > seen->n_failed;
	char path[BUS_OBJECT_PATH];
	struct bus_peer *p;
	struct row row;

	if (!differs(&now, seen))
		return;
	*seen = now;
	bus_object_path_of_pool(i, path);
	inspect_pool(pool, &row);
	RB_FOREACH(p, bus_peer_tree, &bus->peers) {
		if (!p->subscribed)
			continue;
		send_changed(bus, p, path, BUS_POOL, &row);
		if (pressed)
			send_pressure(bus, p, path, pool);
	}
}

void bus_signal_tick(void *ctx)
{
	struct bus *bus = ctx;
	const struct pool *pool;
	size_t i = 0;

	if (!bus->n_subscribed || !bus->sd || !bus->pools)
		return;
	TAILQ_FOREACH(pool, &bus->broker->graph->pools, link) {
		if (i == bus->pools->n) /* a new one: known from the next subscription on */
			break;
		tell_pool(bus, i, pool, &bus->pools->seen[i]);
		i++;
	}
	loop_timer_set(bus->tick, TICK_MS);
}

static struct bus_pools *look_at_all(const struct bus *bus)
{
	const struct pool *pool;
	struct bus_pools *pools;
	size_t n = 0;

	TAILQ_FOREACH(pool, &bus->broker->graph->pools, link)
		n++;
	pools = mem_zalloc(sizeof(*pools) + n * sizeof(*pools->seen));
	if (!pools)
		return NULL;
	TAILQ_FOREACH(pool, &bus->broker->graph->pools, link)
		pools->seen[pools->n++] = look(pool);
	return pools;
}

void bus_signal_subscribed(struct bus *bus)
{
	if (!bus->n_subscribed) {
		loop_timer_clear(bus->tick);
		bus_signal_deinit(bus);
	} else if (!bus->pools) {
		bus->pools = look_at_all(bus);
		loop_timer_set(bus->tick, TICK_MS);
	}
}

void bus_signal_deinit(struct bus *bus)
{
	bus->pools = mem_free(bus->pools);
}
