// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked of the kernel's VFIO, and what is understood of its answers: ioctl() is answered here (--wrap), as linux/vfio.h
 * says. That the kernel does it is proven in a virtual machine (tests/e2e/x86).
 * Mutations that it was seen to catch: a bus master that is not looked at again; no capabilities read; nothing unmapped; VADDR
 * without ALL.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/vfio/kernel.h"
#include "base/cleanup.h"
#include "tests/suite.h"

#define CONTAINER 1000 /* no file: nothing but ioctl() has it */
#define CONFIG_AT 0x7000u

static const struct vfio_kernel_ops *ops;
static struct vfio_iommu_type1_dma_map mapped;
static struct vfio_iommu_type1_dma_unmap unmapped;
static bool capable; /* of telling anything but page sizes, and of handing mappings over */

struct answer {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_dma_avail left;
	struct { /* a struct vfio_iommu_type1_info_cap_iova_range of two */
		struct vfio_info_cap_header header;
		uint32_t nr_iovas, reserved;
		struct vfio_iova_range ranges[2];
	} reach;
};

static void tell_all(struct answer *a)
{
	a->info.flags |= VFIO_IOMMU_INFO_CAPS;
	a->info.cap_offset = offsetof(struct answer, left);
	a->left = (struct vfio_iommu_type1_info_dma_avail){
		.header = { VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, offsetof(struct answer, reach) },
		.avail = 77,
	};
	a->reach.header =
		(struct vfio_info_cap_header){ VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0 };
	a->reach.nr_iovas = 2;
	a->reach.ranges[0] = (struct vfio_iova_range){ 0, 0xfedfffff };
	a->reach.ranges[1] = (struct vfio_iova_range){ 0xfef00000, 0x7fffffffff };
}

/* As the kernel does it: what there is room for, and how much there would be. */
static int get_info(struct vfio_iommu_type1_info *out)
{
	struct answer a = { .info = { .flags = VFIO_IOMMU_INFO_PGSIZES, .iova_pgsizes = 0x1000 } };
	uint32_t room = out->argsz;

	a.info.argsz = capable ? sizeof(a) : sizeof(a.info);
	if (capable && room >= sizeof(a))
		tell_all(&a);
	memcpy(out, &a, room < sizeof(a) ? room : sizeof(a));
	return 0;
}

static int get_region(struct vfio_region_info *out)
{
	ck_assert_uint_eq(out->index, VFIO_PCI_CONFIG_REGION_INDEX);
	out->offset = CONFIG_AT;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list list;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	switch (request) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region(arg);
	case VFIO_IOMMU_GET_INFO:
		return get_info(arg);
	case VFIO_CHECK_EXTENSION:
		return capable;
	case VFIO_IOMMU_MAP_DMA:
		mapped = *(struct vfio_iommu_type1_dma_map *)arg;
		return 0;
	case VFIO_IOMMU_UNMAP_DMA:
		unmapped = *(struct vfio_iommu_type1_dma_unmap *)arg;
		((struct vfio_iommu_type1_dma_unmap *)arg)->size = 0x5000;
		return 0;
	}
	ck_abort_msg("ioctl 0x%lx of file %d", request, fd);
	return -1;
}

static void setup(void)
{
	ops = vfio_kernel.ops;
	capable = true;
}

START_TEST(what_a_container_can_do_is_read)
{
	struct vfio_info info;

	setup();
	ck_assert_int_eq(ops->info(NULL, CONTAINER, &info), 0);
	ck_assert_uint_eq(info.page_sizes, 0x1000);
	ck_assert_uint_eq(info.entries_left, 77);
	ck_assert(info.can_take_over);
	ck_assert_uint_eq(info.n_apertures, 2);
	ck_assert_uint_eq(info.apertures[0].last, 0xfedfffff);
	ck_assert_uint_eq(info.apertures[1].first, 0xfef00000);
}
END_TEST

