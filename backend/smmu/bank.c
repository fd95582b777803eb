// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmu/bank.h"

#include <assert.h>
#include <errno.h>

#include "backend/smmu/registers.h"

uint32_t smmu_bank_read(const struct smmu_bank *bank, uint32_t reg)
{
	return mmio_read32(bank->drv->io, SMMU_BANK_REG(bank->index, reg));
}

void smmu_bank_write(const struct smmu_bank *bank, uint32_t reg, uint32_t value)
{
	mmio_write32(bank->drv->io, SMMU_BANK_REG(bank->index, reg), value);
}

/* --- the TLB ------------------------------------------------------------------------------------------------------ */

/*
 * Reading any register of the window waits for the writes before it: this SMMU has no register that tells when an
 * invalidation is over, and does not answer before (Linux's driver relies on the same, with a barrier).
 */
static void wait_posted(const struct smmu_bank *bank)
{
	(void)smmu_bank_read(bank, SMMU_SCTLR);
}

static int invalidate(struct stale_user *user, const struct stale *stale)
{
	const struct smmu_bank *bank = ((struct smmu_bank_user *)(void *)user)->bank;

	if (stale->all) {
		smmu_bank_write(bank, SMMU_CTX_TLBIALL, 0);
	} else {
		for (unsigned int i = 0; i < stale->n; i++)
			smmu_bank_write(bank, SMMU_TLBIVA,
					((uint32_t)stale->at[i] & SMMU_VA) | bank->asid);
	}
	wait_posted(bank);
	return 0;
}

/* --- ASIDs -------------------------------------------------------------------------------------------------------- */

static bool is_same(const struct smmu_tables *a, const struct smmu_tables *b)
{
	return a->half[HALF_LOW] == b->half[HALF_LOW] && a->half[HALF_HIGH] == b->half[HALF_HIGH] &&
	       a->split == b->split;
}

static bool is_shared(const struct smmu_bank *bank)
{
	for (unsigned int i = 0; i < bank->drv->n_banks; i++) {
		const struct smmu_bank *b = &bank->drv->banks[i];

		if (b != bank && b->dev && b->asid == bank->asid)
			return true;
	}
	return false;
}

static uint8_t unused_asid(const struct smmu_driver *drv)
{
	uint64_t used[4] = { 1 }; /* 0 is nobody's */

	for (unsigned int i = 0; i < drv->n_banks; i++)
		used[drv->banks[i].asid / 64] |= UINT64_C(1) << drv->banks[i].asid % 64;
	for (unsigned int i = 0; i < 256; i++) {
		if (!(used[i / 64] >> i % 64 & 1))
			return (uint8_t)i;
	}
	/* At most 254 banks translate, and one that needs a new ASID shares its old one or has none. */
	assert(!"an ASID for every bank");
	return 0;
}

/* That of a bank with the same tables; its own, if nobody shares it; a new one. */
static uint8_t asid_for(const struct smmu_bank *bank, const struct smmu_tables *tables)
{
	for (unsigned int i = 0; i < bank->drv->n_banks; i++) {
		const struct smmu_bank *b = &bank->drv->banks[i];

		if (b != bank && b->dev && is_same(&b->tables, tables))
			return b->asid;
	}
	return bank->asid && !is_shared(bank) ? bank->asid : unused_asid(bank->drv);
}

/* --- the registers ------------------------------------------------------------------------------------------------ */

static uint32_t ttbcr_of(const struct smmu_tables *tables)
{
	return SMMU_PUT(tables->split, TTBCR_N) | (tables->half[HALF_LOW] ? 0 : TTBCR_PD0) |
	       (tables->half[HALF_HIGH] ? 0 : TTBCR_PD1);
}

static uint32_t ttbr_of(const struct table *t)
{
	return t ? (uint32_t)v7s_ops.root(t) & TTBR_PA : 0;
}

void smmu_bank_init(struct smmu_bank *bank, struct smmu_driver *drv, unsigned int index)
{
	*bank = (struct smmu_bank){ .drv = drv, .index = index };
	for (unsigned int h = 0; h < SMMU_HALVES; h++) {
		bank->users[h].user.invalidate = invalidate;
		bank->users[h].bank = bank;
	}
}

