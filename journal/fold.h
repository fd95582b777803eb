/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Folding a journal: of all rows the last one of each key, in an order in which what is needed comes first.
 *
 * Rows borrow from the chunks that they were read from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/row.h"

/* Replies of a session that its client may not have seen, by serial. */
struct fold_replies {
	size_t n, cap;
	const struct row_head *rows[];
};

struct fold_slot {
	const struct row_head *row; /* NULL: free */
	struct fold_replies *older; /* before it, where it is a reply; or NULL */
};

struct fold {
	struct fold_slot *slots;
	size_t n_slots, n_used, n_older;
	const struct row_head **rows; /* sorted, after fold_finish() */
	size_t n_rows;
	size_t first[N_ROW_KINDS + 1]; /* where the rows of a kind start among them */
	uint64_t secret[3]; /* of the hash: who chooses handles must not know where they go */
	uint64_t n_unknown; /* rows of kinds of a later release, passed over */
	bool failed;        /* memory was short */
};

#define FOLD_NULL ((struct fold){ 0 })

void fold_deinit(struct fold *f);
/* A journal_row_fn, with the fold as ctx. */
void fold_row(void *ctx, uint64_t sequence, const struct row_head *row);
/*
 * What is not gone, sorted by kind, session and key. Replies that the client has seen are left out, and those of sessions
 * that are no more. 0, or -ENOMEM, also when a fold_row() before was short of it.
 */
int fold_finish(struct fold *f);
/* The rows of a kind; the row of that key, or NULL. After fold_finish(). */
const struct row_head *const *fold_rows(const struct fold *f, enum row_kind kind, size_t *out_n);
const struct row_head *fold_find(const struct fold *f, enum row_kind kind, uint64_t session,
				 uint64_t key);
