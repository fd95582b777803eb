/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of a Qualcomm System MMU and of the bus masters behind it: registers, table walker, one TLB for all contexts
 * that really keeps stale entries until it is told, and masters that can be told to read and write.
 *
 * It is hardware: it knows registers, physical addresses and stream ids (MIDs), and nothing of vcms, devices or sessions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/bus.h"
#include "backend/mmio.h"

struct sim;

struct sim_config {
	unsigned int n_banks;     /* context banks, 1 to 255 */
	unsigned int n_mids;      /* bus masters, 1 to 128; MIDs are 0 .. n_mids - 1 */
	unsigned int tlb_entries; /* a power of two, 1 to 4096 */
	unsigned int
		tlb_ways; /* associativity; divides tlb_entries; equal to it: fully associative */
};

/* NULL without memory, or when the configuration is outside its bounds. bus must outlive the model. */
struct sim *sim_new(const struct sim_config *config, const struct bus *bus);
/* Transactions that still wait are terminated first (their callbacks run). Returns NULL; NULL is fine. */
struct sim *sim_free(struct sim *sim);

/* The register window. Valid as long as the model. */
const struct mmio *sim_mmio(struct sim *sim);
/* An eventfd that is readable while an interrupt is asserted. Owned by the model. */
int sim_irq_fd(struct sim *sim);

/*
 * A transaction on the bus by the master `mid`: unprivileged data accesses, split at page boundaries as a real master's
 * bursts are. A read fills buf, a write takes from it; buf stays the caller's and must live until the end.
 *
 * 0: done. -EFAULT: terminated; what went before the fault has happened. -EINPROGRESS: it waits for RESUME; done() will
 * be called with 0 or -EFAULT, exactly once, never from inside this call: it comes from inside the write of RESUME (as
 * its last act, so it may start another transaction) or sim_free(). -EBUSY: this master has one waiting already.
 * -ENODEV: no such master. Without an enabled bank the transaction bypasses or faults as the registers say. Addresses
 * from 4 GB on are -EFAULT before they reach the SMMU.
 */
typedef void (*sim_done_fn)(void *ctx, int result);
int sim_access(struct sim *sim, unsigned int mid, bool write, uint64_t addr, void *buf, size_t len,
	       sim_done_fn done, void *ctx);
/*
 * The caller has gone: the waiting transaction of mid is terminated without its callback, and touches buf no more. The
 * master stays -EBUSY until the RESUME that was due for it has come, so that a verdict does not hit its successor.
 */
void sim_abandon(struct sim *sim, unsigned int mid);

/* How a master drives its sideband signals from now on; 0, unprivileged data, at the start. 0 or -ENODEV. */
enum sim_signal {
	SIM_PRIVILEGED = 1,
	SIM_INSTRUCTION = 2,
};
int sim_set_signals(struct sim *sim, unsigned int mid, unsigned int signals);

struct sim_counters {
	uint64_t tlb_hits, tlb_misses, walk_reads, faults, invalidations;
};
void sim_get_counters(const struct sim *sim, struct sim_counters *out);
void sim_reset_counters(struct sim *sim);

/* Broken hardware, for the returns that only it gives. */
enum sim_failure {
	SIM_FAIL_ENABLE = 1,    /* the next write that would set SCTLR.M has no effect */
	SIM_FAIL_DISABLE = 2,   /* the next write that would clear SCTLR.M has no effect */
	SIM_FAIL_WALK = 3,      /* the next table walk gets an external abort */
	SIM_FAIL_TRANSLATE = 4, /* the next V2P operation reports a fault in PAR */
};
/* The next `count` occasions of the kind on this model fail. -EINVAL for an unknown kind. */
int sim_fail_next(struct sim *sim, enum sim_failure what, unsigned int count);
