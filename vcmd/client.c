// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/call.h"
#include "vcmd/config.h"
#include "vcmd/copy.h"
#include "vcmd/fault.h"
#include "vcmd/journal.h"
#include "vcmd/link.h"
#include "vcmd/loop.h"
#include "vcmd/monitor.h"
#include "vcmd/ops.h"
#include "vcmd/pending.h"
#include "vcmd/pipeline.h"
#include "vcmd/resume.h"
#include "vcmd/rights.h"
#include "vcmd/simulate.h"
#include "vcmd/transport.h"

/* Objects that one slice of a session's end takes back: well below a millisecond. */
#define RECLAIM_BUDGET 256
/* Without memory for the plan, the end is tried again after a while. */
#define RECLAIM_RETRY_MS 100

/* 0 outside a session. */
static uint64_t session_of(const struct client *c)
{
	return c->session ? c->session->id : 0;
}

static void drop_hooks(struct client *c)
{
	struct hook *h;

	while ((h = LIST_FIRST(&c->hooks))) {
		LIST_REMOVE(h, link);
		mem_free(h);
	}
}

static void close_link(struct client *c)
{
	if (c->link)
		c->transport->close(c->link);
	c->link = NULL;
}

static void client_free(struct client *c)
{
	drop_hooks(c);
	loop_idle_free(c->reclaim);
	loop_timer_free(c->retry);
	loop_timer_free(c->grace);
	close_link(c);
	TAILQ_REMOVE(&c->broker->clients, c, entry);
	c->broker->n_clients--;
	broker_changed(c->broker);
	replies_deinit(&c->replies);
	if (c->owner && c->transport->ended)
		c->transport->ended(c->owner);
	mem_free(c);
}

/* What kept memory of a user whose last session has gone is given back. */
static void forget_user(struct broker *b, struct user *u)
{
	struct reason why;

	if (u->n_sessions || !u->cached_bytes)
		return;
	plan_begin(&b->plan, b->graph, &why);
	if (plan_evict_user(&b->plan, u) < 0)
		plan_abort(&b->plan); /* kept memory is no loss: pressure will find it */
	else
		pipeline_execute(b, &why);
	loop_idle_kick(b->chores);
}

static void announce(const struct client *c, bool gone)
{
	if (c->broker->on_session)
		c->broker->on_session(c->broker->on_session_ctx, c->session, gone);
}

/* Everything of the session has been taken back. */
static void over(struct client *c)
{
	struct user *u = c->session->user;

	announce(c, true);
	log_about(LOG_L_INFO, LOG_ABOUT(.session = c->session->id),
		  "session %llu is over: %llu requests, %llu refused",
		  (unsigned long long)c->session->id, (unsigned long long)c->n_requests,
		  (unsigned long long)c->n_refused);
	monitor_session(c->broker->monitor, c, false);
	journal_session_gone(c->broker->journal, c->session->id);
	c->session = session_free(c->session);
	c->state = CLIENT_OVER;
	forget_user(c->broker, u);
	if (!c->link) {
		client_free(c);
		return;
	}
	if (c->bye_serial)
		client_reply_short(c, c->bye_serial, 0, NULL);
}

/* One slice. 1: there is more; 0: it is over; -ENOMEM: nothing was done. */
static int reclaim_slice(struct client *c)
{
	struct broker *b = c->broker;
	struct reason why;
	int more, r;

	plan_begin(&b->plan, b->graph, &why);
	more = plan_reclaim(&b->plan, c->session, RECLAIM_BUDGET);
	if (more < 0) {
		plan_abort(&b->plan);
		return more;
	}
	r = pipeline_execute(b, &why);
	if (r < 0) {
		log_about(LOG_L_WARNING, LOG_ABOUT(.session = c->session->id),
			  "session %llu: %s; it is tried again", (unsigned long long)c->session->id,
			  why.text);
		return r;
	}
	loop_idle_kick(b->chores);
	return more;
}

static bool reclaim_idle(void *ctx)
{
	struct client *c = ctx;
	int r = reclaim_slice(c);

	if (r < 0) {
		loop_timer_set(c->retry, RECLAIM_RETRY_MS);
		return false;
	}
	if (r == 0)
		over(c); /* c may be gone */
	return r > 0;
}

