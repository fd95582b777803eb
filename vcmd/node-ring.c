// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-ring.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "vcmd/broker.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/node-bell.h"
#include "vcmd/node-guard.h"
#include "vcmd/node-window.h"
#include "vcmd/node.h"

#define SERVICE "vcm"
/* Messages of one node before others have their turn. */
#define TURN_MESSAGES 16
/* How often a node is looked at: from the least to the most, one that cannot ring, and one that has all our buffers, as
 * giving one back need not be told; one that has not said anything yet is kicked again, too. For its status, whatever it
 * does. */
#define POLL_MIN_MS 1
#define POLL_MAX_MS 16
#define ANNOUNCE_MS 2
#define STATUS_MS 50
/* How long the status is 0 for a node that has asked to be reset, and may look for that; and how far starts are apart at
 * least, for one that resets over and over. */
#define HOLD_MS 20
/* One that looks at no status is waited for so long, until it is at rest for that time. */
#define SETTLE_MS 1000
/* Its memory is not there: perhaps it comes back. */
#define LOST_MS 1000

#define NS_PER_MS 1000000u

enum ring_state {
	RING_ABSENT,
	RING_CLEARING,
	RING_UP,
	RING_ASKED,
};

struct node_ring {
	struct broker *broker;
	const struct config_node *config;
	enum ring_state state;
	struct node_window window;
	struct node_bell *bell;
	struct node *node;
	struct loop_timer *timer;
	struct loop_fd *watch; /* of no fd: of the rings themselves */
	bool in_turn, broken, announce_due;
	bool announce_full; /* it is, and there was no buffer for it */
	bool heard;         /* anything, since the rings were made */
	bool wants_room;    /* as the node was told */
	bool is_new; /* whoever there is has not been shown anything: a kick would speak of what was before */
	uint64_t deadline_ns; /* of ASKED */
	uint64_t held_ns;     /* of CLEARING: no start before */
	uint64_t n_starts, n_asked;
	unsigned int poll_ms, timer_ms; /* timer_ms: what the timer was set to, 0: it is not */
	bool served;                    /* something, since it was set */
	uint32_t remote; /* address of the node's end of the service; RPMSG_ADDR_ANY: not known yet */
	struct node_guard guard;
	struct log_limit complaints, comings;
};

/* --- out */

static void on_kick(void *ctx, enum ring ring)
{
	struct node_ring *r = ctx;

	if (r->bell && !r->is_new)
		node_bell_ring(r->bell, ring);
}

static size_t carrier_payload(const void *ctx)
{
	const struct node_ring *r = ctx;

	return r->config->geometry.buffer_len - RPMSG_HEADER;
}

/* In a turn what is sent is shown with its last fragment: the answer is not to wait for what is still to be done for it. */
static int carrier_send(void *ctx, const void *fragment, size_t len, bool is_last)
{
	struct node_ring *r = ctx;
	int err;

	if (r->state != RING_UP || r->broken ||
	    !node_guard_send(&r->guard, r->config->address, r->remote, fragment, len,
			     is_last && r->in_turn, &err))
		return -ENOTCONN;
	r->served |= err == 0;
	if (err == -EPROTO) {
		r->broken = true;
		loop_again(r->watch);
	}
	return err;
}

static void carrier_flush(void *ctx)
{
	struct node_ring *r = ctx;

	if (r->state == RING_UP && !r->in_turn && node_guard_flush(&r->guard) &&
	    node_waits_for_room(r->node))
		loop_again(r->watch);
}

static void carrier_wake(void *ctx)
{
	loop_again(((struct node_ring *)ctx)->watch);
}

/* --- the node's life */

static const char *state_name(enum ring_state state)
{
	switch (state) {
	case RING_ABSENT:
		return "absent";
	case RING_CLEARING:
		return "clearing";
	case RING_UP:
		return "up";
	case RING_ASKED:
		return "asked to reset";
	}
	return "";
}

static void enter(struct node_ring *r, enum ring_state state)
{
	log_debug("node %s is %s", r->config->name, state_name(state));
	r->state = state;
}

static void hold(struct node_ring *r)
{
	r->held_ns = clock_now_ns() + (uint64_t)HOLD_MS * NS_PER_MS;
}

/* Who has not torn down when it was asked to goes on. What it is in the middle of is over, and it is told so; and who has
 * started meanwhile waits for an announcement. */
