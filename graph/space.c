// SPDX-License-Identifier: BSD-3-Clause
/*
 *	                      16 GB ...  space.root, at the lowest level that covers the range
 *	 [ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ]         struct node: a row of 8
 *	  free    taken     |                                     taken
 *	                    [ 16M ][ 16M ][ 16M ][ 16M ][ 16M ][ 16M ] ...        struct node: a row of 8
 *	                     free     |      taken
 *	                              4096 bits in 64 words in 8 groups           struct leaf
 *
 * Every row keeps, for each of its eight children, how many free pages it starts with and ends with, and the longest
 * free run inside at each class of alignment (graph/row.h). These sums compose exactly, so a search goes down one path.
 *
 * Page numbers are absolute: a row lies at a multiple of its length, so alignment inside is alignment of addresses.
 * What the root covers outside the range of the space is taken, for good.
 *
 * A child that is wholly free needs no node. A child that was taken as a whole is only marked so (whole_taken); the
 * node it may have still says that all is free, and is right again when the child is put. So neither the length of
 * what is taken or put matters, nor does put ever need a node: what was taken page by page has its nodes already.
 */
#include "graph/space.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/leaf.h"

struct node { /* of level 1: its children are leaves; of level n: nodes of level n - 1 */
	uint64_t lines[ROW_RUN + RUN_N][ROW_N];
	union {
		struct node *node;
		struct leaf *leaf;
	} child[ROW_N];
	uint8_t whole_taken; /* a bit for each child */
};

struct space {
	struct range range;
	struct node *root;
	unsigned level;
	uint64_t base; /* page number where the root starts */
	struct sum sum;
	uint64_t used; /* pages */
	size_t footprint;
};

/* log2 of the pages of one child of a node of this level. */
static unsigned child_bits(unsigned level)
{
	return LEAF_BITS + ROW_BITS * (level - 1);
}

static uint64_t child_len(unsigned level)
{
	return UINT64_C(1) << child_bits(level);
}

static struct row node_row(const struct node *n, unsigned level)
{
	return (struct row){ n->lines, 8, RUN_N, child_len(level) };
}

static bool is_whole_taken(const struct node *n, unsigned i)
{
	return n->whole_taken >> i & 1;
}

static bool is_whole_free(const struct node *n, unsigned level, unsigned i)
{
	return n->lines[ROW_PREFIX][i] == child_len(level);
}

/*
 * Every walk below goes over the children of a node that a range of pages touches, with the part of the range that is
 * in the child.
 */
struct part {
	unsigned i;
	uint64_t base;	     /* of the child */
	uint64_t first, end; /* pages of the range in it */
	bool whole;
};

static struct part part_of(unsigned level, uint64_t base, uint64_t first, uint64_t end)
{
	uint64_t len = child_len(level), at = first & -len, to = at + len < end ? at + len : end;

	return (struct part){
		(unsigned)((at - base) >> child_bits(level)), at, first, to, to - first == len,
	};
}

#define part_each(p, level, base, from, to)                                                        \
	for (struct part p = part_of(level, base, from, to); p.first < (to);                       \
	     p = part_of(level, base, p.end, to))

static struct node *node_new(struct space *s, unsigned level)
{
	struct sum sum = sum_whole(child_len(level), false);
	struct node *n = mem_new0(struct node);

	if (!n)
		return NULL;
	for (unsigned i = 0; i < ROW_N; i++)
		row_put(node_row(n, level), n->lines, i, &sum);
	s->footprint += sizeof(*n);
	return n;
}

static struct leaf *leaf_new(struct space *s)
{
	struct leaf *l = mem_new0(struct leaf);

	if (!l)
		return NULL;
	leaf_init(l);
	s->footprint += sizeof(*l);
	return l;
}

static void node_free(struct space *s, struct node *n, unsigned level);

