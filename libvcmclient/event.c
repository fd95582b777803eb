// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/event.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "libvcmclient/reader.h"
#include "libvcmclient/session.h"

#define DEPTH_MAX 16 /* handlers inside of handlers of one thread */

struct events {
	struct session *session; /* borrowed */
	struct hooks *hooks;

	pthread_mutex_t receive_lock; /* for what follows */
	int fd;                       /* its number stays, whatever channel it is */
	int watch_fd;            /* an epoll of it, for the program's loop; -1: it has not asked */
	unsigned int generation; /* of the channel */
	struct packet *packet;

	pthread_mutex_t lock; /* for what follows */
	struct reader *reader;
	bool is_stopped;
	atomic_uint n_dealt; /* faults */
	bool is_watched;     /* also without handlers there is somebody who reads */
};

static _Atomic(enum vcm_event_mode) mode_now = VCM_EVENT_THREAD;

static bool is_loop(void)
{
	return atomic_load(&mode_now) == VCM_EVENT_LOOP;
}

/* --- one fault -------------------------------------------------------------------------------------------------- */

static int receive_locked(struct events *e, struct fault_event *out, struct reason *why)
{
	int r = packet_receive(e->packet, e->fd, MSG_DONTWAIT, why);

	if (r < 0)
		return r;
	fdset_deinit(&e->packet->fds);
	if (e->packet->reply.serial == 0 && e->packet->reply.status < 0)
		return refuse(why, -ECONNRESET, "%s", e->packet->reply.reason);
	if (e->packet->reply.serial != 0 || !e->packet->reply.fault)
		return refuse(why, -EPROTO, "the broker sent something that is no event");
	*out = *e->packet->reply.fault;
	return 0;
}

/*
 * 0; -EAGAIN when there is none; -ECONNRESET at the end of the channel, and which it was, when the broker may come back;
 * anything else is the end of the connection.
 */
static int events_receive(struct events *e, struct fault_event *out, unsigned int *out_generation,
			  struct reason *why)
{
	int r;

	pthread_mutex_lock(&e->receive_lock);
	r = receive_locked(e, out, why);
	*out_generation = e->generation;
	pthread_mutex_unlock(&e->receive_lock);
	if (r == -ECONNRESET && connection_is_revivable(e->session->connection))
		return r;
	if (r < 0 && r != -EAGAIN)
		connection_break(e->session->connection,
				 r == -EPROTO || r == -ENOMEM ? r : -ECONNRESET, why->text);
	return r;
}

/* What the wire makes of a handler's answer: 1 retry, 0 terminate, 2 + errno it failed. */
static uint64_t verdict_encode(int verdict)
{
	if (verdict == VCM_FAULT_RETRY || verdict == VCM_FAULT_TERMINATE)
		return (uint64_t)verdict;
	return 2 + (uint64_t)(verdict < 0 ? -(int64_t)verdict : EINVAL);
}

/*
 * Only what stalls waits for a verdict. The broker may have lost its patience meanwhile: what it says to it does not
 * matter.
 */
static void handle(struct events *e, const struct fault_event *event)
{
	struct vcm_fault fault = {
		.size = sizeof(fault),
		.dev_addr = (size_t)event->addr,
		.len = (size_t)event->len,
		.flags = event->flags,
		.context = event->context,
		.fsr = event->fsr,
		.fsynr0 = event->fsynr0,
		.fsynr1 = event->fsynr1,
		.time_ns = event->time_ns,
	};
	int verdict = hooks_run(e->hooks, event->device, &fault);
	const struct op op = { .code = OP_FAULT_REPLY,
			       .addr = event->id,
			       .arg = verdict_encode(verdict),
			       .name = "" };
	const struct request request = { .ops = &op, .n_ops = 1 };
	struct packet *packet = NULL;

	atomic_fetch_add(&e->n_dealt, 1);
	if ((event->flags & FAULT_F_STALLED) &&
	    connection_request(e->session->connection, &request, &packet, NULL) == 0)
		connection_put(e->session->connection, packet);
}

/* All the faults that are there. How many, or the end of the channel. */
static int drain(struct events *e, unsigned int *out_generation, struct reason *why)
{
	struct fault_event event = { .id = 0 };
	int n = 0, r;

	while ((r = events_receive(e, &event, out_generation, why)) == 0) {
		handle(e, &event);
		n++;
	}
	return r == -EAGAIN ? n : r;
}

/*
 * A channel has ended, and the broker may come back: any call looks for it and brings a new channel, so this makes one. When
 * there is none afterwards, it was not the broker that ended.
 */
