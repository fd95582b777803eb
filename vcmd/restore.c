// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/arena.h"
#include "graph/graph.h"
#include "graph/restore.h"
#include "graph/space.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/journal-chunk.h"
#include "vcmd/journal.h"
#include "vcmd/machine.h"
#include "vcmd/restore-rows.h"
#include "vcmd/resume.h"
#include "vcmd/store.h"

/* The journal that was left: chunks, and the rows in them, which borrow from the chunks. */
struct left {
	struct store *store;
	struct chunk_list chunks;
	size_t n_chunks;
	struct fold fold;
	uint64_t lowest, highest; /* numbers of chunks that were written to; 0: none */
	uint64_t spare;           /* of the one that was not; 0: there is none */
	uint64_t foreign;         /* of what is there in place of a chunk, and is none; 0 */
};

/* How long whoever keeps files may take to let them go. */
#define FORGET_MS 5000
/* What they are called that are only memory of sessions, which no device reaches any more. */
static const char *const memory_files[] = { STORE_JOURNAL, STORE_ARENA };

/* --- the journal */

/* In the store the chunks stay, until there is a journal in their place. */
static void left_deinit(struct left *l)
{
	struct chunk *c;

	while ((c = TAILQ_FIRST(&l->chunks))) {
		TAILQ_REMOVE(&l->chunks, c, link);
		chunk_free(c, true);
	}
	fold_deinit(&l->fold);
}

static void forget_chunks(struct left *l)
{
	struct chunk *c;

	while ((c = TAILQ_FIRST(&l->chunks))) {
		TAILQ_REMOVE(&l->chunks, c, link);
		chunk_free(c, false);
	}
}

static void count_number(struct left *l, uint64_t number)
{
	l->lowest = !l->lowest || number < l->lowest ? number : l->lowest;
	l->highest = number > l->highest ? number : l->highest;
}

/* The one that was kept ready goes: the next journal counts on from what was written. */
static void add_chunk(struct left *l, struct chunk *c)
{
	if (journal_chunk_is_spare(&(struct journal_chunk){ c->at, c->len })) {
		l->spare = c->number > l->spare ? c->number : l->spare;
		chunk_free(c, false);
		return;
	}
	count_number(l, c->number);
	TAILQ_INSERT_TAIL(&l->chunks, c, link);
	l->n_chunks++;
}

/* What cannot be looked at for want of memory stays kept, for another attempt; what is no chunk is a loss. */
static int take_chunk(struct left *l, uint64_t number, struct reason *why)
{
	_cleanup_(fd_closep) int fd = store_take(l->store, STORE_JOURNAL, number);
	struct chunk *c;
	int r = chunk_adopt(l->store, number, fd, &c, why);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		log_error("restore: %s", why->text);
		count_number(l, number);
		l->foreign = number;
		store_remove(l->store, STORE_JOURNAL, number);
		return 0;
	}
	steal_fd(&fd);
	add_chunk(l, c);
	return 0;
}

static int take_chunks(struct left *l, struct reason *why)
{
	const char *name;
	int r = 0;

	while (r == 0 && (name = store_left(l->store, STORE_JOURNAL))) {
		uint64_t number = store_number(name, STORE_JOURNAL);

		if (number)
			r = take_chunk(l, number, why);
		else
			store_drop(l->store, name);
	}
	return r;
}

/* What the chunks themselves cannot tell, as they are not there: others have come that are never without them. */
static void miss_chunks(const struct left *l, struct journal_report *r)
{
	if (r->damage != JOURNAL_WHOLE && r->damage != JOURNAL_EMPTY)
		return;
	if (l->foreign) {
		r->damage = JOURNAL_MISSING;
		r->chunk = l->foreign;
		r->what = "what is there under the name of a chunk is none";
	} else if (l->spare > l->highest + 1) {
		r->damage = JOURNAL_MISSING;
		r->chunk = l->spare - 1;
		r->what = "the next chunk is there, and this one is not";
	} else if (!l->highest && store_left(l->store, STORE_ARENA)) {
		r->damage = JOURNAL_MISSING;
		r->chunk = 0;
		r->what = "there are arenas, and no journal";
	}
}

static int read_chunks(struct left *l, struct journal_report *out, struct reason *why)
{
	struct journal_chunk *all _cleanup_(mem_freep) =
		mem_zalloc_n(l->n_chunks + 1, sizeof(*all));
	const struct chunk *c;
	size_t n = 0;

	if (!all)
		return refuse(why, -ENOMEM, "no memory to read the journal");
	TAILQ_FOREACH(c, &l->chunks, link)
		all[n++] = (struct journal_chunk){ c->at, c->len };
	journal_read(all, n, fold_row, &l->fold, out);
	miss_chunks(l, out);
	if (fold_finish(&l->fold) < 0)
		return refuse(why, -ENOMEM, "no memory to read the journal");
	return 0;
}

