/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session was answered to requests that changed something, until its client says that it has seen it: so that a request
 * that comes again is answered and not carried out again.
 *
 * Values only: such a request has succeeded, and pieces are asked for again (OP_PIECES).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replies {
	uint64_t *words; /* serial, number of values, values; and so on */
	size_t start, end, cap;
	uint64_t ack;
};

/* Of a client that never acknowledges. What is over it is forgotten, the oldest first. */
#define REPLIES_MAX_WORDS 8192

struct reply_kept {
	uint64_t serial;
	const uint64_t *values; /* valid until the next change */
	size_t n_values;
};

void replies_deinit(struct replies *r);
/* Room for one with so many values: afterwards replies_add() of it cannot fail. 0, -ENOMEM. */
int replies_want(struct replies *r, size_t n_values);
/* Serials only grow. */
void replies_add(struct replies *r, uint64_t serial, const uint64_t *values, size_t n_values);
/* The client has seen those up to this serial. */
void replies_seen(struct replies *r, uint64_t ack);
bool replies_find(const struct replies *r, uint64_t serial, struct reply_kept *out);
/* By serial. *cursor 0 starts. False at the end. */
bool replies_next(const struct replies *r, size_t *cursor, struct reply_kept *out);
