/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Eight neighbours of equal size and the free runs in them: the arithmetic of every level of a space. In pages.
 *
 *	      prefix                 suffix
 *	     |<--->|                |<---->|
 *	     [.....##...#......#....#......][......##   two neighbours; '.' free, '#' taken
 *	                              |<-------->|      a run of both: suffix of the one + prefix of the other
 *
 * A row is an array of numbers, one line of eight for each fact, as wide as the level needs (8, 16 or 64 bits):
 * prefix, suffix, and for each class of alignment the longest free run that starts at a multiple of it. A class that is
 * not finer than the neighbours are long has no line: such a run starts where a neighbour starts, so prefixes say it.
 *
 * Everything is inline, for the width and often the size are constants of the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ROW_N 8
#define ROW_BITS 3

enum run_class { RUN_4K, RUN_64K, RUN_1M, RUN_2M, RUN_16M, RUN_N };

enum row_line { ROW_PREFIX, ROW_SUFFIX, ROW_RUN }; /* ROW_RUN + class */

static const uint64_t run_align[RUN_N] = { 1, 16, 256, 512, 4096 };

/* What a row says to the row above. used: the longest runs inside blocks of 16 MB of which a part is taken. */
struct sum {
	uint64_t prefix, suffix, run[RUN_N], used[RUN_16M];
};

struct row {
	const void *lines; /* numbers of width bytes, [ROW_RUN + n_runs][ROW_N] */
	unsigned width, n_runs;
	uint64_t len; /* of one neighbour */
};

/* One search for the lowest free range of len pages at a multiple of align, between first and end (not included). */
struct fit {
	uint64_t len, align, first, end;
	bool is_cut;        /* first or end may lie inside a row */
	enum run_class cls; /* the coarsest that align is a multiple of */
	uint64_t open; /* where the free run starts that reaches the place where the search is */
	uint64_t found;
	uint64_t budget; /* rows that may still be searched in vain; at 0 the search is over, whatever is left */
};

#define _row_inline_ static inline __attribute__((always_inline))

_row_inline_ uint64_t row_get(struct row r, unsigned line, unsigned i)
{
	unsigned at = line * ROW_N + i;

	if (r.width == 1)
		return ((const uint8_t *)r.lines)[at];
	return r.width == 2 ? ((const uint16_t *)r.lines)[at] : ((const uint64_t *)r.lines)[at];
}

/* What a neighbour of len pages says that is wholly free, or wholly taken. */
_row_inline_ struct sum sum_whole(uint64_t len, bool taken)
{
	uint64_t v = taken ? 0 : len;

	return (struct sum){ v, v, { v, v, v, v, v }, { 0 } };
}

_row_inline_ uint64_t row_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

_row_inline_ uint64_t row_suffix(struct row r)
{
	uint64_t suffix = 0;
	unsigned i = ROW_N;

	do
		suffix += row_get(r, ROW_SUFFIX, --i);
	while (i > 0 && row_get(r, ROW_SUFFIX, i) == r.len);
	return suffix;
}

/* Whether the open run, now that it is free up to end, holds the range. */
_row_inline_ bool fit_reaches(struct fit *q, uint64_t end)
{
	uint64_t at = (q->open + q->align - 1) & -q->align;

	if (at + q->len > end)
		return false;
	q->found = at;
	return true;
}

/* After a row was searched in vain: an alignment between two classes may promise what is not there. */
_row_inline_ bool fit_goes_on(struct fit *q)
{
	return q->budget > 0 && --q->budget > 0;
}

enum row_step { ROW_FOUND, ROW_INSIDE, ROW_NONE };

/*
 * Searches the neighbours *i to n - 1 of a row that starts at base, all of which lie inside the limits. ROW_FOUND: in
 * q->found. ROW_INSIDE: *i has a run long enough within itself, at an alignment of class q->cls. ROW_NONE: neither.
 */
_row_inline_ enum row_step row_fit(struct row r, struct fit *q, uint64_t base, unsigned *i,
				   unsigned n)
{
	bool inside = q->align < r.len && q->cls < r.n_runs;

	for (; *i < n; ++*i) {
		uint64_t at = base + *i * r.len, prefix = row_get(r, ROW_PREFIX, *i);

		if (fit_reaches(q, at + prefix))
			return ROW_FOUND;
		if (prefix == r.len)
			continue;
		if (inside && row_get(r, ROW_RUN + q->cls, *i) >= q->len)
			return ROW_INSIDE;
		q->open = at + r.len - row_get(r, ROW_SUFFIX, *i);
	}
	return ROW_NONE;
}
