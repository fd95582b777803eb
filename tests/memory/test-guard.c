// SPDX-License-Identifier: BSD-3-Clause
#include "memory/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/memory/fixture.h"

/* A page that answers with SIGBUS: it is past the end of its file. */
static void *bad_page(void)
{
	_cleanup_(fd_closep) int fd = memfd_create("empty", MFD_CLOEXEC);
	void *at = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert(at != MAP_FAILED);
	return at;
}

static void write_to(void *arg)
{
	*(volatile uint8_t *)arg = 1;
}

static void send_sigbus(void *arg)
{
	(void)arg;
	raise(SIGBUS);
}

static sigjmp_buf way_out;
static volatile sig_atomic_t n_chained;

static void plain_handler(int sig)
{
	(void)sig;
	n_chained++;
	siglongjmp(way_out, 1);
}

static void info_handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGBUS && info->si_signo == SIGBUS)
		n_chained++;
}

START_TEST(guarded_access_survives_and_says_so)
{
	void *bad = bad_page();
	uint8_t good = 0;

	ck_assert_int_eq(guard_install(), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(guard_run(write_to, bad), -EFAULT);
		ck_assert_int_eq(guard_run(write_to, &good), 0);
		ck_assert_uint_eq(good, 1);
	}
	guard_remove();
}
END_TEST

START_TEST(fault_outside_a_guard_goes_to_the_handler_before)
{
	struct sigaction ours = { .sa_handler = plain_handler, .sa_flags = SA_NODEFER };
	void *bad = bad_page();

	ck_assert_int_eq(sigaction(SIGBUS, &ours, NULL), 0);
	ck_assert_int_eq(guard_install(), 0);
	ck_assert_int_eq(guard_run(write_to, bad), -EFAULT);
	ck_assert_int_eq(n_chained, 0);
	if (sigsetjmp(way_out, 1) == 0)
		write_to(bad);
	ck_assert_int_eq(n_chained, 1);
	guard_remove();
}
END_TEST

START_TEST(signal_that_was_sent_is_not_taken_for_a_fault)
{
	struct sigaction ours = { .sa_sigaction = info_handler, .sa_flags = SA_SIGINFO };

	ck_assert_int_eq(sigaction(SIGBUS, &ours, NULL), 0);
	ck_assert_int_eq(guard_install(), 0);
	ck_assert_int_eq(guard_run(send_sigbus, NULL), 0);
	ck_assert_int_eq(n_chained, 1);
	guard_remove();
}
END_TEST

/* What a child dies of, or 0. */
static int death_of(void (*body)(void *arg), void *arg, void (*handler)(int))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		signal(SIGBUS, handler);
		if (guard_install() == 0)
			body(arg);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(without_another_handler_the_process_dies_of_it)
{
	void *bad = bad_page();

	ck_assert_int_eq(death_of(write_to, bad, SIG_DFL), SIGBUS);
	ck_assert_int_eq(death_of(write_to, bad, SIG_IGN), SIGBUS);
	ck_assert_int_eq(death_of(send_sigbus, NULL, SIG_DFL), SIGBUS);
	ck_assert_int_eq(death_of(send_sigbus, NULL, SIG_IGN), 0);
}
END_TEST

START_TEST(last_user_puts_the_handler_before_back)
{
	struct sigaction ours = { .sa_handler = plain_handler }, now;

	ck_assert_int_eq(sigaction(SIGBUS, &ours, NULL), 0);
	ck_assert_int_eq(guard_install(), 0);
	ck_assert_int_eq(guard_install(), 0);
	guard_remove();
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &now), 0);
	ck_assert(now.sa_handler != plain_handler);
	guard_remove();
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &now), 0);
	ck_assert(now.sa_handler == plain_handler);
	ck_assert_int_eq(guard_install(), 0);
	signal(SIGBUS, SIG_IGN);
	guard_remove();
	ck_assert_int_eq(sigaction(SIGBUS, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_IGN);
}
END_TEST

SUITE_MAIN("guard", guarded_access_survives_and_says_so,
	   fault_outside_a_guard_goes_to_the_handler_before,
	   signal_that_was_sent_is_not_taken_for_a_fault,
	   without_another_handler_the_process_dies_of_it, last_user_puts_the_handler_before_back)
