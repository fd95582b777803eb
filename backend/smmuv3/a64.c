// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmuv3/a64.h"

#include <assert.h>
#include <errno.h>

#include "base/barrier.h"
#include "backend/smmuv3/a64-table.h"
#include "base/range.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "descriptors are stored as the CPU stores words, and CD.ENDI is 0"
#endif

#define SZ_1G UINT64_C(0x40000000)
#define A64_SIZES (SZ_4K | SZ_64K | SZ_2M | SZ_1G)
#define VA_END (UINT64_C(1) << A64_VA_BITS)

/* Where the part of [at, end) that one entry of a level serves ends. */
static uint64_t part_end(uint64_t at, uint64_t end, unsigned int level)
{
	uint64_t next = align_down(at, a64_span(level)) + a64_span(level);

	return next < end ? next : end;
}

static bool is_whole(uint64_t at, uint64_t stop, unsigned int level)
{
	return stop - at == a64_span(level);
}

/* Then it is unlinked: a table that is linked always has an entry. */
static bool is_empty(const uint64_t *table)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < A64_N; i++)
		any |= table[i];
	return any == 0;
}

static bool is_within(uint64_t at, uint64_t len, uint64_t limit)
{
	return len > 0 && at < limit && len <= limit - at && ((at | len) & (SZ_4K - 1)) == 0;
}

/* --- map ---------------------------------------------------------------------------------------------------------- */

/* pa = va + delta. As each size divides the next, taking the largest that fits gives the fewest blocks. */
struct mapping {
	uint64_t delta, sizes, attr;
	uint64_t chain; /* the tables that it needs */
};

static bool fits(const struct mapping *m, uint64_t size, uint64_t at, uint64_t end)
{
	return (m->sizes & size) && ((at | (at + m->delta)) & (size - 1)) == 0 && end - at >= size;
}

static bool is_block(const struct mapping *m, unsigned int level, uint64_t at, uint64_t end)
{
	return level > A64_ROOT && fits(m, a64_span(level), at, end);
}

static bool is_mapped_anywhere(const struct a64_table *t, const uint64_t *table, unsigned int level,
			       uint64_t at, uint64_t end)
{
	for (uint64_t stop; at < end; at = stop) {
		uint64_t d = table[a64_index(at, level)];

		stop = part_end(at, end, level);
		if (!d)
			continue;
		if (!a64_is_table(d, level) || is_whole(at, stop, level) ||
		    is_mapped_anywhere(t, sub_of(t, d), level + 1, at, stop))
			return true;
	}
	return false;
}

/* Tables below this one (NULL: it is itself to come) that the mapping needs and that are not there yet. */
static uint64_t missing(const struct a64_table *t, const uint64_t *table, unsigned int level,
			uint64_t at, uint64_t end, const struct mapping *m)
{
	uint64_t n = 0;

	if (level == A64_LEAF)
		return 0;
	for (uint64_t stop; at < end; at = stop) {
		uint64_t d = table ? table[a64_index(at, level)] : 0;

		stop = part_end(at, end, level);
		if (is_block(m, level, at, stop))
			continue;
		n += !d;
		n += missing(t, d ? sub_of(t, d) : NULL, level + 1, at, stop, m);
	}
	return n;
}

static void fill_pages(uint64_t *table, uint64_t at, uint64_t end, const struct mapping *m)
{
	uint64_t page = m->attr | A64_TABLE, group_end = at;

	for (; at < end; at += SZ_4K) {
		if (at >= group_end && fits(m, SZ_64K, at, end))
			group_end = at + SZ_64K;
		a64_store(&table[a64_index(at, A64_LEAF)],
			  (at + m->delta) | page | (at < group_end ? A64_CONTIGUOUS : 0));
	}
}

static void fill(const struct a64_table *t, uint64_t *table, unsigned int level, uint64_t at,
		 uint64_t end, struct mapping *m)
{
	if (level == A64_LEAF) {
		fill_pages(table, at, end, m);
		return;
	}
	for (uint64_t stop; at < end; at = stop) {
		uint64_t *d = &table[a64_index(at, level)], pa = *d & A64_PA, *sub;
		bool fresh = !*d;

		stop = part_end(at, end, level);
		if (is_block(m, level, at, stop)) {
			a64_store(d, (at + m->delta) | m->attr);
			continue;
		}
		sub = fresh ? sub_pop(t, &m->chain, &pa) : sub_of(t, *d);
		fill(t, sub, level + 1, at, stop, m);
		if (fresh) /* its entries are visible before it is */
			a64_store(d, pa | A64_TABLE | A64_VALID);
	}
}

