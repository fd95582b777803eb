// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/journal.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/range.h"
#include "graph/graph.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/journal-chunk.h"
#include "vcmd/journal-compact.h"
#include "vcmd/journal-rows.h"
#include "vcmd/loop.h"
#include "vcmd/replies.h"
#include "vcmd/store.h"

#define CHUNK_LEN SZ_1M
#define CHUNK_LEN_MAX (4 * SZ_16M)
/* How long a record may wait for a keeper that is slow to say that it has the chunk. */
#define SYNC_MS 5000
/* Numbers that one row of ids sets aside. */
#define IDS_AHEAD 4096
/* The journal is compacted when it is longer than this, and than twice what it was after the last time. */
#define COMPACT_MIN (2 * SZ_1M)
#define COMPACT_ROWS 64       /* a step in an idle moment */
#define COMPACT_ROWS_FORCED 4 /* with each record, when idle moments do not suffice */

struct journal {
	struct broker *broker;
	struct store *store;
	struct chunk_list chunks; /* oldest first; the last one is written to */
	struct writer writer;
	struct chunk *spare; /* the next one, made ahead of need */
	struct store_barrier *barrier;
	bool spare_is_safe;
	struct row_ids ids;
	uint64_t ids_chunk; /* where their row is */
	struct loop_idle *idle;
	struct walk walk;
	bool compacting;
	bool has_consequences; /* the last plan: they are not through */
	uint64_t compact_base; /* the chunk that it began with */
	size_t base_bytes;     /* that were live when the last compaction was done */
	size_t bytes;          /* of records since the base */
	size_t compact_bytes;  /* of records since it began */
	struct journal_stats stats;
};

/* --- chunks */

static size_t chunk_len_for(const struct journal *j, size_t need)
{
	size_t len = CHUNK_LEN;

	while (len < CHUNK_LEN_MAX && len < j->stats.chunk_bytes / 8)
		len *= 2;
	while (len < need)
		len *= 2;
	return len;
}

static void on_spare_safe(void *ctx)
{
	struct journal *j = ctx;

	j->spare_is_safe = true;
	j->barrier = store_barrier_free(j->barrier);
}

static struct chunk *drop_spare(struct journal *j)
{
	j->barrier = store_barrier_free(j->barrier);
	j->spare = chunk_free(j->spare, false);
	return NULL;
}

/* Ahead of need: then a record waits neither for its pages nor for the barrier. */
static void make_spare(struct journal *j)
{
	struct reason why = { "" };
	int err;

	if (j->spare)
		return;
	j->spare = chunk_new(j->store, j->writer.number + 1, chunk_len_for(j, 0), &why);
	if (!j->spare)
		return; /* it is tried again when it is needed */
	j->barrier = store_barrier_start(j->store, on_spare_safe, j, &err);
	j->spare_is_safe = !j->barrier && err == 0;
}

/* The next chunk, of so many bytes at least, safe in the store. */
static struct chunk *take_chunk(struct journal *j, size_t need, struct reason *why)
{
	uint64_t number = TAILQ_EMPTY(&j->chunks) ? j->writer.number : j->writer.number + 1;
	struct chunk *c = j->spare;
	bool safe = j->spare_is_safe;

	if (c && c->len < need)
		c = drop_spare(j);
	j->spare = NULL;
	j->barrier = store_barrier_free(j->barrier);
	if (!c) {
		c = chunk_new(j->store, number, chunk_len_for(j, need), why);
		safe = false;
	}
	if (!c || safe)
		return c;
	if (store_sync(j->store, SYNC_MS) < 0) {
		refuse(why, 0, "the fd store does not answer: the journal cannot grow");
		return chunk_free(c, false);
	}
	return c;
}

static void start_compaction(struct journal *j)
{
	size_t limit = 2 * j->base_bytes > COMPACT_MIN ? 2 * j->base_bytes : COMPACT_MIN;

	if (j->compacting || j->bytes < limit)
		return;
	j->compacting = true;
	j->walk = WALK_START;
	j->compact_base = j->writer.number;
	j->compact_bytes = 0;
}

static int next_chunk(struct journal *j, size_t need, struct reason *why)
{
	struct chunk *c = take_chunk(j, need, why);
	struct writer before = j->writer;

	if (!c)
		return -ENOMEM;
	writer_init(&j->writer, &before, c->at, c->len);
	writer_close(&before);
	assert(j->writer.number == c->number);
	TAILQ_INSERT_TAIL(&j->chunks, c, link);
	j->stats.n_chunks++;
	j->stats.chunk_bytes += c->len;
	start_compaction(j);
	loop_idle_kick(j->idle);
	return 0;
}

static void drop_chunks_before(struct journal *j, uint64_t number)
{
	struct chunk *c;

	while ((c = TAILQ_FIRST(&j->chunks)) && c->number < number) {
		TAILQ_REMOVE(&j->chunks, c, link);
		j->stats.n_chunks--;
		j->stats.chunk_bytes -= c->len;
		chunk_free(c, false);
	}
}

