/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that the host writes at any moment: each value is read once, whole, and is private from then on. Little endian,
 * whatever the CPU. Addresses are aligned to the value's size; copies want 8 bytes on both sides to be quick.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define VCM_LE16(v) __builtin_bswap16(v)
#define VCM_LE32(v) __builtin_bswap32(v)
#else
#define VCM_LE16(v) (v)
#define VCM_LE32(v) (v)
#endif

static inline uint16_t vcm_shared_get16(const volatile void *at)
{
	return VCM_LE16(*(const volatile uint16_t *)at);
}

static inline uint32_t vcm_shared_get32(const volatile void *at)
{
	return VCM_LE32(*(const volatile uint32_t *)at);
}

static inline uint64_t vcm_shared_get64(const volatile void *at)
{
	return vcm_shared_get32(at) | (uint64_t)vcm_shared_get32((const volatile uint8_t *)at + 4)
					      << 32;
}

static inline void vcm_shared_put16(volatile void *at, uint16_t v)
{
	*(volatile uint16_t *)at = VCM_LE16(v);
}

static inline void vcm_shared_put32(volatile void *at, uint32_t v)
{
	*(volatile uint32_t *)at = VCM_LE32(v);
}

/* Into and out of shared memory; len bytes that do not overlap. */
void vcm_shared_read(void *to, const volatile void *from, size_t len);
void vcm_shared_write(volatile void *to, const void *from, size_t len);
