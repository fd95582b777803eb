// SPDX-License-Identifier: BSD-3-Clause
#include "memory/tables.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "memory/zero.h"

#define CHUNK_LEN TABLE_LEN_MAX
#define CHUNK_ORDER (TABLE_ORDERS - 1)
#define IDLE_MAX 4 /* free chunks that keep their pages, for a table that comes and goes */

/* The 1K blocks that a block of an order may start at. */
static const uint64_t starts[TABLE_ORDERS] = {
	UINT64_MAX,         0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
	0x0001000100010001, 0x0000000100000001, 0x0000000000000001,
};

/* Where blocks of the order are free. */
static uint64_t free_starts(uint64_t used, unsigned int order)
{
	uint64_t idle = ~used;

	for (unsigned int i = 0; i < order; i++)
		idle &= idle >> (1U << i);
	return idle & starts[order];
}

/* The largest order with a free block, or -1 when it is full. */
static int free_order(uint64_t used)
{
	int order = CHUNK_ORDER;

	while (order >= 0 && free_starts(used, (unsigned int)order) == 0)
		order--;
	return order;
}

/* The 1K block to take for the order: out of the smallest free buddy that holds it. */
static unsigned int best_start(uint64_t used, unsigned int order)
{
	uint64_t at = free_starts(used, order), whole = 0;

	assert(at);
	for (unsigned int o = order; o < CHUNK_ORDER; o++) {
		uint64_t larger = free_starts(used, o + 1);

		whole = at & ~(larger | larger << (1U << o));
		if (whole)
			return (unsigned int)__builtin_ctzll(whole);
		at = larger;
	}
	return (unsigned int)__builtin_ctzll(at);
}

