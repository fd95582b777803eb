// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/keeper.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define KEPT_MAX 16384
#define NAME_MAX_LEN 64
#define WAITING_MAX 64
#define SETTLE_MS 10000

struct kept {
	char name[NAME_MAX_LEN];
	int fd;
};

struct keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	int socket;
	struct sockaddr_un addr;
	socklen_t addr_len;
	struct kept kept[KEPT_MAX];
	size_t n_kept, limit;
	int waiting[WAITING_MAX]; /* barriers */
	size_t n_waiting;
	bool holds;
};

static struct kept *find(struct keeper *k, const char *name)
{
	for (size_t i = 0; i < k->n_kept; i++)
		if (!strcmp(k->kept[i].name, name))
			return &k->kept[i];
	return NULL;
}

static void drop(struct keeper *k, struct kept *kept)
{
	close(kept->fd);
	*kept = k->kept[--k->n_kept];
}

/* Overflow is silent, as systemd's is. */
static void keep(struct keeper *k, const char *name, int fd)
{
	if (k->n_kept == k->limit || k->n_kept == KEPT_MAX) {
		close(fd);
		return;
	}
	snprintf(k->kept[k->n_kept].name, sizeof(k->kept->name), "%s", name);
	k->kept[k->n_kept++].fd = fd;
}

/* "KEY=" of a message of lines. */
static bool get(const char *text, const char *key, char *out, size_t len)
{
	const char *at = strstr(text, key);

	if (!at)
		return false;
	at += strlen(key);
	snprintf(out, len, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

static void answer(struct keeper *k)
{
	while (k->n_waiting > 0)
		close(k->waiting[--k->n_waiting]);
}

static void obey(struct keeper *k, const char *text, int fd)
{
	char name[NAME_MAX_LEN] = "", polled[8] = "";
	struct kept *kept;

	get(text, "FDNAME=", name, sizeof(name));
	if (strstr(text, "FDSTOREREMOVE=1")) {
		while ((kept = find(k, name)))
			drop(k, kept);
	} else if (strstr(text, "FDSTORE=1") && fd >= 0) {
		if (!get(text, "FDPOLL=", polled, sizeof(polled)) || strcmp(polled, "0") != 0)
			abort();
		keep(k, name, fd);
		return;
	} else if (strstr(text, "BARRIER=1") && fd >= 0) {
		if (k->n_waiting == WAITING_MAX)
			abort();
		k->waiting[k->n_waiting++] = fd;
		if (!k->holds)
			answer(k);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static bool receive(struct keeper *k)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char text[512];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(k->socket, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = -1;

	if (n < 0)
		err(EXIT_FAILURE, "keeper");
	text[n] = 0;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (!strcmp(text, "END"))
		return false;
	pthread_mutex_lock(&k->lock);
	obey(k, text, fd);
	pthread_mutex_unlock(&k->lock);
	return true;
}

static void *run(void *ctx)
{
	while (receive(ctx))
		;
	return NULL;
}

/* fd travels along, unless it is -1. */
static void say(struct keeper *k, char *text, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	int from _cleanup_(fd_closep) = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct iovec iov = { .iov_base = text, .iov_len = strlen(text) };
	struct msghdr msg = {
		.msg_name = &k->addr, .msg_namelen = k->addr_len, .msg_iov = &iov, .msg_iovlen = 1
	};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
							 .cmsg_type = SCM_RIGHTS,
							 .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	}
	if (sendmsg(from, &msg, 0) < 0)
		err(EXIT_FAILURE, "keeper");
}

static void name_it(struct keeper *k, char path[static 64])
{
	static unsigned int serial;

	snprintf(path, 64, "@vcm-test-keeper-%d-%u", (int)getpid(), serial++);
	k->addr.sun_family = AF_UNIX;
	memcpy(k->addr.sun_path + 1, path + 1, strlen(path) - 1);
	k->addr_len = (socklen_t)(sizeof(sa_family_t) + strlen(path));
}

struct keeper *keeper_new(size_t limit)
{
	struct keeper *k = calloc(1, sizeof(*k));
	char path[64], text[32];

	if (!k)
		err(EXIT_FAILURE, "keeper");
	k->limit = limit;
	pthread_mutex_init(&k->lock, NULL);
	k->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	name_it(k, path);
	snprintf(text, sizeof(text), "%zu", limit);
	if (bind(k->socket, (struct sockaddr *)&k->addr, k->addr_len) < 0 ||
	    setenv("NOTIFY_SOCKET", path, 1) < 0 || setenv("FDSTORE", text, 1) < 0 ||
	    pthread_create(&k->thread, NULL, run, k) != 0)
		err(EXIT_FAILURE, "keeper");
	return k;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	say(k, (char[]){ "END" }, -1);
	pthread_join(k->thread, NULL);
	answer(k);
	while (k->n_kept > 0)
		drop(k, &k->kept[0]);
	close(k->socket);
	pthread_mutex_destroy(&k->lock);
	free(k);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("FDSTORE");
	return NULL;
}

static void sync_with(struct keeper *k)
{
	struct pollfd p = { .events = POLLIN };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		err(EXIT_FAILURE, "keeper");
	say(k, (char[]){ "BARRIER=1" }, ends[1]);
	close(ends[1]);
	p.fd = ends[0];
	if (poll(&p, 1, SETTLE_MS) != 1)
		errx(EXIT_FAILURE, "keeper: it does not answer");
	close(ends[0]);
}

/* Messages come in order: when it has answered a barrier it has heard what was said before. */
static void settle(struct keeper *k)
{
	if (!k->holds)
		sync_with(k);
	pthread_mutex_lock(&k->lock);
}

size_t keeper_count(struct keeper *k, const char *prefix)
{
	size_t n = 0;

	settle(k);
	for (size_t i = 0; i < k->n_kept; i++)
		n += !strncmp(k->kept[i].name, prefix, strlen(prefix));
	pthread_mutex_unlock(&k->lock);
	return n;
}

int keeper_fd(struct keeper *k, const char *name)
{
	const struct kept *kept;
	int fd;

	settle(k);
	kept = find(k, name);
	fd = kept ? kept->fd : -1;
	pthread_mutex_unlock(&k->lock);
	return fd;
}

bool keeper_nth(struct keeper *k, const char *prefix, size_t n, const char **out_name, int *out_fd)
{
	bool found = false;

	settle(k);
	for (size_t i = 0; i < k->n_kept && !found; i++) {
		if (strncmp(k->kept[i].name, prefix, strlen(prefix)) != 0 || n-- > 0)
			continue;
		*out_name = k->kept[i].name;
		*out_fd = k->kept[i].fd;
		found = true;
	}
	pthread_mutex_unlock(&k->lock);
	return found;
}

void keeper_put(struct keeper *k, const char *name, int fd)
{
	settle(k);
	keep(k, name, fd);
	pthread_mutex_unlock(&k->lock);
}

void keeper_replace(struct keeper *k, const char *name, int fd)
{
	struct kept *kept;

	settle(k);
	kept = find(k, name);
	if (!kept)
		errx(EXIT_FAILURE, "keeper: it has no %s", name);
	if (fd < 0) {
		drop(k, kept);
	} else {
		close(kept->fd);
		kept->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	pthread_mutex_unlock(&k->lock);
}

void keeper_hold(struct keeper *k, bool hold)
{
	pthread_mutex_lock(&k->lock);
	k->holds = hold;
	if (!hold)
		answer(k);
	pthread_mutex_unlock(&k->lock);
}
