/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's edu device, driven through its VFIO file: a bus master with a buffer of 4 KB and DMA between it and memory.
 *
 *	memory --(to the device)--> buffer --(to memory)--> memory
 *
 * A transfer takes it 100 ms, and it says that it is done whether or not the IOMMU let it through. Source of the figures:
 * QEMU's docs/specs/edu. A transfer must end inside the buffer: 2 KB are moved at a time.
 */
#pragma once

#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EDU_IDENT 0x00
#define EDU_IDENT_VALUE 0x010000edu
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1u
#define EDU_DMA_TO_MEMORY 2u
#define EDU_BUFFER 0x40000u
#define EDU_CHUNK 2048u

struct edu {
	int fd;
	volatile uint8_t *regs;
};

static inline int edu_open(struct edu *e, int fd)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	void *at;

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bar) < 0)
		return -errno;
	at = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)bar.offset);
	if (at == MAP_FAILED)
		return -errno;
	e->fd = fd;
	e->regs = at;
	return *(volatile uint32_t *)(e->regs + EDU_IDENT) == EDU_IDENT_VALUE ? 0 : -ENODEV;
}

static inline void edu_put(const struct edu *e, uint32_t at, uint64_t value)
{
	*(volatile uint64_t *)(e->regs + at) = value;
}

/* Begins; the device is at work for 100 ms. */
static inline void edu_start(const struct edu *e, uint64_t addr, uint32_t len, bool to_memory)
{
	edu_put(e, EDU_DMA_SRC, to_memory ? EDU_BUFFER : addr);
	edu_put(e, EDU_DMA_DST, to_memory ? addr : EDU_BUFFER);
	edu_put(e, EDU_DMA_LEN, len);
	edu_put(e, EDU_DMA_COMMAND, EDU_DMA_START | (to_memory ? EDU_DMA_TO_MEMORY : 0));
}

static inline bool edu_is_busy(const struct edu *e)
{
	return *(volatile uint64_t *)(e->regs + EDU_DMA_COMMAND) & EDU_DMA_START;
}

static inline void edu_wait(const struct edu *e)
{
	while (edu_is_busy(e))
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static inline void edu_read(const struct edu *e, uint64_t addr)
{
	edu_start(e, addr, EDU_CHUNK, false);
	edu_wait(e);
}

static inline void edu_write(const struct edu *e, uint64_t addr)
{
	edu_start(e, addr, EDU_CHUNK, true);
	edu_wait(e);
}
