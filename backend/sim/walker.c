// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the model makes of an address: TLB, table walk through the bus, permissions.
 *
 * It decodes descriptors on its own, from the architecture's layout, and shares no code with what writes them.
 */
#include <endian.h>

#include "backend/sim/model.h"

#define BIT(v, n) ((v) >> (n)&1U)
#define BITS(v, n, width) ((v) >> (n) & ((1U << (width)) - 1))

static uint8_t memory_type(uint32_t tex, uint32_t descriptor)
{
	return (uint8_t)(tex << 2 | BIT(descriptor, 3) << 1 | BIT(descriptor, 2));
}

/* One descriptor, or the FSR bits of the external abort. */
static uint32_t fetch(struct sim *sim, unsigned int bank, uint64_t pa, uint32_t *out)
{
	uint32_t raw;

	sim->counters.walk_reads++;
	if (sim_fails(sim, SIM_FAIL_WALK))
		return FSR_HTWSEEF;
	if (sim->bus.ops->read(sim->bus.ctx, pa, &raw, sizeof(raw)))
		return FSR_HTWDEEF;
	*out = *sim_reg(sim, bank, SMMU_SCTLR) & SCTLR_BE ? be32toh(raw) : le32toh(raw);
	return 0;
}

/* The address of va's first-level descriptor; false when that half is empty (PD0, PD1). */
static bool first_level(struct sim *sim, unsigned int bank, uint32_t va, uint32_t *out)
{
	uint32_t ttbcr = *sim_reg(sim, bank, SMMU_TTBCR);
	uint32_t n = SMMU_FIELD(ttbcr, TTBCR_N);

	if (n && va >> (32 - n)) {
		*out = (*sim_reg(sim, bank, SMMU_TTBR1) & 0xFFFFC000) | va >> 20 << 2;
		return !(ttbcr & TTBCR_PD1);
	}
	/* 16 KB >> N: the bits of va above it are 0. */
	*out = (*sim_reg(sim, bank, SMMU_TTBR0) & ~((0x4000U >> n) - 1)) | va >> 20 << 2;
	return !(ttbcr & TTBCR_PD0);
}

static void decode_section(uint32_t d, struct translation *t)
{
	bool super = BIT(d, 18);

	t->shift = super ? 24 : 20;
	t->pa = super ? d & 0xFF000000 : d & 0xFFF00000;
	t->ap = (uint8_t)(BITS(d, 10, 2) | BIT(d, 15) << 2);
	t->xn = BIT(d, 4);
	t->shareable = BIT(d, 16);
	t->global = !BIT(d, 17);
	t->memory = memory_type(BITS(d, 12, 3), d);
}

static void decode_page(uint32_t d, struct translation *t)
{
	bool small = BIT(d, 1);

	t->shift = small ? 12 : 16;
	t->pa = small ? d & 0xFFFFF000 : d & 0xFFFF0000;
	t->ap = (uint8_t)(BITS(d, 4, 2) | BIT(d, 9) << 2);
	t->xn = small ? BIT(d, 0) : BIT(d, 15);
	t->shareable = BIT(d, 10);
	t->global = !BIT(d, 11);
	t->memory = memory_type(small ? BITS(d, 6, 3) : BITS(d, 12, 3), d);
	t->second_level = true;
}

/* 0 and *t, or the FSR bits. */
static uint32_t walk(struct sim *sim, unsigned int bank, uint32_t va, struct translation *t)
{
	uint32_t at, d, fault;

	*t = (struct translation){ 0 };
	if (!first_level(sim, bank, va, &at))
		return FSR_TF;
	fault = fetch(sim, bank, at, &d);
	if (fault)
		return fault;
	switch (d & 3) {
	case 0:
	case 3:
		return FSR_TF;
	case 2:
		decode_section(d, t);
		break;
	default:
		fault = fetch(sim, bank, (d & 0xFFFFFC00) | BITS(va, 12, 8) << 2, &d);
		if (fault)
			return fault | FSR_SL;
		if ((d & 3) == 0)
			return FSR_TF | FSR_SL;
		decode_page(d, t);
	}
	t->va = va >> t->shift << t->shift;
	return 0;
}

