// SPDX-License-Identifier: BSD-3-Clause
#include <stdlib.h>
#include <string.h>

#include "tests/journal/book.h"
#include "tests/suite.h"

static struct book book;

START_TEST(what_was_written_is_read)
{
	struct journal_report report;

	book_init(&book);
	for (int i = 0; i < 100; i++)
		book_write(&book);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, 100);
	ck_assert_uint_eq(report.n_warnings, 0);
	book_deinit(&book);
}
END_TEST

START_TEST(records_go_on_in_the_next_chunk)
{
	struct journal_report report;

	book_init(&book);
	for (int i = 0; i < 30; i++) {
		if (i % 10 == 9)
			book_turn(&book);
		book_write(&book);
	}
	ck_assert_uint_eq(book.writer.number, 4);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, 30);
	book_deinit(&book);
}
END_TEST

START_TEST(a_record_that_is_not_ended_is_not_there)
{
	struct journal_report report;

	book_init(&book);
	book_write(&book);
	writer_begin(&book.writer);
	for (int i = 0; i < 10; i++)
		memset(writer_row(&book.writer, ROW_VCM, 1, 1, 64), 0xff, 64);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, 1);
	/* What it left behind the next one, which is shorter, is none either. */
	book_write(&book);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, 2);
	ck_assert_uint_eq(report.n_warnings, 0);
	book_deinit(&book);
}
END_TEST

START_TEST(a_record_that_does_not_fit_says_how_long_a_chunk_takes_it)
{
	struct writer bigger;
	size_t need;
	void *at;

	book_init(&book);
	writer_begin(&book.writer);
	for (int i = 0; i < 5000; i++)
		writer_row(&book.writer, ROW_VCM, 1, 1, sizeof(struct row_vcm));
	ck_assert(!writer_fits(&book.writer));
	need = (writer_need(&book.writer) + 7) & ~(size_t)7;
	at = calloc(1, need);
	writer_init(&bigger, &book.writer, at, need);
	writer_begin(&bigger);
	for (int i = 0; i < 5000; i++)
		ck_assert(writer_row(&bigger, ROW_VCM, 1, 1, sizeof(struct row_vcm)) != NULL);
	ck_assert(writer_fits(&bigger));
	writer_end(&bigger);
	ck_assert(bigger.end + sizeof(struct record_head) <= need);
	free(at);
	book_deinit(&book);
}
END_TEST

START_TEST(a_chunk_is_filled_to_its_end)
{
	struct journal_report report;

	book_init(&book);
	for (;;) {
		writer_begin(&book.writer);
		if (!writer_row(&book.writer, ROW_VCM, 1, 1, sizeof(struct row_vcm)))
			break;
		book_write(&book);
	}
	ck_assert_uint_gt(book.n_records, 700);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, book.n_records);
	book_deinit(&book);
}
END_TEST

SUITE_MAIN("writer", what_was_written_is_read, records_go_on_in_the_next_chunk,
	   a_record_that_is_not_ended_is_not_there,
	   a_record_that_does_not_fit_says_how_long_a_chunk_takes_it, a_chunk_is_filled_to_its_end)
