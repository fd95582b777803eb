// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/message.h"
#include "tests/suite.h"
#include "vcmd/loop.h"

CLEANUP_DEFINE(struct loop *, loop_free)

/* A link, its loop, and the peer's end of it. */
struct side {
	struct loop *loop;
	struct link *link;
	struct loop_timer *timer;
	int peer;
	int n_packets, n_gone;
	size_t n_bytes, n_fds;
	const char *why;
	unsigned char last[64];
	int reply_n; /* replies to each packet */
	size_t reply_len;
	int n_send_failed;
	bool pause, keep, free_in_packet, free_in_gone, stop_at_packet;
	int kept;
};

static unsigned char zeroes[PROTO_MAX_MESSAGE];

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void on_packet(void *ctx, const void *buf, size_t len, struct fdset *fds)
{
	struct side *s = ctx;

	s->n_packets++;
	s->n_bytes += len;
	s->n_fds += fds->n_fds;
	memcpy(s->last, buf, len < sizeof(s->last) ? len : sizeof(s->last));
	if (s->keep)
		s->kept = fdset_take(fds, 0);
	if (s->pause)
		link_pause(s->link);
	for (int i = 0; i < s->reply_n; i++)
		if (link_send(s->link, zeroes, s->reply_len, NULL, 0) < 0)
			s->n_send_failed++;
	if (s->free_in_packet)
		s->link = link_free(s->link);
	if (s->stop_at_packet)
		loop_stop(s->loop);
}

static void on_gone(void *ctx, const char *why)
{
	struct side *s = ctx;

	s->n_gone++;
	s->why = why;
	if (s->free_in_gone)
		s->link = link_free(s->link);
}

static const struct link_handler handler = { .packet = on_packet, .gone = on_gone };

static void on_timer(void *ctx)
{
	loop_stop(((struct side *)ctx)->loop);
}

static void side_init(struct side *s)
{
	int pair[2];

	*s = (struct side){ .kept = -1 };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->peer = pair[1];
	s->loop = loop_new(50);
	s->timer = loop_timer_new(s->loop, on_timer, s);
	ck_assert_int_eq(link_new(s->loop, pair[0], &handler, s, &s->link), 0);
}

static void side_deinit(struct side *s)
{
	s->link = link_free(s->link);
	s->timer = loop_timer_free(s->timer);
	s->loop = loop_free(s->loop);
	fd_closep(&s->kept);
	fd_closep(&s->peer);
}

/* Lets the loop do what there is to do, until nothing happens any more. */
static void settle(struct side *s)
{
	int before;

	do {
		before = s->n_packets + s->n_gone;
		loop_timer_set(s->timer, 20);
		ck_assert_int_eq(loop_run(s->loop), 0);
	} while (s->n_packets + s->n_gone != before);
}

