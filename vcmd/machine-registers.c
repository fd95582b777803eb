// SPDX-License-Identifier: BSD-3-Clause
/*
 * Registers of the machine's hardware, in the way that the configuration names.
 */
#include <errno.h>
#include <inttypes.h>

#include "backend/uio/window.h"
#include "backend/vfio/platform.h"
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

/* --- a device of the platform */

static void free_files(void *thing)
{
	platform_files_deinit(thing);
}

static void free_platform(void *thing)
{
	platform_window_free(thing);
}

/* Kept with the machine; and by whoever keeps its files, as a group is opened once, and a device whose file is closed is
 * reset. */
static int open_files(struct machine *m, const struct config_smmu *c, struct platform_files **out,
		      struct reason *why)
{
	struct platform_config config = { .name = c->device };
	struct vfio_given given = machine_vfio_given(m);
	struct platform_files *f = machine_keep_new(m, sizeof(*f), why);
	int r;

	if (!f)
		return -ENOMEM;
	*f = PLATFORM_FILES_NULL;
	r = platform_files_open(&config, &given, f, why);
	if (r == 0)
		r = machine_keep(m, f, free_files, why);
	if (r < 0)
		return r;
	if (!f->given) {
		machine_vfio_keep(m, VFIO_FILE_CONTAINER, f->number, f->container);
		machine_vfio_keep(m, VFIO_FILE_GROUP, f->number, f->group);
		machine_vfio_keep(m, VFIO_FILE_PLATFORM, f->number, f->device);
	}
	*out = f;
	return 0;
}

static int open_vfio(struct machine *m, const struct config_smmu *c, uint64_t len,
		     struct window **out, struct reason *why)
{
	struct platform_window_config config = {
		.name = c->device, .region = c->region, .len = len, .base = c->base
	};
	struct platform_files *files = NULL;
	struct platform_window *p = NULL;
	int r = open_files(m, c, &files, why);

	if (r < 0)
		return r;
	config.device = files->device;
	r = platform_window_new(&config, &p, why);
	if (r < 0)
		return r;
	*out = platform_window(p);
	return machine_keep(m, p, free_platform, why);
}

static void free_window(void *thing)
{
	window_free(thing);
}

int machine_open_registers(struct machine *m, const struct config_smmu *c, uint64_t len,
			   struct window **out, struct reason *why)
{
	int r;

	if (c->registers == REGISTERS_VFIO)
		return open_vfio(m, c, len, out, why);
	r = c->registers == REGISTERS_UIO ? open_uio(c, len, out, why) : open_mem(c, len, out, why);
	return r < 0 ? r : machine_keep(m, *out, free_window, why);
}
