/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening what a VFIO backend works on. All that needs privilege is here: a process that has none can be handed the same
 * files by one that has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/vfio/pci.h"
#include "base/reason.h"

struct vfio_open_group {
	unsigned int number;
	int container, group;
	bool given;
};

struct vfio_open_device {
	struct pci_device pci;
	int fd;
	size_t group; /* index */
	bool given;
};

struct vfio_files {
	struct vfio_open_group *groups;
	size_t n_groups;
	struct vfio_open_device *devices; /* in the order of the addresses */
	size_t n_devices;
};

#define VFIO_FILES_NULL ((struct vfio_files){ 0 })

enum vfio_file {
	VFIO_FILE_CONTAINER, /* by the number of its group */
	VFIO_FILE_GROUP,
	VFIO_FILE_DEVICE,   /* by pci_number() */
	VFIO_FILE_PLATFORM, /* by the number of its group */
};

/* Files that a process before this one has opened. A group is taken as a whole, with its container, or not at all. */
struct vfio_given {
	/* The caller's from now on; -1: there is none. */
	int (*take)(void *ctx, enum vfio_file file, uint64_t number);
	/* It is of no use: whoever else has it open lets go, since the kernel opens a group once. */
	void (*discard)(void *ctx, enum vfio_file file, uint64_t number);
	void *ctx;
};

/* 0; -EINVAL, -ENODEV (no such device, not bound to vfio-pci), -EBUSY (in use), -EACCES... */
int vfio_files_open(const char *const *addresses, size_t n, const struct vfio_given *given,
		    struct vfio_files *out, struct reason *why); /* given NULL: nothing */
/* Closes what has not been taken (an fd that is -1). Safe on VFIO_FILES_NULL. */
void vfio_files_deinit(struct vfio_files *f);
