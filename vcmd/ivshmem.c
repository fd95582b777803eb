// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/ivshmem.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "vcmd/clock.h"
#include "vcmd/loop.h"
#include "vcmd/ringer.h"

#define PROTOCOL_VERSION 0
#define OUR_ID 0
#define PEER_ID 1
#define BACKLOG 4
/* No fd for a peer: until it is tried for again. */
#define RETRY_MS 100

struct ivshmem {
	struct loop *loop;
	const struct ivshmem_handler *handler;
	void *ctx;
	int memory_fd;
	unsigned int n_vectors;
	int fd;
	char *path; /* once it is ours to unlink */
	struct loop_fd *watch;
	struct loop_timer *retry;
	int peer; /* -1: nobody */
	struct loop_fd *peer_watch;
	struct ringer *ringer;
	int bells[IVSHMEM_MAX_VECTORS], theirs[IVSHMEM_MAX_VECTORS];
	struct loop_fd *bell_watches[IVSHMEM_MAX_VECTORS];
	struct log_limit complaints;
};

static void complain(struct ivshmem *s, const char *what, const char *why)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&s->complaints, clock_coarse_ns(), &unsaid))
		log_notice("ivshmem: %s: %s%s%s%s", s->path, what, *why ? ": " : "", why,
			   unsaid.text);
}

bool ivshmem_has_peer(const struct ivshmem *s)
{
	return s->peer >= 0;
}

void ivshmem_ring(struct ivshmem *s, unsigned int vector)
{
	unsigned int v = vector < s->n_vectors ? vector : s->n_vectors - 1;
	int err = s->peer >= 0 ? ringer_ring(s->ringer, s->theirs[v]) : 0;

	if (err < 0)
		complain(s, "a bell does not ring", strerror(-err));
}

/* --- the peer */

static void drop_peer(struct ivshmem *s)
{
	for (unsigned int i = 0; i < s->n_vectors; i++) {
		s->bell_watches[i] = loop_unwatch(s->bell_watches[i]);
		fd_closep(&s->bells[i]);
		fd_closep(&s->theirs[i]);
	}
	s->peer_watch = loop_unwatch(s->peer_watch);
	fd_closep(&s->peer);
}

/* It has nothing to say: whatever comes, its end included, is its end. */
static void on_peer(void *ctx, unsigned int what _unused_)
{
	struct ivshmem *s = ctx;

	drop_peer(s);
	s->handler->left(s->ctx);
}

/* The count is never read, which the peer could make last for ever, as it could a write (ringer.h): each ring is an edge. */
static void on_bell(void *ctx, unsigned int what _unused_)
{
	struct ivshmem *s = ctx;

	s->handler->rung(s->ctx);
}

