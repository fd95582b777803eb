// SPDX-License-Identifier: BSD-3-Clause
#include "graph/branch.h"

#include <assert.h>

#include "base/mem.h"
#include "graph/lanes.h"

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

static uint16_t (*narrow(struct branch *b))[ROW_N]
{
	return (void *)b->lines;
}

static uint64_t (*wide(struct branch *b))[ROW_N]
{
	return (void *)b->lines;
}

static bool narrow_put(struct branch *b, unsigned i, const struct sum *now)
{
	uint16_t(*line)[ROW_N] = narrow(b);
	bool changed = lanes_put(line[ROW_PREFIX], i, (uint16_t)now->prefix);

	changed |= lanes_put(line[ROW_SUFFIX], i, (uint16_t)now->suffix);
#pragma GCC unroll 4
	for (unsigned c = 0; c < RUN_16M; c++)
		changed |= lanes_put(line[ROW_RUN + c], i, (uint16_t)now->run[c]);
	return changed;
}

static void wide_put(struct branch *b, unsigned i, const struct sum *now)
{
	uint64_t(*line)[ROW_N] = wide(b);

	line[ROW_PREFIX][i] = now->prefix;
	line[ROW_SUFFIX][i] = now->suffix;
	for (unsigned c = 0; c < RUN_N; c++)
		line[ROW_RUN + c][i] = now->run[c];
	for (unsigned c = 0; c < RUN_16M; c++)
		line[ROW_USED + c][i] = now->used[c];
}

static void branch_put(struct branch *b, unsigned level, unsigned i, const struct sum *now)
{
	if (level == 1)
		narrow_put(b, i, now);
	else
		wide_put(b, i, now);
}

static void narrow_sum(const struct branch *b, struct sum *out)
{
	const uint16_t(*line)[ROW_N] = narrow_lines(b);
	lanes prefix = lanes_load(line[ROW_PREFIX]), suffix = lanes_load(line[ROW_SUFFIX]);
	lanes ahead = lanes_ahead(prefix, LEAF_LEN), used = (lanes)(prefix != LEAF_LEN);

	out->prefix = ahead[0];
	out->suffix = row_suffix(narrow_row(b));
#pragma GCC unroll 4
	for (unsigned c = 0; c < RUN_16M; c++) {
		lanes run = lanes_load(line[ROW_RUN + c]);

		out->run[c] = lanes_run(run, suffix, ahead, (uint16_t)run_align[c]);
		out->used[c] = lanes_top(run & used);
	}
	out->run[RUN_16M] = lanes_top(ahead);
}

/* ahead[i] is the free run that starts where child i starts. */
static void wide_ahead(const struct branch *b, uint64_t len, uint64_t ahead[ROW_N + 1])
{
	const uint64_t *prefix = wide_lines(b)[ROW_PREFIX];

	ahead[ROW_N] = 0;
	for (unsigned i = ROW_N; i-- > 0;)
		ahead[i] = prefix[i] + (prefix[i] == len ? ahead[i + 1] : 0);
}

static uint64_t wide_run(const struct branch *b, unsigned c, const uint64_t ahead[ROW_N + 1])
{
	const uint64_t *suffix = wide_lines(b)[ROW_SUFFIX], *run = wide_lines(b)[ROW_RUN + c];
	uint64_t best = ahead[0];

#pragma GCC unroll 8
	for (unsigned i = 0; i < ROW_N; i++) {
		uint64_t seam = (suffix[i] & -run_align[c]) + ahead[i + 1];

		best = row_max(best, row_max(seam, run[i]));
	}
	return best;
}

static uint64_t wide_used(const struct branch *b, unsigned c)
{
	const uint64_t *used = wide_lines(b)[ROW_USED + c];
	uint64_t best = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < ROW_N; i++)
		best = row_max(best, used[i]);
	return best;
}

static void wide_sum(const struct branch *b, unsigned level, struct sum *out)
{
	uint64_t ahead[ROW_N + 1];

	wide_ahead(b, child_len(level), ahead);
	out->prefix = ahead[0];
	out->suffix = row_suffix(wide_row(b, level));
	for (unsigned c = 0; c < RUN_N; c++)
		out->run[c] = wide_run(b, c, ahead);
	for (unsigned c = 0; c < RUN_16M; c++)
		out->used[c] = wide_used(b, c);
}

void branch_sum(const struct branch *b, unsigned level, struct sum *out)
{
	if (level == 1)
		narrow_sum(b, out);
	else
		wide_sum(b, level, out);
}

