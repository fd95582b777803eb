/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop, and all that knows libevent: fds, timers, work for idle moments, signals, polling before
 * sleeping. All callbacks run on the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_idle;

enum loop_what {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	/* The peer has hung up, or its writing half has. To be asked for alone, by who does not want to read for now. */
	LOOP_GONE = 4,
	/* Each time that something comes, read or not: fn is told LOOP_READ. To be asked for alone. */
	LOOP_EDGE = 8,
};

/* poll_us: how long the loop may poll before it sleeps, when that has been paying off; 0: never. */
struct loop *loop_new(unsigned int poll_us);
/* The same for a loop that runs. */
void loop_set_poll(struct loop *l, unsigned int poll_us);
struct loop *loop_free(struct loop *l);
/* Until loop_stop(). 0, or a negative errno. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

typedef void (*loop_fd_fn)(void *ctx, unsigned int what);
/* fd stays the caller's and outlives the watch. `hot`: worth polling for (request sockets): fn is then also called when
 * there is nothing to read, must not block, and calls loop_served() when there was. NULL without memory. */
struct loop_fd *loop_watch(struct loop *l, int fd, unsigned int what, bool hot, loop_fd_fn fn,
			   void *ctx);
/* 0 what: none. 0, or a negative errno: then nothing is watched. */
int loop_watch_set(struct loop_fd *w, unsigned int what);
/*
 * Of a hot watch, whose peer need not wake us while we look anyway: fn is told when the loop begins to look over and over, and
 * before it sleeps or has others to look at. Then the peer must wake us again, and fn answers whether there is something
 * by now.
 */
void loop_watch_spins(struct loop_fd *w, bool (*fn)(void *ctx, bool spins));
struct loop_fd *loop_unwatch(struct loop_fd *w);
void loop_served(struct loop_fd *w);
/* fn is called once more, after all others that are ready have had their turn, whatever the fd says. Such a watch needs no
 * fd: -1. */
void loop_again(struct loop_fd *w);
/* The same, where nothing woke us but a timer, as the peer cannot ring: how long it had to wait says nothing of the peer. */
void loop_served_late(struct loop_fd *w);

/* Scratch memory for whoever runs, until it returns to the loop: one receive buffer serves every session. */
#define LOOP_SCRATCH_LEN 65536
void *loop_scratch(struct loop *l);

/* A timer that is not set until loop_timer_set(); one shot. */
struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void loop_timer_set(struct loop_timer *t, uint64_t after_ms);
void loop_timer_clear(struct loop_timer *t);
struct loop_timer *loop_timer_free(struct loop_timer *t);

/* Work in bounded steps: fn runs while there is nothing else to do, as long as it returns true; loop_idle_kick() starts it
 * anew. It also gets a turn, now and then, under constant load. */
struct loop_idle *loop_idle_new(struct loop *l, bool (*fn)(void *ctx), void *ctx);
void loop_idle_kick(struct loop_idle *i);
struct loop_idle *loop_idle_free(struct loop_idle *i);

/* SIGTERM, SIGINT and the like, on the loop's thread. */
int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);