/* A peer that does not take a few bytes is none. */
static int tell(const struct ivshmem *s, int64_t value, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	int64_t le = (int64_t)htole64((uint64_t)value);
	struct iovec iov = { .iov_base = &le, .iov_len = sizeof(le) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				       .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(s->peer, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(le) ? 0 : -EPIPE;
}

static int introduce(const struct ivshmem *s)
{
	int r = tell(s, PROTOCOL_VERSION, -1);

	if (!r)
		r = tell(s, PEER_ID, -1);
	if (!r)
		r = tell(s, -1, s->memory_fd);
	for (unsigned int i = 0; !r && i < s->n_vectors; i++)
		r = tell(s, OUR_ID, s->bells[i]);
	for (unsigned int i = 0; !r && i < s->n_vectors; i++)
		r = tell(s, PEER_ID, s->theirs[i]);
	return r;
}

static int make_bells(struct ivshmem *s)
{
	for (unsigned int i = 0; i < s->n_vectors; i++) {
		s->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		s->theirs[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->bells[i] < 0 || s->theirs[i] < 0)
			return -errno;
		s->bell_watches[i] = loop_watch(s->loop, s->bells[i], LOOP_EDGE, false, on_bell, s);
		if (!s->bell_watches[i])
			return -ENOMEM;
	}
	s->peer_watch = loop_watch(s->loop, s->peer, LOOP_READ, false, on_peer, s);
	return s->peer_watch ? 0 : -ENOMEM;
}

/* What it is shown must be ready for it before it is shown. */
static void take_peer(struct ivshmem *s, int fd)
{
	int r;

	s->peer = fd;
	r = make_bells(s);
	if (!r)
		s->handler->joined(s->ctx);
	if (!r)
		r = introduce(s);
	if (!r)
		return;
	complain(s, "a peer is turned away", strerror(-r));
	drop_peer(s);
	s->handler->left(s->ctx);
}

static bool has_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

/* Whoever waits stays where he is, and would have us look all the time. */
static void listen_later(struct ivshmem *s)
{
	complain(s, "no peer can be let in", strerror(errno));
	loop_watch_set(s->watch, 0);
	loop_timer_set(s->retry, RETRY_MS);
}

static void on_retry(void *ctx)
{
	struct ivshmem *s = ctx;

	if (loop_watch_set(s->watch, LOOP_READ) < 0)
		loop_timer_set(s->retry, RETRY_MS);
}

static void on_connection(void *ctx, unsigned int what _unused_)
{
	struct ivshmem *s = ctx;
	/* cppcheck-suppress nullPointer ; the folder and the mode of the socket say who may */
	_cleanup_(fd_closep) int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			listen_later(s);
		return;
	}
	if (s->peer >= 0 && !has_hung_up(s->peer)) {
		complain(s, "a second peer is turned away", "");
		return;
	}
	if (s->peer >= 0) /* its successor was quicker than the news of its end */
		on_peer(s, LOOP_READ);
	take_peer(s, steal_fd(&fd));
}

/* --- life */

/* 0 when the path is free, perhaps because nobody answers there any more. Whoever is there need not accept: nobody waits. */
static int make_way(const struct sockaddr_un *addr, struct reason *why)
{
	_cleanup_(fd_closep) int probe =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0 && errno == ENOENT)
		return 0;
	if (probe < 0)
		return refuse(why, -errno, "socket: %s", strerror(errno));
	if (!S_ISSOCK(st.st_mode) ||
	    connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
	    errno != ECONNREFUSED)
		return refuse(why, -EADDRINUSE, "%s is in use", addr->sun_path);
	if (unlink(addr->sun_path) < 0)
		return refuse(why, -errno, "%s: %s", addr->sun_path, strerror(errno));
	return 0;
}

static int bind_path(struct ivshmem *s, const char *path, struct reason *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	assert(strlen(path) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = make_way(&addr, why);
	if (r < 0)
		return r;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	s->path = mem_strdup(path);
	if (!s->path)
		return refuse(why, -ENOMEM, "out of memory");
	/* The folder says who gets as far as here. */
	if (chmod(path, 0660) < 0 || listen(s->fd, BACKLOG) < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

CLEANUP_DEFINE(struct ivshmem *, ivshmem_free)

int ivshmem_new(struct loop *loop, const struct ivshmem_config *config,
		const struct ivshmem_handler *handler, void *ctx, struct ivshmem **out,
		struct reason *why)
{
	_cleanup_(ivshmem_freep) struct ivshmem *s = mem_new0(struct ivshmem);
	int r;

	if (!s)
		return refuse(why, -ENOMEM, "out of memory");
	assert(config->n_vectors >= 1 && config->n_vectors <= IVSHMEM_MAX_VECTORS);
	s->loop = loop;
	s->handler = handler;
	s->ctx = ctx;
	s->memory_fd = config->memory_fd;
	s->n_vectors = config->n_vectors;
	s->fd = s->peer = -1;
	for (unsigned int i = 0; i < s->n_vectors; i++)
		s->bells[i] = s->theirs[i] = -1;
	r = ringer_new(&s->ringer, why);
	if (r == 0)
		r = bind_path(s, config->path, why);
	if (r < 0)
		return r;
	s->watch = loop_watch(loop, s->fd, LOOP_READ, false, on_connection, s);
	s->retry = loop_timer_new(loop, on_retry, s);
	if (!s->watch || !s->retry)
		return refuse(why, -ENOMEM, "out of memory");
	*out = STEAL_PTR(s);
	return 0;
}

struct ivshmem *ivshmem_free(struct ivshmem *s)
{
	if (!s)
		return NULL;
	drop_peer(s);
	loop_unwatch(s->watch);
	loop_timer_free(s->retry);
	if (s->path)
		unlink(s->path);
	mem_free(s->path);
	ringer_free(s->ringer);
	fd_closep(&s->fd);
	return mem_free(s);
}
