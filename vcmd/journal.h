/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The broker's journal: chunks of memory that outlive the process in the fd store, and what is written into them.
 *
 *	a request	journal_plan()		one record: what the plan has changed, and what the session was answered
 *	a session	journal_session()	when it begins, and whenever what its row says changes
 *			journal_session_gone()
 *	in between	compaction		live objects are written again, a few at a time; then the chunks before are given up
 *
 * Every function is fine without a journal (NULL): then nothing is kept, and nothing refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "vcmd/replies.h"

struct arena;
struct broker;
struct client;
struct journal;
struct journal_chunk;
struct plan;
struct store;

/* A request that a plan has carried out. */
struct served {
	struct client *client;
	uint64_t serial;
	const uint64_t *values; /* that it is answered */
	size_t n_values;
	enum replies_keep keep;
};

/* Where an earlier journal ends, whose chunks are needed until this one has all that is live. */
struct journal_start {
	uint64_t chunk;    /* number of the first chunk, from 1 */
	uint64_t sequence; /* of the first record, from 1 */
	uint64_t base;     /* the oldest chunk of the earlier one, or the first one */
};

/* A journal of all that is live; what was before is needed no more. NULL with the reason. */
struct journal *journal_new(struct broker *b, struct store *store,
			    const struct journal_start *start, struct reason *why);
/* What is in the fd store stays there. Returns NULL; NULL is fine. */
struct journal *journal_free(struct journal *j);

/*
 * The stage of the pipeline: one record, whole or not there. served NULL: nobody has asked for it. 0; -ENOMEM, -ENOSPC, -EAGAIN
 * (answers that nobody has seen are too many) with the reason, and nothing is written.
 */
int journal_plan(struct journal *j, const struct plan *p, const struct served *served,
		 struct reason *why);
/* What the last record says has been done: memory is zeroed, what is free is free. */
void journal_retired(struct journal *j);
/* The row of a session: client->token and who it is. 0; -ENOMEM, -ENOSPC. */
int journal_session(struct journal *j, const struct client *c, struct reason *why);
/* Everything of it has been taken back. */
void journal_session_gone(struct journal *j, uint64_t session);
/* The client has set or removed its hook on a device. 0; -ENOMEM, -ENOSPC. */
int journal_hook(struct journal *j, const struct client *c, uint32_t device, bool set,
		 struct reason *why);
/* What is so of an arena now: it has been quarantined. */
void journal_arena(struct journal *j, const struct arena *a);

/* The bytes as they are now, for whoever verifies or shows them: an array of *out_n chunks in order, to be freed with mem_free();
 * NULL without memory. Valid until something is written. */
struct journal_chunk *journal_chunks(const struct journal *j, size_t *out_n);

struct journal_stats {
	uint64_t n_records, bytes, n_chunks, chunk_bytes, n_compactions;
};
void journal_get_stats(const struct journal *j, struct journal_stats *out);
