// SPDX-License-Identifier: BSD-3-Clause
#include "remote/fragment.h"

#include "remote/shared.h"

struct header {
	uint32_t number;
	uint16_t index, count;
};

uint32_t vcm_fragment_number_after(uint32_t number)
{
	return number == 0xffffffff ? 2 : number + 1;
}

uint32_t vcm_fragment_count(size_t len, size_t payload)
{
	size_t step = payload - VCM_FRAGMENT_HEADER, count;

	if (len == 0 || payload <= VCM_FRAGMENT_HEADER)
		return 0;
	if (len <= step) /* as almost always, and then there is nothing to divide */
		return 1;
	count = (len - 1) / step + 1;
	return count <= VCM_FRAGMENTS_MAX ? (uint32_t)count : 0;
}

static void put(uint8_t *to, uint32_t v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

const void *vcm_fragment_make(uint8_t *message, size_t len, size_t payload, uint32_t number,
			      uint32_t index, size_t *out_len)
{
	size_t step = payload - VCM_FRAGMENT_HEADER, from = step * index;
	uint8_t *head = message + from - VCM_FRAGMENT_HEADER;

	put(head, number, 4);
	put(head + 4, index, 2);
	put(head + 6, vcm_fragment_count(len, payload), 2);
	*out_len = VCM_FRAGMENT_HEADER + (len - from < step ? len - from : step);
	return head;
}

void vcm_assembly_init(struct vcm_assembly *a, uint8_t *buf, size_t cap)
{
	*a = (struct vcm_assembly){ .buf = buf, .cap = cap };
}

static struct header read_header(const volatile void *fragment)
{
	uint8_t b[VCM_FRAGMENT_HEADER];

	vcm_shared_read(b, fragment, sizeof(b));
	return (struct header){
		.number = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24,
		.index = (uint16_t)(b[4] | b[5] << 8),
		.count = (uint16_t)(b[6] | b[7] << 8),
	};
}

/* As numbers go round, whatever is less than half a round ahead is later. 1 is never later: it is the first, and only that. */
static bool is_later(uint32_t number, uint32_t than)
{
	return than == 0 ? number != 0 : number > 1 && number - than - 1 < 0x7fffffff;
}

static bool begins(struct vcm_assembly *a, const struct header *h, size_t len)
{
	if (h->index != 0 || !is_later(h->number, a->number) || h->count == 0 ||
	    h->count > VCM_FRAGMENTS_MAX)
		return false;
	a->number = h->number;
	a->count = h->count;
	a->step = len;
	a->len = 0;
	return true;
}

static bool follows(const struct vcm_assembly *a, const struct header *h, size_t len)
{
	bool is_last = h->index + 1 == a->count;

	return h->number == a->number && h->index == a->index && h->count == a->count &&
	       (is_last ? len <= a->step : len == a->step);
}

enum vcm_assembly_result vcm_assembly_take(struct vcm_assembly *a, const volatile void *fragment,
					   size_t len)
{
	struct header h;

	if (len <= VCM_FRAGMENT_HEADER)
		return VCM_ASSEMBLY_WRONG;
	h = read_header(fragment);
	len -= VCM_FRAGMENT_HEADER;
	if (!(a->index ? follows(a, &h, len) : begins(a, &h, len)) || len > a->cap - a->len)
		return VCM_ASSEMBLY_WRONG;
	vcm_shared_read(a->buf + a->len, (const volatile uint8_t *)fragment + VCM_FRAGMENT_HEADER,
			len);
	a->len += len;
	a->index = (uint16_t)(h.index + 1 == h.count ? 0 : h.index + 1);
	return a->index ? VCM_ASSEMBLY_MORE : VCM_ASSEMBLY_DONE;
}
