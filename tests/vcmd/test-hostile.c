// SPDX-License-Identifier: BSD-3-Clause
/*
 * Peers who speak another language, or none, or never stop: the daemon stays up, answers others, and leaks nothing.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "tests/suite.h"
#include "tests/vcmd/daemon.h"
#include "tests/vcmd/stage.h"

#define CONFIG                                                                                     \
	"stock = 0\nsocket-mode = 0666\nfault-timeout = 600000\naccess { allow-users = {\"*\"} }\n"
#define N_CODES (OP_PING + 2)
#define FIRST_IDS 4 /* sessions that wild numbers name */

/* One round of one kind of hostility. */
typedef void (*hostility_fn)(const struct daemon *d, unsigned int *seed);

static unsigned int pick(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

static void fill(void *buf, size_t len, unsigned int *seed)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)pick(seed, 256);
}

/* Sends what it can without waiting; the daemon may have ended the connection at any packet. */
static void throw(struct peer * p, const void *buf, size_t len)
{
	send(p->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void random_packets(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = pick(seed, 2) ? daemon_peer(d) : daemon_connect(d);
	static uint8_t buf[PROTO_MAX_MESSAGE];

	for (unsigned int n = 1 + pick(seed, 3); n; n--) {
		size_t len = pick(seed, pick(seed, 2) ? 64 : sizeof(buf));

		fill(buf, len, seed);
		throw(p, buf, len);
	}
	peer_wait_gone(p);
}

/* A real request with some bytes changed, cut or repeated. */
static void mutated_packets(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	struct op ops[8];
	uint8_t buf[4096];

	for (unsigned int n = 0; n < 20; n++) {
		struct request req = { .serial = ++p->serial,
				       .ops = ops,
				       .n_ops = 1 + pick(seed, 8) };
		long len;

		for (size_t i = 0; i < req.n_ops; i++)
			ops[i] = (struct op){ .code = pick(seed, N_CODES),
					      .handle = pick(seed, 12),
					      .on = pick(seed, 12),
					      .target = pick(seed, 12),
					      .addr = pick(seed, 4) << 28,
					      .len = pick(seed, 5) * SZ_4K,
					      .attr = pick(seed, 8),
					      .arg = pick(seed, 4),
					      .data = "data",
					      .n_data = pick(seed, 5) };
		len = request_encode(p->codec, &req, buf, sizeof(buf));
		for (unsigned int m = pick(seed, 4); m; m--)
			buf[pick(seed, (unsigned int)len)] = (uint8_t)pick(seed, 256);
		if (pick(seed, 4) == 0)
			len = 1 + (long)pick(seed, (unsigned int)len);
		throw(p, buf, (size_t)len);
	}
	shutdown(p->fd, SHUT_WR);
	peer_wait_gone(p);
}

/* Well-formed requests of anything on anything, with wild numbers. */
static struct op wild_op(unsigned int *seed)
{
	static const uint64_t wild[] = { 0,
					 1, /* the first session */
					 4095,
					 4096,
					 65536,
					 1 << 20,
					 1 << 24,
					 0x10000000,
					 0x40000000,
					 0xffffffff,
					 UINT64_C(1) << 32,
					 UINT64_C(1) << 47,
					 UINT64_C(1) << 52,
					 UINT64_C(1) << 63,
					 UINT64_MAX };
	const unsigned int n_wild = sizeof(wild) / sizeof(*wild);

	return (struct op){ .code = pick(seed, N_CODES),
			    .handle = pick(seed, 64),
			    .on = pick(seed, 64),
			    .target = pick(seed, 64),
			    .addr = wild[pick(seed, n_wild)],
			    .len = wild[pick(seed, n_wild)],
			    .attr = (uint32_t)wild[pick(seed, n_wild)],
			    .arg = wild[pick(seed, n_wild)],
			    .data = "data",
			    .n_data = pick(seed, 5) };
}

/* Of who may do anything: it reloads, too, and ends sessions, but there are none of these numbers. */
static void wild_requests(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);

	stage_set(p);
	for (unsigned int n = 0; n < 200; n++) {
		const struct op op = wild_op(seed);

		if (op.code == OP_BYE || op.code == OP_MONITOR || op.code == OP_SIM_READ ||
		    op.code == OP_SIM_WRITE || op.code == OP_SIM_FAIL)
			continue; /* they end it, wait, or break the hardware for everybody */
		peer_call(p, &op, 1);
		ck_assert(!p->gone);
	}
}

/* Any of them, and looks at no answer. */
static void send_wild(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	uint8_t buf[4096];

	stage_set(p);
	for (unsigned int n = 0; n < 200; n++) {
		const struct op op = wild_op(seed);
		struct request req = { .serial = ++p->serial, .ops = &op, .n_ops = 1 };
		long len = request_encode(p->codec, &req, buf, sizeof(buf));

		throw(p, buf, (size_t)len);
	}
	shutdown(p->fd, SHUT_WR);
	peer_wait_gone(p);
}

/* The same of who has no right but to connect: the numbers that others' sessions have are none that it can end. */
static void wild_stranger(const struct daemon *d, unsigned int *seed)
{
	unsigned int mine = (unsigned int)rand_r(seed);
	pid_t pid = fork();
	int status;

	ck_assert(pid >= 0);
	if (!pid) {
		become(ALICE);
		send_wild(d, &mine);
		_exit(0);
	}
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_int_eq(status, 0);
}

/* Who may manage: waits for news of what it does, reloads, and ends another session of its own and then itself. */
static void wild_manager(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	struct peer *victim _cleanup_(peer_freep) = daemon_peer(d);

	stage_set(victim);
	for (unsigned int n = 0; n < 20; n++) {
		SEND(p, MONITOR, .addr = pick(seed, 4));
		ck_ok(CALL(p, RELOAD));
		ck_status(CALL(p, SESSION_KILL, .arg = (UINT64_C(1) << 32) + pick(seed, 100)),
			  -ESRCH);
	}
	ck_ok(CALL(p, SESSION_KILL, .arg = victim->session));
	peer_wait_gone(victim);
	SEND(p, SESSION_KILL, .arg = p->session);
	peer_wait_gone(p);
}

/* As many fds as a packet takes, and more. */
static void fd_flood(const struct daemon *d, unsigned int *seed)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * 253)];
	} control = { 0 };
	struct peer *p _cleanup_(peer_freep) = pick(seed, 2) ? daemon_peer(d) : daemon_connect(d);
	unsigned int n_fds = 1 + pick(seed, 253);
	uint8_t byte = 0xff;
	struct iovec iov = { &byte, pick(seed, 2) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(sizeof(int) * n_fds) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	for (unsigned int i = 0; i < n_fds; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &p->fd, sizeof(int));
	for (int i = 0; i < 10; i++)
		sendmsg(p->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Its own socket is among them: it must not keep itself alive. */
	shutdown(p->fd, SHUT_WR);
	peer_wait_gone(p);
}

static void oversized_packets(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	static uint8_t buf[2 * PROTO_MAX_MESSAGE];
	int len = sizeof(buf) * 4;

	setsockopt(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, &len, sizeof(len));
	ck_assert(send(p->fd, buf, PROTO_MAX_MESSAGE + 1 + pick(seed, PROTO_MAX_MESSAGE - 1),
		       MSG_NOSIGNAL) > 0);
	peer_wait_gone(p);
}

static void half_open(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = pick(seed, 3) ? daemon_peer(d) : daemon_connect(d);

	switch (pick(seed, 3)) {
	case 0:
		shutdown(p->fd, SHUT_RD);
		SEND(p, MEMTYPE_CONT, .arg = 1);
		break;
	case 1:
		shutdown(p->fd, SHUT_WR);
		peer_wait_gone(p);
		break;
	default:
		fd_closep(&p->events);
		break;
	}
}

/* Asks for the longest answers, and reads none. */
static void never_reads(const struct daemon *d, unsigned int *seed)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	struct pollfd writable = { .fd = p->fd, .events = POLLOUT };
	struct op op = { .code = OP_INSPECT, .arg = 1 + pick(seed, 11) };
	uint8_t buf[256];

	stage_set(p);
	for (int i = 0; i < 3000 && poll(&writable, 1, 0) > 0; i++) {
		struct request req = { .serial = ++p->serial, .ops = &op, .n_ops = 1 };
		long n = request_encode(p->codec, &req, buf, sizeof(buf));

		throw(p, buf, (size_t)n);
	}
}