static void child_free(struct space *s, struct node *n, unsigned level, unsigned i)
{
	if (level > 1) {
		node_free(s, n->child[i].node, level - 1);
		n->child[i].node = NULL;
		return;
	}
	if (n->child[i].leaf)
		s->footprint -= sizeof(*n->child[i].leaf);
	n->child[i].leaf = mem_free(n->child[i].leaf);
}

static void node_free(struct space *s, struct node *n, unsigned level)
{
	if (!n)
		return;
	for (unsigned i = 0; i < ROW_N; i++)
		child_free(s, n, level, i);
	s->footprint -= sizeof(*n);
	mem_free(n);
}

static void node_trim(struct space *s, struct node *n, unsigned level)
{
	for (unsigned i = 0; i < ROW_N; i++) {
		if (is_whole_taken(n, i) || is_whole_free(n, level, i))
			child_free(s, n, level, i);
		else if (level > 1)
			node_trim(s, n->child[i].node, level - 1);
	}
}

static bool child_ensure(struct space *s, struct node *n, unsigned level, unsigned i)
{
	if (level == 1) {
		if (!n->child[i].leaf)
			n->child[i].leaf = leaf_new(s);
		return n->child[i].leaf;
	}
	if (!n->child[i].node)
		n->child[i].node = node_new(s, level - 1);
	return n->child[i].node;
}

/* Allocates what marking the pages needs. New nodes of a free child say what was so before: false changes nothing. */
static bool node_ensure(struct space *s, struct node *n, unsigned level, uint64_t base,
			uint64_t first, uint64_t end)
{
	part_each(p, level, base, first, end)
	{
		if (p.whole)
			continue;
		if (!child_ensure(s, n, level, p.i))
			return false;
		if (level > 1 &&
		    !node_ensure(s, n->child[p.i].node, level - 1, p.base, p.first, p.end))
			return false;
	}
	return true;
}

static bool node_mark(struct node *n, unsigned level, uint64_t base, uint64_t first, uint64_t end,
		      bool taken);

/* Marks a child that has a node of its own. True when what it says of itself may have changed. */
static bool child_mark(struct node *n, unsigned level, struct part p, bool taken)
{
	struct sum sum;

	assert(!is_whole_taken(n, p.i) && n->child[p.i].node);
	if (level > 1) {
		struct node *child = n->child[p.i].node;

		if (!node_mark(child, level - 1, p.base, p.first, p.end, taken))
			return false;
		row_sum(node_row(child, level - 1), RUN_N, &sum);
	} else {
		struct leaf *leaf = n->child[p.i].leaf;

		if (!leaf_mark(leaf, (unsigned)(p.first - p.base), (unsigned)(p.end - p.base),
			       taken))
			return false;
		leaf_sum(leaf, &sum);
	}
	return row_put(node_row(n, level), n->lines, p.i, &sum);
}

static bool node_mark(struct node *n, unsigned level, uint64_t base, uint64_t first, uint64_t end,
		      bool taken)
{
	bool changed = false;

	part_each(p, level, base, first, end)
	{
		struct sum sum = sum_whole(child_len(level), taken);

		if (!p.whole || (!taken && !is_whole_taken(n, p.i))) {
			changed |= child_mark(n, level, p, taken);
			continue;
		}
		assert(!taken || is_whole_free(n, level, p.i));
		n->whole_taken ^= (uint8_t)(1U << p.i);
		changed |= row_put(node_row(n, level), n->lines, p.i, &sum);
	}
	return changed;
}

static void space_mark(struct space *s, uint64_t first, uint64_t end, bool taken)
{
	if (node_mark(s->root, s->level, s->base, first, end, taken))
		row_sum(node_row(s->root, s->level), RUN_N, &s->sum);
}

static bool node_is_free(const struct node *n, unsigned level, uint64_t base, uint64_t first,
			 uint64_t end)
{
	part_each(p, level, base, first, end)
	{
		if (is_whole_free(n, level, p.i))
			continue;
		if (p.whole || is_whole_taken(n, p.i))
			return false;
		if (level > 1 ?
			    !node_is_free(n->child[p.i].node, level - 1, p.base, p.first, p.end) :
			    !leaf_is_free(n->child[p.i].leaf, (unsigned)(p.first - p.base),
					  (unsigned)(p.end - p.base)))
			return false;
	}
	return true;
}

