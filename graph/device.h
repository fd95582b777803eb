/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device: what a vcm is associated with.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

struct graph;

enum device_kind {
	DEVICE_CPU,
	DEVICE_ONE_TO_ONE,
	DEVICE_IOMMU,
};

/* A page-table format: devices of one format share the table of a vcm. Owned by whoever registers it. */
struct format {
	const char *name;
	uint64_t page_sizes; /* bit n: blocks of 2^n bytes */
	unsigned int va_bits;
	bool split;    /* a low and a high table on one device */
	bool physical; /* what is mapped is reached by its address: it must be where it says */
	void *hw;      /* the daemon's */
};

struct device_config {
	const char *name; /* copied */
	enum device_kind kind;
	const struct format *format; /* NULL but for an IOMMU's */
	/* Addresses that it can be given, ascending, where that is less than the format has: borrowed. n_reach 0: all. */
	const struct range *reach;
	size_t n_reach;
	void *hw; /* the daemon's */
};

struct avcm;
TAILQ_HEAD(avcm_list, avcm);

struct device {
	TAILQ_ENTRY(device) link;
	char *name;
	uint32_t number; /* 1 .. */
	enum device_kind kind;
	const struct format *format;
	const struct range *reach;
	size_t n_reach;
	void *hw;
	struct avcm_list active; /* associations that are active on it */
	unsigned int n_active;
};

TAILQ_HEAD(device_list, device);

/* -EEXIST when the name is taken, -ENOMEM. */
int device_new(struct graph *g, const struct device_config *config, struct device **out);
/* One that nothing was ever associated with: the newest gives back its number. Returns NULL; NULL is fine. */
struct device *device_free(struct graph *g, struct device *d);
struct device *device_by_name(struct graph *g, const char *name);
struct device *device_by_number(struct graph *g, uint32_t number);
