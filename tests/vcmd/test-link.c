// SPDX-License-Identifier: BSD-3-Clause
/* Who is on a link, and what comes in. */
#include "vcmd/link.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/message.h"
#include "tests/suite.h"
#include "tests/vcmd/side.h"
#include "vcmd/loop.h"

CLEANUP_DEFINE(struct loop *, loop_free)

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
	ck_assert_int_eq(link_new(l, pair[0], &side_handler, NULL, &link), -EPROTOTYPE);
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
		side_send(&s, text);
	}
	side_settle(&s);
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
	ck_assert_int_eq(send(s.peer, side_zeroes, PROTO_MAX_MESSAGE, 0), PROTO_MAX_MESSAGE);
	side_settle(&s);
	ck_assert_uint_eq(s.n_bytes, PROTO_MAX_MESSAGE);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_a_packet_is_longer_than_the_largest_message)
{
	static unsigned char longer[PROTO_MAX_MESSAGE + 1];
	struct side s;

	side_init(&s);
	side_send(&s, "before");
	ck_assert_int_eq(send(s.peer, longer, sizeof(longer), 0), (ssize_t)sizeof(longer));
	side_send(&s, "after");
	side_expect_gone(&s, "a packet is longer than the largest message");
	ck_assert_int_eq(s.n_packets, 1);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_at_an_empty_packet)
{
	struct side s;

	side_init(&s);
	ck_assert_int_eq(send(s.peer, "", 0, 0), 0);
	side_expect_gone(&s, "the peer has gone");
	side_deinit(&s);
}
END_TEST

START_TEST(link_hands_over_what_a_peer_sent_before_it_closed)
{
	struct side s;

	side_init(&s);
	side_send(&s, "one");
	side_send(&s, "two");
	fd_closep(&s.peer);
	side_expect_gone(&s, "the peer has gone");
	ck_assert_int_eq(s.n_packets, 2);
	side_deinit(&s);
}
END_TEST

START_TEST(link_ends_when_a_peer_will_not_write_any_more)
{
	struct side s;

	side_init(&s);
	shutdown(s.peer, SHUT_WR);
	side_expect_gone(&s, "the peer has gone");
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
	side_send(&s, "x");
	side_expect_gone(&s, "the peer does not read any more");
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
		side_send(&s, "x");
	side_settle(&s);
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
	side_expect_gone(&s, "the peer has gone");
	ck_assert_ptr_null(s.link);
	side_deinit(&s);
}
END_TEST

/* --- fds */

#define SCM_MAX_FD 253 /* the kernel's */

/* It could open none: this process has no room for another. */
START_TEST(link_takes_packets_and_never_their_fds)
{
	struct rlimit before, none;
	size_t n_fds;
	struct side s;

	side_init(&s);
	n_fds = side_count_fds();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	/* A user's fds under way are limited in all of his sockets together: to as many as a process may have open. */
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		side_send_fds(&s, "x", SCM_MAX_FD);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
		side_settle(&s);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(s.n_packets, 50);
	ck_assert_int_eq(s.n_gone, 0);
	ck_assert_uint_eq(side_count_fds(), n_fds);
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

/* --- shortage */

START_TEST(link_is_made_whole_or_not_at_all)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct link *link = NULL;
	size_t before, nth = 0;
	int pair[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = side_count_fds();
	do {
		mem_fail_nth(++nth);
		r = link_new(l, pair[0], &side_handler, NULL, &link);
		ck_assert_int_eq(r, mem_fail_fired() ? -ENOMEM : 0);
		ck_assert_uint_eq(side_count_fds(), before);
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
	before = side_count_fds();
	for (; side_count_fds() == before; n++)
		ck_assert_int_eq(link_send(s.link, side_zeroes, 10000, &s.peer, 1), 0);
	mem_fail_nth(1);
	ck_assert_int_eq(link_send(s.link, side_zeroes, 1, NULL, 0), -ENOMEM);
	ck_assert(mem_fail_fired());
	for (int i = 0; read < n; i++) {
		side_settle(&s);
		read += side_drain(s.peer, &last);
		ck_assert_int_lt(i, 100);
	}
	ck_assert_int_eq(last, 10000);
	side_settle(&s);
	ck_assert_int_eq(side_drain(s.peer, &last), 0);
	ck_assert_int_eq(s.n_gone, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(links_leave_no_fd_behind)
{
	size_t before = side_count_fds();

	for (int i = 0; i < 20; i++) {
		struct side s;
		int fd;

		side_init(&s);
		fd = link_open_events(s.link);
		ck_assert_int_eq(link_send_event(s.link, "x", 1), 0);
		side_send(&s, "x");
		side_settle(&s);
		close(fd);
		side_deinit(&s);
	}
	ck_assert_uint_eq(side_count_fds(), before);
}
END_TEST

SUITE_MAIN("link", link_knows_its_peer, link_knows_all_groups_of_its_peer,
	   link_is_made_of_seqpacket_sockets_only, link_hands_over_packets_whole_and_in_order,
	   link_takes_the_largest_message,
	   link_ends_when_a_packet_is_longer_than_the_largest_message, link_ends_at_an_empty_packet,
	   link_hands_over_what_a_peer_sent_before_it_closed,
	   link_ends_when_a_peer_will_not_write_any_more,
	   link_ends_when_a_peer_will_not_read_any_more, link_may_be_freed_by_what_it_hands_over,
	   link_may_be_freed_when_it_has_gone, link_takes_packets_and_never_their_fds,
	   link_sends_duplicates_of_fds, link_is_made_whole_or_not_at_all,
	   link_that_cannot_queue_says_so_and_sends_nothing, links_leave_no_fd_behind)