static int await_channel(struct events *e, unsigned int ended, struct reason *why)
{
	const struct op op = { .code = OP_MEMTYPE_CONT, .arg = VCM_MEMTYPE_0, .name = "" };
	const struct request request = { .ops = &op, .n_ops = 1 };
	struct packet *packet = NULL;
	bool is_new;
	int r;

	r = connection_request(e->session->connection, &request, &packet, why);
	if (r < 0)
		return r;
	connection_put(e->session->connection, packet);
	pthread_mutex_lock(&e->receive_lock);
	is_new = e->generation != ended;
	pthread_mutex_unlock(&e->receive_lock);
	if (is_new)
		return 0;
	connection_break(e->session->connection, -ECONNRESET, "the event channel has ended");
	return refuse(why, -ECONNRESET, "the event channel has ended");
}

/* As drain(); when the broker has come back, 0. */
static int drain_or_revive(struct events *e, struct reason *why)
{
	unsigned int generation;
	int r = drain(e, &generation, why);

	if (r == -ECONNRESET && connection_is_revivable(e->session->connection))
		return await_channel(e, generation, why);
	return r;
}

static int read_all(void *ctx)
{
	struct reason why;

	return drain_or_revive(ctx, &why);
}

/*
 * Who waits for a reply in a call and deals with faults meanwhile. In a thread of the library's too, inside a handler: there
 * is no other who could, and the reply may be the one to what has faulted.
 */
static bool wants(void *ctx)
{
	(void)ctx;
	return is_loop() || hooks_depth() > 0;
}

static bool ready(void *ctx)
{
	struct reason why;
	unsigned int generation;

	/* At the end of the channel the call, which waits, finds the broker itself. */
	return hooks_depth() < DEPTH_MAX && drain(ctx, &generation, &why) >= 0;
}

struct events *events_new(struct session *session, int fd)
{
	_cleanup_(mem_freep) struct events *e = mem_new0(struct events);
	_cleanup_(packet_freep) struct packet *packet = packet_new();
	_cleanup_(hooks_freep) struct hooks *hooks = hooks_new();

	if (!e || !packet || !hooks)
		return NULL;
	e->session = session;
	e->fd = fd;
	e->watch_fd = -1;
	e->packet = STEAL_PTR(packet);
	e->hooks = STEAL_PTR(hooks);
	pthread_mutex_init(&e->receive_lock, NULL);
	pthread_mutex_init(&e->lock, NULL);
	connection_set_side(session->connection, &(struct connection_side){ fd, wants, ready, e });
	return STEAL_PTR(e);
}

struct events *events_free(struct events *e)
{
	if (!e)
		return NULL;
	events_stop(e);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->receive_lock);
	hooks_free(e->hooks);
	packet_free(e->packet);
	fd_closep(&e->watch_fd);
	fd_closep(&e->fd);
	return mem_free(e);
}

/* --- the mode ----------------------------------------------------------------------------------------------------- */

static int reader_need(struct events *e, struct reason *why)
{
	int r = 0;

	pthread_mutex_lock(&e->lock);
	if (!e->reader && !e->is_stopped)
		r = reader_start(e->session, e->fd, read_all, e, &e->reader);
	pthread_mutex_unlock(&e->lock);
	if (r < 0)
		return refuse(why, r, "no thread to run fault handlers in: %s",
			      strerrordesc_np(-r));
	return 0;
}

static void reader_end(struct events *e, bool is_for_good)
{
	struct reader *reader;

	pthread_mutex_lock(&e->lock);
	reader = STEAL_PTR(e->reader);
	e->is_stopped |= is_for_good;
	pthread_mutex_unlock(&e->lock);
	reader_stop(reader);
}

int events_set_mode(struct events *e, enum vcm_event_mode mode, struct reason *why)
{
	if (mode != VCM_EVENT_THREAD && mode != VCM_EVENT_LOOP)
		return refuse(why, -EINVAL, "there is no event mode %d", (int)mode);
	atomic_store(&mode_now, mode);
	if (!e)
		return 0;
	if (mode == VCM_EVENT_LOOP)
		reader_end(e, false);
	else if (e->is_watched || !hooks_is_empty(e->hooks))
		return reader_need(e, why);
	return 0;
}

int events_watch(struct events *e, struct reason *why)
{
	e->is_watched = true;
	return is_loop() ? 0 : reader_need(e, why);
}

static int watch_locked(struct events *e)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(e->watch_fd, EPOLL_CTL_ADD, e->fd, &event) < 0 ? -errno : 0;
}

static int replace_locked(struct events *e, int fd)
{
	if (e->fd < 0 || dup3(fd, e->fd, O_CLOEXEC) < 0)
		return -EMFILE;
	e->generation++;
	return e->watch_fd >= 0 ? watch_locked(e) : 0;
}

