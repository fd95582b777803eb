// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/message.h"
#include "vcmd/broker.h"
#include "vcmd/bus-object.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus-signal.h"
#include "vcmd/clock.h"
#include "vcmd/loop.h"

/* Of a turn: one message may list a thousand objects. */
#define MESSAGES_A_TURN 16
#define TURN_NS UINT64_C(200000)
/* Messages that the bus has not taken, above which no calls are read: each may be answered with some hundred KB. */
#define BEHIND_MAX 64
/* To connect again: first soon, since a bus that restarts is back soon. */
#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 5000
#define ANSWER_USEC 10000000 /* of the bus itself */

#define VANISHED                                                                                   \
	"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"                \
	"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"

/* --- the loop's side */

static void take_turn(struct bus *bus, bool may_write);

static void on_fd(void *ctx, unsigned int what)
{
	take_turn(ctx, what & LOOP_WRITE);
}

static void bus_turn(void *ctx)
{
	take_turn(ctx, false);
}

bool bus_is_behind(const struct bus *bus)
{
	uint64_t n = 0;

	return sd_bus_get_n_queued_write(bus->sd, &n) < 0 || n > BEHIND_MAX;
}

static unsigned int wanted(const struct bus *bus)
{
	int events = sd_bus_get_events(bus->sd);

	if (events < 0)
		return 0;
	if (bus_is_behind(bus))
		return LOOP_WRITE;
	return (events & POLLIN ? LOOP_READ : 0u) | (events & POLLOUT ? LOOP_WRITE : 0u);
}

/* sd-bus tries the addresses of a list one after the other, each with an fd of its own. */
static int watch(struct bus *bus)
{
	int fd = sd_bus_get_fd(bus->sd);

	if (fd < 0)
		return fd;
	if (fd != bus->fd || !bus->watch) {
		loop_unwatch(bus->watch);
		bus->fd = fd;
		bus->watch = loop_watch(bus->broker->loop, fd, wanted(bus), false, on_fd, bus);
		return bus->watch ? 0 : -ENOMEM;
	}
	return loop_watch_set(bus->watch, wanted(bus));
}

static void set_timer(struct bus *bus)
{
	uint64_t due, now = clock_now_ns() / 1000;

	/* What has been read may be due, too. */
	if (bus_is_behind(bus) || sd_bus_get_timeout(bus->sd, &due) < 0 || due == UINT64_MAX)
		loop_timer_clear(bus->turn);
	else
		loop_timer_set(bus->turn, due > now ? (due - now + 999) / 1000 : 0);
}

static void disconnect(struct bus *bus)
{
	struct bus_peer *p;

	bus->watch = loop_unwatch(bus->watch);
	while ((p = RB_MIN(bus_peer_tree, &bus->peers)))
		bus_peer_gone(p);
	bus_refusal_forget(bus);
	loop_timer_clear(bus->turn);
	bus->sd = sd_bus_close_unref(bus->sd);
}

/* Said once, until there is one again. */
static void lost(struct bus *bus, int err)
{
	unsigned int shift = bus->n_failed < 6 ? bus->n_failed : 6;
	uint64_t after = (uint64_t)AGAIN_MIN_MS << shift;

	if (!bus->said)
		log_notice("no message bus (%s): %s; it is tried again, all else works", bus->where,
			   strerror(-err));
	bus->said = true;
	bus->n_failed++;
	disconnect(bus);
	loop_timer_set(bus->again, after < AGAIN_MAX_MS ? after : AGAIN_MAX_MS);
}

static void rearm(struct bus *bus)
{
	int r = watch(bus);

	if (r < 0) {
		lost(bus, r);
		return;
	}
	set_timer(bus);
	if (!bus_is_behind(bus))
		bus_listing_kick(bus);
}

/* sd-bus writes what it has to before it reads; what it is behind with it can only write when there is room. */
static void take_turn(struct bus *bus, bool may_write)
{
	uint64_t until = clock_now_ns() + TURN_NS;
	bool goes_on = may_write || !bus_is_behind(bus);
	int r = goes_on;

	for (int i = 0; i < MESSAGES_A_TURN && r > 0 && goes_on; i++) {
		r = sd_bus_process(bus->sd, NULL);
		goes_on = clock_now_ns() < until && r >= 0 && !bus_is_behind(bus);
	}
	if (r < 0)
		lost(bus, r);
	else if (r > 0 && !bus_is_behind(bus))
		loop_timer_set(bus->turn, 0);
	else
		rearm(bus);
}

