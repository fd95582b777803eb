// SPDX-License-Identifier: BSD-3-Clause
/*
 * The program: what it says, how it ends, and what it tells who started it.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "tests/suite.h"

#define MAX_ARGS 8
#define START_MS 20000

static char folder[64], listens_on[96], notifies[96];
static int handed = -1; /* what the next daemon finds at fd 3, or behind handed_first */
static int handed_first = -1;

/* A daemon that runs, and what it wrote. */
struct run {
	pid_t pid;
	int output, notify;
	char text[4096];
};

static void path_of(char *out, size_t len, const char *name)
{
	ck_assert_int_lt(snprintf(out, len, "%s/%s", folder, name), (int)len);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test-main-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path_of(listens_on, sizeof(listens_on), "vcmd.sock");
	path_of(notifies, sizeof(notifies), "notify");
}

static void teardown(void)
{
	ck_assert_int_eq(rmdir(folder), 0); /* it left nothing there */
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* In the child. */
static void pass_on(int fd)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	if (handed_first < 0 && dup2(fd, 3) < 0)
		_exit(126);
	/* Whatever numbers they have here: neither is in the other's way. */
	if (handed_first >= 0 &&
	    (dup2(handed_first, 20) < 0 || dup2(fd, 21) < 0 || dup2(20, 3) < 0 || dup2(21, 4) < 0))
		_exit(126);
}

