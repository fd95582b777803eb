/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel's VFIO (type 1, version 2) is asked: a table of operations, so that the driver above it is proven on a
 * model of the kernel's rules (tests/backend/vfio-model.h).
 *
 *	container fd   an IOMMU address space:  iova -> pinned pages of a process
 *	device fd      configuration space, with the bit that lets the device be a bus master
 *
 * The rules: a mapping that meets another is -EEXIST; an unmap removes whole mappings, and one that would cut a mapping is
 * -EINVAL; entries are limited (-ENOSPC), and so is what a process may pin (-ENOMEM). Unmapping returns when the
 * IOMMU has forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

#define VFIO_MAX_APERTURES 16

struct vfio_dma {
	uint64_t iova, len;
	void *at; /* in this process */
	bool read, write;
};

struct vfio_info {
	uint64_t page_sizes;   /* bit n: blocks of 2^n bytes */
	uint64_t entries_left; /* mappings that can be added; UINT64_MAX: the kernel does not say */
	bool can_take_over;    /* give_up and take_over work */
	struct range apertures[VFIO_MAX_APERTURES]; /* addresses that can be mapped, ascending */
	size_t n_apertures;                         /* 0: the kernel does not say */
};

struct vfio_kernel_ops {
	int (*info)(void *ctx, int container, struct vfio_info *out);
	int (*map)(void *ctx, int container, const struct vfio_dma *dma);
	/* Bytes that were mapped there and are not any more, or a negative errno. */
	int64_t (*unmap)(void *ctx, int container, struct range iova);
	int64_t (*unmap_all)(void *ctx, int container);
	/*
	 * What a process before this one has mapped: give_up keeps every mapping for the devices and makes its memory
	 * nobody's (bytes, or a negative errno); take_over makes one of them this process's: 0; -ENOENT there is none;
	 * -EINVAL it has another length, or is taken over already. That it is the same memory is for the caller to know.
	 */
	int64_t (*give_up)(void *ctx, int container);
	int (*take_over)(void *ctx, int container, const struct vfio_dma *dma);
	/* Returns when the device has taken it: what it began before may still be under way on the bus no longer. */
	int (*bus_master)(void *ctx, int device, bool on);
	/* Bytes that this process may still pin; UINT64_MAX: as much as there is. */
	uint64_t (*pinnable)(void *ctx);
};

struct vfio_kernel {
	const struct vfio_kernel_ops *ops;
	void *ctx;
};

/* The real one. */
extern const struct vfio_kernel vfio_kernel;
