// SPDX-License-Identifier: BSD-3-Clause
/*
 * Registers of the machine's hardware, in the way that the configuration names.
 */
#include <errno.h>
#include <inttypes.h>

#include "backend/uio/window.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"

static int open_uio(const struct config_smmu *c, uint64_t len, struct window **out,
		    struct reason *why)
{
	struct window_uio_config config = { .name = c->device, .map = c->region, .len = len };
	int r = window_open_uio(&config, out, why);

	if (r < 0 || !c->base || c->base == window_base(*out))
		return r;
	refuse(why, 0, "%s: UIO device %s is at 0x%" PRIx64 ", not at its base", c->name, c->device,
	       window_base(*out));
	*out = window_free(*out);
	return -EINVAL;
}

static int open_mem(const struct config_smmu *c, uint64_t len, struct window **out,
		    struct reason *why)
{
	struct window_mem_config config = { .base = c->base, .len = len, .poll_ms = c->poll_ms };

	return window_open_mem(&config, out, why);
}

static void free_window(void *thing)
{
	window_free(thing);
}

int machine_open_registers(struct machine *m, const struct config_smmu *c, uint64_t len,
			   struct window **out, struct reason *why)
{
	int r = c->registers == REGISTERS_UIO ? open_uio(c, len, out, why) :
						open_mem(c, len, out, why);

	return r < 0 ? r : machine_keep(m, *out, free_window, why);
}
