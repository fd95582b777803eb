/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of a row (graph/row.h) on eight 16-bit lanes at once, for the rows of a leaf, which change with every
 * take and put. Compilers lower it to what the machine has.
 */
#pragma once

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "graph/row.h"

typedef int16_t lanes __attribute__((vector_size(16)));
typedef uint8_t lanes_u8 __attribute__((vector_size(8)));

/* Lane i is lane i + n, or 0. */
#define LANES_FROM(v, n)                                                                           \
	__builtin_shufflevector(v, (lanes){ 0 }, n, (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5,   \
				(n) + 6, (n) + 7)

_row_inline_ lanes lanes_load_u8(const uint8_t *p)
{
	lanes_u8 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_convertvector(v, lanes);
}

_row_inline_ lanes lanes_load(const uint16_t *p)
{
	lanes v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

_row_inline_ lanes lanes_max(lanes a, lanes b)
{
#ifdef __SSE2__
	return (lanes)_mm_max_epi16((__m128i)a, (__m128i)b);
#else
	lanes above = a > b;

	return (a & above) | (b & ~above);
#endif
}

/* The largest of the lanes. */
_row_inline_ uint16_t lanes_top(lanes v)
{
	v = lanes_max(v, LANES_FROM(v, 4));
	v = lanes_max(v, LANES_FROM(v, 2));
	v = lanes_max(v, LANES_FROM(v, 1));
	return (uint16_t)v[0];
}

/* The free run that starts where each neighbour starts: doubling what is looked at three times. */
_row_inline_ lanes lanes_ahead(lanes prefix, int16_t len)
{
	lanes free = prefix == len, ahead = prefix;

	ahead += free & LANES_FROM(ahead, 1);
	free &= LANES_FROM(free, 1);
	ahead += free & LANES_FROM(ahead, 2);
	free &= LANES_FROM(free, 2);
	ahead += free & LANES_FROM(ahead, 4);
	return ahead;
}

/* For each neighbour, the run that starts in its suffix at a multiple of align, or where it starts itself. */
_row_inline_ lanes lanes_seams(lanes suffix, lanes ahead, int16_t align)
{
	return lanes_max(ahead, (suffix & (int16_t)-align) + LANES_FROM(ahead, 1));
}
