// SPDX-License-Identifier: BSD-3-Clause
#include "remote/shared.h"

#include <stdbool.h>

/* Words as such memory may be device memory, where anything unaligned is a fault; may_alias as they hold bytes. */
typedef uintptr_t __attribute__((may_alias)) word_t;

static bool is_aligned(const volatile void *a, const volatile void *b)
{
	return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word_t) - 1)) == 0;
}

void vcm_shared_read(void *to, const volatile void *from, size_t len)
{
	size_t i = 0;

	if (is_aligned(to, from))
		for (; i + sizeof(word_t) <= len; i += sizeof(word_t))
			*(word_t *)((uint8_t *)to + i) =
				*(const volatile word_t *)((const volatile uint8_t *)from + i);
	for (; i < len; i++)
		((uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

void vcm_shared_write(volatile void *to, const void *from, size_t len)
{
	size_t i = 0;

	if (is_aligned(to, from))
		for (; i + sizeof(word_t) <= len; i += sizeof(word_t))
			*(volatile word_t *)((volatile uint8_t *)to + i) =
				*(const word_t *)((const uint8_t *)from + i);
	for (; i < len; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}
