// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "vcmd/listener.h"
#include "vcmd/loop.h"

#define JOURNAL_RESERVE 64
/* All names are one text in the next process's environment, of which the kernel takes 128 KB: less "LISTEN_FDNAMES=", and
 * what other sockets of the unit are called. */
#define NAMES_MAX (128 * 1024 - 256)
#define JOURNAL_NAME (sizeof(STORE_JOURNAL) + 10)

struct stored {
	int fd; /* -1: taken */
	char name[STORE_NAME_MAX + 1];
};

struct store {
	struct loop *loop;
	bool kept;
	struct stored *given; /* handed over */
	size_t n_given;
	size_t n, limit; /* kept */
	size_t n_names;  /* bytes of their names, with what parts them */
};

struct store_barrier {
	int fd;
	struct loop_fd *watch;
	void (*fn)(void *ctx);
	void *ctx;
};

static size_t limit_of(const char *text)
{
	return text ? (size_t)strtoull(text, NULL, 10) : 0;
}

struct store *store_new(struct loop *loop, bool persist)
{
	struct store *s = mem_new0(struct store);

	if (!s)
		return NULL;
	s->loop = loop;
	s->limit = limit_of(getenv("FDSTORE"));
	s->kept = persist && s->limit > 0 && getenv("NOTIFY_SOCKET");
	return s;
}

int store_give(struct store *s, const char *name, int fd)
{
	struct stored *given = mem_realloc_n(s->given, s->n_given + 1, sizeof(*given));

	if (!given)
		return -ENOMEM;
	s->given = given;
	given[s->n_given] = (struct stored){ .fd = fd };
	snprintf(given[s->n_given].name, sizeof(given->name), "%s", name);
	s->n_given++;
	s->n++;
	s->n_names += strlen(name) + 1;
	return 0;
}

static void free_names(char ***names)
{
	for (char **p = *names; p && *p; p++)
		free(*p);
	free(*names);
}

static bool is_listener(int fd, const char *name)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return !strcmp(name, LISTENER_NAME) ||
	       (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on);
}

int store_take_handed(struct store *s)
{
	char **names _cleanup_(free_names) = NULL;
	int n = sd_listen_fds_with_names(0, &names), r = 0;

	for (int i = 0; i < n && r == 0; i++)
		if (!is_listener(SD_LISTEN_FDS_START + i, names[i]))
			r = store_give(s, names[i], SD_LISTEN_FDS_START + i);
	return n == -ENOMEM ? n : r;
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_given; i++)
		fd_closep(&s->given[i].fd);
	mem_free(s->given);
	return mem_free(s);
}

bool store_is_handed(void)
{
	const char *names = getenv("LISTEN_FDNAMES");

	return names && strstr(names, STORE_JOURNAL);
}

bool store_is_kept(const struct store *s)
{
	return s->kept;
}

size_t store_count(const struct store *s)
{
	return s->n;
}

size_t store_limit(const struct store *s)
{
	return s->limit;
}

uint64_t store_number(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	unsigned long long n;
	char *end;

	if (strncmp(name, prefix, len) != 0 || name[len] < '1' || name[len] > '9')
		return 0;
	errno = 0;
	n = strtoull(name + len, &end, 10);
	return errno || *end ? 0 : n;
}

const char *store_left(const struct store *s, const char *prefix)
{
	for (size_t i = 0; i < s->n_given; i++)
		if (s->given[i].fd >= 0 && !strncmp(s->given[i].name, prefix, strlen(prefix)))
			return s->given[i].name;
	return NULL;
}

uint64_t store_highest(const struct store *s, const char *prefix)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < s->n_given; i++) {
		uint64_t n = store_number(s->given[i].name, prefix);

		highest = n > highest ? n : highest;
	}
	return highest;
}

int store_take(struct store *s, const char *prefix, uint64_t number)
{
	char name[STORE_NAME_MAX + 1];

	/* Whole names: 0 is a number, too, such as an IOMMU group's. */
	if (snprintf(name, sizeof(name), "%s%" PRIu64, prefix, number) >= (int)sizeof(name))
		return -1;
	for (size_t i = 0; i < s->n_given; i++)
		if (s->given[i].fd >= 0 && !strcmp(s->given[i].name, name))
			return steal_fd(&s->given[i].fd);
	return -1;
}

static int notify(const char *state, const int *fds, unsigned int n_fds)
{
	int r = sd_pid_notify_with_fds(0, 0, state, fds, n_fds);

	return r < 0 ? r : r == 0 ? -ENOTCONN : 0;
}

static void remove_name(struct store *s, const char *name)
{
	char text[128];
	int r;

	s->n--;
	s->n_names -= strlen(name) + 1;
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	r = notify(text, NULL, 0);
	if (r < 0)
		log_warning("store: %s cannot be removed: %s", name, strerror(-r));
}

