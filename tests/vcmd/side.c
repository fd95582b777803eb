// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/side.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "vcmd/loop.h"

unsigned char side_zeroes[PROTO_MAX_MESSAGE];

size_t side_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void on_packet(void *ctx, const void *buf, size_t len)
{
	struct side *s = ctx;

	s->n_packets++;
	s->n_bytes += len;
	memcpy(s->last, buf, len < sizeof(s->last) ? len : sizeof(s->last));
	if (s->pause)
		link_pause(s->link);
	for (int i = 0; i < s->reply_n; i++)
		if (link_send(s->link, side_zeroes, s->reply_len, NULL, 0) < 0)
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

const struct link_handler side_handler = { .packet = on_packet, .gone = on_gone };

static void on_timer(void *ctx)
{
	loop_stop(((struct side *)ctx)->loop);
}

void side_init(struct side *s)
{
	int pair[2];

	*s = (struct side){ .n_packets = 0 };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->peer = pair[1];
	s->loop = loop_new(50);
	s->timer = loop_timer_new(s->loop, on_timer, s);
	ck_assert_int_eq(link_new(s->loop, pair[0], &side_handler, s, &s->link), 0);
}

void side_deinit(struct side *s)
{
	s->link = link_free(s->link);
	s->timer = loop_timer_free(s->timer);
	s->loop = loop_free(s->loop);
	fd_closep(&s->peer);
}

void side_settle(struct side *s)
{
	int before;

	do {
		before = s->n_packets + s->n_gone;
		loop_timer_set(s->timer, 20);
		ck_assert_int_eq(loop_run(s->loop), 0);
	} while (s->n_packets + s->n_gone != before);
}

void side_send(const struct side *s, const char *text)
{
	ck_assert_int_eq(send(s->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

int side_drain(int fd, ssize_t *last)
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

void side_send_fds(const struct side *s, const char *text, size_t n_fds)
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

void side_expect_gone(struct side *s, const char *why)
{
	side_settle(s);
	ck_assert_int_eq(s->n_gone, 1);
	ck_assert_str_eq(s->why, why);
	if (!s->link)
		return;
	ck_assert_int_eq(link_send(s->link, "x", 1, NULL, 0), -EPIPE);
	side_settle(s);
	ck_assert_int_eq(s->n_gone, 1);
}
