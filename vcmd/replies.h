/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session was answered to requests that changed something, until its client says that it has seen it: so that a request
 * that comes again is answered and not carried out again.
 *
 * Values only: such a request has succeeded, and pieces are asked for again (OP_PIECES).
 *
 * Who keeps a connection has few answers that it has not seen, the last ones, since it lets no more than REPLIES_MAX_WORDS of them
 * be under way at a time: of what is more than that the oldest are forgotten.
 * Who asks by tickets (vcmd/bus-session.h) may have seen none: nothing of theirs is forgotten, and what else they ask for is
 * not kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

struct replies {
	uint64_t *words; /* serial, number of values, values; and so on */
	size_t start, end, cap;
	uint64_t ack;
};

enum replies_keep {
	REPLIES_KEEP_LATEST,
	REPLIES_KEEP_ALL,
	REPLIES_KEEP_NONE,
};

/* Of a client that never acknowledges; or of one answer alone. */
#define REPLIES_MAX_WORDS PROTO_MAX_UNSEEN

struct reply_kept {
	uint64_t serial;
	const uint64_t *values; /* valid until the next change */
	size_t n_values;
};

void replies_deinit(struct replies *r);
/* Room for one with so many values: afterwards replies_add() of it cannot fail. 0; -ENOMEM; -EAGAIN: all are to be kept, and are
 * too many. */
int replies_want(struct replies *r, size_t n_values, enum replies_keep keep);
/* Serials only grow. */
void replies_add(struct replies *r, uint64_t serial, const uint64_t *values, size_t n_values);
/* The client has seen those up to this serial, and up to those that it has named before. */
void replies_seen(struct replies *r, uint64_t ack);
bool replies_find(const struct replies *r, uint64_t serial, struct reply_kept *out);
/* By serial. *cursor 0 starts. False at the end. */
bool replies_next(const struct replies *r, size_t *cursor, struct reply_kept *out);
