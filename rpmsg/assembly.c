// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/assembly.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct fragment {
	uint32_t message;
	uint16_t index, count;
	const uint8_t *data;
	size_t len;
};

void assembly_init(struct assembly *a, void *buf, size_t cap)
{
	*a = (struct assembly){ .buf = buf, .cap = cap };
}

static int read_fragment(const void *buf, size_t len, struct fragment *out, struct reason *why)
{
	uint64_t word;

	memcpy(&word, buf, sizeof(word));
	word = le64toh(word);
	out->message = (uint32_t)word;
	out->index = (uint16_t)(word >> 32);
	out->count = (uint16_t)(word >> 48);
	out->data = (const uint8_t *)buf + FRAGMENT_HEADER;
	out->len = len - FRAGMENT_HEADER;
	if (out->count < 1 || out->count > FRAGMENTS_MAX || out->index >= out->count)
		return refuse(why, -EPROTO, "fragment %u of %u", out->index, out->count);
	return 0;
}

/* As numbers go round, whatever is less than half a round ahead is later. */
static bool is_later(uint32_t number, uint32_t than)
{
	return number != 0 && (than == 0 || number - than - 1 < INT32_MAX);
}

static int check_order(const struct assembly *a, const struct fragment *f, struct reason *why)
{
	if (f->index != a->index)
		return refuse(why, -EPROTO, "fragment %u of message %u, and not %u", f->index,
			      f->message, a->index);
	if (a->index == 0 && !is_later(f->message, a->message))
		return refuse(why, -EPROTO, "message %u after %u", f->message, a->message);
	if (a->index > 0 && (f->message != a->message || f->count != a->count))
		return refuse(why, -EPROTO,
			      "a fragment of message %u (of %u) amid message %u (of %u)",
			      f->message, f->count, a->message, a->count);
	return 0;
}

static int check_len(const struct assembly *a, const struct fragment *f, struct reason *why)
{
	bool is_last = f->index == f->count - 1;

	if (f->index > 0 && (f->len > a->step || (!is_last && f->len != a->step)))
		return refuse(why, -EPROTO, "fragment %u has %zu bytes, those before it %zu",
			      f->index, f->len, a->step);
	if (f->len > a->cap - (f->index ? a->len : 0))
		return refuse(why, -EPROTO, "a message is longer than %zu bytes", a->cap);
	return 0;
}

static void append(struct assembly *a, const struct fragment *f)
{
	if (f->index == 0) {
		a->len = 0;
		a->step = f->len;
	}
	a->data = f->count == 1 ? (const void *)f->data : a->buf;
	if (f->count > 1)
		memcpy((uint8_t *)a->buf + a->len, f->data, f->len);
	a->len += f->len;
	a->message = f->message;
	a->count = f->count;
	a->index = f->index + 1 == f->count ? 0 : f->index + 1;
}

enum assembly_result assembly_take(struct assembly *a, const void *fragment, size_t len,
				   struct reason *why)
{
	struct fragment f;

	if (len <= FRAGMENT_HEADER)
		return ASSEMBLY_NOTHING;
	if (read_fragment(fragment, len, &f, why) < 0)
		return ASSEMBLY_WRONG;
	if (f.message == 1 && a->message > 0 && f.index == 0)
		return ASSEMBLY_AGAIN;
	if (check_order(a, &f, why) < 0 || check_len(a, &f, why) < 0)
		return ASSEMBLY_WRONG;
	append(a, &f);
	return a->index ? ASSEMBLY_MORE : ASSEMBLY_DONE;
}

bool fragment_is_first(const void *fragment)
{
	struct fragment f;
	struct reason why;

	return read_fragment(fragment, FRAGMENT_HEADER, &f, &why) == 0 && f.message == 1 &&
	       f.index == 0;
}

uint32_t fragment_number_after(uint32_t number)
{
	return number == UINT32_MAX ? 2 : number + 1;
}

size_t fragment_count(size_t len, size_t payload)
{
	size_t step = payload - FRAGMENT_HEADER, n;

	if (len <= step) /* as almost always, and then there is nothing to divide */
		return len > 0;
	n = (len + step - 1) / step;
	return n <= FRAGMENTS_MAX ? n : 0;
}

size_t fragment_max(size_t payload)
{
	return (payload - FRAGMENT_HEADER) * FRAGMENTS_MAX;
}

size_t fragment_write(void *out, size_t payload, uint32_t number, const void *message, size_t len,
		      uint16_t index)
{
	size_t step = payload - FRAGMENT_HEADER, at = index * step, n = len - at;
	uint64_t word = htole64(number | (uint64_t)index << 32 |
				(uint64_t)fragment_count(len, payload) << 48);

	assert(at < len);
	n = n < step ? n : step;
	memcpy(out, &word, FRAGMENT_HEADER);
	memcpy((uint8_t *)out + FRAGMENT_HEADER, (const uint8_t *)message + at, n);
	return FRAGMENT_HEADER + n;
}
