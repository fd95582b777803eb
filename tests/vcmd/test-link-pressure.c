// SPDX-License-Identifier: BSD-3-Clause
/* What goes out, to peers who do not read it. */
#include "vcmd/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "tests/suite.h"
#include "tests/vcmd/side.h"
#include "vcmd/loop.h"

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
		side_send(&s, "x");
	while (n < 200) {
		side_settle(&s);
		n += side_drain(s.peer, &last);
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
		side_settle(&s);
		if (round > 5)
			break;
	}
	/* A few large replies fill the socket and the queue; then requests pile up on the peer's side. */
	ck_assert_int_lt(s.n_packets, 20);
	ck_assert_int_lt(s.n_packets, n_sent);
	for (int i = 0; n_read < n_sent; i++) {
		n_read += side_drain(s.peer, &last);
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

	before = side_count_fds();
	side_init(&s);
	while (side_count_fds() < before + 20 && n++ < 10000)
		ck_assert_int_eq(link_send(s.link, side_zeroes, 1000, &s.peer, 1), 0);
	ck_assert_uint_ge(side_count_fds(), before + 20);
	side_deinit(&s);
	ck_assert_uint_eq(side_count_fds(), before);
}
END_TEST

START_TEST(link_ends_when_a_slow_reader_goes)
{
	struct side s;

	side_init(&s);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(link_send(s.link, side_zeroes, 60000, NULL, 0), 0);
	side_settle(&s);
	ck_assert_int_eq(s.n_gone, 0);
	fd_closep(&s.peer);
	side_expect_gone(&s, "the peer does not read any more");
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
		side_send(&s, "x");
	side_settle(&s);
	ck_assert_int_eq(s.n_packets, 0);
	link_resume(s.link);
	side_settle(&s);
	ck_assert_int_eq(s.n_packets, 0);
	link_resume(s.link);
	side_settle(&s);
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
		side_send(&s, "x");
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
	side_send(&s, "x");
	ck_assert_int_eq(link_send(s.link, "unread", 6, NULL, 0), 0);
	side_settle(&s);
	fd_closep(&s.peer);
	side_expect_gone(&s, "the peer has gone");
	ck_assert_int_eq(s.n_packets, 0);
	side_deinit(&s);
}
END_TEST

START_TEST(link_that_is_paused_notices_that_its_peer_is_half_open)
{
	struct side s;

	side_init(&s);
	link_pause(s.link);
	side_settle(&s);
	shutdown(s.peer, SHUT_WR);
	side_expect_gone(&s, "the peer has gone");
	side_deinit(&s);
}
END_TEST

START_TEST(link_of_one_peer_does_not_starve_another)
{
	struct side s;
	struct link *other = NULL;
	struct side o = { .stop_at_packet = true };
	int pair[2];

	side_init(&s);
	o.loop = s.loop;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(link_new(s.loop, pair[0], &side_handler, &o, &other), 0);
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

/* There is room for a hundred packets and more at once. */
START_TEST(link_of_one_peer_that_begins_to_read_does_not_starve_another)
{
	struct side s;
	struct link *other = NULL;
	struct side o = { .stop_at_packet = true };
	ssize_t last = 0;
	int pair[2];

	side_init(&s);
	o.loop = s.loop;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(link_new(s.loop, pair[0], &side_handler, &o, &other), 0);
	for (int i = 0; i < 250; i++)
		ck_assert_int_eq(link_send(s.link, side_zeroes, 1000, NULL, 0), 0);
	ck_assert_int_gt(side_drain(s.peer, &last), 60);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(s.loop), 0);
	ck_assert_int_eq(o.n_packets, 1);
	ck_assert_int_lt(side_drain(s.peer, &last), 40);
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
	ck_assert_int_eq(side_drain(fd, &last), 1);
	ck_assert_int_eq(last, 5);
	ck_assert_int_eq(side_drain(s.peer, &last), 0);
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
		ck_assert_int_eq(link_send_event(s.link, side_zeroes, 100), 0);
	for (int i = 0; n < 1000; i++) {
		n += side_drain(fd, &last);
		side_settle(&s);
		ck_assert_int_lt(i, 100);
	}
	ck_assert_int_eq(n, 1000);
	ck_assert_int_eq(link_send_event(s.link, side_zeroes, 7), 0);
	ck_assert_int_eq(side_drain(fd, &last), 1);
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
	while (!link_send_event(s.link, side_zeroes, 100))
		ck_assert_int_lt(++n, 100000);
	ck_assert_int_lt(n, 5000);
	side_expect_gone(&s, "the peer does not read its events");
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
	side_expect_gone(&s, "the peer closed its event socket");
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

SUITE_MAIN("link-pressure", link_keeps_for_a_slow_reader_all_that_it_was_to_get,
	   link_reads_nothing_more_from_who_does_not_read,
	   link_closes_the_fds_that_were_waiting_for_who_went, link_ends_when_a_slow_reader_goes,
	   link_that_is_paused_reads_nothing, link_that_is_paused_by_a_packet_reads_no_other,
	   link_that_is_paused_notices_that_its_peer_went,
	   link_that_is_paused_notices_that_its_peer_is_half_open,
	   link_of_one_peer_does_not_starve_another,
	   link_of_one_peer_that_begins_to_read_does_not_starve_another,
	   link_sends_events_on_their_own_socket, link_keeps_events_for_a_slow_reader,
	   link_ends_when_its_events_are_not_read, link_ends_when_its_event_socket_is_closed,
	   link_takes_nothing_on_the_event_socket)
