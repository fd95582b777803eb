/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether to look again before sleeping: a pure policy. It is told what came of each wait and answers what the next one
 * may cost. It has no clock and makes no call.
 *
 *	served ---- look again, within budget ----+-- something came: polled(true)
 *	                                          +-- nothing: polled(false), then sleep
 *	served ---- budget 0: sleep --------------- woken by a hot fd: slept(how long)
 *
 * The loop has two: one for spinning, and one for giving the CPU away once and looking then. What a sleep costs across
 * cores is the wake-up, 25 to 30 us each way (measured-floors, 1), and on one core a fifth of a round trip; what looking
 * again costs is a CPU that somebody else may want. So: only while it pays, less and less often when it did not, and
 * spinning never with one CPU.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define POLLING_MAX_US 50

struct polling {
	uint64_t max_ns;      /* 0: never */
	unsigned int score;   /* 0 to POLLING_SURE: how often a request came soon enough, lately */
	unsigned int n_skip;  /* waits that sleep at once, whatever the score */
	unsigned int backoff; /* the next n_skip */
	unsigned int n_hits;  /* in a row */
};

#define POLLING_SURE 256
#define POLLING_WORTH 128 /* from this score on it polls */
#define POLLING_BACKOFF_MIN 8
#define POLLING_BACKOFF_MAX 1024
#define POLLING_TRUSTED 64 /* hits in a row that forget the backoff */

/* max_us above POLLING_MAX_US counts as that. n_cpus: what the process may run on. */
void polling_init(struct polling *p, unsigned int max_us, unsigned int n_cpus);
/* How many ns the wait that begins now may spin; 0: none. */
uint64_t polling_budget(struct polling *p);
/* The wait did spin. preempted: the process lost its CPU to another one while it could run. */
void polling_polled(struct polling *p, bool hit, bool preempted);
/* The wait slept at once, and a hot fd ended it after ns. */
void polling_slept(struct polling *p, uint64_t ns);
/* A timer, a millisecond or more, ended it, and there was something from a peer that cannot wake us: the next wait spins,
 * whatever came of former ones. It is a twentieth of the CPU at most, and without it the peer's next call takes milliseconds
 * too. */
void polling_was_late(struct polling *p);
