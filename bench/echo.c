// SPDX-License-Identifier: BSD-3-Clause
#include "bench/echo.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/measure.h"

#define MAX_LEN 4096
#define POLL_NS 50e3

static ssize_t receive(int fd, bool polls, char *buf)
{
	double end = polls ? measure_now_ns() + POLL_NS : 0;
	ssize_t n = -1;

	while (n < 0 && measure_now_ns() < end)
		n = recv(fd, buf, MAX_LEN, MSG_DONTWAIT);
	return n < 0 ? recv(fd, buf, MAX_LEN, 0) : n;
}

static void answer(int fd, int cpu, bool polls, size_t reply_len)
{
	static char buf[MAX_LEN];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	measure_pin(0, cpu);
	while (receive(fd, polls, buf) > 0 && send(fd, buf, reply_len, MSG_NOSIGNAL) > 0)
		;
}

int echo_start(struct echo *e, int cpu, bool polls, size_t request_len, size_t reply_len)
{
	int pair[2];
	pid_t pid;

	if (request_len > MAX_LEN || reply_len > MAX_LEN)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		answer(pair[1], cpu, polls, reply_len);
		_exit(0);
	}
	close(pair[1]);
	*e = (struct echo){ pid, pair[0], request_len, reply_len, polls };
	return pid < 0 ? -errno : 0;
}

int echo_ask(const struct echo *e)
{
	static char buf[MAX_LEN];

	if (send(e->fd, buf, e->request_len, MSG_NOSIGNAL) < 0 ||
	    receive(e->fd, e->polls, buf) <= 0)
		return -errno;
	return 0;
}

void echo_stop(struct echo *e)
{
	if (e->pid > 0) {
		kill(e->pid, SIGKILL);
		waitpid(e->pid, NULL, 0);
	}
	fd_closep(&e->fd);
	*e = ECHO_NULL;
}
