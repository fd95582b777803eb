// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct packet {
	struct packet *next;
	uint64_t serial;
	struct fdset fds;
	size_t len;
	uint8_t buf[];
};

static void wait_by_poll(void *ctx _unused_, int fd, short what)
{
	struct pollfd p = { .fd = fd, .events = what };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

struct peer *peer_new(int fd, peer_wait_fn wait, void *ctx)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->fd = fd;
	p->events = -1;
	p->wait = wait ? wait : wait_by_poll;
	p->ctx = ctx;
	p->codec = codec_new();
	if (!p->codec)
		abort();
	return p;
}

struct peer *peer_free(struct peer *p)
{
	struct packet *k;

	if (!p)
		return NULL;
	while ((k = p->stash)) {
		p->stash = k->next;
		fdset_deinit(&k->fds);
		free(k);
	}
	fdset_deinit(&p->fds);
	fd_closep(&p->events);
	fd_closep(&p->fd);
	codec_free(p->codec);
	free(p);
	return NULL;
}

bool peer_send_raw(struct peer *p, const void *buf, size_t len)
{
	while (!p->gone) {
		if (send(p->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN)
			p->wait(p->ctx, p->fd, POLLOUT);
		else if (errno != EINTR)
			p->gone = true;
	}
	return false;
}

static bool send_request(struct peer *p, const struct request *req)
{
	long n = request_encode(p->codec, req, p->buf, sizeof(p->buf));

	if (n < 0)
		abort();
	return peer_send_raw(p, p->buf, (size_t)n);
}

uint64_t peer_send(struct peer *p, const struct op *ops, size_t n_ops)
{
	struct request req = { .serial = ++p->serial, .ops = ops, .n_ops = n_ops };

	if (p->acks)
		req.ack = req.serial - 1;

	return send_request(p, &req) ? req.serial : 0;
}

static void take_fds(struct msghdr *msg, struct fdset *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (fdset_add(fds, fd) < 0)
				abort();
		}
	}
}

/* One packet into buf; its length, 0 when the peer has gone, -EAGAIN when there is none and wait is false. */
static long receive(struct peer *p, int fd, bool wait, void *buf, struct fdset *fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FDSET_MAX)];
	} control;

	for (;;) {
		struct iovec iov = { buf, PROTO_MAX_MESSAGE };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n > 0) {
			take_fds(&msg, fds);
			return n;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return 0;
		if (!wait)
			return -EAGAIN;
		p->wait(p->ctx, fd, POLLIN);
	}
}

static bool stash(struct peer *p, uint64_t serial, const void *buf, size_t len)
{
	struct packet *k = malloc(sizeof(*k) + len), **end = &p->stash;

	if (!k)
		abort();
	*k = (struct packet){ .serial = serial, .fds = p->fds, .len = len };
	p->fds = FDSET_NULL;
	memcpy(k->buf, buf, len);
	while (*end)
		end = &(*end)->next;
	*end = k;
	return true;
}

/* The reply to serial out of the stash, into p->buf. 0 when it is not there. */
static long unstash(struct peer *p, uint64_t serial)
{
	for (struct packet **at = &p->stash; *at; at = &(*at)->next) {
		struct packet *k = *at;
		long len = (long)k->len;

		if (k->serial != serial)
			continue;
		memcpy(p->buf, k->buf, k->len);
		p->fds = k->fds;
		*at = k->next;
		free(k);
		return len;
	}
	return 0;
}

static int take_reply(struct peer *p, size_t len)
{
	struct reason why;

	if (reply_decode(p->codec, p->buf, len, &p->reply, &why) < 0)
		abort();
	return p->reply.status;
}

int peer_wait(struct peer *p, uint64_t serial)
{
	long n;

	fdset_deinit(&p->fds);
	p->fds = FDSET_NULL;
	n = unstash(p, serial);
	if (n)
		return take_reply(p, (size_t)n);
	for (;;) {
		n = p->gone ? 0 : receive(p, p->fd, true, p->buf, &p->fds);
		if (n <= 0)
			break;
		take_reply(p, (size_t)n);
		if (p->reply.serial == serial)
			return p->reply.status;
		stash(p, p->reply.serial, p->buf, (size_t)n);
	}
	p->gone = true;
	p->reply = (struct reply){ .status = -EPIPE, .reason = "the connection has ended" };
	return -EPIPE;
}

int peer_call(struct peer *p, const struct op *ops, size_t n_ops)
{
	return peer_wait(p, peer_send(p, ops, n_ops));
}

static int greet(struct peer *p, const struct request *req)
{
	int r = send_request(p, req) ? peer_wait(p, req->serial) : -EPIPE;

	if (r < 0)
		return r;
	if (p->reply.welcome) {
		p->session = p->reply.welcome->session;
		memcpy(p->token, p->reply.welcome->token, sizeof(p->token));
	}
	p->events = fdset_take(&p->fds, 0);
	return 0;
}

int peer_hello(struct peer *p)
{
	const struct request req = { .serial = ++p->serial,
				     .is_hello = true,
				     .hello = { .version = PROTO_VERSION, .name = "peer" } };

	return greet(p, &req);
}

int peer_resume(struct peer *p, const struct peer *from, uint64_t answered)
{
	struct request req = { .serial = p->serial = answered,
			       .ack = answered - 1,
			       .is_hello = true,
			       .hello = { .version = PROTO_VERSION,
					  .name = "peer",
					  .session = from->session,
					  .sent = from->serial } };

	memcpy(req.hello.token, from->token, sizeof(req.hello.token));
	return greet(p, &req);
}

bool peer_event(struct peer *p, bool wait, struct fault_event *out)
{
	struct fdset none = FDSET_NULL;
	struct reply reply;
	struct reason why;
	long n = receive(p, p->events, wait, p->buf, &none);

	fdset_deinit(&none);
	if (n <= 0)
		return false;
	if (reply_decode(p->codec, p->buf, (size_t)n, &reply, &why) < 0 || !reply.fault)
		abort();
	*out = *reply.fault;
	return true;
}

void peer_wait_gone(struct peer *p)
{
	while (!p->gone)
		peer_wait(p, UINT64_MAX);
}
