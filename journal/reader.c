// SPDX-License-Identifier: BSD-3-Clause
#include "journal/reader.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "journal/crc.h"

struct reading {
	struct journal_report *out;
	journal_row_fn fn;
	void *ctx;
	uint64_t sequence; /* of the next record; 0: any */
	bool goes_on;      /* the last chunk that was read says that there is another one */
};

const char *journal_damage_name(enum journal_damage damage)
{
	switch (damage) {
	case JOURNAL_WHOLE:
		return "whole";
	case JOURNAL_EMPTY:
		return "empty";
	case JOURNAL_TRUNCATED:
		return "truncated";
	case JOURNAL_CORRUPT:
		return "corrupt";
	case JOURNAL_NEWER:
		return "newer";
	case JOURNAL_MISSING:
		return "missing";
	}
	return "damaged";
}

static void damaged(struct reading *r, enum journal_damage damage, uint64_t chunk, size_t offset,
		    const char *what)
{
	r->out->damage = damage;
	r->out->chunk = chunk;
	r->out->offset = offset;
	r->out->what = what;
}

/* --- chunks */

static const struct chunk_head *head_of(const struct journal_chunk *c)
{
	return c->len >= sizeof(struct chunk_head) ? c->at : NULL;
}

bool journal_chunk_is_spare(const struct journal_chunk *c)
{
	static const uint8_t zeroes[sizeof(struct record_head)];
	const struct chunk_head *h = head_of(c);

	return h && !h->magic && c->len >= sizeof(*h) + sizeof(zeroes) &&
	       !memcmp(h + 1, zeroes, sizeof(zeroes));
}

static bool id_is_whole(const struct chunk_id *id)
{
	return id->version == JOURNAL_VERSION && id->number > 0 && id->base <= id->number &&
	       id->crc == crc32c(0, id, offsetof(struct chunk_id, crc));
}

/* One of the two copies; NULL when neither is whole. */
static const struct chunk_id *id_of(const struct journal_chunk *c)
{
	const struct chunk_head *h = head_of(c);

	for (size_t i = 0; h && i < 2; i++)
		if (id_is_whole(&h->id[i]))
			return &h->id[i];
	return NULL;
}

uint64_t journal_chunk_number(const struct journal_chunk *c)
{
	const struct chunk_id *id = id_of(c);

	return id ? id->number : 0;
}

/* Those whose number is not known come first. */
static int by_number(const void *a, const void *b)
{
	uint64_t x = journal_chunk_number(a), y = journal_chunk_number(b);

	return x < y ? -1 : x > y;
}

/* Drops what is spare. */
static size_t sort(struct journal_chunk *chunks, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!journal_chunk_is_spare(&chunks[i]))
			chunks[kept++] = chunks[i];
	if (kept > 0)
		qsort(chunks, kept, sizeof(*chunks), by_number);
	return kept;
}

/* A mark that is kept twice, and only grows: nobody was told of more than the smaller one says. */
static uint64_t smaller(const uint64_t twice[2])
{
	return twice[0] < twice[1] ? twice[0] : twice[1];
}

static uint64_t mark(struct reading *r, const uint64_t twice[2])
{
	r->out->n_warnings += twice[0] != twice[1];
	return smaller(twice);
}

static bool is_base(const struct chunk_id *id, uint64_t base)
{
	return base >= id->base && base <= id->number;
}

static bool has_number(const struct journal_chunk *chunks, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (journal_chunk_number(&chunks[i]) == number)
			return true;
	return false;
}

/*
 * The oldest chunk that is needed: the last one knows, or knew when it was made. Chunks are given up after the mark, the oldest first:
 * of two marks the smaller one is right while its chunk is there, and nothing is wrong with reading more than is needed.
 */
static uint64_t base_of(struct reading *r, const struct journal_chunk *chunks, size_t n)
{
	const struct chunk_head *h = head_of(&chunks[n - 1]);
	const struct chunk_id *id = id_of(&chunks[n - 1]);
	uint64_t base, larger;

	assert(h && id); /* it has a number */
	base = mark(r, h->base);
	larger = h->base[0] > base ? h->base[0] : h->base[1];
	if (is_base(id, base) && (base == larger || has_number(chunks, n, base)))
		return base;
	if (is_base(id, larger) && has_number(chunks, n, larger))
		return larger;
	r->out->n_warnings += base != 0;
	return is_base(id, base) ? base : id->base;
}

