// SPDX-License-Identifier: BSD-3-Clause
/*
 * Damage of every kind: what is read is a beginning of what was written, and the report says what is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "journal/crc.h"
#include "tests/journal/book.h"
#include "tests/suite.h"

#define PER_CHUNK 6
#define N_RECORDS (2 * PER_CHUNK)

static struct book book;

/* Two chunks of PER_CHUNK records. */
static void write_book(void)
{
	book_init(&book);
	for (int i = 0; i < N_RECORDS; i++) {
		if (i == PER_CHUNK)
			book_turn(&book);
		book_write(&book);
	}
}

static size_t end_of(const struct book *b, size_t chunk)
{
	return ((const struct chunk_head *)b->chunks[chunk].at)->end[0];
}

/* The offset of a record of a chunk. */
static size_t record_at(size_t i)
{
	return sizeof(struct chunk_head) +
	       i * (sizeof(struct record_head) + sizeof(struct row_head) + sizeof(struct row_vcm));
}

/* Either nothing is missing, or what is is said, and where. */
static void check_report(const struct journal_report *r, size_t chunk, size_t offset)
{
	if (r->n_records == N_RECORDS) {
		ck_assert(r->damage == JOURNAL_WHOLE);
		return;
	}
	ck_assert_int_eq(r->damage, JOURNAL_CORRUPT);
	ck_assert_uint_eq(r->chunk, chunk + 1);
	ck_assert_uint_eq(r->offset, record_at(r->n_records % PER_CHUNK));
	ck_assert(offset >= r->offset && offset < r->offset + record_at(1) - record_at(0));
	/* What is in the marked ends and was not read. */
	ck_assert_uint_eq(r->lost_bytes,
			  (N_RECORDS - r->n_records) * (record_at(1) - record_at(0)));
}

START_TEST(every_byte_may_be_flipped)
{
	unsigned int bit_step = getenv("VCM_UNDER_VALGRIND") ? 8 : 1;

	write_book();
	for (size_t chunk = 0; chunk < book.n_chunks; chunk++)
		for (size_t i = 0; i < end_of(&book, chunk) + 64; i++)
			for (unsigned int bit = 0; bit < 8; bit += bit_step) {
				struct journal_report report;
				struct book copy;

				book_copy(&book, &copy);
				copy.bytes[chunk][i] ^= (uint8_t)(1u << bit);
				book_read(&copy, &report);
				check_report(&report, chunk, i);
				/* What is damaged is said, also where nothing is lost by it. */
				if (i < offsetof(struct chunk_head, base))
					ck_assert(report.n_warnings > 0);
				book_deinit(&copy);
			}
	book_deinit(&book);
}
END_TEST

START_TEST(every_truncation_is_met)
{
	write_book();
	for (size_t chunk = 0; chunk < book.n_chunks; chunk++)
		for (size_t len = 0; len < end_of(&book, chunk) + 64; len += 4) {
			struct journal_report report;
			struct book copy;
			uint8_t *cut;

			book_copy(&book, &copy);
			/* A block of its own: a read beyond the end would be seen. */
			copy.chunks[chunk].at = cut = malloc(len + 1);
			copy.chunks[chunk].len = len;
			memcpy(cut, book.bytes[chunk], len);
			book_read(&copy, &report);
			if (len < end_of(&book, chunk)) {
				ck_assert_uint_lt(report.n_records, N_RECORDS);
				ck_assert(report.damage == JOURNAL_TRUNCATED ||
					  report.damage == JOURNAL_MISSING ||
					  (len < sizeof(struct chunk_head) &&
					   report.damage != JOURNAL_WHOLE));
				ck_assert_uint_ge(report.n_records, chunk * PER_CHUNK);
			}
			free(cut);
			book_deinit(&copy);
		}
	book_deinit(&book);
}
END_TEST

