// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/connection.h"

#include <assert.h>
#include <bsd/sys/queue.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "libvcmclient/poller.h"
#include "libvcmclient/withdraw.h"

#define SPARE_MAX 16 /* packets kept for later */
#define WAITING 1    /* a waiter's result, as long as there is none */

/* Someone who wants a reply. Its own packet is for the request, and then for reading when it leads. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	pthread_cond_t cond;
	uint64_t serial;
	struct packet *packet;
	struct packet *answer;
	atomic_bool is_sent; /* the request; from then on its packet can be read into */
	const struct request *request;
	bool is_unsent; /* it is the leader's to send */
	bool is_asleep;
	int wake_fd;            /* an eventfd, when it sleeps on the side too; else -1 */
	bool is_alone;          /* the side is not watched */
	size_t n_due;           /* of PROTO_MAX_UNSEEN, for its answer */
	unsigned int n_in_vain; /* brokers that had it, and ended without an answer to anything */
	int result;
};

TAILQ_HEAD(waiters, waiter);

struct connection {
	int fd;
	_Atomic pid_t broker; /* 0: not known */
	size_t max_message;
	atomic_bool is_polling;

	pthread_mutex_t send_lock; /* serials are sent in their order; taken before the other */

	pthread_mutex_t lock;
	uint64_t serial;        /* the last one */
	uint64_t sent;          /* the last one that has been sent */
	struct waiters waiters; /* by serial */
	size_t n_unsent;
	size_t n_due; /* of all answers that have not been read */
	pthread_cond_t room;
	bool has_leader;
	bool is_down;
	bool has_answered; /* anything, since the last revival */
	int error;         /* why it is broken, or 0 */
	struct reason error_text;
	struct connection_side side;
	struct connection_finder finder; /* find NULL: none */
	struct packet *spare;
	size_t n_spare;
};

static __thread struct poller poller;

static pid_t peer_of(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

struct connection *connection_new(int fd)
{
	struct connection *c = mem_new0(struct connection);

	if (!c)
		return NULL;
	c->fd = fd;
	c->broker = peer_of(fd);
	c->max_message = PROTO_MAX_MESSAGE;
	c->side.fd = -1;
	atomic_init(&c->is_polling, true);
	pthread_mutex_init(&c->send_lock, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->room, NULL);
	TAILQ_INIT(&c->waiters);
	return c;
}

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	assert(TAILQ_EMPTY(&c->waiters));
	while (c->spare) {
		struct packet *packet = c->spare;

		c->spare = packet->next;
		packet_free(packet);
	}
	fd_closep(&c->fd);
	pthread_cond_destroy(&c->room);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->send_lock);
	return mem_free(c);
}

void connection_set_max_message(struct connection *c, size_t len)
{
	pthread_mutex_lock(&c->send_lock);
	c->max_message = len;
	pthread_mutex_unlock(&c->send_lock);
}

void connection_set_polling(struct connection *c, bool is_on)
{
	atomic_store(&c->is_polling, is_on);
}

void connection_set_side(struct connection *c, const struct connection_side *side)
{
	pthread_mutex_lock(&c->lock);
	c->side = *side;
	pthread_mutex_unlock(&c->lock);
}

void connection_set_finder(struct connection *c, const struct connection_finder *finder)
{
	pthread_mutex_lock(&c->lock);
	c->finder = *finder;
	pthread_mutex_unlock(&c->lock);
}

bool connection_is_revivable(struct connection *c)
{
	bool is_revivable;

	pthread_mutex_lock(&c->lock);
	is_revivable = c->finder.find && !c->error;
	pthread_mutex_unlock(&c->lock);
	return is_revivable;
}

int connection_error(struct connection *c)
{
	int r;

	pthread_mutex_lock(&c->lock);
	r = c->error;
	pthread_mutex_unlock(&c->lock);
	return r;
}

int connection_check(struct connection *c, struct reason *why)
{
	struct pollfd fd = { .fd = c->fd };

	if (connection_is_revivable(c))
		return 0;
	if (connection_error(c) < 0 || (poll(&fd, 1, 0) > 0 && fd.revents))
		return refuse(why, -ENOTCONN, "the connection has broken");
	return 0;
}

/* With the lock held. NULL when there is none. */
static struct packet *spare_take(struct connection *c)
{
	struct packet *packet = c->spare;

