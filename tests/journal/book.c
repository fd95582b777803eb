// SPDX-License-Identifier: BSD-3-Clause
#include "tests/journal/book.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void book_turn(struct book *b)
{
	struct writer before = b->writer;
	uint8_t *at = calloc(1, JOURNAL_CHUNK_MIN);

	ck_assert(at && b->n_chunks < BOOK_CHUNKS);
	writer_init(&b->writer, b->n_chunks ? &before : NULL, at, JOURNAL_CHUNK_MIN);
	if (b->n_chunks)
		writer_close(&before);
	b->bytes[b->n_chunks] = at;
	b->chunks[b->n_chunks++] = (struct journal_chunk){ at, JOURNAL_CHUNK_MIN };
}

void book_init(struct book *b)
{
	*b = (struct book){ 0 };
	book_turn(b);
}

void book_deinit(struct book *b)
{
	for (size_t i = 0; i < b->n_chunks; i++)
		free(b->bytes[i]);
}

void book_write(struct book *b)
{
	struct row_vcm *row;

	writer_begin(&b->writer);
	row = writer_row(&b->writer, ROW_VCM, BOOK_SESSION, ++b->n_records, sizeof(*row));
	ck_assert(row != NULL);
	*row = (struct row_vcm){ .id = b->n_records, .last = 0xfff };
	writer_end(&b->writer);
}

void book_copy(const struct book *b, struct book *out)
{
	*out = *b;
	for (size_t i = 0; i < b->n_chunks; i++) {
		uint8_t *at = malloc(b->chunks[i].len);

		ck_assert(at != NULL);
		memcpy(at, b->chunks[i].at, b->chunks[i].len);
		out->chunks[i].at = out->bytes[i] = at;
	}
}

static void on_row(void *ctx, uint64_t sequence, const struct row_head *row)
{
	uint64_t *n = ctx;
	const struct row_vcm *v = row_body(row, sizeof(*v));

	ck_assert_uint_eq(sequence, ++*n);
	ck_assert_uint_eq(row->kind, ROW_VCM);
	ck_assert_uint_eq(row->session, BOOK_SESSION);
	ck_assert_uint_eq(row->key, sequence);
	ck_assert(v != NULL && v->id == sequence && v->first == 0 && v->last == 0xfff);
}

void book_read(const struct book *b, struct journal_report *out)
{
	struct journal_chunk chunks[BOOK_CHUNKS];
	uint64_t n = 0;

	/* Any order will do. */
	for (size_t i = 0; i < b->n_chunks; i++)
		chunks[i] = b->chunks[b->n_chunks - 1 - i];
	journal_read(chunks, b->n_chunks, on_row, &n, out);
	ck_assert_uint_eq(out->n_records, n);
	ck_assert_uint_eq(out->n_rows, n);
	ck_assert_uint_eq(out->last, n);
	ck_assert(out->what != NULL);
}
