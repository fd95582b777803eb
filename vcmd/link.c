// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "proto/message.h"
#include "vcmd/loop.h"
#include "vcmd/outbox.h"

/* What waits for a peer that does not read. From here on nothing more is read from it, until half of it has gone. */
#define OUT_MAX_BYTES (256 * 1024)
#define OUT_MAX_PACKETS 256
#define OUT_MAX_FDS 64
/* The same for its events; here the link ends. */
#define EVENTS_MAX_BYTES (256 * 1024)
#define EVENTS_MAX_PACKETS 1024

#define RETRY_MS 10
/* Packets of one peer before others have their turn. */
#define PACKETS_A_TURN 16
/* How eager we are to read once more before going back to the loop: a miss costs a system call. */
#define EAGER_MAX 8
#define EAGER_GAIN 2
#define EAGER_PROBE 16 /* packets after which a link that never had a second one is tried again */

_Static_assert(PROTO_MAX_MESSAGE <= LOOP_SCRATCH_LEN,
	       "a message is received in the loop's scratch memory");

struct link {
	struct loop *loop;
	int fd, event_fd;
	struct loop_fd *watch, *event_watch; /* event_watch: while events wait */
	struct loop_timer *timer;            /* to say that we are gone, or to try again */
	const struct link_handler *handler;
	void *ctx;
	struct transport_peer peer;
	struct outbox out, events;
	unsigned int n_pauses;
	bool full;       /* out reached its bound */
	const char *why; /* we are going */
	bool told;       /* gone() has been called */
	bool *freed;     /* of the frame that reads */
	unsigned int eager, n_packets;
};

/* The reason must be a literal. The owner is told from the loop, never from within a call of its own. */
static void link_die(struct link *l, const char *why)
{
	if (l->why)
		return;
	l->why = why;
	loop_watch_set(l->watch, 0);
	if (l->event_watch)
		loop_watch_set(l->event_watch, 0);
	outbox_deinit(&l->out);
	outbox_deinit(&l->events);
	loop_timer_set(l->timer, 0);
}

void link_break(struct link *l, const char *why)
{
	link_die(l, why);
}

static bool is_stopped(const struct link *l)
{
	return l->n_pauses > 0 || l->full;
}

static unsigned int wanted(const struct link *l)
{
	unsigned int out = outbox_is_empty(&l->out) ? 0 : LOOP_WRITE;

	if (!is_stopped(l))
		return LOOP_READ | out;
	return out ? out : LOOP_GONE;
}

static void link_rewatch(struct link *l)
{
	if (!l->why && loop_watch_set(l->watch, wanted(l)) < 0)
		link_die(l, "out of memory");
}

/* --- out */

static void update_full(struct link *l)
{
	const struct outbox *o = &l->out;

	if (o->n_bytes >= OUT_MAX_BYTES || o->n_packets >= OUT_MAX_PACKETS ||
	    o->n_fds >= OUT_MAX_FDS)
		l->full = true;
	else if (o->n_bytes <= OUT_MAX_BYTES / 2 && o->n_packets <= OUT_MAX_PACKETS / 2 &&
		 o->n_fds <= OUT_MAX_FDS / 2)
		l->full = false;
}

static void link_flush(struct link *l)
{
	switch (outbox_flush(&l->out, l->fd)) {
	case OUTBOX_SENT:
	case OUTBOX_FULL:
		update_full(l);
		link_rewatch(l);
		return;
	case OUTBOX_SHORT:
		/* The socket can be written: waiting for that would spin. */
		update_full(l);
		if (loop_watch_set(l->watch, is_stopped(l) ? LOOP_GONE : LOOP_READ) < 0)
			link_die(l, "out of memory");
		loop_timer_set(l->timer, RETRY_MS);
		return;
	case OUTBOX_DEAD:
		link_die(l, "the peer does not read any more");
		return;
	case OUTBOX_IMPOSSIBLE:
		link_die(l, "a packet cannot be sent");
		return;
	}
}

