// SPDX-License-Identifier: BSD-3-Clause
// The ivshmem server, and nodes that are processes of their own: they come by the socket, kick by eventfds, and are killed.
#include "tests/suite.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log-limit.h"
#include "base/log.h"
#include "base/range.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/clock.h"
#include "vcmd/ivshmem.h"
#include "vcmd/loop.h"
#include "vcmd/node.h"
#include "vcmd/nodes.h"

static pid_t spawn(struct peer **out, const char *path, unsigned int n_vectors)
{
	int pair[2];
	pid_t pid;

	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = relay_spawn(pair[1], path, n_vectors, SCENE_DA);
	*out = world_adopt(scene.world, pair[0]);
	return pid;
}

static void bury(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void serve_and_kill(const char *options, unsigned int n_vectors, int n)
{
	scene_prepare(options, "");
	for (int i = 0; i < n; i++) {
		struct peer *p;
		pid_t pid = spawn(&p, n_vectors ? scene.socket : scene.window, n_vectors);

		ck_ok(peer_hello(p));
		scene_use_everything(p);
		for (int k = 0; k < 50; k++)
			ck_ok(CALL(p, PING));
		SEND(p, PING); /* in the middle of something */
		bury(pid);
		world_kill(scene.world, p);
		if (n_vectors) /* the connection tells; else the next one does, or a heartbeat */
			scene_until_none_left();
	}
}

/* As scene_close(), for a scene whose node is elsewhere. */
static void close_it(void)
{
	scene_until_none_left();
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0); /* the socket has gone */
}

START_TEST(a_node_comes_by_the_socket_and_is_killed)
{
	serve_and_kill("socket = \"@/socket\"", 1, 10);
	close_it();
}
END_TEST

START_TEST(a_bell_for_each_ring)
{
	serve_and_kill("socket = \"@/socket\" vectors = 2", 2, 3);
	close_it();
}
END_TEST

START_TEST(a_socket_hands_out_a_file)
{
	serve_and_kill("socket = \"@/socket\" file = \"@/window\"", 1, 3);
	close_it();
}
END_TEST

START_TEST(a_polled_node_is_killed_and_starts_again)
{
	serve_and_kill("file = \"@/window\" heartbeat = 200 reset-timeout = 5", 0, 5);
	close_it();
}
END_TEST

START_TEST(every_geometry_by_eventfd)
{
	for (unsigned int num = 4; num <= 256; num *= 8)
		for (unsigned int align = 16; align <= 4096; align *= 16) {
			char options[128];

			snprintf(options, sizeof(options),
				 "socket = \"@/socket\" descriptors = %u alignment = %u "
				 "name-service = %s",
				 num, align, num == 32 ? "false" : "true");
			serve_and_kill(options, 1, 1);
			close_it();
		}
}
END_TEST

