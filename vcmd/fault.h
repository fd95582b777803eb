/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults on their way: from a backend to the session whose active association faulted, and its verdict back.
 *
 * A stalled transaction waits for the handler's verdict until the deadline (fault-timeout); without a handler, or without
 * an answer in time, it is terminated with a warning. Nothing else waits meanwhile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct broker;
struct client;
struct faults;

#define FAULT_HISTORY 64

struct fault_record {
	uint64_t time_ns, session, addr;
	uint32_t device, flags;
	int32_t verdict; /* 1 retried, 0 terminated, negative errno: the handler failed; -ETIMEDOUT, -ENOENT (none) */
};

struct faults *faults_new(struct broker *b);
/* Returns NULL; NULL is fine. */
struct faults *faults_free(struct faults *f);
/* A handler's verdict: 1 retry, 0 terminate, 2 + errno: it failed. -EINVAL for a fault that is not the client's, or that
 * waits no more. */
int faults_answer(struct faults *f, struct client *c, uint64_t id, uint64_t verdict,
		  struct reason *why);
/* What waits for one client waits for the other, which has its session now; and it is told. */
void faults_move(struct faults *f, const struct client *from, struct client *to);
void faults_tell_again(struct faults *f, struct client *c);
/* The client goes: what waits for it is terminated. */
void faults_abandon(struct faults *f, struct client *c);

/* The i-th newest record; NULL beyond the last. */
const struct fault_record *faults_record(const struct faults *f, size_t i);
uint64_t faults_count(const struct faults *f);
uint64_t faults_failed_handlers(const struct faults *f);
