/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that are longer than a buffer: cut into fragments, and put together again. Each RPMsg payload of the service
 * is one fragment:
 *
 *	 0           4        6        8
 *	  | message  | index  | count  | bytes ...
 *
 * A sender numbers its messages from 1 on, upwards, and after the last number from 2 on: 1 is the first of a sender that has
 * started anew. Their fragments come in order, index 0 to count - 1, at most 64 of them, all but the last of equal length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "rpmsg/wire.h"

struct assembly {
	void *buf; /* of cap bytes; the owner's */
	size_t cap;
	uint32_t message; /* the last one, complete or not; 0: none yet */
	uint16_t index,
		count; /* of the next fragment; index 0: a message is complete, or none has begun */
	const void *data; /* of a complete message: in buf, or in its only fragment */
	size_t len;       /* of it so far */
	size_t step;      /* bytes of each fragment but the last */
};

enum assembly_result {
	ASSEMBLY_MORE,
	ASSEMBLY_DONE, /* data, len bytes, until the next call, or as long as its one fragment is there */
	ASSEMBLY_NOTHING, /* no fragment, as it has no bytes: nothing has changed */
	ASSEMBLY_AGAIN, /* the peer counts from 1 again: it has started anew. Nothing has changed; init, and take it */
	ASSEMBLY_WRONG, /* out of order, twice, too long...: why says it. Nothing that follows can be trusted */
};

void assembly_init(struct assembly *a, void *buf, size_t cap);
enum assembly_result assembly_take(struct assembly *a, const void *fragment, size_t len,
				   struct reason *why);

/* Whether one that is longer than its header is the first of a sender. */
bool fragment_is_first(const void *fragment);
/* The number of the message after that one; 0: of the first. */
uint32_t fragment_number_after(uint32_t number);
/* How many fragments a message of len bytes takes; 0: too many. payload: bytes of one, its header included. */
size_t fragment_count(size_t len, size_t payload);
/* The longest message. */
size_t fragment_max(size_t payload);
/*
 * Writes the fragment at index of a message that takes count of them into out, of payload bytes. Its length.
 */
size_t fragment_write(void *out, size_t payload, uint32_t number, const void *message, size_t len,
		      uint16_t index);
