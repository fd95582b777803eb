/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening what a VFIO backend works on. All that needs privilege is here: a process that has none can be handed the same
 * files by one that has.
 */
#pragma once

#include <stddef.h>

#include "backend/vfio/pci.h"
#include "base/reason.h"

struct vfio_open_group {
	unsigned int number;
	int container, group;
};

struct vfio_open_device {
	struct pci_device pci;
	int fd;
	size_t group; /* index */
};

struct vfio_files {
	struct vfio_open_group *groups;
	size_t n_groups;
	struct vfio_open_device *devices; /* in the order of the addresses */
	size_t n_devices;
};

#define VFIO_FILES_NULL ((struct vfio_files){ 0 })

/* 0; -EINVAL, -ENODEV (no such device, not bound to vfio-pci), -EBUSY (in use), -EACCES... */
int vfio_files_open(const char *const *addresses, size_t n, struct vfio_files *out,
		    struct reason *why);
/* Closes what has not been taken (an fd that is -1). Safe on VFIO_FILES_NULL. */
void vfio_files_deinit(struct vfio_files *f);
