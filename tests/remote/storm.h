/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the storm (test-storm.c) asks of its workers (storm-worker.c), which are local clients and nodes: the same program,
 * linked with one library or the other.
 */
#pragma once

#include <stdint.h>

#include <vcm/vcm.h>

#define STORM_FD 3 /* of a worker: orders come, answers go */
#define STORM_SLOTS 6
#define STORM_LEN 4096u
#define STORM_MEMTYPE VCM_MEMTYPE_1 /* + the node's number: a window each */
#define STORM_DEVICE "vcodec_a_mm1"

enum storm_op {
	STORM_ALLOC, /* value: which window */
	STORM_FREE,
	STORM_EXPORT,       /* -> token */
	STORM_IMPORT,       /* token */
	STORM_WRITE,        /* value, into every word, through a pointer */
	STORM_READ,         /* -> the value of every word; -EIO when they differ */
	STORM_DEVICE_WRITE, /* the same, as a device behind an IOMMU */
	STORM_DEVICE_READ,
	STORM_ATTACH, /* of a node: vcmd has gone, and another one is there. Slots are empty */
};

struct storm_order {
	enum storm_op op;
	uint32_t slot;
	uint64_t value;
	struct vcm_token token;
};

struct storm_answer {
	int status;
	uint64_t value;
	struct vcm_token token;
};
