// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/handle.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "libvcmclient/mapping.h"

#if UINTPTR_MAX > UINT32_MAX
#define INDEX_BITS 31
#define GENERATION_BITS 24
#define KIND_BASE 0x50
#else
#define INDEX_BITS 22
#define GENERATION_BITS 6
#define KIND_BASE 0
#endif

#define INDEX_MAX ((UINT32_C(1) << INDEX_BITS) - 1)
#define GENERATION_MAX ((UINT32_C(1) << GENERATION_BITS) - 1)
#define BROKER_SHIFT INDEX_BITS
#define GENERATION_SHIFT (BROKER_SHIFT + 1)
#define KIND_SHIFT (GENERATION_SHIFT + GENERATION_BITS)

#define WORD_BITS 64
#define FIRST_WORDS 4
#define CHUNK_LEN 256

enum slot_state { SLOT_FREE, SLOT_PENDING, SLOT_LIVE };

struct slot {
	struct mapping *mapping;
	uint32_t generation;
	uint8_t kind;  /* enum handle_kind */
	uint8_t state; /* enum slot_state */
	bool is_user;
};

/* What is known of an index of the broker's that it has named. */
struct named {
	uint32_t generation;
	uint32_t n_freeing; /* requests under way that free it */
	bool is_told;       /* it was named while one was */
};

/*
 * A bit of `free` is a slot, a bit of `summary` a word of `free` that is not 0: the lowest free slot is two searches away,
 * however many there are.
 */
struct handles {
	pthread_mutex_t lock;
	struct slot *slots;
	uint64_t *free, *summary;
	size_t n_words;        /* of free */
	struct named **chunks; /* of CHUNK_LEN, by the broker's index; NULL where it has named none */
	size_t n_chunks;
	uint32_t first_generation;
	uint32_t last_generation; /* the highest in use */
	bool is_closed;
};

/* Where the next session's generations begin. */
static pthread_mutex_t next_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t next_generation = 1;

void *handle_encode(struct handle h)
{
	uintptr_t v = h.wire & INDEX_MAX;

	assert(h.kind > HANDLE_NONE && h.kind < HANDLE_N_KINDS);
	assert((h.wire & ~(INDEX_MAX | HANDLE_BROKER)) == 0 && h.generation <= GENERATION_MAX);
	v |= (uintptr_t)(h.wire / HANDLE_BROKER) << BROKER_SHIFT;
	v |= (uintptr_t)h.generation << GENERATION_SHIFT;
	v |= ((uintptr_t)KIND_BASE + h.kind) << KIND_SHIFT;
	return (void *)v; /* NOLINT(performance-no-int-to-ptr): it points nowhere */
}

bool handle_decode(const void *p, struct handle *out)
{
	uintptr_t v = (uintptr_t)p, kind = (v >> KIND_SHIFT) - KIND_BASE;

	if (kind <= HANDLE_NONE || kind >= HANDLE_N_KINDS)
		return false;
	out->kind = (enum handle_kind)kind;
	out->generation = (uint32_t)(v >> GENERATION_SHIFT) & GENERATION_MAX;
	out->wire = (uint32_t)(v & INDEX_MAX);
	if (v >> BROKER_SHIFT & 1)
		out->wire |= HANDLE_BROKER;
	return out->wire != 0;
}

const char *handle_kind_name(enum handle_kind kind)
{
	static const char *const names[] = {
		[HANDLE_NONE] = "object", [HANDLE_VCM] = "vcm",   [HANDLE_RES] = "res",
		[HANDLE_BOUND] = "bound", [HANDLE_AVCM] = "avcm", [HANDLE_PHYSMEM] = "physmem",
	};

	assert(kind < HANDLE_N_KINDS);
	return names[kind];
}

static uint32_t generation_after(uint32_t generation)
{
	return generation < GENERATION_MAX ? generation + 1 : 1;
}

struct handles *handles_new(void)
{
	struct handles *h = mem_new0(struct handles);

	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_lock(&next_lock);
	h->first_generation = h->last_generation = next_generation;
	next_generation = generation_after(next_generation);
	pthread_mutex_unlock(&next_lock);
	return h;
}

struct handles *handles_free(struct handles *h)
{
	if (!h)
		return NULL;
	handles_close(h);
	pthread_mutex_destroy(&h->lock);
	for (size_t i = 0; i < h->n_chunks; i++)
		mem_free(h->chunks[i]);
	mem_free(h->chunks);
	mem_free(h->slots);
	mem_free(h->free);
	mem_free(h->summary);
	return mem_free(h);
}

static size_t n_summary_words(size_t n_words)
{
	return (n_words + WORD_BITS - 1) / WORD_BITS;
}

static void mark_free(struct handles *h, size_t i, bool is_free)
{
	size_t word = i / WORD_BITS;
	uint64_t bit = UINT64_C(1) << i % WORD_BITS;

	h->free[word] = is_free ? h->free[word] | bit : h->free[word] & ~bit;
	bit = UINT64_C(1) << word % WORD_BITS;
	if (h->free[word])
		h->summary[word / WORD_BITS] |= bit;
	else
		h->summary[word / WORD_BITS] &= ~bit;
}

