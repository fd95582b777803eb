/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The broker's own memory for page tables: a window of physical addresses with private bytes behind it, which costs
 * nothing until it is used.
 *
 *	window  |  64K chunk  |  64K chunk  |  64K chunk  | ...
 *	          1K blocks: one bit each, 1 = in use; a buddy of 7 orders is 64 bits, and coalescing is clearing bits
 *
 * Own bytes that are in no block are zero. Bytes of others are left as they are until a block of them is given out, as hardware
 * may still walk what an earlier process had there: what it reaches is held, until that is known to be over.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

#define TABLE_LEN_MIN UINT64_C(0x400)
#define TABLE_LEN_MAX SZ_64K
#define TABLE_ORDERS 7 /* 1K << 0 ... 1K << 6 */

struct table_chunk {
	uint64_t used;
	uint64_t held; /* of them, for what is not ours */
	LIST_ENTRY(table_chunk) list;
};

LIST_HEAD(table_chunks, table_chunk);

struct tables {
	struct range pa;
	uint8_t *at;      /* of pa.first */
	uint64_t map_len; /* whole pages; 0: the bytes are somebody else's */
	bool strict;      /* they are mapped as a device's */
	struct tables *next;
	uint64_t first; /* of the first chunk, a multiple of 64K */
	struct table_chunk *chunks;
	size_t n_chunks, n_touched;             /* chunks from n_touched on were never used */
	struct table_chunks free[TABLE_ORDERS]; /* with a free block of this order, and none larger */
	struct table_chunks given_back;         /* free, and without pages */
	size_t n_idle;                          /* chunks in free[TABLE_ORDERS - 1] */
	uint64_t used_len;
};

/* 0 or -ENOMEM. */
int tables_init(struct tables *t, struct range pa);
/* The same over bytes that outlive it, which are not touched; strict: mapped as a device's. */
int tables_init_at(struct tables *t, struct range pa, uint8_t *at, bool strict);
/* Blocks that are left go too. Safe on zeroed memory. */
void tables_deinit(struct tables *t);

/* len: a power of two from 1K to 64K. 0, or -ENOMEM when no block is free. */
int tables_alloc(struct tables *t, size_t len, uint64_t *out_pa);
/* The whole block. */
void tables_free(struct tables *t, uint64_t pa, size_t len);
/* Nobody is given [pa, pa + len), whole blocks of 1K. 0; 1: all of it was held already; -EFAULT: it is not in the window. */
int tables_hold(struct tables *t, uint64_t pa, uint64_t len);
/* What is held becomes a block like those of tables_alloc(). */
void tables_take(struct tables *t, uint64_t pa, size_t len);
/* What is still held is free. */
void tables_release(struct tables *t);
/* NULL unless [pa, pa + len) is in the window. */
void *tables_view(const struct tables *t, uint64_t pa, size_t len);
