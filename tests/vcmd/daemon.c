// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/daemon.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "tests/vcmd/world.h"

static int connect_to(const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fprintf(stderr, "connect %s: %s\n", path, strerror(errno));
		abort();
	}
	return fd;
}

static int open_notify(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

static void run(const struct daemon *d, const char *notify, const char *config)
{
	const char *build = getenv("VCM_BUILDDIR");
	char program[4096], path[64];
	int fd = memfd_create("config", 0);

	if (fd < 0 || write(fd, config, strlen(config)) < 0)
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("NOTIFY_SOCKET", notify, 1);
	unsetenv("JOURNAL_STREAM");
	snprintf(program, sizeof(program), "%s/vcmd/vcmd", build ? build : ".");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execl(program, "vcmd", "--config", path, "--socket", d->socket, "--log-level", "error",
	      (char *)NULL);
	_exit(127);
}

/* Outlives everyone who has the other end of the pipe, whose sessions and groups are killed. */
static void clean_up(const struct daemon *d, const char *notify, int fd)
{
	char c;

	setsid();
	if (dup2(fd, STDIN_FILENO) < 0)
		return;
	closefrom(STDIN_FILENO + 1); /* the other ends of what tests hang up among it */
	while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR)
		;
	unlink(notify);
	unlink(d->socket);
	rmdir(d->folder);
}

/* A case that fails ends at once: somebody else removes what it leaves. Not its child, for which it might wait. */
static void janitor_start(struct daemon *d, const char *notify)
{
	int ends[2];
	pid_t pid;

	ck_assert(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	ck_assert(pid >= 0);
	if (!pid) {
		close(ends[1]);
		if (fork() == 0)
			clean_up(d, notify, ends[0]);
		_exit(0);
	}
	ck_assert(waitpid(pid, NULL, 0) == pid);
	close(ends[0]);
	d->janitor = ends[1];
}

void daemon_start(struct daemon *d, const char *config)
{
	char notify[96], text[256];
	int fd _cleanup_(fd_closep) = -1;

	snprintf(d->folder, sizeof(d->folder), "/tmp/vcmd-test-XXXXXX");
	ck_assert(mkdtemp(d->folder) && chmod(d->folder, 0755) == 0);
	snprintf(d->socket, sizeof(d->socket), "%s/sock", d->folder);
	snprintf(notify, sizeof(notify), "%s/notify", d->folder);
	janitor_start(d, notify);
	fd = open_notify(notify);
	d->pid = fork();
	if (!d->pid)
		run(d, notify, config);
	do {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		ck_assert(n >= 0);
		text[n] = 0;
	} while (!strstr(text, "READY=1"));
	unlink(notify);
}

void daemon_stop(struct daemon *d)
{
	int status;

	ck_assert_msg(waitpid(d->pid, &status, WNOHANG) == 0, "the daemon has died");
	ck_assert(kill(d->pid, SIGTERM) == 0);
	ck_assert(waitpid(d->pid, &status, 0) == d->pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the daemon ended with 0x%x",
		      status);
	ck_assert(rmdir(d->folder) == 0);
	fd_closep(&d->janitor);
}

struct peer *daemon_connect(const struct daemon *d)
{
	return peer_new(connect_to(d->socket, SOCK_SEQPACKET), NULL, NULL);
}

struct peer *daemon_peer(const struct daemon *d)
{
	struct peer *p = daemon_connect(d);

	/* Once it answers the second, it has closed its own copy of what it sent with the first. */
	if (peer_hello(p) != 0 || CALL(p, MEMTYPE_CONT, .arg = VCM_MEMTYPE_0) != 0)
		abort();
	return p;
}

size_t daemon_count_fds(const struct daemon *d)
{
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)d->pid);
	dir = opendir(path);
	ck_assert(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

size_t daemon_resident(const struct daemon *d)
{
	char path[64], line[256];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	f = fopen(path, "re");
	ck_assert(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %zu", &n) == 1)
			break;
	fclose(f);
	return n;
}

uint64_t peer_status(struct peer *p, unsigned int column)
{
	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_STATUS));
	ck_assert_uint_eq(p->reply.n_rows, 1);
	return p->reply.rows[0].n[column];
}

void peer_await_nothing(struct peer *p)
{
	while (peer_status(p, VCM_STATUS_SESSIONS) > 1)
		;
	ck_assert_uint_eq(peer_status(p, VCM_STATUS_OBJECTS), 0);
	ck_assert_uint_eq(peer_status(p, VCM_STATUS_USED), 0);
	ck_assert_uint_eq(peer_status(p, VCM_STATUS_ACTIVE), 0);
	ck_assert_uint_eq(peer_status(p, VCM_STATUS_TABLES), 0);
	ck_assert_uint_eq(peer_status(p, VCM_STATUS_QUARANTINED), 0);
}

void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		abort();
}