static void start(struct run *r, const char *const *args, size_t n_args)
{
	char program[4096], *argv[MAX_ARGS + 2] = { program };
	const char *build = getenv("VCM_BUILDDIR");

	memcpy(&argv[1], args, n_args * sizeof(*args));
	snprintf(program, sizeof(program), "%s/vcmd/vcmd", build ? build : ".");
	r->output = memfd_create("output", MFD_CLOEXEC);
	r->pid = fork();
	if (r->pid)
		return;
	if (handed >= 0)
		pass_on(handed);
	dup2(r->output, STDOUT_FILENO);
	dup2(r->output, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	execv(program, argv);
	_exit(127);
}

/* The status it exits with; what it said is in text. */
static int finish(struct run *r)
{
	int status;

	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	memset(r->text, 0, sizeof(r->text));
	ck_assert_int_ge(pread(r->output, r->text, sizeof(r->text) - 1, 0), 0);
	close(r->output);
	ck_assert_msg(WIFEXITED(status), "it died: %s", r->text);
	return WEXITSTATUS(status);
}

static int run(struct run *r, const char *const *args, size_t n_args)
{
	start(r, args, n_args);
	return finish(r);
}

#define RUN(r, ...)                                                                                \
	run(r, (const char *const[]){ __VA_ARGS__ },                                               \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* What it tells systemd, by way of the socket that we play. */
static void open_notify(struct run *r)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = START_MS / 1000 };

	memcpy(addr.sun_path, notifies, strlen(notifies) + 1);
	r->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(r->notify, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(r->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", notifies, 1);
}

static void expect_notice(struct run *r, const char *what)
{
	char text[1024] = "";
	ssize_t n = recv(r->notify, text, sizeof(text) - 1, 0);

	ck_assert_msg(n > 0 && strstr(text, what), "it told: %s", text);
}

static void start_daemon(struct run *r)
{
	const char *const args[] = { "--socket", listens_on, "--log-level", "info" };

	open_notify(r);
	start(r, args, 4);
	expect_notice(r, "READY=1");
}

static int stop_daemon(struct run *r, int signo)
{
	int status;

	kill(r->pid, signo);
	expect_notice(r, "STOPPING=1");
	status = finish(r);
	close(r->notify);
	unlink(notifies);
	unsetenv("NOTIFY_SOCKET");
	return status;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

START_TEST(vcmd_says_its_version_and_how_to_use_it)
{
	struct run r;

	ck_assert_int_eq(RUN(&r, "--version"), 0);
	ck_assert_msg(!strncmp(r.text, "vcmd ", 5), "%s", r.text);
	ck_assert_int_eq(RUN(&r, "--help"), 0);
	ck_assert_msg(!strncmp(r.text, "usage: vcmd ", 12), "%s", r.text);
}
END_TEST

START_TEST(vcmd_exits_with_2_when_it_is_used_wrongly)
{
	struct run r;

	ck_assert_int_eq(RUN(&r, "--frobnicate"), 2);
	ck_assert_ptr_nonnull(strstr(r.text, "usage: vcmd "));
	ck_assert_int_eq(RUN(&r, "--socket"), 2);
	ck_assert_int_eq(RUN(&r, "file"), 2);
	ck_assert_int_eq(RUN(&r, "--log-level", "loud"), 2);
	ck_assert_ptr_nonnull(strstr(r.text, "not loud"));
}
END_TEST

START_TEST(vcmd_checks_a_configuration_and_leaves)
{
	char conf[96];
	struct run r;
	FILE *f;

	path_of(conf, sizeof(conf), "vcmd.conf");
	f = fopen(conf, "we");
	fputs("poll = 20\nlimits { sessions = none }\n", f);
	fclose(f);
	ck_assert_int_eq(RUN(&r, "--check", "--config", conf), 1);
	ck_assert_msg(strstr(r.text, "vcmd.conf:2: sessions: 'none' is not a number"), "%s",
		      r.text);
	ck_assert_int_eq(RUN(&r, "--config", conf), 78);
	/* Where another has left something, it is to be started until it is right. */
	setenv("LISTEN_FDNAMES", "socket:journal-1", 1);
	ck_assert_int_eq(RUN(&r, "--config", conf), 1);
	setenv("LISTEN_FDNAMES", "socket", 1);
	ck_assert_int_eq(RUN(&r, "--config", conf), 78);
	unsetenv("LISTEN_FDNAMES");
	f = fopen(conf, "we");
	fputs("poll = 20\n", f);
	fclose(f);
	ck_assert_int_eq(RUN(&r, "--check", "--config", conf), 0);
	ck_assert_msg(strstr(r.text, "vcmd.conf: ok"), "%s", r.text);
	unlink(conf);
	ck_assert_int_eq(RUN(&r, "--check", "--config", conf), 1);
	ck_assert_ptr_nonnull(strstr(r.text, "No such file"));
}
END_TEST

START_TEST(vcmd_is_ready_when_it_listens_and_ends_cleanly)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < 2; i++) {
		struct run r;

		start_daemon(&r);
		close(connect_to(listens_on));
		ck_assert_int_eq(stop_daemon(&r, signals[i]), 0);
		ck_assert(!exists(listens_on));
	}
}
END_TEST

START_TEST(vcmd_ends_cleanly_with_clients_that_never_said_a_word)
{
	struct run r;
	int fds[20];
	char c;

	start_daemon(&r);
	for (int i = 0; i < 20; i++)
		fds[i] = connect_to(listens_on);
	ck_assert_int_eq(send(fds[0], "nonsense", 8, MSG_NOSIGNAL), 8);
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
	for (int i = 0; i < 20; i++) {
		while (recv(fds[i], &c, 1, 0) > 0)
			; /* an answer to nonsense, perhaps */
		close(fds[i]);
	}
}
END_TEST

START_TEST(vcmd_does_not_take_the_socket_of_another)
{
	struct run r, second;

	start_daemon(&r);
	ck_assert_int_eq(RUN(&second, "--socket", listens_on), 1);
	ck_assert_msg(strstr(second.text, "another vcmd answers on"), "%s", second.text);
	close(connect_to(listens_on));
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
}
END_TEST

START_TEST(vcmd_replaces_the_socket_of_one_that_was_killed)
{
	struct run r;
	int status;

	start_daemon(&r);
	kill(r.pid, SIGKILL);
	ck_assert_int_eq(waitpid(r.pid, &status, 0), r.pid);
	close(r.output);
	close(r.notify);
	unlink(notifies);
	ck_assert(exists(listens_on));
	start_daemon(&r);
	close(connect_to(listens_on));
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
}
END_TEST

START_TEST(vcmd_tells_the_watchdog_that_its_loop_turns)
{
	struct run r;

	setenv("WATCHDOG_USEC", "60000", 1);
	unsetenv("WATCHDOG_PID");
	start_daemon(&r);
	for (int i = 0; i < 5; i++)
		expect_notice(&r, "WATCHDOG=1");
	unsetenv("WATCHDOG_USEC");
	kill(r.pid, SIGKILL);
	ck_assert_int_eq(waitpid(r.pid, NULL, 0), r.pid);
	close(r.output);
	close(r.notify);
	unlink(notifies);
	unlink(listens_on);
}
END_TEST

START_TEST(vcmd_says_what_it_holds_in_its_status)
{
	struct run r;
	int fd;

	start_daemon(&r);
	fd = connect_to(listens_on);
	expect_notice(&r, "STATUS=1 session, 0 objects, 0 KB of memory, 0 active; listening on ");
	close(fd);
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
}
END_TEST

/* A socket at fd 3, as the service manager hands it over. */
static void hand_over(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, listens_on, strlen(listens_on) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	handed = fd;
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", name, 1);
}

/* Before the socket comes something from an fd store that nobody knows: it is closed at start. */
static void hand_over_more(void)
{
	handed_first = memfd_create("kept", MFD_CLOEXEC);
	ck_assert_int_ge(handed_first, 0);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "kept-1:listen", 1);
}

