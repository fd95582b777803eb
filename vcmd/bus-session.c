// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-session.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/handle.h"
#include "graph/session.h"
#include "vcmd/broker.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-signal.h"
#include "vcmd/bus.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/transport.h"

#define HELLO_SERIAL 1
#define SERIAL_OF(ticket) ((uint64_t)(ticket) << 32)
#define LEAVING "not done: the broker leaves, and the session waits to be resumed"

/* --- the transport: from the broker to the bus */

static void end_soon(struct bus_session *s, const char *why)
{
	s->over = why;
	loop_timer_set(s->bus->later, 0);
}

/* Its owner may open another one at once. */
static void close_soon(struct bus_session *s)
{
	if (s->owner->session == s)
		s->owner->session = NULL;
	end_soon(s, "it was closed");
}

static struct bus_call *find_call(const struct bus_call_list *calls, uint64_t serial)
{
	struct bus_call *c;

	TAILQ_FOREACH(c, calls, link)
		if (c->serial == serial)
			return c;
	return NULL;
}

static void take_welcome(struct bus_session *s, const struct reply *reply)
{
	if (reply->welcome) {
		s->id = reply->welcome->session;
		memcpy(s->token, reply->welcome->token, sizeof(s->token));
	}
	s->status = reply->status;
	refuse(&s->why, 0, "%s", reply->reason);
}

/* Handles that we have chosen for what was not made after all, and those of what is gone. */
static void settle_handles(struct bus_session *s, const struct bus_call *c, bool done)
{
	for (size_t i = 0; i < c->n_ops; i++) {
		if (!done && c->ops[i].handle)
			bus_session_unpick(s, c->ops[i].handle);
		if (done && bus_signal_is_removal(c->ops[i].method->code))
			bus_session_unpick(s, c->ops[i].on);
	}
}

static void finish_call(struct bus_session *s, struct bus_call *c, const struct reply *reply,
			const int *fds, size_t n_fds)
{
	uint32_t code = c->ops[0].method->code;

	TAILQ_REMOVE(&s->calls, c, link);
	s->n_calls--;
	settle_handles(s, c, reply->status == 0);
	bus_call_reply(c, reply, fds, n_fds);
	if (reply->status == 0)
		bus_signal_done(s, c);
	if (code == OP_BYE) {
		s->closing = reply->status == 0;
		if (s->closing)
			close_soon(s);
	}
	bus_call_free(c);
}

static int session_send(void *ctx, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	struct bus_session *s = ctx;
	struct reason why;
	struct bus_call *c;
	struct reply reply;
	int r = reply_decode(s->bus->codec, buf, len, &reply, &why);

	if (r < 0)
		return r;
	if (reply.fault) {
		bus_signal_fault(s, reply.fault);
		return 0;
	}
	if (reply.serial == HELLO_SERIAL) {
		take_welcome(s, &reply);
		return 0;
	}
	c = find_call(&s->calls, reply.serial);
	if (c)
		finish_call(s, c, &reply, fds, n_fds);
	bus_sent(s->bus);
	return 0;
}

static int session_send_event(void *ctx, const void *buf, size_t len)
{
	return session_send(ctx, buf, len, NULL, 0);
}

static int session_open_events(void *ctx _unused_)
{
	return -EOPNOTSUPP;
}

static void session_break_off(void *ctx, const char *why)
{
	end_soon(ctx, why);
}

/* Nobody's calls can be left unread on a bus: while it is paused they are held, as many as may wait. */
static void session_pause(void *ctx)
{
	struct bus_session *s = ctx;

	s->n_pauses++;
}

static void session_resume(void *ctx)
{
	struct bus_session *s = ctx;

	s->n_pauses--;
	if (!TAILQ_EMPTY(&s->held))
		loop_timer_set(s->bus->later, 0); /* after what it waited for */
}

static const struct transport_peer *session_peer(const void *ctx)
{
	const struct bus_session *s = ctx;

	return &s->owner->who;
}

