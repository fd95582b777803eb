// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal of a broker that runs, shown in pages: each row once, in order, and no page costs more than what is in it.
 * Mutations that they were seen to catch: a record that does not fit begun on the page before; the pages of a long record not
 * counted.
 */
#include <check.h>
#include <stdlib.h>
#include <vcm/manage.h>

#include "journal/reader.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"

#define PAGE_ROWS 200

static struct keeper *keeper;
static struct world *w;
static struct peer *p;
static unsigned int n_read;

/* NOLINTBEGIN(bugprone-reserved-identifier) ; the linker's names */
long __real_journal_read_record(const struct journal_chunk *c, size_t at, journal_row_fn fn,
				void *ctx);
long __wrap_journal_read_record(const struct journal_chunk *c, size_t at, journal_row_fn fn,
				void *ctx);

long __wrap_journal_read_record(const struct journal_chunk *c, size_t at, journal_row_fn fn,
				void *ctx)
{
	n_read++;
	return __real_journal_read_record(c, at, fn, ctx);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void begin(void)
{
	keeper = keeper_new(100);
	w = world_new_kept(NULL, keeper);
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = 128 * SZ_1M));
}

static void end(void)
{
	w = world_crash(w);
	keeper = keeper_free(keeper);
}

/* So many reservations from a handle on, each a record of its own or all one record. */
static void reserve(uint32_t from, uint32_t n, bool at_once)
{
	struct op *ops = calloc(n, sizeof(*ops));

	for (uint32_t i = 0; i < n; i++)
		ops[i] = (struct op){
			.code = OP_RESERVE, .handle = from + i, .on = 1, .len = SZ_4K
		};
	if (at_once)
		ck_ok(peer_call(p, ops, n));
	for (uint32_t i = 0; i < n && !at_once; i++)
		ck_ok(peer_call(p, &ops[i], 1));
	free(ops);
}

/* How many rows there are. Each handle of a reservation comes once, in order. */
static uint64_t show(void)
{
	uint64_t cursor = 0, n = 0, sequence = 0, handle = 1;

	do {
		n_read = 0;
		ck_ok(CALL(p, JOURNAL, .arg = 1, .addr = cursor));
		ck_assert_uint_le(p->reply.n_rows, PAGE_ROWS);
		ck_assert_uint_le(n_read, PAGE_ROWS + 2);
		for (size_t i = 0; i < p->reply.n_rows; i++) {
			const uint64_t *row = p->reply.rows[i].n;

			ck_assert_uint_ge(row[VCM_JOURNAL_ROW_SEQUENCE], sequence);
			sequence = row[VCM_JOURNAL_ROW_SEQUENCE];
			if (row[VCM_JOURNAL_ROW_KIND] == ROW_RES)
				ck_assert_uint_eq(row[VCM_JOURNAL_ROW_KEY], ++handle);
		}
		n += p->reply.n_rows;
		ck_assert(!peer_value(p, 0) || peer_value(p, 0) > cursor);
		cursor = peer_value(p, 0);
	} while (cursor);
	return n;
}

static uint64_t count_rows(void)
{
	ck_ok(CALL(p, JOURNAL));
	ck_assert_uint_eq(p->reply.n_rows, 1);
	return p->reply.rows[0].n[VCM_JOURNAL_ROWS];
}

START_TEST(each_row_is_shown_once)
{
	uint64_t n;

	begin();
	reserve(2, 150, false);
	reserve(152, 100, true); /* does not fit with those before */
	reserve(252, 700, true); /* is longer than a page */
	reserve(952, 300, false);
	n = count_rows();
	ck_assert_uint_ge(n, 1250);
	ck_assert_uint_eq(show(), n);
	end();
}
END_TEST

/* From one chunk to the next. */
START_TEST(each_chunk_is_shown)
{
	uint64_t n;

	begin();
	for (uint32_t i = 0; i < 22; i++)
		reserve(2 + i * 900, 900, true);
	ck_ok(CALL(p, JOURNAL));
	ck_assert_uint_ge(p->reply.rows[0].n[VCM_JOURNAL_CHUNKS], 2);
	n = count_rows();
	ck_assert_uint_eq(show(), n);
	end();
}
END_TEST

START_TEST(a_cursor_that_nobody_was_given_shows_nothing_wrong)
{
	begin();
	reserve(2, 100, true);
	for (uint64_t bit = 0; bit < 64; bit++) {
		ck_ok(CALL(p, JOURNAL, .arg = 1, .addr = UINT64_C(1) << bit));
		ck_assert_uint_le(p->reply.n_rows, PAGE_ROWS);
		ck_ok(CALL(p, JOURNAL, .arg = 1, .addr = UINT64_MAX << bit));
		ck_ok(CALL(p, JOURNAL, .arg = 1, .addr = UINT64_C(1) << 40 | UINT64_C(1) << bit));
		ck_assert_uint_le(p->reply.n_rows, PAGE_ROWS);
	}
	end();
}
END_TEST

SUITE_MAIN("vcmd-journal", each_row_is_shown_once, each_chunk_is_shown,
	   a_cursor_that_nobody_was_given_shows_nothing_wrong)
