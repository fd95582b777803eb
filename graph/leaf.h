/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bottom of a space: the bitmap of 4096 pages (16 MB) and its summaries. In pages.
 *
 *	groups   [ 512 pages ][ 512 pages ] ...                  a row of 8
 *	words    [64][64][64][64][64][64][64][64] ...            a row of 8 for each group
 *	bits     1 is free
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "graph/row.h"

#define WORD_LEN 64
#define GROUP_LEN (WORD_LEN * ROW_N)
#define LEAF_LEN (GROUP_LEN * ROW_N)
#define LEAF_BITS 12

struct leaf {
	uint64_t bits[ROW_N][ROW_N];
	uint8_t words[ROW_N][ROW_RUN + 2][ROW_N]; /* runs of 4K and 64K */
	uint16_t groups[ROW_RUN + 3][ROW_N];      /* and of 1M */
};

/* All pages free. */
void leaf_init(struct leaf *l);
/* The word of a page. */
static inline uint64_t leaf_word(const struct leaf *l, unsigned page)
{
	return l->bits[page / GROUP_LEN][page / WORD_LEN % ROW_N];
}

/* Pages first to end - 1, all of which are in the other state (asserted). A bit for each word, for leaf_update(). */
uint64_t leaf_mark(struct leaf *l, unsigned first, unsigned end, bool taken);
/* The summaries of the words that have been marked, before they are looked at. True when leaf_sum() may have changed. */
bool leaf_update(struct leaf *l, uint64_t words);
bool leaf_is_free(const struct leaf *l, unsigned first, unsigned end);
void leaf_sum(const struct leaf *l, struct sum *out);
/* Goes on with a search in the leaf that starts at base. True when q->found is set. */
bool leaf_fit(const struct leaf *l, struct fit *q, uint64_t base);