/* --- the server, with a client that is no node */

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", scene.socket);
	ck_assert(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

static bool has_something(struct world *w _unused_, void *ctx)
{
	char c;

	return recv(*(int *)ctx, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void until_heard(int fd)
{
	world_until(scene.world, has_something, &fd);
}

static bool has_ended(int fd)
{
	char c;

	until_heard(fd);
	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

/* -1: nothing came with it. */
static int receive_with_fd(int fd, int64_t *value)
{
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { value, sizeof(*value) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	const struct cmsghdr *c;
	int got = -1;

	ck_assert_int_eq(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC), sizeof(*value));
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got;
}

START_TEST(the_server_speaks_as_qemu_expects)
{
	static const int64_t expected[] = { 0, 1, -1, 0, 1 };
	struct stat st;
	int64_t value;
	int fd;

	scene_prepare("socket = \"@/socket\" length = 2M", "");
	fd = connect_raw();
	until_heard(fd);
	for (int i = 0; i < 5; i++) {
		int got = receive_with_fd(fd, &value);

		ck_assert_int_eq(value, expected[i]);
		ck_assert_int_eq(got >= 0, i >= 2);
		if (got < 0)
			continue;
		ck_assert(fstat(got, &st) == 0);
		if (i == 2) {
			ck_assert_int_eq(st.st_size, 2 * 1024 * 1024);
			ck_assert_int_eq(ftruncate(got, 0), -1); /* sealed: it would kill us */
		}
		close(got);
	}
	close(fd);
	close_it();
}
END_TEST

/* What a raw peer has been given. */
struct shown {
	int server, memory, bells[2], own[2];
	void *window;
	volatile uint8_t *status;
};

static struct shown join_raw(void)
{
	struct shown s = { .server = connect_raw() };
	int64_t value;

	until_heard(s.server);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(receive_with_fd(s.server, &value), -1);
	s.memory = receive_with_fd(s.server, &value);
	for (int i = 0; i < 4; i++)
		(i < 2 ? s.bells : s.own)[i % 2] = receive_with_fd(s.server, &value);
	s.window = mmap(NULL, SCENE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, s.memory, 0);
	ck_assert_ptr_ne(s.window, MAP_FAILED);
	s.status = (uint8_t *)s.window + 44;
	return s;
}

static void leave_raw(const struct shown *s)
{
	const int fds[] = { s->server, s->memory, s->bells[0], s->bells[1], s->own[0], s->own[1] };

	munmap(s->window, SCENE_LEN);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
}

static uint64_t n_starts(const struct world *w)
{
	struct node_report report;

	nodes_report(nodes_get(w->broker->nodes, 0), &report);
	return report.epoch;
}

static bool has_started(struct world *w, void *ctx)
{
	return n_starts(w) == *(const uint64_t *)ctx;
}

static bool is_ready(struct world *w _unused_, void *ctx)
{
	return *((const struct shown *)ctx)->status == 7;
}

static void until_ready(struct shown *s)
{
	world_until(scene.world, is_ready, s);
}

static void make_blocking(int fd)
{
	ck_assert(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
}

/* Eventfds have their flags and their counts in common with the peer. */
START_TEST(a_peer_cannot_stop_us_by_the_bells_that_it_shares)
{
	const uint64_t full = UINT64_MAX - 1, one = 1;
	eventfd_t rung;
	struct shown s;

	scene_prepare("socket = \"@/socket\" vectors = 2", "");
	s = join_raw();
	for (int i = 0; i < 2; i++) {
		eventfd_read(s.own[i], &rung);
		make_blocking(s.bells[i]);
		make_blocking(s.own[i]);
		ck_assert(write(s.own[i], &full, sizeof(full)) == sizeof(full));
	}
	for (uint64_t n = 2; n < 20; n++) {
		*s.status = 0;
		ck_assert(write(s.bells[n % 2], &one, sizeof(one)) == sizeof(one));
		world_until(scene.world, has_started, &n);
		ck_assert_uint_eq(*s.status, 7);
	}
	leave_raw(&s);
	close_it();
}
END_TEST

#define MIN_MS_PER_START 20

/* Whoever is rung finds rings: those of its predecessor are none. */
START_TEST(a_peer_that_comes_again_and_again_is_rung_when_there_are_rings)
{
	uint64_t begun = clock_now_ns(), ms;
	eventfd_t rung;

	scene_prepare("socket = \"@/socket\" vectors = 2 file = \"@/window\"", "");
	for (int i = 0; i < 200; i++) {
		struct shown s = join_raw();
		bool has_rung = eventfd_read(s.own[0], &rung) == 0;

		ck_assert_int_eq(has_rung, *s.status == 7);
		if (i % 50 == 0) {
			until_ready(&s);
			ck_assert(has_rung || eventfd_read(s.own[0], &rung) == 0);
		}
		leave_raw(&s);
	}
	ms = (clock_now_ns() - begun) / 1000000u;
	ck_assert_uint_le(n_starts(scene.world), ms / MIN_MS_PER_START + 2);
	close_it();
}
END_TEST

START_TEST(a_second_peer_is_turned_away)
{
	int first, second, third;

	scene_prepare("socket = \"@/socket\"", "");
	first = connect_raw();
	until_heard(first);
	second = connect_raw();
	ck_assert(has_ended(second));
	close(first);
	third = connect_raw(); /* at once: the news of the first's end may come later */
	ck_assert(!has_ended(third));
	close(second);
	close(third);
	close_it();
}
END_TEST

static bool nobody_waits(struct world *w _unused_, void *ctx)
{
	char rest[256];

	return recv(*(int *)ctx, rest, sizeof(rest), MSG_DONTWAIT) == 0;
}

static unsigned int n_lines;

static void count_line(enum log_level level _unused_, const struct log_about *about _unused_,
		       const char *line _unused_)
{
	n_lines++;
}

START_TEST(peers_without_end_fill_no_log)
{
	enum log_level level = log_get_level();
	int first, second;

	scene_prepare("socket = \"@/socket\"", "");
	first = connect_raw();
	until_heard(first);
	n_lines = 0;
	log_set_sink(count_line);
	log_set_level(LOG_L_INFO);
	for (int i = 0; i < 10 * LOG_LIMIT_BURST; i++) {
		second = connect_raw();
		ck_assert(has_ended(second));
		close(second);
	}
	close(first);
	for (int i = 0; i < 10 * LOG_LIMIT_BURST; i++) {
		second = connect_raw();
		until_heard(second);
		close(second);
	}
	log_set_level(level);
	log_set_sink(NULL);
	ck_assert_uint_gt(n_lines, 0);
	ck_assert_uint_le(n_lines, 3 * LOG_LIMIT_BURST);
	close_it();
}
END_TEST

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_stop(void *ctx)
{
	loop_stop(ctx);
}

#define WITHOUT_FDS_MS 300

START_TEST(a_peer_for_whom_there_is_no_fd_waits_and_costs_nothing)
{
	struct rlimit before, none;
	struct loop_timer *timer;
	uint64_t cpu;
	int fd;

	scene_prepare("socket = \"@/socket\"", "");
	timer = loop_timer_new(scene.world->loop, on_stop, scene.world->loop);
	fd = connect_raw();
	ck_assert(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	ck_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
	loop_timer_set(timer, WITHOUT_FDS_MS);
	cpu = cpu_ns();
	ck_assert_int_eq(loop_run(scene.world->loop), 0);
	ck_assert_uint_lt(cpu_ns() - cpu, WITHOUT_FDS_MS * 1000000u / 2);
	ck_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
	until_heard(fd);
	close(fd);
	loop_timer_free(timer);
	close_it();
}
END_TEST

START_TEST(a_peer_that_talks_is_dropped)
{
	int fd;

	scene_prepare("socket = \"@/socket\"", "");
	fd = connect_raw();
	until_heard(fd);
	ck_assert_int_eq(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	world_until(scene.world, nobody_waits, &fd);
	close(fd);
	close_it();
}
END_TEST

START_TEST(a_socket_that_is_in_use_is_refused_and_a_dead_one_replaced)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char options[128], dead_folder[] = "/tmp/vcm-dead.XXXXXX";

	ck_assert(mkdtemp(dead_folder));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dead_folder);
	ck_assert(bind(dead, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	close(dead);
	snprintf(options, sizeof(options), "socket = \"%s\"", addr.sun_path);
	scene_prepare(options, "");
	close_it();
	ck_assert_int_eq(access(addr.sun_path, F_OK), -1);
	ck_assert_int_eq(rmdir(dead_folder), 0);
}
END_TEST

/* Nobody is let in, and the third would wait for ever. */
START_TEST(a_socket_whose_owner_lets_nobody_in_is_in_use)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int owner = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[3];
	char folder[] = "/tmp/vcm-full.XXXXXX";
	const struct ivshmem_handler nobody = { .joined = NULL };
	struct ivshmem_config config = { .path = addr.sun_path, .memory_fd = -1, .n_vectors = 1 };
	struct loop *l = loop_new(0);
	struct ivshmem *s = NULL;
	struct reason why;

	ck_assert(mkdtemp(folder));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", folder);
	ck_assert(bind(owner, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		  listen(owner, 0) == 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ivshmem_new(l, &config, &nobody, NULL, &s, &why), -EADDRINUSE);
		ck_assert(strstr(why.text, "is in use"));
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	for (int i = 0; i < 3; i++)
		close(waiting[i]);
	close(owner);
	unlink(addr.sun_path);
	rmdir(folder);
	loop_free(l);
}
END_TEST

/* --- UIO, whose device file is a pipe here: an interrupt is a count to be read */

static uint32_t *make_registers(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint32_t *registers;

	ck_assert(fd >= 0 && ftruncate(fd, 4096) == 0);
	registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(registers, MAP_FAILED);
	close(fd);
	return registers;
}

/* The Nth map of a UIO device is what is mapped from its Nth page on: of a file, what lies there. */
static void with_map(size_t map)
{
	char path[] = "/tmp/vcm-uio.XXXXXX", options[96];
	int fd = mkstemp(path);

	ck_assert(fd >= 0 && ftruncate(fd, (off_t)(map * 4096 + SCENE_LEN)) == 0);
	close(fd);
	snprintf(options, sizeof(options), "uio = \"%s\" map = %zu kick = poll", path, map);
	scene_prepare(options, "");
	relay_open(&scene.relay, path, map * 4096 + SCENE_LEN, SCENE_DA);
	scene.relay.base += map * 4096;
	scene.relay.len = SCENE_LEN;
	scene.relay.firmware.base = scene.relay.base;
	scene_start();
	scene_use_everything(scene_peer());
	scene_close();
	unlink(path);
}

START_TEST(a_map_of_a_uio_device_is_a_window)
{
	with_map(0);
	with_map(3);
}
END_TEST

START_TEST(an_interrupt_wakes_us_and_a_register_wakes_the_node)
{
	char folder[] = "/tmp/vcm-uio.XXXXXX", uio[64], page[64], options[256];
	uint32_t *registers;

	ck_assert(mkdtemp(folder));
	snprintf(uio, sizeof(uio), "%s/uio", folder);
	snprintf(page, sizeof(page), "%s/registers", folder);
	ck_assert(mkfifo(uio, 0600) == 0);
	registers = make_registers(page);
	snprintf(options, sizeof(options),
		 "file = \"@/window\" uio = \"%s\" doorbell = \"%s\" doorbell-offset = 12 "
		 "doorbell-value = 0x10001",
		 uio, page);
	scene_prepare(options, "");
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene.relay.kick = open(uio, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert(scene.relay.kick >= 0);
	scene_start();
	scene_use_everything(scene_peer());
	ck_assert_uint_eq(registers[3], 0x10001);
	ck_assert_uint_eq(registers[2], 0);
	scene_close();
	munmap(registers, 4096);
	unlink(uio);
	unlink(page);
	rmdir(folder);
}
END_TEST

SUITE_MAIN("node-socket", a_node_comes_by_the_socket_and_is_killed, a_bell_for_each_ring,
	   a_socket_hands_out_a_file, a_polled_node_is_killed_and_starts_again,
	   every_geometry_by_eventfd, the_server_speaks_as_qemu_expects,
	   a_peer_cannot_stop_us_by_the_bells_that_it_shares, a_second_peer_is_turned_away,
	   peers_without_end_fill_no_log, a_peer_for_whom_there_is_no_fd_waits_and_costs_nothing,
	   a_peer_that_comes_again_and_again_is_rung_when_there_are_rings,
	   a_peer_that_talks_is_dropped, a_socket_that_is_in_use_is_refused_and_a_dead_one_replaced,
	   a_socket_whose_owner_lets_nobody_in_is_in_use, a_map_of_a_uio_device_is_a_window,
	   an_interrupt_wakes_us_and_a_register_wakes_the_node)