/* Faults whose events nobody reads, on a device that waits for ever. */
static void never_answers(const struct daemon *d, unsigned int *seed _unused_)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	struct stage_devices devices = stage_set(p);

	ck_ok(CALL(p, HOOK, .target = devices.a_mm1, .arg = 1));
	for (int i = 0; i < 100; i++)
		SEND(p, SIM_READ, .target = devices.a_mm1, .addr = 0x5000, .len = 4);
	ck_ok(CALL(p, VCM_INFO, .on = REGION));
}

/* Another type of socket cannot even connect; many that say nothing can. */
static void silent_peers(const struct daemon *d, unsigned int *seed _unused_)
{
	struct peer *peers[64];

	for (int i = 0; i < 64; i++)
		peers[i] = daemon_connect(d);
	for (int i = 0; i < 64; i++)
		peer_free(peers[i]);
}

static void too_many_requests(const struct daemon *d, unsigned int *seed _unused_)
{
	struct peer *p _cleanup_(peer_freep) = daemon_peer(d);
	static struct op ops[PROTO_MAX_OPS + 1];

	for (size_t i = 0; i < PROTO_MAX_OPS; i++)
		ops[i] = (struct op){ .code = OP_VCM_CREATE,
				      .handle = (uint32_t)i + 1,
				      .addr = SZ_1M,
				      .len = SZ_1M };
	ck_ok(peer_call(p, ops, PROTO_MAX_OPS));
	for (size_t i = 0; i < PROTO_MAX_OPS; i++)
		ops[i] = (struct op){ .code = OP_VCM_CLONE,
				      .handle = (uint32_t)(PROTO_MAX_OPS + i + 1),
				      .on = 1 };
	ck_ok(peer_call(p, ops, PROTO_MAX_OPS));
}