static int a64_map(struct table *table, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		   struct map_attr attr)
{
	struct a64_table *t = a64_self(table);
	struct mapping m = { .delta = pa - va, .sizes = sizes, .chain = A64_CHAIN_END };
	uint64_t smallest = sizes & -sizes, end = va + len;

	assert(t->updating);
	if (!smallest || sizes & ~A64_SIZES || !is_within(va, len, VA_END) ||
	    !is_within(pa, len, UINT64_C(1) << t->format->config.pa_bits) ||
	    ((va | pa | len) & (smallest - 1)) || !a64_attr(attr, &m.attr))
		return -EINVAL;
	if (is_mapped_anywhere(t, t->root, A64_ROOT, va, end))
		return -EEXIST;
	if (sub_reserve(t, missing(t, t->root, A64_ROOT, va, end, &m), &m.chain))
		return -ENOMEM;
	if (stale_touches(&t->stale, va, end))
		table_flush(t);
	fill(t, t->root, A64_ROOT, va, end, &m);
	assert(m.chain == A64_CHAIN_END);
	return 0;
}

/* --- splitting ---------------------------------------------------------------------------------------------------- */

/* The entry in which a walk for va ends, and its level. */
static uint64_t *walk(const struct a64_table *t, uint64_t va, unsigned int *out_level)
{
	uint64_t *d = &t->root[a64_index(va, A64_ROOT)];
	unsigned int level = A64_ROOT;

	while (a64_is_table(*d, level)) {
		uint64_t *sub = sub_of(t, *d);

		level++;
		d = &sub[a64_index(va, level)];
	}
	*out_level = level;
	return d;
}

/* Tables that take the place of blocks so that one ends at `at`. */
static unsigned int edge_needs(const struct a64_table *t, uint64_t at)
{
	unsigned int level, n = 0;

	if (at >= VA_END || !*walk(t, at, &level))
		return 0;
	for (; level < A64_LEAF && !is_aligned(at, a64_span(level)); level++)
		n++;
	return n;
}

/* n entries that are about to change in size or type, the first of them for va. What the TLB holds goes before; with
 * `broken`, there is a moment without them. */
static void make_way(struct a64_table *t, uint64_t *d, unsigned int n, uint64_t va, uint64_t each,
		     bool broken)
{
	for (unsigned int i = 0; i < n; i++) {
		if (broken)
			a64_store(&d[i], d[i] & ~A64_VALID);
		stale_entry(&t->stale, va + i * each);
	}
	stale_around(&t->stale, va, va + n * each);
	if (broken)
		table_flush(t);
}

/* The same translations in a table of smaller blocks. */
static void break_block(struct a64_table *t, uint64_t *slot, unsigned int level, uint64_t at,
			uint64_t *chain)
{
	uint64_t old = *slot, va = align_down(at, a64_span(level)), pa, *sub;
	struct mapping m = { .delta = (old & A64_PA) - va,
			     .sizes = SZ_2M | SZ_64K | SZ_4K,
			     .attr = old & A64_ATTR,
			     .chain = A64_CHAIN_END };

	sub = sub_pop(t, chain, &pa);
	fill(t, sub, level + 1, va, va + a64_span(level), &m);
	make_way(t, slot, 1, va, a64_span(level), !t->format->config.live_split);
	a64_store(slot, pa | A64_TABLE | A64_VALID);
	table_flush(t);
}

/* The hint goes from all sixteen. */
static void break_group(struct a64_table *t, uint64_t *d, uint64_t at)
{
	uint64_t va = align_down(at, SZ_64K), valid = *d & A64_VALID;
	uint64_t *first = d - (a64_index(at, A64_LEAF) - a64_index(va, A64_LEAF));

	make_way(t, first, A64_GROUP, va, SZ_4K, !t->format->config.live_split);
	for (unsigned int i = 0; i < A64_GROUP; i++)
		a64_store(&first[i], (first[i] & ~A64_CONTIGUOUS) | valid);
	table_flush(t);
}

/* From now on no block and no group crosses `at`. */
static void open_edge(struct a64_table *t, uint64_t at, uint64_t *chain)
{
	unsigned int level;
	uint64_t *d;

	if (at >= VA_END)
		return;
	for (d = walk(t, at, &level); *d && level < A64_LEAF && !is_aligned(at, a64_span(level));
	     d = walk(t, at, &level))
		break_block(t, d, level, at, chain);
	if (level == A64_LEAF && (*d & A64_CONTIGUOUS) && !is_aligned(at, SZ_64K))
		break_group(t, d, at);
}

static int open_edges(struct a64_table *t, uint64_t va, uint64_t end)
{
	/* Both may be in one block: then these are too many, and the rest goes back. */
	uint64_t chain = A64_CHAIN_END, needed = edge_needs(t, va) + edge_needs(t, end);

	if (sub_reserve(t, needed, &chain))
		return -ENOMEM;
	open_edge(t, va, &chain);
	open_edge(t, end, &chain);
	sub_release(t, &chain);
	return 0;
}

/* --- unmap, protect ----------------------------------------------------------------------------------------------- */