/* --- records */

static void count_lost(struct reading *r, const struct journal_chunk *c, size_t from)
{
	const struct chunk_head *h = head_of(c);
	uint64_t end = h ? smaller(h->end) : 0;

	/* Of what may be no chunk at all no more is believed than there is. */
	if (end > c->len && !id_of(c))
		end = c->len;
	if (end > from)
		r->out->lost_bytes += end - from;
}

/* 0: there is none, the record's length, or -1. */
static long record_len(const struct journal_chunk *c, size_t at)
{
	const struct record_head *h;
	uint64_t what[2];

	if (at > c->len || c->len - at < sizeof(*h))
		return -1;
	h = (const void *)((const uint8_t *)c->at + at);
	if (h->len == 0 && h->crc == 0)
		return 0;
	if (h->len < sizeof(*h) || h->len % JOURNAL_ALIGN || h->len > c->len - at)
		return -1;
	what[0] = h->sequence;
	what[1] = h->len;
	if (h->crc != crc32c(crc32c(0, what, sizeof(what)), h + 1, h->len - sizeof(*h)))
		return -1;
	return h->len;
}

/* The rows of a record that is whole: false when they do not add up to it. */
static bool rows_are_right(const struct record_head *h)
{
	const uint8_t *p = (const uint8_t *)(h + 1), *end = (const uint8_t *)h + h->len;

	while (p < end) {
		const struct row_head *row = (const void *)p;

		if ((size_t)(end - p) < sizeof(*row) || row->len < sizeof(*row) ||
		    row->len % JOURNAL_ALIGN || row->len > (size_t)(end - p) || !row_is_right(row))
			return false;
		p += row->len;
	}
	return true;
}

static void give_rows(struct reading *r, const struct record_head *h)
{
	const uint8_t *p = (const uint8_t *)(h + 1), *end = (const uint8_t *)h + h->len;

	for (; p < end; p += ((const struct row_head *)(const void *)p)->len) {
		r->out->n_rows++;
		if (r->fn)
			r->fn(r->ctx, h->sequence, (const void *)p);
	}
	r->out->n_records++;
	r->out->last = h->sequence;
	r->sequence = h->sequence + 1;
}

/* The head without a length, behind the last record. */
static void look_behind(struct reading *r, const struct record_head *h)
{
	r->goes_on = h->sequence == record_goes_on(r->sequence);
	r->out->n_warnings += h->sequence != 0 && !r->goes_on;
}

/* The records of a chunk whose head is whole. False when it is damaged. */
static bool read_records(struct reading *r, const struct journal_chunk *c)
{
	const struct chunk_head *h = head_of(c);
	uint64_t end = mark(r, h->end), number = id_of(c)->number;
	size_t at = sizeof(*h);
	long len;

	while ((len = record_len(c, at)) > 0) {
		const struct record_head *record = (const void *)((const uint8_t *)c->at + at);

		if (record->sequence != r->sequence || !rows_are_right(record))
			break;
		give_rows(r, record);
		at += (size_t)len;
	}
	if (len == 0 && at >= end) {
		look_behind(r, (const void *)((const uint8_t *)c->at + at));
		return true;
	}
	/* Behind the marked end there is nothing that anybody was told of. */
	if (end && at == end) {
		r->out->n_warnings++;
		return true;
	}
	if (end > c->len)
		damaged(r, JOURNAL_TRUNCATED, number, at, "the chunk is cut short");
	else if (len == 0)
		damaged(r, JOURNAL_CORRUPT, number, at, "records that were there are not");
	else if (len > 0)
		damaged(r, JOURNAL_CORRUPT, number, at, "a record is out of order, or not of rows");
	else
		damaged(r, JOURNAL_CORRUPT, number, at, "a record's checksum is wrong");
	count_lost(r, c, at);
	return false;
}

