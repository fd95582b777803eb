/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small journal for suites: chunks in memory of the test, and records of one vcm each, whose handle is the number of the
 * record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal/reader.h"
#include "journal/writer.h"

#define BOOK_CHUNKS 8
#define BOOK_SESSION 7

struct book {
	struct writer writer;
	struct journal_chunk chunks[BOOK_CHUNKS];
	uint8_t *bytes[BOOK_CHUNKS]; /* the same, to be damaged */
	size_t n_chunks;
	uint64_t n_records;
};

void book_init(struct book *b);
void book_deinit(struct book *b);
/* A chunk more, after the last one. */
void book_turn(struct book *b);
/* A record more. */
void book_write(struct book *b);
/* What a chunk holds, to be changed: a copy that a chunk of the copy is. */
void book_copy(const struct book *b, struct book *out);

/* Reads all. Asserts that the rows are those of the records from 1 on, in order. */
void book_read(const struct book *b, struct journal_report *out);
