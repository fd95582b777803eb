/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles: the small integers by which a session names its objects. Two tables a session, the client's half and the
 * broker's, each of pages that come as handles are used and stay until the session ends.
 *
 *	client:	1 .. 0x7fffffff, chosen by the client, dense (a new one is at most HANDLE_GAP beyond the highest yet)
 *	broker:	0x80000000 .. , for what a clone makes
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDLE_GAP 4096u
#define HANDLE_BROKER 0x80000000u

struct object;

/* Counted beside the pointer, not in the page: naming and unnaming touch one line of the page. */
struct handle_page {
	struct object **slots; /* NULL: none yet */
	unsigned int n_used;
};

struct handles {
	struct handle_page *pages;
	size_t n_pages; /* of the array */
	size_t n_made;  /* pages that exist */
	uint32_t limit; /* one beyond the highest index ever used */
	uint32_t hint;  /* no page before this one has a free slot */
};

/* Nothing is in it any more (asserted). */
void handles_deinit(struct handles *h);
/* NULL when nobody has the index. */
struct object *handles_get(const struct handles *h, uint32_t index);
/* Room for the index: afterwards handles_set() of it cannot fail. 0, -ENOMEM, -EINVAL (beyond the gap). */
int handles_want(struct handles *h, uint32_t index);
/* A free index (the lowest of the hinted page), with room made. 0, -ENOMEM. */
int handles_pick(struct handles *h, uint32_t *out_index);
void handles_set(struct handles *h, uint32_t index, struct object *o);
void handles_clear(struct handles *h, uint32_t index);
/* The first object at index or above; NULL at the end. */
struct object *handles_next(const struct handles *h, uint32_t index);