static void say_damage(const struct journal_report *r)
{
	if (r->n_warnings)
		log_warning("restore: %u marks of the journal are damaged; nothing is lost by it",
			    r->n_warnings);
	if (r->damage == JOURNAL_WHOLE || r->damage == JOURNAL_EMPTY)
		return;
	log_error("restore: the journal is %s at byte %zu of chunk %" PRIu64 ": %s; the %" PRIu64
		  " records up to number %" PRIu64 " are whole",
		  journal_damage_name(r->damage), r->offset, r->chunk, r->what, r->n_records,
		  r->last);
	if (r->lost_records)
		log_error("restore: records %" PRIu64 " to %" PRIu64
			  " are lost, and what is behind them",
			  r->last + 1, r->last + r->lost_records);
	log_error("restore: what sessions have been told since is lost, at least %" PRIu64
		  " bytes of records: no memory is given out again of which more may be in use",
		  r->lost_bytes);
}

/* --- given up */

static size_t count_rows(const struct fold *f, enum row_kind kind)
{
	size_t n;

	fold_rows(f, kind, &n);
	return n;
}

static void say_sessions(const struct fold *f)
{
	size_t n;
	const struct row_head *const *rows = fold_rows(f, ROW_SESSION, &n);

	for (size_t i = 0; i < n; i++) {
		const struct row_session *s = row_body(rows[i], sizeof(*s));

		if (s)
			log_info("session %" PRIu64 " (%.*s, uid %u) is given up", rows[i]->session,
				 ROW_NAME_LEN, s->name, s->uid);
	}
}

static void say_given_up(const struct fold *f)
{
	size_t n_sessions = count_rows(f, ROW_SESSION), n_arenas = count_rows(f, ROW_ARENA), n = 0;

	for (enum row_kind kind = ROW_VCM; kind < N_ROW_KINDS; kind++)
		n += count_rows(f, kind);
	say_sessions(f);
	log_warning(
		"what an earlier broker has left is given up: %zu sessions with %zu objects in %zu arenas",
		n_sessions, n, n_arenas);
}

static void read_what_is_given_up(struct left *l)
{
	struct journal_report report = { 0 };
	struct reason why = { "" };
	int r = take_chunks(l, &why);

	if (r == 0)
		r = read_chunks(l, &report, &why);
	if (r < 0) {
		log_warning("what an earlier broker has left is given up, unread: %s", why.text);
		return;
	}
	if (report.damage != JOURNAL_EMPTY)
		say_given_up(&l->fold);
	if (report.damage != JOURNAL_EMPTY && report.damage != JOURNAL_WHOLE)
		log_warning("its journal is %s in chunk %" PRIu64 ": %s; there may have been more",
			    journal_damage_name(report.damage), report.chunk, report.what);
}

void restore_give_up(struct store *s)
{
	_cleanup_(left_deinit) struct left l = { .store = s, .fold = FOLD_NULL };
	int r;

	TAILQ_INIT(&l.chunks);
	if (!store_count(s))
		return;
	read_what_is_given_up(&l);
	r = store_forget(s, FORGET_MS);
	if (r < 0)
		log_error("the fd store may have it still, for the next broker to restore: %s",
			  strerror(-r));
	else
		log_notice("%d files are gone from the fd store", r);
	for (size_t i = 0; i < sizeof(memory_files) / sizeof(*memory_files); i++)
		store_drop(s, memory_files[i]);
}

/* --- the rest of the graph */

static struct restored_ids ids_of(const struct broker *b, const struct fold *f)
{
	const struct row_head *row = fold_find(f, ROW_IDS, 0, 0);
	const struct row_ids *was = row ? row_body(row, sizeof(*was)) : NULL;
	const struct graph *g = b->graph;
	struct restored_ids ids = { g->next_session, g->next_id, g->next_arena };

	if (!was)
		return ids;
	if (was->session > ids.session)
		ids.session = was->session;
	if (was->object > ids.object)
		ids.object = was->object;
	if (was->arena > ids.arena && was->arena <= UINT32_MAX)
		ids.arena = (uint32_t)was->arena;
	return ids;
}

/* Kept for its user, or, where that may keep no more, given back. */
static void on_empty(void *ctx, struct arena *a)
{
	struct broker *b = ctx;
	int r;

	if (range_len(a->range) <= ARENA_KEEP_LEN && a->user->n_sessions &&
	    a->user->cached_bytes + range_len(a->range) <= ARENA_CACHE_MAX) {
		arena_keep(a);
		return;
	}
	if (a->stored)
		store_remove(b->store, STORE_ARENA, a->stored);
	r = memory_arena_free(b->memory, a->id);
	machine_arena_ended(b->machine, a, r);
	if (r < 0)
		arena_quarantine(a);
	else
		restore_no_arena(a);
}

/* The next run of free pages from at on. */
static bool next_hole(const struct arena *a, uint64_t at, struct range *out)
{
	for (; at <= a->range.last; at += PAGE_LEN)
		if (space_is_free(a->space, (struct range){ at, at + (PAGE_LEN - 1) }))
			break;
	out->first = at;
	for (; at <= a->range.last; at += PAGE_LEN)
		if (!space_is_free(a->space, (struct range){ at, at + (PAGE_LEN - 1) }))
			break;
	out->last = at - 1;
	return out->first <= a->range.last;
}