void branch_told(const struct branch *b, unsigned i, struct sum *out)
{
	const uint64_t(*line)[ROW_N] = wide_lines(b);

	out->prefix = line[ROW_PREFIX][i];
	out->suffix = line[ROW_SUFFIX][i];
#pragma GCC unroll 5
	for (unsigned c = 0; c < RUN_N; c++)
		out->run[c] = line[ROW_RUN + c][i];
#pragma GCC unroll 4
	for (unsigned c = 0; c < RUN_16M; c++)
		out->used[c] = line[ROW_USED + c][i];
}

bool branch_tell_leaf(struct branch *b, unsigned i, const struct sum *now, struct sum *sum)
{
	if (!narrow_put(b, i, now))
		return false;
	narrow_sum(b, sum);
	return true;
}

/* A run of one child changes, and *longest of all is still the old one. True when it must be looked for again. */
static bool run_changes(uint64_t *run, uint64_t now, uint64_t *longest, bool *changed)
{
	uint64_t was = *run;

	*run = now;
	if (now > *longest) {
		*longest = now;
		*changed = true;
	}
	return was > now && was == *longest;
}

/* Most changes are inside the child and few are of the longest runs: those need no look at the other children. */
bool branch_tell(struct branch *b, unsigned level, unsigned i, const struct sum *now,
		 struct sum *sum)
{
	uint64_t(*line)[ROW_N] = wide(b), ahead[ROW_N + 1];
	unsigned run = 0, used = 0; /* a bit for each class to look for again */
	bool changed = false;

	if (line[ROW_PREFIX][i] != now->prefix || line[ROW_SUFFIX][i] != now->suffix) {
		wide_put(b, i, now);
		wide_sum(b, level, sum);
		return true;
	}
#pragma GCC unroll 5
	for (unsigned c = 0; c < RUN_N; c++)
		run |= (unsigned)run_changes(&line[ROW_RUN + c][i], now->run[c], &sum->run[c],
					     &changed)
		       << c;
#pragma GCC unroll 4
	for (unsigned c = 0; c < RUN_16M; c++)
		used |= (unsigned)run_changes(&line[ROW_USED + c][i], now->used[c], &sum->used[c],
					      &changed)
			<< c;
	if (!(run | used))
		return changed;
	wide_ahead(b, child_len(level), ahead);
	for (unsigned c = 0; c < RUN_N; c++)
		if (run >> c & 1)
			sum->run[c] = wide_run(b, c, ahead);
	for (unsigned c = 0; c < RUN_16M; c++)
		if (used >> c & 1)
			sum->used[c] = wide_used(b, c);
	return true;
}

static size_t branch_size(unsigned level)
{
	return sizeof(struct branch) + (level == 1 ? NARROW_LINES * ROW_N * sizeof(uint16_t) :
						     WIDE_LINES * ROW_N * sizeof(uint64_t));
}

struct branch *branch_new(unsigned level, size_t *footprint)
{
	struct sum sum = sum_whole(child_len(level), false);
	struct branch *b = mem_zalloc(branch_size(level));

	if (!b)
		return NULL;
	for (unsigned i = 0; i < ROW_N; i++)
		branch_put(b, level, i, &sum);
	*footprint += branch_size(level);
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
	*footprint -= branch_size(level);
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
static void child_mark(struct branch *b, unsigned level, struct part p, bool taken)
{
	struct sum sum;

	assert(!child_is_taken(b, p.i) && b->child[p.i].branch);
	if (level > 1) {
		branch_mark(b->child[p.i].branch, level - 1, p.first, p.end, taken);
		branch_sum(b->child[p.i].branch, level - 1, &sum);
	} else {
		struct leaf *l = b->child[p.i].leaf;

		leaf_update(l, leaf_mark(l, p.first % LEAF_LEN, (p.end - 1) % LEAF_LEN + 1, taken));
		leaf_sum(l, &sum);
	}
	branch_put(b, level, p.i, &sum);
}

void branch_mark(struct branch *b, unsigned level, uint64_t first, uint64_t end, bool taken)
{
	struct sum whole = sum_whole(child_len(level), taken);

	part_each(p, level, first, end)
	{
		if (!p.whole || (!taken && !child_is_taken(b, p.i))) {
			child_mark(b, level, p, taken);
			continue;
		}
		assert(!taken || child_is_free(b, level, p.i));
		b->whole_taken ^= (uint8_t)(1U << p.i);
		branch_put(b, level, p.i, &whole);
	}
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
		switch (level == 1 ? row_fit(narrow_row(b), q, base, &i, to) :
				     row_fit(wide_row(b, level), q, base, &i, to)) {
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
