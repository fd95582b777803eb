/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing records into a chunk, in place. What is written there counts from record_end() on, and not before; whoever reads
 * the bytes after this process has died finds the record whole, or not at all.
 *
 *	writer_begin(w);
 *	body = writer_row(w, ROW_RES, session, handle, sizeof(struct row_res));		NULL: the chunk is too short
 *	...
 *	writer_end(w);			or nothing, and the next writer_begin() starts over
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal/row.h"

struct writer {
	uint8_t *at; /* the chunk */
	size_t len;
	size_t end;        /* of what counts */
	size_t next;       /* where the next row of the open record goes, were there room */
	uint64_t number;   /* of the chunk */
	uint64_t sequence; /* of the next record */
	uint64_t base;
};

/* at: len bytes of zeroes (a multiple of 8, at least JOURNAL_CHUNK_MIN), the caller's. It goes on where `before` ends; NULL: at
 * number 1 and record 1. */
void writer_init(struct writer *w, const struct writer *before, void *at, size_t len);
void writer_begin(struct writer *w);
/*
 * A row of the open record with a zeroed body to fill in. NULL when it does not fit: from then on rows are only counted, and
 * writer_need() says how long a chunk takes them all.
 */
void *writer_row(struct writer *w, enum row_kind kind, uint64_t session, uint64_t key, size_t len);
/* Flags of the row whose body that is; NULL is fine. */
void writer_flag(void *body, unsigned int flags);
/* The object is no more. */
void writer_gone(struct writer *w, enum row_kind kind, uint64_t session, uint64_t key);
size_t writer_need(const struct writer *w);
/* Whether all rows fit so far, and whether there is any. */
int writer_fits(const struct writer *w);
int writer_is_empty(const struct writer *w);
/* The record counts. All of it fits (asserted). */
void writer_end(struct writer *w);
/* What the last record has as a consequence has been done. */
void writer_retired(struct writer *w);
/* Says in the chunk of `before` that w goes on in another one: to be called before anything is written there. */
void writer_close(const struct writer *before);
/* Chunks before number are needed no more. */
void writer_set_base(struct writer *w, uint64_t number);