static void zero_hole(struct broker *b, struct arena *a, struct range hole)
{
	if (memory_zero(b->memory, hole.first, range_len(hole)) == 0)
		return;
	log_error("restore: arena %u cannot be zeroed: it is quarantined", a->id);
	arena_quarantine(a);
}

/*
 * The last record may say that memory is free which its process did not come to zero: all that is free is zeroed then,
 * before anybody gets it.
 */
static void zero_free(struct broker *b, struct arena *a)
{
	struct range hole;
	uint64_t at = a->range.first;

	while (!a->quarantined && !a->sole && next_hole(a, at, &hole)) {
		zero_hole(b, a, hole);
		at = hole.last + 1;
	}
	if (!a->quarantined && a->sole && !a->used)
		zero_hole(b, a, a->range);
}

static void zero_all_free(struct restoring *r)
{
	for (size_t i = 0; i < r->n_arenas; i++)
		zero_free(r->broker, r->arenas[i]);
}

/* Also of those who have no session, but memory that others use: they come again. */
static void set_limits(struct broker *b)
{
	struct user *u;

	RB_FOREACH(u, user_tree, &b->graph->users)
		u->limits = client_limits_for(config_limits_of(b->config, u->uid), u->uid);
}

static void count_quarantined(struct broker *b)
{
	const struct pool *pool;

	b->n_quarantined = 0;
	TAILQ_FOREACH(pool, &b->graph->pools, link)
		b->n_quarantined += pool->quarantined;
}

static int rebuild(struct broker *b, struct left *l, struct restore_report *out, struct reason *why)
{
	struct restoring r = { .broker = b, .fold = &l->fold, .report = out, .why = why };
	struct restored_ids ids = ids_of(b, &l->fold);
	int ret;

	r.suspect = out->journal.damage != JOURNAL_WHOLE && out->journal.damage != JOURNAL_EMPTY;
	ret = restore_rows(&r);
	/* Memory that a device could still reach is not free. */
	if (ret == 0)
		ret = machine_settle(b->machine, why);
	if (ret == 0 && out->journal.retired != out->journal.last)
		zero_all_free(&r);
	if (ret == 0)
		restore_end(b->graph, &ids, r.suspect, on_empty, b);
	mem_free(r.arenas);
	mem_free(r.roots);
	set_limits(b);
	count_quarantined(b);
	return ret;
}

static int new_journal(struct broker *b, const struct left *l, const struct restore_report *report,
		       struct reason *why)
{
	struct journal_start start = { .chunk = l->highest + 1,
				       .sequence = report->journal.last + 1,
				       .base = l->lowest ? l->lowest : 1 };

	b->journal = journal_new(b, b->store, &start, why);
	return b->journal ? 0 : -ENOMEM;
}

static void say(const struct restore_report *r)
{
	if (r->journal.damage == JOURNAL_EMPTY && !r->n_closed)
		return;
	log_notice("restored %" PRIu64 " sessions, %" PRIu64 " rows and %" PRIu64
		   " arenas of %" PRIu64 " bytes in %" PRIu64 " us; %" PRIu64 " rows are lost",
		   r->n_sessions, r->n_objects, r->n_arenas, r->arena_bytes, r->ns / 1000,
		   r->n_lost);
	if (r->n_closed)
		log_warning("restore: %" PRIu64 " fds of the store belong to nothing: closed",
			    r->n_closed);
}

/* Before the new journal is written, which says it too: this one may end before the client comes. */
static void mark_incomplete(struct broker *b)
{
	struct client *c;

	TAILQ_FOREACH(c, &b->clients, entry)
		c->incomplete = true;
}

static void await_all(struct broker *b)
{
	struct client *c;

	TAILQ_FOREACH(c, &b->clients, entry)
		resume_wait(c);
}

static bool is_damaged(const struct journal_report *r)
{
	return r->damage != JOURNAL_WHOLE && r->damage != JOURNAL_EMPTY;
}

int restore(struct broker *b, struct restore_report *out, struct reason *why)
{
	_cleanup_(left_deinit) struct left l = { .store = b->store, .fold = FOLD_NULL };
	uint64_t start = clock_now_ns();
	int r;

	*out = (struct restore_report){ 0 };
	TAILQ_INIT(&l.chunks);
	b->last_stored = store_highest(b->store, STORE_ARENA);
	r = take_chunks(&l, why);
	if (r == 0)
		r = read_chunks(&l, &out->journal, why);
	if (r < 0)
		return r;
	out->n_chunks = l.n_chunks;
	say_damage(&out->journal);
	r = rebuild(b, &l, out, why);
	if (is_damaged(&out->journal))
		mark_incomplete(b);
	if (r == 0)
		r = new_journal(b, &l, out, why);
	if (r < 0)
		return r;
	forget_chunks(&l);
	out->n_closed = store_drop(b->store, STORE_ARENA);
	await_all(b);
	out->ns = clock_now_ns() - start;
	say(out);
	return 0;
}
