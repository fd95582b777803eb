// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-peer.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/session.h"
#include "graph/user.h"
#include "vcmd/broker.h"
#include "vcmd/bus-authority.h"
#include "vcmd/bus-bare.h"
#include "vcmd/bus-listing.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus-signal.h"
#include "vcmd/bus.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/rights.h"

/* Messages of a peer that wait for the bus to say who it is. */
#define HELD_MAX 256
#define HELD_BYTES (1024 * 1024)
#define HELD_BYTES_OF_ALL (16 * 1024 * 1024)
#define GROUPS_MAX 65536
/* How often, and of how many, it is asked whether they are still there. */
#define SWEEP_MS 2000
#define SWEEP_MAX 16

struct bus_held {
	STAILQ_ENTRY(bus_held) link;
	sd_bus_message *m;
	size_t len;
};

static int bus_peer_cmp(const struct bus_peer *a, const struct bus_peer *b)
{
	return strcmp(a->name, b->name);
}

RB_GENERATE(bus_peer_tree, bus_peer, by_name, bus_peer_cmp)

static struct bus_peer *find(struct bus *bus, const char *name)
{
	struct bus_peer *p = RB_ROOT(&bus->peers);
	int r;

	while (p && (r = strcmp(name, p->name)))
		p = r < 0 ? RB_LEFT(p, by_name) : RB_RIGHT(p, by_name);
	return p;
}

/* --- what is held */

/* Done with the call, also where no reply is wanted: 0 would let it pass. */
static int turn_away(struct bus *bus, sd_bus_message *m, const char *error, const char *text)
{
	bus_refuse(bus, m, error, text);
	return 1;
}

/* Descriptors are not held: the copy has none. */
static int copy(struct bus_peer *p, sd_bus_message *m, struct bus_held *h)
{
	size_t of_all = HELD_BYTES_OF_ALL - p->bus->n_held_bytes;
	size_t own = HELD_BYTES - p->n_held_bytes;
	int r = bus_bare_copy(p->bus, m, own < of_all ? own : of_all, &h->m, &h->len);

	if (r < 0)
		return r;
	p->n_held_bytes += h->len;
	p->bus->n_held_bytes += h->len;
	return 0;
}

static const char *refusal_of(int r, const char **text)
{
	switch (r) {
	case -E2BIG:
		*text = "too much waits already";
		return SD_BUS_ERROR_LIMITS_EXCEEDED;
	case -ENOMEM:
		*text = "the broker is out of memory";
		return SD_BUS_ERROR_NO_MEMORY;
	default:
		*text = r == -EBADF ? "no method takes a file descriptor" : "that is no message";
		return SD_BUS_ERROR_INVALID_ARGS;
	}
}

/* False when the call has been refused instead. */
static bool hold(struct bus_peer *p, sd_bus_message *m)
{
	struct bus_held *h = p->n_held < HELD_MAX ? mem_new0(struct bus_held) : NULL;
	const char *error, *text;
	int r = h ? copy(p, m, h) : p->n_held < HELD_MAX ? -ENOMEM : -E2BIG;

	if (r < 0) {
		error = refusal_of(r, &text);
		turn_away(p->bus, m, error, text);
		mem_free(h);
		return false;
	}
	STAILQ_INSERT_TAIL(&p->held, h, link);
	p->n_held++;
	return true;
}

static void drop(struct bus_peer *p, struct bus_held *h)
{
	STAILQ_REMOVE(&p->held, h, bus_held, link);
	p->n_held--;
	p->n_held_bytes -= h->len;
	p->bus->n_held_bytes -= h->len;
	sd_bus_message_unref(h->m);
	mem_free(h);
}

static void enqueue(struct bus_peer *p, struct bus_held *h)
{
	if (sd_bus_enqueue_for_read(p->bus->sd, h->m) >= 0)
		return;
	turn_away(p->bus, h->m, SD_BUS_ERROR_NO_MEMORY, "the broker is out of memory");
	drop(p, h);
}

/* They come again from the end of what has been read; whoever comes before them in between goes behind them. */
static void replay(struct bus_peer *p)
{
	struct bus_held *h, *next;

	STAILQ_FOREACH_SAFE(h, &p->held, link, next)
		enqueue(p, h);
}

