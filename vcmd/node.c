// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node.h"

#include <assert.h>
#include <bsd/sys/queue.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/log-limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/message.h"
#include "rpmsg/assembly.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/pipeline.h"
#include "vcmd/transport.h"

/* What waits for a node that does not read. From the first bound on nothing more is read from it, until half of that has
 * gone. What goes beyond the second are events only: its session ends. */
#define OUT_FULL ((size_t)128 * 1024)
#define OUT_MAX ((size_t)256 * 1024)

/* Bytes that one operation answers at most, so that no batch has a reply that does not fit. */
#define ANSWER_LEN 64
/* A message is so much longer than its data. */
#define DATA_OVERHEAD 512

/* Former sessions that are still being taken back: with so many, it has to wait. */
#define MAX_ENDING 4

/* Between the end of a heartbeat and that of a session: what came while we had no time is read first. */
#define DOUBT_MS 2

#define MAX_GROUPS 256

struct packet {
	STAILQ_ENTRY(packet) entry;
	uint32_t number;
	uint16_t next; /* fragment */
	size_t len;
	uint8_t buf[];
};

struct node {
	struct broker *broker;
	const struct config_node *config;
	const struct node_carrier *carrier;
	void *ctx;
	struct transport_peer peer;
	struct client *client;  /* NULL without a session */
	unsigned int n_clients; /* with those of former sessions, which are being taken back */
	struct assembly in;
	uint8_t *message, *fragment;
	size_t payload, max_message;
	STAILQ_HEAD(, packet) out;
	size_t n_out;       /* bytes */
	uint32_t last_sent; /* the number of the last packet; 0: none since the peer has started */
	bool full;
	bool is_orphan; /* the peer is in a session that we know nothing of */
	bool told;      /* and knows */
	unsigned int n_pauses;
	const char *broken;       /* why the session cannot go on; from the loop */
	struct loop_timer *later; /* to say so */
	struct loop_timer *watchdog;
	bool heard;   /* since the watchdog looked last */
	bool doubted; /* it was not, then */
	uint64_t heard_ns;
	uint64_t count_in, count_out, bytes_in, bytes_out; /* fragments */
	struct log_limit complaints, endings;
};

/* --- out */

static void out_drop(struct node *n)
{
	struct packet *p;

	while ((p = STAILQ_FIRST(&n->out))) {
		STAILQ_REMOVE_HEAD(&n->out, entry);
		mem_free(p);
	}
	n->n_out = 0;
	n->full = false;
}

/* Sends from the fragment at *next on. alone: nothing more comes right behind it. True when all of it has gone. */
static bool send_fragments(struct node *n, uint32_t number, const void *buf, size_t len, bool alone,
			   uint16_t *next)
{
	size_t count = fragment_count(len, n->payload);

	for (; *next < count; (*next)++) {
		size_t size = fragment_write(n->fragment, n->payload, number, buf, len, *next);

		if (n->carrier->send(n->ctx, n->fragment, size, alone && *next + 1u == count) < 0)
			return false;
		n->count_out++;
		n->bytes_out += size;
	}
	return true;
}

static void out_flush(struct node *n)
{
	struct packet *p;

	while ((p = STAILQ_FIRST(&n->out)) &&
	       send_fragments(n, p->number, p->buf, p->len, false, &p->next)) {
		STAILQ_REMOVE_HEAD(&n->out, entry);
		n->n_out -= p->len;
		mem_free(p);
	}
	n->carrier->flush(n->ctx);
	if (n->full && n->n_out <= OUT_FULL / 2) {
		n->full = false;
		n->carrier->wake(n->ctx);
	}
}

static int out_push(struct node *n, uint32_t number, const void *buf, size_t len, uint16_t next)
{
	struct packet *p = mem_zalloc(sizeof(*p) + len);

	if (!p)
		return -ENOMEM;
	p->number = number;
	p->next = next;
	p->len = len;
	memcpy(p->buf, buf, len);
	n->n_out += len;
	n->full |= n->n_out >= OUT_FULL;
	STAILQ_INSERT_TAIL(&n->out, p, entry);
	return 0;
}

static void break_off(struct node *n, const char *why)
{
	if (n->broken)
		return;
	n->broken = why;
	out_drop(n);
	loop_timer_set(n->later, 0);
}

static int over_node_send(void *ctx, const void *buf, size_t len, const int *fds _unused_,
			  size_t n_fds _unused_)
{
	struct node *n = ctx;
	uint32_t number = fragment_number_after(n->last_sent);
	uint16_t next = 0;

	if (n->broken)
		return -EPIPE;
	if (STAILQ_EMPTY(&n->out) && send_fragments(n, number, buf, len, true, &next))
		n->carrier->flush(n->ctx);
	else if (out_push(n, number, buf, len, next) < 0)
		return -ENOMEM;
	n->last_sent = number;
	if (n->n_out > OUT_MAX)
		break_off(n, "the node does not read");
	return n->broken ? -EPIPE : 0;
}

static int over_node_send_event(void *ctx, const void *buf, size_t len)
{
	return over_node_send(ctx, buf, len, NULL, 0);
}