static void reclaim_again(void *ctx)
{
	struct client *c = ctx;

	loop_idle_kick(c->reclaim);
}

/* The session ends: what waits for it is given up first, then everything is taken back. */
void client_end(struct client *c)
{
	int r;

	c->state = CLIENT_ENDING;
	simulate_abandon(c);
	copy_abandon(c);
	pending_abandon(c);
	monitor_abandon(c->broker->monitor, c);
	faults_abandon(c->broker->faults, c);
	drop_hooks(c);
	r = reclaim_slice(c);
	if (r == 0)
		over(c);
	else if (r > 0)
		loop_idle_kick(c->reclaim);
	else
		loop_timer_set(c->retry, RECLAIM_RETRY_MS);
}

void client_gone(struct client *c, const char *why)
{
	log_debug("%s, pid %d: %s", c->name, (int)c->pid, why);
	close_link(c);
	if (c->state == CLIENT_LIVE)
		client_end(c);
	else if (c->state != CLIENT_ENDING)
		client_free(c);
}

void client_kill(struct client *c, const struct client *by)
{
	log_about(LOG_L_NOTICE, LOG_ABOUT(.session = session_of(c)),
		  "session %llu (%s, pid %d, uid %u) is ended by %s, pid %d, uid %u",
		  (unsigned long long)session_of(c), c->name, (int)c->pid, c->uid, by->name,
		  (int)by->pid, by->uid);
	/* Not at once: a request is under way. */
	if (c->link)
		c->transport->break_off(c->link, "it was ended by somebody who may");
	else if (c->state == CLIENT_WAITING)
		loop_timer_set(c->grace, 0);
}

void client_packet(struct client *c, const void *buf, size_t len)
{
	struct reason why = { "" };

	if (pipeline_packet(c->broker, c, buf, len, &why) == 0)
		return;
	log_about(LOG_L_WARNING, LOG_ABOUT(.session = session_of(c)),
		  "%s, pid %d, uid %u breaks the protocol: %s", c->name, (int)c->pid, c->uid,
		  why.text);
	client_gone(c, why.text);
}

/* --- over a socket */

static void link_packet(void *ctx, const void *buf, size_t len, struct fdset *fds _unused_)
{
	client_packet(ctx, buf, len);
}

static void link_gone(void *ctx, const char *why)
{
	client_gone(ctx, why);
}

static const struct link_handler link_handler = {
	.packet = link_packet,
	.gone = link_gone,
};

static int over_link_send(void *l, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	return link_send(l, buf, len, fds, n_fds);
}

static int over_link_send_event(void *l, const void *buf, size_t len)
{
	return link_send_event(l, buf, len);
}

static int over_link_open_events(void *l)
{
	return link_open_events(l);
}

static void over_link_break_off(void *l, const char *why)
{
	link_break(l, why);
}

static void over_link_pause(void *l)
{
	link_pause(l);
}

static void over_link_resume(void *l)
{
	link_resume(l);
}

static const struct transport_peer *over_link_peer(const void *l)
{
	return link_peer(l);
}

static void over_link_close(void *l)
{
	link_free(l);
}

static const struct transport over_link = {
	.send = over_link_send,
	.send_event = over_link_send_event,
	.open_events = over_link_open_events,
	.break_off = over_link_break_off,
	.pause = over_link_pause,
	.resume = over_link_resume,
	.peer = over_link_peer,
	.close = over_link_close,
};

/* --- life */

static void set_link(struct client *c, void *link)
{
	const struct transport_peer *peer = c->transport->peer(link);

	c->link = link;
	c->owner = link;
	c->pid = peer->pid;
	c->uid = peer->uid;
	c->gid = peer->gid;
}

static struct client *new_client(struct broker *b, const struct transport *transport)
{
	struct client *c = mem_new0(struct client);

	if (!c)
		return NULL;
	c->broker = b;
	c->transport = transport;
	c->limits = b->config->limits;
	c->max_message = PROTO_MAX_MESSAGE;
	c->max_ops = PROTO_MAX_OPS;
	c->max_data = PROTO_MAX_DATA;
	LIST_INIT(&c->hooks);
	LIST_INIT(&c->transactions);
	LIST_INIT(&c->copies);
	LIST_INIT(&c->pendings);
	snprintf(c->name, sizeof(c->name), "(new)");
	TAILQ_INSERT_TAIL(&b->clients, c, entry);
	b->n_clients++;
	c->reclaim = loop_idle_new(b->loop, reclaim_idle, c);
	c->retry = loop_timer_new(b->loop, reclaim_again, c);
	if (c->reclaim && c->retry)
		return c;
	client_free(c);
	return NULL;
}

