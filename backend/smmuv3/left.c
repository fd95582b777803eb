// SPDX-License-Identifier: BSD-3-Clause
/*
 * An SMMUv3 that an earlier process has left running. Its masters go on: the stream table stays where it is, and its entries
 * are pointed, one store each, at what is built beside what they point at now. Until then nothing that hardware can reach is
 * touched:
 *
 *	stream table, queues	are taken over, at their places
 *	descriptors, tables	are held, so that nobody else gets their memory, until the last entry has been switched
 *
 * All that was in caches goes first. So what hardware can reach is what a walk from the registers finds, and not, too, what had
 * been unlinked before the process came to invalidate it.
 */
#include "backend/smmuv3/device.h"

#include <errno.h>

#include "backend/smmuv3/a64-table.h"
#include "backend/smmuv3/registers.h"

#define BASE_PA UINT64_C(0x000FFFFFFFFFFFE0)
#define BASE_LOG2(v) V3_FIELD(v, 0, 5)
#define QUEUE_LOG2_MAX 19U
#define CD_BLOCK UINT64_C(1024) /* the least that is held */

/* --- what is there ---------------------------------------------------------------------------------------------------- */

static uint64_t read64(const struct smmuv3 *s, uint32_t reg)
{
	return v3_read(s, reg) | (uint64_t)v3_read(s, reg + 4) << 32;
}

/* It does what this driver had told it, as far as that shows. */
static bool is_ours(const struct smmuv3 *s)
{
	uint32_t on = CR0_SMMUEN | (s->ats ? CR0_ATSCHK : 0);

	return (v3_read(s, V3_CR0ACK) & on) == on && v3_read(s, V3_CR2) == CR2_RECINVSID &&
	       v3_read(s, V3_CR1) == (s->coherent ? CR1_COHERENT : 0);
}

static int find_queue(const struct smmuv3 *s, struct v3_queue *q, uint32_t reg, unsigned int words)
{
	uint64_t base = read64(s, reg);

	q->log2 = BASE_LOG2(base);
	q->pa = base & BASE_PA & ~UINT64_C(0x1F);
	if (!q->log2 || q->log2 > QUEUE_LOG2_MAX)
		return -EINVAL;
	q->len = v3_block((size_t)words * 8 << q->log2);
	q->at = s->bus.ops->view(s->bus.ctx, q->pa, q->len);
	return q->at ? 0 : -EFAULT;
}

static int find_strtab(struct smmuv3 *s)
{
	uint32_t form = v3_read(s, V3_STRTAB_BASE_CFG);
	unsigned int bits = form & 0x3F;

	s->two_level = form & STRTAB_TWO_LEVEL;
	if (bits < s->sid_bits || bits > 32 ||
	    (s->two_level &&
	     (bits <= STRTAB_SPLIT || (form >> STRTAB_SPLIT_SHIFT & 0x1F) != STRTAB_SPLIT)))
		return -EINVAL;
	s->sid_bits = bits;
	s->strtab_pa = read64(s, V3_STRTAB_BASE) & L1STD_L2;
	if (v3_strtab_bytes(s) > V3_BLOCK_MAX)
		return -EINVAL;
	s->strtab_len = v3_block(v3_strtab_bytes(s));
	s->strtab = s->bus.ops->view(s->bus.ctx, s->strtab_pa, s->strtab_len);
	return s->strtab ? 0 : -EFAULT;
}

int v3_find_left(struct smmuv3 *s)
{
	int r = is_ours(s) ? find_strtab(s) : -EINVAL;

	if (r == 0)
		r = find_queue(s, &s->cmdq, V3_CMDQ_BASE, 2);
	return r ? r : find_queue(s, &s->evtq, V3_EVTQ_BASE, EVENT_WORDS);
}

/* --- holding it --------------------------------------------------------------------------------------------------------- */

static int hold(const struct smmuv3 *s, uint64_t pa, size_t len)
{
	return s->bus.ops->table_hold(s->bus.ctx, pa, len);
}

