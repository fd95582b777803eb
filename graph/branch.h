/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The upper part of a space: rows of eight children over the leaves. In pages.
 *
 *	level 2   [ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ][ 128M ]
 *	           free    taken     |                                     taken
 *	level 1                      [ 16M ][ 16M ][ 16M ][ 16M ][ 16M ][ 16M ] ...
 *	                              free     |      taken
 *	                                       leaf
 *
 * Page numbers are absolute: a branch of level n lies at a multiple of its length, so alignment inside is alignment of
 * addresses, and the bits of a page number say which child it is in at every level.
 *
 * A child that is wholly free needs no memory. A child that was taken as a whole is only marked so (whole_taken); the
 * branch or leaf it may have still says that all is free, and is right again when the child is put. So the length of
 * what is taken or put does not matter, and a put needs no memory: what was not taken as a whole has it already.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/leaf.h"
#include "graph/row.h"

#define BRANCH_LEVELS 14 /* of level 14 is one of 2^54 pages, more than there are addresses */

struct branch {
	union {
		struct branch *branch; /* of the level below */
		struct leaf *leaf;     /* on level 1 */
	} child[ROW_N];
	uint8_t whole_taken; /* a bit for each child */
	uint64_t lines[];    /* see narrow_lines() and wide_lines() */
};

/* log2 of the pages of one child. */
static inline unsigned child_bits(unsigned level)
{
	return LEAF_BITS + ROW_BITS * (level - 1);
}

static inline uint64_t child_len(unsigned level)
{
	return UINT64_C(1) << child_bits(level);
}

/* Which child a page is in. */
static inline unsigned child_of(unsigned level, uint64_t page)
{
	return (unsigned)(page >> child_bits(level)) % ROW_N;
}

/*
 * Of level 1, most of all branches, lines are narrow, so that a row fits two cache lines: ROW_PREFIX, ROW_SUFFIX, ROW_RUN
 * + class but for 16M, which prefixes say. Wide ones follow with ROW_RUN + RUN_16M and, for struct sum.used, ROW_USED +
 * class.
 */
#define NARROW_LINES (ROW_RUN + RUN_16M)
#define ROW_USED (ROW_RUN + RUN_N)
#define WIDE_LINES (ROW_USED + RUN_16M)

static inline const uint16_t (*narrow_lines(const struct branch *b))[ROW_N]
{
	return (const void *)b->lines;
}

static inline const uint64_t (*wide_lines(const struct branch *b))[ROW_N]
{
	return (const void *)b->lines;
}

static inline struct row narrow_row(const struct branch *b)
{
	return (struct row){ b->lines, 2, RUN_16M, LEAF_LEN };
}

static inline struct row wide_row(const struct branch *b, unsigned level)
{
	return (struct row){ b->lines, 8, RUN_N, child_len(level) };
}

static inline bool child_is_taken(const struct branch *b, unsigned i)
{
	return b->whole_taken >> i & 1;
}

static inline bool child_is_free(const struct branch *b, unsigned level, unsigned i)
{
	return level == 1 ? narrow_lines(b)[ROW_PREFIX][i] == LEAF_LEN :
			    wide_lines(b)[ROW_PREFIX][i] == child_len(level);
}

/* All pages free, or NULL. *footprint follows what is allocated and freed, here and below. */
struct branch *branch_new(unsigned level, size_t *footprint);
struct branch *branch_free(struct branch *b, unsigned level, size_t *footprint);
/* Frees the children that are wholly free or were taken as a whole. */
void branch_trim(struct branch *b, unsigned level, size_t *footprint);
/* Gives child i a branch or leaf, all free. False without memory, and nothing has changed. */
bool branch_grow(struct branch *b, unsigned level, unsigned i, size_t *footprint);

void branch_sum(const struct branch *b, unsigned level, struct sum *out);
/* What child i of a branch above level 1 has told. */
void branch_told(const struct branch *b, unsigned i, struct sum *out);
/*
 * A branch above level 1 hears what child i says now, and *sum, what the branch itself says, is brought up to date. False
 * when nothing has changed in *sum.
 */
bool branch_tell(struct branch *b, unsigned level, unsigned i, const struct sum *now,
		 struct sum *sum);
/* The same for level 1, where *sum need not be set before. */
bool branch_tell_leaf(struct branch *b, unsigned i, const struct sum *now, struct sum *sum);

/* Below, first to end - 1 are pages of the branch. */
/* Grows what branch_mark() needs. False without memory; what has grown says what was so before. */
bool branch_ensure(struct branch *b, unsigned level, uint64_t first, uint64_t end,
		   size_t *footprint);
/* All of the pages are in the other state (asserted). */
void branch_mark(struct branch *b, unsigned level, uint64_t first, uint64_t end, bool taken);
bool branch_is_free(const struct branch *b, unsigned level, uint64_t first, uint64_t end);
/* Goes on with a search in the branch that starts at base. True when q->found is set. */
bool branch_fit(const struct branch *b, unsigned level, struct fit *q, uint64_t base);