static bool node_fit(const struct node *n, unsigned level, struct fit *q, uint64_t base);

static bool child_fit(const struct node *n, unsigned level, unsigned i, struct fit *q,
		      uint64_t base)
{
	return level > 1 ? node_fit(n->child[i].node, level - 1, q, base) :
			   leaf_fit(n->child[i].leaf, q, base);
}

/* A child that the limits cut. */
static bool child_fit_cut(const struct node *n, unsigned level, unsigned i, struct fit *q,
			  uint64_t base)
{
	uint64_t end = base + child_len(level);

	end = end < q->end ? end : q->end;
	if (is_whole_free(n, level, i))
		return fit_reaches(q, end);
	if (!is_whole_taken(n, i))
		return child_fit(n, level, i, q, base);
	q->open = end;
	return false;
}

static bool node_fit(const struct node *n, unsigned level, struct fit *q, uint64_t base)
{
	uint64_t len = child_len(level);
	unsigned i = base < q->first ? (unsigned)((q->first - base) >> child_bits(level)) : 0;
	unsigned to = q->end - base < len * ROW_N ? (unsigned)((q->end - base) / len) : ROW_N;

	if (base + i * len < q->first) {
		if (child_fit_cut(n, level, i, q, base + i * len))
			return true;
		if (!q->budget)
			return false;
		i++;
	}
	for (;; i++) {
		switch (row_fit(node_row(n, level), q, base, &i, to)) {
		case ROW_FOUND:
			return true;
		case ROW_NONE:
			return i == to && to < ROW_N && base + to * len < q->end &&
			       child_fit_cut(n, level, to, q, base + to * len);
		case ROW_INSIDE:
			if (child_fit(n, level, i, q, base + i * len))
				return true;
			if (!fit_goes_on(q))
				return false;
		}
	}
}

static enum run_class class_of(uint64_t align)
{
	enum run_class c = RUN_4K;

	while (c + 1 < RUN_N && run_align[c + 1] <= align)
		c++;
	return c;
}

static bool space_fit(const struct space *s, struct fit *q, uint64_t budget)
{
	q->open = q->first;
	q->budget = budget;
	return node_fit(s->root, s->level, q, s->base);
}

/* Rows to try before a search at an alignment between two classes stops to look for the lowest. */
#define VAIN_ROWS 256

/*
 * At an alignment of a class sums are exact and nothing is searched in vain. At another one a run of the finer class may
 * turn out not to hold the range: after some of those, take one that is long enough wherever it starts; and when there
 * is none such, look everywhere.
 */
static bool space_find(const struct space *s, struct fit *q)
{
	uint64_t align = q->align, len = q->len, fine;

	q->cls = class_of(align);
	fine = run_align[q->cls];
	if (s->sum.run[q->cls] < len)
		return false;
	if (align == fine)
		return space_fit(s, q, UINT64_MAX);
	if (space_fit(s, q, VAIN_ROWS))
		return true;
	if (q->budget)
		return false;
	q->align = fine;
	q->len = len + align - fine;
	if (space_fit(s, q, UINT64_MAX)) {
		q->found = (q->found + align - 1) & -align;
		return true;
	}
	q->align = align;
	q->len = len;
	return space_fit(s, q, UINT64_MAX);
}

static uint64_t page_of(uint64_t at)
{
	return at >> PAGE_SHIFT;
}

/* A range of whole pages inside the space. */
static bool space_has(const struct space *s, struct range r)
{
	return r.first <= r.last && range_covers(s->range, r) && is_aligned(r.first, PAGE_LEN) &&
	       is_aligned(r.last + 1, PAGE_LEN);
}

struct space *space_new(struct range r)
{
	uint64_t first = page_of(r.first), end = page_of(r.last) + 1, base, len;
	struct space *s = mem_new0(struct space);

