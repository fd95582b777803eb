// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include "base/mem.h"
#include "journal/fold.h"
#include "tests/journal/book.h"
#include "tests/suite.h"

static struct book book;
static struct fold fold;

static void put(enum row_kind kind, uint64_t session, uint64_t key, uint64_t value)
{
	uint64_t *body;

	writer_begin(&book.writer);
	body = writer_row(&book.writer, kind, session, key, 128);
	ck_assert(body != NULL);
	*body = value;
	writer_end(&book.writer);
}

static void gone(enum row_kind kind, uint64_t session, uint64_t key)
{
	writer_begin(&book.writer);
	writer_gone(&book.writer, kind, session, key);
	writer_end(&book.writer);
}

static void reply(uint64_t session, uint64_t serial, uint64_t ack)
{
	struct row_reply *row;

	writer_begin(&book.writer);
	row = writer_row(&book.writer, ROW_REPLY, session, serial, sizeof(*row));
	ck_assert(row != NULL);
	row->ack = ack;
	writer_end(&book.writer);
}

static int fold_book(void)
{
	struct journal_report report;

	fold = FOLD_NULL;
	journal_read(book.chunks, book.n_chunks, fold_row, &fold, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	return fold_finish(&fold);
}

static uint64_t value_of(enum row_kind kind, uint64_t session, uint64_t key)
{
	const struct row_head *row = fold_find(&fold, kind, session, key);

	return row ? *(const uint64_t *)(row + 1) : 0;
}

START_TEST(the_last_row_of_a_key_counts)
{
	size_t n;

	book_init(&book);
	put(ROW_RES, 1, 5, 10);
	put(ROW_RES, 2, 5, 20);
	put(ROW_VCM, 1, 5, 30);
	put(ROW_RES, 1, 5, 11);
	put(ROW_RES, 1, 6, 12);
	gone(ROW_RES, 1, 6);
	gone(ROW_RES, 3, 9);
	put(ROW_RES, 2, 7, 21);
	gone(ROW_RES, 2, 7);
	put(ROW_RES, 2, 7, 22);
	ck_assert_int_eq(fold_book(), 0);
	ck_assert_uint_eq(value_of(ROW_RES, 1, 5), 11);
	ck_assert_uint_eq(value_of(ROW_RES, 2, 5), 20);
	ck_assert_uint_eq(value_of(ROW_VCM, 1, 5), 30);
	ck_assert_uint_eq(value_of(ROW_RES, 2, 7), 22);
	ck_assert(!fold_find(&fold, ROW_RES, 1, 6));
	fold_rows(&fold, ROW_RES, &n);
	ck_assert_uint_eq(n, 3);
	fold_rows(&fold, ROW_AVCM, &n);
	ck_assert_uint_eq(n, 0);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

START_TEST(rows_are_sorted_by_kind_session_and_key)
{
	const struct row_head *const *rows;
	size_t n;

	book_init(&book);
	for (uint64_t i = 0; i < 300; i++)
		put(ROW_RES, i * 7 % 3, i * 101 % 300, i);
	ck_assert_int_eq(fold_book(), 0);
	rows = fold_rows(&fold, ROW_RES, &n);
	ck_assert_uint_eq(n, 300);
	for (size_t i = 1; i < n; i++)
		ck_assert(rows[i - 1]->session < rows[i]->session ||
			  (rows[i - 1]->session == rows[i]->session &&
			   rows[i - 1]->key < rows[i]->key));
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

static void expect_replies(uint64_t session, const uint64_t *serials, size_t n_serials)
{
	size_t n, found = 0;
	const struct row_head *const *rows = fold_rows(&fold, ROW_REPLY, &n);

	for (size_t i = 0; i < n; i++)
		if (rows[i]->session == session)
			ck_assert(found < n_serials && rows[i]->key == serials[found++]);
	ck_assert_uint_eq(found, n_serials);
}

START_TEST(replies_are_kept_until_they_are_acknowledged)
{
	book_init(&book);
	put(ROW_SESSION, 1, 0, 0);
	put(ROW_SESSION, 2, 0, 0);
	for (uint64_t serial = 1; serial <= 10; serial++)
		reply(1, serial, serial < 7 ? 0 : 6);
	reply(2, 3, 0);
	reply(2, 5, 4);
	reply(3, 1, 0); /* of nobody */
	ck_assert_int_eq(fold_book(), 0);
	expect_replies(1, (const uint64_t[]){ 7, 8, 9, 10 }, 4);
	expect_replies(2, (const uint64_t[]){ 5 }, 1);
	expect_replies(3, NULL, 0);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

START_TEST(replies_that_are_written_again_are_the_same)
{
	book_init(&book);
	put(ROW_SESSION, 1, 0, 0);
	reply(1, 8, 4); /* what was before is in a chunk that has gone */
	for (uint64_t serial = 5; serial <= 8; serial++)
		reply(1, serial, 4);
	reply(1, 9, 5);
	for (uint64_t serial = 6; serial <= 9; serial++)
		reply(1, serial, 5);
	ck_assert_int_eq(fold_book(), 0);
	expect_replies(1, (const uint64_t[]){ 6, 7, 8, 9 }, 4);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

START_TEST(a_session_that_is_gone_leaves_no_reply)
{
	book_init(&book);
	put(ROW_SESSION, 1, 0, 0);
	reply(1, 1, 0);
	gone(ROW_SESSION, 1, 0);
	ck_assert_int_eq(fold_book(), 0);
	expect_replies(1, NULL, 0);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

START_TEST(rows_of_a_later_release_are_passed_over)
{
	book_init(&book);
	put(ROW_RES, 1, 5, 10);
	put((enum row_kind)(N_ROW_KINDS + 3), 1, 5, 10);
	ck_assert_int_eq(fold_book(), 0);
	ck_assert_uint_eq(fold.n_unknown, 1);
	ck_assert_uint_eq(fold.n_rows, 1);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

/* Handles are the clients' choice: where they go is not theirs to know. */
START_TEST(no_two_folds_have_the_same_hash)
{
	struct fold first;

	book_init(&book);
	put(ROW_RES, 1, 5, 10);
	ck_assert_int_eq(fold_book(), 0);
	first = fold;
	ck_assert_int_eq(fold_book(), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_ne(first.secret[i], fold.secret[i]);
	fold_deinit(&first);
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

START_TEST(want_of_memory_is_told)
{
	book_init(&book);
	put(ROW_SESSION, 1, 0, 0);
	for (uint64_t i = 1; i < 700; i++) {
		if (i % 140 == 0)
			book_turn(&book);
		if (i < 40)
			reply(1, i, 0);
		put(ROW_RES, 1, i, 1);
	}
	for (size_t nth = 1;; nth++) {
		int r;

		mem_fail_nth(nth);
		r = fold_book();
		if (!mem_fail_fired()) {
			ck_assert_int_eq(r, 0);
			break;
		}
		ck_assert_int_eq(r, -ENOMEM);
		fold_deinit(&fold);
	}
	fold_deinit(&fold);
	book_deinit(&book);
}
END_TEST

SUITE_MAIN("fold", the_last_row_of_a_key_counts, rows_are_sorted_by_kind_session_and_key,
	   replies_are_kept_until_they_are_acknowledged,
	   replies_that_are_written_again_are_the_same, a_session_that_is_gone_leaves_no_reply,
	   rows_of_a_later_release_are_passed_over, no_two_folds_have_the_same_hash,
	   want_of_memory_is_told)