static int over_node_open_events(void *ctx _unused_)
{
	return -EOPNOTSUPP;
}

static void over_node_break_off(void *ctx, const char *why)
{
	break_off(ctx, why);
}

static void over_node_pause(void *ctx)
{
	struct node *n = ctx;

	n->n_pauses++;
}

/* We work for the node, or for former sessions of it, and do not read what it says meanwhile: nobody knows whether it lives. */
static bool is_deaf(const struct node *n)
{
	return n->n_pauses > 0 || n->n_clients > MAX_ENDING;
}

/* Who has waited for us has as long as ever, from now on. */
static void hear_again(struct node *n)
{
	n->heard |= !is_deaf(n);
	n->carrier->wake(n->ctx);
}

static void over_node_resume(void *ctx)
{
	struct node *n = ctx;

	assert(n->n_pauses > 0);
	if (--n->n_pauses == 0)
		hear_again(n);
}

static const struct transport_peer *over_node_peer(const void *ctx)
{
	const struct node *n = ctx;

	return &n->peer;
}

static void over_node_close(void *ctx)
{
	struct node *n = ctx;

	n->client = NULL;
	n->n_pauses = 0;
	n->broken = NULL;
	loop_timer_clear(n->later);
	loop_timer_clear(n->watchdog);
}

static void over_node_ended(void *ctx)
{
	struct node *n = ctx;

	assert(n->n_clients > 0);
	if (n->n_clients-- > MAX_ENDING)
		hear_again(n);
	else
		n->carrier->wake(n->ctx);
}

static const struct transport over_node = {
	.no_fds = true,
	.fleeting = true,
	.is_configured = true,
	.send = over_node_send,
	.send_event = over_node_send_event,
	.open_events = over_node_open_events,
	.break_off = over_node_break_off,
	.pause = over_node_pause,
	.resume = over_node_resume,
	.peer = over_node_peer,
	.close = over_node_close,
	.ended = over_node_ended,
};

/* --- sessions */

static void end_session(struct node *n, const char *why)
{
	struct log_unsaid unsaid;

	if (!n->client)
		return;
	if (log_limit_allows(&n->endings, clock_coarse_ns(), &unsaid))
		log_info("node %s: the session ends: %s%s", n->config->name, why, unsaid.text);
	client_gone(n->client, why);
}

/* The node is told, as far as it still listens. */
static void refuse_node(struct node *n, int status, const char *why)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&n->complaints, clock_coarse_ns(), &unsaid))
		log_warning("node %s breaks the protocol: %s%s", n->config->name, why, unsaid.text);
	if (!n->client)
		return;
	client_notice(n->client, status, why);
	end_session(n, why);
}

static void on_later(void *ctx)
{
	struct node *n = ctx;

	n->carrier->reset(n->ctx, n->broken);
}

static void on_watchdog(void *ctx)
{
	struct node *n = ctx;
	struct log_unsaid unsaid;

	if (n->heard || is_deaf(n)) {
		n->heard = n->doubted = false;
		loop_timer_set(n->watchdog, n->config->heartbeat_ms);
	} else if (!n->doubted) {
		n->doubted = true;
		n->carrier->wake(n->ctx);
		loop_timer_set(n->watchdog, DOUBT_MS);
	} else {
		if (log_limit_allows(&n->complaints, clock_coarse_ns(), &unsaid))
			log_warning("node %s has given no sign of life for %u ms%s",
				    n->config->name, n->config->heartbeat_ms, unsaid.text);
		n->carrier->reset(n->ctx, "no sign of life");
	}
}

static void open_session(struct node *n)
{
	struct client *c = client_new(n->broker, &over_node, n);

	if (!c) {
		n->carrier->reset(n->ctx, "no memory for its session");
		return;
	}
	n->client = c;
	n->n_clients++;
	c->limits = n->config->limits;
	c->max_message = (uint32_t)n->max_message;
	if (n->max_message / ANSWER_LEN < c->max_ops)
		c->max_ops = (uint32_t)(n->max_message / ANSWER_LEN);
	if (n->max_message - DATA_OVERHEAD < c->max_data)
		c->max_data = (uint32_t)(n->max_message - DATA_OVERHEAD);
	if (n->config->heartbeat_ms)
		loop_timer_set(n->watchdog, n->config->heartbeat_ms);
}

/* A session that has said goodbye makes way for the next. What breaks the rules ends it, and the node is told why. */
static void take_packet(struct node *n)
{
	struct client *c = n->client;
	struct reason why = { "" };

	if (c && c->state == CLIENT_OVER)
		client_gone(c, "it has said goodbye");
	if (!n->client)
		open_session(n);
	if (n->client && pipeline_packet(n->broker, n->client, n->in.data, n->in.len, &why) < 0)
		refuse_node(n, -EPROTO, why.text);
}

static void tell_orphan(struct node *n)
{
	static const char *const why = "vcmd was started anew";

	n->told = true;
	open_session(n);
	if (!n->client)
		return;
	client_notice(n->client, -ECONNRESET, why);
	end_session(n, why);
}

