// SPDX-License-Identifier: BSD-3-Clause
#include "journal/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define SLOTS_MIN 1024

static void free_slots(struct fold *f)
{
	for (size_t i = 0; i < f->n_slots; i++)
		mem_free(f->slots[i].older);
	f->slots = mem_free(f->slots);
	f->n_slots = 0;
}

void fold_deinit(struct fold *f)
{
	free_slots(f);
	mem_free(f->rows);
	*f = FOLD_NULL;
}

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

static int compare(const struct row_head *a, const struct row_head *b)
{
	int c = CMP(a->kind, b->kind);

	if (!c)
		c = CMP(a->session, b->session);
	return c ? c : CMP(a->key, b->key);
}

/* All replies of a session have one slot. */
static uint64_t slot_key(const struct row_head *row)
{
	return row->kind == ROW_REPLY ? 0 : row->key;
}

static bool share_slot(const struct row_head *a, const struct row_head *b)
{
	return a->kind == b->kind && a->session == b->session && slot_key(a) == slot_key(b);
}

static uint64_t mix(uint64_t h, uint64_t multiplier)
{
	h *= multiplier | 1;
	h ^= h >> 32;
	h *= multiplier >> 17 | UINT64_C(0x8000000000000001);
	return h ^ h >> 29;
}

static uint64_t hash(const struct fold *f, const struct row_head *row)
{
	uint64_t h = mix(slot_key(row) ^ f->secret[0], f->secret[1]);

	return mix(h ^ row->session ^ (uint64_t)row->kind << 56, f->secret[2]);
}

/* The slot of the row's key, or the free one where it belongs. */
static struct fold_slot *slot_of(const struct fold *f, const struct row_head *row)
{
	size_t mask = f->n_slots - 1, i = hash(f, row) & mask;

	while (f->slots[i].row && !share_slot(f->slots[i].row, row))
		i = (i + 1) & mask;
	return &f->slots[i];
}

static int grow(struct fold *f)
{
	struct fold bigger = { .n_slots = f->n_slots ? 2 * f->n_slots : SLOTS_MIN };

	/* Without random numbers, which a kernel always has, it is only as slow as somebody makes it. */
	if (!f->n_slots && getrandom(f->secret, sizeof(f->secret), GRND_NONBLOCK) < 0)
		f->secret[0] = 0;
	memcpy(bigger.secret, f->secret, sizeof(f->secret));
	bigger.slots = mem_zalloc_n(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].row)
			*slot_of(&bigger, f->slots[i].row) = f->slots[i];
	mem_free(f->slots);
	f->slots = bigger.slots;
	f->n_slots = bigger.n_slots;
	return 0;
}

static struct fold_replies *push(struct fold_replies *all)
{
	size_t n = all ? all->n : 0, cap = all ? all->cap : 0;

	if (n < cap)
		return all;
	cap = cap ? 2 * cap : 4;
	all = mem_realloc_n(all, 1, sizeof(*all) + cap * sizeof(struct row_head *));
	if (all) {
		all->n = n;
		all->cap = cap;
	}
	return all;
}

/* In its place by serial, unless it is there: a compaction writes replies again. */
static void add_older(struct fold *f, struct fold_slot *slot, const struct row_head *row)
{
	struct fold_replies *all = push(slot->older);
	size_t i;

	if (!all) {
		f->failed = true;
		return;
	}
	slot->older = all;
	for (i = all->n; i > 0 && all->rows[i - 1]->key >= row->key; i--)
		if (all->rows[i - 1]->key == row->key)
			return;
	memmove(all->rows + i + 1, all->rows + i, (all->n - i) * sizeof(struct row_head *));
	all->rows[i] = row;
	all->n++;
	f->n_older++;
}