static void start(struct node_ring *r)
{
	bool doubted = r->guard.stay == NODE_STAY_DOUBTED;

	r->broken = r->heard = false;
	r->announce_due = r->announce_full = r->wants_room = false;
	r->poll_ms = POLL_MIN_MS;
	r->n_starts++;
	hold(r);
	enter(r, RING_UP);
	if (!node_guard_start(&r->guard, !node_bell_works(r->bell), r->config->address, &r->remote))
		return;
	r->announce_due = doubted && r->remote != RPMSG_ADDR_ANY;
	node_orphan(r->node, r->remote != RPMSG_ADDR_ANY);
}

/* The session ends now: the node does not touch any more what was its own, or had its time to leave it alone. */
static void clear(struct node_ring *r, const char *why)
{
	if (r->state == RING_UP)
		node_guard_stop(&r->guard, false);
	node_end(r->node, why, true);
	enter(r, RING_CLEARING);
	loop_again(r->watch);
}

/* One that wrote 0 has seen it; one that asked for a reset may wait for it. */
static void clear_for_node(struct node_ring *r, enum driver_look look)
{
	if (look != DRIVER_GONE)
		hold(r);
	clear(r, look == DRIVER_GONE ? "the node has reset" : "the node wants a reset");
}

static void ask(struct node_ring *r, const char *why)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&r->complaints, clock_coarse_ns(), &unsaid))
		log_warning("node %s is asked to reset: %s%s", r->config->name, why, unsaid.text);
	node_guard_stop(&r->guard, true);
	if (r->state == RING_UP)
		node_guard_doubt(&r->guard);
	r->n_asked++;
	r->deadline_ns = clock_now_ns() + (uint64_t)r->config->reset_timeout_ms * NS_PER_MS;
	enter(r, RING_ASKED);
	loop_again(r->watch);
}

static void carrier_reset(void *ctx, const char *why)
{
	struct node_ring *r = ctx;

	if (r->state == RING_UP)
		ask(r, why);
}

static const struct node_carrier carrier = {
	.payload = carrier_payload,
	.send = carrier_send,
	.flush = carrier_flush,
	.wake = carrier_wake,
	.reset = carrier_reset,
};

/* --- in */

static void on_announcement(struct node_ring *r, const struct driver_message *m, bool gone)
{
	bool anew;

	if (strcmp(m->name, SERVICE) != 0)
		return;
	anew = !gone && node_guard_announced(&r->guard);
	if (node_has_session(r->node))
		node_end(r->node, gone ? "its service is withdrawn" : "its service is a new one",
			 true);
	r->remote = gone ? RPMSG_ADDR_ANY : m->addr;
	r->announce_due = !gone;
	r->announce_full = false;
	if (anew)
		ask(r, "it has started anew");
}

/* Whoever speaks first is the peer, until it goes; nobody else is heard. */
static void on_message(struct node_ring *r, const struct driver_message *m)
{
	if (m->dst != r->config->address)
		return;
	if (r->remote == RPMSG_ADDR_ANY)
		r->remote = m->src;
	if (r->remote == m->src)
		node_fragment(r->node, m->data, m->len);
}

static void serve_event(struct node_ring *r, enum driver_event event,
			const struct driver_message *m)
{
	switch (event) {
	case DRIVER_NOTHING:
	case DRIVER_DROPPED:
		return;
	case DRIVER_BROKEN:
		r->broken = true;
		return;
	case DRIVER_MESSAGE:
		on_message(r, m);
		return;
	case DRIVER_ANNOUNCED:
	case DRIVER_WITHDRAWN:
		on_announcement(r, m, event == DRIVER_WITHDRAWN);
		return;
	}
}

/* How many messages there were. *look: what the node says of itself. */
static unsigned int serve(struct node_ring *r, enum driver_look *look)
{
	struct driver_message m;
	enum driver_event event;
	unsigned int n = 0;

	for (; n < TURN_MESSAGES && r->state == RING_UP && !r->broken; n++) {
		if (!node_guard_next(&r->guard, node_listens(r->node), look, &event, &m) ||
		    event == DRIVER_NOTHING)
			break;
		serve_event(r, event, &m);
	}
	return n;
}

static bool needs_room(const struct node_ring *r)
{
	return r->announce_full || node_waits_for_room(r->node);
}

/* The name is announced once nothing of a former session is left. */
static void announce(struct node_ring *r)
{
	int err;

	if (r->announce_due && node_clear(r->node) &&
	    node_guard_announce(&r->guard, SERVICE, r->config->address, &err))
		r->announce_due = r->announce_full = err == -EAGAIN;
}

/* Asks to be told of room while somebody waits for it. True when some has come meanwhile. */
static bool watch_for_room(struct node_ring *r)
{
	bool wants = needs_room(r), has_come;

	if (!wants && !r->wants_room)
		return false;
	r->wants_room = wants;
	return node_guard_want_room(&r->guard, wants, &has_come) && has_come;
}

