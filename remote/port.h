/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library needs of a board: four functions, and no more. doc/porting.md has some to look at.
 *
 * All are called in the context of the library's caller, never from an interrupt.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum vcm_cache {
	VCM_CACHE_CLEAN,      /* what we wrote reaches memory before this returns */
	VCM_CACHE_INVALIDATE, /* what we read next comes from memory */
};

struct vcm_port {
	/* Rings at the host: a doorbell, an interrupt. The notify id is of the resource table. */
	void (*kick)(void *ctx, uint32_t notify_id);
	/*
	 * Returns 0 when the host has rung since this returned last, or rings, and may at any other time; negative (an
	 * errno number of error.h) when nobody should wait any longer. A ring between two calls must not get lost: an
	 * interrupt handler sets a flag, and this takes it.
	 */
	int (*wait)(void *ctx);
	/* NULL where the host sees what we write, and we what it writes, without that. The range may begin anywhere. */
	void (*cache)(void *ctx, enum vcm_cache what, const volatile void *at, size_t len);
	/* Where we see len bytes of shared memory that the host calls da; NULL unless all of them are shared memory. */
	void *(*address)(void *ctx, uint64_t da, size_t len);
	void *ctx;
};