struct client *client_new(struct broker *b, const struct transport *transport, void *link)
{
	struct client *c = new_client(b, transport);

	if (c)
		set_link(c, link);
	return c;
}

/* They may be taken up again by who may not begin any. */
static bool has_sessions(const struct broker *b, uid_t uid)
{
	struct user key = { .uid = uid };
	const struct user *u = RB_FIND(user_tree, &b->graph->users, &key);

	return u && u->n_sessions;
}

void client_accept(struct broker *b, int fd)
{
	struct client *c = new_client(b, &over_link);
	const struct transport_peer *peer;
	struct link *link = NULL;

	if (!c || link_new(b->loop, fd, &link_handler, c, &link) < 0) {
		log_warning("a connection is refused: the broker is out of memory");
		close(fd);
		if (c)
			client_free(c);
		return;
	}
	set_link(c, link);
	peer = client_peer(c);
	if (rights_access(b, peer) || has_sessions(b, peer->uid)) {
		broker_changed(b);
		return;
	}
	log_info("pid %d, uid %u: no access", (int)c->pid, c->uid);
	client_free(c);
}

struct client *client_restore(struct broker *b, struct session *s)
{
	struct client *c = new_client(b, &over_link);

	if (!c)
		return NULL;
	c->uid = s->user->uid;
	if (resume_wait(c) < 0) {
		client_free(c);
		return NULL;
	}
	c->session = s;
	s->hw = c;
	return c;
}

void client_discard(struct client *c)
{
	assert(!c->session && LIST_EMPTY(&c->transactions) && LIST_EMPTY(&c->copies));
	client_free(c);
}

void client_finish(struct client *c)
{
	int r;

	close_link(c);
	monitor_abandon(c->broker->monitor, c);
	if (c->state == CLIENT_LIVE) {
		simulate_abandon(c);
		copy_abandon(c);
		pending_abandon(c);
		faults_abandon(c->broker->faults, c);
	}
	if (c->session) {
		do
			r = reclaim_slice(c);
		while (r > 0);
		if (r < 0) {
			log_about(LOG_L_ERROR, LOG_ABOUT(.session = c->session->id),
				  "session %llu cannot be taken back",
				  (unsigned long long)c->session->id);
			abort(); /* what its devices may reach must not be given to anybody else */
		}
		journal_session_gone(c->broker->journal, c->session->id);
		c->session = session_free(c->session);
	}
	client_free(c);
}

