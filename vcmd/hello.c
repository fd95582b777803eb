// SPDX-License-Identifier: BSD-3-Clause
/* How a session begins, or goes on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/fault.h"
#include "vcmd/journal.h"
#include "vcmd/resume.h"
#include "vcmd/rights.h"
#include "vcmd/transport.h"

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
	return n < 0 ? (int)n :
		       c->transport->send(c->link, c->broker->out, (size_t)n, &event_fd,
					  event_fd >= 0);
}

/* A client that cannot be told is rather waited for: it will come again. */
static void hello_again(struct client *c, const struct request *req, struct reason *why)
{
	struct client *old = resume_find(c, &req->hello, why);
	int events _cleanup_(fd_closep) = old ? c->transport->open_events(c->link) : -ESTALE;
	int r;

	if (events < 0 && events != -EOPNOTSUPP) {
		if (old)
			refuse(why, 0, "the broker is short of fds");
		client_reply_short(c, req->serial, old ? -EAGAIN : -ESTALE, why->text);
		return;
	}
	resume_take(c, old, &req->hello);
	c->state = CLIENT_LIVE;
	client_settle(c);
	replies_seen(&c->replies, req->serial);
	r = welcome(c, req->serial, events);
	if (r == 0) {
		faults_tell_again(c->broker->faults, c);
		return;
	}
	client_close_link(c);
	if (resume_wait(c) < 0)
		client_end(c);
}

/* A session for who may have one. */
static int admit(struct client *c, struct reason *why)
{
	struct limits limits = client_limits(c);
	struct user *u;
	int r;

	if (!c->transport->is_configured && !rights_access(c->broker, client_peer(c)))
		return refuse(why, -EACCES, "user %u may not connect: `access` says who may",
			      c->uid);
	u = user_get(c->broker->graph, c->uid, &limits);
	if (!u)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	r = session_new(c->broker->graph, u, &c->session, why);
	if (r < 0)
		return r;
	c->session->hw = c;
	c->state = CLIENT_LIVE;
	client_settle(c);
	return 0;
}

/* From here on the session outlives the broker, and its client knows. */
static int begin(struct client *c, uint64_t serial, struct reason *why)
{
	int events _cleanup_(fd_closep) = c->transport->open_events(c->link);
	int r = events < 0 && events != -EOPNOTSUPP ? events : 0;

	if (r == 0 && getrandom(c->token, sizeof(c->token), 0) != sizeof(c->token))
		r = -EIO;
	if (r == 0)
		r = journal_session(c->broker->journal, c, why);
	if (r == 0)
		r = welcome(c, serial, events);
	return r < 0 ? refuse(why, -ENOMEM, "the broker is short of fds or memory") : 0;
}

static void hello(struct client *c, const struct request *req, struct reason *why)
{
	int r = admit(c, why);

	if (r == 0)
		r = begin(c, req->serial, why);
	if (r == 0) {
		client_announce(c, true);
		log_about(LOG_L_INFO, LOG_ABOUT(.session = c->session->id),
			  "session %llu: %s, pid %d, uid %u", (unsigned long long)c->session->id,
			  c->name, (int)c->pid, c->uid);
		return;
	}
	client_reply_short(c, req->serial, r, why->text);
	if (c->state == CLIENT_LIVE)
		client_end(c);
}

int client_hello(struct client *c, const struct request *req, struct reason *why)
{
	if (c->state != CLIENT_NEW)
		return refuse(why, -EPROTO, "a second hello");
	snprintf(c->name, sizeof(c->name), "%s", req->hello.name);
	if (req->hello.version != PROTO_VERSION) {
		refuse(why, 0, "protocol version %u is not %u", req->hello.version, PROTO_VERSION);
		client_reply_short(c, req->serial, -EPROTO, why->text);
	} else if (req->hello.session) {
		hello_again(c, req, why);
	} else {
		hello(c, req, why);
	}
	return 0;
}
