/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that are longer than a payload: cut into fragments, and put together again. Each payload is one fragment:
 *
 *	 0           4        6        8
 *	  | message  | index  | count  | bytes ...		little endian
 *
 * A sender numbers its messages from 1 on, upwards, and after the last number from 2 on: 1 is the first of a sender that has
 * started anew. Their fragments come in order, index 0 to count - 1, at most 64 of them, all but the last of equal length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VCM_FRAGMENT_HEADER 8u
#define VCM_FRAGMENTS_MAX 64u

/* The number of the message after that one; 0: of the first. */
uint32_t vcm_fragment_number_after(uint32_t number);
/* How many a message of len bytes takes; 0: too many. payload: bytes of one, header included. */
uint32_t vcm_fragment_count(size_t len, size_t payload);
/*
 * Makes the fragment at index of a message, in place: message is preceded by VCM_FRAGMENT_HEADER bytes of room, and what
 * earlier fragments held is overwritten. So they are made in order, each sent before the next.
 */
const void *vcm_fragment_make(uint8_t *message, size_t len, size_t payload, uint32_t number,
			      uint32_t index, size_t *out_len);

struct vcm_assembly {
	uint8_t *buf; /* of cap bytes; the owner's */
	size_t cap;
	size_t len;      /* of the message so far */
	size_t step;     /* bytes of each fragment but the last */
	uint32_t number; /* of the last message, complete or not; 0: of none */
	uint16_t index,
		count; /* of the next fragment; index 0: a message is complete, or none has begun */
};

enum vcm_assembly_result {
	VCM_ASSEMBLY_MORE,
	VCM_ASSEMBLY_DONE,  /* buf holds len bytes, until the next call */
	VCM_ASSEMBLY_WRONG, /* out of order, twice, too long: nothing that follows can be trusted */
};

void vcm_assembly_init(struct vcm_assembly *a, uint8_t *buf, size_t cap);
/* fragment may be in shared memory: it is read once. */
enum vcm_assembly_result vcm_assembly_take(struct vcm_assembly *a, const volatile void *fragment,
					   size_t len);
