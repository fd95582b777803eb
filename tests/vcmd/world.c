// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/world.h"

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/log.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/vcmd/keeper.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/reload.h"
#include "vcmd/store.h"

size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

bool world_can_be_others(void)
{
	return geteuid() == 0;
}

static struct config *config_of(const char *text)
{
	int fd _cleanup_(fd_closep) = memfd_create("config", MFD_CLOEXEC);
	struct reason why = { "" };
	struct config *c = NULL;
	char path[64];

	ck_assert(fd >= 0);
	ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_msg(config_load(path, &c, &why) == 0, "%s", why.text);
	return c;
}

int world_reload(struct world *w, const char *text, struct reason *why)
{
	struct config *to = config_of(text);
	int r = reload(w->broker, to, why);

	if (r < 0) {
		config_free(to);
		return r;
	}
	config_free(w->config); /* nobody has it any more */
	w->config = to;
	return 0;
}

static bool on_idle(void *ctx)
{
	struct world *w = ctx;

	if (!w->until)
		return false;
	if (!w->until(w, w->until_ctx))
		return true;
	w->until = NULL;
	loop_stop(w->loop);
	return false;
}

/* All but the broker. */
static struct world *prepare(const char *text, struct keeper *keeper, bool persist)
{
	struct world *w = calloc(1, sizeof(*w));

	ck_assert(w != NULL);
	log_set_level(getenv("WORLD_LOG") ? LOG_L_DEBUG : LOG_L_ERROR);
	w->n_fds = count_fds();
	w->config = text ? config_of(text) : config_default();
	ck_assert(w->config != NULL);
	if (!text) {
		w->config->memory.stock_len = 0;
		w->config->access.everybody = true;
	}
	w->loop = loop_new(0);
	if (keeper) {
		w->store = store_new(w->loop, persist);
		keeper_hand_over(keeper, w->store);
	}
	return w;
}

static struct world *make(const char *text, struct keeper *keeper, bool persist)
{
	struct world *w = prepare(text, keeper, persist);
	struct reason why = { "" };

	w->broker = broker_new(w->loop, w->config, w->store, &why);
	ck_assert_msg(w->broker != NULL, "%s", why.text);
	w->idle = loop_idle_new(w->loop, on_idle, w);
	ck_assert(w->idle != NULL);
	return w;
}

struct world *world_new(const char *text)
{
	return make(text, NULL, false);
}

struct world *world_new_kept(const char *text, struct keeper *keeper)
{
	return make(text, keeper, true);
}

struct world *world_new_forgetful(const char *text, struct keeper *keeper)
{
	return make(text, keeper, false);
}

void world_until(struct world *w, bool (*condition)(struct world *w, void *ctx), void *ctx)
{
	w->until = condition;
	w->until_ctx = ctx;
	loop_idle_kick(w->idle);
	loop_run(w->loop);
}

static size_t count_peers(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < WORLD_PEERS; i++)
		n += w->peers[i] != NULL;
	return n;
}

static bool is_settled(struct world *w, void *ctx _unused_)
{
	return w->broker->n_clients <= count_peers(w);
}

void world_settle(struct world *w)
{
	world_until(w, is_settled, NULL);
}

void world_check(struct world *w)
{
	graph_check(w->broker->graph);
}

uint64_t world_used(const struct world *w)
{
	const struct pool *pool;
	uint64_t n = 0;

	TAILQ_FOREACH(pool, &w->broker->graph->pools, link)
		n += pool->used;
	return n;
}

static void assert_nothing_left(const struct world *w)
{
	struct memory_stats stats;
	const struct pool *pool;

	memory_get_stats(w->broker->memory, &stats);
	ck_assert_uint_eq(w->broker->n_clients, 0);
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	ck_assert_uint_eq(w->broker->graph->n_active, 0);
	ck_assert_uint_eq(stats.table_bytes, 0);
	TAILQ_FOREACH(pool, &w->broker->graph->pools, link) {
		ck_assert_uint_eq(pool->used, 0);
		ck_assert_uint_eq(pool->cached_bytes, 0);
	}
}