static uint64_t block_mask(unsigned int start, unsigned int order)
{
	unsigned int n = 1U << order;

	return (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << start;
}

static unsigned int order_of(uint64_t len)
{
	assert(len >= TABLE_LEN_MIN && len <= TABLE_LEN_MAX && (len & (len - 1)) == 0);
	return (unsigned int)__builtin_ctzll(len / TABLE_LEN_MIN);
}

/* Whole chunks of the window, at addresses that are multiples of their length. */
static void place_chunks(struct tables *t)
{
	uint64_t len = range_len(t->pa), first;

	if (!align_up(t->pa.first, CHUNK_LEN, &first) || first - t->pa.first >= len)
		return;
	t->first = first;
	t->n_chunks = (len - (first - t->pa.first)) / CHUNK_LEN;
}

static int make_chunks(struct tables *t)
{
	place_chunks(t);
	t->chunks = mem_zalloc_n(t->n_chunks + 1, sizeof(*t->chunks));
	if (t->chunks)
		return 0;
	tables_deinit(t);
	return -ENOMEM;
}

static void zero(const struct tables *t, uint64_t pa, uint64_t len)
{
	uint8_t *at = t->at + (pa - t->pa.first);

	if (t->strict)
		zero_words(at, len);
	else
		memset(at, 0, len);
}

int tables_init_at(struct tables *t, struct range pa, uint8_t *at, bool strict)
{
	*t = (struct tables){ .pa = pa, .at = at, .strict = strict };
	return make_chunks(t);
}

int tables_init(struct tables *t, struct range pa)
{
	uint64_t map_len;
	void *at;

	*t = (struct tables){ .pa = pa };
	if (!align_up(range_len(pa), PAGE_LEN, &map_len))
		return -ENOMEM;
	at = mmap(NULL, map_len, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	t->at = at;
	t->map_len = map_len;
	/* A huge page would cost 2 MB for the first table. */
	madvise(at, map_len, MADV_NOHUGEPAGE);
	return make_chunks(t);
}

void tables_deinit(struct tables *t)
{
	if (t->map_len)
		munmap(t->at, t->map_len);
	mem_free(t->chunks);
	*t = (struct tables){ 0 };
}

static uint64_t chunk_pa(const struct tables *t, const struct table_chunk *c)
{
	return t->first + (uint64_t)(c - t->chunks) * CHUNK_LEN;
}

/* Lists the chunk where its free blocks say, if it has any. */
static void chunk_list(struct tables *t, struct table_chunk *c)
{
	int order = free_order(c->used);

	if (order >= 0)
		LIST_INSERT_HEAD(&t->free[order], c, list);
	if (order == CHUNK_ORDER)
		t->n_idle++;
}

static void chunk_unlist(struct tables *t, struct table_chunk *c)
{
	int order = free_order(c->used);

	if (order >= 0)
		LIST_REMOVE(c, list);
	if (order == CHUNK_ORDER)
		t->n_idle--;
}

/* A chunk, in no list, with a free block of the order, preferring those with little else; NULL when there is none. */
static struct table_chunk *chunk_take(struct tables *t, unsigned int order)
{
	struct table_chunk *c;

	for (; order < TABLE_ORDERS; order++) {
		c = LIST_FIRST(&t->free[order]);
		if (c) {
			chunk_unlist(t, c);
			return c;
		}
	}
	c = LIST_FIRST(&t->given_back);
	if (c)
		LIST_REMOVE(c, list);
	else if (t->n_touched < t->n_chunks)
		c = &t->chunks[t->n_touched++];
	return c;
}

int tables_alloc(struct tables *t, size_t len, uint64_t *out_pa)
{
	unsigned int order = order_of(len), start;
	struct table_chunk *c = chunk_take(t, order);

	if (!c)
		return -ENOMEM;
	start = best_start(c->used, order);
	c->used |= block_mask(start, order);
	chunk_list(t, c);
	t->used_len += len;
	*out_pa = chunk_pa(t, c) + start * TABLE_LEN_MIN;
	if (!t->map_len)
		zero(t, *out_pa, len);
	return 0;
}

/* Zeroes an own block that was freed; a chunk that nobody uses loses its pages, unless few others wait. */
static void give_back(struct tables *t, struct table_chunk *c, uint64_t pa, size_t len)
{
	uint64_t at = chunk_pa(t, c);

	if (c->used == 0 && t->n_idle >= IDLE_MAX && t->map_len &&
	    madvise(tables_view(t, at, CHUNK_LEN), CHUNK_LEN, MADV_DONTNEED) == 0) {
		LIST_INSERT_HEAD(&t->given_back, c, list);
		return;
	}
	if (t->map_len)
		zero(t, pa, len);
	chunk_list(t, c);
}

void tables_free(struct tables *t, uint64_t pa, size_t len)
{
	unsigned int order = order_of(len);
	struct table_chunk *c;
	uint64_t mask;

	assert(is_aligned(pa, len) && pa >= t->first);
	assert((pa - t->first) / CHUNK_LEN < t->n_touched);
	c = &t->chunks[(pa - t->first) / CHUNK_LEN];
	mask = block_mask((unsigned int)(pa % CHUNK_LEN / TABLE_LEN_MIN), order);
	assert((c->used & mask) == mask);
	chunk_unlist(t, c);
	c->used &= ~mask;
	t->used_len -= len;
	give_back(t, c, pa, len);
}

/* --- what is not ours */

static struct table_chunk *chunk_of(const struct tables *t, uint64_t pa)
{
	return &t->chunks[(pa - t->first) / CHUNK_LEN];
}

static uint64_t bit_of(uint64_t pa)
{
	return UINT64_C(1) << (pa % CHUNK_LEN / TABLE_LEN_MIN);
}

/* Chunks up to that one count as touched. */
static void touch(struct tables *t, const struct table_chunk *c)
{
	while (&t->chunks[t->n_touched] <= c)
		chunk_list(t, &t->chunks[t->n_touched++]);
}

/* Whether it is news. */
static bool hold_block(struct tables *t, uint64_t pa)
{
	struct table_chunk *c = chunk_of(t, pa);

	if (c->held & bit_of(pa))
		return false;
	assert(!(c->used & bit_of(pa)));
	chunk_unlist(t, c);
	c->used |= bit_of(pa);
	c->held |= bit_of(pa);
	t->used_len += TABLE_LEN_MIN;
	chunk_list(t, c);
	return true;
}

int tables_hold(struct tables *t, uint64_t pa, uint64_t len)
{
	struct range r;
	bool any = false;

	if (!is_aligned(pa | len, TABLE_LEN_MIN) || !range_make(pa, len, &r) || pa < t->first ||
	    r.last - t->first >= t->n_chunks * CHUNK_LEN)
		return -EFAULT;
	touch(t, chunk_of(t, r.last));
	for (uint64_t at = pa; at <= r.last; at += TABLE_LEN_MIN)
		any |= hold_block(t, at);
	return any ? 0 : 1;
}

void tables_take(struct tables *t, uint64_t pa, size_t len)
{
	for (uint64_t at = pa; at < pa + len; at += TABLE_LEN_MIN) {
		assert(chunk_of(t, at)->held & bit_of(at));
		chunk_of(t, at)->held &= ~bit_of(at);
	}
}

void tables_release(struct tables *t)
{
	for (size_t i = 0; i < t->n_touched; i++) {
		struct table_chunk *c = &t->chunks[i];

		if (!c->held)
			continue;
		chunk_unlist(t, c);
		t->used_len -= (uint64_t)__builtin_popcountll(c->held) * TABLE_LEN_MIN;
		c->used &= ~c->held;
		c->held = 0;
		chunk_list(t, c);
	}
}

void *tables_view(const struct tables *t, uint64_t pa, size_t len)
{
	struct range r;

	if (!range_make(pa, len, &r) || !range_covers(t->pa, r))
		return NULL;
	return t->at + (pa - t->pa.first);
}