struct limits client_limits_for(const struct config_limits *l, uid_t uid)
{
	if (uid == 0)
		return (struct limits){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	return (struct limits){ .bytes = l->bytes,
				.objects = l->objects,
				.sessions = l->sessions,
				.table_bytes = l->table_bytes };
}

struct limits client_limits(const struct client *c)
{
	return client_limits_for(&c->limits, c->uid);
}

/* What is in the broker's buffer. */
static int send_packet(const struct client *c, size_t len, const int *fds, size_t n_fds)
{
	return c->transport->send(c->link, c->broker->out, len, fds, n_fds);
}

/* event_fd: the client's; -1: its events come with the replies. */
static int welcome(struct client *c, uint64_t serial, int event_fd)
{
	struct welcome w = { .version = PROTO_VERSION,
			     .max_message = c->max_message,
			     .max_ops = c->max_ops,
			     .max_data = c->max_data,
			     .session = c->session->id,
			     .grace = c->broker->journal && !c->transport->fleeting ?
					      c->broker->config->grace_ms :
					      0 };
	struct reply reply = { .serial = serial, .welcome = &w };
	long n;

	memcpy(w.token, c->token, sizeof(w.token));
	n = reply_encode(c->broker->encoder, &reply, c->broker->out, c->max_message);
	return n < 0 ? (int)n : send_packet(c, (size_t)n, &event_fd, event_fd >= 0);
}

/* The number of bytes in the broker's buffer. Pieces that do not fit with the rest are asked for again. */
static long encode_reply(struct client *c, const struct reply *reply, size_t *n_fds)
{
	struct reply shorter = *reply;
	long n = reply_encode(c->broker->encoder, reply, c->broker->out, c->max_message);

	if (n != -EMSGSIZE || !reply->n_pieces)
		return n;
	client_forget_given(c);
	shorter.n_pieces = 0;
	*n_fds = 0;
	return reply_encode(c->broker->encoder, &shorter, c->broker->out, c->max_message);
}

/* A client that would wait for ever for what cannot be sent is rather told that its link is broken. */
static void send_reply(struct client *c, const struct reply *reply, const int *fds, size_t n_fds)
{
	long n = c->link ? encode_reply(c, reply, &n_fds) : 0;
	int r = n > 0 ? send_packet(c, (size_t)n, fds, n_fds) : (int)n;

	if (r == 0 || r == -EPIPE) /* a client that has gone misses nothing */
		return;
	if (n == -EMSGSIZE && !reply->status) {
		client_reply_short(c, reply->serial, -EMSGSIZE, "the reply is too long for you");
		return;
	}
	log_about(LOG_L_WARNING, LOG_ABOUT(.session = session_of(c)),
		  "%s, pid %d: a reply cannot be sent: %s", c->name, (int)c->pid, strerror(-r));
	c->transport->break_off(c->link, "a reply cannot be sent");
}

static void turn_away(struct client *c, uint64_t serial, int status, const struct reason *why)
{
	send_reply(c, &(struct reply){ .serial = serial, .status = status, .reason = why->text },
		   NULL, 0);
}

void client_reply_value(struct client *c, uint64_t serial, uint64_t value)
{
	send_reply(c, &(struct reply){ .serial = serial, .values = &value, .n_values = 1 }, NULL,
		   0);
}

void client_reply_data(struct client *c, uint64_t serial, const void *data, size_t len)
{
	send_reply(c, &(struct reply){ .serial = serial, .data = data, .n_data = len }, NULL, 0);
}

void client_reply_short(struct client *c, uint64_t serial, int status, const char *reason)
{
	send_reply(c, &(struct reply){ .serial = serial, .status = status, .reason = reason }, NULL,
		   0);
}

/* From here on the session outlives the broker. */
static int begin(struct client *c)
{
	struct reason why;

	if (getrandom(c->token, sizeof(c->token), 0) != sizeof(c->token))
		return -EIO;
	return journal_session(c->broker->journal, c, &why);
}

/* A client that cannot be told is rather waited for: it will come again. */
static int hello_again(struct client *c, const struct request *req, struct reason *why)
{
	struct client *old = resume_find(c, &req->hello, why);
	int events _cleanup_(fd_closep) = old ? c->transport->open_events(c->link) : -ESTALE;
	int r;

	if (events < 0 && events != -EOPNOTSUPP) {
		if (old)
			refuse(why, 0, "the broker is short of fds");
		turn_away(c, req->serial, old ? -EAGAIN : -ESTALE, why);
		return 0;
	}
	resume_take(c, old, &req->hello);
	c->state = CLIENT_LIVE;
	replies_seen(&c->replies, req->serial);
	r = welcome(c, req->serial, events);
	if (r == 0) {
		faults_tell_again(c->broker->faults, c);
		return 0;
	}
	close_link(c);
	if (resume_wait(c) < 0)
		client_end(c);
	return 0;
}

int client_hello(struct client *c, const struct request *req, struct reason *why)
{
	struct limits limits = client_limits(c);
	int events _cleanup_(fd_closep) = -1;
	struct user *u;
	int r;

	if (c->state != CLIENT_NEW)
		return refuse(why, -EPROTO, "a second hello");
	snprintf(c->name, sizeof(c->name), "%s", req->hello.name);
	if (req->hello.version != PROTO_VERSION) {
		refuse(why, 0, "protocol version %u is not %u", req->hello.version, PROTO_VERSION);
		turn_away(c, req->serial, -EPROTO, why);
		return 0;
	}
	if (req->hello.session)
		return hello_again(c, req, why);
	if (!c->transport->is_configured && !rights_access(c->broker, client_peer(c))) {
		refuse(why, 0, "user %u may not connect: `access` says who may", c->uid);
		turn_away(c, req->serial, -EACCES, why);
		return 0;
	}
	u = user_get(c->broker->graph, c->uid, &limits);
	r = u ? session_new(c->broker->graph, u, &c->session, why) :
		refuse(why, -ENOMEM, "the broker is out of memory");
	if (r < 0) {
		turn_away(c, req->serial, r, why);
		return 0;
	}
	c->session->hw = c;
	c->state = CLIENT_LIVE;
	events = c->transport->open_events(c->link);
	r = events < 0 && events != -EOPNOTSUPP ? events : begin(c);
	if (r == 0)
		r = welcome(c, req->serial, events);
	if (r == 0) {
		monitor_session(c->broker->monitor, c, true);
		announce(c, false);
		log_about(LOG_L_INFO, LOG_ABOUT(.session = c->session->id),
			  "session %llu: %s, pid %d, uid %u", (unsigned long long)c->session->id,
			  c->name, (int)c->pid, c->uid);
		return 0;
	}
	refuse(why, r, "the broker is short of fds or memory");
	turn_away(c, req->serial, -ENOMEM, why);
	client_end(c);
	return 0;
}

int op_bye(struct call *c, const struct op *op _unused_)
{
	/* The session ends once this request is through: its plan is open here. */
	c->client->bye_serial = c->serial;
	return CALL_PARKED;
}

int op_ping(struct call *c _unused_, const struct op *op _unused_)
{
	return 0;
}

void client_reply(struct client *c, uint64_t serial, const struct answer *a)
{
	struct reply reply = { .serial = serial,
			       .status = a->status,
			       .failed = a->status ? a->failed : 0,
			       .reason = a->status ? a->why.text : NULL,
			       .values = a->values,
			       .n_values = a->n_values,
			       .pieces = a->pieces,
			       .n_pieces = a->n_pieces,
			       .data = a->data,
			       .n_data = a->n_data,
			       .rows = a->rows,
			       .n_rows = a->n_rows };

	send_reply(c, &reply, a->fds, a->n_fds);
}

void client_reply_kept(struct client *c, const struct reply_kept *kept)
{
	send_reply(c,
		   &(struct reply){ .serial = kept->serial,
				    .values = kept->values,
				    .n_values = kept->n_values },
		   NULL, 0);
}

void client_event(struct client *c, const struct fault_event *event)
{
	struct reply reply = { .fault = event };
	long n = reply_encode(c->broker->encoder, &reply, c->broker->out, c->max_message);

	if (c->link && n > 0)
		c->transport->send_event(c->link, c->broker->out, (size_t)n);
}

void client_notice(struct client *c, int status, const char *reason)
{
	client_reply_short(c, 0, status, reason);
}

void client_park(struct client *c, bool holds)
{
	c->in_flight++;
	if (holds && ++c->n_holding == c->limits.in_flight && c->link)
		c->transport->pause(c->link);
}

void client_unpark(struct client *c, bool holds)
{
	assert(c->in_flight && (!holds || c->n_holding));
	c->in_flight--;
	if (holds && c->n_holding-- == c->limits.in_flight && c->link)
		c->transport->resume(c->link);
}

void client_after_request(struct client *c)
{
	if (c->state == CLIENT_LIVE && c->bye_serial)
		client_end(c);
}

void client_forget_given(struct client *c)
{
	memset(c->given, 0, sizeof(c->given));
}

static struct hook *find_hook(const struct client *c, uint32_t device)
{
	struct hook *h;

	LIST_FOREACH(h, &c->hooks, link)
		if (h->device == device)
			return h;
	return NULL;
}

bool client_has_hook(const struct client *c, uint32_t device)
{
	return find_hook(c, device);
}

int client_set_hook(struct client *c, uint32_t device, bool set)
{
	struct hook *h = find_hook(c, device);

	if (set == (h != NULL))
		return 0;
	if (!set) {
		LIST_REMOVE(h, link);
		mem_free(h);
		return 0;
	}
	h = mem_new0(struct hook);
	if (!h)
		return -ENOMEM;
	h->device = device;
	LIST_INSERT_HEAD(&c->hooks, h, link);
	return 0;
}

const struct transport_peer *client_peer(const struct client *c)
{
	return c->transport->peer(c->link);
}

struct client *client_of(const struct session *s)
{
	return s->hw;
}
