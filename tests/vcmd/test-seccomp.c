// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/suite.h"

static void *answer(void *arg)
{
	return arg;
}

/* As memory/page.c does. */
static bool can_hold_a_page(void)
{
	struct iovec piece = { &(char){ 0 }, 1 };
	int ends[2];

	return pipe2(ends, O_CLOEXEC) == 0 && vmsplice(ends[1], &piece, 1, SPLICE_F_NONBLOCK) == 1;
}

static int do_work(void)
{
	int pair[2], value;
	pthread_t thread;
	void *result = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return 1;
	if (!can_hold_a_page())
		return 4;
	if (pthread_create(&thread, NULL, answer, &value) || pthread_join(thread, &result))
		return 2;
	return result == &value ? 0 : 3;
}

/* As memory/page.c does. */
static int hold_page(void)
{
	static char page[4096];
	struct iovec piece = { page, sizeof(page) };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	return vmsplice(ends[1], &piece, 1, SPLICE_F_NONBLOCK) == sizeof(page) ? 0 : 2;
}

static int open_inet(void)
{
	int fd _cleanup_(fd_closep) = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 && errno == EAFNOSUPPORT ? 0 : 1;
}

static int call_what_is_newer(void)
{
	return syscall(470) < 0 && errno == ENOSYS ? 0 : 1;
}

static int start_program(void)
{
	char *const none[] = { NULL };

	return execve("/bin/true", none, none);
}

static int start_process(void)
{
	return fork();
}

static int trace(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

enum { WORK, PAGE, INET, NEWER, PROGRAM, PROCESS, TRACE };

static int (*const deeds[])(void) = {
	[WORK] = do_work,          [PAGE] = hold_page,
	[INET] = open_inet,        [NEWER] = call_what_is_newer,
	[PROGRAM] = start_program, [PROCESS] = start_process,
	[TRACE] = trace,
};

static const char *self;

/* Does a deed in a program of its own, since what looks on (valgrind) would be confined too. Its status; what it said is
 * in text. */
static int confined(int deed, char *text, size_t len)
{
	int status, said = memfd_create("said", MFD_CLOEXEC);
	char number[16];
	pid_t pid;

	snprintf(number, sizeof(number), "%d", deed);
	pid = fork();
	if (pid == 0) {
		dup2(said, STDERR_FILENO);
		execl(self, self, "--confined", number, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	memset(text, 0, len);
	ck_assert_int_ge(pread(said, text, len - 1, 0), 0);
	close(said);
	return status;
}

static int do_confined(const char *number)
{
	struct reason why = { "" };

	if (seccomp_confine(&why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		return 126;
	}
	return deeds[atoi(number)]();
}

START_TEST(seccomp_lets_the_daemon_work)
{
	char text[256];

	ck_assert_int_eq(confined(WORK, text, sizeof(text)), 0);
	ck_assert_int_eq(confined(PAGE, text, sizeof(text)), 0);
	ck_assert_int_eq(confined(INET, text, sizeof(text)), 0);
	ck_assert_int_eq(confined(NEWER, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(seccomp_ends_who_does_anything_else_and_says_what_it_was)
{
	static const struct {
		int deed, nr;
	} refused[] = { { PROGRAM, SYS_execve }, { PROCESS, SYS_clone }, { TRACE, SYS_ptrace } };
	char text[256], expected[64];

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		int status = confined(refused[i].deed, text, sizeof(text));

		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%zu: 0x%x: %s", i,
			      status, text);
		snprintf(expected, sizeof(expected), "system call %5d is not allowed",
			 refused[i].nr);
		ck_assert_msg(strstr(text, expected), "%zu: %s", i, text);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const cases[] = { seccomp_lets_the_daemon_work,
				       seccomp_ends_who_does_anything_else_and_says_what_it_was,
				       NULL };

	self = argv[0];
	if (argc == 3 && !strcmp(argv[1], "--confined"))
		return do_confined(argv[2]);
	return suite_run("seccomp", cases);
}
