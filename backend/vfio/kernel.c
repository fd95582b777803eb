// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/kernel.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* Linux 5.12; later kernels may have taken it back. */
#ifndef VFIO_UPDATE_VADDR
#define VFIO_UPDATE_VADDR 10
#endif

/* --- what a container can do --- */

static void take_apertures(const struct vfio_iommu_type1_info_cap_iova_range *cap,
			   struct vfio_info *out)
{
	for (uint32_t i = 0; i < cap->nr_iovas && out->n_apertures < VFIO_MAX_APERTURES; i++)
		out->apertures[out->n_apertures++] =
			(struct range){ cap->iova_ranges[i].start, cap->iova_ranges[i].end };
}

static void take_capabilities(const struct vfio_iommu_type1_info *info, struct vfio_info *out)
{
	uint32_t at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;

	while (at && at + sizeof(struct vfio_info_cap_header) <= info->argsz) {
		const struct vfio_info_cap_header *cap = (const void *)((const char *)info + at);

		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			take_apertures((const void *)cap, out);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			out->entries_left =
				((const struct vfio_iommu_type1_info_dma_avail *)(const void *)cap)
					->avail;
		at = cap->next;
	}
}

static int kernel_info(void *ctx _unused_, int container, struct vfio_info *out)
{
	struct vfio_iommu_type1_info head = { .argsz = sizeof(head) };
	_cleanup_(mem_freep) struct vfio_iommu_type1_info *info = NULL;

	if (ioctl(container, VFIO_IOMMU_GET_INFO, &head) < 0)
		return -errno;
	info = mem_zalloc(head.argsz);
	if (!info)
		return -ENOMEM;
	info->argsz = head.argsz;
	if (ioctl(container, VFIO_IOMMU_GET_INFO, info) < 0)
		return -errno;
	*out = (struct vfio_info){
		.page_sizes = info->iova_pgsizes,
		.entries_left = UINT64_MAX,
		.can_take_over = ioctl(container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR) > 0,
	};
	take_capabilities(info, out);
	return 0;
}

/* --- mappings --- */

static int map(int container, const struct vfio_dma *dma, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
						.flags = flags,
						.vaddr = (uintptr_t)dma->at,
						.iova = dma->iova,
						.size = dma->len };

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &arg) < 0 ? -errno : 0;
}

static int kernel_map(void *ctx _unused_, int container, const struct vfio_dma *dma)
{
	return map(container, dma,
		   (dma->read ? VFIO_DMA_MAP_FLAG_READ : 0u) |
			   (dma->write ? VFIO_DMA_MAP_FLAG_WRITE : 0u));
}

static int kernel_take_over(void *ctx _unused_, int container, const struct vfio_dma *dma)
{
	return map(container, dma, VFIO_DMA_MAP_FLAG_VADDR);
}

static int64_t unmap(int container, uint64_t iova, uint64_t len, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .flags = flags, .iova = iova, .size = len
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) < 0 ? -errno : (int64_t)arg.size;
}

static int64_t kernel_unmap(void *ctx _unused_, int container, struct range iova)
{
	return unmap(container, iova.first, range_len(iova), 0);
}

static int64_t kernel_unmap_all(void *ctx _unused_, int container)
{
	return unmap(container, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

static int64_t kernel_give_up(void *ctx _unused_, int container)
{
	return unmap(container, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR);
}

/* --- devices --- */

static int kernel_bus_master(void *ctx _unused_, int device, bool on)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command, now;
	off_t at;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		return -errno;
	at = (off_t)config.offset + PCI_COMMAND;
	if (pread(device, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	command = (uint16_t)(on ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER);
	/* The second read comes after what the device has sent before it. */
	if (pwrite(device, &command, sizeof(command), at) != sizeof(command) ||
	    pread(device, &now, sizeof(now), at) != sizeof(now))
		return -EIO;
	return (now & PCI_COMMAND_MASTER) == (command & PCI_COMMAND_MASTER) ? 0 : -EIO;
}

/* What the kernel says of this process: bytes that are locked, and whether it may lock as many as it likes. */
static void read_status(uint64_t *out_locked, bool *out_unlimited)
{
	unsigned long long kb, capabilities;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmLck: %llu kB", &kb) == 1)
			*out_locked = (uint64_t)kb * 1024;
		if (sscanf(line, "CapEff: %llx", &capabilities) == 1)
			*out_unlimited = capabilities >> CAP_IPC_LOCK & 1;
	}
	if (f)
		fclose(f);
}

static uint64_t kernel_pinnable(void *ctx _unused_)
{
	struct rlimit limit;
	uint64_t used = 0;
	bool unlimited = false;

	read_status(&used, &unlimited);
	if (unlimited || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

static const struct vfio_kernel_ops ops = {
	.info = kernel_info,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.unmap_all = kernel_unmap_all,
	.give_up = kernel_give_up,
	.take_over = kernel_take_over,
	.bus_master = kernel_bus_master,
	.pinnable = kernel_pinnable,
};

const struct vfio_kernel vfio_kernel = { &ops, NULL };
