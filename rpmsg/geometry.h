/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies where in a window. The default, with 16 descriptors a ring:
 *
 *	 0x0        0x1000        0x5000        0x10000               0x12000               0x14000
 *	  | table    | ring 0      | ring 1      | 16 buffers of 512 B | 16 buffers of 512 B |  ... the node's pool
 *	             (node to us)  (us to node)   of ring 0             of ring 1
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

#define GEOMETRY_MAX_NUM 256
#define GEOMETRY_MIN_BUFFER 64
#define GEOMETRY_MAX_BUFFER 65528

/* To us, to the node. */
enum ring {
	RING_IN,
	RING_OUT,
	N_RINGS,
};

struct geometry {
	uint64_t table, rings[N_RINGS], buffers; /* offsets in the window */
	uint32_t num;                     /* descriptors of a ring: a power of two, at most 256 */
	uint32_t align;                   /* of the used ring: a power of two, 16 to 4096 */
	uint32_t buffer_len;              /* bytes, with the header; a multiple of 8 */
	uint32_t notify_ids[N_RINGS + 1]; /* of the rings, and of the device */
	bool ns;                          /* the name service is offered */
};

/* The recipe above: num 16, align 4096, buffers of 512 bytes, with the name service. */
void geometry_default(struct geometry *g);
/*
 * Whether it is one: 0, or -EINVAL with the reason. window_len: bytes; da: the node's address of the window, which the
 * resource table can name up to 4 GB.
 */
int geometry_check(const struct geometry *g, uint64_t window_len, uint64_t da, struct reason *why);

/* Where its used ring begins, and how long a ring is. */
uint32_t geometry_used_at(const struct geometry *g);
uint32_t geometry_ring_len(const struct geometry *g);
/* The offset of a buffer. */
uint64_t geometry_buffer(const struct geometry *g, enum ring ring, uint32_t id);
/* The first byte behind all of it. */
uint64_t geometry_end(const struct geometry *g);
