/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI devices as sysfs shows them: their driver, their IOMMU group, and who is in it with them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

#define PCI_ADDRESS_LEN 17 /* "0000:00:03.0", whose segment has up to eight digits, and its end */
#define PCI_MAX_RESERVED 16

struct pci_device {
	char address[PCI_ADDRESS_LEN];
	uint16_t rid;                            /* bus << 8 | device << 3 | function */
	char driver[64];                         /* "" without one */
	char iommu[64];                          /* "dmar0"; "" without one */
	int group;                               /* -1: no IOMMU is in use for it */
	struct range reserved[PCI_MAX_RESERVED]; /* addresses that are not for mappings */
	size_t n_reserved;
};

/* "0000:00:03.0", or without the first 0000. False for what is no such address. */
bool pci_parse_address(const char *text, char out[PCI_ADDRESS_LEN], uint16_t *out_rid);
/* The address of a device that was looked at as a number: segment << 16 | rid. */
uint64_t pci_number(const struct pci_device *d);
/* sysfs NULL: /sys. 0; -EINVAL: no address; -ENODEV: no such device. */
int pci_look(const char *sysfs, const char *address, struct pci_device *out, struct reason *why);
/*
 * Gives the device to vfio-pci. 0; -EBUSY: another member of its group is in use by another driver; -ENODEV: no IOMMU
 * for it, or vfio-pci is not there; or what the kernel says (-EACCES).
 */
int pci_bind(const char *sysfs, const char *address, struct reason *why);
/* Gives it back to the driver that would have it. 0; -EBUSY: vfio-pci does not have it, or
 * somebody has its group open, whom the kernel would wait for; as above. */
int pci_unbind(const char *sysfs, const char *address, struct reason *why);