int link_send(struct link *l, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	enum outbox_result r;

	if (l->why)
		return -EPIPE;
	if (outbox_is_empty(&l->out)) {
		r = outbox_send_now(l->fd, buf, len, fds, n_fds);
		if (r == OUTBOX_SENT)
			return 0;
	}
	if (outbox_push(&l->out, buf, len, fds, n_fds) < 0)
		return -ENOMEM;
	if (l->out.n_packets == 1)
		link_flush(l);
	else
		update_full(l);
	return l->why ? -EPIPE : 0;
}

/* --- events */

static void on_event_socket(void *ctx, unsigned int what);

static void events_wait(struct link *l)
{
	if (l->event_watch) {
		if (loop_watch_set(l->event_watch, LOOP_WRITE) < 0)
			link_die(l, "out of memory");
		return;
	}
	l->event_watch = loop_watch(l->loop, l->event_fd, LOOP_WRITE, false, on_event_socket, l);
	if (!l->event_watch)
		link_die(l, "out of memory");
}

static void events_flush(struct link *l)
{
	switch (outbox_flush(&l->events, l->event_fd)) {
	case OUTBOX_SENT:
		l->event_watch = loop_unwatch(l->event_watch);
		return;
	case OUTBOX_FULL:
		events_wait(l);
		return;
	case OUTBOX_SHORT:
		l->event_watch = loop_unwatch(l->event_watch);
		loop_timer_set(l->timer, RETRY_MS);
		return;
	case OUTBOX_DEAD:
		link_die(l, "the peer closed its event socket");
		return;
	case OUTBOX_IMPOSSIBLE:
		link_die(l, "an event cannot be sent");
		return;
	}
}

static void on_event_socket(void *ctx, _unused_ unsigned int what)
{
	struct link *l = ctx;

	if (!l->why)
		events_flush(l);
}

int link_open_events(struct link *l)
{
	int pair[2];

	if (l->why)
		return -EPIPE;
	if (l->event_fd >= 0)
		return -EALREADY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	shutdown(pair[0], SHUT_RD); /* nobody would read what the peer writes there */
	l->event_fd = pair[0];
	return pair[1];
}

int link_send_event(struct link *l, const void *buf, size_t len)
{
	if (l->why)
		return -EPIPE;
	if (l->event_fd < 0)
		return -ENOTCONN;
	if (outbox_is_empty(&l->events) &&
	    outbox_send_now(l->event_fd, buf, len, NULL, 0) == OUTBOX_SENT)
		return 0;
	if (outbox_push(&l->events, buf, len, NULL, 0) < 0)
		return -ENOMEM;
	if (l->events.n_packets > EVENTS_MAX_PACKETS || l->events.n_bytes > EVENTS_MAX_BYTES)
		link_die(l, "the peer does not read its events");
	else if (l->events.n_packets == 1)
		events_flush(l);
	return l->why ? -EPIPE : 0;
}

/* --- in */

/*
 * The length of a packet; 0 when there is none, or the link is going. Fds that come with it (vcmd/listener.c) are dropped by the
 * kernel: nothing of a peer's is ever opened here, as closing a file of somebody's own file system may take as long as he likes.
 */
static size_t link_receive(struct link *l, void *buf)
{
	ssize_t n = recv(l->fd, buf, PROTO_MAX_MESSAGE, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			link_die(l, "the connection broke");
		return 0;
	}
	if (n > PROTO_MAX_MESSAGE)
		link_die(l, "a packet is longer than the largest message");
	else if (n == 0)
		link_die(l, "the peer has gone");
	return l->why ? 0 : (size_t)n;
}

/* Whether there was a packet. */
static bool read_one(struct link *l)
{
	void *buf = loop_scratch(l->loop);
	size_t len = link_receive(l, buf);

	if (!len)
		return false;
	loop_served(l->watch);
	l->handler->packet(l->ctx, buf, len);
	return true;
}

static bool is_eager(struct link *l)
{
	return l->eager || ++l->n_packets % EAGER_PROBE == 0;
}

