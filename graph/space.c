// SPDX-License-Identifier: BSD-3-Clause
#include "graph/space.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/branch.h"

struct space {
	struct range range;
	struct branch *
		root; /* of the lowest level that covers the range; what it covers besides is taken for good */
	unsigned level;
	uint64_t base; /* page number where the root starts */
	struct sum sum;
	struct leaf *stale;   /* whose summaries, and the rows above it, are of before; or NULL */
	uint64_t stale_words; /* in it, a bit for each */
	uint64_t stale_page;  /* one in it */
	uint64_t stale_was;   /* the word of that page, as the summaries know it */
	uint64_t used;        /* pages */
	size_t footprint;
};

/*
 * The way from the root to the pages first to end - 1: down while they lie in one child and do not fill it. It ends in a
 * leaf (level 0) or in the branch where they part. Almost all ranges are short and end in a leaf.
 */
struct path {
	struct branch *branch[BRANCH_LEVELS + 1]; /* by level */
	struct leaf *leaf;
	unsigned level;
};

/* The level of the branch where the pages part, or fill a child; 0 when they lie in one leaf. What fills the root ends there. */
static unsigned path_end(const struct space *s, uint64_t first, uint64_t end)
{
	uint64_t apart = first ^ (end - 1);
	unsigned level = 0;

	while (level < s->level &&
	       (apart >> child_bits(level + 1) || end - first == child_len(level + 1)))
		level++;
	return level;
}

/* With grow, what is missing is allocated; false without memory. Without, nothing is missing (asserted). */
static bool path_down(struct space *s, struct path *p, uint64_t first, uint64_t end, bool grow)
{
	struct branch *b = s->root;

	assert(s->level > 0);
	p->level = path_end(s, first, end);
	for (unsigned level = s->level; level > p->level; level--) {
		unsigned i = child_of(level, first);

		p->branch[level] = b;
		if (!b->child[i].branch && grow && !branch_grow(b, level, i, &s->footprint))
			return false;
		assert(b->child[i].branch && !child_is_taken(b, i));
		p->leaf = b->child[i].leaf;
		b = b->child[i].branch;
	}
	if (p->level == 0) {
		unsigned group = first % LEAF_LEN / GROUP_LEN;

		/* One miss at a time is what a large space costs. */
		__builtin_prefetch(p->leaf->bits[group], 1);
		__builtin_prefetch(p->leaf->words[group], 1);
		__builtin_prefetch(p->leaf->groups, 1);
		return true;
	}
	p->branch[p->level] = b;
	return !grow || branch_ensure(b, p->level, first, end, &s->footprint);
}

/* From the row at `level`, which says `now`, up as long as a row says something new to the one above. */
static void path_tell(struct space *s, const struct path *p, unsigned level, uint64_t page,
		      struct sum *now, struct sum *above)
{
	while (level < s->level) {
		struct sum *swap = now;

		if (++level == s->level)
			*above = s->sum;
		else
			branch_told(p->branch[level + 1], child_of(level + 1, page), above);
		if (!branch_tell(p->branch[level], level, child_of(level, page), now, above))
			return;
		now = above;
		above = swap;
	}
	s->sum = *now;
}

static bool is_as_before(const struct space *s)
{
	unsigned page = s->stale_page % LEAF_LEN;

	return s->stale_words == UINT64_C(1) << page / WORD_LEN &&
	       leaf_word(s->stale, page) == s->stale_was;
}

/* Before anybody looks at a row. What is taken and given back in the meantime never gets there. */
static void settle(struct space *s)
{
	struct leaf *l = s->stale;
	bool is_news = l && !is_as_before(s) && leaf_update(l, s->stale_words);
	struct sum now, above;
	struct path p;

	s->stale = NULL;
	if (!is_news)
		return;
	path_down(s, &p, s->stale_page, s->stale_page + 1, false);
	assert(p.level == 0 && p.leaf == l);
	leaf_sum(l, &above);
	if (branch_tell_leaf(p.branch[1], child_of(1, s->stale_page), &above, &now))
		path_tell(s, &p, 1, s->stale_page, &now, &above);
}

/* Marks the pages at the end of their path. */
static void path_mark(struct space *s, const struct path *p, uint64_t first, uint64_t end,
		      bool taken)
{
	struct sum now, above;

	if (p->level > 0 || p->leaf != s->stale) {
		settle(s);
		s->stale_words = 0;
	}
	if (p->level > 0) {
		branch_mark(p->branch[p->level], p->level, first, end, taken);
		branch_sum(p->branch[p->level], p->level, &now);
		path_tell(s, p, p->level, first, &now, &above);
		return;
	}
	assert(p->leaf);
	if (!s->stale) {
		s->stale = p->leaf;
		s->stale_page = first;
		s->stale_was = leaf_word(p->leaf, first % LEAF_LEN);
	}
	s->stale_words |= leaf_mark(p->leaf, first % LEAF_LEN, (end - 1) % LEAF_LEN + 1, taken);
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
	return branch_fit(s->root, s->level, q, s->base);
}

