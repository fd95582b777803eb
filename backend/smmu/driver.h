/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register driver of the Qualcomm System MMU, with the sixteen smmu_* functions of the posting
 * (arch/arm/mach-msm/include/mach/smmu_driver.h and smmu_device.h there) and what a broker needs beyond them.
 *
 *	smmu_driver	one SMMU: its registers, and hardware contexts ("banks")
 *	smmu_dev	a virtual context: the view of one bus master (MID). Any number of them; a bank is found at activation
 *
 *	                   bind            activate            deactivate
 *	ctx_init -> [dev] ------> [bound] ----------> [active] ----------> [bound]
 *	                          MID -> parking      MID -> bank b        MID -> parking
 *
 * A master never bypasses the SMMU: the last bank is the *parking* bank, enabled, with both halves of its address space
 * empty (PD0 and PD1), not stalling. Every MID that is not active goes there, faults, is terminated, and the fault is
 * reported. So an SMMU with n banks serves n - 1 active contexts at once, and needs two at least. Between power-up and
 * smmu_drvdata_init() the hardware does what its reset left it to do.
 *
 * One page table can be active on many contexts. Banks with the same tables (and the same split) share one ASID, and so
 * each other's TLB entries; all entries are non-global. ASID 0 is nobody's: a live bank passes through it while its
 * tables change, so that no entry ever carries a table's ASID and another table's translation.
 *
 * All functions are for one thread, and none blocks. Writing RESUME may, on the simulated hardware, run the callback of
 * the transaction that ends with it.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/mmio.h"
#include "backend/smmu/smmu.h"
#include "base/reason.h"

struct smmu_dev;
struct smmu_bank;

struct smmu_driver {
	/* Set by the caller before smmu_drvdata_init(); all outlive the driver. */
	const char *name;
	const struct mmio *io;
	struct v7s *format;

	/* The driver's own. */
	unsigned long base;
	int irq;
	uint32_t version; /* REV */
	unsigned int n_mids;
	unsigned int n_banks; /* without the parking bank */
	unsigned int scan;    /* the bank at which the next look for faults begins */
	struct smmu_bank *banks;
	LIST_HEAD(, smmu_dev) devs;
	LIST_ENTRY(smmu_driver) link;
};

/*
 * A fault handler. dev_id is the struct smmu_dev * as a number, fault_data a struct fault (whose context is the MID).
 * 1: retry the transaction; 0: terminate it; negative: the handler failed, terminate it and log. SMMU_FAULT_LATER: it
 * waits until smmu_fault_resume(). Of a fault that did not stall nothing can be retried: the answer is ignored.
 */
typedef int (*vcm_handler)(size_t dev_id, void *data, void *fault_data);
#define SMMU_FAULT_LATER 2

/* --- the posting's -------------------------------------------------------------------------------------------------
 * Those that return int return 0 or a negative errno, unless they say otherwise. */

/*
 * Resets and probes the hardware, parks every MID, and enters the SMMU into the tree of all SMMUs. base is what
 * smmu_get_base_addr() answers, irq an fd that is readable while the interrupt is asserted (not owned).
 * -EINVAL; -ENOMEM; -EIO: the registers are not those of such an SMMU, or it fails its probe.
 */
int smmu_drvdata_init(struct smmu_driver *drv, unsigned long base, int irq);

/* A virtual context for the master whose stream id (MID) is ctx. NULL: no memory, or no such MID can exist. */
struct smmu_dev *smmu_ctx_init(int ctx);
/* -EBUSY while it is active or somebody holds an instance (smmu_get_ctx_instance). */
int smmu_ctx_deinit(struct smmu_dev *dev);
/* -EBUSY: bound already, or its MID is; -EINVAL: the SMMU has no such MID. */
int smmu_ctx_bind(struct smmu_dev *ctx, struct smmu_driver *drv);

/* Gives the context a bank, programmed with its own table. -EBUSY: active already; -ENODEV: not bound, or no bank is
 * free; -ENOMEM; -EIO: the bank could not be enabled. */
int smmu_activate(struct smmu_dev *dev);
/* -ENOENT: not active. -EIO: the hardware did not let go, the context is still active. Else its traffic faults. */
int smmu_deactivate(struct smmu_dev *dev);
/* 1 or 0. */
int smmu_is_active(struct smmu_dev *dev);

/*
 * In the context's own table, active or not. len is 4K, 64K, 1M or 16M, and pa and va are aligned to it; attr is that of
 * reservations (VCM_READ and so on, <vcm/attr.h>). The same va, pa and len again change the attributes; another mapping
 * in the way is -EEXIST. To be called between smmu_update_start() and smmu_update_done() (-EPERM otherwise).
 */
int smmu_map(struct smmu_dev *dev, unsigned long pa, unsigned long va, unsigned long len,
	     unsigned int attr);
/* With the len that was mapped; -ENOENT when nothing of that size is mapped at va. */
int smmu_unmap(struct smmu_dev *dev, unsigned long va, unsigned long len);
int smmu_update_start(struct smmu_dev *dev);
int smmu_update_done(struct smmu_dev *dev);

/* The physical address that the hardware finds for an unprivileged read, or 0 with errno EFAULT or ENOENT (not active). */
unsigned long smmu_translate(struct smmu_dev *dev, unsigned long va);

/* One handler a context; NULL removes it. Without one a fault is terminated, with a warning. */
int smmu_hook_irpt(struct smmu_dev *dev, vcm_handler handler, void *data);

/* The context of that name, in whatever SMMU of this process, or NULL. Given back with smmu_free_ctx_instance(). */
struct smmu_dev *smmu_get_ctx_instance(char *ctx_name);
int smmu_free_ctx_instance(struct smmu_dev *dev);
/* 0 when it is not bound. */
unsigned long smmu_get_base_addr(struct smmu_dev *dev);

/* --- additions ----------------------------------------------------------------------------------------------------- */

/* Leaves the tree. All contexts have been deinitialised (asserted). */
void smmu_drvdata_deinit(struct smmu_driver *drv);

/* The name that smmu_get_ctx_instance() finds; copied. 0 or -ENOMEM. */
int smmu_ctx_set_name(struct smmu_dev *dev, const char *name);
const char *smmu_ctx_name(const struct smmu_dev *dev);
unsigned int smmu_ctx_mid(const struct smmu_dev *dev);

/* As struct backend_ops says of activate, deactivate, replace and translate; tables are the caller's. */
int smmu_ctx_activate(struct smmu_dev *dev, struct table *t, enum half half, unsigned int split,
		      struct reason *why);
int smmu_ctx_deactivate(struct smmu_dev *dev, enum half half, struct reason *why);
int smmu_ctx_replace(struct smmu_dev *dev, struct table *t, enum half half, unsigned int split,
		     struct reason *why);
/* Parked and without a bank, whatever the hardware says: before smmu_ctx_deinit() at the end of the driver. */
void smmu_ctx_stop(struct smmu_dev *dev);
int smmu_ctx_translate(struct smmu_dev *dev, uint64_t va, uint64_t *out_pa);

/* The interrupt: asks the handlers of all contexts that faulted and resumes what they answered. */
void smmu_irpt(struct smmu_driver *drv);
/*
 * The same without handlers: the next fault, out of the registers, which then are free for another one. 1, *out_dev and
 * *out (context is the MID), or 0. Faults that stay in the registers keep the interrupt asserted.
 */
int smmu_fault_take(struct smmu_driver *drv, struct smmu_dev **out_dev, struct fault *out);
/* The verdict on what stalled. 0, or -ENOENT: nothing waits. */
int smmu_fault_resume(struct smmu_dev *dev, bool retry);
