/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client has in its buffers: words that follow from a seed, so that each buffer's are its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t crash_word(uint64_t seed, size_t i)
{
	return seed ^ i * UINT64_C(0x9e3779b97f4a7c15);
}