static unsigned int rounds(unsigned int n)
{
	return suite_scaled(n, 4, 20) + 1;
}

/* An arena may be kept for its user, who has a session still. */
static size_t count_fds_but_arenas(const struct daemon *d, struct peer *p)
{
	size_t n = daemon_count_fds(d);

	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_POOLS));
	for (size_t i = 0; i < p->reply.n_rows; i++)
		n -= p->reply.rows[i].n[VCM_POOL_ARENAS];
	return n;
}

/* A bystander, whom it must not disturb, and what the daemon has before and after. */
static void endure(hostility_fn hostility, unsigned int n)
{
	struct daemon d;
	struct peer *p;
	size_t n_fds, resident = 0;
	unsigned int seed = 7;

	daemon_start(&d, CONFIG);
	for (unsigned int i = 0; i < FIRST_IDS; i++)
		peer_free(daemon_peer(&d));
	p = daemon_peer(&d);
	n_fds = daemon_count_fds(&d);
	for (unsigned int half = 0; half < 2; half++) {
		for (unsigned int i = 0; i < rounds(n); i++) {
			hostility(&d, &seed);
			ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
			ck_ok(CALL(p, VCM_FREE, .on = 1));
			/* The next round wants the devices. */
			while (peer_status(p, VCM_STATUS_SESSIONS) > 1)
				;
		}
		/* The bystander's own handles stay with its session. */
		peer_free(p);
		p = daemon_peer(&d);
		peer_await_nothing(p);
		ck_assert_uint_eq(count_fds_but_arenas(&d, p), n_fds);
		if (half == 0)
			resident = daemon_resident(&d);
	}
	/* The first half made it as large as it gets: a leak of a page a round would show. */
	if (!SUITE_IS_SANITIZED && n >= 100)
		ck_assert_uint_le(daemon_resident(&d), resident + 64 + rounds(n) * 2);
	peer_free(p);
	daemon_stop(&d);
}

START_TEST(who_has_no_rights_disturbs_nobody)
{
	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	endure(wild_stranger, 100);
}
END_TEST

#define HOSTILE(name, hostility, n)                                                                \
	START_TEST(name)                                                                           \
	{                                                                                          \
		endure(hostility, n);                                                              \
	}                                                                                          \
	END_TEST

HOSTILE(random_packets_end_their_connection, random_packets, 500)
HOSTILE(mutated_packets_are_refused_or_served, mutated_packets, 300)
HOSTILE(wild_numbers_are_refused, wild_requests, 100)
HOSTILE(reloads_and_ends_of_sessions_leave_nothing, wild_manager, 200)
HOSTILE(fds_that_nobody_asked_for_are_closed, fd_flood, 500)
HOSTILE(oversized_packets_end_their_connection, oversized_packets, 200)
HOSTILE(half_open_peers_cost_nothing, half_open, 500)
HOSTILE(a_peer_that_never_reads_waits_alone, never_reads, 50)
HOSTILE(a_peer_that_never_answers_faults_waits_alone, never_answers, 100)
HOSTILE(silent_peers_cost_nothing, silent_peers, 20)
HOSTILE(full_sessions_are_taken_back, too_many_requests, 50)

SUITE_MAIN("hostile", random_packets_end_their_connection, mutated_packets_are_refused_or_served,
	   wild_numbers_are_refused, who_has_no_rights_disturbs_nobody,
	   reloads_and_ends_of_sessions_leave_nothing, fds_that_nobody_asked_for_are_closed,
	   oversized_packets_end_their_connection, half_open_peers_cost_nothing,
	   a_peer_that_never_reads_waits_alone, a_peer_that_never_answers_faults_waits_alone,
	   silent_peers_cost_nothing, full_sessions_are_taken_back)
