/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the loop (loop.c) and its fds (loop-fd.c) know of each other.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "vcmd/loop.h"
#include "vcmd/polling.h"
#include "vcmd/timers.h"

struct loop_idle;
struct loop_signal;

struct loop_fd {
	TAILQ_ENTRY(loop_fd) link; /* while again */
	TAILQ_ENTRY(loop_fd) warm; /* while warm_until_ns */
	uint64_t warm_until_ns;
	struct loop *loop;
	struct event event;
	int fd;
	unsigned int what;
	bool hot, again;
	loop_fd_fn fn;
	bool (*spins)(void *ctx, bool spins);
	bool is_spun; /* as spins was told */
	void *ctx;
};

struct loop {
	struct event_base *base;
	struct event clock; /* when the first timer is due */
	bool clock_set;
	uint64_t clock_due_ms;
	struct timers timers;
	TAILQ_HEAD(, loop_fd) agains;
	unsigned int n_agains;
	TAILQ_HEAD(, loop_idle) idles; /* who was served last is last */
	LIST_HEAD(, loop_signal) signals;
	struct loop_idle *idle_running;
	bool stopped;
	uint64_t n_events;  /* callbacks that had something to do */
	uint64_t n_yielded; /* n_events when idle work last let others go first */
	uint64_t idle_ns;   /* when idle work was asked for, or had a turn */

	struct polling spins;  /* on another CPU than the client's */
	struct polling yields; /* on the client's */
	unsigned int n_waits;
	struct loop_fd *hot;                 /* the hot fd that was served last */
	TAILQ_HEAD(loop_fds, loop_fd) warms; /* hot ones without an fd that were it lately */
	uint64_t n_served;                   /* by hot fds */
	uint64_t looked_ns;                  /* when polling looked at all fds last */
	uint64_t look_every_ns;              /* POLL_ALL_MIN_NS to POLL_ALL_MAX_NS */
	uint64_t asleep_since_ns;            /* 0: not asleep, or nobody asks */
	unsigned int n_unchecked;            /* polls since getrusage() */
	long n_preempted;
	void *scratch;
};

/* The hot fd is looked at over and over from here on, and not any more: its owner is told, once each. */
void loop_fd_spin_begins(struct loop_fd *w);
void loop_fd_spin_ends(struct loop_fd *w);
/* Those that were the hottest lately. */
void loop_fd_look_at_warm(struct loop *l, uint64_t now);
/* Those whose turn loop_again() asked for by now: who asks again waits for everybody else first. */
void loop_fd_run_agains(struct loop *l);