START_TEST(records_that_were_zeroed_are_missed)
{
	struct journal_report report;

	write_book();
	memset(book.bytes[1] + record_at(2), 0, end_of(&book, 1) - record_at(2));
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_CORRUPT);
	ck_assert_uint_eq(report.n_records, PER_CHUNK + 2);
	ck_assert_uint_eq(report.chunk, 2);
	ck_assert_uint_eq(report.offset, record_at(2));
	ck_assert_uint_eq(report.lost_bytes, 4 * (record_at(1) - record_at(0)));
	book_deinit(&book);
}
END_TEST

START_TEST(a_chunk_that_is_missing_is_missed)
{
	struct journal_report report;

	write_book();
	book_turn(&book);
	book_write(&book);
	book.chunks[1] = book.chunks[2];
	book.n_chunks = 2;
	book_read(&book, &report);
	book.n_chunks = 3;
	ck_assert_int_eq(report.damage, JOURNAL_MISSING);
	ck_assert_uint_eq(report.chunk, 2);
	ck_assert_uint_eq(report.n_records, PER_CHUNK);
	ck_assert_uint_eq(report.lost_records, PER_CHUNK);
	book_deinit(&book);
}
END_TEST

START_TEST(the_last_chunk_is_missed)
{
	struct journal_report report;

	write_book();
	journal_read(book.chunks, 1, NULL, NULL, &report);
	ck_assert_int_eq(report.damage, JOURNAL_MISSING);
	ck_assert_uint_eq(report.chunk, 2);
	ck_assert_uint_eq(report.n_records, PER_CHUNK);
	ck_assert_uint_eq(report.last, PER_CHUNK);
	/* Nothing was written to it yet: nor is it there, in a journal of which that is said. */
	book_turn(&book);
	journal_read(book.chunks, 3, NULL, NULL, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_warnings, 0);
	journal_read(book.chunks, 2, NULL, NULL, &report);
	ck_assert_int_eq(report.damage, JOURNAL_MISSING);
	ck_assert_uint_eq(report.n_records, N_RECORDS);
	book_deinit(&book);
}
END_TEST

START_TEST(the_oldest_chunk_is_missed_unless_the_base_is_behind_it)
{
	struct journal_report report;
	uint64_t n = 0;

	write_book();
	journal_read(&book.chunks[1], 1, NULL, &n, &report);
	ck_assert_int_eq(report.damage, JOURNAL_MISSING);
	ck_assert_uint_eq(report.chunk, 1);
	writer_set_base(&book.writer, 2);
	journal_read(&book.chunks[1], 1, NULL, &n, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, PER_CHUNK);
	ck_assert_uint_eq(report.last, N_RECORDS);
	/* Before the base nothing is read. */
	journal_read(book.chunks, 2, NULL, &n, &report);
	ck_assert_uint_eq(report.n_records, PER_CHUNK);
	book_deinit(&book);
}
END_TEST

/* Its checksum is right, and yet it says what cannot be. */
START_TEST(a_head_whose_base_is_behind_it_is_damaged)
{
	struct journal_report report;
	struct chunk_head *head;

	write_book();
	head = (struct chunk_head *)(void *)book.bytes[1];
	for (size_t i = 0; i < 2; i++) {
		head->id[i].base = head->id[i].number + 1;
		head->id[i].crc = crc32c(0, &head->id[i], offsetof(struct chunk_id, crc));
	}
	head->base[0] = head->base[1] = 0;
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_CORRUPT);
	ck_assert_uint_eq(report.n_records, PER_CHUNK);
	ck_assert_uint_eq(report.lost_bytes, PER_CHUNK * (record_at(1) - record_at(0)));
	book_deinit(&book);
}
END_TEST