	if (packet) {
		c->spare = packet->next;
		c->n_spare--;
	}
	return packet;
}

void connection_put(struct connection *c, struct packet *packet)
{
	if (!packet)
		return;
	fdset_deinit(&packet->fds);
	pthread_mutex_lock(&c->lock);
	if (c->n_spare < SPARE_MAX) {
		packet->next = c->spare;
		c->spare = STEAL_PTR(packet);
		c->n_spare++;
	}
	pthread_mutex_unlock(&c->lock);
	packet_free(packet);
}

/* --- the list of those who wait; with the lock held ------------------------------------------------------------- */

static void waiter_wake(struct waiter *w)
{
	if (!w->is_asleep)
		return;
	if (w->wake_fd >= 0)
		eventfd_write(w->wake_fd, 1);
	else
		pthread_cond_signal(&w->cond);
}

static void waiter_set_unsent(struct connection *c, struct waiter *w, bool is_unsent)
{
	c->n_unsent += is_unsent;
	c->n_unsent -= w->is_unsent;
	w->is_unsent = is_unsent;
}

static void release_room(struct connection *c, struct waiter *w)
{
	c->n_due -= w->n_due;
	w->n_due = 0;
	pthread_cond_broadcast(&c->room);
}

static void waiter_finish(struct connection *c, struct waiter *w, int result)
{
	waiter_set_unsent(c, w, false);
	TAILQ_REMOVE(&c->waiters, w, link);
	release_room(c, w);
	w->result = result;
	waiter_wake(w);
}