int events_replace(struct events *e, int fd, struct reason *why)
{
	int r;

	pthread_mutex_lock(&e->receive_lock);
	r = replace_locked(e, fd);
	pthread_mutex_unlock(&e->receive_lock);
	if (r < 0)
		return refuse(why, r, "the event channel cannot be replaced");
	close(fd);
	return 0;
}

/* Out: the stamp, by which later requests are told from earlier ones. */
static int tell_broker(struct events *e, uint32_t device, bool is_set, uint64_t *out_stamp,
		       struct reason *why)
{
	const struct op op = { .code = OP_HOOK, .target = device, .arg = is_set, .name = "" };
	const struct request request = { .ops = &op, .n_ops = 1 };
	struct packet *packet = NULL;
	int r;

	r = connection_request(e->session->connection, &request, &packet, why);
	if (r < 0)
		return r;
	r = packet->reply.status;
	*out_stamp = packet->reply.serial;
	if (r < 0)
		refuse(why, r, "%s", packet->reply.reason);
	connection_put(e->session->connection, packet);
	return r;
}

static int set_hook(struct events *e, uint32_t device, struct hook hook, struct reason *why)
{
	struct hook_change change;
	uint64_t stamp;
	int r = is_loop() ? 0 : reader_need(e, why);

	if (r < 0)
		return r;
	r = hooks_set_begin(e->hooks, device, hook, &change);
	if (r < 0)
		return refuse(why, r, "no memory");
	r = tell_broker(e, device, true, &stamp, why);
	if (r < 0) {
		hooks_set_undo(e->hooks, &change);
		return r;
	}
	hooks_set_end(e->hooks, &change, stamp);
	if (change.old.handler)
		hooks_wait(e->hooks, device);
	return 0;
}

static int remove_hook(struct events *e, uint32_t device, struct reason *why)
{
	uint64_t stamp;
	int r = tell_broker(e, device, false, &stamp, why);

	if (r < 0)
		return r;
	hooks_remove_end(e->hooks, device, stamp);
	hooks_wait(e->hooks, device);
	return 0;
}

int events_hook(struct events *e, uint32_t device, struct hook hook, struct reason *why)
{
	return hook.handler ? set_hook(e, device, hook, why) : remove_hook(e, device, why);
}

static int refuse_loop(struct reason *why)
{
	return refuse(why, -EINVAL,
		      "faults are the library's thread's: call vcm_set_event_mode(VCM_EVENT_LOOP)");
}

/* The channel's own descriptor would leave the program's epoll when the channel is replaced. */
static int watch_new_locked(struct events *e)
{
	int r;

	e->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->watch_fd < 0)
		return -errno;
	r = watch_locked(e);
	if (r < 0)
		fd_closep(&e->watch_fd);
	return r;
}

int events_fd(struct events *e, struct reason *why)
{
	int r;

	if (!is_loop())
		return refuse_loop(why);
	pthread_mutex_lock(&e->receive_lock);
	r = e->watch_fd >= 0 ? 0 : watch_new_locked(e);
	pthread_mutex_unlock(&e->receive_lock);
	return r < 0 ? refuse(why, r, "no descriptor to poll: %s", strerrordesc_np(-r)) :
		       e->watch_fd;
}

static int dispatch_once(struct events *e, int timeout_ms, struct reason *why)
{
	struct pollfd fd = { .fd = e->fd, .events = POLLIN };
	int r = poll(&fd, 1, timeout_ms);

	if (r < 0)
		return refuse(why, -errno, "poll: %s", strerrordesc_np(errno));
	return r > 0 ? drain_or_revive(e, why) : 0;
}

int events_dispatch(struct events *e, int timeout_ms, struct reason *why)
{
	unsigned int before = atomic_load(&e->n_dealt);
	int r;

	if (!is_loop())
		return refuse_loop(why);
	if (connection_error(e->session->connection) < 0)
		return refuse(why, -ENOTCONN, "the connection has broken");
	/* A broker that has come back is no fault; those that came while it was looked for are. */
	do {
		r = dispatch_once(e, timeout_ms, why);
		if (r == 0)
			r = (int)(atomic_load(&e->n_dealt) - before);
	} while (r == 0 && timeout_ms < 0);
	return r >= 0 || r == -EINTR ? r : -ENOTCONN;
}

void events_stop(struct events *e)
{
	const struct connection_side none = { .fd = -1 };

	connection_set_side(e->session->connection, &none);
	reader_end(e, true);
}

void events_forked(struct events *e)
{
	reader_forked(e->reader);
	fd_closep(&e->watch_fd);
	fd_closep(&e->fd);
}
