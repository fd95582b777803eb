/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hardware sees of memory: physical addresses. The daemon provides it; the table drivers store descriptors through
 * it and the simulated machine walks and transfers through it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bus_ops {
	/* Copy len bytes at pa. 0, or -EFAULT when any of them is not memory; then buf's contents are undefined and no
	 * byte of memory has changed. */
	int (*read)(void *ctx, uint64_t pa, void *buf, size_t len);
	int (*write)(void *ctx, uint64_t pa, const void *buf, size_t len);
	/* A direct view of len bytes at pa for table memory (see table_alloc), or NULL when they are not contiguous
	 * memory of the broker's own that no client can write. */
	void *(*view)(void *ctx, uint64_t pa, size_t len);
	/* Table memory: len (a power of two, 1 KB to 16 KB and above) bytes, aligned to len, zeroed. 0, -ENOMEM. */
	int (*table_alloc)(void *ctx, size_t len, uint64_t *out_pa);
	void (*table_free)(void *ctx, uint64_t pa, size_t len);
	/*
	 * Of a bus whose table memory outlives the process (else NULL), before anything is allocated: nobody is given what is
	 * held, whole blocks of 1 KB, which hardware may still walk. 0; 1: all of it was held already; -EFAULT: it is no
	 * table memory. What is taken is a block as if it had been allocated. What is still held when the hardware has left
	 * it is let go by the bus's owner.
	 */
	int (*table_hold)(void *ctx, uint64_t pa, size_t len);
	void (*table_take)(void *ctx, uint64_t pa, size_t len);
};

struct bus {
	const struct bus_ops *ops;
	void *ctx;
};
