// SPDX-License-Identifier: BSD-3-Clause
#include "memory/guard.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static _Thread_local sigjmp_buf guard_way_out;
static _Thread_local volatile sig_atomic_t guard_active;

static unsigned int n_installed;
static struct sigaction before;

/* A fault comes again when the instruction is run again; a signal that was sent does not. */
static void die_of(int sig, bool sent)
{
	signal(sig, SIG_DFL);
	if (sent)
		raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	bool sent = info->si_code <= 0;

	if (guard_active && !sent) {
		guard_active = 0;
		siglongjmp(guard_way_out, 1);
	}
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(sig, info, context);
	else if (before.sa_handler == SIG_DFL || (before.sa_handler == SIG_IGN && !sent))
		die_of(sig, sent);
	else if (before.sa_handler != SIG_IGN)
		before.sa_handler(sig);
}

int guard_install(void)
{
	/* NODEFER: the way out by siglongjmp() then has no signal mask to restore. */
	struct sigaction ours = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&ours.sa_mask);
	if (n_installed == 0 && sigaction(SIGBUS, &ours, &before) < 0)
		return -errno;
	n_installed++;
	return 0;
}

void guard_remove(void)
{
	struct sigaction now;

	assert(n_installed > 0);
	if (--n_installed > 0)
		return;
	if (sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	    now.sa_sigaction == on_sigbus)
		sigaction(SIGBUS, &before, NULL);
}

int guard_run(void (*body)(void *arg), void *arg)
{
	assert(!guard_active);
	if (sigsetjmp(guard_way_out, 0))
		return -EFAULT;
	guard_active = 1;
	/* The body is seen by the compiler, the handler is not. */
	atomic_signal_fence(memory_order_seq_cst);
	body(arg);
	atomic_signal_fence(memory_order_seq_cst);
	guard_active = 0;
	return 0;
}
