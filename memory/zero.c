// SPDX-License-Identifier: BSD-3-Clause
#include "memory/zero.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Below this the caches are the better place: the block goes to somebody who writes it next. */
#define STREAM_MIN ((size_t)256 << 10)
#define LINE ((size_t)64)

#ifdef __SSE2__
static void stream_zero(uint8_t *at, size_t n_lines)
{
	const __m128i zero = _mm_setzero_si128();

	for (; n_lines > 0; n_lines--, at += LINE) {
		__m128i *line = (__m128i *)(void *)at;

		_mm_stream_si128(line, zero);
		_mm_stream_si128(line + 1, zero);
		_mm_stream_si128(line + 2, zero);
		_mm_stream_si128(line + 3, zero);
	}
	_mm_sfence();
}

static void stream_copy(uint8_t *to, const uint8_t *from, size_t n_lines)
{
	for (; n_lines > 0; n_lines--, to += LINE, from += LINE) {
		const __m128i *in = (const __m128i *)(const void *)from;
		__m128i *out = (__m128i *)(void *)to;
		__m128i a = _mm_loadu_si128(in), b = _mm_loadu_si128(in + 1);
		__m128i c = _mm_loadu_si128(in + 2), d = _mm_loadu_si128(in + 3);

		_mm_stream_si128(out, a);
		_mm_stream_si128(out + 1, b);
		_mm_stream_si128(out + 2, c);
		_mm_stream_si128(out + 3, d);
	}
	_mm_sfence();
}
#else
static void stream_zero(uint8_t *at, size_t n_lines)
{
	memset(at, 0, n_lines * LINE);
}

static void stream_copy(uint8_t *to, const uint8_t *from, size_t n_lines)
{
	memcpy(to, from, n_lines * LINE);
}
#endif

static size_t bytes_to_line(const void *at)
{
	return -(uintptr_t)at & (LINE - 1);
}

void zero_bytes(void *at, size_t len)
{
	uint8_t *p = at;
	size_t head = bytes_to_line(p);

	if (len < STREAM_MIN) {
		memset(p, 0, len);
		return;
	}
	memset(p, 0, head);
	p += head;
	len -= head;
	stream_zero(p, len / LINE);
	memset(p + len / LINE * LINE, 0, len % LINE);
}

static bool overlap(const void *a, const void *b, size_t len)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (x < y ? y - x : x - y) < len;
}

void copy_bytes(void *to, const void *from, size_t len)
{
	uint8_t *p = to;
	const uint8_t *q = from;
	size_t head = bytes_to_line(p), body;

	if (len < STREAM_MIN || overlap(to, from, len)) {
		memmove(p, q, len);
		return;
	}
	body = (len - head) / LINE * LINE;
	memcpy(p, q, head);
	stream_copy(p + head, q + head, body / LINE);
	memcpy(p + head + body, q + head + body, len - head - body);
}

/* --- aligned words. volatile: as they are written here, neither joined nor made a call of memset() */

static bool is_word(const volatile void *at, size_t len)
{
	return len >= 8 && (uintptr_t)at % 8 == 0;
}

void zero_words(void *at, size_t len)
{
	volatile uint8_t *p = at;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = is_word(p, len) ? 8 : 1;
		if (n == 8)
			*(volatile uint64_t *)(volatile void *)p = 0;
		else
			*p = 0;
	}
}

static void copy_word(volatile uint8_t *to, const volatile uint8_t *from, size_t n)
{
	if (n == 8)
		*(volatile uint64_t *)(volatile void *)to =
			*(const volatile uint64_t *)(const volatile void *)from;
	else
		*to = *from;
}

static size_t copy_step(const volatile void *to, const volatile void *from, size_t len)
{
	return is_word(to, len) && is_word(from, len) ? 8 : 1;
}

static void copy_words_down(volatile uint8_t *to, const volatile uint8_t *from, size_t len)
{
	while (len > 0) {
		size_t n = len >= 8 && (uintptr_t)(to + len) % 8 == 0 &&
					   (uintptr_t)(from + len) % 8 == 0 ?
				   8 :
				   1;

		len -= n;
		copy_word(to + len, from + len, n);
	}
}

void copy_words(void *to, const void *from, size_t len)
{
	volatile uint8_t *p = to;
	const volatile uint8_t *q = from;
	size_t n;

	if ((uintptr_t)to > (uintptr_t)from && overlap(to, from, len)) {
		copy_words_down(p, q, len);
		return;
	}
	for (; len > 0; p += n, q += n, len -= n) {
		n = copy_step(p, q, len);
		copy_word(p, q, n);
	}
}
