// SPDX-License-Identifier: BSD-3-Clause
// A node and vcmd, each a process of its own, and each killed in the middle of things: the other one goes on.
#include "tests/suite.h"
#include "tests/vcmd/daemon.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <vcm/attr.h>

#include "base/range.h"

#define ROUNDS 10

static struct daemon vcmd;
static char folder[32], config[1024];
static struct sockaddr_un meeting; /* where the node's peers connect */
static socklen_t meeting_len;

/* options: of the node; `@` is the folder. */
static void prepare(const char *options)
{
	char format[1024];

	snprintf(folder, sizeof(folder), "/tmp/vcm-proc.XXXXXX");
	ck_assert(mkdtemp(folder));
	snprintf(
		format, sizeof(format),
		"memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n"
		"memtype 1 { pool { source = window node = dsp ranges = {\"0x38040000+512K\"} } }\n"
		"smmu smmu0 { base = 0x07300000\n context video { mid = 0 } }\n"
		"stock = 0\naccess { allow-users = { \"*\" } }\nnode dsp { %s }\n",
		options);
	scene_fill_in(config, sizeof(config), format, folder);
	daemon_start(&vcmd, config);
}

static void finish(void)
{
	char path[64];

	daemon_stop(&vcmd);
	snprintf(path, sizeof(path), "%s/window", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/socket", folder);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static pid_t spawn(unsigned int n_vectors)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char path[64];

	meeting = (struct sockaddr_un){ .sun_family = AF_UNIX };
	meeting_len = sizeof(meeting);
	ck_assert(bind(listener, (struct sockaddr *)&meeting, sizeof(sa_family_t)) == 0 &&
		  listen(listener, 4) == 0 &&
		  getsockname(listener, (struct sockaddr *)&meeting, &meeting_len) == 0);
	snprintf(path, sizeof(path), "%s/%s", folder, n_vectors ? "socket" : "window");
	return relay_spawn(listener, path, n_vectors, SCENE_DA);
}

static struct peer *connect_node(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct peer *p;

	ck_assert(connect(fd, (struct sockaddr *)&meeting, meeting_len) == 0);
	p = peer_new(fd, NULL, NULL);
	ck_ok(peer_hello(p));
	return p;
}

static void bury(pid_t pid)
{
	ck_assert(kill(pid, SIGKILL) == 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Traffic, with something of everything, that nobody waits for the end of. */
static void be_busy(struct peer *p)
{
	scene_use_everything(p);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 9, .arg = VCM_MEMTYPE_0 + 1, .len = SZ_64K));
	for (uint32_t i = 0; i < 40; i++)
		ck_assert_uint_ne(
			SEND(p, VCM_CREATE, .handle = 100 + i, .addr = SZ_1M, .len = SZ_1M), 0);
}

static void ck_nothing_left(void)
{
	struct peer *local = daemon_peer(&vcmd);

	peer_await_nothing(local);
	peer_free(local);
}

static void kill_node(const char *options, unsigned int n_vectors)
{
	prepare(options);
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = spawn(n_vectors);
		struct peer *p = connect_node();

		be_busy(p);
		bury(pid);
		peer_free(p);
	}
	ck_nothing_left();
	finish();
}

START_TEST(a_node_behind_a_socket_is_killed_amid_traffic)
{
	kill_node("file = \"@/window\" socket = \"@/socket\"", 1);
}
END_TEST

START_TEST(a_polled_node_is_killed_amid_traffic)
{
	/* Where each step takes long, a node that is slow is not one that is dead. */
	kill_node(getenv("VCM_UNDER_VALGRIND") ?
			  "file = \"@/window\" heartbeat = 500 reset-timeout = 100" :
			  "file = \"@/window\" heartbeat = 50 reset-timeout = 10",
		  0);
}
END_TEST

static void kill_vcmd(const char *options, unsigned int n_vectors)
{
	pid_t pid;

	prepare(options);
	pid = spawn(n_vectors);
	for (int i = 0; i < ROUNDS; i++) {
		struct peer *p = connect_node();

		be_busy(p);
		bury(vcmd.pid);
		fd_closep(&vcmd.janitor);
		daemon_start(&vcmd, config);
		peer_wait_gone(p); /* the node was asked to reset, and did */
		peer_free(p);
	}
	bury(pid);
	ck_nothing_left();
	finish();
}

START_TEST(vcmd_is_killed_and_a_polled_node_attaches_again)
{
	kill_vcmd(getenv("VCM_UNDER_VALGRIND") ? "file = \"@/window\" heartbeat = 500" :
						 "file = \"@/window\" heartbeat = 50",
		  0);
}
END_TEST

START_TEST(vcmd_is_killed_and_a_node_comes_to_its_socket_again)
{
	kill_vcmd("file = \"@/window\" socket = \"@/socket\"", 1);
}
END_TEST

START_TEST(vcmd_that_is_stopped_asks_its_nodes_to_reset)
{
	struct peer *p;
	pid_t pid;

	prepare("file = \"@/window\"");
	pid = spawn(0);
	p = connect_node();
	be_busy(p);
	daemon_stop(&vcmd);
	peer_wait_gone(p);
	peer_free(p);
	daemon_start(&vcmd, config);
	p = connect_node();
	scene_use_everything(p);
	peer_free(p);
	ck_nothing_left(); /* the node has withdrawn its service */
	bury(pid);
	finish();
}
END_TEST

SUITE_MAIN("node-process", a_node_behind_a_socket_is_killed_amid_traffic,
	   a_polled_node_is_killed_amid_traffic, vcmd_is_killed_and_a_polled_node_attaches_again,
	   vcmd_is_killed_and_a_node_comes_to_its_socket_again,
	   vcmd_that_is_stopped_asks_its_nodes_to_reset)