static void drop_calls(struct bus_session *s)
{
	struct bus_call *c;

	TAILQ_CONCAT(&s->calls, &s->held, link);
	while ((c = TAILQ_FIRST(&s->calls))) {
		TAILQ_REMOVE(&s->calls, c, link);
		bus_refuse_status(s->bus, c->m, -ECONNRESET,
				  s->bus->broker->leaving ? LEAVING : "the session has ended");
		bus_call_free(c);
	}
	if (s->holder && s->bus->broker->leaving)
		bus_refuse_status(s->bus, s->holder, -ECONNRESET, LEAVING);
	else if (s->holder && sd_bus_reply_method_return(s->holder, NULL) == -ENOMEM)
		bus_refuse_status(s->bus, s->holder, -ENOMEM, "");
	sd_bus_message_unref(s->holder);
}

static void session_close(void *ctx)
{
	struct bus_session *s = ctx;

	drop_calls(s);
	bus_sent(s->bus);
	if (s->owner->session == s)
		s->owner->session = NULL;
	LIST_REMOVE(s, link);
	s->client = NULL;
	if (!s->in_use)
		mem_free(s);
}

/* What has a ticket is asked again, and nothing else is. */
static enum replies_keep session_keeps(uint64_t serial)
{
	return serial && !(serial & (SERIAL_OF(1) - 1)) ? REPLIES_KEEP_ALL : REPLIES_KEEP_NONE;
}

static const struct transport over_bus = {
	.send = session_send,
	.send_event = session_send_event,
	.open_events = session_open_events,
	.break_off = session_break_off,
	.pause = session_pause,
	.resume = session_resume,
	.peer = session_peer,
	.keeps = session_keeps,
	.close = session_close,
};

/* --- life */

/* The length of the packet; a negative errno with the reason. The broker would cut off who sends it what is wrong. */
static long encode(const struct bus *bus, const struct request *req, struct reason *why)
{
	struct request checked;
	long n = request_encode(bus->codec, req, bus->packet, PROTO_MAX_MESSAGE);

	if (n < 0)
		return refuse(why, (int)n, "the call is longer than %d bytes as a message",
			      PROTO_MAX_MESSAGE);
	if (request_decode(bus->codec, bus->packet, (size_t)n, &checked, why) < 0)
		return -EINVAL;
	return n;
}

/* A session that goes on keeps its name; nobody learns it who does not get the session. */
static const char *name_for(const struct bus_session *s, const struct bus_opening *o)
{
	struct session key = { .id = o->id };
	const struct session *found =
		o->id ? RB_FIND(session_tree, &s->bus->broker->graph->sessions, &key) : NULL;

	if (found && client_of(found))
		return client_of(found)->name;
	return *o->name ? o->name : s->owner->name;
}

static int hello(struct bus_session *s, const struct bus_opening *o, struct reason *why)
{
	struct request req = {
		.serial = HELLO_SERIAL,
		.is_hello = true,
		.hello = { .version = PROTO_VERSION, .name = name_for(s, o), .session = o->id }
	};
	long n;

	memcpy(req.hello.token, o->token, sizeof(o->token));
	n = encode(s->bus, &req, why);

	if (n < 0)
		return (int)n;
	s->serial = HELLO_SERIAL;
	s->status = -EIO;
	client_packet(s->client, s->bus->packet, (size_t)n);
	if (!s->client || !s->id)
		return refuse(why, s->status ? s->status : -EIO, "%s", s->why.text);
	/* What comes without a ticket is new, and so after all that has been done. */
	if (s->client->last_changed > s->serial)
		s->serial = s->client->last_changed;
	s->seen = o->id ? 0 : UINT64_MAX;
	return 0;
}

static void unuse(struct bus_session *s)
{
	s->in_use = false;
	if (!s->client)
		mem_free(s);
}

