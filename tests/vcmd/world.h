/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker in the test's own process: its loop runs while a peer waits, and not otherwise. Nothing is mocked: peers speak
 * over sockets, devices are the simulator's.
 *
 *	struct world *w = world_new(NULL);
 *	struct peer *p = world_peer(w);
 *	...
 *	world_free(w);		which asserts that nothing was left behind
 */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/vcmd/peer.h"

struct broker;
struct config;
struct keeper;
struct loop;
struct loop_fd;
struct loop_idle;
struct reason;
struct store;

#define WORLD_PEERS 256

/* Users whom nobody is. */
#define ALICE 61001
#define BOB 61002
#define CAROL 61003

struct world {
	struct loop *loop;
	struct config *config;
	struct store *store; /* NULL: nothing outlives the broker */
	struct broker *broker;
	struct peer *peers[WORLD_PEERS];
	struct loop_fd *watches[WORLD_PEERS];
	struct loop_idle *idle;
	bool (*until)(struct world *w, void *ctx);
	void *until_ctx;
	/* When a peer begins to wait, before the loop runs; or NULL. */
	void (*on_wait)(void *ctx);
	void *on_wait_ctx;
	size_t n_fds; /* of the process, before */
};

/* text: a configuration; NULL: the built-in one, open to all, without memory filled ahead. */
struct world *world_new(const char *text);
/* The same with a keeper of fds, and with what it has of a world before. */
struct world *world_new_kept(const char *text, struct keeper *keeper);
/* The same with a broker that is to keep nothing. */
struct world *world_new_forgetful(const char *text, struct keeper *keeper);
/* A broker that cannot begin with this text, for the reason given. The keeper has what it had. */
void world_refused(const char *text, struct keeper *keeper, struct reason *why);
/* The broker ends without a word, and its peers with it: what is kept is all that is left. Returns NULL. */
struct world *world_crash(struct world *w);
/* Everything goes, and every object, byte, table and fd is asserted to be back. Returns NULL. */
struct world *world_free(struct world *w);
/* A connection of this process's user, or of another (needs root), before hello. */
struct peer *world_connect(struct world *w);
struct peer *world_connect_as(struct world *w, uid_t uid);
/* The same after hello, which is asserted to succeed. */
struct peer *world_peer(struct world *w);
struct peer *world_peer_as(struct world *w, uid_t uid);
/* A peer on a socket whose other end is not the broker's. Takes fd. */
struct peer *world_adopt(struct world *w, int fd);
/* The peer dies; what it had is taken back, when world_settle() says so. NULL. */
struct peer *world_kill(struct world *w, struct peer *p);
/* Runs until all clients that have gone are gone from the broker. */
void world_settle(struct world *w);
/* Runs until the condition holds. */
void world_until(struct world *w, bool (*condition)(struct world *w, void *ctx), void *ctx);
/* As SIGHUP does: to this configuration, or nothing changes. */
int world_reload(struct world *w, const char *text, struct reason *why);
/* Asserts every invariant of the graph. */
void world_check(struct world *w);
bool world_can_be_others(void);

size_t count_fds(void);
uint64_t world_used(const struct world *w); /* bytes of physmems */
/* The number of a device; asserted to exist. */
uint32_t peer_device(struct peer *p, const char *name);

#define ck_status(call, expected)                                                                  \
	do {                                                                                       \
		int _status = (call);                                                              \
		ck_assert_msg(_status == (expected), "%s: %d, not %d", #call, _status,             \
			      (expected));                                                         \
	} while (0)
#define ck_ok(call) ck_status(call, 0)
