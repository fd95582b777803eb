// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/shared.h"

#include <assert.h>
#include <string.h>

/* Words where both sides have them, then bytes. The private side may lie anywhere. */
void shared_read(const struct shared *w, uint64_t at, void *out, size_t len)
{
	const volatile uint64_t *words = shared_place(w, at, len);
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
	volatile uint64_t *words = shared_place(w, at, len);
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
	volatile uint8_t *bytes = shared_place(w, at, len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = 0;
}
