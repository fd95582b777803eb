/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel's IOMMU driver says of faults. VFIO type 1 tells user space nothing of them, so they are read where the
 * kernel lets them be seen:
 *
 *	PROBE	a kernel probe on dmar_fault() (Intel, x86) that reads the fault recording registers: complete.
 *		In a trace instance of our own, so that nobody else's tracing is disturbed. Needs root, and no lockdown.
 *	LOG	/dev/kmsg, whose lines the kernel limits to a few in five seconds; how many more there were, the count of
 *		the interrupt tells.
 *
 * Sources: Linux drivers/iommu/intel/dmar.c; Intel VT-d specification, 11.4.14 (fault recording registers).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

enum vfio_fault_source {
	VFIO_FAULTS_PROBE,
	VFIO_FAULTS_LOG,
};

struct vfio_fault {
	uint16_t rid;    /* bus << 8 | device << 3 | function; the segment is not told */
	uint64_t addr;   /* of the page */
	uint32_t reason; /* the specification's number */
	bool write;
	uint64_t at; /* when: beside vfio_faults_mark() */
};

struct vfio_faults;

struct vfio_faults_config {
	const char *tracing; /* NULL: /sys/kernel/tracing */
	const char *iommus;  /* NULL: /sys/class/iommu */
	const char *log;     /* NULL: /dev/kmsg */
	const char *counts;  /* NULL: /proc/interrupts */
};
/*
 * The best source that this process may open: 0; -ENOTSUP: there is none (no such IOMMU, or no privilege), with why each
 * was not to be had; -ENOMEM.
 */
int vfio_faults_open(const struct vfio_faults_config *config, struct vfio_faults **out,
		     struct reason *why);
/* Returns NULL; NULL is fine. */
struct vfio_faults *vfio_faults_free(struct vfio_faults *f);

enum vfio_fault_source vfio_faults_source(const struct vfio_faults *f);
/* Readable when vfio_faults_next() has something. */
int vfio_faults_fd(const struct vfio_faults *f);
/* False when there is none. */
bool vfio_faults_next(struct vfio_faults *f, struct vfio_fault *out);
/*
 * Now: what has happened up to now, whenever it is read, has an `at` that is not above it. Of what happens later, PROBE's is
 * above it; LOG has no clock but the kernel's own, so there that may wait until what is unread now has been read.
 */
uint64_t vfio_faults_mark(const struct vfio_faults *f);

/* What a line of each source says; false when it tells of no fault. A line of PROBE may tell of several, and says when: the
 * microseconds of CLOCK_MONOTONIC, or 0. */
#define VFIO_FAULT_RECORDS 8
unsigned int vfio_fault_parse_probe(const char *line, struct vfio_fault out[VFIO_FAULT_RECORDS]);
bool vfio_fault_parse_log(const char *line, struct vfio_fault *out);