static void take_back(void)
{
	fd_closep(&handed_first);
	close(handed);
	handed = -1;
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

START_TEST(vcmd_serves_on_the_socket_that_is_handed_over)
{
	struct run r;

	hand_over("listen");
	start_daemon(&r);
	close(connect_to(listens_on));
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
	ck_assert(exists(listens_on)); /* it is not the daemon's to remove */
	take_back();
	unlink(listens_on);
}
END_TEST

/* Left in the queue it would start the daemon again as soon as that has ended. */
START_TEST(who_comes_to_a_wrong_configuration_is_told_and_sent_away)
{
	char conf[96], word[512];
	struct pollfd queue;
	struct run r;
	ssize_t n;
	FILE *f;
	int fd;

	path_of(conf, sizeof(conf), "vcmd.conf");
	f = fopen(conf, "we");
	fputs("nonsense\n", f);
	fclose(f);
	hand_over("listen");
	fd = connect_to(listens_on);
	ck_assert_int_eq(RUN(&r, "--config", conf), 78);
	n = recv(fd, word, sizeof(word), 0);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_nonnull(memmem(word, (size_t)n, "the broker's configuration is wrong", 35));
	ck_assert_int_eq(recv(fd, word, sizeof(word), 0), 0);
	queue = (struct pollfd){ .fd = handed, .events = POLLIN };
	ck_assert_int_eq(poll(&queue, 1, 0), 0);
	close(fd);
	take_back();
	unlink(listens_on);
	unlink(conf);
}
END_TEST

START_TEST(vcmd_finds_its_socket_behind_what_nobody_knows)
{
	struct run r;

	hand_over("listen");
	hand_over_more();
	start_daemon(&r);
	close(connect_to(listens_on));
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
	ck_assert_msg(strstr(r.text, "an fd named 'kept-1' was handed over, which is not known"),
		      "%s", r.text);
	take_back();
	unlink(listens_on);
}
END_TEST

START_TEST(vcmd_goes_by_the_name_of_what_is_handed_over)
{
	struct run r;

	hand_over("something");
	/* It is not used, and so one of its own cannot be there. */
	ck_assert_int_eq(RUN(&r, "--socket", listens_on), 1);
	ck_assert_msg(strstr(r.text, "another vcmd answers on"), "%s", r.text);
	ck_assert_msg(strstr(r.text, "a socket named 'something', which is not known here"), "%s",
		      r.text);
	take_back();
	unlink(listens_on);
}
END_TEST

static void write_conf(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(vcmd_reloads_on_sighup_and_says_what_it_does_not_take)
{
	static const char *const args[] = { "--socket", listens_on, "--config", NULL };
	const char *argv[4];
	char conf[96];
	struct run r;
	int fd;

	path_of(conf, sizeof(conf), "vcmd.conf");
	memcpy(argv, args, sizeof(args));
	argv[3] = conf;
	write_conf(conf, "poll = 20\n");
	open_notify(&r);
	start(&r, argv, 4);
	expect_notice(&r, "READY=1");
	fd = connect_to(listens_on);
	expect_notice(&r, "STATUS=1 session,");

	write_conf(conf, "poll = 10\nlog-level = info\n");
	kill(r.pid, SIGHUP);
	expect_notice(&r, "RELOADING=1\nMONOTONIC_USEC=");
	expect_notice(&r, "READY=1\nSTATUS=1 session,");
	write_conf(conf, "stock = 1M\n");
	kill(r.pid, SIGHUP);
	expect_notice(&r, "RELOADING=1");
	expect_notice(&r, "READY=1");
	write_conf(conf, "poll = none\n");
	kill(r.pid, SIGHUP);
	expect_notice(&r, "RELOADING=1");
	expect_notice(&r, "READY=1");
	unlink(conf);
	close(connect_to(listens_on));
	close(fd);
	ck_assert_int_eq(stop_daemon(&r, SIGTERM), 0);
	ck_assert_msg(strstr(r.text, "reloaded /tmp/"), "%s", r.text);
	ck_assert_msg(strstr(r.text, "not reloaded, nothing has changed: stock cannot be changed"),
		      "%s", r.text);
	ck_assert_msg(strstr(r.text, "vcmd.conf:1: poll: 'none' is not a number"), "%s", r.text);
	ck_assert_msg(strstr(r.text, "stopping: "), "the log's level: %s", r.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("main");
	TCase *tcase = tcase_create("main");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, vcmd_says_its_version_and_how_to_use_it);
	tcase_add_test(tcase, vcmd_exits_with_2_when_it_is_used_wrongly);
	tcase_add_test(tcase, vcmd_checks_a_configuration_and_leaves);
	tcase_add_test(tcase, vcmd_is_ready_when_it_listens_and_ends_cleanly);
	tcase_add_test(tcase, vcmd_ends_cleanly_with_clients_that_never_said_a_word);
	tcase_add_test(tcase, vcmd_does_not_take_the_socket_of_another);
	tcase_add_test(tcase, vcmd_replaces_the_socket_of_one_that_was_killed);
	tcase_add_test(tcase, vcmd_tells_the_watchdog_that_its_loop_turns);
	tcase_add_test(tcase, vcmd_says_what_it_holds_in_its_status);
	tcase_add_test(tcase, vcmd_reloads_on_sighup_and_says_what_it_does_not_take);
	tcase_add_test(tcase, vcmd_serves_on_the_socket_that_is_handed_over);
	tcase_add_test(tcase, who_comes_to_a_wrong_configuration_is_told_and_sent_away);
	tcase_add_test(tcase, vcmd_finds_its_socket_behind_what_nobody_knows);
	tcase_add_test(tcase, vcmd_goes_by_the_name_of_what_is_handed_over);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
