/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a peer writes at any moment. Every access is bounded, happens exactly once, and gives a private value:
 * what was checked is what is used.
 *
 *	 da                        da + len - 1
 *	  |<------------------------->|      what the peer calls it
 *	 base                                where we have mapped it; page aligned
 *
 * Offsets are ours, from a geometry that was checked against the window: one outside is our bug, and asserted.
 * The mapping may be uncached, of memory or of a device: each access is aligned, and a word is read and written whole.
 */
#pragma once

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#include "base/barrier.h"

struct shared {
	void *base;
	uint64_t len;
	uint64_t da;
};

/* volatile: the compiler neither reads again what it has read, nor splits or joins accesses. */
static inline volatile void *shared_place(const struct shared *w, uint64_t at, uint64_t len)
{
	assert(len <= w->len && at <= w->len - len);
	return (volatile uint8_t *)w->base + at;
}

static inline uint8_t shared_get8(const struct shared *w, uint64_t at)
{
	return *(volatile uint8_t *)shared_place(w, at, 1);
}

static inline uint16_t shared_get16(const struct shared *w, uint64_t at)
{
	return le16toh(*(volatile uint16_t *)shared_place(w, at, 2));
}

static inline uint32_t shared_get32(const struct shared *w, uint64_t at)
{
	return le32toh(*(volatile uint32_t *)shared_place(w, at, 4));
}

static inline void shared_put8(const struct shared *w, uint64_t at, uint8_t v)
{
	*(volatile uint8_t *)shared_place(w, at, 1) = v;
}

static inline void shared_put16(const struct shared *w, uint64_t at, uint16_t v)
{
	*(volatile uint16_t *)shared_place(w, at, 2) = htole16(v);
}

static inline void shared_put32(const struct shared *w, uint64_t at, uint32_t v)
{
	*(volatile uint32_t *)shared_place(w, at, 4) = htole32(v);
}

static inline void shared_put64(const struct shared *w, uint64_t at, uint64_t v)
{
	*(volatile uint64_t *)shared_place(w, at, 8) = htole64(v);
}

/* An index: what the peer wrote before it is seen after it; what we wrote before it is seen by who sees it. */
static inline uint16_t shared_acquire16(const struct shared *w, uint64_t at)
{
	uint16_t v = shared_get16(w, at);

	barrier_acquire();
	return v;
}

static inline void shared_release16(const struct shared *w, uint64_t at, uint16_t v)
{
	barrier_release();
	shared_put16(w, at, v);
}

/* What is read soon, or written, comes here meanwhile: a hint, of which nothing is seen. */
static inline void shared_await(const struct shared *w, uint64_t at)
{
	__builtin_prefetch((const void *)(uintptr_t)shared_place(w, at, 1), 0);
}

static inline void shared_await_ours(const struct shared *w, uint64_t at)
{
	const volatile uint8_t *place = shared_place(w, at, 1);

#if defined(__x86_64__)
	/* The compiler takes it for a luxury; who does not know it takes it for nothing. */
	__asm__ volatile("prefetchw %0" ::"m"(*place));
#else
	__builtin_prefetch((const void *)(uintptr_t)place, 1);
#endif
}

/* What we wrote before is seen before what we read after. */
static inline void shared_barrier(void)
{
	barrier_full();
}

/* at must be a multiple of 8, as buffers are. */
void shared_read(const struct shared *w, uint64_t at, void *out, size_t len);
void shared_write(const struct shared *w, uint64_t at, const void *from, size_t len);
void shared_zero(const struct shared *w, uint64_t at, size_t len);
