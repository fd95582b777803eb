/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register access: 32-bit registers at byte offsets of a window, wherever the window is: the simulator's model, a
 * mapped /dev/uioN or /dev/mem. The driver above it is the same.
 */
#pragma once

#include <stdint.h>

struct mmio_ops {
	uint32_t (*read32)(void *ctx, uint32_t offset);
	/* Returns when the write has been issued; ordered after every earlier access of this window and after earlier
	 * loads and stores of memory that the hardware uses. */
	void (*write32)(void *ctx, uint32_t offset, uint32_t value);
};

struct mmio {
	const struct mmio_ops *ops;
	void *ctx;
};

static inline uint32_t mmio_read32(const struct mmio *io, uint32_t offset)
{
	return io->ops->read32(io->ctx, offset);
}

static inline void mmio_write32(const struct mmio *io, uint32_t offset, uint32_t value)
{
	io->ops->write32(io->ctx, offset, value);
}