/* Each array is put in its place as soon as it has grown: a failure in between leaves it larger than needed, no more. */
static int grow(struct handles *h)
{
	size_t n = h->n_words ? 2 * h->n_words : FIRST_WORDS;
	struct slot *slots;
	uint64_t *words;

	if (n > (size_t)INDEX_MAX / WORD_BITS + 1)
		return -ENOSPC;
	slots = mem_realloc_n(h->slots, n * WORD_BITS, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	h->slots = slots;
	words = mem_realloc_n(h->free, n, sizeof(*words));
	if (!words)
		return -ENOMEM;
	h->free = words;
	words = mem_realloc_n(h->summary, n_summary_words(n), sizeof(*words));
	if (!words)
		return -ENOMEM;
	h->summary = words;
	for (size_t i = n_summary_words(h->n_words); i < n_summary_words(n); i++)
		words[i] = 0;
	for (size_t i = h->n_words * WORD_BITS; i < n * WORD_BITS; i++) {
		h->slots[i] = (struct slot){ .generation = h->first_generation };
		if (i % WORD_BITS == 0)
			h->free[i / WORD_BITS] = 0;
		mark_free(h, i, i != 0);
	}
	h->n_words = n;
	return 0;
}

/* The lowest free index, or 0. */
static size_t lowest_free(const struct handles *h)
{
	for (size_t i = 0; i < n_summary_words(h->n_words); i++) {
		size_t word;

		if (!h->summary[i])
			continue;
		word = i * WORD_BITS + (size_t)__builtin_ctzll(h->summary[i]);
		return word * WORD_BITS + (size_t)__builtin_ctzll(h->free[word]);
	}
	return 0;
}

static int take(struct handles *h, enum handle_kind kind, const struct handle_info *info,
		uint32_t *out)
{
	size_t i = lowest_free(h);
	int r;

	if (h->is_closed)
		return -ENOTCONN;
	if (!i) {
		r = grow(h);
		if (r < 0)
			return r;
		i = lowest_free(h);
	}
	mark_free(h, i, false);
	h->slots[i].kind = (uint8_t)kind;
	h->slots[i].state = info->is_pending ? SLOT_PENDING : SLOT_LIVE;
	h->slots[i].is_user = info->is_user;
	h->slots[i].mapping = mapping_ref(info->mapping);
	*out = (uint32_t)i;
	return 0;
}

int handles_take(struct handles *h, enum handle_kind kind, const struct handle_info *info,
		 uint32_t *out)
{
	int r;

	pthread_mutex_lock(&h->lock);
	r = take(h, kind, info, out);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* The slot of a handle of ours that is not free, or NULL. */
static struct slot *slot_of(struct handles *h, uint32_t wire)
{
	if (wire & HANDLE_BROKER || wire >= h->n_words * WORD_BITS ||
	    h->slots[wire].state == SLOT_FREE)
		return NULL;
	return &h->slots[wire];
}

void handles_settle(struct handles *h, uint32_t wire)
{
	struct slot *slot;

	pthread_mutex_lock(&h->lock);
	slot = slot_of(h, wire);
	if (slot)
		slot->state = SLOT_LIVE;
	pthread_mutex_unlock(&h->lock);
}

static void pass_generation(struct handles *h, uint32_t *generation)
{
	*generation = generation_after(*generation);
	if (*generation > h->last_generation)
		h->last_generation = *generation;
}

/* --- what the broker makes; with the lock held ------------------------------------------------------------------ */

/* NULL for one that it has never named, and for ours. */
static struct named *named_of(const struct handles *h, uint32_t wire)
{
	size_t i = wire & ~HANDLE_BROKER;

	if (!(wire & HANDLE_BROKER) || i / CHUNK_LEN >= h->n_chunks || !h->chunks[i / CHUNK_LEN])
		return NULL;
	return &h->chunks[i / CHUNK_LEN][i % CHUNK_LEN];
}

static int grow_chunks(struct handles *h, size_t n)
{
	size_t n_new = n < 2 * h->n_chunks ? 2 * h->n_chunks : n;
	struct named **chunks = mem_realloc_n(h->chunks, n_new, sizeof(struct named *));

	if (!chunks)
		return -ENOMEM;
	for (size_t i = h->n_chunks; i < n_new; i++)
		chunks[i] = NULL;
	h->chunks = chunks;
	h->n_chunks = n_new;
	return 0;
}

/* NULL without memory. */
static struct named *name(struct handles *h, uint32_t wire)
{
	size_t at = (wire & ~HANDLE_BROKER) / CHUNK_LEN;
	struct named *chunk;

	if (at >= h->n_chunks && grow_chunks(h, at + 1) < 0)
		return NULL;
	if (!h->chunks[at]) {
		chunk = mem_zalloc_n(CHUNK_LEN, sizeof(*chunk));
		if (!chunk)
			return NULL;
		for (size_t i = 0; i < CHUNK_LEN; i++)
			chunk[i].generation = h->first_generation;
		h->chunks[at] = chunk;
	}
	return named_of(h, wire);
}

static void named_freed(struct handles *h, struct named *named, bool is_done)
{
	if (is_done && !named->is_told)
		pass_generation(h, &named->generation);
	if (named->n_freeing > 0)
		named->n_freeing--;
	if (named->n_freeing == 0)
		named->is_told = false;
}

void handles_free_begin(struct handles *h, uint32_t wire)
{
	struct named *named;

	if (!(wire & HANDLE_BROKER))
		return;
	pthread_mutex_lock(&h->lock);
	named = named_of(h, wire);
	if (named)
		named->n_freeing++;
	pthread_mutex_unlock(&h->lock);
}

void handles_free_undo(struct handles *h, uint32_t wire)
{
	struct named *named;

	if (!(wire & HANDLE_BROKER))
		return;
	pthread_mutex_lock(&h->lock);
	named = named_of(h, wire);
	if (named)
		named_freed(h, named, false);
	pthread_mutex_unlock(&h->lock);
}

/* ---------------------------------------------------------------------------------------------------------------- */

/* Out: the object's mapping, which is the caller's now. */
static void release(struct handles *h, uint32_t wire, struct mapping **out_mapping)
{
	struct named *named = named_of(h, wire);
	struct slot *slot = slot_of(h, wire);

	if (named)
		named_freed(h, named, true);
	if (!slot)
		return;
	*out_mapping = STEAL_PTR(slot->mapping);
	slot->state = SLOT_FREE;
	pass_generation(h, &slot->generation);
	mark_free(h, wire, true);
}

void handles_release(struct handles *h, uint32_t wire)
{
	struct mapping *mapping = NULL;

	pthread_mutex_lock(&h->lock);
	release(h, wire, &mapping);
	pthread_mutex_unlock(&h->lock);
	mapping_unref(mapping);
}

static int find(struct handles *h, struct handle handle, struct handle_info *out)
{
	const struct named *named = named_of(h, handle.wire);
	struct slot *slot;

	*out = (struct handle_info){ .wire = handle.wire };
	if (handle.wire & HANDLE_BROKER)
		return named && named->generation == handle.generation ? 0 : -EINVAL;
	slot = slot_of(h, handle.wire);
	if (!slot || slot->generation != handle.generation || slot->kind != handle.kind)
		return -EINVAL;
	out->is_pending = slot->state == SLOT_PENDING;
	out->is_user = slot->is_user;
	out->mapping = mapping_ref(slot->mapping);
	return 0;
}

int handles_find(struct handles *h, enum handle_kind kind, const void *p, struct handle_info *out,
		 struct reason *why)
{
	struct handle handle;
	int r;

	if (!p)
		return refuse(why, -EINVAL, "the %s is NULL", handle_kind_name(kind));
	if (!handle_decode(p, &handle))
		return refuse(why, -EINVAL, "%p is no %s: no pointer of this library", p,
			      handle_kind_name(kind));
	if (handle.kind != kind)
		return refuse(why, -EINVAL, "%p is a %s where a %s is wanted", p,
			      handle_kind_name(handle.kind), handle_kind_name(kind));
	pthread_mutex_lock(&h->lock);
	r = find(h, handle, out);
	pthread_mutex_unlock(&h->lock);
	if (r < 0)
		return refuse(why, r,
			      "the %s %p is gone: it was freed, or its session or batch has ended",
			      handle_kind_name(kind), p);
	return 0;
}

/* The generation of a handle, or 0, which is none. */
static uint32_t generation_of(struct handles *h, enum handle_kind kind, uint32_t wire)
{
	const struct slot *slot = slot_of(h, wire);
	struct named *named;

	if (!(wire & HANDLE_BROKER))
		return slot && slot->kind == kind ? slot->generation : 0;
	if (wire - HANDLE_BROKER > INDEX_MAX)
		return 0;
	named = name(h, wire);
	if (!named)
		return 0;
	named->is_told |= named->n_freeing > 0;
	return named->generation;
}

void *handles_pointer(struct handles *h, enum handle_kind kind, uint32_t wire)
{
	struct handle handle = { .kind = kind, .wire = wire };

	if (wire == 0)
		return NULL;
	pthread_mutex_lock(&h->lock);
	handle.generation = generation_of(h, kind, wire);
	pthread_mutex_unlock(&h->lock);
	return handle.generation ? handle_encode(handle) : NULL;
}

void handles_close(struct handles *h)
{
	pthread_mutex_lock(&h->lock);
	h->is_closed = true;
	for (size_t i = 0; i < h->n_words * WORD_BITS; i++) {
		struct mapping *mapping = STEAL_PTR(h->slots[i].mapping);

		if (!mapping)
			continue;
		mapping_close(mapping);
		mapping_unref(mapping);
	}
	pthread_mutex_lock(&next_lock);
	if (h->last_generation >= next_generation)
		next_generation = generation_after(h->last_generation);
	pthread_mutex_unlock(&next_lock);
	pthread_mutex_unlock(&h->lock);
}

void handles_before_fork(void)
{
	pthread_mutex_lock(&next_lock);
}

void handles_after_fork(void)
{
	pthread_mutex_unlock(&next_lock);
}
