// SPDX-License-Identifier: BSD-3-Clause
#include "tests/client/daemon.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READY_MS 60000 /* under valgrind it takes its time */

static void path_in(const struct daemon *d, const char *name, char out[108])
{
	snprintf(out, 108, "%s/%s", d->dir, name);
}

static void write_config(const struct daemon *d, const char *text)
{
	char path[108];
	FILE *file;

	path_in(d, "conf", path);
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		err(EXIT_FAILURE, "%s", path);
}

/* The socket on which it says READY=1. */
static int notify_socket(const struct daemon *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	path_in(d, "notify", addr.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(EXIT_FAILURE, "%s", addr.sun_path);
	return fd;
}

static void become_daemon(const struct daemon *d)
{
	const char *build = getenv("VCM_BUILDDIR");
	char program[4096], notify[108], config[108], sock[108];

	snprintf(program, sizeof(program), "%s/vcmd/vcmd", build ? build : ".");
	path_in(d, "notify", notify);
	path_in(d, "conf", config);
	path_in(d, "sock", sock);
	setenv("NOTIFY_SOCKET", notify, 1);
	/* It goes when the tests go, also when they crash. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(program, "vcmd", "--config", config, "--socket", sock, "--log-level", "error",
	      (char *)NULL);
	err(EXIT_FAILURE, "%s", program);
}

static void await_ready(const struct daemon *d, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char text[512];
	ssize_t n;

	do {
		if (poll(&pollfd, 1, READY_MS) <= 0)
			errx(EXIT_FAILURE, "vcmd (pid %d) is not ready", (int)d->pid);
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
	} while (!strstr(text, "READY=1"));
}

void daemon_start(struct daemon *d, const char *config)
{
	_cleanup_(fd_closep) int fd = -1;
	char sock[108];

	snprintf(d->dir, sizeof(d->dir), "/tmp/vcm-daemon-XXXXXX");
	if (!mkdtemp(d->dir))
		err(EXIT_FAILURE, "%s", d->dir);
	write_config(d, config);
	fd = notify_socket(d);
	d->pid = fork();
	if (d->pid == 0)
		become_daemon(d);
	await_ready(d, fd);
	path_in(d, "sock", sock);
	setenv("VCM_SOCKET", sock, 1);
}

int daemon_stop(struct daemon *d)
{
	static const char *const left[] = { "conf", "notify", "sock" };
	char path[108];
	int status = 0;

	kill(d->pid, SIGTERM);
	waitpid(d->pid, &status, 0);
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
		path_in(d, left[i], path);
		unlink(path);
	}
	rmdir(d->dir);
	if (status != 0)
		fprintf(stderr, "vcmd ended with status %#x\n", (unsigned int)status);
	return status == 0 ? 0 : -1;
}
