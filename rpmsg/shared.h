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
 * Cached mappings only; a word is read and written whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct shared {
	void *base;
	uint64_t len;
	uint64_t da;
};

uint8_t shared_get8(const struct shared *w, uint64_t at);
uint16_t shared_get16(const struct shared *w, uint64_t at);
uint32_t shared_get32(const struct shared *w, uint64_t at);
void shared_put8(const struct shared *w, uint64_t at, uint8_t v);
void shared_put16(const struct shared *w, uint64_t at, uint16_t v);
void shared_put32(const struct shared *w, uint64_t at, uint32_t v);
void shared_put64(const struct shared *w, uint64_t at, uint64_t v);

/* An index: what the peer wrote before it is seen after it; what we wrote before it is seen by who sees it. */
uint16_t shared_acquire16(const struct shared *w, uint64_t at);
void shared_release16(const struct shared *w, uint64_t at, uint16_t v);
/* What we wrote before is seen before what we read after. */
void shared_barrier(void);

/* at must be a multiple of 8, as buffers are. */
void shared_read(const struct shared *w, uint64_t at, void *out, size_t len);
void shared_write(const struct shared *w, uint64_t at, const void *from, size_t len);
void shared_zero(const struct shared *w, uint64_t at, size_t len);