/* One packet, and more while that has been paying off lately. */
static void link_read(struct link *l)
{
	bool freed = false, more = true;

	/* cppcheck-suppress autoVariables ; taken back below */
	l->freed = &freed;
	for (unsigned int i = 0; i < PACKETS_A_TURN && more; i++) {
		bool got = read_one(l);

		if (freed)
			return;
		if (i > 0 && got)
			l->eager = l->eager + EAGER_GAIN > EAGER_MAX ? EAGER_MAX :
								       l->eager + EAGER_GAIN;
		else if (i > 0 && l->eager)
			l->eager--;
		more = got && !l->why && !is_stopped(l) && is_eager(l);
	}
	l->freed = NULL;
}

/* Who was paused is found out here, late: most pauses end before another packet comes. */
static void on_socket(void *ctx, unsigned int what)
{
	struct link *l = ctx;

	if (l->why)
		return;
	if (what & LOOP_GONE) {
		link_die(l, "the peer has gone");
		return;
	}
	if (what & LOOP_WRITE)
		link_flush(l);
	if (l->why || !(what & LOOP_READ))
		return;
	if (is_stopped(l))
		link_rewatch(l);
	else
		link_read(l);
}

void link_pause(struct link *l)
{
	l->n_pauses++;
}

void link_resume(struct link *l)
{
	assert(l->n_pauses > 0);
	l->n_pauses--;
	if (!is_stopped(l))
		link_rewatch(l);
}

/* --- life */

static void on_timer(void *ctx)
{
	struct link *l = ctx;

	if (l->told)
		return;
	if (l->why) {
		l->told = true;
		l->handler->gone(l->ctx, l->why);
		return;
	}
	link_flush(l);
	if (!l->why && l->event_fd >= 0)
		events_flush(l);
}

static int peer_groups_of(int fd, struct transport_peer *p, socklen_t *len)
{
	p->gids = mem_free(p->gids);
	p->gids = mem_zalloc(*len + sizeof(gid_t)); /* and the primary one */
	if (!p->gids)
		return -ENOMEM;
	return getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->gids, len) < 0 ? -errno : 0;
}

static int peer_groups(int fd, struct transport_peer *p)
{
	socklen_t len = 8 * sizeof(gid_t);
	int r = peer_groups_of(fd, p, &len);

	if (r == -ERANGE) /* it says how long it is */
		r = peer_groups_of(fd, p, &len);
	if (r < 0)
		return r;
	p->n_gids = len / sizeof(gid_t);
	for (size_t i = 0; i < p->n_gids; i++)
		if (p->gids[i] == p->gid)
			return 0;
	p->gids[p->n_gids++] = p->gid;
	return 0;
}

static int peer_init(int fd, struct transport_peer *p)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	p->pid = cred.pid;
	p->uid = cred.uid;
	p->gid = cred.gid;
	return peer_groups(fd, p);
}

CLEANUP_DEFINE(struct link *, link_free)

int link_new(struct loop *loop, int fd, const struct link_handler *handler, void *ctx,
	     struct link **out)
{
	_cleanup_(link_freep) struct link *l = mem_new0(struct link);
	int r;

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->fd = -1;
	l->event_fd = -1;
	l->handler = handler;
	l->ctx = ctx;
	outbox_init(&l->out);
	outbox_init(&l->events);
	r = peer_init(fd, &l->peer);
	if (r < 0)
		return r;
	l->timer = loop_timer_new(loop, on_timer, l);
	l->watch = loop_watch(loop, fd, LOOP_READ, true, on_socket, l);
	if (!l->timer || !l->watch)
		return -ENOMEM;
	l->fd = fd;
	*out = STEAL_PTR(l);
	return 0;
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	if (l->freed)
		*l->freed = true;
	loop_unwatch(l->event_watch);
	loop_unwatch(l->watch);
	loop_timer_free(l->timer);
	outbox_deinit(&l->events);
	outbox_deinit(&l->out);
	fd_closep(&l->event_fd);
	fd_closep(&l->fd);
	mem_free(l->peer.gids);
	return mem_free(l);
}

const struct transport_peer *link_peer(const struct link *l)
{
	return &l->peer;
}
