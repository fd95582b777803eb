// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/call.h"
#include "vcmd/clock.h"
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
/* Descriptors that others leave to root and to the daemon's own user. */
#define FILES_PART 64
#define FILES_MOST 64
/* Without memory for the plan, the end is tried again after a while. */
#define RECLAIM_RETRY_MS 100

uint64_t client_session_id(const struct client *c)
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

void client_close_link(struct client *c)
{
	if (c->link)
		c->transport->close(c->link);
	c->link = NULL;
}

/* --- strangers: connections that no quota of sessions counts ----------------------------------------------------------- */

/* More of a user's than that wait for nothing: whoever asks for a session does so at once. */
#define STRANGERS_MAX 64

static void too_late(void *ctx)
{
	client_gone(ctx, "it had no session in time");
}

void client_settle(struct client *c)
{
	if (!c->deadline)
		return;
	TAILQ_REMOVE(&c->broker->strangers, c, stranger);
	c->deadline = loop_timer_free(c->deadline);
}

/* 0, -ENOMEM. */
static int be_strange(struct client *c)
{
	c->deadline = loop_timer_new(c->broker->loop, too_late, c);
	if (!c->deadline)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&c->broker->strangers, c, stranger);
	loop_timer_set(c->deadline, c->broker->config->hello_ms);
	return 0;
}

/* The daemon's own user and root keep their way in. */
static bool are_too_many(const struct broker *b, uid_t uid)
{
	const struct client *c;
	size_t n = 0;

	if (uid == 0 || uid == geteuid())
		return false;
	TAILQ_FOREACH(c, &b->strangers, stranger)
		n += c->uid == uid;
	return n >= STRANGERS_MAX;
}

static void client_free(struct client *c)
{
	client_settle(c);
	drop_hooks(c);
	loop_idle_free(c->reclaim);
	loop_timer_free(c->retry);
	loop_timer_free(c->grace);
	client_close_link(c);
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

void client_announce(const struct client *c, bool begun)
{
	struct broker *b = c->broker;

	if (b->on_session)
		b->on_session(b->on_session_ctx, c->session, !begun);
	monitor_session(b->monitor, c, begun);
}

/* Everything of the session has been taken back. */
static void over(struct client *c)
{
	struct user *u = c->session->user;

	client_announce(c, false);
	log_about(LOG_L_INFO, LOG_ABOUT(.session = c->session->id),
		  "session %llu is over: %llu requests, %llu refused",
		  (unsigned long long)c->session->id, (unsigned long long)c->n_requests,
		  (unsigned long long)c->n_refused);
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
	if (c->transport == &client_over_link && c->link && be_strange(c) < 0)
		client_gone(c, "the broker is out of memory");
}

/* A device that does not become quiet keeps what the session has, and is tried again; the others end now, one by one. */
static void quiet_others(struct client *c)
{
	struct broker *b = c->broker;
	uint64_t n = c->session->n_active < RECLAIM_BUDGET ? c->session->n_active : RECLAIM_BUDGET;
	struct reason why;

	for (; n > 0; n--) {
		plan_begin(&b->plan, b->graph, &why);
		if (plan_reclaim_active(&b->plan, c->session) <= 0) {
			plan_abort(&b->plan);
			return;
		}
		pipeline_execute(b, &why);
	}
}

/* A device that does not let go is tried ten times a second, for as long as it takes. */
static void lament(struct client *c, const char *why)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&c->laments, clock_coarse_ns(), &unsaid))
		log_about(LOG_L_WARNING, LOG_ABOUT(.session = c->session->id),
			  "session %llu: %s; it is tried again%s",
			  (unsigned long long)c->session->id, why, unsaid.text);
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
		lament(c, why.text);
		if (c->session->n_active > 1)
			quiet_others(c);
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

/* Whoever follows this broker must not let it go on with what is left of it by then. */
static void note_end(const struct client *c)
{
	struct reason why = { "" };

	if (journal_session(c->broker->journal, c, &why) < 0)
		log_about(LOG_L_WARNING, LOG_ABOUT(.session = c->session->id),
			  "session %llu: that it ends is not written: %s",
			  (unsigned long long)c->session->id, why.text);
}