/* --- records */

typedef void (*fill_fn)(struct journal *j, const void *what);

/* One record of the rows that fill() writes: it may be called twice. */
static int record(struct journal *j, fill_fn fill, const void *what, struct reason *why)
{
	int r = 0;

	for (;;) {
		writer_begin(&j->writer);
		fill(j, what);
		if (writer_is_empty(&j->writer))
			return 0;
		if (writer_fits(&j->writer))
			break;
		r = next_chunk(j, writer_need(&j->writer), why);
		if (r < 0)
			return r;
	}
	j->bytes += j->writer.next - j->writer.end;
	j->compact_bytes += j->writer.next - j->writer.end;
	j->stats.bytes += j->writer.next - j->writer.end;
	j->stats.n_records++;
	writer_end(&j->writer);
	if (!j->has_consequences)
		writer_retired(&j->writer);
	return 0;
}

static void fill_ids(struct journal *j, const void *what)
{
	struct row_ids *row = writer_row(&j->writer, ROW_IDS, 0, 0, sizeof(*row));

	if (row)
		*row = *(const struct row_ids *)what;
}

/* The row of ids says what is set aside, so that it is written rarely. */
static int set_ids_aside(struct journal *j, bool always, struct reason *why)
{
	const struct graph *g = j->broker->graph;
	struct row_ids ids;
	int r;

	if (!always && g->next_session <= j->ids.session && g->next_id <= j->ids.object &&
	    g->next_arena <= j->ids.arena)
		return 0;
	ids = (struct row_ids){ g->next_session + IDS_AHEAD, g->next_id + IDS_AHEAD,
				(uint64_t)g->next_arena + IDS_AHEAD };
	r = record(j, fill_ids, &ids, why);
	if (r == 0) {
		j->ids = ids;
		j->ids_chunk = j->writer.number;
	}
	return r;
}

/* --- compaction */

static void fill_walk(struct journal *j, const void *what)
{
	struct walk *walk = &j->walk, before = j->walk;

	walk_step(walk, j->broker, &j->writer, *(const size_t *)what);
	if (!writer_fits(&j->writer))
		*walk = before; /* it comes again, in another chunk */
}

static void finish_compaction(struct journal *j)
{
	j->compacting = false;
	writer_set_base(&j->writer, j->compact_base);
	drop_chunks_before(j, j->compact_base);
	j->bytes = j->base_bytes = j->compact_bytes;
	j->stats.n_compactions++;
}

static int compact_step(struct journal *j, size_t n, struct reason *why)
{
	/* What is set aside must not go with the chunks before. */
	int r = j->ids_chunk < j->compact_base ? set_ids_aside(j, true, why) : 0;

	if (r == 0)
		r = record(j, fill_walk, &n, why);
	if (r == 0 && j->walk.phase == WALK_DONE)
		finish_compaction(j);
	return r;
}

/* A chunk first: without one the next record waits. Its pages last: without them it is only slower. */
static bool on_idle(void *ctx)
{
	struct journal *j = ctx;
	struct reason why = { "" };

	if (!j->spare)
		make_spare(j);
	if (j->compacting)
		return compact_step(j, COMPACT_ROWS, &why) == 0;
	return j->spare && chunk_fill_step(j->spare);
}

/* Whoever writes pays, when there are no idle moments: the journal stays within a multiple of what is live. */
static void keep_up(struct journal *j)
{
	struct reason why = { "" };

	if (j->compacting && j->compact_bytes > j->bytes / 2)
		compact_step(j, COMPACT_ROWS_FORCED, &why);
}

static int compact_now(struct journal *j, struct reason *why)
{
	int r;

	j->compacting = true;
	j->walk = WALK_START;
	j->compact_base = j->writer.number;
	j->compact_bytes = 0;
	r = set_ids_aside(j, true, why);
	while (r == 0 && j->compacting)
		r = compact_step(j, COMPACT_ROWS, why);
	return r;
}

/* --- what is written */

struct plan_record {
	const struct plan *plan;
	const struct served *served;
};

static void fill_plan(struct journal *j, const void *what)
{
	const struct plan_record *p = what;
	const struct served *s = p->served;

	rows_of_plan(&j->writer, p->plan);
	if (s && s->keep == REPLIES_KEEP_NONE)
		rows_put_last(&j->writer, s->client, s->serial);
	else if (s)
		rows_put_reply(&j->writer, s->client,
			       &(struct reply_kept){ s->serial, s->values, s->n_values });
}

static int make_room(const struct served *s, struct reason *why)
{
	switch (replies_want(&s->client->replies, s->n_values, s->keep)) {
	case 0:
		return 0;
	case -EAGAIN:
		return refuse(
			why, -EAGAIN,
			"%d words of answers wait to be seen: nothing more is done once before that",
			REPLIES_MAX_WORDS);
	default:
		return refuse(why, -ENOMEM, "the broker is out of memory");
	}
}