/* --- turns */

/* What has been waiting for buffers goes out. */
static void send_rest(struct node_ring *r)
{
	if (node_waits_for_room(r->node))
		node_room(r->node);
	announce(r);
	if (r->state == RING_UP)
		node_guard_flush(&r->guard);
}

/*
 * How many messages there were. Called over and over while the loop polls: where there is nothing, it looks at the rings,
 * and writes to nothing that the node reads.
 */
static unsigned int turn_up(struct node_ring *r)
{
	enum driver_look look = DRIVER_FINE;
	unsigned int n;

	r->in_turn = true;
	n = serve(r, &look);
	if (look == DRIVER_FINE && (n == TURN_MESSAGES || r->announce_due || needs_room(r)))
		send_rest(r);
	r->in_turn = false;
	r->heard |= n > 0;
	if (r->state != RING_UP)
		return n;
	if (look != DRIVER_FINE)
		clear_for_node(r, look);
	else if (r->broken)
		ask(r, "its rings are broken");
	else if (watch_for_room(r) || (n == TURN_MESSAGES && node_listens(r->node)))
		loop_again(r->watch);
	return n;
}

static void turn_asked(struct node_ring *r)
{
	enum driver_look look;

	if (!node_guard_look(&r->guard, &look) || look == DRIVER_GONE) {
		r->guard.stay = NODE_STAY_NO;
		clear(r, "the node has reset");
	} else if (clock_now_ns() >= r->deadline_ns) {
		clear(r, "the node does not reset");
	}
}

/* When the node is looked at again at the latest; 0: not before something happens. */
static unsigned int period(const struct node_ring *r)
{
	if (r->guard.lost)
		return LOST_MS;
	switch (r->state) {
	case RING_ABSENT:
		return 0;
	case RING_CLEARING:
	case RING_ASKED:
		return POLL_MIN_MS;
	case RING_UP:
		break;
	}
	/* What is left of a former session is being taken back. */
	if (r->announce_due && !r->announce_full)
		return ANNOUNCE_MS;
	if (!node_bell_works(r->bell))
		return r->poll_ms;
	return (r->heard && !needs_room(r)) || r->poll_ms == POLL_MAX_MS ? STATUS_MS : r->poll_ms;
}

/* Turns come often, while the loop polls: only what has changed is set. */
static void set_timer(struct node_ring *r, bool timed)
{
	unsigned int ms;

	if (r->served)
		r->poll_ms = POLL_MIN_MS;
	else if (timed && r->poll_ms < POLL_MAX_MS)
		r->poll_ms *= 2;
	ms = period(r);
	if (!timed && ms == r->timer_ms)
		return;
	r->served = false;
	r->timer_ms = ms;
	if (ms)
		loop_timer_set(r->timer, ms);
	else
		loop_timer_clear(r->timer);
}

/* Not before who knows of no reset is at rest, or has had its time. */
static bool may_start(struct node_ring *r, bool timed)
{
	const uint64_t now = clock_now_ns(), settled = (uint64_t)SETTLE_MS * NS_PER_MS;

	if (r->state != RING_CLEARING || (r->guard.lost && !timed) || now < r->held_ns)
		return false;
	if (node_guard_settles(&r->guard) || now >= r->deadline_ns + settled)
		return node_clear(r->node);
	hold(r);
	return false;
}

/* Whether there was something; a start is nothing to poll for. timed: called by the timer, after as long as that was set to. */
static bool turn(struct node_ring *r, bool timed)
{
	bool served = false;

	if (r->guard.lost && r->state == RING_UP)
		clear(r, "its memory has gone");
	else if (r->state == RING_UP)
		served = turn_up(r) > 0;
	else if (r->state == RING_ASKED)
		turn_asked(r);
	if (may_start(r, timed))
		start(r);
	r->served |= served;
	set_timer(r, timed);
	return served;
}

/* A node that was not ready when the rings were has missed our kick, and may wait for one: soon, then less and less often. */
static void knock(struct node_ring *r)
{
	if (r->state == RING_UP && !r->heard && node_bell_works(r->bell))
		driver_knock(&r->guard.driver);
}

static void on_timer(void *ctx)
{
	struct node_ring *r = ctx;

	knock(r);
	if (turn(r, true) && !node_bell_works(r->bell))
		loop_served_late(r->watch);
}

/* Also called when there is nothing, while the loop polls. */
static void on_again(void *ctx, unsigned int what _unused_)
{
	struct node_ring *r = ctx;

	if (turn(r, false))
		loop_served(r->watch);
}