static void break_locked(struct connection *c, int err, const char *text)
{
	if (c->error)
		return;
	c->error = err;
	refuse(&c->error_text, err, "%s", text);
	if (c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
	while (!TAILQ_EMPTY(&c->waiters))
		waiter_finish(c, TAILQ_FIRST(&c->waiters), err);
	pthread_cond_broadcast(&c->room);
}

/* For the leader, whose packet is handed on, another one: the receiver's, unless its send() has yet to return. */
static struct packet *in_exchange(struct connection *c, struct waiter *w)
{
	struct packet *packet;

	if (atomic_load(&w->is_sent))
		return STEAL_PTR(w->packet);
	packet = spare_take(c);
	return packet ? packet : packet_new();
}

/* A reply that nobody waits for: the broker's last word, or nonsense. */
static void refuse_orphan(struct connection *c, const struct reply *reply)
{
	if (reply->serial == 0 && reply->status < 0)
		break_locked(c, -ECONNRESET, reply->reason);
	else
		break_locked(c, -EPROTO, "the broker answered what was not asked");
}

/* Hands what the leader has read to the one whose reply it is. */
static void deliver(struct connection *c, struct waiter *leader)
{
	struct waiter *w;

	TAILQ_FOREACH(w, &c->waiters, link)
		if (w->serial == leader->packet->reply.serial)
			break;
	if (!w) {
		refuse_orphan(c, &leader->packet->reply);
		return;
	}
	c->has_answered = true;
	w->answer = STEAL_PTR(leader->packet);
	waiter_finish(c, w, 0);
	if (w == leader)
		return;
	leader->packet = in_exchange(c, w);
	if (!leader->packet)
		break_locked(c, -ENOMEM, "no memory");
}

/* Somebody else may lead now. */
static void pass_lead(struct connection *c)
{
	struct waiter *w;

	c->has_leader = false;
	TAILQ_FOREACH(w, &c->waiters, link) {
		if (!w->is_asleep)
			continue;
		waiter_wake(w);
		return;
	}
}

/* --- reading; without the lock ------------------------------------------------------------------------------------ */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* As packet_receive(); -EAGAIN when it was not worth it, or not done. */
static int receive_polling(struct connection *c, struct packet *packet, struct reason *why)
{
	struct poller_facts facts;
	int64_t end;
	int r;

	if (!atomic_load_explicit(&c->is_polling, memory_order_relaxed))
		return -EAGAIN;
	if (poller_is_curious(&poller)) {
		poller_look_up(c->broker, &facts);
		poller_learn(&poller, &facts);
	}
	if (!poller_begin(&poller))
		return -EAGAIN;
	end = now_ns() + POLLER_MAX_NS;
	while ((r = packet_receive(packet, c->fd, MSG_DONTWAIT, why)) == -EAGAIN && now_ns() < end)
		relax();
	poller_end(&poller, r != -EAGAIN);
	return r;
}

enum lead { LEAD_PACKET, LEAD_SIDE };

/* Waits for the next packet, or for the side. enum lead, or what packet_receive() says. */
static int lead(struct connection *c, struct packet *packet, const struct connection_side *side,
		struct reason *why)
{
	struct pollfd fds[] = { { .fd = c->fd, .events = POLLIN },
				{ .fd = side->fd, .events = POLLIN } };
	int r;

	r = receive_polling(c, packet, why);
	if (r != -EAGAIN)
		return r < 0 ? r : LEAD_PACKET;
	if (side->fd < 0)
		return packet_receive(packet, c->fd, 0, why);
	while (r == -EAGAIN) {
		fds[1].revents = 0;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return refuse(why, -errno, "poll: %s", strerrordesc_np(errno));
		r = packet_receive(packet, c->fd, MSG_DONTWAIT, why);
		if (r == -EAGAIN && fds[1].revents)
			return LEAD_SIDE;
	}
	return r < 0 ? r : LEAD_PACKET;
}

/* What the waiter, who is the caller, watches. */
static struct connection_side side_of(const struct connection *c, const struct waiter *w)
{
	struct connection_side side = c->side;

	if (w->is_alone || (side.fd >= 0 && !side.wants(side.ctx)))
		side.fd = -1;
	return side;
}

/* The side is readable. Called and returns with the lock held. */
static void side_ready(struct connection *c, struct waiter *w, const struct connection_side *side)
{
	pthread_mutex_unlock(&c->lock);
	w->is_alone = !side->ready(side->ctx);
	pthread_mutex_lock(&c->lock);
}

/* The socket has ended, or the broker spoke nonsense. */
static void lost_locked(struct connection *c, int r, const char *text)
{
	if (r == -EPROTO || r == -ENOMEM)
		break_locked(c, r, text);
	else if (c->finder.find)
		c->is_down = true;
	else
		break_locked(c, -ECONNRESET, text);
}

/* One turn as the leader. Called and returns with the lock held. */
static void lead_once(struct connection *c, struct waiter *w)
{
	struct connection_side side = side_of(c, w);
	struct packet *packet = w->packet;
	struct reason why;
	int r;

	why.text[0] = 0;
	c->has_leader = true;
	pthread_mutex_unlock(&c->lock);
	r = lead(c, packet, &side, &why);
	pthread_mutex_lock(&c->lock);
	c->has_leader = false;
	if (r < 0) {
		lost_locked(c, r, why.text);
	} else if (r == LEAD_PACKET) {
		deliver(c, w);
	} else {
		pass_lead(c);
		side_ready(c, w, &side);
	}
}

/* --- finding the broker again ------------------------------------------------------------------------------------- */

/* Of what is asked again the first comes to the broker first: what it ends over each time. NULL: it may be chance. */
static const struct waiter *suspect(const struct connection *c)
{
	const struct waiter *w;

	TAILQ_FOREACH(w, &c->waiters, link)
		if (withdraw_may(w->request))
			return w->n_in_vain < WITHDRAW_AFTER - 1 ? NULL : w;
	return NULL;
}

/* What is encoded here was encoded before; only a broker that takes shorter messages than the last one could be a reason not to. */
static int encode_again(struct connection *c, struct waiter *leader, const struct waiter *w,
			size_t *out_len)
{
	struct request request = *w->request;
	struct reason why;
	struct op withdrawal;

	if (w == suspect(c))
		withdraw_make(&request, &withdrawal);
	request.serial = w->serial;
	request.ack = TAILQ_FIRST(&c->waiters)->serial - 1;
	return packet_encode(leader->packet, &request, c->max_message, out_len, &why);
}

/* Sends what is to be sent, as far as the socket takes it. Called with the lock held, with which nobody else sends. */
static void send_unsent(struct connection *c, struct waiter *leader)
{
	struct waiter *w, *next;
	size_t len = 0;

	TAILQ_FOREACH_SAFE(w, &c->waiters, link, next) {
		int r;

		if (!w->is_unsent)
			continue;
		r = encode_again(c, leader, w, &len);
		if (r < 0) {
			waiter_finish(c, w, r);
			continue;
		}
		if (packet_send(leader->packet, c->fd, len, MSG_DONTWAIT) < 0)
			return; /* no room, or no broker: reading will tell */
		c->sent = w->serial;
		waiter_set_unsent(c, w, false);
	}
}

/* One turn as the leader of a connection that has things to send. Called and returns with the lock held. */
static void lead_sending(struct connection *c, struct waiter *w)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN | POLLOUT };
	struct packet *packet = w->packet;
	struct reason why;
	int r;

	send_unsent(c, w);
	if (!c->n_unsent || w->result != WAITING)
		return;
	c->has_leader = true;
	pthread_mutex_unlock(&c->lock);
	poll(&fd, 1, -1);
	r = packet_receive(packet, c->fd, MSG_DONTWAIT, &why);
	pthread_mutex_lock(&c->lock);
	c->has_leader = false;
	if (r == 0)
		deliver(c, w);
	else if (r != -EAGAIN)
		lost_locked(c, r, why.text);
}

