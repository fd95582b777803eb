// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-char.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "rpmsg/wire.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/node.h"

#define SERVICE "vcm"
#define TURN_MESSAGES 16
/* Until an endpoint is tried for again. */
#define RETRY_MS 500
/* The kernel does not say when there is room. */
#define ROOM_MS 2

struct node_char {
	struct broker *broker;
	const struct config_node *config;
	const struct node_char_ops *ops;
	struct node *node;
	int fd; /* -1: there is no endpoint */
	struct loop_fd *watch;
	struct loop_timer *timer; /* to try again, for the endpoint or for room */
	bool broken, said;
	uint64_t n_opened, n_resets;
	uint8_t *buf;
	size_t len;
};

static void close_endpoint(struct node_char *c, const char *why)
{
	c->watch = loop_unwatch(c->watch);
	if (c->fd >= 0)
		c->ops->close(c->fd);
	c->fd = -1;
	c->broken = false;
	node_end(c->node, why, true);
}

static void listen_or_not(struct node_char *c)
{
	if (c->watch && loop_watch_set(c->watch, node_listens(c->node) ? LOOP_READ : 0) < 0)
		c->broken = true;
}

/* Messages may be empty. */
static bool has_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0;
}

/* 1: there was a message; 0: there is none; -1: there never will be another. */
static int read_one(struct node_char *c)
{
	ssize_t n = read(c->fd, c->buf, c->len);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0 && has_gone(c->fd))
		return -1;
	node_fragment(c->node, c->buf, (size_t)n);
	return 1;
}

/* Looks again after a while where nobody will call. */
static void settle(struct node_char *c)
{
	if (c->broken)
		close_endpoint(c, "its endpoint has gone");
	if (c->fd < 0)
		loop_timer_set(c->timer, RETRY_MS);
	else if (node_waits_for_room(c->node))
		loop_timer_set(c->timer, ROOM_MS);
	listen_or_not(c);
}

static void on_readable(void *ctx, unsigned int what _unused_)
{
	struct node_char *c = ctx;
	int more = 1;

	for (int i = 0; i < TURN_MESSAGES && more > 0 && node_listens(c->node); i++) {
		more = read_one(c);
		if (more > 0)
			loop_served(c->watch);
	}
	c->broken |= more < 0;
	settle(c);
}

static void open_endpoint(struct node_char *c)
{
	const struct rpmsg_device_config device = { .control = c->config->rpmsg,
						    .name = SERVICE,
						    .address = c->config->address,
						    .remote = c->config->remote_address };
	struct reason why = { "" };

	c->fd = c->ops->open(&device, &why);
	if (c->fd >= 0) {
		c->watch = loop_watch(c->broker->loop, c->fd, LOOP_READ, true, on_readable, c);
		c->broken = !c->watch;
		c->said = false;
		c->n_opened++;
		log_info("node %s: there is an endpoint", c->config->name);
		return;
	}
	if (!c->said)
		log_notice("node %s: %s; it is tried for again", c->config->name, why.text);
	c->said = true;
}

static void on_timer(void *ctx)
{
	struct node_char *c = ctx;

	if (c->fd < 0 && node_clear(c->node))
		open_endpoint(c);
	else if (c->fd >= 0)
		node_room(c->node);
	settle(c);
}

/* --- what the node asks of us */

static size_t carrier_payload(const void *ctx)
{
	const struct node_char *c = ctx;

	return c->config->geometry.buffer_len - RPMSG_HEADER;
}

static int carrier_send(void *ctx, const void *fragment, size_t len, bool is_last _unused_)
{
	struct node_char *c = ctx;
	ssize_t n = c->fd < 0 || c->broken ? -1 : write(c->fd, fragment, len);

	if (n == (ssize_t)len)
		return 0;
	loop_timer_set(c->timer, ROOM_MS);
	/* ENOMEM: what some kernels say when there is no buffer. */
	if (n < 0 && c->fd >= 0 && (errno == EAGAIN || errno == ENOMEM || errno == EINTR))
		return -EAGAIN;
	c->broken = true;
	return -EPIPE;
}

static void carrier_flush(void *ctx _unused_)
{
}

static void carrier_wake(void *ctx)
{
	struct node_char *c = ctx;

	loop_timer_set(c->timer, 0);
}

static void carrier_reset(void *ctx, const char *why)
{
	struct node_char *c = ctx;

	c->n_resets++;
	node_end(c->node, why, false);
}

static const struct node_carrier carrier = {
	.payload = carrier_payload,
	.send = carrier_send,
	.flush = carrier_flush,
	.wake = carrier_wake,
	.reset = carrier_reset,
};

/* --- life */

CLEANUP_DEFINE(struct node_char *, node_char_free)

struct node_char *node_char_new(struct broker *b, const struct config_node *config,
				const struct node_char_ops *ops)
{
	_cleanup_(node_char_freep) struct node_char *c = mem_new0(struct node_char);

	if (!c)
		return NULL;
	c->broker = b;
	c->config = config;
	c->ops = ops;
	c->fd = -1;
	c->len = carrier_payload(c);
	c->buf = mem_zalloc(c->len);
	c->timer = loop_timer_new(b->loop, on_timer, c);
	c->node = node_new(b, config, &carrier, c);
	if (!c->buf || !c->timer || !c->node)
		return NULL;
	loop_timer_set(c->timer, 0);
	return STEAL_PTR(c);
}

void node_char_report(const struct node_char *c, struct node_report *out)
{
	*out = node_report(c->node);
	out->carrier = "rpmsg";
	out->kick = "the kernel's";
	out->state = c->fd >= 0 ? "up" : "absent";
	out->epoch = c->n_opened;
	out->n_resets = c->n_resets;
}

struct node_char *node_char_free(struct node_char *c)
{
	if (!c)
		return NULL;
	if (c->node)
		close_endpoint(c, "the broker ends");
	node_free(c->node);
	loop_timer_free(c->timer);
	mem_free(c->buf);
	return mem_free(c);
}