START_TEST(a_kernel_that_says_little_is_not_taken_to_say_none)
{
	struct vfio_info info;

	setup();
	capable = false;
	ck_assert_int_eq(ops->info(NULL, CONTAINER, &info), 0);
	ck_assert_uint_eq(info.entries_left, UINT64_MAX);
	ck_assert_uint_eq(info.n_apertures, 0);
	ck_assert(!info.can_take_over);
}
END_TEST

START_TEST(a_mapping_has_the_rights_that_it_is_to_have)
{
	struct vfio_dma dma = { .iova = 0x10000, .len = 0x2000, .at = &mapped, .read = true };

	setup();
	ck_assert_int_eq(ops->map(NULL, CONTAINER, &dma), 0);
	ck_assert_uint_eq(mapped.flags, VFIO_DMA_MAP_FLAG_READ);
	ck_assert_uint_eq(mapped.iova, 0x10000);
	ck_assert_uint_eq(mapped.size, 0x2000);
	ck_assert_uint_eq(mapped.vaddr, (uintptr_t)&mapped);
	dma.read = false;
	dma.write = true;
	ck_assert_int_eq(ops->map(NULL, CONTAINER, &dma), 0);
	ck_assert_uint_eq(mapped.flags, VFIO_DMA_MAP_FLAG_WRITE);
	/* Rights are the mapping's already. */
	ck_assert_int_eq(ops->take_over(NULL, CONTAINER, &dma), 0);
	ck_assert_uint_eq(mapped.flags, VFIO_DMA_MAP_FLAG_VADDR);
}
END_TEST

START_TEST(all_is_unmapped_and_all_is_given_up)
{
	setup();
	ck_assert_int_eq(ops->unmap(NULL, CONTAINER, (struct range){ 0x3000, 0x7fff }), 0x5000);
	ck_assert_uint_eq(unmapped.iova, 0x3000);
	ck_assert_uint_eq(unmapped.size, 0x5000);
	ck_assert_uint_eq(unmapped.flags, 0);
	ck_assert_int_eq(ops->unmap_all(NULL, CONTAINER), 0x5000);
	ck_assert_uint_eq(unmapped.flags, VFIO_DMA_UNMAP_FLAG_ALL);
	ck_assert_uint_eq(unmapped.iova | unmapped.size, 0);
	ck_assert_int_eq(ops->give_up(NULL, CONTAINER), 0x5000);
	ck_assert_uint_eq(unmapped.flags, VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR);
}
END_TEST

/* A file stands for the device's registers; one that forgets what is written, for a device that is not there any more. */
START_TEST(a_device_is_a_bus_master_when_it_says_so)
{
	_cleanup_(fd_closep) int device = memfd_create("device", MFD_CLOEXEC),
				 deaf = open("/dev/zero", O_RDWR | O_CLOEXEC);
	uint16_t command = PCI_COMMAND_MEMORY;

	setup();
	ck_assert_int_ge(deaf, 0);
	ck_assert_int_eq(ftruncate(device, 2 * CONFIG_AT), 0);
	ck_assert_int_eq(pwrite(device, &command, 2, CONFIG_AT + PCI_COMMAND), 2);
	ck_assert_int_eq(ops->bus_master(NULL, device, true), 0);
	ck_assert_int_eq(pread(device, &command, 2, CONFIG_AT + PCI_COMMAND), 2);
	ck_assert_uint_eq(command, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_int_eq(ops->bus_master(NULL, device, false), 0);
	ck_assert_int_eq(pread(device, &command, 2, CONFIG_AT + PCI_COMMAND), 2);
	ck_assert_uint_eq(command, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(ops->bus_master(NULL, deaf, true), -EIO);
}
END_TEST

SUITE_MAIN("vfio-kernel", what_a_container_can_do_is_read,
	   a_kernel_that_says_little_is_not_taken_to_say_none,
	   a_mapping_has_the_rights_that_it_is_to_have, all_is_unmapped_and_all_is_given_up,
	   a_device_is_a_bus_master_when_it_says_so)
