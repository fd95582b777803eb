/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The free and the taken pages of one range of addresses (device addresses of a vcm, physical addresses of a pool):
 * an aligned first fit on summaries.
 *
 * A bitmap of pages under a sparse tree of summaries, so that
 *  - finding, taking and giving back cost O(log n), whatever is live and however full the space is;
 *  - memory grows with what was touched, not with the length of the space (2^47 bytes are fine);
 *  - the largest free run, at every usual alignment, is known exactly at the root.
 *
 * It knows pages (4 KB), never bytes behind them. How it is built: graph/branch.h, graph/leaf.h, graph/row.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

struct space;

/* A space with all pages of r free; r.first and r.last + 1 are multiples of 4 KB, r is at most 2^52 bytes. NULL without
 * memory. */
struct space *space_new(struct range r);
/* Returns NULL; NULL is fine. What is still taken does not matter. */
struct space *space_free(struct space *s);

/*
 * Takes a free range of len bytes whose start is a multiple of align: the lowest inside a block of 16 MB (at a multiple
 * of 16 MB) that is in use already or cut by the end of the space, so that free blocks stay whole; else the lowest.
 * At an align other than 4K, 64K, 1M, 2M and 16M: the lowest; but after many ranges that looked fit and were not, a
 * higher one. When there is a fit it is found at any align; when there is none, such a search may see the whole space.
 * len: a multiple of 4 KB, not 0. align: a power of two, at least 4 KB, of the address wherever the space starts.
 * 0; -ENOSPC when there is none; -ENOMEM without memory for the bitmap, and nothing has changed.
 */
int space_take(struct space *s, uint64_t len, uint64_t align, uint64_t *out_first);
/* The lowest inside `in` only (in is cut to the space and to whole pages). Else the same. */
int space_take_within(struct space *s, struct range in, uint64_t len, uint64_t align,
		      uint64_t *out_first);
/* Takes exactly r. 0; -EBUSY when part of it is taken; -EINVAL when r is not inside or not of whole pages; -ENOMEM. */
int space_take_at(struct space *s, struct range r);
/*
 * Gives r back: what one take returned, or several that touch, never a piece of one (a taken range is kept as a whole,
 * and to break it could need memory; asserted as far as it is seen). Cannot fail, needs no memory.
 * A range that was given back can be taken again by space_take_at() without any allocation, until space_trim().
 */
void space_put(struct space *s, struct range r);
/* Releases bitmap memory of parts that are wholly free, or wholly taken by one take. */
void space_trim(struct space *s);

/* True when every page of r (of whole pages, inside: asserted) is free. O(log n) plus r's own words. */
bool space_is_free(struct space *s, struct range r);
struct range space_range(const struct space *s);
uint64_t space_used(const struct space *s); /* bytes */
/*
 * Bytes of the largest free run that starts at a multiple of align: exact for 4K, 64K, 1M, 2M and 16M;
 * for any other align a value that space_take() can satisfy (a lower bound). O(1) or O(log n).
 */
uint64_t space_largest(struct space *s, uint64_t align);
/* Bytes of memory that the space itself holds. */
size_t space_footprint(const struct space *s);
