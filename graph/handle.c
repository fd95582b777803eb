// SPDX-License-Identifier: BSD-3-Clause
#include "graph/handle.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define MAX_PAGES (1u << 25)

void handles_deinit(struct handles *h)
{
	for (size_t i = 0; i < h->n_pages; i++) {
		assert(!h->pages[i].n_used && !h->pages[i].rooms);
		mem_free(h->pages[i].slots);
	}
	mem_free(h->pages);
	*h = (struct handles){ 0 };
}

static struct handle_page *page_of(const struct handles *h, uint32_t index)
{
	size_t at = index / HANDLE_PAGE_SLOTS;

	return at < h->n_pages && h->pages[at].slots ? &h->pages[at] : NULL;
}

struct object *handles_get(const struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);

	return page ? page->slots[index % HANDLE_PAGE_SLOTS].object : NULL;
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

static void enlist(struct handles *h, uint32_t at)
{
	struct handle_page *page = &h->pages[at];

	if (page->listed)
		return;
	page->listed = true;
	page->next = h->list & (MAX_PAGES - 1);
	h->list = at + 1;
}

int handles_want(struct handles *h, uint32_t index)
{
	uint32_t at = index / HANDLE_PAGE_SLOTS;

	if (index > h->limit && index - h->limit > HANDLE_GAP)
		return -EINVAL;
	if (at + 1 >= MAX_PAGES || (at >= h->n_pages && grow(h, at + 1) < 0))
		return -ENOMEM;
	if (h->pages[at].slots)
		return 0;
	h->pages[at].slots = mem_zalloc_n(HANDLE_PAGE_SLOTS, sizeof(struct handle_slot));
	if (!h->pages[at].slots)
		return -ENOMEM;
	h->n_made++;
	enlist(h, at);
	return 0;
}

void handles_unwant(struct handles *h, uint32_t index)
{
	uint32_t at = index / HANDLE_PAGE_SLOTS;
	struct handle_page *page = &h->pages[at];

	assert(h->list == at + 1 && !page->n_used && !page->rooms);
	h->list = page->next;
	mem_free(page->slots);
	*page = (struct handle_page){ 0 };
	h->n_made--;
}

int handles_pick(struct handles *h, uint32_t *out_index)
{
	const struct handle_slot *slots;

	while (h->list && h->pages[h->list - 1].n_used == HANDLE_PAGE_SLOTS) {
		struct handle_page *full = &h->pages[h->list - 1];

		full->listed = false;
		h->list = full->next;
	}
	if (!h->list) { /* all pages up to the limit are full */
		*out_index = h->limit;
		return handles_want(h, *out_index);
	}
	slots = h->pages[h->list - 1].slots;
	*out_index = (h->list - 1) * HANDLE_PAGE_SLOTS;
	while (slots[*out_index % HANDLE_PAGE_SLOTS].object)
		++*out_index;
	return 0;
}

void handles_set(struct handles *h, uint32_t index, struct object *o)
{
	struct handle_page *page = page_of(h, index);

	assert(page && !page->slots[index % HANDLE_PAGE_SLOTS].object);
	page->slots[index % HANDLE_PAGE_SLOTS].object = o;
	page->n_used++;
	if (index >= h->limit)
		h->limit = index + 1;
}

void handles_clear(struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);

	assert(page && page->slots[index % HANDLE_PAGE_SLOTS].object);
	page->slots[index % HANDLE_PAGE_SLOTS].object = NULL;
	page->n_used--;
	enlist(h, index / HANDLE_PAGE_SLOTS);
}

void *handles_room(struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);
	uint32_t bit = UINT32_C(1) << index % HANDLE_PAGE_SLOTS;
	struct handle_slot *slot;

	assert(page);
	if (page->rooms & bit)
		return NULL;
	page->rooms |= bit;
	slot = &page->slots[index % HANDLE_PAGE_SLOTS];
	return memset(slot->room, 0, sizeof(slot->room));
}

void handles_leave_room(struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);
	uint32_t bit = UINT32_C(1) << index % HANDLE_PAGE_SLOTS;

	assert(page && page->rooms & bit);
	page->rooms &= ~bit;
}

struct object *handles_next(const struct handles *h, uint32_t index)
{
	for (; index < h->limit; index++) {
		struct handle_page *page = page_of(h, index);

		if (!page || !page->n_used) {
			index |= HANDLE_PAGE_SLOTS - 1;
			continue;
		}
		if (page->slots[index % HANDLE_PAGE_SLOTS].object)
			return page->slots[index % HANDLE_PAGE_SLOTS].object;
	}
	return NULL;
}