/* The session ends: what waits for it is given up first, then everything is taken back. */
void client_end(struct client *c)
{
	int r;

	c->state = CLIENT_ENDING;
	if (c->grace)
		loop_timer_clear(c->grace);
	note_end(c);
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
	client_close_link(c);
	if (c->state == CLIENT_LIVE)
		client_end(c);
	else if (c->state != CLIENT_ENDING)
		client_free(c);
}

void client_kill(struct client *c, const struct client *by)
{
	log_about(LOG_L_NOTICE, LOG_ABOUT(.session = client_session_id(c)),
		  "session %llu (%s, pid %d, uid %u) is ended by %s, pid %d, uid %u",
		  (unsigned long long)client_session_id(c), c->name, (int)c->pid, c->uid, by->name,
		  (int)by->pid, by->uid);
	/* Who asked is answered before the session ends: what he was told holds over a crash. */
	if (c->session) {
		c->over = true;
		note_end(c);
	}
	/* Not at once: a request is under way. */
	if (c->link)
		c->transport->break_off(c->link, "it was ended by somebody who may");
	else if (c->state == CLIENT_WAITING)
		loop_timer_set(c->grace, 0);
}

static void complain(const struct client *c, const char *why)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&c->broker->complaints, clock_coarse_ns(), &unsaid))
		log_about(LOG_L_WARNING, LOG_ABOUT(.session = client_session_id(c)),
			  "%s, pid %d, uid %u breaks the protocol: %s%s", c->name, (int)c->pid,
			  c->uid, why, unsaid.text);
}

void client_packet(struct client *c, const void *buf, size_t len)
{
	struct reason why = { "" };

	if (pipeline_packet(c->broker, c, buf, len, &why) == 0)
		return;
	complain(c, why.text);
	client_gone(c, why.text);
}

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
	c->is_nodes = transport->fleeting;
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

/* The last ones are theirs, too. */
static bool is_short_of_files(uid_t uid, int fd)
{
	return uid != 0 && uid != geteuid() && !files_leave(fd, FILES_PART, FILES_MOST);
}

static int check_stranger(const struct client *c, int fd)
{
	if (is_short_of_files(c->uid, fd))
		return -EMFILE;
	if (!rights_access(c->broker, client_peer(c)) && !has_sessions(c->broker, c->uid))
		return -EACCES;
	return are_too_many(c->broker, c->uid) ? -EDQUOT : 0;
}

void client_accept(struct broker *b, int fd)
{
	struct client *c = new_client(b, &client_over_link);
	struct link *link = NULL;
	int r;

	if (!c || link_new(b->loop, fd, &client_link_handler, c, &link) < 0) {
		log_warning("a connection is refused: the broker is out of memory");
		close(fd);
		if (c)
			client_free(c);
		return;
	}
	set_link(c, link);
	r = check_stranger(c, fd);
	if (r == 0)
		r = be_strange(c);
	if (r == 0) {
		broker_changed(b);
		return;
	}
	log_info("pid %d, uid %u: %s", (int)c->pid, c->uid,
		 r == -EACCES ? "no access" :
		 r == -EDQUOT ? "too many connections without a session" :
		 r == -EMFILE ? "the last file descriptors are kept for root" :
				"the broker is out of memory");
	client_free(c);
}

struct client *client_restore(struct broker *b, struct session *s)
{
	struct client *c = new_client(b, &client_over_link);

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

	client_close_link(c);
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
		return (struct limits){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
					UINT64_MAX };
	return (struct limits){ .bytes = l->bytes,
				.objects = l->objects,
				.sessions = l->sessions,
				.table_bytes = l->table_bytes,
				.arenas = l->arenas };
}

struct limits client_limits(const struct client *c)
{
	return client_limits_for(&c->limits, c->uid);
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

enum replies_keep client_keeps(const struct client *c, uint64_t serial)
{
	return c->transport->keeps ? c->transport->keeps(serial) : REPLIES_KEEP_LATEST;
}

const struct transport_peer *client_peer(const struct client *c)
{
	return c->transport->peer(c->link);
}

struct client *client_of(const struct session *s)
{
	return s->hw;
}
