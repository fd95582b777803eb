// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmu/v7s.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "base/barrier.h"
#include "backend/smmu/v7s-table.h"

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "descriptors are stored as the CPU stores words, and SCTLR.BE is 0"
#endif

#define V7S_SIZES (SZ_4K | SZ_64K | SZ_1M | SZ_16M)

/* Then it is unlinked: a table that is linked always has an entry. */
static bool l2_is_empty(const uint32_t *l2)
{
	uint32_t any = 0;

	for (unsigned int i = 0; i < L2_N; i++)
		any |= v7s_load(&l2[i]);
	return any == 0;
}

/* --- map ---------------------------------------------------------------------------------------------------------- */

/* The first entry and the number of entries of [at, end) in the L2 table of at's slot. */
static unsigned int l2_part(uint64_t at, uint64_t end, unsigned int *out_first)
{
	uint64_t slot_end = align_down(at, SZ_1M) + SZ_1M;

	if (end > slot_end)
		end = slot_end;
	*out_first = at >> L2_SHIFT & (L2_N - 1);
	return (unsigned int)((end - at) >> L2_SHIFT);
}

static bool is_mapped_anywhere(const struct v7s_table *t, uint64_t at, uint64_t end)
{
	for (; at < end; at = align_down(at, SZ_1M) + SZ_1M) {
		uint32_t d = t->l1[at >> L1_SHIFT], any = 0;
		unsigned int first, n;
		const uint32_t *l2;

		if (!d)
			continue;
		n = l2_part(at, end, &first);
		if (!l1_is_table(d) || n == L2_N)
			return true;
		l2 = l2_of(t, d);
		for (unsigned int i = first; i < first + n; i++)
			any |= v7s_load(&l2[i]);
		if (any)
			return true;
	}
	return false;
}

/* A stretch of a mapping that uses one block size. */
struct run {
	uint64_t va, pa, len, block;
};

/*
 * The longest run at run->va: with the largest block that fits here, up to where a larger one can begin. As each size
 * divides the next, taking the largest that fits gives the fewest blocks.
 */
static void run_measure(struct run *run, uint64_t left, uint64_t sizes)
{
	static const uint64_t by_size[] = { SZ_16M, SZ_1M, SZ_64K, SZ_4K };
	uint64_t limit = left;

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t size = by_size[i], begin;

		if (!(sizes & size))
			continue;
		if (((run->va | run->pa) & (size - 1)) == 0 && size <= left) {
			run->block = size;
			run->len = align_down(limit, size);
			return;
		}
		begin = align_down(run->va, size) + size - run->va;
		if (((run->va ^ run->pa) & (size - 1)) == 0 && begin < limit)
			limit = begin;
	}
	assert(!"map checked the alignment");
}

/* L2 tables that the mapping needs and the table does not have yet. */
static unsigned int tables_needed(const struct v7s_table *t, struct run run, uint64_t len,
				  uint64_t sizes)
{
	uint64_t end = run.va + len, counted = SPAN;
	unsigned int n = 0;

	for (; run.va < end; run.va += run.len, run.pa += run.len) {
		run_measure(&run, end - run.va, sizes);
		if (run.block >= SZ_1M)
			continue;
		for (uint64_t s = run.va >> L1_SHIFT; s <= (run.va + run.len - 1) >> L1_SHIFT;
		     s++) {
			if (t->l1[s] || s == counted)
				continue;
			counted = s;
			n++;
		}
	}
	return n;
}

static void fill_l1(struct v7s_table *t, const struct run *run, uint32_t attr)
{
	uint32_t *d = t->l1 + (run->va >> L1_SHIFT), pa = (uint32_t)run->pa;
	unsigned int n = (unsigned int)(run->len >> L1_SHIFT);

	if (run->block == SZ_1M) {
		uint32_t first = l1_section(pa, attr);

		for (unsigned int i = 0; i < n; i++)
			v7s_store(&d[i], first + (i << L1_SHIFT));
		return;
	}
	for (unsigned int i = 0; i < n; i += GROUP_N) {
		uint32_t super = l1_super(pa + (i << L1_SHIFT), attr);

		for (unsigned int j = 0; j < GROUP_N; j++)
			v7s_store(&d[i + j], super);
	}
}