void bus_sent(struct bus *bus)
{
	if (bus->sd)
		loop_timer_set(bus->turn, 0);
}

/* --- connecting */

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct bus *bus = userdata;
	const sd_bus_error *e = sd_bus_message_get_error(m);
	uint32_t result = 0;

	bus->n_failed = 0;
	bus->said = false;
	if (e)
		log_warning("the message bus (%s) refuses the name " BUS_NAME ": %s", bus->where,
			    e->message ? e->message : e->name);
	else if (sd_bus_message_read(m, "u", &result) >= 0 && result == 2)
		log_warning("another process has the name " BUS_NAME "; it is waited for");
	else
		log_info("on the message bus (%s) as " BUS_NAME, bus->where);
	return 0;
}

static int open_address(const char *address, sd_bus **out)
{
	_cleanup_(sd_bus_unrefp) sd_bus *sd = NULL;
	int r = sd_bus_new(&sd);

	if (r >= 0)
		r = sd_bus_set_address(sd, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(sd, 1);
	if (r >= 0)
		r = sd_bus_start(sd);
	if (r >= 0)
		*out = STEAL_PTR(sd);
	return r;
}

static int open_bus(const char *where, sd_bus **out)
{
	if (!strcmp(where, "system"))
		return sd_bus_open_system(out);
	if (!strcmp(where, "session"))
		return sd_bus_open_user(out);
	return open_address(where, out);
}

static int prepare(struct bus *bus)
{
	int r = sd_bus_set_method_call_timeout(bus->sd, ANSWER_USEC);

	if (r >= 0)
		r = sd_bus_add_filter(bus->sd, NULL, bus_peer_filter, bus);
	if (r >= 0)
		r = sd_bus_add_match_async(bus->sd, NULL, VANISHED, bus_peer_changed, NULL, bus);
	if (r >= 0)
		r = bus_object_export(bus);
	return r < 0 ? r :
		       sd_bus_request_name_async(bus->sd, NULL, BUS_NAME, SD_BUS_NAME_QUEUE,
						 on_name, bus);
}

static void connect_bus(void *ctx)
{
	struct bus *bus = ctx;
	int r = open_bus(bus->where, &bus->sd);

	if (r >= 0)
		r = prepare(bus);
	if (r < 0)
		lost(bus, r);
	else
		rearm(bus);
}

/* --- life */

static bool make_parts(struct bus *bus, const char *where)
{
	struct loop *loop = bus->broker->loop;

	bus->where = mem_strdup(where);
	bus->codec = codec_new();
	bus->packet = mem_zalloc(PROTO_MAX_MESSAGE);
	bus->turn = loop_timer_new(loop, bus_turn, bus);
	bus->again = loop_timer_new(loop, connect_bus, bus);
	bus->later = loop_timer_new(loop, bus_session_later, bus);
	bus->tick = loop_timer_new(loop, bus_signal_tick, bus);
	bus->owing = loop_timer_new(loop, bus_refusal_again, bus);
	bus->listing = loop_timer_new(loop, bus_listing_turn, bus);
	bus->sweep = loop_timer_new(loop, bus_peer_sweep, bus);
	return bus->where && bus->codec && bus->packet && bus->turn && bus->again && bus->later &&
	       bus->tick && bus->owing && bus->listing && bus->sweep;
}

struct bus *bus_new(struct broker *b, const char *where)
{
	struct bus *bus = mem_new0(struct bus);

	if (!bus)
		return NULL;
	bus->broker = b;
	bus->fd = -1;
	RB_INIT(&bus->peers);
	LIST_INIT(&bus->sessions);
	LIST_INIT(&bus->asked);
	STAILQ_INIT(&bus->owed);
	STAILQ_INIT(&bus->listings);
	if (!make_parts(bus, where))
		return bus_free(bus);
	b->on_session = bus_signal_session;
	b->on_session_ctx = bus;
	connect_bus(bus);
	return bus;
}

struct bus *bus_free(struct bus *bus)
{
	if (!bus)
		return NULL;
	disconnect(bus);
	bus_signal_deinit(bus);
	loop_timer_free(bus->turn);
	loop_timer_free(bus->again);
	loop_timer_free(bus->later);
	loop_timer_free(bus->tick);
	loop_timer_free(bus->owing);
	loop_timer_free(bus->listing);
	loop_timer_free(bus->sweep);
	codec_free(bus->codec);
	mem_free(bus->packet);
	mem_free(bus->where);
	return mem_free(bus);
}