	if (!s)
		return NULL;
	s->range = r;
	assert(space_has(s, r));
	s->footprint = sizeof(*s);
	do {
		len = child_len(++s->level) * ROW_N;
		s->base = base = first & -len;
	} while (end > base + len);
	s->root = node_new(s, s->level);
	if (!s->root || !node_ensure(s, s->root, s->level, base, base, first) ||
	    !node_ensure(s, s->root, s->level, base, end, base + len))
		return space_free(s);
	space_mark(s, base, first, true);
	space_mark(s, end, base + len, true);
	row_sum(node_row(s->root, s->level), RUN_N, &s->sum);
	return s;
}

struct space *space_free(struct space *s)
{
	if (s)
		node_free(s, s->root, s->level);
	return mem_free(s);
}

static int space_take_pages(struct space *s, uint64_t first, uint64_t end)
{
	if (!node_ensure(s, s->root, s->level, s->base, first, end))
		return -ENOMEM;
	space_mark(s, first, end, true);
	s->used += end - first;
	return 0;
}

static int space_take_fit(struct space *s, struct fit *q, uint64_t *out_first)
{
	uint64_t len = q->len;
	int r;

	if (!space_find(s, q))
		return -ENOSPC;
	r = space_take_pages(s, q->found, q->found + len);
	if (r == 0)
		*out_first = q->found << PAGE_SHIFT;
	return r;
}

static struct fit fit_of(uint64_t len, uint64_t align)
{
	assert(len && is_aligned(len, PAGE_LEN));
	assert(align >= PAGE_LEN && !(align & (align - 1)));
	return (struct fit){ .len = page_of(len), .align = page_of(align) };
}

int space_take(struct space *s, uint64_t len, uint64_t align, uint64_t *out_first)
{
	struct fit q = fit_of(len, align);

	q.first = s->base; /* the limits of the root cut no row */
	q.end = s->base + child_len(s->level) * ROW_N;
	return space_take_fit(s, &q, out_first);
}

int space_take_within(struct space *s, struct range in, uint64_t len, uint64_t align,
		      uint64_t *out_first)
{
	struct fit q = fit_of(len, align);

	if (!range_meets(s->range, in))
		return -ENOSPC;
	in.first = row_max(in.first, s->range.first);
	in.last = in.last < s->range.last ? in.last : s->range.last;
	q.first = page_of(in.first) + !is_aligned(in.first, PAGE_LEN);
	q.end = page_of(in.last) + is_aligned(in.last + 1, PAGE_LEN);
	return q.first < q.end ? space_take_fit(s, &q, out_first) : -ENOSPC;
}

int space_take_at(struct space *s, struct range r)
{
	if (!space_has(s, r))
		return -EINVAL;
	if (!space_is_free(s, r))
		return -EBUSY;
	return space_take_pages(s, page_of(r.first), page_of(r.last) + 1);
}

void space_put(struct space *s, struct range r)
{
	assert(space_has(s, r));
	space_mark(s, page_of(r.first), page_of(r.last) + 1, false);
	s->used -= page_of(r.last) + 1 - page_of(r.first);
}

void space_trim(struct space *s)
{
	node_trim(s, s->root, s->level);
}

bool space_is_free(const struct space *s, struct range r)
{
	assert(space_has(s, r));
	return node_is_free(s->root, s->level, s->base, page_of(r.first), page_of(r.last) + 1);
}

struct range space_range(const struct space *s)
{
	return s->range;
}

uint64_t space_used(const struct space *s)
{
	return s->used << PAGE_SHIFT;
}

uint64_t space_largest(const struct space *s, uint64_t align)
{
	enum run_class c = class_of(page_of(align));
	uint64_t skip = page_of(align) - run_align[c], run = s->sum.run[c];

	run = run > skip ? run - skip : 0;
	if (skip && c + 1 < RUN_N)
		run = row_max(run, s->sum.run[c + 1]);
	return run << PAGE_SHIFT;
}

size_t space_footprint(const struct space *s)
{
	return s->footprint;
}