/* Who cannot ring is not asked to, ever. */
static bool on_spin(void *ctx, bool spins)
{
	struct node_ring *r = ctx;
	bool has_come;

	return r->state == RING_UP && node_bell_works(r->bell) &&
	       node_guard_set_polled(&r->guard, spins, &has_come) && has_come;
}

static void on_rung(void *ctx)
{
	on_again(ctx, LOOP_READ);
}

static void say_coming(struct node_ring *r, const char *what)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&r->comings, clock_coarse_ns(), &unsaid))
		log_info("node %s: %s%s", r->config->name, what, unsaid.text);
}

/* What it is shown is there already: at least the table; and rings, if nothing is left of whoever was there before, and was
 * not there just now. */
static void on_joined(void *ctx)
{
	struct node_ring *r = ctx;

	say_coming(r, "somebody has come");
	r->guard.stay = NODE_STAY_NO;
	r->is_new = true;
	clear(r, "somebody new has come");
	r->is_new = false;
	node_guard_prepare(&r->guard);
	turn(r, false);
}

/* A window in a file is still there, for whoever looks at it. */
static void on_left(void *ctx)
{
	struct node_ring *r = ctx;

	say_coming(r, "it has gone");
	r->guard.stay = NODE_STAY_NO;
	clear(r, "the node has gone");
	if (!r->config->file)
		enter(r, RING_ABSENT);
}

static const struct node_bell_handler bell_handler = {
	.rung = on_rung,
	.joined = on_joined,
	.left = on_left,
};

/* --- life */

/* Whoever was started in our former life tears down what it had then, first. */
static void begin(struct node_ring *r)
{
	bool found;

	/* ABSENT */
	if (r->window.is_new && !r->config->file && r->config->socket)
		return;
	r->state = RING_CLEARING;
	if (!r->window.is_new && node_guard_find(&r->guard, &found) && found) {
		ask(r, "vcmd has started");
		node_guard_probe(&r->guard);
	}
	loop_again(r->watch);
}

static int open_parts(struct node_ring *r, struct reason *why)
{
	const struct config_node *c = r->config;
	struct shared shared = { .len = c->len, .da = c->base };
	int err = node_window_open(&r->window, c, r->broker->store, why);

	if (err < 0)
		return err;
	shared.base = r->window.base;
	r->guard = (struct node_guard){ .name = c->name, .on_lost = carrier_wake, .ctx = r };
	driver_init(&r->guard.driver, &shared, &c->geometry, on_kick, r);
	err = node_bell_new(r->broker->loop, c, r->window.fd, &bell_handler, r, &r->bell, why);
	if (err < 0)
		return err;
	r->timer = loop_timer_new(r->broker->loop, on_timer, r);
	r->watch = loop_watch(r->broker->loop, -1, LOOP_READ, true, on_again, r);
	r->node = node_new(r->broker, c, &carrier, r);
	if (r->watch)
		loop_watch_spins(r->watch, on_spin);
	return r->timer && r->watch && r->node ? 0 : refuse(why, -ENOMEM, "out of memory");
}

CLEANUP_DEFINE(struct node_ring *, node_ring_free)

struct node_ring *node_ring_new(struct broker *b, const struct config_node *config,
				struct reason *why)
{
	_cleanup_(node_ring_freep) struct node_ring *r = mem_new0(struct node_ring);

	if (!r) {
		refuse(why, -ENOMEM, "out of memory");
		return NULL;
	}
	r->broker = b;
	r->config = config;
	r->window = NODE_WINDOW_NULL;
	if (open_parts(r, why) < 0)
		return NULL;
	begin(r);
	return STEAL_PTR(r);
}

void node_ring_report(const struct node_ring *r, struct node_report *out)
{
	static const char *const kicks[] = {
		[KICK_EVENTFD] = "eventfd", [KICK_UIO] = "uio", [KICK_POLL] = "poll"
	};

	*out = node_report(r->node);
	out->carrier = "rings";
	out->kick = kicks[node_bell_works(r->bell) ? r->config->kick : KICK_POLL];
	out->state = r->guard.lost ? "without its memory" : state_name(r->state);
	out->epoch = r->n_starts;
	out->descriptors = r->config->geometry.num;
	out->n_dropped = r->guard.driver.stats.n_dropped;
	out->n_resets = r->n_asked;
	out->n_kicks = r->guard.driver.stats.n_kicks;
}

struct node_ring *node_ring_free(struct node_ring *r)
{
	if (!r)
		return NULL;
	if (r->state == RING_UP)
		node_guard_stop(&r->guard, true);
	node_free(r->node);
	loop_unwatch(r->watch);
	loop_timer_free(r->timer);
	node_bell_free(r->bell);
	node_window_deinit(&r->window);
	return mem_free(r);
}