/* The socket is another one. Called with both locks held: nobody is in the middle of sending. */
static void revive_locked(struct connection *c, int fd)
{
	struct waiter *w;

	if (c->error || dup3(fd, c->fd, O_CLOEXEC) < 0) {
		break_locked(c, -ECONNRESET, "the new connection cannot be used");
		return;
	}
	c->broker = peer_of(c->fd);
	c->is_down = false;
	TAILQ_FOREACH(w, &c->waiters, link) {
		if (c->has_answered)
			w->n_in_vain = 0;
		else if (!w->is_unsent && w->is_sent)
			w->n_in_vain++;
		waiter_set_unsent(c, w, true);
		w->is_alone = false; /* there is a new side to watch */
		waiter_wake(w);
	}
	c->has_answered = false;
}

/* Called and returns with the lock held. */
static void find_again(struct connection *c)
{
	struct connection_finder finder = c->finder;
	struct connection_lost lost = { TAILQ_FIRST(&c->waiters)->serial - 1, c->sent };
	_cleanup_(fd_closep) int fd = -1;
	struct reason why;
	int r;

	why.text[0] = 0;
	c->has_leader = true;
	pthread_mutex_unlock(&c->lock);
	r = finder.find(finder.ctx, &lost, &fd, &why);
	pthread_mutex_lock(&c->send_lock);
	pthread_mutex_lock(&c->lock);
	c->has_leader = false;
	if (r < 0)
		break_locked(c, -ECONNRESET, why.text);
	else
		revive_locked(c, fd);
	pthread_mutex_unlock(&c->send_lock);
}

/*
 * One sleep while another leads, until it is woken or the side is readable. Called and returns with the lock held. Without
 * a descriptor to be woken by, the side has to wait.
 */
static void sleep_once(struct connection *c, struct waiter *w)
{
	struct connection_side side = side_of(c, w);
	_cleanup_(fd_closep) int wake_fd = side.fd >= 0 ? eventfd(0, EFD_CLOEXEC) : -1;
	struct pollfd fds[] = { { .fd = wake_fd, .events = POLLIN },
				{ .fd = side.fd, .events = POLLIN } };

	w->is_asleep = true;
	w->wake_fd = wake_fd;
	if (wake_fd < 0) {
		pthread_cond_wait(&w->cond, &c->lock);
	} else {
		pthread_mutex_unlock(&c->lock);
		poll(fds, 2, -1);
		pthread_mutex_lock(&c->lock);
	}
	w->is_asleep = false;
	w->wake_fd = -1;
	if (w->result == WAITING && fds[1].revents)
		side_ready(c, w, &side);
}

static int await(struct connection *c, struct waiter *w, struct reason *why)
{
	pthread_mutex_lock(&c->lock);
	while (w->result == WAITING) {
		if (c->has_leader)
			sleep_once(c, w);
		else if (c->is_down)
			find_again(c);
		else if (c->n_unsent)
			lead_sending(c, w);
		else
			lead_once(c, w);
	}
	if (!c->has_leader)
		pass_lead(c);
	if (w->result < 0)
		refuse(why, w->result, "%s", c->error_text.text);
	pthread_mutex_unlock(&c->lock);
	return w->result;
}