static bool ap_allows(uint8_t ap, const struct access *a)
{
	switch (ap) {
	case 1:
		return a->privileged;
	case 2:
		return a->privileged || !a->write;
	case 3:
		return true;
	case 5:
		return a->privileged && !a->write;
	case 6: /* deprecated spelling of 7 */
	case 7:
		return !a->write;
	default: /* 0 nobody, 4 reserved */
		return false;
	}
}

static uint32_t permission_fault(struct sim *sim, unsigned int bank, const struct translation *t,
				 const struct access *a)
{
	uint32_t level = t->second_level ? FSR_SL : 0;
	uint8_t ap = t->ap;

	if (*sim_reg(sim, bank, SMMU_SCTLR) & SCTLR_AFE) {
		if (!(ap & 1))
			return FSR_AFF | level;
		ap |= 1;
	}
	if (!ap_allows(ap, a) || (a->instruction && t->xn))
		return FSR_APF | level;
	return 0;
}

static uint32_t output(const struct translation *t, uint32_t va)
{
	return t->pa | (va & ((1U << t->shift) - 1));
}

static bool walks_on_miss(struct sim *sim, unsigned int bank)
{
	return SMMU_FIELD(*sim_reg(sim, bank, SMMU_ACTLR), ACTLR_TLBMCFG) == ACTLR_ON_MISS_WALK;
}

uint32_t sim_translate(struct sim *sim, unsigned int bank, const struct access *access,
		       uint32_t *out_pa)
{
	uint8_t vmid = sim_vmid(sim, bank), asid = sim_asid(sim, bank);
	const struct translation *t;
	struct translation walked;
	uint32_t fault;
	bool many;

	if (!(*sim_reg(sim, bank, SMMU_SCTLR) & SCTLR_M)) {
		*out_pa = access->va;
		return 0;
	}
	t = tlb_find(&sim->tlb, vmid, asid, access->va, &many);
	if (many)
		return FSR_MHF;
	if (t) {
		sim->counters.tlb_hits++;
	} else {
		sim->counters.tlb_misses++;
		if (!walks_on_miss(sim, bank))
			return FSR_TLBMF;
		fault = walk(sim, bank, access->va, &walked);
		if (fault)
			return fault;
		/* Even when this access is not allowed: hardware caches what it walked. Faults are not cached. */
		tlb_insert(&sim->tlb, vmid, asid, &walked);
		t = &walked;
	}
	*out_pa = output(t, access->va);
	return permission_fault(sim, bank, t, access);
}

static uint32_t par_of(const struct translation *t, uint32_t va)
{
	uint32_t par = t->shift == 24 ? PAR_SS | (t->pa & PAR_PA_SS) : output(t, va) & PAR_PA;

	return par | (t->shareable ? PAR_SH : 0) | SMMU_PUT(t->memory, PAR_MT);
}

void sim_v2p(struct sim *sim, unsigned int bank, const struct access *access)
{
	uint32_t *par = sim_reg(sim, bank, SMMU_PAR), *v2psr = sim_reg(sim, bank, SMMU_V2PSR);
	uint32_t actlr = *sim_reg(sim, bank, SMMU_ACTLR), fault = 0;
	const struct translation *t;
	struct translation walked;
	bool many;

	*v2psr = 0;
	if (sim_fails(sim, SIM_FAIL_TRANSLATE)) {
		*par = PAR_F | FSR_HTWSEEF;
		return;
	}
	if (!(*sim_reg(sim, bank, SMMU_SCTLR) & SCTLR_M)) {
		*par = access->va;
		return;
	}
	t = tlb_find(&sim->tlb, sim_vmid(sim, bank), sim_asid(sim, bank), access->va, &many);
	if (many)
		fault = FSR_MHF;
	else if (t)
		*v2psr = V2PSR_HIT;
	else if (SMMU_FIELD(actlr, ACTLR_V2PCFG) != ACTLR_ON_MISS_WALK)
		fault = FSR_TLBMF;
	else
		fault = walk(sim, bank, access->va, &walked);
	if (!t)
		t = &walked;
	if (!fault)
		fault = permission_fault(sim, bank, t, access);
	*par = fault ? PAR_F | fault : par_of(t, access->va);
}
