/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers by due time: a sorted list that allocates nothing, so that setting one cannot fail. It has no clock.
 *
 * Most timers run equally long, so that a new one belongs at the end: it is looked for from there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <bsd/sys/queue.h>

struct timer {
	TAILQ_ENTRY(timer) link;
	uint64_t due_ms;
	bool set;
};

TAILQ_HEAD(timers, timer);

/* Sets or moves it; of equal ones the first set comes first. */
void timers_set(struct timers *ts, struct timer *t, uint64_t due_ms);
void timers_clear(struct timers *ts, struct timer *t);
/* The first, NULL when none is set. */
struct timer *timers_first(const struct timers *ts);
/* The first when it is due, cleared; NULL otherwise. */
struct timer *timers_take_due(struct timers *ts, uint64_t now_ms);