/* What is held already has been walked. */
static int hold_table(const struct smmuv3 *s, uint64_t pa, unsigned int level)
{
	const uint64_t *table = s->bus.ops->view(s->bus.ctx, pa, A64_LEN);
	int r = table ? hold(s, pa, A64_LEN) : -EFAULT;

	if (r)
		return r < 0 ? r : 0;
	for (unsigned int i = 0; i < A64_N && r == 0; i++)
		if (a64_is_table(table[i], level))
			r = hold_table(s, table[i] & A64_PA, level + 1);
	return r;
}

static const uint64_t *cd_of(const struct smmuv3 *s, uint64_t ste)
{
	return s->bus.ops->view(s->bus.ctx, ste & STE0_CD, CD_LEN);
}

static int hold_stream(struct smmuv3 *s, uint32_t stream _unused_, uint64_t *ste)
{
	const uint64_t *cd;
	int r;

	if (!(ste[0] & STE0_V))
		return 0;
	cd = STE0_CONFIG(ste[0]) == STE_CONFIG_S1 ? cd_of(s, ste[0]) : NULL;
	r = cd ? hold(s, ste[0] & STE0_CD & ~(CD_BLOCK - 1), CD_BLOCK) : -EINVAL;
	if (r < 0 || !(cd[0] & CD0_V) || (cd[0] & CD0_EPD0))
		return r < 0 ? r : 0;
	return hold_table(s, cd[1] & A64_PA, A64_ROOT);
}

static int hold_l2(struct smmuv3 *s, uint64_t pa)
{
	return hold(s, pa, V3_L2_BYTES);
}

static int hold_all(struct smmuv3 *s)
{
	int r = hold(s, s->strtab_pa, s->strtab_len);

	if (r >= 0)
		r = hold(s, s->cmdq.pa, s->cmdq.len);
	if (r >= 0)
		r = hold(s, s->evtq.pa, s->evtq.len);
	if (r >= 0)
		r = v3_each_l2(s, hold_l2);
	return r < 0 ? r : v3_each_stream(s, hold_stream);
}

int smmuv3_hold(const struct smmuv3_config *config, struct reason *why)
{
	char label[] = "smmuv3";
	struct smmuv3 s = { .io = config->io,
			    .name = label,
			    .bus = *config->bus,
			    .timeout_us = config->timeout_us ? config->timeout_us : V3_TIMEOUT_US };
	int r = v3_identify(&s, config, why);

	if (r)
		return r;
	if (!(v3_read(&s, V3_CR0ACK) & CR0_SMMUEN))
		return 0;
	r = v3_find_left(&s);
	/* Before the walk: what is in no cache any more cannot be reached by it. */
	if (r == 0)
		r = v3_go_on(&s);
	if (r == 0)
		r = hold_all(&s);
	return r < 0 ? refuse(why, -ESTALE, "%s is not as this driver leaves it", config->name) : 1;
}

/* --- taking it over ------------------------------------------------------------------------------------------------------ */

static void take(struct smmuv3 *s, uint64_t pa, size_t len)
{
	s->bus.ops->table_take(s->bus.ctx, pa, len);
}

static int take_l2(struct smmuv3 *s, uint64_t pa)
{
	take(s, pa, V3_L2_BYTES);
	return 0;
}

void v3_take_left(struct smmuv3 *s)
{
	take(s, s->strtab_pa, s->strtab_len);
	take(s, s->cmdq.pa, s->cmdq.len);
	take(s, s->evtq.pa, s->evtq.len);
	v3_each_l2(s, take_l2);
}

uint16_t v3_left_asid(const struct smmuv3 *s, uint64_t ste)
{
	const uint64_t *cd = cd_of(s, ste);

	return cd && !(cd[0] & CD0_EPD0) ? (uint16_t)(cd[0] >> CD0_ASID_SHIFT) : 0;
}
