/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system's huge pages of 2 MB, which suites take more or less of: one suite at a time.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HUGEPAGES_ALL "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define HUGEPAGES_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

/* 0 where there are none. */
static inline unsigned long hugepages_get(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char digits[32] = "";

	return fd >= 0 && read(fd, digits, sizeof(digits) - 1) > 0 ? strtoul(digits, NULL, 10) : 0;
}

/* As far as the kernel has so many, and lets the caller. */
static inline void hugepages_set(unsigned long n)
{
	_cleanup_(fd_closep) int fd = open(HUGEPAGES_ALL, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!dprintf(fd, "%lu", n);
}

/* Waits for its turn, which lasts until the process ends. How many there are then: to be set again at the end. */
static inline unsigned long hugepages_begin(void)
{
	int fd = open(HUGEPAGES_ALL, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!flock(fd, LOCK_EX);
	return hugepages_get(HUGEPAGES_ALL);
}
