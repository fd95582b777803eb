/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Playing the hardware: transactions on the bus as a simulated device, and faults in simulated hardware. For tests, and for
 * trying out a program on a machine without the devices. Never part of a batch.
 *
 * All functions return 0 or a negative errno number; -ENOTCONN without a connection. -EINVAL: there is no such device.
 * -ENODEV: it is a real one. -EACCES: the right `simulate` is missing.
 *
 * Acting as a device needs an active association of the session's own, or that nobody has one; acting as a device that is
 * active for other sessions only needs the right `simulate`.
 */
#ifndef VCM_SIM_H
#define VCM_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads or writes len bytes at dev_addr, as the device's own unprivileged data accesses: through its page table and its TLB.
 * Returns when the transaction is over, also when it stalled and a fault handler decided about it. Each verdict is waited for
 * no longer than the broker's fault-timeout, but a handler that always answers VCM_FAULT_RETRY keeps the transaction going.
 *
 * -EFAULT: it was terminated; what went before the fault has happened. Long ones are sent as several transactions.
 * -EACCES: the device is active for other sessions only; or secure memory would be read: both need the right to simulate.
 * -EBUSY: a transaction of this device waits for a fault handler already. -EINVAL: len is 0, or buf is NULL.
 */
int vcm_sim_read(size_t dev_id, size_t dev_addr, void *buf, size_t len);
int vcm_sim_write(size_t dev_id, size_t dev_addr, const void *buf, size_t len);

/* Occasions on which broken hardware fails. */
enum vcm_sim_failure {
	VCM_SIM_FAIL_ACTIVATE =
		1, /* a context does not become enabled: vcm_activate() returns -1 */
	VCM_SIM_FAIL_DEACTIVATE = 2, /* a context stays enabled: vcm_deactivate() returns -1 */
	VCM_SIM_FAIL_WALK = 3,       /* a table walk gets an external abort */
	VCM_SIM_FAIL_TRANSLATE = 4   /* a translation operation reports a fault */
};

/* The next `count` such occasions fail, on the SMMU that the device is behind; 0 takes an order back. -EINVAL: what. */
int vcm_sim_fail_next(size_t dev_id, enum vcm_sim_failure what, unsigned int count);

/* The counters of the SMMU that the device is behind. */
struct vcm_sim_counters {
	uint64_t tlb_hits;
	uint64_t tlb_misses;
	uint64_t walk_reads; /* descriptors read */
	uint64_t faults;
	uint64_t invalidations;
};

/* Reads them into *out (NULL is fine) and, if reset is not 0, sets them to 0 in the same step, which
 * needs the right to simulate: -EACCES. */
int vcm_sim_stats(size_t dev_id, struct vcm_sim_counters *out, int reset);

#ifdef __cplusplus
}
#endif
#endif
