/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tap on the registers between the driver and the model: writes can be swallowed, and before and after each write a
 * test can look at the world, as a master could at that very moment.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/mmio.h"

struct tap {
	struct mmio io; /* what the driver is given */
	const struct mmio *hardware;
	uint32_t reads_as; /* with dead: what every register reads as */
	bool dead;         /* nothing is connected */
	bool (*swallow)(uint32_t offset, uint32_t value); /* NULL: nothing */
	void (*look)(void);                               /* NULL: nobody */
	unsigned int n_writes;
};

static inline uint32_t tap_read32(void *ctx, uint32_t offset)
{
	struct tap *tap = ctx;

	return tap->dead ? tap->reads_as : mmio_read32(tap->hardware, offset);
}

static inline void tap_write32(void *ctx, uint32_t offset, uint32_t value)
{
	struct tap *tap = ctx;

	tap->n_writes++;
	if (!tap->dead && !(tap->swallow && tap->swallow(offset, value)))
		mmio_write32(tap->hardware, offset, value);
	if (tap->look)
		tap->look();
}

static inline void tap_init(struct tap *tap, const struct mmio *hardware)
{
	static const struct mmio_ops ops = { tap_read32, tap_write32 };

	*tap = (struct tap){ .hardware = hardware };
	tap->io = (struct mmio){ &ops, tap };
}