long journal_read_record(const struct journal_chunk *c, size_t at, journal_row_fn fn, void *ctx)
{
	struct journal_report report = { 0 };
	struct reading r = { .out = &report, .fn = fn, .ctx = ctx };
	const struct record_head *record;
	long len;

	at = at ? at : sizeof(struct chunk_head);
	if (!id_of(c) || at < sizeof(struct chunk_head) || at % JOURNAL_ALIGN)
		return -1;
	len = record_len(c, at);
	if (len <= 0)
		return len;
	record = (const void *)((const uint8_t *)c->at + at);
	if (!rows_are_right(record))
		return -1;
	give_rows(&r, record);
	return (long)at + len;
}

static bool is_newer(const struct chunk_head *h)
{
	return h->magic == JOURNAL_MAGIC && h->id[0].version == h->id[1].version &&
	       h->id[0].version > JOURNAL_VERSION;
}

/* Without a head that can be read a chunk is as good as missing. */
static void check_head(struct reading *r, const struct journal_chunk *c)
{
	const struct chunk_head *h = head_of(c);

	if (!h) {
		damaged(r, JOURNAL_TRUNCATED, 0, c->len, "a chunk is shorter than its head");
	} else if (is_newer(h)) {
		r->out->version = h->id[0].version;
		damaged(r, JOURNAL_NEWER, h->id[0].number, 0, "a later release has written it");
	} else if (!id_of(c)) {
		damaged(r, JOURNAL_CORRUPT, 0, 0, "the head of a chunk is damaged");
	} else {
		r->out->n_warnings += h->magic != JOURNAL_MAGIC || !id_is_whole(&h->id[0]) ||
				      !id_is_whole(&h->id[1]) || id_of(c)->len != c->len;
	}
}

static bool read_chunk(struct reading *r, const struct journal_chunk *c)
{
	const struct chunk_id *id = id_of(c);

	if (r->sequence && id->first != r->sequence) {
		damaged(r, JOURNAL_CORRUPT, id->number, 0, "records are missing before this chunk");
		return false;
	}
	r->sequence = id->first;
	r->goes_on = false;
	if (head_of(c)->retired > r->out->retired)
		r->out->retired = head_of(c)->retired;
	return read_records(r, c);
}

/* How many records are known to be lost: what a later chunk starts with says it. */
static void count_records_lost(struct reading *r, const struct journal_chunk *last)
{
	uint64_t first = id_of(last)->first;

	if (first > r->out->last + 1)
		r->out->lost_records = first - r->out->last - 1;
}

/* Chunks with a head, in order. */
static void read_all(struct reading *r, const struct journal_chunk *chunks, size_t n)
{
	uint64_t want = base_of(r, chunks, n);
	size_t i = 0;

	while (journal_chunk_number(&chunks[i]) < want)
		i++;
	while (i < n && journal_chunk_number(&chunks[i]) == want && read_chunk(r, &chunks[i])) {
		want++;
		i++;
	}
	if (r->out->damage == JOURNAL_WHOLE && (i < n || r->goes_on))
		damaged(r, JOURNAL_MISSING, want, 0, "a chunk is missing");
	if (r->out->damage == JOURNAL_WHOLE)
		return;
	count_records_lost(r, &chunks[n - 1]);
	/* Of the one that is damaged itself that has been counted. */
	for (i += i < n && journal_chunk_number(&chunks[i]) == want; i < n; i++)
		count_lost(r, &chunks[i], sizeof(struct chunk_head));
}

void journal_read(struct journal_chunk *chunks, size_t n, journal_row_fn fn, void *ctx,
		  struct journal_report *out)
{
	struct reading r = { .out = out, .fn = fn, .ctx = ctx };
	size_t headless = 0;

	*out = (struct journal_report){ .damage = JOURNAL_WHOLE, .what = "whole" };
	n = sort(chunks, n);
	if (n == 0) {
		damaged(&r, JOURNAL_EMPTY, 0, 0, "nothing was written");
		return;
	}
	for (size_t i = 0; i < n; i++)
		check_head(&r, &chunks[i]);
	while (headless < n && !journal_chunk_number(&chunks[headless]))
		count_lost(&r, &chunks[headless++], sizeof(struct chunk_head));
	if (headless < n)
		read_all(&r, chunks + headless, n - headless);
}