int bus_session_open(struct bus_peer *p, const struct bus_opening *opening, struct reason *why)
{
	struct bus_session *s = mem_new0(struct bus_session);
	int r;

	if (!s)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	s->bus = p->bus;
	s->owner = p;
	s->shared = opening->shared;
	s->next_handle = 1;
	TAILQ_INIT(&s->calls);
	TAILQ_INIT(&s->held);
	s->client = client_new(p->bus->broker, &over_bus, s);
	if (!s->client) {
		mem_free(s);
		return refuse(why, -ENOMEM, "the broker is out of memory");
	}
	LIST_INSERT_HEAD(&p->bus->sessions, s, link);
	p->session = s;
	s->in_use = true;
	r = hello(s, opening, why);
	if (r < 0 && s->client)
		client_gone(s->client, "it was not let in");
	unuse(s);
	return r;
}

void bus_session_untold(struct bus_session *s)
{
	close_soon(s);
}

void bus_session_owner_gone(struct bus_peer *p)
{
	struct bus_session *s, *next;

	LIST_FOREACH_SAFE(s, &p->bus->sessions, link, next)
		if (s->owner == p)
			client_gone(s->client, "its name has vanished from the bus");
}

struct bus_session *bus_session_find(struct bus *bus, uint64_t id)
{
	struct bus_session *s;

	LIST_FOREACH(s, &bus->sessions, link)
		if (s->id == id)
			return s;
	return NULL;
}

bool bus_session_may_use(const struct bus_session *s, const struct bus_peer *p)
{
	return s->owner == p || (s->shared && s->owner->who.uid == p->who.uid);
}

/* --- requests */

/* What ends a wait must get through. */
static bool ends_a_wait(uint32_t code)
{
	return code == OP_FAULT_REPLY || code == OP_BYE;
}

static int check(const struct bus_session *s, uint32_t code, struct reason *why)
{
	uint64_t max = s->bus->broker->config->limits.in_flight;

	if (s->over || s->closing)
		return refuse(why, -ENOTCONN, "the session is over");
	if (s->n_calls >= (ends_a_wait(code) ? 2 * max : max))
		return refuse(why, -EBUSY, "%llu calls of the session wait already",
			      (unsigned long long)s->n_calls);
	return 0;
}

static bool wants_memory(const struct op *ops, size_t n_ops)
{
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].code == OP_BACK || ops[i].code == OP_PIECES)
			return true;
	return false;
}

/* Answers that nobody asks for again. */
static uint64_t acknowledged(const struct bus_session *s)
{
	const struct bus_call *c;
	uint64_t ack = s->client->last_serial < s->seen ? s->client->last_serial : s->seen;

	TAILQ_FOREACH(c, &s->calls, link)
		if (c->serial <= ack)
			ack = c->serial - 1;
	return ack;
}

static void refuse_call(struct bus_session *s, struct bus_call *call, int status, const char *why)
{
	settle_handles(s, call, false);
	bus_refuse_status(s->bus, call->m, status, why);
	bus_call_free(call);
}

/* The call is one of n_calls. */
static void submit(struct bus_session *s, struct bus_call *call, const struct op *ops, size_t n_ops)
{
	struct request req = { .serial = call->serial ? call->serial : s->serial + 1,
			       .ack = acknowledged(s),
			       .ops = ops,
			       .n_ops = n_ops };
	struct reason why = { "" };
	long n = s->over || s->closing ? refuse(&why, -ENOTCONN, "the session is over") :
					 encode(s->bus, &req, &why);

	if (n < 0) {
		s->n_calls--;
		refuse_call(s, call, (int)n, why.text);
		return;
	}
	bus_call_let_go(call);
	call->serial = req.serial;
	if (call->serial > s->serial)
		s->serial = call->serial;
	TAILQ_INSERT_TAIL(&s->calls, call, link);
	s->closing = ops[0].code == OP_BYE;
	/* The caller keeps no fd between calls. */
	if (wants_memory(ops, n_ops))
		client_forget_given(s->client);
	s->client->granted = call->granted;
	client_packet(s->client, s->bus->packet, (size_t)n);
}

