/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles: the small integers by which a session names its objects. Two tables a session, the client's half and the
 * broker's, each of pages that come as handles are used and stay until the session ends. What names the pages comes in
 * chunks, so that far handles may be used before near ones: threads of a client collect batches that are sent later.
 *
 *	client:	1 .. 0x3fffffff, chosen by the client (a new one is at most HANDLE_GAP beyond the highest yet)
 *	broker:	0x80000000 .. , for what a clone makes
 *
 * Beside each slot there is room for a reservation, the one kind that comes in millions: the way from a handle to its
 * object is a single miss of the cache.
 *
 *	page	| object | room      | object | room      | ... 32 of them
 *		    `----^               `---------> elsewhere: another kind, or the room was still taken
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDLE_GAP 0x100000u
#define HANDLE_BROKER 0x80000000u

#define HANDLE_PAGE_SLOTS 32u /* a bit each in handle_page.rooms */
#define HANDLE_ROOM_LEN 104u  /* a reservation in a region with shelves (graph/index.h) */
#define HANDLE_CHUNK_PAGES 64u

struct object;

struct handle_slot {
	struct object *object; /* NULL: the handle is free */
	uint64_t room[HANDLE_ROOM_LEN / sizeof(uint64_t)];
};

/* Counted beside the pointer, not in the page: naming and unnaming touch one line of the page. */
struct handle_page {
	struct handle_slot *slots; /* NULL: none yet */
	uint32_t rooms;            /* those that are taken, a bit each */
	uint32_t n_used : 6;
	uint32_t listed : 1; /* among the pages that have or had a free handle */
	uint32_t next : 25;  /* 1 + the next of them; 0: none */
};

struct handle_chunk {
	struct handle_page pages[HANDLE_CHUNK_PAGES];
	uint32_t n_made; /* of them */
};

struct handles {
	struct handle_chunk **chunks; /* NULL where no page has been made */
	size_t n_chunks;
	size_t n_made;  /* pages that exist */
	uint32_t limit; /* one beyond the highest index ever used */
	uint32_t list;  /* 1 + the first page that has or had a free handle; 0: none */
};

/* Nothing is in it any more, no room is taken (asserted). */
void handles_deinit(struct handles *h);
/* The page of that number; NULL when it has not been made. */
struct handle_page *handles_page(const struct handles *h, uint32_t at);
/* NULL when nobody has the index. */
struct object *handles_get(const struct handles *h, uint32_t index);
/* Room for the index: afterwards handles_set() of it cannot fail. 0, -ENOMEM, -EINVAL (beyond the gap). */
int handles_want(struct handles *h, uint32_t index);
/* Takes back the page that the last handles_want() or handles_pick(), of index, has made. */
void handles_unwant(struct handles *h, uint32_t index);
/* A free index, of the page that was the last to have one come free, with room made. 0, -ENOMEM. */
int handles_pick(struct handles *h, uint32_t *out_index);
void handles_set(struct handles *h, uint32_t index, struct object *o);
void handles_clear(struct handles *h, uint32_t index);
/*
 * HANDLE_ROOM_LEN bytes beside an index that handles_want() has seen, zeroed; NULL while they are taken, also by what had
 * the handle before and is not freed yet.
 */
void *handles_room(struct handles *h, uint32_t index);
void handles_leave_room(struct handles *h, uint32_t index);
/* The first object at index or above; NULL at the end. */
struct object *handles_next(const struct handles *h, uint32_t index);
