// SPDX-License-Identifier: BSD-3-Clause
/* The journal of the running broker, verified and shown: which rows there are, not what is in them (tokens are). */
#include <errno.h>
#include <inttypes.h>
#include <vcm/manage.h>

#include "base/mem.h"
#include "journal/reader.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/journal.h"
#include "vcmd/ops.h"

/* A row is at most some 100 bytes. */
#define PAGE_ROWS 200
#define ROW_LEN 160

/* A page under way: rows from `first` on. */
struct page {
	struct answer *answer;
	uint64_t first, n; /* n: rows that have come by */
	size_t room;
};

static void take_row(void *ctx, uint64_t sequence, const struct row_head *head)
{
	struct page *p = ctx;
	struct row *row;

	if (p->n++ < p->first || p->answer->n_rows >= p->room)
		return;
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
	struct page p = { .answer = c->answer, .first = op->addr, .room = page_room(c) };
	struct journal_report report;
	struct journal_stats stats;
	size_t n;

	if (!c->broker->journal)
		return refuse(c->why, -ENOENT, "this broker keeps no journal: nothing outlives it");
	chunks = journal_chunks(c->broker->journal, &n);
	if (!chunks)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	journal_get_stats(c->broker->journal, &stats);
	journal_read(chunks, n, op->arg ? take_row : NULL, &p, &report);
	if (!op->arg)
		put_report(c->answer, &report, &stats);
	call_value(c,
		   op->arg && p.first + c->answer->n_rows < p.n ? p.first + c->answer->n_rows : 0);
	return 0;
}
