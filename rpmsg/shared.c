// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/shared.h"

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>

/* volatile: the compiler neither reads again what it has read, nor splits or joins accesses. */
static volatile void *place(const struct shared *w, uint64_t at, uint64_t len)
{
	assert(len <= w->len && at <= w->len - len);
	return (volatile uint8_t *)w->base + at;
}

uint8_t shared_get8(const struct shared *w, uint64_t at)
{
	return *(volatile uint8_t *)place(w, at, 1);
}

uint16_t shared_get16(const struct shared *w, uint64_t at)
{
	return le16toh(*(volatile uint16_t *)place(w, at, 2));
}

uint32_t shared_get32(const struct shared *w, uint64_t at)
{
	return le32toh(*(volatile uint32_t *)place(w, at, 4));
}

void shared_put8(const struct shared *w, uint64_t at, uint8_t v)
{
	*(volatile uint8_t *)place(w, at, 1) = v;
}

void shared_put16(const struct shared *w, uint64_t at, uint16_t v)
{
	*(volatile uint16_t *)place(w, at, 2) = htole16(v);
}

void shared_put32(const struct shared *w, uint64_t at, uint32_t v)
{
	*(volatile uint32_t *)place(w, at, 4) = htole32(v);
}

void shared_put64(const struct shared *w, uint64_t at, uint64_t v)
{
	*(volatile uint64_t *)place(w, at, 8) = htole64(v);
}

uint16_t shared_acquire16(const struct shared *w, uint64_t at)
{
	uint16_t v = shared_get16(w, at);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return v;
}

void shared_release16(const struct shared *w, uint64_t at, uint16_t v)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	shared_put16(w, at, v);
}

void shared_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Words where both sides have them, then bytes. The private side may lie anywhere. */
void shared_read(const struct shared *w, uint64_t at, void *out, size_t len)
{
	const volatile uint64_t *words = place(w, at, len);
	uint8_t *to = out;
	size_t i = 0;

	assert(at % 8 == 0);
	for (; len - i >= 8; i += 8) {
		uint64_t v = words[i / 8];

		memcpy(to + i, &v, 8);
	}
	for (; i < len; i++)
		to[i] = ((const volatile uint8_t *)words)[i];
}

void shared_write(const struct shared *w, uint64_t at, const void *from, size_t len)
{
	volatile uint64_t *words = place(w, at, len);
	const uint8_t *bytes = from;
	size_t i = 0;

	assert(at % 8 == 0);
	for (; len - i >= 8; i += 8) {
		uint64_t v;

		memcpy(&v, bytes + i, 8);
		words[i / 8] = v;
	}
	for (; i < len; i++)
		((volatile uint8_t *)words)[i] = bytes[i];
}

void shared_zero(const struct shared *w, uint64_t at, size_t len)
{
	volatile uint8_t *bytes = place(w, at, len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = 0;
}
