// SPDX-License-Identifier: BSD-3-Clause
/* What a client is sent. */
#include "vcmd/client.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "vcmd/broker.h"
#include "vcmd/call.h"
#include "vcmd/transport.h"

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
	int r = n > 0 ? c->transport->send(c->link, c->broker->out, (size_t)n, fds, n_fds) : (int)n;

	if (r == 0 || r == -EPIPE) /* a client that has gone misses nothing */
		return;
	if (n == -EMSGSIZE && !reply->status) {
		client_reply_short(c, reply->serial, -EMSGSIZE, "the reply is too long for you");
		return;
	}
	log_about(LOG_L_WARNING, LOG_ABOUT(.session = client_session_id(c)),
		  "%s, pid %d: a reply cannot be sent: %s", c->name, (int)c->pid, strerror(-r));
	c->transport->break_off(c->link, "a reply cannot be sent");
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
