// SPDX-License-Identifier: BSD-3-Clause
#include "graph/handle.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define MAX_PAGES (1u << 25)

#define CHUNK_SLOTS (HANDLE_CHUNK_PAGES * HANDLE_PAGE_SLOTS)

static void chunk_free(struct handle_chunk *chunk)
{
	for (size_t i = 0; chunk && i < HANDLE_CHUNK_PAGES; i++) {
		assert(!chunk->pages[i].n_used && !chunk->pages[i].rooms);
		mem_free(chunk->pages[i].slots);
	}
	mem_free(chunk);
}

void handles_deinit(struct handles *h)
{
	for (size_t i = 0; i < h->n_chunks; i++)
		chunk_free(h->chunks[i]);
	mem_free(h->chunks);
	*h = (struct handles){ 0 };
}

static struct handle_chunk *chunk_of(const struct handles *h, uint32_t at)
{
	return at / HANDLE_CHUNK_PAGES < h->n_chunks ? h->chunks[at / HANDLE_CHUNK_PAGES] : NULL;
}

struct handle_page *handles_page(const struct handles *h, uint32_t at)
{
	struct handle_chunk *chunk = chunk_of(h, at);

	return chunk && chunk->pages[at % HANDLE_CHUNK_PAGES].slots ?
		       &chunk->pages[at % HANDLE_CHUNK_PAGES] :
		       NULL;
}

static struct handle_page *page_of(const struct handles *h, uint32_t index)
{
	return handles_page(h, index / HANDLE_PAGE_SLOTS);
}

struct object *handles_get(const struct handles *h, uint32_t index)
{
	struct handle_page *page = page_of(h, index);

	return page ? page->slots[index % HANDLE_PAGE_SLOTS].object : NULL;
}

static int grow(struct handles *h, size_t n)
{
	size_t n_new = n < 2 * h->n_chunks ? 2 * h->n_chunks : n;
	struct handle_chunk **chunks =
		mem_realloc_n(h->chunks, n_new, sizeof(struct handle_chunk *));

	if (!chunks)
		return -ENOMEM;
	for (size_t i = h->n_chunks; i < n_new; i++)
		chunks[i] = NULL;
	h->chunks = chunks;
	h->n_chunks = n_new;
	return 0;
}

/* The chunk that page `at` is in; NULL without memory. */
static struct handle_chunk *want_chunk(struct handles *h, uint32_t at)
{
	size_t i = at / HANDLE_CHUNK_PAGES;

	if (i >= h->n_chunks && grow(h, i + 1) < 0)
		return NULL;
	if (!h->chunks[i])
		h->chunks[i] = mem_new0(struct handle_chunk);
	return h->chunks[i];
}

/* One without pages goes. */
static void unwant_chunk(struct handles *h, uint32_t at)
{
	struct handle_chunk **chunk = &h->chunks[at / HANDLE_CHUNK_PAGES];

	if (!(*chunk)->n_made)
		*chunk = mem_free(*chunk);
}

static void enlist(struct handles *h, uint32_t at)
{
	struct handle_page *page = handles_page(h, at);

	if (page->listed)
		return;
	page->listed = true;
	page->next = h->list & (MAX_PAGES - 1);
	h->list = at + 1;
}

static int make_page(struct handles *h, uint32_t at)
{
	struct handle_chunk *chunk = want_chunk(h, at);
	struct handle_page *page;

	if (!chunk)
		return -ENOMEM;
	page = &chunk->pages[at % HANDLE_CHUNK_PAGES];
	page->slots = mem_zalloc_n(HANDLE_PAGE_SLOTS, sizeof(struct handle_slot));
	if (!page->slots) {
		unwant_chunk(h, at);
		return -ENOMEM;
	}
	chunk->n_made++;
	h->n_made++;
	enlist(h, at);
	return 0;
}

int handles_want(struct handles *h, uint32_t index)
{
	uint32_t at = index / HANDLE_PAGE_SLOTS;

	if (index > h->limit && index - h->limit > HANDLE_GAP)
		return -EINVAL;
	if (at + 1 >= MAX_PAGES)
		return -EINVAL;
	return handles_page(h, at) ? 0 : make_page(h, at);
}

void handles_unwant(struct handles *h, uint32_t index)
{
	uint32_t at = index / HANDLE_PAGE_SLOTS;
	struct handle_page *page = handles_page(h, at);

	assert(h->list == at + 1 && !page->n_used && !page->rooms);
	h->list = page->next;
	mem_free(page->slots);
	*page = (struct handle_page){ 0 };
	chunk_of(h, at)->n_made--;
	h->n_made--;
	unwant_chunk(h, at);
}

/* The page that is first in the list, which is not empty. */
static struct handle_page *first_listed(const struct handles *h)
{
	return handles_page(h, h->list - 1);
}

int handles_pick(struct handles *h, uint32_t *out_index)
{
	const struct handle_slot *slots;

	while (h->list && first_listed(h)->n_used == HANDLE_PAGE_SLOTS) {
		struct handle_page *full = first_listed(h);

		full->listed = false;
		h->list = full->next;
	}
	if (!h->list) { /* all pages up to the limit are full */
		*out_index = h->limit;
		return handles_want(h, *out_index);
	}
	slots = first_listed(h)->slots;
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

		if (!chunk_of(h, index / HANDLE_PAGE_SLOTS)) {
			index |= CHUNK_SLOTS - 1;
			continue;
		}
		if (!page || !page->n_used) {
			index |= HANDLE_PAGE_SLOTS - 1;
			continue;
		}
		if (page->slots[index % HANDLE_PAGE_SLOTS].object)
			return page->slots[index % HANDLE_PAGE_SLOTS].object;
	}
	return NULL;
}
