// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/seccomp.h"

#ifdef VCM_SECCOMP

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "base/cleanup.h"

#define CALL(name) SCMP_SYS(name)

/* By what they are for. Calls that an architecture does not have are no calls there. */
static const int allowed[] = {
	/* files, and what is read of /proc and /sys */
	CALL(access),
	CALL(close),
	CALL(close_range),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(fadvise64),
	CALL(fallocate),
	CALL(fcntl),
	CALL(flock),
	CALL(fstat),
	CALL(fstatfs),
	CALL(ftruncate),
	CALL(getcwd),
	CALL(getdents64),
	CALL(ioctl),
	CALL(lseek),
	CALL(lstat),
	CALL(newfstatat),
	CALL(open),
	CALL(openat),
	CALL(openat2),
	CALL(pread64),
	CALL(preadv),
	CALL(pwrite64),
	CALL(pwritev),
	CALL(read),
	CALL(readlink),
	CALL(readlinkat),
	CALL(readv),
	CALL(stat),
	CALL(statfs),
	CALL(statx),
	CALL(write),
	CALL(writev),
	/* the socket's file, and its rights */
	CALL(chmod),
	CALL(chown),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchown),
	CALL(fchownat),
	CALL(lchown),
	CALL(umask),
	CALL(unlink),
	CALL(unlinkat),
	/* a trace instance, for the faults of VFIO devices */
	CALL(mkdir),
	CALL(mkdirat),
	CALL(rmdir),
	/* memory */
	CALL(brk),
	CALL(get_mempolicy),
	CALL(madvise),
	CALL(mbind),
	CALL(membarrier),
	CALL(memfd_create),
	CALL(mincore),
	CALL(mlock),
	CALL(mlock2),
	CALL(mmap),
	CALL(move_pages),
	CALL(mprotect),
	CALL(mremap),
	CALL(msync),
	CALL(munlock),
	CALL(munmap),
	CALL(process_madvise),
	CALL(set_mempolicy),
	/* waiting */
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(epoll_wait),
	CALL(eventfd2),
	CALL(io_destroy), /* ringer.c */
	CALL(io_getevents),
	CALL(io_setup),
	CALL(io_submit),
	CALL(pipe2),
	CALL(vmsplice), /* memory/page.c */
	CALL(poll),
	CALL(ppoll),
	CALL(pselect6),
	CALL(select),
	CALL(signalfd4),
	CALL(timerfd_create),
	CALL(timerfd_gettime),
	CALL(timerfd_settime),
	/* peers; socket() is below */
	CALL(accept),
	CALL(accept4),
	CALL(bind),
	CALL(connect),
	CALL(getpeername),
	CALL(getsockname),
	CALL(getsockopt),
	CALL(listen),
	CALL(recvfrom),
	CALL(recvmmsg),
	CALL(recvmsg),
	CALL(sendmmsg),
	CALL(sendmsg),
	CALL(sendto),
	CALL(setsockopt),
	CALL(shutdown),
	CALL(socketpair),
	/* threads; clone() is below */
	CALL(futex),
	CALL(get_robust_list),
	CALL(rseq),
	CALL(sched_get_priority_max),
	CALL(sched_get_priority_min),
	CALL(sched_getaffinity),
	CALL(sched_getparam),
	CALL(sched_getscheduler),
	CALL(sched_setaffinity),
	CALL(sched_yield),
	CALL(set_robust_list),
	CALL(set_tid_address),
	/* time, and signals to oneself */
	CALL(alarm),
	CALL(clock_getres),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(getitimer),
	CALL(gettimeofday),
	CALL(nanosleep),
	CALL(restart_syscall),
	CALL(rt_sigaction),
	CALL(rt_sigpending),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigsuspend),
	CALL(rt_sigtimedwait),
	CALL(setitimer),
	CALL(sigaltstack),
	CALL(tgkill),
	CALL(time),
	/* who and what we are */
	CALL(arch_prctl),
	CALL(exit),
	CALL(exit_group),
	CALL(getcpu),
	CALL(getegid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getgroups),
	CALL(getpgrp),
	CALL(getpid),
	CALL(getppid),
	CALL(getrandom),
	CALL(getresgid),
	CALL(getresuid),
	CALL(getrlimit),
	CALL(getrusage),
	CALL(gettid),
	CALL(getuid),
	CALL(kcmp),
	CALL(pidfd_open),
	CALL(prctl),
	CALL(prlimit64),
	CALL(setrlimit),
	CALL(sysinfo),
	CALL(times),
	CALL(uname),
};

/* The first call that libseccomp 2.5 does not know, and the end of those that may come. */
#define FIRST_NEWER 451
#define LAST_NEWER 600

static int allow_all(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	return r;
}

/* clone3() hides its flags from us: libc falls back to clone(), which may only make a thread. */
static int allow_threads(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_thread =
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1, is_thread);
	return r;
}

static int allow_unix_sockets(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_unix = SCMP_A0(SCMP_CMP_EQ, AF_UNIX);
	const struct scmp_arg_cmp is_other = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(socket), 1, is_unix);

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
				     is_other);
	return r;
}

static int deny_newer(scmp_filter_ctx filter)
{
	int r = 0;

	for (int nr = FIRST_NEWER; r == 0 && nr <= LAST_NEWER; nr++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
	return r;
}

static void put_number(char *end, unsigned int n)
{
	do {
		*--end = (char)('0' + n % 10);
		n /= 10;
	} while (n);
}

/* In a signal handler: no log, no malloc. */
static void on_refused(int signo, siginfo_t *info, void *context _unused_)
{
	char text[] =
		"vcmd: system call       is not allowed (scmp_sys_resolver tells its name): aborted\n";

	put_number(text + sizeof("vcmd: system call 12345") - 1, (unsigned int)info->si_syscall);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* there is nobody to tell */
	}
	signal(signo, SIG_DFL);
	raise(signo);
}

static int catch_refusals(void)
{
	const struct sigaction action = { .sa_sigaction = on_refused,
					  .sa_flags = SA_SIGINFO | SA_NODEFER };

	return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}

static void filter_freep(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

int seccomp_confine(struct reason *why)
{
	_cleanup_(filter_freep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int r;

	if (!filter)
		return refuse(why, -ENOMEM, "seccomp: out of memory");
	r = allow_all(filter);
	if (r == 0)
		r = allow_threads(filter);
	if (r == 0)
		r = allow_unix_sockets(filter);
	if (r == 0)
		r = deny_newer(filter);
	if (r == 0)
		r = catch_refusals();
	if (r == 0)
		r = seccomp_load(filter);
	return r < 0 ? refuse(why, r, "seccomp: %s", strerror(-r)) : 0;
}

#else

int seccomp_confine(struct reason *why _unused_)
{
	return 0;
}

#endif
