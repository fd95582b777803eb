/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver of the ARM SMMUv3: how the broker makes one, as a backend. Stage 1, AArch64 tables, 4 KB granule.
 *
 *	stream id -> STE -> CD -> table		the stream table (linear or two-level) and the descriptors are table memory
 *
 * Every configured stream always has an entry that translates. Without an active table it points at the parking
 * descriptor, whose walks are disabled: the stream's transactions are aborted, and each is recorded as a fault. A stream
 * that is not configured has no valid entry, and is aborted too. Nothing ever bypasses: before the stream table stands,
 * and after a failure that the driver cannot repair, the SMMU is off and GBPA.ABORT is set (there is a warning where the
 * hardware has no such bit).
 *
 * It cannot do: a high and a low table on one context (`split`), substreams, stage 2, PCI ATS and PRI.
 * Sources of the figures: "Arm IHI 0070" (SMMUv3 architecture), "Arm DDI 0487" (tables), and the constants of Linux
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/bus.h"
#include "backend/irq.h"
#include "backend/mmio.h"

/* The AArch64 format over a bus: shared by all SMMUv3s of a machine. */
struct a64;
struct a64_config {
	unsigned int pa_bits; /* 32 to 48: the least of what the SMMUs can address (smmuv3_probe) */
	/* All of them let a block be replaced by a table that says the same (IDR3.BBML is 2). Otherwise a block that
	 * must be split is invalid for a moment, and a transaction that comes then faults. */
	bool live_split;
};
/* NULL without memory, or when pa_bits is none of those. */
struct a64 *a64_new(const struct bus *bus, const struct a64_config *config);
/* All its tables are gone (asserted), unless ops->leave was called. Returns NULL; NULL is fine. */
struct a64 *a64_free(struct a64 *format);

/* What the format of an SMMU's tables may be, from its identification registers. 0, or -EIO: no SMMUv3 that this driver
 * can use is there. */
int smmuv3_probe(const struct mmio *io, struct a64_config *out, struct reason *why);

/*
 * Switches an SMMUv3 off, and what its masters do is aborted: whatever a former life has left in it, nothing is translated
 * by it from now on, and the memory that it used may be used again. 0, or -EIO: it does not do what it is told.
 */
int smmuv3_quiet(const struct mmio *io, const char *name, struct reason *why);

struct smmuv3_context_config {
	const char *name; /* copied */
	uint32_t stream; /* the stream id of its bus master; of a PCI function, bus << 8 | device << 3 | function */
	bool stall; /* its faults may wait for a verdict, where the hardware can (never for a PCI function) */
};

struct smmuv3_config {
	const char *name;      /* copied: "smmu0" */
	uint64_t base;         /* what base_addr() answers */
	const struct mmio *io; /* lives as long as the backend */
	const struct irq *irq; /* of events and global errors; lives as long as the backend */
	const struct bus *bus; /* of the queues and of the stream table: the format's */
	const struct smmuv3_context_config *contexts;
	unsigned int n_contexts;
	bool uncached_tables; /* the bus's views are not cached by the CPU: needed where IDR0.COHACC is 0 */
	unsigned int
		queue_log2; /* entries of the queues as a power of two, 1 to 19; 0: one page each */
	unsigned int timeout_us; /* how long the hardware may take to answer; 0: 100 ms */
	bool adopt;              /* smmuv3_hold() has said 1 */
	/* What its masters reach, tables too, is kept when this process ends: then ops->leave leaves them at it. NULL: it is not.
	 * Looked at when the backend is freed. */
	const bool *outlives;
};

/*
 * An SMMUv3 that an earlier process has left running goes on, and its masters notice nothing: what it can reach of table
 * memory is held on the bus, and its caches are empty. Before anything is allocated there; of several SMMUs on one bus, all
 * before the first smmuv3_new().
 * 1: smmuv3_new() with `adopt` takes it over. Each context goes on with what it had, until it is activated with a table that
 * says the same, or ops->settle ends what nobody has asked for.
 * 0: it is off, or nothing at all is known of it. -ESTALE: it cannot go on. Both times it is smmuv3_quiet()'s. Another negative: the
 * hardware is no such SMMU, or not one for this configuration; it has not been touched.
 */
int smmuv3_hold(const struct smmuv3_config *config, struct reason *why);

/*
 * Resets the hardware and enables it with every configured stream parked; or adopts it. *out is freed through its ops, which
 * leaves the SMMU off and aborting everything, but after ops->leave.
 * 0, -ENOMEM, -EINVAL (the config asks for what the hardware has not), -EIO (it does not do what it is told), or what the
 * kernel says to two more fds: fault_fd() is readable after an interrupt, and while the driver knows of more faults.
 */
int smmuv3_new(const struct smmuv3_config *config, struct a64 *format, struct backend **out,
	       struct reason *why);
