// SPDX-License-Identifier: BSD-3-Clause
#include "graph/handle.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

#define PAGE_SLOTS 512u

void handles_deinit(struct handles *h)
{
	for (size_t i = 0; i < h->n_pages; i++) {
		assert(!h->pages[i].n_used);
		mem_free(h->pages[i].slots);
	}
	mem_free(h->pages);
	*h = (struct handles){ 0 };
}

static struct handle_page *page_of(const struct handles *h, uint32_t index)
{
	size_t at = index / PAGE_SLOTS;

	return at < h->n_pages && h->pages[at].slots ? &h->pages[at] : NULL;
}

struct object *handles_get(const struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);

	return page ? page->slots[index % PAGE_SLOTS] : NULL;
}

static int grow(struct handles *h, size_t n)
{
	size_t n_new = n < 2 * h->n_pages ? 2 * h->n_pages : n;
	struct handle_page *pages = mem_realloc_n(h->pages, n_new, sizeof(*pages));

	if (!pages)
		return -ENOMEM;
	for (size_t i = h->n_pages; i < n_new; i++)
		pages[i] = (struct handle_page){ 0 };
	h->pages = pages;
	h->n_pages = n_new;
	return 0;
}

int handles_want(struct handles *h, uint32_t index)
{
	size_t at = index / PAGE_SLOTS;

	if (index > h->limit && index - h->limit > HANDLE_GAP)
		return -EINVAL;
	if (at >= h->n_pages && grow(h, at + 1) < 0)
		return -ENOMEM;
	if (h->pages[at].slots)
		return 0;
	h->pages[at].slots = mem_zalloc_n(PAGE_SLOTS, sizeof(struct object *));
	if (!h->pages[at].slots)
		return -ENOMEM;
	h->n_made++;
	return 0;
}

int handles_pick(struct handles *h, uint32_t *out_index)
{
	uint32_t at = h->hint;

	while (at < h->n_pages && h->pages[at].n_used == PAGE_SLOTS)
		at++;
	h->hint = at;
	for (uint32_t i = 0; i < PAGE_SLOTS; i++) {
		*out_index = at * PAGE_SLOTS + i;
		if (!handles_get(h, *out_index))
			return handles_want(h, *out_index);
	}
	assert(!"a page that is not full has a free slot");
	return -ENOMEM;
}

void handles_set(struct handles *h, uint32_t index, struct object *o)
{
	struct handle_page *page = page_of(h, index);

	assert(page && !page->slots[index % PAGE_SLOTS]);
	page->slots[index % PAGE_SLOTS] = o;
	page->n_used++;
	if (index >= h->limit)
		h->limit = index + 1;
}

void handles_clear(struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);

	assert(page && page->slots[index % PAGE_SLOTS]);
	page->slots[index % PAGE_SLOTS] = NULL;
	page->n_used--;
	if (index / PAGE_SLOTS < h->hint)
		h->hint = index / PAGE_SLOTS;
}

struct object *handles_next(const struct handles *h, uint32_t index)
{
	for (; index < h->limit; index++) {
		struct handle_page *page = page_of(h, index);

		if (!page || !page->n_used) {
			index |= PAGE_SLOTS - 1;
			continue;
		}
		if (page->slots[index % PAGE_SLOTS])
			return page->slots[index % PAGE_SLOTS];
	}
	return NULL;
}
