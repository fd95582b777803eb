/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process that measures when it is told to: a client of the broker has one session, and a user of the machine one uid, so
 * what is compared runs in several processes, one at a time.
 *
 *	bench   -- what, n -->   worker      the others sleep
 *	        <-- values ---
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define WORKER_VALUES 4

struct worker {
	pid_t pid;
	int fd;
};

#define WORKER_NULL ((struct worker){ .fd = -1 })

struct worker_plan {
	int cpu;   /* that it is bound to; -1: to none */
	uid_t uid; /* that it becomes; 0: stays what it is */
	/* In the worker: once, at the start, and for each worker_ask(). 0, or the end of the worker with a message. */
	int (*begin)(void *ctx);
	int (*run)(void *ctx, int what, size_t n, double *out);
	void *ctx; /* copied by fork() */
};

/* 0, or a negative errno number. */
int worker_start(struct worker *w, const struct worker_plan *plan);
/* Has it do something, and waits. 0, or -EPIPE when it failed or ended. */
int worker_ask(struct worker *w, int what, size_t n, double *out);
/* Ends it. */
void worker_stop(struct worker *w);
