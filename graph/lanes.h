/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of a row (graph/row.h) on eight 16-bit lanes at once, for the lowest rows, which change with every take
 * and put. Compilers lower it to what the machine has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "graph/row.h"

typedef uint16_t lanes __attribute__((vector_size(16)));
typedef uint8_t lanes_u8 __attribute__((vector_size(8)));

/* Lane i is lane i + n, or 0. */
#define LANES_FROM(v, n)                                                                           \
	__builtin_shufflevector(v, (lanes){ 0 }, n, (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5,   \
				(n) + 6, (n) + 7)

/*
 * A line of a row, widened. Lines are read and written as a whole: a read that meets only a part of an earlier write
 * waits for it.
 */
_row_inline_ lanes lanes_load_u8(const uint8_t line[ROW_N])
{
	lanes_u8 v;

	__builtin_memcpy(&v, line, sizeof(v));
	return __builtin_convertvector(v, lanes);
}

_row_inline_ lanes lanes_load(const uint16_t line[ROW_N])
{
	lanes v;

	__builtin_memcpy(&v, line, sizeof(v));
	return v;
}

/* Writes lane i. True when it was another value before. */
_row_inline_ bool lanes_put_u8(uint8_t line[ROW_N], unsigned i, uint8_t now)
{
	const lanes_u8 each = { 0, 1, 2, 3, 4, 5, 6, 7 };
	lanes_u8 v, at = (lanes_u8)(each == (uint8_t)i);
	bool changed = line[i] != now;

	__builtin_memcpy(&v, line, sizeof(v));
	v = (v & ~at) | (at & now);
	__builtin_memcpy(line, &v, sizeof(v));
	return changed;
}

_row_inline_ bool lanes_put(uint16_t line[ROW_N], unsigned i, uint16_t now)
{
	const lanes each = { 0, 1, 2, 3, 4, 5, 6, 7 };
	lanes at = (lanes)(each == (uint16_t)i), v = (lanes_load(line) & ~at) | (at & now);
	bool changed = line[i] != now;

	__builtin_memcpy(line, &v, sizeof(v));
	return changed;
}

_row_inline_ lanes lanes_max(lanes a, lanes b)
{
#ifdef __SSE2__
	return a + (lanes)_mm_subs_epu16((__m128i)b, (__m128i)a);
#else
	lanes above = (lanes)(a > b);

	return (a & above) | (b & ~above);
#endif
}

/* The largest of the lanes. */
_row_inline_ uint16_t lanes_top(lanes v)
{
	v = lanes_max(v, LANES_FROM(v, 4));
	v = lanes_max(v, LANES_FROM(v, 2));
	v = lanes_max(v, LANES_FROM(v, 1));
	return v[0];
}

/* The free run that starts where each neighbour starts: doubling what is looked at three times. */
_row_inline_ lanes lanes_ahead(lanes prefix, uint16_t len)
{
	lanes free = (lanes)(prefix == len), ahead = prefix;

	ahead += free & LANES_FROM(ahead, 1);
	free &= LANES_FROM(free, 1);
	ahead += free & LANES_FROM(ahead, 2);
	free &= LANES_FROM(free, 2);
	ahead += free & LANES_FROM(ahead, 4);
	return ahead;
}

/* The longest of the runs inside and of those that start in a suffix at a multiple of align, or with a neighbour. */
_row_inline_ uint16_t lanes_run(lanes inside, lanes suffix, lanes ahead, uint16_t align)
{
	lanes seam = (suffix & (uint16_t)-align) + LANES_FROM(ahead, 1);

	return lanes_top(lanes_max(lanes_max(inside, ahead), seam));
}
