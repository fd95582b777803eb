/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request on its way through the pipeline, and the answer that it collects.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fdset.h"
#include "base/reason.h"
#include "proto/message.h"

struct broker;
struct client;
struct plan;
struct res;
struct session;

#define ANSWER_VALUES (PROTO_MAX_OPS * 5) /* the most that an operation answers */

/* A reservation of a prebuilt user vcm whose memory the client is to map. */
struct wanted_pieces {
	struct res *res;
	uint64_t offset;
	uint32_t op;
};

struct answer {
	int32_t status;
	uint32_t failed;
	struct reason why;
	uint64_t values[ANSWER_VALUES];
	size_t n_values;
	struct wanted_pieces wanted[PROTO_MAX_OPS];
	size_t n_wanted;
	struct piece pieces[PROTO_MAX_PIECES];
	size_t n_pieces;
	int fds[FDSET_MAX]; /* the memory's, not owned */
	size_t n_fds;
	uint8_t data[PROTO_MAX_DATA];
	size_t n_data;
	struct row rows[PROTO_MAX_ROWS];
	size_t n_rows;
};

struct call {
	struct broker *broker;
	struct client *client;
	struct session *session;
	struct plan *plan;
	struct reason *why;
	struct answer *answer;
	uint64_t serial;
	uint32_t op; /* index of the operation under way */
};

/* What a handler returns, beside 0 and a negative errno, when the answer comes later, from what it has started. */
#define CALL_PARKED 2

static inline void call_value(struct call *c, uint64_t v)
{
	c->answer->values[c->answer->n_values++] = v;
}
