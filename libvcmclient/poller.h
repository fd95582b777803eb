/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a thread polls for an answer for a moment before it sleeps: worth 10 times the latency when the broker answers from
 * another CPU at once, and pure waste otherwise. So: never with one CPU; after a poll in vain ever more rarely, until one
 * pays off; and not for a while when the kernel had to take the CPU away from us, for then others want it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define POLLER_MAX_NS 50000  /* how long one poll lasts; an idle CPU wakes up in 25 to 30 us */
#define POLLER_MAX_SKIP 1024 /* calls without a poll between two attempts */

/* Of one thread. Zeroed at start. */
struct poller {
	uint32_t n_calls; /* since the facts were looked up */
	uint32_t skip;    /* calls to come without a poll */
	uint32_t backoff; /* what skip becomes after the next poll in vain */
	bool is_known;    /* the facts below have been looked up once */
	bool is_alone;    /* one CPU */
	int64_t n_preempted;
};

/* What the kernel says about the thread. */
struct poller_facts {
	unsigned int n_cpus; /* that it or the broker may run on */
	int64_t n_preempted; /* how often the CPU was taken away from it */
};

/* Whether it is time to look the facts up again; then poller_learn(). */
bool poller_is_curious(const struct poller *p);
void poller_learn(struct poller *p, const struct poller_facts *facts);
/* broker: its process, or 0. One that may run elsewhere is not held up by who spins, be he bound to one CPU. */
void poller_look_up(pid_t broker, struct poller_facts *out);

/* Whether this call polls. */
bool poller_begin(struct poller *p);
/* The poll is over: it was worth it, or not. */
void poller_end(struct poller *p, bool has_paid);
