// SPDX-License-Identifier: BSD-3-Clause
#include "graph/branch.h"

#include <assert.h>

#include "base/mem.h"

/* Walks go over the children that a range of pages touches, with the part of the range that is in the child. */
struct part {
	unsigned i;
	uint64_t first, end;
	bool whole;
};

static struct part part_of(unsigned level, uint64_t first, uint64_t end)
{
	uint64_t len = child_len(level), to = (first & -len) + len;

	to = to < end ? to : end;
	return (struct part){ child_of(level, first), first, to, to - first == len };
}

#define part_each(p, level, from, to)                                                              \
	for (struct part p = part_of(level, from, to); p.first < (to);                             \
	     p = part_of(level, p.end, to))

struct branch *branch_new(unsigned level, size_t *footprint)
{
	struct sum sum = sum_whole(child_len(level), false);
	struct branch *b = mem_new0(struct branch);

	if (!b)
		return NULL;
	for (unsigned i = 0; i < ROW_N; i++)
		row_put(branch_row(b, level), b->lines, i, &sum);
	*footprint += sizeof(*b);
	return b;
}

static void child_free(struct branch *b, unsigned level, unsigned i, size_t *footprint)
{
	if (level > 1) {
		b->child[i].branch = branch_free(b->child[i].branch, level - 1, footprint);
		return;
	}
	if (b->child[i].leaf)
		*footprint -= sizeof(*b->child[i].leaf);
	b->child[i].leaf = mem_free(b->child[i].leaf);
}

struct branch *branch_free(struct branch *b, unsigned level, size_t *footprint)
{
	if (!b)
		return NULL;
	for (unsigned i = 0; i < ROW_N; i++)
		child_free(b, level, i, footprint);
	*footprint -= sizeof(*b);
	return mem_free(b);
}

void branch_trim(struct branch *b, unsigned level, size_t *footprint)
{
	for (unsigned i = 0; i < ROW_N; i++) {
		if (child_is_taken(b, i) || child_is_free(b, level, i))
			child_free(b, level, i, footprint);
		else if (level > 1)
			branch_trim(b->child[i].branch, level - 1, footprint);
	}
}

bool branch_grow(struct branch *b, unsigned level, unsigned i, size_t *footprint)
{
	struct leaf *l;

	if (level > 1) {
		b->child[i].branch = branch_new(level - 1, footprint);
		return b->child[i].branch;
	}
	l = mem_new0(struct leaf);
	if (!l)
		return false;
	leaf_init(l);
	b->child[i].leaf = l;
	*footprint += sizeof(*l);
	return true;
}

bool branch_ensure(struct branch *b, unsigned level, uint64_t first, uint64_t end,
		   size_t *footprint)
{
	part_each(p, level, first, end)
	{
		if (p.whole)
			continue;
		if (!b->child[p.i].branch && !branch_grow(b, level, p.i, footprint))
			return false;
		if (level > 1 &&
		    !branch_ensure(b->child[p.i].branch, level - 1, p.first, p.end, footprint))
			return false;
	}
	return true;
}

/* A child that has a branch or leaf of its own. */
static bool child_mark(struct branch *b, unsigned level, struct part p, bool taken)
{
	struct sum sum;

	assert(!child_is_taken(b, p.i) && b->child[p.i].branch);
	if (level > 1) {
		struct branch *child = b->child[p.i].branch;

		if (!branch_mark(child, level - 1, p.first, p.end, taken))
			return false;
		row_sum(branch_row(child, level - 1), &sum);
	} else {
		struct leaf *leaf = b->child[p.i].leaf;

		if (!leaf_mark(leaf, p.first % LEAF_LEN, (p.end - 1) % LEAF_LEN + 1, taken))
			return false;
		leaf_sum(leaf, &sum);
	}
	return row_put(branch_row(b, level), b->lines, p.i, &sum);
}

bool branch_mark(struct branch *b, unsigned level, uint64_t first, uint64_t end, bool taken)
{
	struct sum whole = sum_whole(child_len(level), taken);
	bool changed = false;

	part_each(p, level, first, end)
	{
		if (!p.whole || (!taken && !child_is_taken(b, p.i))) {
			changed |= child_mark(b, level, p, taken);
			continue;
		}
		assert(!taken || child_is_free(b, level, p.i));
		b->whole_taken ^= (uint8_t)(1U << p.i);
		changed |= row_put(branch_row(b, level), b->lines, p.i, &whole);
	}
	return changed;
}

bool branch_is_free(const struct branch *b, unsigned level, uint64_t first, uint64_t end)
{
	part_each(p, level, first, end)
	{
		if (child_is_free(b, level, p.i))
			continue;
		if (p.whole || child_is_taken(b, p.i))
			return false;
		if (level > 1 ? !branch_is_free(b->child[p.i].branch, level - 1, p.first, p.end) :
				!leaf_is_free(b->child[p.i].leaf, p.first % LEAF_LEN,
					      (p.end - 1) % LEAF_LEN + 1))
			return false;
	}
	return true;
}

static bool child_fit(const struct branch *b, unsigned level, unsigned i, struct fit *q,
		      uint64_t base)
{
	return level > 1 ? branch_fit(b->child[i].branch, level - 1, q, base) :
			   leaf_fit(b->child[i].leaf, q, base);
}

/* A child that the limits cut. */
static bool child_fit_cut(const struct branch *b, unsigned level, unsigned i, struct fit *q,
			  uint64_t base)
{
	uint64_t end = base + child_len(level);

	end = end < q->end ? end : q->end;
	if (child_is_free(b, level, i))
		return fit_reaches(q, end);
	if (!child_is_taken(b, i))
		return child_fit(b, level, i, q, base);
	q->open = end;
	return false;
}

bool branch_fit(const struct branch *b, unsigned level, struct fit *q, uint64_t base)
{
	uint64_t len = child_len(level);
	unsigned i = base < q->first ? child_of(level, q->first) : 0;
	unsigned to = q->end - base < len * ROW_N ? child_of(level, q->end) : ROW_N;

	if (base + i * len < q->first) {
		if (child_fit_cut(b, level, i, q, base + i * len))
			return true;
		if (!q->budget)
			return false;
		i++;
	}
	for (;; i++) {
		switch (row_fit(branch_row(b, level), q, base, &i, to)) {
		case ROW_FOUND:
			return true;
		case ROW_NONE:
			return i == to && to < ROW_N && base + to * len < q->end &&
			       child_fit_cut(b, level, to, q, base + to * len);
		case ROW_INSIDE:
			if (child_fit(b, level, i, q, base + i * len))
				return true;
			if (!fit_goes_on(q))
				return false;
		}
	}
}