/* The same where no limit cuts and a row that promises keeps it: one way down. */
static bool space_fit_exact(const struct space *s, struct fit *q)
{
	const struct branch *b = s->root;
	uint64_t base = s->base;
	enum row_step step;
	unsigned i = 0;

	q->open = q->first;
	q->budget = UINT64_MAX;
	for (unsigned level = s->level; level > 1; level--, i = 0) {
		step = row_fit(wide_row(b, level), q, base, &i, ROW_N);
		if (step != ROW_INSIDE)
			return step == ROW_FOUND;
		base += i * child_len(level);
		b = b->child[i].branch;
	}
	step = row_fit(narrow_row(b), q, base, &i, ROW_N);
	if (step != ROW_INSIDE)
		return step == ROW_FOUND;
	return leaf_fit(b->child[i].leaf, q, base + i * LEAF_LEN);
}

/*
 * The lowest fit inside a block of 16 MB that is in use already, so that free blocks stay whole for those who need them.
 * Nothing goes on from one block to the next here, so a row is searched by its one line.
 */
static bool space_fit_used(const struct space *s, struct fit *q)
{
	const struct branch *b = s->root;
	uint64_t base = s->base;
	unsigned i;

	if (q->cls >= RUN_16M || s->sum.used[q->cls] < q->len)
		return false;
	for (unsigned level = s->level; level > 1; level--) {
		const uint64_t *used = wide_lines(b)[ROW_USED + q->cls];

		for (i = 0; used[i] < q->len; i++)
			;
		base += i * child_len(level);
		b = b->child[i].branch;
	}
	for (i = 0; narrow_lines(b)[ROW_RUN + q->cls][i] < q->len || child_is_free(b, 1, i); i++)
		;
	base += i * LEAF_LEN;
	q->open = base;
	q->budget = UINT64_MAX;
	return leaf_fit(b->child[i].leaf, q, base);
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
	if (align == fine && q->is_cut)
		return space_fit(s, q, UINT64_MAX);
	if (align == fine)
		return space_fit_used(s, q) || space_fit_exact(s, q);
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
	s->root = branch_new(s->level, &s->footprint);
	if (!s->root || !branch_ensure(s->root, s->level, base, first, &s->footprint) ||
	    !branch_ensure(s->root, s->level, end, base + len, &s->footprint))
		return space_free(s);
	branch_mark(s->root, s->level, base, first, true);
	branch_mark(s->root, s->level, end, base + len, true);
	branch_sum(s->root, s->level, &s->sum);
	return s;
}

struct space *space_free(struct space *s)
{
	if (s)
		s->root = branch_free(s->root, s->level, &s->footprint);
	return mem_free(s);
}

static int space_take_pages(struct space *s, uint64_t first, uint64_t end)
{
	struct path p;

	if (!path_down(s, &p, first, end, true))
		return -ENOMEM;
	path_mark(s, &p, first, end, true);
	s->used += end - first;
	return 0;
}

static int space_take_fit(struct space *s, struct fit *q, uint64_t *out_first)
{
	uint64_t len = q->len;
	int r;

	settle(s);
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
	q.is_cut = true;
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
	uint64_t first = page_of(r.first), end = page_of(r.last) + 1;
	struct path p;

	assert(space_has(s, r));
	path_down(s, &p, first, end, false);
	path_mark(s, &p, first, end, false);
	s->used -= end - first;
}

void space_trim(struct space *s)
{
	settle(s);
	branch_trim(s->root, s->level, &s->footprint);
}

bool space_is_free(struct space *s, struct range r)
{
	assert(space_has(s, r));
	settle(s);
	return branch_is_free(s->root, s->level, page_of(r.first), page_of(r.last) + 1);
}

struct range space_range(const struct space *s)
{
	return s->range;
}

uint64_t space_used(const struct space *s)
{
	return s->used << PAGE_SHIFT;
}

uint64_t space_largest(struct space *s, uint64_t align)
{
	enum run_class c = class_of(page_of(align));
	uint64_t skip = page_of(align) - run_align[c], run;

	settle(s);
	run = s->sum.run[c];
	run = run > skip ? run - skip : 0;
	if (skip && c + 1 < RUN_N)
		run = row_max(run, s->sum.run[c + 1]);
	return run << PAGE_SHIFT;
}

size_t space_footprint(const struct space *s)
{
	return s->footprint;
}