static void fill_l2(uint32_t *d, unsigned int n, uint32_t pa, uint64_t block, uint32_t attr)
{
	if (block == SZ_4K) {
		uint32_t first = l2_small(pa, attr);

		for (unsigned int i = 0; i < n; i++)
			v7s_store(&d[i], first + (i << L2_SHIFT));
		return;
	}
	for (unsigned int i = 0; i < n; i += GROUP_N) {
		uint32_t large = l2_large(pa + (i << L2_SHIFT), attr);

		for (unsigned int j = 0; j < GROUP_N; j++)
			v7s_store(&d[i + j], large);
	}
}

static void fill_pages(struct v7s_table *t, const struct run *run, uint32_t attr, uint32_t *chain)
{
	uint64_t end = run->va + run->len;
	unsigned int first, n;

	for (uint64_t at = run->va; at < end; at += (uint64_t)n << L2_SHIFT) {
		unsigned int slot = (unsigned int)(at >> L1_SHIFT);
		bool fresh = !t->l1[slot];
		uint32_t pa = 0, *l2;

		n = l2_part(at, end, &first);
		l2 = fresh ? l2_pop(t, chain, &pa) : l2_of(t, t->l1[slot]);
		fill_l2(l2 + first, n, (uint32_t)(run->pa + (at - run->va)), run->block, attr);
		if (fresh)
			l2_link(t, slot, pa);
	}
}

static bool spans(uint64_t at, uint64_t len)
{
	return len > 0 && at < SPAN && len <= SPAN - at && ((at | len) & (SZ_4K - 1)) == 0;
}

static int v7s_map(struct table *table, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		   struct map_attr attr)
{
	struct v7s_table *t = v7s_self(table);
	struct run run = { .va = va, .pa = pa };
	uint32_t chain = CHAIN_END, bits;
	uint64_t smallest = sizes & -sizes;
	unsigned int needed;

	assert(t->updating);
	if (!smallest || sizes & ~V7S_SIZES || !spans(va, len) || !spans(pa, len) ||
	    ((va | pa | len) & (smallest - 1)) || !descriptor_attr(attr, &bits))
		return -EINVAL;
	if (is_mapped_anywhere(t, va, va + len))
		return -EEXIST;
	needed = tables_needed(t, run, len, sizes);
	if (needed && l2_reserve(t, needed, &chain))
		return -ENOMEM;
	if (stale_touches(&t->stale, va, va + len))
		stale_flush(&t->stale);
	for (uint64_t end = va + len; run.va < end; run.va += run.len, run.pa += run.len) {
		run_measure(&run, end - run.va, sizes);
		if (run.block >= SZ_1M)
			fill_l1(t, &run, bits);
		else
			fill_pages(t, &run, bits, &chain);
	}
	assert(chain == CHAIN_END);
	return 0;
}

/* --- unmap, protect ----------------------------------------------------------------------------------------------- */

/* Whether a section must become a table for a block boundary at `at`. */
static bool edge_needs_table(const struct v7s_table *t, uint64_t at)
{
	return at < SPAN && !is_aligned(at, SZ_1M) && l1_is_section(t->l1[at >> L1_SHIFT]);
}

/*
 * The same translations in smaller blocks. What the TLB holds of the larger one is dropped before any of the smaller
 * ones changes, so that it never holds two different answers.
 */
