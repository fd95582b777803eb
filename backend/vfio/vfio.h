/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices behind whatever IOMMU the kernel drives, through VFIO type 1: how the broker makes a backend of them.
 *
 *	device --- in ---> group --- has, for good ---> container        a group is what the IOMMU can tell apart
 *
 * A container holds the mappings of the vcm that is active on its group, and none otherwise. Activation maps all that the
 * vcm has and lets the device be a bus master; deactivation is the reverse, in the reverse order. To switch is off, unmap,
 * map, on: there is a gap. Two devices of one group are active on one table only, and then both see it until the
 * last of them is deactivated.
 *
 * It cannot do: stalls (a faulting transaction is over), two tables at once, execute and privilege (they are not
 * enforced), cache policies. A client that holds the device's file can let it be a bus master itself: it reaches what is
 * mapped, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/vfio/kernel.h"

struct vfio_faults;

/* Where physical addresses of the broker's are in this process. */
struct vfio_memory {
	/* The byte of pa, and how many more follow it there, at most len; NULL: pa is no memory. It stays there as long as it
	 * is memory. */
	void *(*at)(void *ctx, uint64_t pa, uint64_t len, uint64_t *out_len);
	void *ctx;
};

/* The format of the tables, shared by all containers. */
struct vfio_format;
/* NULL without memory. */
struct vfio_format *vfio_format_new(const struct vfio_memory *memory);
/* All its tables are gone (asserted), unless a backend has left them. Returns NULL; NULL is fine. */
struct vfio_format *vfio_format_free(struct vfio_format *format);

struct vfio_group_config {
	unsigned int number;
	int container,
		group;  /* open; the group is in the container, which is of type 1 version 2 */
	bool inherited; /* the container may hold mappings of a process before this one */
	bool doubtful; /* these may be of other memory, or with other rights, than that one's books say */
};

struct vfio_device_config {
	const char *name; /* copied */
	uint16_t rid;     /* bus << 8 | device << 3 | function: what faults name */
	int fd;           /* open */
	size_t group;     /* index of its group */
};

struct vfio_config {
	const struct vfio_kernel *kernel; /* lives as long as the backend; NULL: the real one */
	const struct vfio_group_config *groups;
	size_t n_groups;
	const struct vfio_device_config *devices; /* a context each */
	size_t n_devices;
	struct vfio_faults *faults; /* where faults are told; NULL: nowhere */
};

/*
 * The fds and the faults are the backend's when it succeeds. No device is a bus master then, unless its container is
 * inherited.
 * 0; -ENOMEM; or what the kernel says to the first questions.
 */
int vfio_new(const struct vfio_config *config, struct vfio_format *format, struct backend **out,
	     struct reason *why);
/* Mappings that its container can still take. */
uint64_t vfio_entries_left(struct backend *b, unsigned int context);
/* The number of its group. */
unsigned int vfio_group(struct backend *b, unsigned int context);