/* --- sending -------------------------------------------------------------------------------------------------- */

static size_t count_due(const struct request *request)
{
	size_t n = PROTO_ANSWER_HEAD;

	for (size_t i = 0; i < request->n_ops; i++)
		n += op_n_values(request->ops[i].code);
	return n;
}

/* A broker that is killed leaves its successor so many answers and no more: what was read of others cannot be asked for again, what
 * was not would be carried out twice. */
static void take_room(struct connection *c, const struct request *request, struct waiter *w)
{
	size_t n_due = count_due(request);

	pthread_mutex_lock(&c->lock);
	while (!c->error && c->n_due && c->n_due + n_due > PROTO_MAX_UNSEEN)
		pthread_cond_wait(&c->room, &c->lock);
	w->n_due = n_due;
	c->n_due += n_due;
	pthread_mutex_unlock(&c->lock);
}

/* With the lock held: the waiter stands in the list from here on. */
static void enlist(struct connection *c, struct request *request, struct waiter *w)
{
	request->serial = w->serial = ++c->serial;
	request->ack =
		(TAILQ_EMPTY(&c->waiters) ? w->serial : TAILQ_FIRST(&c->waiters)->serial) - 1;
	w->request = request;
	TAILQ_INSERT_TAIL(&c->waiters, w, link);
	waiter_set_unsent(c, w, c->is_down || c->n_unsent);
	if (!w->is_unsent)
		c->sent = w->serial;
}

/* Then it stands in the list, and has a packet. Out: whether the caller is to send it. */
static int begin(struct connection *c, struct request *request, struct waiter *w, bool *out_sends,
		 struct reason *why)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	w->packet = spare_take(c);
	if (!w->packet)
		w->packet = packet_new();
	if (!w->packet)
		r = refuse(why, -ENOMEM, "no memory");
	else if (c->error)
		r = refuse(why, -ENOTCONN, "not connected any more: %s", c->error_text.text);
	else
		enlist(c, request, w);
	if (r < 0)
		release_room(c, w);
	*out_sends = !w->is_unsent;
	pthread_mutex_unlock(&c->lock);
	return r;
}

static void give_up(struct connection *c, struct waiter *w)
{
	pthread_mutex_lock(&c->lock);
	if (w->result == WAITING)
		waiter_finish(c, w, 0);
	pthread_mutex_unlock(&c->lock);
}

static int submit(struct connection *c, struct request *request, struct waiter *w,
		  struct reason *why)
{
	bool sends = false;
	size_t len = 0;
	int r;

	pthread_mutex_lock(&c->send_lock);
	r = begin(c, request, w, &sends, why);
	if (r == 0) {
		r = packet_encode(w->packet, request, c->max_message, &len, why);
		if (r < 0)
			give_up(c, w);
	}
	if (r == 0) {
		/* Without a broker it is sent when there is one again. */
		if (sends && packet_send(w->packet, c->fd, len, 0) < 0 &&
		    !connection_is_revivable(c))
			connection_break(c, -ECONNRESET, "the broker has closed the connection");
		atomic_store(&w->is_sent, true);
	}
	pthread_mutex_unlock(&c->send_lock);
	return r;
}

int connection_request(struct connection *c, const struct request *request, struct packet **out,
		       struct reason *why)
{
	struct waiter w = { .result = WAITING, .cond = PTHREAD_COND_INITIALIZER, .wake_fd = -1 };
	struct request numbered = *request;
	int r;

	take_room(c, request, &w);
	r = submit(c, &numbered, &w, why);
	if (r == 0)
		r = await(c, &w, why);
	pthread_cond_destroy(&w.cond);
	connection_put(c, w.packet);
	if (r == 0)
		*out = w.answer;
	else
		connection_put(c, w.answer);
	return r;
}

void connection_break(struct connection *c, int err, const char *text)
{
	pthread_mutex_lock(&c->lock);
	break_locked(c, err, text);
	pthread_mutex_unlock(&c->lock);
}

/* The locks may be held, and the lead may be had, by threads that this process does not have. */
void connection_forked(struct connection *c)
{
	pthread_mutex_init(&c->send_lock, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->room, NULL);
	c->has_leader = false;
	fd_closep(&c->fd);
	c->side.fd = -1;
	c->error = -ENOTCONN;
}