static void break_super(struct v7s_table *t, unsigned int slot)
{
	uint32_t *d = t->l1 + (slot & ~(GROUP_N - 1U));
	uint32_t first = l1_section(d[0] & 0xFF000000, l1_attr(d[0]));

	for (unsigned int i = 0; i < GROUP_N; i++)
		v7s_store(&d[i], first + (i << L1_SHIFT));
}

static void break_section(struct v7s_table *t, unsigned int slot, uint32_t *chain)
{
	uint32_t d = t->l1[slot], pa;
	uint32_t *l2 = l2_pop(t, chain, &pa);

	fill_l2(l2, L2_N, d & 0xFFF00000, SZ_64K, l1_attr(d));
	l2_link(t, slot, pa);
}

static void break_large(uint32_t *l2, unsigned int entry)
{
	uint32_t *d = l2 + (entry & ~(GROUP_N - 1U));

	fill_l2(d, GROUP_N, d[0] & 0xFFFF0000, SZ_4K, l2_large_attr(d[0]));
}

/* From now on no block crosses `at`. */
static void open_edge(struct v7s_table *t, uint64_t at, uint32_t *chain)
{
	unsigned int slot = (unsigned int)(at >> L1_SHIFT), entry = at >> L2_SHIFT & (L2_N - 1);
	bool broken = false;

	if (at >= SPAN)
		return;
	if (l1_is_super(t->l1[slot]) && !is_aligned(at, SZ_16M)) {
		break_super(t, slot);
		broken = true;
	}
	if (edge_needs_table(t, at)) {
		break_section(t, slot, chain);
		broken = true;
	}
	if (l1_is_table(t->l1[slot]) && !is_aligned(at, SZ_64K)) {
		uint32_t *l2 = l2_of(t, t->l1[slot]);

		if (l2_is_large(l2[entry])) {
			break_large(l2, entry);
			broken = true;
		}
	}
	if (broken) {
		stale_entry(&t->stale, at);
		stale_around(&t->stale, align_down(at, SZ_4K), at + SZ_4K);
		stale_flush(&t->stale);
	}
}

static int open_edges(struct v7s_table *t, uint64_t va, uint64_t end)
{
	bool at_first = edge_needs_table(t, va), at_end = edge_needs_table(t, end);
	bool same = va >> L1_SHIFT == end >> L1_SHIFT;
	unsigned int needed = (unsigned int)at_first + (at_end && !(at_first && same));
	uint32_t chain = CHAIN_END;

	if (needed && l2_reserve(t, needed, &chain))
		return -ENOMEM;
	open_edge(t, va, &chain);
	open_edge(t, end, &chain);
	assert(chain == CHAIN_END);
	return 0;
}

static void unmap_slot(struct v7s_table *t, uint64_t at, uint64_t end)
{
	unsigned int slot = (unsigned int)(at >> L1_SHIFT), first, n;
	uint32_t d = t->l1[slot], *l2;

	if (l1_is_section(d)) {
		t->l1[slot] = 0;
		if (!l1_is_super(d) || slot % GROUP_N == 0)
			stale_entry(&t->stale, at);
		return;
	}
	n = l2_part(at, end, &first);
	if (n == L2_N) {
		t->stale.all = true;
		l2_unlink(t, slot);
		return;
	}
	l2 = l2_of(t, d);
	stale_pages(t, l2 + first, n, at);
	for (unsigned int i = first; i < first + n; i++)
		v7s_store(&l2[i], 0);
	if (l2_is_empty(l2))
		l2_unlink(t, slot);
}

static int v7s_unmap(struct table *table, uint64_t va, uint64_t len)
{
	struct v7s_table *t = v7s_self(table);
	uint64_t end = va + len;

	assert(t->updating);
	if (!spans(va, len))
		return -EINVAL;
	if (open_edges(t, va, end))
		return -ENOMEM;
	for (uint64_t at = va; at < end; at = align_down(at, SZ_1M) + SZ_1M) {
		if (t->l1[at >> L1_SHIFT])
			unmap_slot(t, at, end);
	}
	stale_around(&t->stale, va, end);
	return 0;
}

