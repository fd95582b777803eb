// SPDX-License-Identifier: BSD-3-Clause
#include "backend/sim/registers.h"

#include "backend/sim/model.h"

/* --- one bank ----------------------------------------------------------------------------------------------------- */

/* The bits that keep what is written, by offset / 4. FSR, PAR, V2PSR and the like are not among them. */
static const uint32_t bank_writable[SMMU_BANK_REGS_END / 4] = {
	[SMMU_SCTLR / 4] = SCTLR_WRITABLE,  [SMMU_ACTLR / 4] = 0xFFFFFFFF,
	[SMMU_CONTEXTIDR / 4] = 0xFFFFFFFF, [SMMU_TTBR0 / 4] = 0xFFFFFFFF,
	[SMMU_TTBR1 / 4] = 0xFFFFFFFF,      [SMMU_TTBCR / 4] = TTBCR_WRITABLE,
	[SMMU_PAR / 4] = 0xFFFFFFFF,        [SMMU_FAR / 4] = 0xFFFFFFFF,
	[SMMU_FSYNR0 / 4] = 0xFFFFFFFF,     [SMMU_FSYNR1 / 4] = 0xFFFFFFFF,
	[SMMU_PRRR / 4] = 0xFFFFFFFF,       [SMMU_NMRR / 4] = 0xFFFFFFFF,
	[SMMU_TLBLCKR / 4] = 0xFFFFFFFF,    [SMMU_BFBCR / 4] = BFBCR_WRITABLE,
};

static void invalidate(struct sim *sim, const struct tlb_match *match)
{
	sim->counters.invalidations++;
	tlb_invalidate(&sim->tlb, match);
}

/*
 * What exactly CTX_TLBIALL drops is not in the header: here the entries of the bank's VMID and ASID, the least that its
 * name allows, so that a driver that counts on more is found out.
 */
static void invalidate_bank(struct sim *sim, unsigned int bank)
{
	struct tlb_match m = { .by_vmid = true,
			       .vmid = sim_vmid(sim, bank),
			       .by_asid = true,
			       .asid = sim_asid(sim, bank) };

	invalidate(sim, &m);
}

static void invalidate_asid(struct sim *sim, unsigned int bank, uint32_t value)
{
	struct tlb_match m = { .by_vmid = true,
			       .vmid = sim_vmid(sim, bank),
			       .by_asid = true,
			       .keep_global = true,
			       .asid = SMMU_FIELD(value, CONTEXTIDR_ASID) };

	invalidate(sim, &m);
}

static void invalidate_va(struct sim *sim, unsigned int bank, uint32_t value, bool any_asid)
{
	struct tlb_match m = { .by_vmid = true,
			       .vmid = sim_vmid(sim, bank),
			       .by_va = true,
			       .va = value & SMMU_VA,
			       .by_asid = !any_asid,
			       .asid = SMMU_FIELD(value, CONTEXTIDR_ASID) };

	invalidate(sim, &m);
}

static void v2p(struct sim *sim, unsigned int bank, uint32_t offset, uint32_t value)
{
	struct access a = { .va = value & SMMU_VA,
			    .len = 1,
			    .write = offset == SMMU_V2PPW || offset == SMMU_V2PUW,
			    .privileged = offset == SMMU_V2PPR || offset == SMMU_V2PPW };

	sim_v2p(sim, bank, &a);
}

static void write_sctlr(struct sim *sim, uint32_t *reg, uint32_t value)
{
	bool was = *reg & SCTLR_M, will = value & SCTLR_M;

	value &= SCTLR_WRITABLE;
	if (will && !was && sim_fails(sim, SIM_FAIL_ENABLE))
		value &= ~SCTLR_M;
	if (!will && was && sim_fails(sim, SIM_FAIL_DISABLE))
		value |= SCTLR_M;
	*reg = value;
}

static void write_bank_register(struct sim *sim, unsigned int bank, uint32_t offset, uint32_t value)
{
	uint32_t *reg = sim_reg(sim, bank, offset);

	switch (offset) {
	case SMMU_SCTLR:
		write_sctlr(sim, reg, value);
		return;
	case SMMU_FSR:
		*reg &= ~value;
		break;
	case SMMU_FSRRESTORE:
		*sim_reg(sim, bank, SMMU_FSR) = value & FSR_BITS;
		break;
	default:
		*reg = value & bank_writable[offset / 4];
	}
	sim_irq_update(sim);
}

static void write_bank(struct sim *sim, unsigned int bank, uint32_t offset, uint32_t value)
{
	if (offset < SMMU_BANK_REGS_END) {
		write_bank_register(sim, bank, offset, value);
		return;
	}
	switch (offset) {
	case SMMU_CTX_TLBIALL:
		invalidate_bank(sim, bank);
		break;
	case SMMU_TLBIASID:
		invalidate_asid(sim, bank, value);
		break;
	case SMMU_TLBIVA:
	case SMMU_TLBIVAA:
		invalidate_va(sim, bank, value, offset == SMMU_TLBIVAA);
		break;
	case SMMU_V2PPR:
	case SMMU_V2PPW:
	case SMMU_V2PUR:
	case SMMU_V2PUW:
		v2p(sim, bank, offset, value);
		break;
	case SMMU_RESUME:
		/* The last act of the write: a transaction that ends here calls back. */
		sim_resume(sim, bank, value & RESUME_TERMINATE);
		break;
	default:
		break;
	}
}

static uint32_t read_bank(struct sim *sim, unsigned int bank, uint32_t offset)
{
	return offset < SMMU_BANK_REGS_END ? *sim_reg(sim, bank, offset) : 0;
}