void node_orphan(struct node *n, bool knows)
{
	n->is_orphan = true;
	n->told = false;
	if (knows)
		tell_orphan(n);
}

/* True: it is of what is no more. */
static bool is_of_former(struct node *n, const void *fragment, size_t len)
{
	if (!n->is_orphan || len <= FRAGMENT_HEADER)
		return n->is_orphan;
	n->is_orphan = !fragment_is_first(fragment);
	if (n->is_orphan && !n->told)
		tell_orphan(n);
	return n->is_orphan;
}

void node_fragment(struct node *n, const void *fragment, size_t len)
{
	struct reason why;

	n->heard = true;
	n->heard_ns = clock_coarse_ns();
	n->count_in++;
	n->bytes_in += len;
	if (is_of_former(n, fragment, len))
		return;
	switch (assembly_take(&n->in, fragment, len, &why)) {
	case ASSEMBLY_MORE:
	case ASSEMBLY_NOTHING:
		return;
	case ASSEMBLY_DONE:
		take_packet(n);
		return;
	case ASSEMBLY_AGAIN:
		node_end(n, "it has started anew", true);
		node_fragment(n, fragment, len);
		return;
	case ASSEMBLY_WRONG:
		refuse_node(n, -EPROTO, why.text);
		assembly_init(&n->in, n->message, n->max_message);
		return;
	}
}

void node_room(struct node *n)
{
	if (!n->broken)
		out_flush(n);
}

void node_end(struct node *n, const char *why, bool anew)
{
	end_session(n, why);
	out_drop(n);
	assembly_init(&n->in, n->message, n->max_message);
	n->is_orphan = false;
	if (anew)
		n->last_sent = 0;
}

bool node_listens(const struct node *n)
{
	return !n->full && !n->broken && !is_deaf(n);
}

/* Those that the broker before this one had: nobody can go on with them. */
static bool end_former(const struct node *n)
{
	struct client *c, *next;
	bool any = false;

	TAILQ_FOREACH_SAFE(c, &n->broker->clients, entry, next) {
		if (c->link || !c->session || !c->is_nodes || c->uid != n->config->uid)
			continue;
		any = true;
		if (c->state == CLIENT_WAITING)
			client_end(c); /* c may be gone */
	}
	return any;
}

bool node_clear(const struct node *n)
{
	return n->n_clients == (n->client ? 1 : 0) && !end_former(n);
}

bool node_has_session(const struct node *n)
{
	return n->client;
}

bool node_waits_for_room(const struct node *n)
{
	return !STAILQ_EMPTY(&n->out);
}

struct node_report node_report(const struct node *n)
{
	return (struct node_report){ .name = n->config->name,
				     .session = n->client ? n->client->session : NULL,
				     .buffer_len = n->config->geometry.buffer_len,
				     .n_in = n->count_in,
				     .n_out = n->count_out,
				     .bytes_in = n->bytes_in,
				     .bytes_out = n->bytes_out,
				     .heard_ns = n->heard_ns };
}

/* --- life */

/* A node that acts as nobody else is in no group. */
static int find_groups(struct transport_peer *p)
{
	const struct passwd *user = p->uid < CONFIG_NODE_UID ? getpwuid(p->uid) : NULL;
	int count = MAX_GROUPS;

	p->gid = user ? user->pw_gid : p->uid;
	p->gids = mem_zalloc_n(MAX_GROUPS, sizeof(gid_t));
	if (!p->gids)
		return -ENOMEM;
	p->gids[0] = p->gid;
	p->n_gids = 1;
	if (user && getgrouplist(user->pw_name, user->pw_gid, p->gids, &count) > 0)
		p->n_gids = (size_t)count;
	return 0;
}

CLEANUP_DEFINE(struct node *, node_free)

struct node *node_new(struct broker *b, const struct config_node *config,
		      const struct node_carrier *carrier, void *ctx)
{
	_cleanup_(node_freep) struct node *n = mem_new0(struct node);

	if (!n)
		return NULL;
	n->broker = b;
	n->config = config;
	n->carrier = carrier;
	n->ctx = ctx;
	n->peer.uid = config->uid;
	STAILQ_INIT(&n->out);
	n->payload = carrier->payload(ctx);
	n->max_message = fragment_max(n->payload);
	if (n->max_message > PROTO_MAX_MESSAGE)
		n->max_message = PROTO_MAX_MESSAGE;
	n->message = mem_zalloc(n->max_message);
	n->fragment = mem_zalloc(n->payload);
	n->later = loop_timer_new(b->loop, on_later, n);
	n->watchdog = loop_timer_new(b->loop, on_watchdog, n);
	if (!n->message || !n->fragment || !n->later || !n->watchdog || find_groups(&n->peer) < 0)
		return NULL;
	assembly_init(&n->in, n->message, n->max_message);
	return STEAL_PTR(n);
}

struct node *node_free(struct node *n)
{
	if (!n)
		return NULL;
	assert(!n->n_clients);
	out_drop(n);
	loop_timer_free(n->later);
	loop_timer_free(n->watchdog);
	mem_free(n->peer.gids);
	mem_free(n->fragment);
	mem_free(n->message);
	return mem_free(n);
}
