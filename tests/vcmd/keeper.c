// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/keeper.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "vcmd/store.h"

#define KEPT_MAX 4096
#define WAITING_MAX 64

struct kept {
	char name[STORE_NAME_MAX + 1];
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
	char name[STORE_NAME_MAX + 1] = "", poll[8] = "";
	struct kept *kept;

	get(text, "FDNAME=", name, sizeof(name));
	if (strstr(text, "FDSTOREREMOVE=1")) {
		while ((kept = find(k, name)))
			drop(k, kept);
	} else if (strstr(text, "FDSTORE=1") && fd >= 0) {
		if (!get(text, "FDPOLL=", poll, sizeof(poll)) || strcmp(poll, "0") != 0)
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
		abort();
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

static void say(struct keeper *k, const char *text)
{
	int fd _cleanup_(fd_closep) = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&k->addr, k->addr_len) > 0);
}

struct keeper *keeper_new(size_t limit)
{
	static unsigned int serial;
	struct keeper *k = calloc(1, sizeof(*k));
	char path[100], text[32];

	ck_assert(k != NULL);
	k->limit = limit;
	pthread_mutex_init(&k->lock, NULL);
	k->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(path, sizeof(path), "@vcm-test-keeper-%d-%u", (int)getpid(), serial++);
	k->addr.sun_family = AF_UNIX;
	memcpy(k->addr.sun_path + 1, path + 1, strlen(path) - 1);
	k->addr_len = (socklen_t)(sizeof(sa_family_t) + strlen(path));
	ck_assert(bind(k->socket, (struct sockaddr *)&k->addr, k->addr_len) == 0);
	snprintf(text, sizeof(text), "%zu", limit);
	ck_assert(setenv("NOTIFY_SOCKET", path, 1) == 0 && setenv("FDSTORE", text, 1) == 0);
	ck_assert(pthread_create(&k->thread, NULL, run, k) == 0);
	return k;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	say(k, "END");
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

/* Messages come in order: when it has answered a barrier it has heard what was said before. */
static void settle(struct keeper *k)
{
	struct store *s = store_new(NULL, true);

	if (!k->holds)
		ck_assert_int_eq(store_sync(s, 10000), 0);
	store_free(s);
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
	ck_assert(kept != NULL);
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

void keeper_hand_over(struct keeper *k, struct store *s)
{
	settle(k);
	for (size_t i = k->n_kept; i-- > 0;)
		ck_assert(store_give(s, k->kept[i].name,
				     fcntl(k->kept[i].fd, F_DUPFD_CLOEXEC, 0)) == 0);
	pthread_mutex_unlock(&k->lock);
}
