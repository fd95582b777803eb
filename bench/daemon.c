// SPDX-License-Identifier: BSD-3-Clause
#include "bench/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/measure.h"

#define START_MS 5000

/* The machine is the built-in one, with more room and with the TLB that is asked for. */
static const char machine[] = "access { allow-users = {\"*\"} }\n"
			      "socket-mode = 0666\n"
			      "limits { sessions = 20000 }\n"
			      "poll = %u\n"
			      "memtype 0 {\n"
			      "	pool {\n"
			      "		ranges = {\"0x40000000+512M\"}\n"
			      "		contiguous = 64M\n"
			      "	}\n"
			      "}\n"
			      "smmu smmu0 {\n"
			      "	base = 0x07300000\n"
			      "	tlb-entries = %u\n"
			      "	tlb-ways = 4\n"
			      "	context vcodec_a_mm1 { mid = 0 }\n"
			      "	context vcodec_a_stream { mid = 1 }\n"
			      "}\n";

void daemon_path(const struct daemon *d, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", d->folder, name);
}

static int write_node(FILE *f, const struct daemon *d, enum daemon_node node)
{
	if (node == DAEMON_NO_NODE)
		return 0;
	fprintf(f, "node bench {\n\tfile = \"%s/window\"\n\tlength = %u\n", d->folder,
		DAEMON_WINDOW_LEN);
	if (node == DAEMON_SOCKET_NODE)
		fprintf(f, "\tsocket = \"%s/node.sock\"\n", d->folder);
	return fprintf(f, "}\n");
}

static int write_config(const struct daemon *d, const struct daemon_plan *plan)
{
	char path[128];
	FILE *f;
	int r;

	daemon_path(d, "vcmd.conf", path);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	r = fprintf(f, machine, plan->poll_us, plan->tlb_entries);
	if (r >= 0)
		r = write_node(f, d, plan->node);
	return fclose(f) != 0 || r < 0 ? -EIO : 0;
}

/* Where the build is, unless the environment says otherwise. */
#ifndef BENCH_BUILDDIR
#define BENCH_BUILDDIR "."
#endif

const char *daemon_build_folder(void)
{
	const char *v = getenv("VCM_BUILDDIR");

	return v && *v ? v : BENCH_BUILDDIR;
}

static void become(const struct daemon *d, const struct daemon_plan *plan)
{
	char program[PATH_MAX], config[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	measure_pin(0, plan->cpu);
	snprintf(program, sizeof(program), "%s/vcmd/vcmd", daemon_build_folder());
	snprintf(config, sizeof(config), "%s/vcmd.conf", d->folder);
	if (!plan->kept)
		unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	execl(program, "vcmd", "--config", config, "--socket", d->socket, "--log-level", "error",
	      NULL);
	fprintf(stderr, "bench: %s: %s\n", program, strerror(errno));
	_exit(127);
}

static bool answers(const struct daemon *d)
{
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, d->socket, strlen(d->socket) + 1);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static int await(struct daemon *d)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < START_MS; i++) {
		if (answers(d))
			return 0;
		if (waitpid(d->pid, NULL, WNOHANG) == d->pid) {
			d->pid = 0;
			return -ECHILD;
		}
		nanosleep(&ms, NULL);
	}
	return -ETIMEDOUT;
}

static int start(struct daemon *d, const struct daemon_plan *plan)
{
	int r = write_config(d, plan);

	if (r < 0)
		return r;
	fflush(NULL);
	d->pid = fork();
	if (d->pid == 0)
		become(d, plan);
	r = d->pid < 0 ? -errno : await(d);
	if (r == 0 && plan->bind >= 0)
		r = measure_pin(d->pid, plan->bind);
	return r;
}

int daemon_start(struct daemon *d, const struct daemon_plan *plan)
{
	int r;

	*d = DAEMON_NULL;
	snprintf(d->folder, sizeof(d->folder), "/tmp/vcm-bench-XXXXXX");
	if (!mkdtemp(d->folder)) {
		d->folder[0] = 0;
		return -errno;
	}
	if (chmod(d->folder, 0755) < 0)
		return -errno;
	snprintf(d->socket, sizeof(d->socket), "%s/socket", d->folder);
	r = start(d, plan);
	if (r < 0)
		daemon_stop(d);
	return r;
}

void daemon_stop(struct daemon *d)
{
	char path[128];

	if (d->pid > 0) {
		kill(d->pid, SIGTERM);
		waitpid(d->pid, NULL, 0);
	}
	if (d->folder[0]) {
		daemon_path(d, "vcmd.conf", path);
		unlink(path);
		daemon_path(d, "window", path);
		unlink(path);
		rmdir(d->folder);
	}
	*d = DAEMON_NULL;
}
