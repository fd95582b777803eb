// SPDX-License-Identifier: BSD-3-Clause
/* The journal of the running broker, verified and shown: which rows there are, not what is in them (tokens are). */
#include <errno.h>
#include <inttypes.h>
#include <vcm/manage.h>

#include "base/mem.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/journal.h"
#include "vcmd/ops.h"

/* A row is at most some 100 bytes. */
#define PAGE_ROWS 200
#define ROW_LEN 160

/*
 * Where a page begins, for whoever asks for it: so that nothing before it is read again, and nobody is remembered. It grows, until
 * 16 million chunks have been written. A chunk that has gone meanwhile was compacted: what was live in it is in a later one.
 *
 *	63     40 39         14 13      0
 *	[ chunk ][ offset / 8  ][ pages ]	of a record that is longer than one
 */
#define PAGES_BITS 14
#define OFFSET_BITS 26
#define CHUNK_MASK UINT64_C(0xffffff)

struct place {
	uint64_t chunk;
	size_t at;
	uint64_t pages;
};

/* A page under way. */
struct page {
	struct answer *answer;
	size_t room;
	uint64_t skip, n; /* rows of this record: that were given before, and that have come by */
	bool is_full;     /* this record has more */
};

static uint64_t cursor_of(const struct place *p)
{
	return (p->chunk & CHUNK_MASK) << (OFFSET_BITS + PAGES_BITS) |
	       (uint64_t)(p->at / JOURNAL_ALIGN) << PAGES_BITS | p->pages;
}

static bool fits(const struct place *p)
{
	return p->at / JOURNAL_ALIGN < UINT64_C(1) << OFFSET_BITS &&
	       p->pages < UINT64_C(1) << PAGES_BITS;
}

/* Numbers of chunks that are there differ by less than the mask. */
static struct place place_of(uint64_t cursor, uint64_t first)
{
	uint64_t behind = ((cursor >> (OFFSET_BITS + PAGES_BITS)) - first) & CHUNK_MASK;

	if (behind > CHUNK_MASK / 2 || !cursor)
		return (struct place){ .chunk = first };
	return (struct place){ first + behind,
			       (size_t)(cursor >> PAGES_BITS & ((UINT64_C(1) << OFFSET_BITS) - 1)) *
				       JOURNAL_ALIGN,
			       cursor & ((UINT64_C(1) << PAGES_BITS) - 1) };
}

static void take_row(void *ctx, uint64_t sequence, const struct row_head *head)
{
	struct page *p = ctx;
	struct row *row;

	if (p->n++ < p->skip)
		return;
	if (p->answer->n_rows >= p->room) {
		p->is_full = true;
		return;
	}
	row = &p->answer->rows[p->answer->n_rows++];
	*row = (struct row){ .n_n = VCM_JOURNAL_ROW_N,
			     .n_s = 1,
			     .s = { row_kind_name(head->kind) } };
	row->n[VCM_JOURNAL_ROW_SEQUENCE] = sequence;
	row->n[VCM_JOURNAL_ROW_KIND] = head->kind;
	row->n[VCM_JOURNAL_ROW_IS_GONE] = head->flags & ROW_GONE;
	row->n[VCM_JOURNAL_ROW_SESSION] = head->session;
	row->n[VCM_JOURNAL_ROW_KEY] = head->key;
	row->n[VCM_JOURNAL_ROW_LEN] = head->len;
}

/* One record more. False: the page ends, at *at. */
static bool put_record(struct page *p, const struct journal_chunk *c, struct place *at)
{
	size_t before = p->answer->n_rows;
	long next;

	p->skip = at->pages * p->room;
	p->n = 0;
	p->is_full = false;
	next = journal_read_record(c, at->at, take_row, p);
	if (next < 0) {
		at->chunk = 0;
		return false;
	}
	if (p->is_full && before) { /* it begins the next one */
		p->answer->n_rows = before;
		return false;
	}
	if (p->is_full) {
		at->pages++;
		return false;
	}
	*at = next ? (struct place){ at->chunk, (size_t)next, 0 } :
		     (struct place){ .chunk = at->chunk + 1 };
	return true;
}

/* Of chunks in order. The cursor of the next page; 0: there is none. */
static uint64_t put_page(struct page *p, const struct journal_chunk *chunks, size_t n,
			 uint64_t cursor)
{
	uint64_t first = n ? journal_chunk_number(&chunks[0]) : 0;
	struct place at = place_of(cursor, first);

	while (at.chunk && at.chunk - first < n && put_record(p, &chunks[at.chunk - first], &at))
		;
	return at.chunk && at.chunk - first < n && fits(&at) ? cursor_of(&at) : 0;
}

static void put_report(struct answer *a, const struct journal_report *r,
		       const struct journal_stats *stats)
{
	struct row *row = &a->rows[a->n_rows++];

	*row = (struct row){ .n_n = VCM_JOURNAL_N,
			     .n_s = 2,
			     .s = { journal_damage_name(r->damage), r->what } };
	row->n[VCM_JOURNAL_IS_DAMAGED] = r->damage != JOURNAL_WHOLE && r->damage != JOURNAL_EMPTY;
	row->n[VCM_JOURNAL_CHUNK] = r->chunk;
	row->n[VCM_JOURNAL_OFFSET] = r->offset;
	row->n[VCM_JOURNAL_RECORDS] = r->n_records;
	row->n[VCM_JOURNAL_ROWS] = r->n_rows;
	row->n[VCM_JOURNAL_LAST] = r->last;
	row->n[VCM_JOURNAL_RETIRED] = r->retired;
	row->n[VCM_JOURNAL_LOST_BYTES] = r->lost_bytes;
	row->n[VCM_JOURNAL_LOST_RECORDS] = r->lost_records;
	row->n[VCM_JOURNAL_WARNINGS] = r->n_warnings;
	row->n[VCM_JOURNAL_CHUNKS] = stats->n_chunks;
	row->n[VCM_JOURNAL_BYTES] = stats->chunk_bytes;
}

static size_t page_room(const struct call *c)
{
	size_t n = c->client->max_message / ROW_LEN;

	return n < 2 ? 2 : n < PAGE_ROWS ? n : PAGE_ROWS;
}

int op_journal(struct call *c, const struct op *op)
{
	struct journal_chunk *chunks _cleanup_(mem_freep) = NULL;
	struct page p = { .answer = c->answer, .room = page_room(c) };
	struct journal_report report;
	struct journal_stats stats;
	size_t n;

	if (!c->broker->journal)
		return refuse(c->why, -ENOENT, "this broker keeps no journal: nothing outlives it");
	chunks = journal_chunks(c->broker->journal, &n);
	if (!chunks)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	if (op->arg) {
		call_value(c, put_page(&p, chunks, n, op->addr));
		return 0;
	}
	journal_get_stats(c->broker->journal, &stats);
	journal_read(chunks, n, NULL, NULL, &report);
	put_report(c->answer, &report, &stats);
	call_value(c, 0);
	return 0;
}
