// SPDX-License-Identifier: BSD-3-Clause
/*
 * The log on a standard error that nobody reads. Each case has a process of its own, whose standard error it is.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/suite.h"
#include "vcmd/console.h"

#define N_LINES 20000
#define ALICE 61001
#define LOST " lines before this one are lost: standard error did not take them"
#define TEXT_LEN (4 * 1024 * 1024)

/* What it says of itself when it does not pass, as its standard error is taken. */
enum { PASSES, NOT_TAKEN, NOTHING_WRITTEN, NOTHING_LOST, NOT_COUNTED, FLAGS_CHANGED };

/* Waits for something to read, and puts all that there is behind what has been read. */
static void drain(int fd, char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = strlen(text);
	ssize_t n;

	poll(&p, 1, -1);
	while (len < TEXT_LEN - 1 && (n = read(fd, text + len, TEXT_LEN - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

static unsigned long count_lines(const char *text)
{
	unsigned long n = 0;

	for (; (text = strstr(text, "line ")); text++)
		n++;
	return n;
}

/* How many the log says to be lost. */
static unsigned long count_lost(const char *text)
{
	const char *said = text, *number;
	unsigned long n = 0;

	for (; (said = strstr(said, LOST)); said++) {
		for (number = said; number > text && number[-1] >= '0' && number[-1] <= '9';)
			number--;
		n += strtoul(number, NULL, 10);
	}
	return n;
}

/* Were a line waited for, this would not end. */
static int fill_and_read(int fd, char *text)
{
	unsigned int n = 0;
	char last[32];

	if (!console_take_log())
		return NOT_TAKEN;
	for (; n < N_LINES; n++)
		log_error("line %u", n);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	drain(fd, text);
	if (!count_lines(text))
		return NOTHING_WRITTEN;
	/* A terminal gives what it has been given a little later: the line may not be through at the first time. */
	do {
		snprintf(last, sizeof(last), "line %u", n++);
		log_error("%s", last);
		drain(fd, text);
	} while (!strstr(text, last));
	if (!count_lost(text))
		return NOTHING_LOST;
	return count_lost(text) + count_lines(text) == n ? PASSES : NOT_COUNTED;
}

/* reader: what is read from what `writer` is the other end of. */
static int run(int reader, int writer, uid_t uid)
{
	char *text = calloc(1, TEXT_LEN);
	int flags = fcntl(writer, F_GETFL), r;

	if (!text || dup2(writer, STDERR_FILENO) < 0 || (uid && setuid(uid) < 0))
		return NOT_TAKEN;
	r = fill_and_read(reader, text);
	free(text);
	return r == PASSES && fcntl(STDERR_FILENO, F_GETFL) != flags ? FLAGS_CHANGED : r;
}

static int in_a_process(int reader, int writer, uid_t uid)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		unsetenv("JOURNAL_STREAM");
		_exit(run(reader, writer, uid));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(reader);
	close(writer);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(nobody_waits_for_a_pipe_that_is_not_read)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(in_a_process(fds[0], fds[1], 0), PASSES);
}
END_TEST

START_TEST(nobody_waits_for_a_pipe_of_another_user)
{
	int fds[2];

	if (geteuid() != 0)
		SUITE_SKIP("needs root, to be two users");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(in_a_process(fds[0], fds[1], ALICE), PASSES);
}
END_TEST

START_TEST(nobody_waits_for_a_terminal_that_is_not_read)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char name[64];

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(in_a_process(master, slave, 0), PASSES);
}
END_TEST

START_TEST(nobody_waits_for_a_socket_that_is_not_read)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(in_a_process(fds[0], fds[1], 0), PASSES);
}
END_TEST

START_TEST(a_file_is_written_to_as_ever)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(in_a_process(dup(fd), fd, 0), NOT_TAKEN);
}
END_TEST

SUITE_MAIN("vcmd-console", nobody_waits_for_a_pipe_that_is_not_read,
	   nobody_waits_for_a_pipe_of_another_user, nobody_waits_for_a_terminal_that_is_not_read,
	   nobody_waits_for_a_socket_that_is_not_read, a_file_is_written_to_as_ever)
