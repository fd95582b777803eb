// SPDX-License-Identifier: BSD-3-Clause
/*
 * Journals that a release has written are read by all that follow: one of each format lies in golden/, as hexadecimal text, and
 * what its rows say beside it. That of today's format is what today's writer writes, to the byte.
 *
 * VCM_GOLDEN=write makes them, when a format is born.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/journal/book.h"
#include "tests/suite.h"

#define TEXT_MAX 16384
#define PER_LINE 32

static struct book book;

static void *row(enum row_kind kind, uint64_t session, uint64_t key, size_t len)
{
	void *body = writer_row(&book.writer, kind, session, key, len);

	ck_assert(body != NULL);
	return body;
}

static void begin(void)
{
	writer_begin(&book.writer);
}

static void end(void)
{
	writer_end(&book.writer);
}

static void write_session(void)
{
	struct row_session *s;
	struct row_hook *h;

	begin();
	*(struct row_ids *)row(ROW_IDS, 0, 0, sizeof(struct row_ids)) =
		(struct row_ids){ 4096, 8192, 12288 };
	s = row(ROW_SESSION, 5, 0, sizeof(*s));
	*s = (struct row_session){ .uid = 1000, .gid = 100, .pid = 4711, .name = "camera" };
	memset(s->token, 0xa5, sizeof(s->token));
	h = row(ROW_HOOK, 5, 2, sizeof(*h));
	*h = (struct row_hook){ .set = 1, .device = "vcodec_a_mm1" };
	end();
}

static void write_memory(void)
{
	struct row_physmem *m;

	begin();
	*(struct row_arena *)row(ROW_ARENA, 0, 9, sizeof(struct row_arena)) =
		(struct row_arena){ .uid = 1000,
				    .memtype = 1,
				    .first = 0x44000000,
				    .last = 0x441fffff,
				    .stored = 3,
				    .flags = ROW_ARENA_CONTIGUOUS };
	m = row(ROW_PHYSMEM, 5, 3, sizeof(*m) + 2 * sizeof(struct row_extent));
	*m = (struct row_physmem){
		.id = 17, .len = 0x3000, .memtype = 1, .attr = 0x10, .n_extents = 2
	};
	m->extents[0] = (struct row_extent){ 0x44000000, 0x1000, 9 };
	m->extents[1] = (struct row_extent){ 0x44004000, 0x2000, 9 };
	m = row(ROW_PHYSMEM, 5, 0x80000000, sizeof(*m));
	*m = (struct row_physmem){ .id = 17,
				   .len = 0x3000,
				   .paid = 0x3000,
				   .memtype = 1,
				   .flags = ROW_PHYSMEM_ALIAS | ROW_PHYSMEM_IMPORT |
					    ROW_PHYSMEM_READ_ONLY | ROW_PHYSMEM_WHOLE };
	*(struct row_grant *)row(ROW_GRANT, 5, 0x1122334455667788, sizeof(struct row_grant)) =
		(struct row_grant){ .secret = 0x99aabbccddeeff00, .physmem = 3, .writable = 1 };
	end();
}

static void write_region(void)
{
	struct row_reply *reply;
	struct row_avcm *a;

	begin();
	*(struct row_vcm *)row(ROW_VCM, 5, 1, sizeof(struct row_vcm)) =
		(struct row_vcm){ .id = 16, .first = 0x10000000, .last = 0x10ffffff };
	*(struct row_bound *)row(ROW_BOUND, 5, 6, sizeof(struct row_bound)) =
		(struct row_bound){ .first = 0x10100000, .last = 0x101fffff, .vcm = 1 };
	*(struct row_res *)row(ROW_RES, 5, 2, sizeof(struct row_res)) = (struct row_res){
		.addr = 0x10100000, .len = 0x3000, .vcm = 1, .bound = 6, .physmem = 3, .attr = 0x300
	};
	a = row(ROW_AVCM, 5, 4, sizeof(*a));
	*a = (struct row_avcm){ .vcm = 1, .is_active = 1, .device = "vcodec_a_mm1" };
	reply = row(ROW_REPLY, 5, 42, sizeof(*reply) + 2 * sizeof(uint64_t));
	*reply = (struct row_reply){ .ack = 41, .n_handles = 7, .n_values = 2 };
	reply->values[0] = 0x10100000;
	reply->values[1] = 1;
	end();
	begin();
	writer_gone(&book.writer, ROW_BOUND, 5, 8);
	end();
	writer_retired(&book.writer);
}

static void path_of(char *out, size_t len, const char *end)
{
	snprintf(out, len, "%s/tests/journal/golden/%d.%s",
		 getenv("VCM_SRCDIR") ? getenv("VCM_SRCDIR") : ".", JOURNAL_VERSION, end);
}

static void put_file(const char *end, const char *text)
{
	char path[512];
	FILE *f;

	path_of(path, sizeof(path), end);
	f = fopen(path, "we");
	ck_assert(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void get_file(const char *end, char *text)
{
	char path[512];
	FILE *f;

	path_of(path, sizeof(path), end);
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s", path);
	text[fread(text, 1, TEXT_MAX - 1, f)] = 0;
	fclose(f);
}

/* Up to where the next record would be. */
static void to_hex(char *text)
{
	size_t n =
		(book.writer.end + sizeof(struct record_head) + PER_LINE - 1) / PER_LINE * PER_LINE;

	for (size_t i = 0; i < n; i++)
		text += sprintf(text, "%02x%s", book.bytes[0][i],
				i % PER_LINE == PER_LINE - 1 ? "\n" : "");
}

static size_t from_hex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned int byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2) {
		out[n++] = (uint8_t)byte;
		if (text[2] == '\n')
			text++;
	}
	return n;
}

static void describe(void *ctx, uint64_t sequence, const struct row_head *r)
{
	char *text = ctx;
	struct reason what;

	row_describe(r, &what);
	sprintf(text + strlen(text), "%d: %s\n", (int)sequence, what.text);
}

/* What the rows of a chunk say. */
static void read_text(const uint8_t *bytes, char *text)
{
	struct journal_chunk chunk = { bytes, JOURNAL_CHUNK_MIN };
	struct journal_report report;

	*text = 0;
	journal_read(&chunk, 1, describe, text, &report);
	ck_assert_int_eq(report.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(report.n_warnings, 0);
	ck_assert_uint_eq(report.retired, report.last);
}

START_TEST(what_is_written_today_is_what_was_written)
{
	char now[TEXT_MAX], rows[TEXT_MAX], golden[TEXT_MAX];

	book_init(&book);
	write_session();
	write_memory();
	write_region();
	to_hex(now);
	read_text(book.bytes[0], rows);
	if (getenv("VCM_GOLDEN")) {
		put_file("hex", now);
		put_file("rows", rows);
	}
	get_file("hex", golden);
	ck_assert_str_eq(now, golden);
	book_deinit(&book);
}
END_TEST

START_TEST(what_was_written_is_read)
{
	static uint8_t bytes[JOURNAL_CHUNK_MIN];
	char golden[TEXT_MAX], rows[TEXT_MAX];

	get_file("hex", golden);
	ck_assert_uint_gt(from_hex(golden, bytes), 1000);
	read_text(bytes, rows);
	get_file("rows", golden);
	ck_assert_str_eq(rows, golden);
}
END_TEST

SUITE_MAIN("golden", what_is_written_today_is_what_was_written, what_was_written_is_read)