static void peer_send(const struct side *s, const char *text)
{
	ck_assert_int_eq(send(s->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Packets that the peer can read now; the length of the last. */
static int peer_drain(int fd, ssize_t *last)
{
	static unsigned char buf[PROTO_MAX_MESSAGE];
	int n = 0;

	for (;;) {
		ssize_t r = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (r <= 0)
			return n;
		*last = r;
		n++;
	}
}

static void peer_send_fds(const struct side *s, const char *text, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * 253)];
	} control = { .space = { 0 } };
	char buf[16];
	struct iovec iov = { .iov_base = buf, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(sizeof(int) * n_fds) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memcpy(buf, text, strlen(text) + 1);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	for (size_t i = 0; i < n_fds; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &s->peer, sizeof(int));
	ck_assert_int_eq(sendmsg(s->peer, &msg, MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void expect_gone(struct side *s, const char *why)
{
	settle(s);
	ck_assert_int_eq(s->n_gone, 1);
	ck_assert_str_eq(s->why, why);
	if (!s->link)
		return;
	ck_assert_int_eq(link_send(s->link, "x", 1, NULL, 0), -EPIPE);
	settle(s);
	ck_assert_int_eq(s->n_gone, 1);
}

/* --- who */

START_TEST(link_knows_its_peer)
{
	struct side s;
	const struct transport_peer *p;
	gid_t gids[256];
	int n = getgroups(256, gids);

	side_init(&s);
	p = link_peer(s.link);
	ck_assert_int_eq(p->pid, getpid());
	ck_assert_uint_eq(p->uid, geteuid());
	ck_assert_uint_eq(p->gid, getegid());
	ck_assert_uint_ge(p->n_gids, 1);
	ck_assert_uint_le(p->n_gids, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		bool found = false;

		for (size_t j = 0; j < p->n_gids; j++)
			found |= p->gids[j] == gids[i];
		ck_assert(found);
	}
	side_deinit(&s);
}
END_TEST

START_TEST(link_knows_all_groups_of_its_peer)
{
	static const gid_t many[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 1000, 2000, 70000 };
	const struct transport_peer *p;
	struct side s;

	if (geteuid())
		SUITE_SKIP("needs root, to be in groups");
	if (setgroups(12, many) < 0)
		SUITE_SKIP("needs the right to set groups");
	side_init(&s);
	p = link_peer(s.link);
	ck_assert_uint_eq(p->n_gids, 13);
	for (size_t i = 0; i < 12; i++)
		ck_assert_uint_eq(p->gids[i], many[i]);
	ck_assert_uint_eq(p->gids[12], getegid());
	side_deinit(&s);
}
END_TEST

START_TEST(link_is_made_of_seqpacket_sockets_only)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct link *link = NULL;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(link_new(l, pair[0], &handler, NULL, &link), -EPROTOTYPE);
	ck_assert_ptr_null(link);
	ck_assert_int_eq(fcntl(pair[0], F_GETFD), FD_CLOEXEC); /* still ours */
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* --- in */

START_TEST(link_hands_over_packets_whole_and_in_order)
{
	struct side s;

	side_init(&s);
	for (int i = 0; i < 100; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", i);
		peer_send(&s, text);
	}
	settle(&s);
	ck_assert_int_eq(s.n_packets, 100);
	ck_assert_uint_eq(s.n_bytes, 190);
	ck_assert_mem_eq(s.last, "99", 2);
	ck_assert_int_eq(s.n_gone, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_takes_the_largest_message)
{
	struct side s;

	side_init(&s);
	ck_assert_int_eq(send(s.peer, zeroes, PROTO_MAX_MESSAGE, 0), PROTO_MAX_MESSAGE);
	settle(&s);
	ck_assert_uint_eq(s.n_bytes, PROTO_MAX_MESSAGE);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_a_packet_is_longer_than_the_largest_message)
{
	static unsigned char longer[PROTO_MAX_MESSAGE + 1];
	struct side s;

	side_init(&s);
	peer_send(&s, "before");
	ck_assert_int_eq(send(s.peer, longer, sizeof(longer), 0), (ssize_t)sizeof(longer));
	peer_send(&s, "after");
	expect_gone(&s, "a packet is longer than the largest message");
	ck_assert_int_eq(s.n_packets, 1);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_at_an_empty_packet)
{
	struct side s;

	side_init(&s);
	ck_assert_int_eq(send(s.peer, "", 0, 0), 0);
	expect_gone(&s, "the peer has gone");
	side_deinit(&s);
}
END_TEST

START_TEST(link_hands_over_what_a_peer_sent_before_it_closed)
{
	struct side s;

	side_init(&s);
	peer_send(&s, "one");
	peer_send(&s, "two");
	fd_closep(&s.peer);
	expect_gone(&s, "the peer has gone");
	ck_assert_int_eq(s.n_packets, 2);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_a_peer_will_not_write_any_more)
{
	struct side s;

	side_init(&s);
	shutdown(s.peer, SHUT_WR);
	expect_gone(&s, "the peer has gone");
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_a_peer_will_not_read_any_more)
{
	struct side s;

	side_init(&s);
	s.reply_n = 1;
	s.reply_len = 10;
	shutdown(s.peer, SHUT_RD);
	peer_send(&s, "x");
	expect_gone(&s, "the peer does not read any more");
	ck_assert_int_eq(s.n_send_failed, 1);
	side_deinit(&s);
}
END_TEST

START_TEST(link_may_be_freed_by_what_it_hands_over)
{
	struct side s;

	side_init(&s);
	s.free_in_packet = true;
	for (int i = 0; i < 50; i++)
		peer_send(&s, "x");
	settle(&s);
	ck_assert_int_eq(s.n_packets, 1);
	ck_assert_int_eq(s.n_gone, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_may_be_freed_when_it_has_gone)
{
	struct side s;

	side_init(&s);
	s.free_in_gone = true;
	fd_closep(&s.peer);
	expect_gone(&s, "the peer has gone");
	ck_assert_ptr_null(s.link);
	side_deinit(&s);
}
END_TEST

/* --- fds */

START_TEST(link_closes_the_fds_that_nobody_took)
{
	struct side s;
	size_t before;

	side_init(&s);
	before = count_fds();
	/* A user's fds under way are limited, by default to 1024 in all of his sockets together. */
	for (int i = 0; i < 50; i++) {
		peer_send_fds(&s, "x", FDSET_MAX);
		if (i % 5 == 4)
			settle(&s);
	}
	ck_assert_int_eq(s.n_packets, 50);
	ck_assert_uint_eq(s.n_fds, 50 * FDSET_MAX);
	ck_assert_uint_eq(count_fds(), before);
	side_deinit(&s);
}
END_TEST

START_TEST(link_gives_fds_that_are_closed_on_exec)
{
	struct side s;

	side_init(&s);
	s.keep = true;
	peer_send_fds(&s, "x", 2);
	settle(&s);
	ck_assert_int_ge(s.kept, 0);
	ck_assert_int_eq(fcntl(s.kept, F_GETFD), FD_CLOEXEC);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_at_a_flood_of_fds_and_keeps_none)
{
	struct side s;
	size_t before;

	side_init(&s);
	before = count_fds();
	peer_send_fds(&s, "x", FDSET_MAX + 1);
	peer_send_fds(&s, "x", 253);
	expect_gone(&s, "a packet came with more fds than we can take");
	ck_assert_int_eq(s.n_packets, 0);
	ck_assert_uint_eq(count_fds(), before);
	side_deinit(&s);
}
END_TEST

START_TEST(link_closes_the_fds_of_a_packet_that_is_too_long)
{
	static unsigned char longer[PROTO_MAX_MESSAGE + 1];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = longer, .iov_len = sizeof(longer) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct side s;
	size_t before;

	side_init(&s);
	*cmsg = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(cmsg), &s.peer, sizeof(int));
	before = count_fds();
	ck_assert_int_gt(sendmsg(s.peer, &msg, 0), 0);
	expect_gone(&s, "a packet is longer than the largest message");
	ck_assert_uint_eq(count_fds(), before);
	side_deinit(&s);
}
END_TEST

START_TEST(link_sends_duplicates_of_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * 2)];
	} control;
	char buf[8];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct stat mine, theirs;
	struct cmsghdr *cmsg;
	struct side s;
	int fds[2];

	side_init(&s);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(link_send(s.link, "hi", 2, fds, 2), 0);
	ck_assert_int_eq(recvmsg(s.peer, &msg, MSG_DONTWAIT), 2);
	cmsg = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(cmsg);
	ck_assert_uint_eq(cmsg->cmsg_len, CMSG_LEN(2 * sizeof(int)));
	for (int i = 0; i < 2; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + (size_t)i * sizeof(int), sizeof(int));
		ck_assert_int_eq(fstat(fds[i], &mine), 0);
		ck_assert_int_eq(fstat(fd, &theirs), 0);
		ck_assert_uint_eq(mine.st_rdev, theirs.st_rdev);
		close(fd);
		close(fds[i]);
	}
	side_deinit(&s);
}
END_TEST

/* --- back-pressure */

START_TEST(link_keeps_for_a_slow_reader_all_that_it_was_to_get)
{
	struct side s;
	ssize_t last = 0;
	int n = 0, sent = 0;

	side_init(&s);
	s.reply_n = 10;
	s.reply_len = 1000;
	for (int i = 0; i < 20; i++)
		peer_send(&s, "x");
	while (n < 200) {
		settle(&s);
		n += peer_drain(s.peer, &last);
		ck_assert_int_lt(++sent, 50);
	}
	ck_assert_int_eq(n, 200);
	ck_assert_int_eq(last, 1000);
	ck_assert_int_eq(s.n_packets, 20);
	ck_assert_int_eq(s.n_send_failed, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_reads_nothing_more_from_who_does_not_read)
{
	struct side s;
	ssize_t last = 0;
	int n_sent = 0, n_read = 0;

	side_init(&s);
	s.reply_n = 1;
	s.reply_len = 60000;
	for (int round = 0; round < 100; round++) {
		while (send(s.peer, "x", 1, MSG_DONTWAIT) == 1)
			n_sent++;
		settle(&s);
		if (round > 5)
			break;
	}
	/* A few large replies fill the socket and the queue; then requests pile up on the peer's side. */
	ck_assert_int_lt(s.n_packets, 20);
	ck_assert_int_lt(s.n_packets, n_sent);
	for (int i = 0; n_read < n_sent; i++) {
		n_read += peer_drain(s.peer, &last);
		loop_timer_set(s.timer, 1);
		ck_assert_int_eq(loop_run(s.loop), 0);
		ck_assert_int_lt(i, 10000);
	}
	ck_assert_int_eq(s.n_packets, n_sent);
	ck_assert_int_eq(s.n_send_failed, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_closes_the_fds_that_were_waiting_for_who_went)
{
	struct side s;
	size_t before, n = 0;

	before = count_fds();
	side_init(&s);
	while (count_fds() < before + 20 && n++ < 10000)
		ck_assert_int_eq(link_send(s.link, zeroes, 1000, &s.peer, 1), 0);
	ck_assert_uint_ge(count_fds(), before + 20);
	side_deinit(&s);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(link_ends_when_a_slow_reader_goes)
{
	struct side s;

	side_init(&s);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(link_send(s.link, zeroes, 60000, NULL, 0), 0);
	settle(&s);
	ck_assert_int_eq(s.n_gone, 0);
	fd_closep(&s.peer);
	expect_gone(&s, "the peer does not read any more");
	side_deinit(&s);
}
END_TEST

START_TEST(link_that_is_paused_reads_nothing)
{
	struct side s;

	side_init(&s);
	link_pause(s.link);
	link_pause(s.link);
	for (int i = 0; i < 5; i++)
		peer_send(&s, "x");
	settle(&s);
	ck_assert_int_eq(s.n_packets, 0);
	link_resume(s.link);
	settle(&s);
	ck_assert_int_eq(s.n_packets, 0);
	link_resume(s.link);
	settle(&s);
	ck_assert_int_eq(s.n_packets, 5);
	side_deinit(&s);
}
END_TEST

START_TEST(link_that_is_paused_by_a_packet_reads_no_other)
{
	struct side s;

	side_init(&s);
	s.pause = true;
	for (int i = 0; i < 100; i++)
		peer_send(&s, "x");
	for (int i = 1; i <= 100; i++) {
		loop_timer_set(s.timer, 1);
		ck_assert_int_eq(loop_run(s.loop), 0);
		ck_assert_int_eq(s.n_packets, i);
		link_resume(s.link);
	}
	side_deinit(&s);
}
END_TEST

START_TEST(link_that_is_paused_notices_that_its_peer_went)
{
	struct side s;

	side_init(&s);
	link_pause(s.link);
	peer_send(&s, "x");
	ck_assert_int_eq(link_send(s.link, "unread", 6, NULL, 0), 0);
	settle(&s);
	fd_closep(&s.peer);
	expect_gone(&s, "the peer has gone");
	ck_assert_int_eq(s.n_packets, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_that_is_paused_notices_that_its_peer_is_half_open)
{
	struct side s;

	side_init(&s);
	link_pause(s.link);
	settle(&s);
	shutdown(s.peer, SHUT_WR);
	expect_gone(&s, "the peer has gone");
	side_deinit(&s);
}
END_TEST

START_TEST(link_of_one_peer_does_not_starve_another)
{
	struct side s;
	struct link *other = NULL;
	struct side o = { .kept = -1, .stop_at_packet = true };
	int pair[2];

	side_init(&s);
	o.loop = s.loop;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(link_new(s.loop, pair[0], &handler, &o, &other), 0);
	while (send(s.peer, "x", 1, MSG_DONTWAIT) == 1)
		;
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(s.loop), 0);
	ck_assert_int_eq(o.n_packets, 1);
	ck_assert_int_lt(s.n_packets, 40);
	link_free(other);
	close(pair[1]);
	side_deinit(&s);
}
END_TEST

/* --- events */

START_TEST(link_sends_events_on_their_own_socket)
{
	struct side s;
	ssize_t last = 0;
	int fd;

	side_init(&s);
	ck_assert_int_eq(link_send_event(s.link, "x", 1), -ENOTCONN);
	fd = link_open_events(s.link);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(link_open_events(s.link), -EALREADY);
	ck_assert_int_eq(link_send_event(s.link, "event", 5), 0);
	ck_assert_int_eq(peer_drain(fd, &last), 1);
	ck_assert_int_eq(last, 5);
	ck_assert_int_eq(peer_drain(s.peer, &last), 0);
	close(fd);
	side_deinit(&s);
}
END_TEST

START_TEST(link_keeps_events_for_a_slow_reader)
{
	struct side s;
	ssize_t last = 0;
	int fd, n = 0;

	side_init(&s);
	fd = link_open_events(s.link);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(link_send_event(s.link, zeroes, 100), 0);
	for (int i = 0; n < 1000; i++) {
		n += peer_drain(fd, &last);
		settle(&s);
		ck_assert_int_lt(i, 100);
	}
	ck_assert_int_eq(n, 1000);
	ck_assert_int_eq(link_send_event(s.link, zeroes, 7), 0);
	ck_assert_int_eq(peer_drain(fd, &last), 1);
	ck_assert_int_eq(last, 7);
	close(fd);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_its_events_are_not_read)
{
	struct side s;
	int fd, n = 0;

	side_init(&s);
	fd = link_open_events(s.link);
	while (!link_send_event(s.link, zeroes, 100))
		ck_assert_int_lt(++n, 100000);
	ck_assert_int_lt(n, 5000);
	expect_gone(&s, "the peer does not read its events");
	ck_assert_int_eq(link_send_event(s.link, "x", 1), -EPIPE);
	ck_assert_int_eq(link_open_events(s.link), -EPIPE);
	close(fd);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_its_event_socket_is_closed)
{
	struct side s;

	side_init(&s);
	close(link_open_events(s.link));
	ck_assert_int_eq(link_send_event(s.link, "x", 1), -EPIPE);
	expect_gone(&s, "the peer closed its event socket");
	side_deinit(&s);
}
END_TEST

START_TEST(link_takes_nothing_on_the_event_socket)
{
	struct side s;
	int fd;

	side_init(&s);
	fd = link_open_events(s.link);
	ck_assert_int_eq(send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(fd);
	side_deinit(&s);
}
END_TEST

/* --- shortage */

START_TEST(link_is_made_whole_or_not_at_all)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct link *link = NULL;
	size_t before, nth = 0;
	int pair[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = count_fds();
	do {
		mem_fail_nth(++nth);
		r = link_new(l, pair[0], &handler, NULL, &link);
		ck_assert_int_eq(r, mem_fail_fired() ? -ENOMEM : 0);
		ck_assert_uint_eq(count_fds(), before);
	} while (r < 0);
	ck_assert_uint_gt(nth, 3);
	link_free(link);
	close(pair[1]);
}
END_TEST

START_TEST(link_that_cannot_queue_says_so_and_sends_nothing)
{
	struct side s;
	size_t before;
	ssize_t last = 0;
	int n = 0, read = 0;

	side_init(&s);
	before = count_fds();
	for (; count_fds() == before; n++)
		ck_assert_int_eq(link_send(s.link, zeroes, 10000, &s.peer, 1), 0);
	mem_fail_nth(1);
	ck_assert_int_eq(link_send(s.link, zeroes, 1, NULL, 0), -ENOMEM);
	ck_assert(mem_fail_fired());
	for (int i = 0; read < n; i++) {
		settle(&s);
		read += peer_drain(s.peer, &last);
		ck_assert_int_lt(i, 100);
	}
	ck_assert_int_eq(last, 10000);
	settle(&s);
	ck_assert_int_eq(peer_drain(s.peer, &last), 0);
	ck_assert_int_eq(s.n_gone, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(links_leave_no_fd_behind)
{
	size_t before = count_fds();

	for (int i = 0; i < 20; i++) {
		struct side s;
		int fd;

		side_init(&s);
		fd = link_open_events(s.link);
		ck_assert_int_eq(link_send_event(s.link, "x", 1), 0);
		peer_send(&s, "x");
		settle(&s);
		close(fd);
		side_deinit(&s);
	}
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

SUITE_MAIN("link", link_knows_its_peer, link_knows_all_groups_of_its_peer,
	   link_is_made_of_seqpacket_sockets_only, link_hands_over_packets_whole_and_in_order,
	   link_takes_the_largest_message,
	   link_ends_when_a_packet_is_longer_than_the_largest_message, link_ends_at_an_empty_packet,
	   link_hands_over_what_a_peer_sent_before_it_closed,
	   link_ends_when_a_peer_will_not_write_any_more,
	   link_ends_when_a_peer_will_not_read_any_more, link_may_be_freed_by_what_it_hands_over,
	   link_may_be_freed_when_it_has_gone, link_closes_the_fds_that_nobody_took,
	   link_gives_fds_that_are_closed_on_exec, link_ends_at_a_flood_of_fds_and_keeps_none,
	   link_closes_the_fds_of_a_packet_that_is_too_long, link_sends_duplicates_of_fds,
	   link_keeps_for_a_slow_reader_all_that_it_was_to_get,
	   link_reads_nothing_more_from_who_does_not_read,
	   link_closes_the_fds_that_were_waiting_for_who_went, link_ends_when_a_slow_reader_goes,
	   link_that_is_paused_reads_nothing, link_that_is_paused_by_a_packet_reads_no_other,
	   link_that_is_paused_notices_that_its_peer_went,
	   link_that_is_paused_notices_that_its_peer_is_half_open,
	   link_of_one_peer_does_not_starve_another, link_sends_events_on_their_own_socket,
	   link_keeps_events_for_a_slow_reader, link_ends_when_its_events_are_not_read,
	   link_ends_when_its_event_socket_is_closed, link_takes_nothing_on_the_event_socket,
	   link_is_made_whole_or_not_at_all, link_that_cannot_queue_says_so_and_sends_nothing,
	   links_leave_no_fd_behind)
