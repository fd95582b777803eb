// SPDX-License-Identifier: BSD-3-Clause
// Chunks of a journal: the first byte says in how many pieces the rest is cut. And one row that is anything, in a record that is
// whole. Whatever they hold, what is read is rows.
#include "journal/fold.h"
#include "journal/reader.h"
#include "journal/writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MAX_CHUNKS 3

static void on_row(void *ctx, uint64_t sequence, const struct row_head *row)
{
	struct reason text;

	if (!row_is_right(row))
		abort();
	row_describe(row, &text);
	fold_row(ctx, sequence, row);
}

/* A record whose checksum is right, of one row that is anything. */
static void write_row(const uint8_t *bytes, size_t len)
{
	static uint64_t at[JOURNAL_CHUNK_MIN / sizeof(uint64_t)];
	struct journal_chunk chunk = { at, sizeof(at) };
	struct journal_report report;
	struct fold fold = FOLD_NULL;
	struct writer w;
	void *body;

	memset(at, 0, sizeof(at));
	writer_init(&w, NULL, at, sizeof(at));
	writer_begin(&w);
	body = writer_row(&w, (enum row_kind)bytes[0], bytes[1] % 4, bytes[2], len - 3);
	if (!body)
		return;
	memcpy(body, bytes + 3, len - 3);
	writer_end(&w);
	journal_read(&chunk, 1, on_row, &fold, &report);
	if (fold_finish(&fold) < 0)
		abort();
	fold_deinit(&fold);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct journal_chunk chunks[MAX_CHUNKS];
	struct journal_report report;
	struct fold fold = FOLD_NULL;
	size_t n = len > 0 ? bytes[0] % MAX_CHUNKS + 1 : 1, each, rest = len > 0 ? len - 1 : 0;
	uint64_t *copy = malloc(rest + 8 * MAX_CHUNKS + 8);

	if (!copy)
		abort();
	if (len > 3)
		write_row(bytes, len);
	if (rest > 0)
		memcpy(copy, bytes + 1, rest);
	each = rest / n & ~(size_t)7;
	for (size_t i = 0; i < n; i++)
		chunks[i] = (struct journal_chunk){ (uint8_t *)copy + i * each, each };
	journal_read(chunks, n, on_row, &fold, &report);
	if (fold_finish(&fold) < 0)
		abort();
	fold_deinit(&fold);
	free(copy);
	return 0;
}
