// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/suite.h"
#include "vcmd/loop.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

struct place {
	char folder[64], path[96];
	struct listener_config config;
	struct loop *loop;
	struct loop_timer *timer;
	struct listener *listener;
	struct reason why;
	int n_accepted;
	int accepted[64];
};

static void on_timer(void *ctx)
{
	loop_stop(((struct place *)ctx)->loop);
}

static void on_connection(void *ctx, int fd)
{
	struct place *p = ctx;

	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	if (p->n_accepted < 64)
		p->accepted[p->n_accepted] = fd;
	else
		close(fd);
	p->n_accepted++;
}

static void place_init(struct place *p)
{
	*p = (struct place){ .folder = "/tmp/test-listener-XXXXXX" };
	ck_assert_ptr_nonnull(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/vcmd.sock", p->folder);
	p->config = (struct listener_config){ .path = p->path, .mode = 0660, .handed = -1 };
	p->loop = loop_new(0);
	p->timer = loop_timer_new(p->loop, on_timer, p);
}

static int start(struct place *p)
{
	return listener_new(p->loop, &p->config, on_connection, p, &p->listener, &p->why);
}

static void place_deinit(struct place *p)
{
	listener_free(p->listener);
	for (int i = 0; i < p->n_accepted && i < 64; i++)
		close(p->accepted[i]);
	loop_timer_free(p->timer);
	loop_free(p->loop);
	unlink(p->path);
	ck_assert_int_eq(rmdir(p->folder), 0); /* nothing else was left there */
}

static void settle(struct place *p)
{
	int before;

	do {
		before = p->n_accepted;
		loop_timer_set(p->timer, 20);
		ck_assert_int_eq(loop_run(p->loop), 0);
	} while (p->n_accepted != before);
}

static int open_socket(const struct place *p, bool listens)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, p->path, strlen(p->path) + 1);
	if (listens) {
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		ck_assert_int_eq(listen(fd, 5), 0);
	} else if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void refused(struct place *p, int err, const char *reason)
{
	ck_assert_int_eq(start(p), err);
	ck_assert_ptr_null(p->listener);
	ck_assert_msg(strstr(p->why.text, reason), "said: %s", p->why.text);
}

