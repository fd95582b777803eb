// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-listing.h"

#include <errno.h>

#include "base/mem.h"
#include "vcmd/bus-bare.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-walk.h"
#include "vcmd/bus.h"
#include "vcmd/inspect.h"
#include "vcmd/loop.h"

/* Signals that wait for the list: of what is more, the list is older than it could be. */
#define DEFERRED_MAX 1024

struct deferred {
	STAILQ_ENTRY(deferred) link;
	sd_bus_message *m;
};

struct bus_listing {
	STAILQ_ENTRY(bus_listing) link; /* of the bus */
	const struct bus_peer *peer;
	sd_bus_message *m;
	sd_bus_message *reply; /* NULL: its turn has not come */
	struct bus_walk walk;
	STAILQ_HEAD(, deferred) after;
	size_t n_after;
};

static void drop_deferred(struct bus_listing *l)
{
	struct deferred *d = STAILQ_FIRST(&l->after);

	STAILQ_REMOVE_HEAD(&l->after, link);
	sd_bus_message_unref(d->m);
	mem_free(d);
}

static void listing_free(struct bus *bus, struct bus_listing *l)
{
	STAILQ_REMOVE(&bus->listings, l, bus_listing, link);
	while (!STAILQ_EMPTY(&l->after))
		drop_deferred(l);
	sd_bus_message_unref(l->reply);
	sd_bus_message_unref(l->m);
	mem_free(l);
}

static size_t count_of_user(const struct bus *bus, uid_t uid)
{
	const struct bus_listing *l;
	size_t n = 0;

	STAILQ_FOREACH(l, &bus->listings, link)
		n += l->peer->who.uid == uid;
	return n;
}

int bus_listing_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	const struct bus_peer *p = bus_peer_of(bus, m);
	struct bus_listing *l;

	if (!p || !sd_bus_message_is_method_call(m, BUS_OBJECT_MANAGER, "GetManagedObjects") ||
	    !sd_bus_message_is_empty(m))
		return 0;
	if (count_of_user(bus, p->who.uid) >= BUS_LISTINGS_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "%d lists for your user wait already", BUS_LISTINGS_MAX);
	l = mem_new0(struct bus_listing);
	if (!l)
		return bus_refuse_handled(error, -ENOMEM, "the broker is out of memory");
	l->peer = p;
	l->m = bus_bare(bus, m);
	STAILQ_INIT(&l->after);
	STAILQ_INSERT_TAIL(&bus->listings, l, link);
	bus_listing_kick(bus);
	return 1;
}

/* --- the reply */

static int begin(struct bus *bus, struct bus_listing *l)
{
	int r = sd_bus_message_new_method_return(l->m, &l->reply);

	if (r >= 0)
		r = sd_bus_message_open_container(l->reply, 'a', "{oa{sa{sv}}}");
	bus_walk_begin(&l->walk, bus, l->peer);
	return r;
}

static int append(sd_bus_message *m, const struct bus_found *f)
{
	int r = sd_bus_message_open_container(m, 'e', "oa{sa{sv}}");
	struct row row;

	bus_object_inspect(f->interface, f->what, &row);
	if (r >= 0)
		r = bus_object_append_all(m, f->path, f->interface, &row, f->has_operations);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int fill(struct bus_listing *l)
{
	struct bus_found f;
	int r = 0;

	for (int i = 0; r >= 0 && i < BUS_LISTING_SLICE && l->walk.stage != BUS_WALK_END; i++)
		if (bus_walk_step(&l->walk, &f))
			r = append(l->reply, &f);
	return r;
}

static int finish(struct bus *bus, struct bus_listing *l)
{
	const struct deferred *d;
	int r = sd_bus_message_close_container(l->reply);

	if (r >= 0)
		r = sd_bus_send(NULL, l->reply, NULL);
	/* What cannot be sent is dropped, as signals are. */
	STAILQ_FOREACH(d, &l->after, link)
		(void)sd_bus_send_to(bus->sd, d->m, l->peer->name, NULL);
	return r;
}

void bus_listing_turn(void *ctx)
{
	struct bus *bus = ctx;
	struct bus_listing *l = STAILQ_FIRST(&bus->listings);
	int r;

	if (!l || bus_is_behind(bus))
		return;
	r = l->reply ? 0 : begin(bus, l);
	if (r >= 0)
		r = fill(l);
	if (r >= 0 && l->walk.stage == BUS_WALK_END)
		r = finish(bus, l);
	if (r < 0)
		bus_refuse_status(bus, l->m, r, "the list cannot be made");
	if (r < 0 || l->walk.stage == BUS_WALK_END) {
		listing_free(bus, l);
		bus_sent(bus);
	}
	bus_listing_kick(bus);
}

void bus_listing_kick(struct bus *bus)
{
	if (!STAILQ_EMPTY(&bus->listings))
		loop_timer_set(bus->listing, 0);
}

bool bus_listing_defer(struct bus *bus, const struct bus_peer *to, sd_bus_message *m)
{
	struct bus_listing *l = STAILQ_FIRST(&bus->listings);
	struct deferred *d;

	if (!l || !l->reply || l->peer != to || l->n_after == DEFERRED_MAX)
		return false;
	d = mem_new0(struct deferred);
	if (!d)
		return false;
	d->m = sd_bus_message_ref(m);
	STAILQ_INSERT_TAIL(&l->after, d, link);
	l->n_after++;
	return true;
}

void bus_listing_forget(struct bus *bus, const struct bus_peer *p)
{
	struct bus_listing *l, *next;

	STAILQ_FOREACH_SAFE(l, &bus->listings, link, next)
		if (l->peer == p)
			listing_free(bus, l);
}