/* Acknowledgements only grow. */
static void drop_seen(struct fold *f, struct fold_replies *all, uint64_t ack)
{
	size_t n = 0;

	while (n < all->n && all->rows[n]->key <= ack)
		n++;
	if (n == 0)
		return;
	memmove(all->rows, all->rows + n, (all->n - n) * sizeof(struct row_head *));
	all->n -= n;
	f->n_older -= n;
}

static uint64_t ack_of(const struct row_head *row)
{
	const struct row_reply *reply = row_body(row, sizeof(*reply));

	return reply ? reply->ack : UINT64_MAX;
}

/* The last one is the slot's; those before it are kept while the client may not have seen them. */
static void add_reply(struct fold *f, struct fold_slot *slot, const struct row_head *row)
{
	const struct row_head *before = slot->row;
	uint64_t ack = ack_of(row) > ack_of(before) ? ack_of(row) : ack_of(before);

	if (slot->older)
		drop_seen(f, slot->older, ack);
	if (row->key >= before->key)
		slot->row = row;
	else
		before = row;
	if (before->key > ack && before->key != slot->row->key && !(before->flags & ROW_OVER))
		add_older(f, slot, before);
}

void fold_row(void *ctx, uint64_t sequence _unused_, const struct row_head *row)
{
	struct fold *f = ctx;
	struct fold_slot *slot;

	if (row->kind >= N_ROW_KINDS) {
		f->n_unknown++;
		return;
	}
	if (2 * f->n_used >= f->n_slots && grow(f) < 0)
		f->failed = true;
	if (f->failed)
		return;
	slot = slot_of(f, row);
	if (slot->row && row->kind == ROW_REPLY) {
		add_reply(f, slot, row);
		return;
	}
	f->n_used += !slot->row;
	slot->row = row;
}

static int by_key(const void *a, const void *b)
{
	return compare(*(const struct row_head *const *)a, *(const struct row_head *const *)b);
}

const struct row_head *const *fold_rows(const struct fold *f, enum row_kind kind, size_t *out_n)
{
	*out_n = f->first[kind + 1] - f->first[kind];
	return f->rows + f->first[kind];
}

const struct row_head *fold_find(const struct fold *f, enum row_kind kind, uint64_t session,
				 uint64_t key)
{
	struct row_head probe = { .kind = (uint16_t)kind, .session = session, .key = key };
	const struct row_head *p = &probe;
	const struct row_head *const *found;
	size_t n;
	const struct row_head *const *rows = fold_rows(f, kind, &n);

	found = n ? bsearch(&p, rows, n, sizeof(struct row_head *), by_key) : NULL;
	return found ? *found : NULL;
}

static void index_kinds(struct fold *f)
{
	size_t i = 0;

	for (size_t kind = 0; kind <= N_ROW_KINDS; kind++) {
		while (i < f->n_rows && f->rows[i]->kind < kind)
			i++;
		f->first[kind] = i;
	}
}

static void collect(struct fold *f, const struct fold_slot *slot)
{
	const struct fold_replies *older = slot->older;

	if (!slot->row || (slot->row->flags & ROW_GONE))
		return;
	for (size_t i = 0; older && i < older->n; i++)
		f->rows[f->n_rows++] = older->rows[i];
	f->rows[f->n_rows++] = slot->row;
}

/* A session that is no more leaves its replies behind. */
static void drop_orphans(struct fold *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n_rows; i++)
		if (f->rows[i]->kind != ROW_REPLY ||
		    fold_find(f, ROW_SESSION, f->rows[i]->session, 0))
			f->rows[kept++] = f->rows[i];
	f->n_rows = kept;
	index_kinds(f);
}

int fold_finish(struct fold *f)
{
	size_t n = f->n_used + f->n_older;

	f->rows = f->failed ? NULL : mem_zalloc_n(n + 1, sizeof(struct row_head *));
	if (!f->rows)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_slots; i++)
		collect(f, &f->slots[i]);
	free_slots(f);
	qsort(f->rows, f->n_rows, sizeof(struct row_head *), by_key);
	index_kinds(f);
	drop_orphans(f);
	return 0;
}