void smmu_bank_reset(const struct smmu_bank *bank)
{
	static const uint32_t zeroed[] = {
		SMMU_SCTLR, SMMU_ACTLR, SMMU_CONTEXTIDR, SMMU_TTBR0,   SMMU_TTBR1,
		SMMU_TTBCR, SMMU_PAR,   SMMU_FAR,        SMMU_FSYNR0,  SMMU_FSYNR1,
		SMMU_PRRR,  SMMU_NMRR,  SMMU_BFBCR,      SMMU_TLBLCKR,
	};

	for (unsigned int i = 0; i < sizeof(zeroed) / sizeof(zeroed[0]); i++)
		smmu_bank_write(bank, zeroed[i], 0);
	smmu_bank_write(bank, SMMU_FSR, smmu_bank_read(bank, SMMU_FSR));
	mmio_write32(bank->drv->io, SMMU_CBACR(bank->index), 0);
}

/* Whether the bank's M bit took the value. */
static bool set_enabled(const struct smmu_bank *bank, bool on)
{
	smmu_bank_write(bank, SMMU_SCTLR, on ? SCTLR_M : 0);
	return !(smmu_bank_read(bank, SMMU_SCTLR) & SCTLR_M) == !on;
}

int smmu_bank_park(const struct smmu_bank *bank)
{
	smmu_bank_write(bank, SMMU_TTBCR, TTBCR_PD0 | TTBCR_PD1);
	smmu_bank_write(bank, SMMU_ACTLR,
			SMMU_PUT(ACTLR_ON_MISS_WALK, ACTLR_TLBMCFG) | ACTLR_CFEIE);
	smmu_bank_write(bank, SMMU_CTX_TLBIALL, 0);
	return set_enabled(bank, true) ? 0 : -EIO;
}

void smmu_bank_route(const struct smmu_bank *bank, unsigned int mid)
{
	/* One store of the whole entry: a moment with a part of it would send traffic to bank 0. */
	mmio_write32(bank->drv->io, SMMU_M2VCBR(mid),
		     SMMU_PUT(bank->index, M2VCBR_CBNDX) |
			     SMMU_PUT(M2VCBR_NSCFG_NONSECURE, M2VCBR_NSCFG));
}

static void attach(struct smmu_bank *bank, const struct smmu_tables *tables)
{
	bank->tables = *tables;
	for (unsigned int h = 0; h < SMMU_HALVES; h++) {
		if (tables->half[h])
			v7s_attach(tables->half[h], &bank->users[h].user);
	}
}

static void detach(struct smmu_bank *bank)
{
	for (unsigned int h = 0; h < SMMU_HALVES; h++) {
		if (bank->tables.half[h])
			v7s_detach(bank->tables.half[h], &bank->users[h].user);
	}
	bank->tables = (struct smmu_tables){ 0 };
}

int smmu_bank_enable(struct smmu_bank *bank, const struct smmu_tables *tables)
{
	uint8_t asid = asid_for(bank, tables);

	smmu_bank_reset(bank);
	smmu_bank_write(bank, SMMU_ACTLR,
			SMMU_PUT(ACTLR_ON_MISS_WALK, ACTLR_TLBMCFG) |
				SMMU_PUT(ACTLR_ON_MISS_WALK, ACTLR_V2PCFG) | ACTLR_CFEIE |
				ACTLR_CFCFG | ACTLR_RCISH | ACTLR_RCOSH | ACTLR_RCNSH);
	smmu_bank_write(bank, SMMU_CONTEXTIDR, asid);
	smmu_bank_write(bank, SMMU_TTBCR, ttbcr_of(tables));
	smmu_bank_write(bank, SMMU_TTBR0, ttbr_of(tables->half[HALF_LOW]));
	smmu_bank_write(bank, SMMU_TTBR1, ttbr_of(tables->half[HALF_HIGH]));
	smmu_bank_write(bank, SMMU_CTX_TLBIALL, 0);
	smmu_bank_write(bank, SMMU_BFBCR, BFBCR_BFBDFE);
	if (!set_enabled(bank, true)) {
		smmu_bank_reset(bank);
		return -EIO;
	}
	bank->asid = asid;
	attach(bank, tables);
	return 0;
}