/* The writer died between the two marks: what the first one has more nobody was told of, what both have was there. */
START_TEST(of_two_marks_that_disagree_the_smaller_one_counts)
{
	struct journal_report report;
	struct chunk_head *head;

	write_book();
	head = (struct chunk_head *)(void *)book.bytes[1];
	head->end[1] = record_at(PER_CHUNK - 1);
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, N_RECORDS);
	ck_assert_uint_eq(report.n_warnings, 1);
	memset(book.bytes[1] + record_at(2), 0, record_at(PER_CHUNK) - record_at(2));
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_CORRUPT);
	ck_assert_uint_eq(report.offset, record_at(2));
	ck_assert_uint_eq(report.lost_bytes, (PER_CHUNK - 3) * (record_at(1) - record_at(0)));
	book_deinit(&book);
}
END_TEST

/* Chunks are given up after the mark: what the smaller one names is there, or it is damaged. */
START_TEST(of_two_bases_that_disagree_the_one_whose_chunk_is_there_counts)
{
	struct journal_report report;
	struct chunk_head *head;

	write_book();
	head = (struct chunk_head *)(void *)book.bytes[1];
	writer_set_base(&book.writer, 2);
	for (size_t i = 0; i < 2; i++) {
		head->base[i] = 1;
		journal_read(&book.chunks[1], 1, NULL, NULL, &report);
		ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
		ck_assert_uint_eq(report.n_records, PER_CHUNK);
		ck_assert_uint_eq(report.n_warnings, 1);
		head->base[i] = 2;
	}
	writer_set_base(&book.writer, 1);
	for (size_t i = 0; i < 2; i++) {
		head->base[i] = 2;
		book_read(&book, &report);
		ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
		ck_assert_uint_eq(report.n_records, N_RECORDS);
		head->base[i] = 1;
	}
	book_deinit(&book);
}
END_TEST

START_TEST(a_later_format_is_refused)
{
	struct journal_report report;
	struct chunk_head *head;

	write_book();
	head = (struct chunk_head *)(void *)book.bytes[0];
	head->id[0].version = head->id[1].version = JOURNAL_VERSION + 1;
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_NEWER);
	ck_assert_uint_eq(report.version, JOURNAL_VERSION + 1);
	ck_assert_uint_eq(report.n_records, 0);
	book_deinit(&book);
}
END_TEST

START_TEST(a_chunk_that_was_never_written_to_is_none)
{
	struct journal_report report;
	struct journal_chunk nothing;

	write_book();
	book.bytes[2] = calloc(1, JOURNAL_CHUNK_MIN);
	nothing = (struct journal_chunk){ book.bytes[2], JOURNAL_CHUNK_MIN };
	journal_read(&nothing, 1, NULL, NULL, &report);
	ck_assert_int_eq(report.damage, JOURNAL_EMPTY);
	book.chunks[book.n_chunks++] = nothing;
	book_read(&book, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_records, N_RECORDS);
	book_deinit(&book);
}
END_TEST

START_TEST(noise_is_no_journal)
{
	uint64_t noise[8192];
	struct journal_report report;

	srand(1);
	for (int round = 0; round < 100; round++) {
		struct journal_chunk c = { noise, sizeof(noise) };

		for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++)
			noise[i] = (uint64_t)rand() << 32 | (uint64_t)rand();
		if (round % 2)
			noise[0] = JOURNAL_MAGIC;
		journal_read(&c, 1, NULL, NULL, &report);
		ck_assert_int_ne(report.damage, JOURNAL_WHOLE);
		ck_assert_uint_eq(report.n_records, 0);
	}
}
END_TEST

SUITE_MAIN("reader", every_byte_may_be_flipped, every_truncation_is_met,
	   records_that_were_zeroed_are_missed, a_chunk_that_is_missing_is_missed,
	   the_last_chunk_is_missed, the_oldest_chunk_is_missed_unless_the_base_is_behind_it,
	   a_head_whose_base_is_behind_it_is_damaged,
	   of_two_marks_that_disagree_the_smaller_one_counts,
	   of_two_bases_that_disagree_the_one_whose_chunk_is_there_counts,
	   a_later_format_is_refused, a_chunk_that_was_never_written_to_is_none,
	   noise_is_no_journal)