int journal_plan(struct journal *j, const struct plan *p, const struct served *served,
		 struct reason *why)
{
	struct plan_record what = { p, served };
	int r;

	if (!j || !p->n_changes)
		return 0;
	r = served ? make_room(served, why) : 0;
	if (r < 0)
		return r;
	r = set_ids_aside(j, false, why);
	j->has_consequences = r == 0;
	if (r == 0)
		r = record(j, fill_plan, &what, why);
	if (r < 0) {
		j->has_consequences = false;
		return r;
	}
	if (served && served->keep != REPLIES_KEEP_NONE)
		replies_add(&served->client->replies, served->serial, served->values,
			    served->n_values);
	if (served)
		served->client->last_changed = served->serial;
	keep_up(j);
	return 0;
}

void journal_retired(struct journal *j)
{
	if (!j)
		return;
	j->has_consequences = false;
	writer_retired(&j->writer);
}

static void fill_session(struct journal *j, const void *what)
{
	rows_put_session(&j->writer, what);
}

int journal_session(struct journal *j, const struct client *c, struct reason *why)
{
	int r = j ? set_ids_aside(j, false, why) : 0;

	return !j || r < 0 ? r : record(j, fill_session, c, why);
}

static void fill_session_gone(struct journal *j, const void *what)
{
	writer_gone(&j->writer, ROW_SESSION, *(const uint64_t *)what, 0);
	writer_gone(&j->writer, ROW_REPLY, *(const uint64_t *)what, 0);
}

void journal_session_gone(struct journal *j, uint64_t session)
{
	struct reason why = { "" };

	if (j && record(j, fill_session_gone, &session, &why) < 0)
		log_warning("journal: the end of session %llu is not written: %s",
			    (unsigned long long)session, why.text);
}

struct hook_record {
	const struct client *client;
	const struct device *device;
	bool set;
};

static void fill_hook(struct journal *j, const void *what)
{
	const struct hook_record *h = what;

	rows_put_hook(&j->writer, h->client, h->device, h->set);
}

int journal_hook(struct journal *j, const struct client *c, uint32_t device, bool set,
		 struct reason *why)
{
	struct hook_record what = { c, j ? device_by_number(j->broker->graph, device) : NULL, set };

	return what.device ? record(j, fill_hook, &what, why) : 0;
}

static void fill_arena(struct journal *j, const void *what)
{
	rows_put_arena(&j->writer, what);
}

void journal_arena(struct journal *j, const struct arena *a)
{
	struct reason why = { "" };

	if (j && record(j, fill_arena, a, &why) < 0)
		log_error("journal: what happened to arena %u is not written: %s", a->id, why.text);
}

/* --- life */

static int start_at(struct journal *j, const struct journal_start *start, struct reason *why)
{
	struct writer before = { .number = start->chunk - 1,
				 .sequence = start->sequence,
				 .base = start->base };
	struct chunk *c;

	j->writer.number = start->chunk;
	c = take_chunk(j, 0, why);
	if (!c)
		return -ENOMEM;
	writer_init(&j->writer, &before, c->at, c->len);
	TAILQ_INSERT_TAIL(&j->chunks, c, link);
	j->stats.n_chunks = 1;
	j->stats.chunk_bytes = c->len;
	return compact_now(j, why);
}

CLEANUP_DEFINE(struct journal *, journal_free)

struct journal *journal_new(struct broker *b, struct store *store,
			    const struct journal_start *start, struct reason *why)
{
	_cleanup_(journal_freep) struct journal *j = mem_new0(struct journal);

	refuse(why, 0, "no memory for the journal");
	if (!j)
		return NULL;
	j->broker = b;
	j->store = store;
	TAILQ_INIT(&j->chunks);
	j->idle = loop_idle_new(b->loop, on_idle, j);
	if (!j->idle || start_at(j, start, why) < 0)
		return NULL;
	loop_idle_kick(j->idle);
	return STEAL_PTR(j);
}

struct journal *journal_free(struct journal *j)
{
	struct chunk *c;

	if (!j)
		return NULL;
	store_barrier_free(j->barrier);
	chunk_free(j->spare, false);
	while ((c = TAILQ_FIRST(&j->chunks))) {
		TAILQ_REMOVE(&j->chunks, c, link);
		chunk_free(c, true);
	}
	loop_idle_free(j->idle);
	return mem_free(j);
}

struct journal_chunk *journal_chunks(const struct journal *j, size_t *out_n)
{
	struct journal_chunk *all = mem_zalloc_n(j->stats.n_chunks + 1, sizeof(*all));
	const struct chunk *c;
	size_t n = 0;

	*out_n = 0;
	if (!all)
		return NULL;
	TAILQ_FOREACH(c, &j->chunks, link)
		all[n++] = (struct journal_chunk){ c->at, c->len };
	*out_n = n;
	return all;
}

void journal_get_stats(const struct journal *j, struct journal_stats *out)
{
	*out = j ? j->stats : (struct journal_stats){ 0 };
}