static void clear(struct a64_table *t, uint64_t *table, unsigned int level, uint64_t at,
		  uint64_t end)
{
	for (uint64_t stop; at < end; at = stop) {
		uint64_t *d = &table[a64_index(at, level)], *sub;

		stop = part_end(at, end, level);
		if (!*d)
			continue;
		if (!a64_is_table(*d, level)) {
			a64_store(d, 0);
			stale_entry(&t->stale, at);
			continue;
		}
		if (is_whole(at, stop, level)) {
			t->stale.all = true;
			sub_unlink(t, d, level);
			continue;
		}
		sub = sub_of(t, *d);
		clear(t, sub, level + 1, at, stop);
		if (is_empty(sub))
			sub_unlink(t, d, level);
	}
}

static int a64_unmap(struct table *table, uint64_t va, uint64_t len)
{
	struct a64_table *t = a64_self(table);

	assert(t->updating);
	if (!is_within(va, len, VA_END))
		return -EINVAL;
	if (open_edges(t, va, va + len))
		return -ENOMEM;
	clear(t, t->root, A64_ROOT, va, va + len);
	stale_around(&t->stale, va, va + len);
	return 0;
}

/* Entries whose type attr changes become invalid. Whether there are any. */
static bool drop_other_types(struct a64_table *t, uint64_t *table, unsigned int level, uint64_t at,
			     uint64_t end, uint64_t attr)
{
	bool any = false;

	for (uint64_t stop; at < end; at = stop) {
		uint64_t *d = &table[a64_index(at, level)];

		stop = part_end(at, end, level);
		if (a64_is_table(*d, level)) {
			any |= drop_other_types(t, sub_of(t, *d), level + 1, at, stop, attr);
		} else if ((*d & A64_VALID) && ((*d ^ attr) & A64_TYPE)) {
			a64_store(d, *d & ~A64_VALID);
			stale_entry(&t->stale, at);
			any = true;
		}
	}
	return any;
}

static void set_attr(struct a64_table *t, uint64_t *table, unsigned int level, uint64_t at,
		     uint64_t end, uint64_t attr)
{
	for (uint64_t stop; at < end; at = stop) {
		uint64_t *d = &table[a64_index(at, level)];

		stop = part_end(at, end, level);
		if (a64_is_table(*d, level)) {
			set_attr(t, sub_of(t, *d), level + 1, at, stop, attr);
		} else if (*d) {
			a64_store(d, (*d & ~A64_ATTR) | attr);
			stale_entry(&t->stale, at);
		}
	}
}

static int a64_protect(struct table *table, uint64_t va, uint64_t len, struct map_attr attr)
{
	struct a64_table *t = a64_self(table);
	uint64_t end = va + len, bits;

	assert(t->updating);
	if (!is_within(va, len, VA_END) || !a64_attr(attr, &bits))
		return -EINVAL;
	if (open_edges(t, va, end))
		return -ENOMEM;
	if (drop_other_types(t, t->root, A64_ROOT, va, end, bits)) {
		stale_around(&t->stale, va, end);
		table_flush(t);
	}
	set_attr(t, t->root, A64_ROOT, va, end, bits);
	stale_around(&t->stale, va, end);
	return 0;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void a64_update_start(struct table *table)
{
	struct a64_table *t = a64_self(table);

	assert(!t->updating);
	t->updating = true;
}

static int a64_update_done(struct table *table)
{
	struct a64_table *t = a64_self(table);

	assert(t->updating);
	barrier_stored();
	table_flush(t);
	if (t->leaked)
		sub_abandon(t, &t->dead);
	else
		sub_release(t, &t->dead);
	t->updating = false;
	return t->leaked ? -EIO : 0;
}

static uint64_t a64_root(const struct table *table)
{
	return a64_const_self(table)->root_pa;
}

static uint64_t a64_footprint(const struct table *table)
{
	return (1 + a64_const_self(table)->n_sub) * A64_LEN;
}

void a64_attach(struct table *table, struct stale_user *user)
{
	stale_attach(&a64_self(table)->stale, user);
}

void a64_detach(struct table *table _unused_, struct stale_user *user)
{
	stale_detach(user);
}

int a64_lookup(const struct table *table, uint64_t va, uint64_t *out_pa, uint64_t *out_size,
	       uint64_t *out_descriptor)
{
	uint64_t d, size;
	unsigned int level;

	if (va >= VA_END)
		return -ENOENT;
	d = *walk(a64_const_self(table), va, &level);
	if (!d)
		return -ENOENT;
	size = (d & A64_CONTIGUOUS) ? SZ_64K : a64_span(level);
	d &= ~(A64_PA & (size - 1));
	if (out_pa)
		*out_pa = d & A64_PA;
	if (out_size)
		*out_size = size;
	if (out_descriptor)
		*out_descriptor = d;
	return 0;
}

const struct table_ops a64_ops = {
	.name = "armv8-4k",
	.page_sizes = A64_SIZES,
	.va_bits = A64_VA_BITS,
	.new = a64_table_new,
	.free = a64_table_free,
	.map = a64_map,
	.unmap = a64_unmap,
	.protect = a64_protect,
	.update_start = a64_update_start,
	.update_done = a64_update_done,
	.root = a64_root,
	.footprint = a64_footprint,
};
