/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What clients have in their buffers, whichever way they come: words that follow from a seed, so that each buffer's are its own; how
 * long buffers are; and what one does next.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/range.h"

#define CHECK_EVERY 24 /* operations */
#define CHUNK ((size_t)SZ_4K)
#define ENGINE_LEN ((size_t)SZ_64K)
#define HOLE_LEN ((size_t)SZ_64K)

static inline unsigned int crash_pick(unsigned int *state, unsigned int n)
{
	return (unsigned int)rand_r(state) % n;
}

static inline size_t crash_len(unsigned int *state)
{
	static const size_t lens[] = { SZ_4K, SZ_4K, 3 * SZ_4K, SZ_64K, SZ_64K + SZ_4K, SZ_1M };

	return lens[crash_pick(state, sizeof(lens) / sizeof(*lens))];
}

/* Of which chunk something happens. */
static inline size_t crash_offset(unsigned int *state, size_t len)
{
	return crash_pick(state, (unsigned int)(len / CHUNK)) * CHUNK;
}

static inline uint64_t crash_word(uint64_t seed, size_t i)
{
	return seed ^ i * UINT64_C(0x9e3779b97f4a7c15);
}

/* New words; the seed that they follow from. */
static inline uint64_t crash_fill(unsigned int *state, uint64_t *at, size_t len)
{
	uint64_t seed = (uint64_t)crash_pick(state, 1u << 30) << 32 | crash_pick(state, 1u << 30);

	for (size_t i = 0; i < len / sizeof(*at); i++)
		at[i] = crash_word(seed, i);
	return seed;
}

static inline bool crash_is_filled(const uint64_t *at, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len / sizeof(*at); i++)
		if (at[i] != crash_word(seed, i))
			return false;
	return true;
}

/* What the device that never rests writes the nth time, and where in its buffer. */
static inline size_t crash_engine(uint64_t out[CHUNK / sizeof(uint64_t)], uint64_t n)
{
	for (size_t i = 0; i < CHUNK / sizeof(*out); i++)
		out[i] = n ^ i;
	return n % (ENGINE_LEN / CHUNK) * CHUNK;
}
