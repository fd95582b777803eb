/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's inside, shared by its parts: registers.c (what a register access does), walker.c (what an address becomes),
 * master.c (transactions and their stalls), tlb.c. Nobody outside this folder includes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/sim/sim.h"
#include "backend/sim/tlb.h"
#include "backend/smmu/registers.h"

#define SIM_FAILURES 5 /* SIM_FAIL_* and the unused 0 */

struct sim_bank {
	uint32_t reg[SMMU_BANK_REGS_END / 4]; /* as stored; by offset / 4 */
};

/*
 *	         access                fault on a bank with CFCFG
 *	IDLE ---------------> (runs) -------------------------> STALLED --- RESUME ---> (runs on, or ends)
 *	 ^                       |                                 |
 *	 +------- the end -------+              sim_abandon -------+--> ABANDONED --- RESUME ---> IDLE
 *
 * An abandoned one still holds its place: a verdict that is under way must not reach the master's next transaction.
 */
enum master_state {
	MASTER_IDLE,
	MASTER_STALLED,
	MASTER_ABANDONED,
};

struct sim_master {
	enum master_state state;
	unsigned int signals; /* enum sim_signal */
	unsigned int bank;    /* where it stalls */
	bool recorded; /* FSR and FAR were set for it; otherwise it waits behind one that was (MULTI) */
	uint64_t since; /* order of the stalls */
	bool write;
	uint64_t addr; /* what is left to do */
	uint8_t *buf;
	size_t len;
	sim_done_fn done;
	void *ctx;
};

struct sim {
	struct sim_config config;
	struct bus bus;
	struct mmio mmio;
	struct sim_bank *banks;
	struct sim_master *masters;
	uint32_t m2vcbr[SMMU_MIDS_MAX];
	uint32_t cbacr[SMMU_BANKS_MAX];
	uint32_t cr, ear, esr, esynr0, rpu_acr, testbuscr, tlbrsw;
	struct tlb tlb;
	struct sim_counters counters;
	unsigned int fail[SIM_FAILURES];
	uint64_t clock;
	int irq_fd;
	bool irq;
};

static inline uint32_t *sim_reg(struct sim *sim, unsigned int bank, uint32_t offset)
{
	return &sim->banks[bank].reg[offset / 4];
}

static inline uint8_t sim_vmid(const struct sim *sim, unsigned int bank)
{
	return SMMU_FIELD(sim->cbacr[bank], CBACR_CBVMID);
}

static inline uint8_t sim_asid(struct sim *sim, unsigned int bank)
{
	return SMMU_FIELD(*sim_reg(sim, bank, SMMU_CONTEXTIDR), CONTEXTIDR_ASID);
}

/* Whether one of the failures that sim_fail_next() asked for is due; it is used up. */
bool sim_fails(struct sim *sim, enum sim_failure what);
/* After anything that FSR or CFEIE depends on: the interrupt follows them (it is a level). */
void sim_irq_update(struct sim *sim);

/* An access as it comes to the SMMU. */
struct access {
	uint32_t va;
	uint32_t len; /* within one page */
	bool write, privileged, instruction;
};

/* walker.c: 0 and the physical address, or the FSR bits of the fault. Uses and fills the TLB. */
uint32_t sim_translate(struct sim *sim, unsigned int bank, const struct access *access,
		       uint32_t *out_pa);
/* What a V2P command leaves in PAR (and V2PSR): looks into the TLB, changes nothing in it. */
void sim_v2p(struct sim *sim, unsigned int bank, const struct access *access);

/* master.c: RESUME was written. */
void sim_resume(struct sim *sim, unsigned int bank, bool terminate);
/* Ends what still waits. */
void sim_terminate_all(struct sim *sim);