START_TEST(listener_accepts_with_the_mode_it_was_told)
{
	struct place p;
	struct stat st;
	int fd[3];

	place_init(&p);
	ck_assert_int_eq(start(&p), 0);
	ck_assert_int_eq(stat(p.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_str_eq(listener_name(p.listener), p.path);
	for (int i = 0; i < 3; i++) {
		fd[i] = open_socket(&p, false);
		ck_assert_int_ge(fd[i], 0);
	}
	settle(&p);
	ck_assert_int_eq(p.n_accepted, 3);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	p.listener = listener_free(p.listener);
	ck_assert(!exists(p.path));
	place_deinit(&p);
}
END_TEST

START_TEST(listener_gives_the_socket_to_the_group)
{
	const struct group *group = getgrnam("daemon");
	struct place p;
	struct stat st;

	if (geteuid() || !group)
		SUITE_SKIP("needs root, and a group daemon");
	place_init(&p);
	p.config.group = "daemon";
	ck_assert_int_eq(start(&p), 0);
	ck_assert_int_eq(stat(p.path, &st), 0);
	ck_assert_uint_eq(st.st_gid, group->gr_gid);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_lets_no_group_in_when_it_may_not_give_the_socket_away)
{
	struct place p;
	struct stat st;

	if (geteuid())
		SUITE_SKIP("needs root, to be nobody");
	place_init(&p);
	ck_assert_int_eq(chmod(p.folder, 0777), 0);
	p.config.group = "daemon";
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setegid(65534), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(start(&p), 0);
	ck_assert_int_eq(stat(p.path, &st), 0);
	ck_assert_uint_eq(st.st_gid, 65534);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(seteuid(0), 0);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_replaces_the_socket_of_a_dead_daemon)
{
	struct place p;
	int fd;

	place_init(&p);
	close(open_socket(&p, true));
	ck_assert(exists(p.path));
	ck_assert_int_eq(start(&p), 0);
	fd = open_socket(&p, false);
	ck_assert_int_ge(fd, 0);
	close(fd);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_leaves_the_socket_of_a_live_daemon_alone)
{
	struct place p;
	int live, fd;

	place_init(&p);
	live = open_socket(&p, true);
	refused(&p, -EADDRINUSE, "another vcmd answers on");
	fd = open_socket(&p, false);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(live);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_leaves_alone_what_is_no_socket)
{
	struct place p;

	place_init(&p);
	close(open(p.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(&p, -EEXIST, "is not a socket");
	ck_assert(exists(p.path));
	place_deinit(&p);
}
END_TEST

START_TEST(listener_refuses_paths_that_cannot_be)
{
	static char longer[200];
	struct place p;

	place_init(&p);
	memset(longer, 'a', sizeof(longer) - 1);
	p.config.path = longer;
	refused(&p, -ENAMETOOLONG, "1 to 107 bytes");
	p.config.path = "";
	refused(&p, -ENAMETOOLONG, "1 to 107 bytes");
	p.config.path = "/no/such/folder/vcmd.sock";
	refused(&p, -ENOENT, "there is no folder /no/such/folder");
	p.config.path = p.path;
	p.config.group = "no-such-group";
	refused(&p, -EINVAL, "there is no group no-such-group");
	ck_assert(!exists(p.path));
	place_deinit(&p);
}
END_TEST

START_TEST(listener_waits_for_nobody_who_starts_at_the_same_time)
{
	struct place p;
	int lock;

	place_init(&p);
	lock = open(p.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	refused(&p, -EBUSY, "another vcmd is starting");
	close(lock);
	ck_assert_int_eq(start(&p), 0);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_leaves_a_successors_socket_alone)
{
	struct place p;
	int successor;

	place_init(&p);
	ck_assert_int_eq(start(&p), 0);
	ck_assert_int_eq(unlink(p.path), 0);
	successor = open_socket(&p, true);
	p.listener = listener_free(p.listener);
	ck_assert(exists(p.path));
	close(successor);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_without_fds_left_turns_peers_away_and_comes_back)
{
	struct rlimit files;
	struct place p;
	int peers[40], n_fill = 0, fill[64], n_away = 0;
	char c;

	place_init(&p);
	ck_assert_int_eq(start(&p), 0);
	for (int i = 0; i < 40; i++) {
		peers[i] = open_socket(&p, false);
		ck_assert_int_ge(peers[i], 0);
	}
	getrlimit(RLIMIT_NOFILE, &files);
	fill[n_fill++] = dup(peers[0]);
	files.rlim_cur = (rlim_t)fill[0] + 11;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	settle(&p);
	ck_assert_int_le(p.n_accepted, 10);
	for (int i = 0; i < 40; i++)
		if (recv(peers[i], &c, 1, 0) == 0)
			n_away++;
	ck_assert_int_eq(n_away, 40 - p.n_accepted);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	n_away = p.n_accepted;
	fill[n_fill++] = open_socket(&p, false);
	settle(&p);
	ck_assert_int_eq(p.n_accepted, n_away + 1);
	for (int i = 0; i < 40; i++)
		close(peers[i]);
	while (n_fill)
		close(fill[--n_fill]);
	place_deinit(&p);
}
END_TEST

/* Not even a spare one: the listener leaves the socket alone for a while instead of spinning. */
START_TEST(listener_without_any_fd_left_serves_later)
{
	struct rlimit files, none;
	struct place p;
	int peers[2];

	place_init(&p);
	ck_assert_int_eq(start(&p), 0);
	peers[0] = open_socket(&p, false);
	getrlimit(RLIMIT_NOFILE, &files);
	none = files;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	settle(&p);
	ck_assert_int_eq(p.n_accepted, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	peers[1] = open_socket(&p, false);
	for (int i = 0; i < 50 && p.n_accepted == 0; i++)
		settle(&p);
	ck_assert_int_gt(p.n_accepted, 0);
	close(peers[0]);
	close(peers[1]);
	place_deinit(&p);
}
END_TEST

START_TEST(listener_takes_the_socket_that_is_handed_over)
{
	struct place p;
	struct stat before, after;
	int fd;

	place_init(&p);
	p.config.handed = open_socket(&p, true);
	ck_assert_int_eq(stat(p.path, &before), 0);
	ck_assert_int_eq(start(&p), 0);
	fd = open_socket(&p, false);
	ck_assert_int_ge(fd, 0);
	settle(&p);
	ck_assert_int_eq(p.n_accepted, 1);
	p.listener = listener_free(p.listener);
	ck_assert_int_eq(stat(p.path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	close(fd);
	place_deinit(&p);
}
END_TEST

/* Whatever it is, it is the caller's still. */
static void refuse_handed(struct place *p, int fd, const char *reason)
{
	ck_assert_int_ge(fd, 0);
	p->config.handed = fd;
	refused(p, -EINVAL, reason);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(listener_refuses_what_is_handed_over_and_is_no_listening_socket)
{
	static const char *const no_listener = "no listening Unix socket";
	const struct sockaddr_un nameless = { .sun_family = AF_UNIX };
	struct place p;
	int pair[2], fd;

	place_init(&p);
	refuse_handed(&p, open("/dev/null", O_RDONLY | O_CLOEXEC), no_listener);
	refuse_handed(&p, socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), no_listener);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	refuse_handed(&p, pair[0], no_listener);
	close(pair[1]);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&nameless, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	refuse_handed(&p, fd, no_listener);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&nameless, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	refuse_handed(&p, fd, "is not bound to a path");
	place_deinit(&p);
}
END_TEST

START_TEST(listener_is_made_whole_or_not_at_all)
{
	struct place p;
	int r;

	place_init(&p);
	for (size_t nth = 1;; nth++) {
		mem_fail_nth(nth);
		r = start(&p);
		if (!mem_fail_fired())
			break;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert(!exists(p.path));
	}
	ck_assert_int_eq(r, 0);
	place_deinit(&p);
}
END_TEST

static bool kernel_can_refuse_fds(void)
{
	int pair[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	r = setsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
	close(pair[0]);
	close(pair[1]);
	return r == 0;
}

static ssize_t send_fd(int to)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	*cmsg = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(cmsg), &to, sizeof(int));
	return sendmsg(to, &msg, MSG_NOSIGNAL);
}

/* Also before it is accepted. */
START_TEST(listener_lets_no_fds_come)
{
	struct place p;
	int fd;

	place_init(&p);
	ck_assert_int_eq(start(&p), 0);
	fd = open_socket(&p, false);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	if (kernel_can_refuse_fds()) {
		ck_assert_int_eq(send_fd(fd), -1);
		ck_assert_int_eq(errno, EPERM);
	}
	settle(&p);
	ck_assert_int_eq(p.n_accepted, 1);
	close(fd);
	place_deinit(&p);
}
END_TEST

SUITE_MAIN("listener", listener_lets_no_fds_come, listener_accepts_with_the_mode_it_was_told,
	   listener_gives_the_socket_to_the_group,
	   listener_lets_no_group_in_when_it_may_not_give_the_socket_away,
	   listener_replaces_the_socket_of_a_dead_daemon,
	   listener_leaves_the_socket_of_a_live_daemon_alone,
	   listener_leaves_alone_what_is_no_socket, listener_refuses_paths_that_cannot_be,
	   listener_waits_for_nobody_who_starts_at_the_same_time,
	   listener_leaves_a_successors_socket_alone,
	   listener_without_fds_left_turns_peers_away_and_comes_back,
	   listener_without_any_fd_left_serves_later, listener_takes_the_socket_that_is_handed_over,
	   listener_refuses_what_is_handed_over_and_is_no_listening_socket,
	   listener_is_made_whole_or_not_at_all)