size_t store_drop(struct store *s, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_given; i++) {
		struct stored *g = &s->given[i];

		if (g->fd < 0 || strncmp(g->name, prefix, strlen(prefix)) != 0)
			continue;
		fd_closep(&g->fd);
		log_debug("store: '%s' is dropped", g->name);
		if (s->kept)
			remove_name(s, g->name);
		n++;
	}
	return n;
}

/* The journal must always find room: without it nothing that is there could be kept. */
static size_t reserve(const struct store *s)
{
	return s->limit / 4 < JOURNAL_RESERVE ? s->limit / 4 : JOURNAL_RESERVE;
}

/* 0, -ENOSPC: more than can be kept, or than could be handed over. */
static int check_room(const struct store *s, const char *prefix, const char *name,
		      struct reason *why)
{
	size_t kept_free = strcmp(prefix, STORE_JOURNAL) != 0 ? reserve(s) : 0;

	if (s->n + kept_free >= s->limit)
		return refuse(why, -ENOSPC,
			      "the fd store has %zu fds and may have no more: raise "
			      "FileDescriptorStoreMax=",
			      s->n);
	if (s->n_names + strlen(name) + 1 + kept_free * JOURNAL_NAME > NAMES_MAX)
		return refuse(
			why, -ENOSPC,
			"the fd store has %zu fds, and the names of more cannot be handed over",
			s->n);
	return 0;
}

int store_put(struct store *s, const char *prefix, uint64_t number, int fd, struct reason *why)
{
	char text[128], name[STORE_NAME_MAX + 1];
	int r;

	if (!s->kept)
		return 0;
	snprintf(name, sizeof(name), "%s%" PRIu64, prefix, number);
	r = check_room(s, prefix, name, why);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	r = notify(text, &fd, 1);
	if (r < 0)
		return refuse(why, r, "the fd store does not take an fd: %s", strerror(-r));
	s->n++;
	s->n_names += strlen(name) + 1;
	return 0;
}

void store_remove(struct store *s, const char *prefix, uint64_t number)
{
	char name[STORE_NAME_MAX + 1];

	if (!s->kept)
		return;
	snprintf(name, sizeof(name), "%s%" PRIu64, prefix, number);
	remove_name(s, name);
}

static int forget_all(struct store *s)
{
	int n = (int)s->n_given;

	for (size_t i = 0; i < s->n_given; i++)
		remove_name(s, s->given[i].name);
	return n;
}

/* --- barriers: the keeper closes its copy of a pipe's end when it comes to it */

static int send_barrier(int *out)
{
	_cleanup_(fd_closep) int ours = -1, theirs = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	r = notify("BARRIER=1", &theirs, 1);
	if (r < 0)
		return r;
	*out = steal_fd(&ours);
	return 0;
}

static void on_barrier(void *ctx, unsigned int what _unused_)
{
	struct store_barrier *b = ctx;

	loop_watch_set(b->watch, 0);
	b->fn(b->ctx); /* b may be gone */
}

CLEANUP_DEFINE(struct store_barrier *, store_barrier_free)

struct store_barrier *store_barrier_start(struct store *s, void (*fn)(void *ctx), void *ctx,
					  int *out_err)
{
	_cleanup_(store_barrier_freep) struct store_barrier *b = NULL;

	*out_err = 0;
	if (!s->kept)
		return NULL;
	*out_err = -ENOMEM;
	b = mem_new0(struct store_barrier);
	if (!b)
		return NULL;
	b->fd = -1;
	b->fn = fn;
	b->ctx = ctx;
	*out_err = send_barrier(&b->fd);
	if (*out_err < 0)
		return NULL;
	b->watch = loop_watch(s->loop, b->fd, LOOP_READ, false, on_barrier, b);
	if (!b->watch) {
		*out_err = -ENOMEM;
		return NULL;
	}
	return STEAL_PTR(b);
}

struct store_barrier *store_barrier_free(struct store_barrier *b)
{
	if (!b)
		return NULL;
	loop_unwatch(b->watch);
	fd_closep(&b->fd);
	return mem_free(b);
}

static int await_barrier(int timeout_ms)
{
	_cleanup_(fd_closep) int fd = -1;
	struct pollfd p;
	int r = send_barrier(&fd);

	if (r < 0)
		return r;
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	r = poll(&p, 1, timeout_ms);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

int store_sync(struct store *s, int timeout_ms)
{
	return s->kept ? await_barrier(timeout_ms) : 0;
}

int store_forget(struct store *s, int timeout_ms)
{
	int n, r;

	s->kept = false;
	if (!s->limit || !getenv("NOTIFY_SOCKET"))
		return -ENOTCONN;
	n = forget_all(s);
	r = n ? await_barrier(timeout_ms) : 0;
	return r < 0 ? r : n;
}
