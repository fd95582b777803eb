/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's edu device on a bus without a driver: its registers are mapped through sysfs, as root. A bus master with a buffer
 * of 4 KB and DMA between it and memory, which takes it 100 ms, and of which it says that it is done whether or not the
 * IOMMU let it through. Source of the figures: QEMU's docs/specs/edu. A transfer must end inside the buffer: 2 KB are
 * moved at a time.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EDU_BUS "/sys/bus/pci/devices/0000:00:01.0/"
#define EDU_IDENT 0x00
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1u
#define EDU_DMA_TO_MEMORY 2u
#define EDU_BUFFER 0x40000u
#define EDU_CHUNK 2048u
#define EDU_LEN 0x100000u
#define PCI_COMMAND 4
#define PCI_MEMORY_AND_MASTER 6u

static volatile uint8_t *edu;

static inline int edu_open(void)
{
	int fd = open(EDU_BUS "config", O_RDWR | O_CLOEXEC);
	uint16_t command = 0;
	void *at;

	if (fd < 0 || pread(fd, &command, 2, PCI_COMMAND) != 2)
		return -errno;
	command |= PCI_MEMORY_AND_MASTER;
	if (pwrite(fd, &command, 2, PCI_COMMAND) != 2)
		return -errno;
	close(fd);
	fd = open(EDU_BUS "resource0", O_RDWR | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, EDU_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	edu = at;
	return (*(volatile uint32_t *)(edu + EDU_IDENT) & 0xffff) == 0x00ed ? 0 : -ENODEV;
}

static inline void edu_put(uint32_t at, uint64_t value)
{
	*(volatile uint64_t *)(edu + at) = value;
}

static inline bool edu_is_busy(void)
{
	return *(volatile uint64_t *)(edu + EDU_DMA_COMMAND) & EDU_DMA_START;
}

static inline void edu_start(uint64_t addr, uint32_t len, bool to_memory)
{
	edu_put(EDU_DMA_SRC, to_memory ? EDU_BUFFER : addr);
	edu_put(EDU_DMA_DST, to_memory ? addr : EDU_BUFFER);
	edu_put(EDU_DMA_LEN, len);
	edu_put(EDU_DMA_COMMAND, EDU_DMA_START | (to_memory ? EDU_DMA_TO_MEMORY : 0));
}

static inline void edu_wait(void)
{
	while (edu_is_busy())
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static inline void edu_move(uint64_t addr, uint32_t len, bool to_memory)
{
	edu_start(addr, len, to_memory);
	edu_wait();
}

static inline void edu_read(uint64_t addr, uint32_t len)
{
	edu_move(addr, len, false);
}

static inline void edu_write(uint64_t addr, uint32_t len)
{
	edu_move(addr, len, true);
}