static void destroy(struct world *w)
{
	broker_free(w->broker);
	store_free(w->store);
	loop_idle_free(w->idle);
	loop_free(w->loop);
	config_free(w->config);
	free(w);
}

void world_refused(const char *text, struct keeper *keeper, struct reason *why)
{
	struct world *w = prepare(text, keeper, true);

	w->broker = broker_new(w->loop, w->config, w->store, why);
	ck_assert(!w->broker);
	destroy(w);
}

struct world *world_free(struct world *w)
{
	size_t n_fds = w->n_fds;
	bool is_kept = w->store;

	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i])
			world_kill(w, w->peers[i]);
	world_settle(w);
	world_check(w);
	assert_nothing_left(w);
	destroy(w);
	if (!is_kept) /* the keeper has fewer fds than before */
		ck_assert_uint_eq(count_fds(), n_fds);
	return NULL;
}

struct world *world_crash(struct world *w)
{
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i]) {
			w->watches[i] = loop_unwatch(w->watches[i]);
			w->peers[i] = peer_free(w->peers[i]);
		}
	destroy(w);
	return NULL;
}

static void stop(void *ctx, unsigned int what _unused_)
{
	struct world *w = ctx;

	loop_stop(w->loop);
}

/* Watches are made with the peer, so that waiting allocates nothing that a test makes fail. */
static void run_until_ready(void *ctx, int fd, short what)
{
	struct world *w = ctx;
	struct loop_fd *watch = NULL;

	if (w->on_wait)
		w->on_wait(w->on_wait_ctx);
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i] && w->peers[i]->fd == fd)
			watch = w->watches[i];
	if (!watch) { /* an event socket */
		watch = loop_watch(w->loop, fd, LOOP_READ, false, stop, w);
		loop_run(w->loop);
		loop_unwatch(watch);
		return;
	}
	ck_assert(loop_watch_set(watch, what == POLLIN ? LOOP_READ : LOOP_WRITE) == 0);
	loop_run(w->loop);
	ck_assert(loop_watch_set(watch, 0) == 0);
}

/* The kernel remembers who made the pair: that is the peer, as the broker sees it. */
static void make_pair(uid_t uid, int pair[2])
{
	bool other = uid != geteuid();

	if (other)
		ck_assert(setegid(uid) == 0 && seteuid(uid) == 0);
	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	if (other)
		ck_assert(seteuid(0) == 0 && setegid(0) == 0);
}

struct peer *world_adopt(struct world *w, int fd)
{
	size_t i = 0;

	while (i < WORLD_PEERS - 1 && w->peers[i])
		i++;
	ck_assert(!w->peers[i]);
	w->peers[i] = peer_new(fd, run_until_ready, w);
	w->watches[i] = loop_watch(w->loop, fd, 0, false, stop, w);
	ck_assert(w->watches[i] != NULL);
	return w->peers[i];
}

struct peer *world_connect_as(struct world *w, uid_t uid)
{
	int pair[2];
	struct peer *p;

	make_pair(uid, pair);
	p = world_adopt(w, pair[0]);
	broker_accept(w->broker, pair[1]);
	return p;
}

struct peer *world_connect(struct world *w)
{
	return world_connect_as(w, geteuid());
}

struct peer *world_peer_as(struct world *w, uid_t uid)
{
	struct peer *p = world_connect_as(w, uid);

	ck_ok(peer_hello(p));
	return p;
}

struct peer *world_peer(struct world *w)
{
	return world_peer_as(w, geteuid());
}

struct peer *world_kill(struct world *w, struct peer *p)
{
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i] == p) {
			w->watches[i] = loop_unwatch(w->watches[i]);
			w->peers[i] = peer_free(p);
			return NULL;
		}
	ck_abort_msg("a peer of another world");
	return NULL;
}

uint32_t peer_device(struct peer *p, const char *name)
{
	ck_ok(CALL(p, DEV_GET, .name = name));
	return (uint32_t)peer_value(p, 0);
}
