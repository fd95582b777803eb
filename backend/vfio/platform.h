/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers and interrupts of a device of the platform that the kernel's vfio-platform has: what there is of an SMMU where
 * nobody has made a UIO device of it. DMA is no part of it: the device's group needs no address space here, and may be one
 * that has no IOMMU (then to open it needs CAP_SYS_RAWIO, and a kernel that has been told to allow it).
 *
 *	container <- group <- device file --- region, mapped ---> window
 *	                                  --- all interrupts ---> one eventfd
 *
 * What has interrupted is found by looking, so that one eventfd serves all. A level that the kernel masks when it comes
 * (AUTOMASKED) is let through again by the acknowledgement.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/uio/window.h"
#include "backend/vfio/open.h"
#include "base/reason.h"

#define PLATFORM_IRQS_MAX 16 /* more are not waited for */

struct platform_region {
	uint64_t offset, len; /* in the device's file */
	bool mappable;
};

struct platform_irq {
	bool eventfd, automasked;
};

/* What the kernel is asked of a device's file. 0, or a negative errno. */
struct platform_ops {
	int (*info)(int fd, unsigned int *out_n_regions, unsigned int *out_n_irqs);
	int (*region)(int fd, unsigned int index, struct platform_region *out);
	int (*irq)(int fd, unsigned int index, struct platform_irq *out);
	/* eventfd -1: none any more. In place of what was set before, by whomever. */
	int (*set_irq)(int fd, unsigned int index, int eventfd);
	int (*unmask)(int fd, unsigned int index);
};

/* The real one. */
extern const struct platform_ops platform_kernel;

struct platform_files {
	unsigned int number; /* of the group */
	int container, group, device;
	bool given;
};

#define PLATFORM_FILES_NULL ((struct platform_files){ .container = -1, .group = -1, .device = -1 })

struct platform_config {
	const char *name;  /* in /sys/bus/platform/devices: "9050000.smmuv3" */
	const char *sysfs; /* NULL: /sys */
	const char *dev;   /* NULL: /dev */
};

/*
 * All that needs privilege. Files that a process before this one has opened are taken as a whole, or not at all.
 * 0; -EINVAL: no such name; -ENODEV: no such device, or vfio-platform does not have it; -EBUSY: its group is in use;
 * -EACCES...
 */
int platform_files_open(const struct platform_config *config, const struct vfio_given *given,
			struct platform_files *out, struct reason *why); /* given NULL: nothing */
/* Safe on PLATFORM_FILES_NULL. */
void platform_files_deinit(struct platform_files *f);

struct platform_window_config {
	const char *name;
	int device; /* open; stays the caller's and outlives the window */
	unsigned int region;
	uint64_t len, base; /* of registers that must be there; their physical address */
	const struct platform_ops *ops; /* NULL: the real ones */
};

struct platform_window;
/* 0; -EINVAL: the region is none, or too short, or cannot be mapped; -ENODEV: it is no device of the platform; -ENOMEM; or
 * what the kernel says. */
int platform_window_new(const struct platform_window_config *config, struct platform_window **out,
			struct reason *why);
/* Its interrupts go to nobody any more. Returns NULL; NULL is fine. */
struct platform_window *platform_window_free(struct platform_window *p);
/* Valid as long as it is. */
struct window *platform_window(struct platform_window *p);