static void refuse_held(struct bus_peer *p, const char *error, const char *text)
{
	struct bus_held *h;

	while ((h = STAILQ_FIRST(&p->held))) {
		turn_away(p->bus, h->m, error, text);
		drop(p, h);
	}
}

/* --- who it is */

void bus_peer_gone(struct bus_peer *p)
{
	struct bus *bus = p->bus;

	bus_peer_subscribe(p, false);
	RB_REMOVE(bus_peer_tree, &bus->peers, p);
	sd_bus_slot_unref(p->asking);
	while (!STAILQ_EMPTY(&p->held))
		drop(p, STAILQ_FIRST(&p->held));
	bus_authority_forget(p);
	bus_listing_forget(bus, p);
	bus_session_owner_gone(p);
	mem_free(p->who.gids);
	mem_free(p);
}

static int take_groups(struct bus_peer *p, sd_bus_message *m)
{
	const void *groups;
	size_t len;
	int r = sd_bus_message_read_array(m, 'u', &groups, &len);

	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are what the bus sends");
	if (r < 0)
		return r;
	if (len > GROUPS_MAX * sizeof(gid_t))
		return -E2BIG;
	mem_free(p->who.gids);
	p->who.n_gids = 0;
	p->who.gids = mem_zalloc(len + sizeof(gid_t));
	if (!p->who.gids)
		return -ENOMEM;
	memcpy(p->who.gids, groups, len);
	p->who.n_gids = len / sizeof(gid_t);
	if (p->who.n_gids)
		p->who.gid = p->who.gids[0];
	return 0;
}

static int take_number(sd_bus_message *m, uint32_t *out)
{
	return sd_bus_message_read(m, "v", "u", out);
}

static int take_credential(struct bus_peer *p, sd_bus_message *m, const char *key, bool *has_uid)
{
	uint32_t n = 0;
	int r;

	if (!strcmp(key, "UnixUserID")) {
		r = take_number(m, &n);
		p->who.uid = n;
		*has_uid = r >= 0;
		return r;
	}
	if (!strcmp(key, "ProcessID")) {
		r = take_number(m, &n);
		p->who.pid = (pid_t)n;
		return r;
	}
	if (strcmp(key, "UnixGroupIDs") != 0)
		return sd_bus_message_skip(m, "v");
	r = sd_bus_message_enter_container(m, 'v', "au");
	if (r >= 0)
		r = take_groups(p, m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* A peer that the bus knows no user of has no rights here. A bus that says no groups has peers without any. */
static int take_credentials(struct bus_peer *p, sd_bus_message *m)
{
	bool has_uid = false;
	const char *key;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	p->who.gid = (gid_t)-1;
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0)
			r = take_credential(p, m, key, &has_uid);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		return r;
	return has_uid ? 0 : -ENODATA;
}

static bool has_access(const struct bus_peer *p)
{
	return p->session || rights_access(p->bus->broker, &p->who);
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct bus_peer *p = userdata;
	int r = sd_bus_message_is_method_error(m, NULL) ? -ENXIO : take_credentials(p, m);

	p->asking = sd_bus_slot_unref(p->asking);
	if (r < 0) {
		refuse_held(p, SD_BUS_ERROR_ACCESS_DENIED, "the bus does not say who you are");
		bus_peer_gone(p);
		return 1;
	}
	p->state = BUS_PEER_KNOWN;
	if (!has_access(p))
		log_info("%s, pid %d, uid %u: no access", p->name, (int)p->who.pid, p->who.uid);
	replay(p);
	bus_sent(p->bus);
	return 1;
}

/* The bus sees this after what it has told us of vanished names: a name that is gone by then is an error here. */
static int ask(struct bus_peer *p)
{
	return sd_bus_call_method_async(p->bus->sd, &p->asking, "org.freedesktop.DBus",
					"/org/freedesktop/DBus", "org.freedesktop.DBus",
					"GetConnectionCredentials", on_credentials, p, "s",
					p->name);
}

static struct bus_peer *bus_peer_new(struct bus *bus, const char *name)
{
	size_t len = strlen(name) + 1;
	struct bus_peer *p = mem_zalloc(sizeof(*p) + len);

	if (!p)
		return NULL;
	p->bus = bus;
	STAILQ_INIT(&p->held);
	memcpy(p->name, name, len);
	p->swept = bus->n_sweeps;
	if (RB_EMPTY(&bus->peers))
		loop_timer_set(bus->sweep, SWEEP_MS);
	RB_INSERT(bus_peer_tree, &bus->peers, p);
	if (ask(p) >= 0)
		return p;
	bus_peer_gone(p);
	return NULL;
}

/* 0: it goes on to its object; 1: it does not, or not yet. */
static int pass(struct bus_peer *p, sd_bus_message *m)
{
	struct bus_held *first = STAILQ_FIRST(&p->held);

	if (first && first->m != m) { /* those before it are behind it */
		if (hold(p, m))
			enqueue(p, STAILQ_LAST(&p->held, bus_held, link));
		return 1;
	}
	if (first)
		drop(p, first);
	if (has_access(p))
		return 0;
	return turn_away(p->bus, m, SD_BUS_ERROR_ACCESS_DENIED, "you may not use the broker");
}

int bus_peer_filter(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct bus *bus = userdata;
	const char *sender = sd_bus_message_get_sender(m);
	struct bus_peer *p;

	if (!sd_bus_message_is_method_call(m, NULL, NULL))
		return 0;
	p = sender ? find(bus, sender) : NULL;
	if (!p && sender)
		p = bus_peer_new(bus, sender);
	if (!p)
		return turn_away(bus, m, SD_BUS_ERROR_NO_MEMORY, "the broker is out of memory");
	if (p->state != BUS_PEER_ASKING)
		return pass(p, m);
	hold(p, m);
	return 1;
}

int bus_peer_changed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	const char *name, *old, *new;
	struct bus_peer *p;

	if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || *new)
		return 0;
	p = find(userdata, name);
	if (p)
		bus_peer_gone(p);
	return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct bus_peer *p = userdata;
	int is_there = true;

	p->asking = sd_bus_slot_unref(p->asking);
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "b", &is_there) >= 0 && !is_there)
		bus_peer_gone(p);
	return 1;
}