static void protect_slot(struct v7s_table *t, uint64_t at, uint64_t end, uint32_t attr)
{
	unsigned int slot = (unsigned int)(at >> L1_SHIFT), first, n;
	uint32_t d = t->l1[slot], *l2;

	if (l1_is_section(d)) {
		t->l1[slot] = l1_is_super(d) ? l1_super(d & 0xFF000000, attr) :
					       l1_section(d & 0xFFF00000, attr);
		if (!l1_is_super(d) || slot % GROUP_N == 0)
			stale_entry(&t->stale, at);
		return;
	}
	n = l2_part(at, end, &first);
	l2 = l2_of(t, d) + first;
	stale_pages(t, l2, n, at);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t d2 = v7s_load(&l2[i]);

		if (l2_is_large(d2))
			v7s_store(&l2[i], l2_large(d2 & 0xFFFF0000, attr));
		else if (d2)
			v7s_store(&l2[i], l2_small(d2 & 0xFFFFF000, attr));
	}
}

static int v7s_protect(struct table *table, uint64_t va, uint64_t len, struct map_attr attr)
{
	struct v7s_table *t = v7s_self(table);
	uint64_t end = va + len;
	uint32_t bits;

	assert(t->updating);
	if (!spans(va, len) || !descriptor_attr(attr, &bits))
		return -EINVAL;
	if (open_edges(t, va, end))
		return -ENOMEM;
	for (uint64_t at = va; at < end; at = align_down(at, SZ_1M) + SZ_1M) {
		if (t->l1[at >> L1_SHIFT])
			protect_slot(t, at, end, bits);
	}
	stale_around(&t->stale, va, end);
	return 0;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void v7s_update_start(struct table *table)
{
	struct v7s_table *t = v7s_self(table);

	assert(!t->updating);
	t->updating = true;
}

static int v7s_update_done(struct table *table)
{
	struct v7s_table *t = v7s_self(table);

	assert(t->updating);
	barrier_stored();
	stale_flush(&t->stale); /* writes to registers, which cannot fail */
	l2_release(t, &t->dead);
	t->updating = false;
	return 0;
}

static uint64_t v7s_root(const struct table *table)
{
	return v7s_const_self(table)->l1_pa;
}

static uint64_t v7s_footprint(const struct table *table)
{
	return L1_LEN + (uint64_t)v7s_const_self(table)->n_l2 * L2_LEN;
}

void v7s_attach(struct table *table, struct stale_user *user)
{
	stale_attach(&v7s_self(table)->stale, user);
}

void v7s_detach(struct table *table _unused_, struct stale_user *user)
{
	stale_detach(user);
}

int v7s_lookup(const struct table *table, uint64_t va, uint64_t *out_pa, uint64_t *out_size)
{
	const struct v7s_table *t = v7s_const_self(table);
	uint32_t d = va < SPAN ? t->l1[va >> L1_SHIFT] : 0;

	if (l1_is_section(d)) {
		*out_size = l1_is_super(d) ? SZ_16M : SZ_1M;
	} else if (l1_is_table(d)) {
		d = l2_of(t, d)[va >> L2_SHIFT & (L2_N - 1)];
		*out_size = l2_is_large(d) ? SZ_64K : SZ_4K;
	}
	if (!d)
		return -ENOENT;
	*out_pa = align_down(d, *out_size);
	return 0;
}

const struct table_ops v7s_ops = {
	.name = "armv7s",
	.page_sizes = V7S_SIZES,
	.va_bits = 32,
	.new = v7s_table_new,
	.free = v7s_table_free,
	.map = v7s_map,
	.unmap = v7s_unmap,
	.protect = v7s_protect,
	.update_start = v7s_update_start,
	.update_done = v7s_update_done,
	.root = v7s_root,
	.footprint = v7s_footprint,
};