static bool has_tables(const struct smmu_bank *bank, const struct smmu_tables *tables)
{
	return smmu_bank_read(bank, SMMU_TTBR0) == ttbr_of(tables->half[HALF_LOW]) &&
	       smmu_bank_read(bank, SMMU_TTBR1) == ttbr_of(tables->half[HALF_HIGH]) &&
	       smmu_bank_read(bank, SMMU_TTBCR) == ttbcr_of(tables);
}

/*
 * The bank is at ASID 0. A half that goes is closed before its base changes, one that comes is opened after; one that
 * stays or is replaced is never closed.
 */
static void write_tables(const struct smmu_bank *bank, const struct smmu_tables *old,
			 const struct smmu_tables *tables)
{
	smmu_bank_write(bank, SMMU_TTBCR, ttbcr_of(old) | ttbcr_of(tables));
	smmu_bank_write(bank, SMMU_TTBR0, ttbr_of(tables->half[HALF_LOW]));
	smmu_bank_write(bank, SMMU_TTBR1, ttbr_of(tables->half[HALF_HIGH]));
	smmu_bank_write(bank, SMMU_TTBCR, ttbcr_of(tables));
}

int smmu_bank_change(struct smmu_bank *bank, const struct smmu_tables *tables)
{
	struct smmu_tables old = bank->tables;
	uint8_t old_asid = bank->asid, asid = asid_for(bank, tables);
	bool last = !is_shared(bank), done;

	assert(old.split == tables->split);
	smmu_bank_write(bank, SMMU_CONTEXTIDR, 0);
	write_tables(bank, &old, tables);
	done = has_tables(bank, tables);
	if (!done)
		write_tables(bank, tables, &old);
	/* What the ASIDs that nobody uses now, or uses with other tables, have in the TLB goes before they are used again. */
	if (done && last)
		smmu_bank_write(bank, SMMU_TLBIASID, old_asid);
	smmu_bank_write(bank, SMMU_CONTEXTIDR, done ? asid : old_asid);
	smmu_bank_write(bank, SMMU_TLBIASID, 0);
	wait_posted(bank);
	if (!done)
		return -EIO;
	detach(bank);
	bank->asid = asid;
	attach(bank, tables);
	return 0;
}

int smmu_bank_disable(struct smmu_bank *bank)
{
	bool last = !is_shared(bank);

	if (!set_enabled(bank, false))
		return -EIO;
	smmu_bank_flush_stall(bank, HALF_LOW);
	smmu_bank_flush_stall(bank, HALF_HIGH);
	if (last)
		smmu_bank_write(bank, SMMU_TLBIASID, bank->asid);
	smmu_bank_reset(bank);
	wait_posted(bank);
	detach(bank);
	bank->asid = 0;
	return 0;
}

void smmu_bank_forget(struct smmu_bank *bank)
{
	smmu_bank_write(bank, SMMU_TTBCR, TTBCR_PD0 | TTBCR_PD1);
	smmu_bank_write(bank, SMMU_TLBIASID, bank->asid);
	wait_posted(bank);
	detach(bank);
	bank->asid = 0;
}

/* --- stalls ------------------------------------------------------------------------------------------------------- */

static enum half half_of(const struct smmu_bank *bank, uint32_t va)
{
	return bank->tables.split && va >> (32 - bank->tables.split) ? HALF_HIGH : HALF_LOW;
}

void smmu_bank_flush_stall(struct smmu_bank *bank, enum half half)
{
	uint32_t fsr;

	if (bank->stalled && half_of(bank, bank->stalled_at) == half) {
		bank->stalled = false;
		smmu_bank_write(bank, SMMU_RESUME, RESUME_TERMINATE);
	}
	/* One that nobody has been told of yet. */
	fsr = smmu_bank_read(bank, SMMU_FSR);
	if (!(fsr & FSR_SS) || half_of(bank, smmu_bank_read(bank, SMMU_FAR)) != half)
		return;
	smmu_bank_write(bank, SMMU_FSR, fsr);
	smmu_bank_write(bank, SMMU_RESUME, RESUME_TERMINATE);
}
