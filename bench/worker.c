// SPDX-License-Identifier: BSD-3-Clause
#include "bench/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/measure.h"

struct order {
	int what;
	size_t n;
};

struct result {
	int status;
	double values[WORKER_VALUES];
};

static int prepare(const struct worker_plan *plan)
{
	int r = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (plan->cpu >= 0)
		r = measure_pin(0, plan->cpu);
	if (r == 0 && plan->uid && (setgid(plan->uid) < 0 || setuid(plan->uid) < 0))
		r = -errno;
	return r == 0 && plan->begin ? plan->begin(plan->ctx) : r;
}

static void serve(const struct worker_plan *plan, int fd)
{
	struct result result = { .status = prepare(plan) };
	struct order order;

	while (send(fd, &result, sizeof(result), MSG_NOSIGNAL) == sizeof(result) &&
	       result.status == 0 && recv(fd, &order, sizeof(order), 0) == sizeof(order)) {
		memset(&result, 0, sizeof(result));
		result.status = plan->run(plan->ctx, order.what, order.n, result.values);
	}
}

static int take_result(const struct worker *w, double *out)
{
	struct result result;

	if (recv(w->fd, &result, sizeof(result), 0) != sizeof(result))
		return -EPIPE;
	if (result.status < 0)
		return result.status;
	if (out)
		memcpy(out, result.values, sizeof(result.values));
	return 0;
}

int worker_start(struct worker *w, const struct worker_plan *plan)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve(plan, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	*w = (struct worker){ .pid = pid, .fd = pair[0] };
	r = pid < 0 ? -errno : take_result(w, NULL);
	if (r < 0)
		worker_stop(w);
	return r;
}

int worker_ask(struct worker *w, int what, size_t n, double *out)
{
	const struct order order = { what, n };

	if (send(w->fd, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order))
		return -EPIPE;
	return take_result(w, out);
}

void worker_stop(struct worker *w)
{
	fd_closep(&w->fd);
	if (w->pid > 0)
		waitpid(w->pid, NULL, 0);
	*w = WORKER_NULL;
}
