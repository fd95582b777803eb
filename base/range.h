/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An inclusive range of 64-bit addresses, and the only arithmetic on addresses that we trust.
 *
 *	first                 last
 *	  |<------- len ------->|        len = last - first + 1; a range is never empty
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_LEN (UINT64_C(1) << PAGE_SHIFT)

#define SZ_4K UINT64_C(0x1000)
#define SZ_64K UINT64_C(0x10000)
#define SZ_1M UINT64_C(0x100000)
#define SZ_2M UINT64_C(0x200000)
#define SZ_16M UINT64_C(0x1000000)

struct range {
	uint64_t first, last;
};

/* False, and out untouched, when len is 0 or the range would go past 2^64 - 1. */
static inline bool range_make(uint64_t first, uint64_t len, struct range *out)
{
	if (len == 0 || len - 1 > UINT64_MAX - first)
		return false;
	*out = (struct range){ first, first + (len - 1) };
	return true;
}

/* Bytes; the range of everything, whose length does not fit, counts as UINT64_MAX. */
static inline uint64_t range_len(struct range r)
{
	uint64_t n = r.last - r.first;

	return n == UINT64_MAX ? n : n + 1;
}

static inline bool range_has(struct range r, uint64_t at)
{
	return at >= r.first && at <= r.last;
}

static inline bool range_covers(struct range outer, struct range inner)
{
	return inner.first >= outer.first && inner.last <= outer.last;
}

static inline bool range_meets(struct range a, struct range b)
{
	return a.first <= b.last && b.first <= a.last;
}

static inline bool is_aligned(uint64_t v, uint64_t align)
{
	return (v & (align - 1)) == 0;
}

static inline uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* False when the aligned value does not fit. align is a power of two. */
static inline bool align_up(uint64_t v, uint64_t align, uint64_t *out)
{
	uint64_t up = align_down(v + (align - 1), align);

	if (up < v)
		return false;
	*out = up;
	return true;
}
