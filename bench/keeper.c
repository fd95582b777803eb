// SPDX-License-Identifier: BSD-3-Clause
#include "bench/keeper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEPT_MAX 16384
#define NAME_LEN 64

struct kept {
	int fd;
	char name[NAME_LEN];
};

struct keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	int socket;
	struct sockaddr_un addr;
	socklen_t addr_len;
	size_t n;
	struct kept kept[KEPT_MAX];
};

static void keep(struct keeper *k, const char *name, int fd)
{
	if (fd < 0 || k->n == KEPT_MAX)
		return;
	snprintf(k->kept[k->n].name, NAME_LEN, "%s", name);
	k->kept[k->n++].fd = fd;
}

static void drop(struct keeper *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->kept[i].name, name)) {
			close(k->kept[i].fd);
			k->kept[i] = k->kept[--k->n];
			return;
		}
}

static void obey(struct keeper *k, const char *text, int fd)
{
	const char *at = strstr(text, "FDNAME=");
	char name[NAME_LEN] = "";

	if (at)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
	pthread_mutex_lock(&k->lock);
	if (strstr(text, "FDSTOREREMOVE=1"))
		drop(k, name);
	else if (strstr(text, "FDSTORE=1"))
		keep(k, name, fd);
	else if (fd >= 0)
		close(fd); /* which is the answer to a barrier */
	pthread_mutex_unlock(&k->lock);
}

static void *run(void *ctx)
{
	struct keeper *k = ctx;

	for (;;) {
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
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		int fd = -1;

		if (n <= 0)
			return NULL;
		text[n] = 0;
		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (!strcmp(text, "END"))
			return NULL;
		obey(k, text, fd);
	}
}

struct keeper *keeper_start(void)
{
	struct keeper *k = calloc(1, sizeof(*k));
	char path[64];

	if (!k)
		return NULL;
	k->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(path, sizeof(path), "@vcm-bench-keeper-%d", (int)getpid());
	k->addr.sun_family = AF_UNIX;
	memcpy(k->addr.sun_path + 1, path + 1, strlen(path) - 1);
	k->addr_len = (socklen_t)(sizeof(sa_family_t) + strlen(path));
	pthread_mutex_init(&k->lock, NULL);
	if (k->socket < 0 || bind(k->socket, (struct sockaddr *)&k->addr, k->addr_len) < 0 ||
	    pthread_create(&k->thread, NULL, run, k) != 0) {
		if (k->socket >= 0)
			close(k->socket);
		free(k);
		return NULL;
	}
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("FDSTORE", "16384", 1);
	return k;
}

struct keeper *keeper_stop(struct keeper *k)
{
	int fd;

	if (!k)
		return NULL;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, "END", 3, 0, (struct sockaddr *)&k->addr, k->addr_len);
	close(fd);
	pthread_join(k->thread, NULL);
	for (size_t i = 0; i < k->n; i++)
		close(k->kept[i].fd);
	close(k->socket);
	pthread_mutex_destroy(&k->lock);
	free(k);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("FDSTORE");
	return NULL;
}

int keeper_nth(struct keeper *k, size_t n, const char **out_name)
{
	int fd;

	pthread_mutex_lock(&k->lock);
	fd = n < k->n ? k->kept[n].fd : -1;
	*out_name = n < k->n ? k->kept[n].name : NULL;
	pthread_mutex_unlock(&k->lock);
	return fd;
}