static bool must_wait(const struct bus_session *s, uint32_t code)
{
	return !TAILQ_EMPTY(&s->held) ||
	       (s->n_pauses && (!ends_a_wait(code) || !LIST_EMPTY(&s->client->pendings)));
}

static int hold(struct bus_session *s, struct bus_call *call, const struct op *ops, size_t n_ops)
{
	call->ops_held = mem_zalloc(n_ops * sizeof(*ops));
	if (!call->ops_held)
		return -ENOMEM;
	memcpy(call->ops_held, ops, n_ops * sizeof(*ops));
	bus_call_keep(call, ops, n_ops);
	TAILQ_INSERT_TAIL(&s->held, call, link);
	return 0;
}

void bus_session_request(struct bus_session *s, struct bus_call *call, const struct op *ops,
			 size_t n_ops)
{
	bool waits = must_wait(s, ops[0].code);
	struct reason why = { "" };
	int r = check(s, ops[0].code, &why);

	if (r == 0 && waits)
		r = hold(s, call, ops, n_ops);
	if (r < 0) {
		refuse_call(s, call, r, why.text);
		return;
	}
	if (call->serial)
		s->last_ticket = call->serial;
	s->n_calls++;
	if (!waits)
		submit(s, call, ops, n_ops);
}

/* In order, until it is paused again; what ends that pause goes before the others then. */
static void submit_held(struct bus_session *s)
{
	struct bus_call *c, *next;

	TAILQ_FOREACH_SAFE(c, &s->held, link, next) {
		if (s->n_pauses && !ends_a_wait(c->ops[0].method->code))
			continue;
		TAILQ_REMOVE(&s->held, c, link);
		submit(s, c, c->ops_held, c->n_ops);
		if (!s->client) /* and no call is left */
			return;
	}
}

void bus_session_later(void *ctx)
{
	struct bus *bus = ctx;
	struct bus_session *s, *next;

	LIST_FOREACH_SAFE(s, &bus->sessions, link, next) {
		s->in_use = true;
		if (!s->over)
			submit_held(s);
		if (s->client && s->over)
			client_gone(s->client, s->over);
		unuse(s);
	}
}

int bus_session_take_ticket(struct bus_session *s, struct bus_call *call, uint32_t ticket,
			    uint32_t seen, struct reason *why)
{
	uint64_t serial = SERIAL_OF(ticket);
	struct reply_kept kept;

	if (!ticket || seen >= ticket)
		return refuse(why, -EINVAL, "ticket %u, and those up to %u seen", ticket, seen);
	if (find_call(&s->calls, serial) || find_call(&s->held, serial))
		return refuse(why, -EALREADY, "ticket %u is under way", ticket);
	if (replies_find(&s->client->replies, serial, &kept)) {
		bus_call_reply(call,
			       &(struct reply){ .serial = serial,
						.values = kept.values,
						.n_values = kept.n_values },
			       NULL, 0);
		return 1;
	}
	if (serial <= s->client->replies.ack)
		return refuse(why, -ESTALE,
			      "ticket %u: its answer, if there was one, has been seen", ticket);
	if (serial <= s->client->last_serial || serial <= s->last_ticket)
		return refuse(why, -ESTALE,
			      "ticket %u has changed nothing, and others after it are asked",
			      ticket);
	s->seen = SERIAL_OF(seen + 1) - 1;
	replies_seen(&s->client->replies,
		     s->seen); /* also of what this connection has not asked itself */
	call->serial = serial;
	return 0;
}

uint32_t bus_session_pick(struct bus_session *s)
{
	const struct handles *taken = s->client->session ? &s->client->session->client : NULL;

	while (taken && s->next_handle < PROTO_HANDLE_MAX && handles_get(taken, s->next_handle))
		s->next_handle++;
	return s->next_handle++;
}

void bus_session_unpick(struct bus_session *s, uint32_t handle)
{
	if (handle < s->next_handle)
		s->next_handle = handle;
}