/* Whether it was asked: what cannot be asked now is asked in the next round. */
static bool sweep_one(struct bus_peer *p)
{
	if (p->swept == p->bus->n_sweeps || p->state != BUS_PEER_KNOWN || p->asking)
		return false;
	p->swept = p->bus->n_sweeps;
	return sd_bus_call_method_async(p->bus->sd, &p->asking, "org.freedesktop.DBus",
					"/org/freedesktop/DBus", "org.freedesktop.DBus",
					"NameHasOwner", on_owner, p, "s", p->name) >= 0;
}

void bus_peer_sweep(void *ctx)
{
	struct bus *bus = ctx;
	struct bus_peer *p;
	unsigned int n = 0;

	if (!bus->sd || RB_EMPTY(&bus->peers))
		return;
	if (!bus_is_behind(bus))
		RB_FOREACH(p, bus_peer_tree, &bus->peers)
			if (n < SWEEP_MAX)
				n += sweep_one(p);
	if (n < SWEEP_MAX)
		bus->n_sweeps++;
	bus_sent(bus);
	loop_timer_set(bus->sweep, SWEEP_MS);
}

struct bus_peer *bus_peer_of(struct bus *bus, sd_bus_message *m)
{
	const char *sender = m ? sd_bus_message_get_sender(m) : NULL;
	struct bus_peer *p = sender ? find(bus, sender) : NULL;

	return p && p->state == BUS_PEER_KNOWN ? p : NULL;
}

void bus_peer_subscribe(struct bus_peer *p, bool on)
{
	if (p->subscribed == on)
		return;
	p->subscribed = on;
	p->bus->n_subscribed += on ? 1 : (size_t)-1;
	bus_signal_subscribed(p->bus);
}

bool bus_peer_may_see(const struct bus_peer *p, const struct session *s)
{
	const struct config_rule *inspect = &p->bus->broker->config->inspect;

	return s->user->uid == p->who.uid ||
	       config_rule_allows(inspect, p->who.uid, p->who.gids, p->who.n_gids);
}