/* --- the global page ---------------------------------------------------------------------------------------------- */

/* TLBTR0 to 2 show the entry that TLBRSW names. */
static uint32_t read_tlb(const struct sim *sim, uint32_t offset)
{
	uint32_t index = sim->tlbrsw & TLBRSW_INDEX_MASK;
	const struct tlb_entry *e = &sim->tlb.entries[index];
	bool write, user;

	if (index >= sim->config.tlb_entries || !e->valid)
		return 0;
	write = !(e->t.ap & 4);
	user = e->t.ap & 2;
	switch (offset) {
	case SMMU_TLBTR0:
		return TLBTR0_PR | (write ? TLBTR0_PW : 0) | (user ? TLBTR0_UR : 0) |
		       (e->t.ap == 3 ? TLBTR0_UW : 0) | (e->t.xn ? TLBTR0_XN : 0) |
		       (e->t.shareable ? TLBTR0_SH : 0) | SMMU_PUT(e->t.memory, TLBTR0_MT);
	case SMMU_TLBTR1:
		return e->t.pa | e->vmid;
	default:
		return e->t.va | TLBTR2_V | (e->t.global ? 0 : TLBTR2_NV) | e->asid;
	}
}

static uint32_t log2_of(uint32_t v)
{
	return 31 - (uint32_t)__builtin_clz(v);
}

static uint32_t read_idr(const struct sim *sim)
{
	return SMMU_PUT(sim->config.n_mids, IDR_NM2VCBMT) | IDR_HTW |
	       SMMU_PUT(log2_of(sim->config.tlb_entries), IDR_TLBSIZE) |
	       SMMU_PUT(sim->config.n_banks - 1, IDR_NCB);
}

static uint32_t read_global(const struct sim *sim, uint32_t offset)
{
	if (offset < SMMU_M2VCBR(sim->config.n_mids))
		return sim->m2vcbr[(offset - SMMU_GLOBAL) / 4];
	if (offset >= SMMU_CBACR(0) && offset < SMMU_CBACR(sim->config.n_banks))
		return sim->cbacr[(offset - SMMU_CBACR(0)) / 4];
	switch (offset) {
	case SMMU_TLBRSW:
		return sim->tlbrsw;
	case SMMU_TLBTR0:
	case SMMU_TLBTR1:
	case SMMU_TLBTR2:
		return read_tlb(sim, offset);
	case SMMU_TESTBUSCR:
		return sim->testbuscr;
	case SMMU_CR:
		return sim->cr;
	case SMMU_EAR:
		return sim->ear;
	case SMMU_ESR:
		return sim->esr;
	case SMMU_ESYNR0:
		return sim->esynr0;
	case SMMU_REV:
		return 0x10; /* 1.0 */
	case SMMU_IDR:
		return read_idr(sim);
	case SMMU_RPU_ACR:
		return sim->rpu_acr;
	default:
		return 0;
	}
}

static void write_global(struct sim *sim, uint32_t offset, uint32_t value)
{
	struct tlb_match all = { 0 };
	struct tlb_match vmid = { .by_vmid = true, .vmid = value & M2VCBR_VMID_MASK };

	if (offset < SMMU_M2VCBR(sim->config.n_mids)) {
		sim->m2vcbr[(offset - SMMU_GLOBAL) / 4] = value & M2VCBR_WRITABLE;
		return;
	}
	if (offset >= SMMU_CBACR(0) && offset < SMMU_CBACR(sim->config.n_banks)) {
		sim->cbacr[(offset - SMMU_CBACR(0)) / 4] = value & CBACR_WRITABLE;
		return;
	}
	switch (offset) {
	case SMMU_TLBRSW:
		sim->tlbrsw = value;
		break;
	case SMMU_TESTBUSCR:
		sim->testbuscr = value;
		break;
	case SMMU_GLOBAL_TLBIALL:
		invalidate(sim, &all);
		break;
	case SMMU_TLBIVMID:
		invalidate(sim, &vmid);
		break;
	case SMMU_CR:
		sim->cr = value & CR_WRITABLE;
		break;
	case SMMU_ESR:
		sim->esr &= ~value;
		break;
	case SMMU_ESRRESTORE:
		sim->esr = value & ESR_BITS;
		break;
	case SMMU_RPU_ACR:
		sim->rpu_acr = value;
		break;
	default:
		break;
	}
}

/* --- the window --------------------------------------------------------------------------------------------------- */

static uint32_t sim_read32(void *ctx, uint32_t offset)
{
	struct sim *sim = ctx;
	unsigned int bank = offset >> SMMU_BANK_SHIFT;

	if (offset % 4 || offset >= SMMU_WINDOW)
		return 0;
	if (offset >= SMMU_GLOBAL)
		return read_global(sim, offset);
	if (bank >= sim->config.n_banks)
		return 0;
	return read_bank(sim, bank, offset & ((1U << SMMU_BANK_SHIFT) - 1));
}

static void sim_write32(void *ctx, uint32_t offset, uint32_t value)
{
	struct sim *sim = ctx;
	unsigned int bank = offset >> SMMU_BANK_SHIFT;

	if (offset % 4 || offset >= SMMU_WINDOW)
		return;
	if (offset >= SMMU_GLOBAL)
		write_global(sim, offset, value);
	else if (bank < sim->config.n_banks)
		write_bank(sim, bank, offset & ((1U << SMMU_BANK_SHIFT) - 1), value);
}

const struct mmio_ops sim_mmio_ops = {
	.read32 = sim_read32,
	.write32 = sim_write32,
};
