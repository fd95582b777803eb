/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers mapped into this process: mmio over /dev/uioN, with the device's interrupt, over /dev/mem, which has none, or over
 * a file that others have opened (backend/vfio/platform.h).
 *
 * A register is read and written as one aligned word of 32 bits, never in bulk. A write is ordered after what was
 * loaded from and stored to memory before it, and what is read from memory after a read of a register is not older than that read: on ARM by
 * barriers of the outer shareable domain, which is where devices are.
 *
 * /dev/mem shows all of a machine. It is opened here only when a caller names it; whoever reads a configuration must have
 * found it there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/irq.h"
#include "backend/mmio.h"
#include "base/reason.h"

struct window;

struct window_uio_config {
	const char *
		name; /* what the UIO driver calls the device (its sysfs file "name"); exactly one has it */
	unsigned int map;  /* which of its memory regions */
	uint64_t len;      /* of registers that must be there */
	const char *sysfs; /* NULL: /sys/class/uio */
	const char *dev;   /* NULL: /dev */
};
/*
 * 0; -ENODEV: there is no such device, or more than one; -EINVAL: its region is too short, or not at a page of its own;
 * -ENOMEM; or what open() and mmap() say.
 */
int window_open_uio(const struct window_uio_config *config, struct window **out,
		    struct reason *why);

/*
 * Where such a region is, for those who map it otherwise (memory): the file, what to map of it, and its physical address.
 * It takes whole pages. 0; -ENODEV, -EINVAL as above.
 */
struct window_place {
	char path[64];
	uint64_t offset, base, len;
};
int window_find_uio(const struct window_uio_config *config, struct window_place *out,
		    struct reason *why);

struct window_mem_config {
	uint64_t base;        /* physical address, page aligned */
	uint64_t len;         /* of registers */
	unsigned int poll_ms; /* the "interrupt" comes that often; 0: every 10 ms */
	const char *path;     /* NULL: /dev/mem */
};
/* 0; -EINVAL: base or len is not made of pages; -ENOMEM; or what open() and mmap() say. */
int window_open_mem(const struct window_mem_config *config, struct window **out,
		    struct reason *why);

struct window_file_config {
	const char *name;
	int fd;                     /* stays the caller's */
	uint64_t offset, len, base; /* in the file, of registers; their physical address */
	struct irq irq;             /* of whoever has the file */
};
/* The same over a file that somebody else has opened, and that outlives the window. 0; -ENOMEM; or what mmap() says. */
int window_open_file(const struct window_file_config *config, struct window **out,
		     struct reason *why);

/* Returns NULL; NULL is fine. */
struct window *window_free(struct window *w);

/* Valid as long as the window. A register beyond the window is a bug of the driver (asserted). */
const struct mmio *window_mmio(struct window *w);
const struct irq *window_irq(struct window *w);
/* Where the registers are: physical. */
uint64_t window_base(const struct window *w);
