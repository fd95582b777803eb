// SPDX-License-Identifier: BSD-3-Clause
/* The SMMU as a whole: what it is, and how it goes from whatever it was to aborting everything, to translating. */
#include "backend/smmuv3/device.h"

#include <errno.h>
#include <time.h>

#include "backend/smmuv3/registers.h"
#include "base/log.h"

#define TABLE_MIN 1024U /* the least that the bus allocates */

uint32_t v3_read(const struct smmuv3 *s, uint32_t reg)
{
	return mmio_read32(s->io, reg);
}

void v3_write(const struct smmuv3 *s, uint32_t reg, uint32_t value)
{
	mmio_write32(s->io, reg, value);
}

void v3_write64(const struct smmuv3 *s, uint32_t reg, uint64_t value)
{
	v3_write(s, reg, (uint32_t)value);
	v3_write(s, reg + 4, (uint32_t)(value >> 32));
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t v3_deadline(const struct smmuv3 *s)
{
	return now_us() + s->timeout_us;
}

bool v3_is_late(uint64_t deadline)
{
	return now_us() > deadline;
}

int v3_wait(const struct smmuv3 *s, uint32_t reg, uint32_t mask, uint32_t value)
{
	uint64_t deadline = v3_deadline(s);

	for (;;) {
		/* Asked first: so there is one more look for a CPU that was away. */
		bool late = v3_is_late(deadline);

		if ((v3_read(s, reg) & mask) == value)
			return 0;
		if (late)
			return -EIO;
	}
}

size_t v3_block(size_t len)
{
	size_t size = TABLE_MIN;

	while (size < len)
		size *= 2;
	return size;
}

int v3_alloc(struct smmuv3 *s, size_t len, uint64_t *out_pa, uint64_t **out_at, size_t *out_len)
{
	size_t size = v3_block(len);

	if (s->bus.ops->table_alloc(s->bus.ctx, size, out_pa))
		return -ENOMEM;
	*out_at = s->bus.ops->view(s->bus.ctx, *out_pa, size);
	if (!*out_at || *out_pa >> s->pa_bits) {
		s->bus.ops->table_free(s->bus.ctx, *out_pa, size);
		*out_at = NULL;
		return -ENOMEM;
	}
	*out_len = size;
	return 0;
}

/* --- identification ------------------------------------------------------------------------------------------------- */

/* Tables of this driver do not go beyond 48 bits, whatever the hardware can. 0: a value without meaning. */
static unsigned int pa_bits_of(uint32_t idr5)
{
	static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48, 48, 0 };

	return bits[IDR5_OAS(idr5)];
}

/* An absent device reads as all ones or as zeroes: both fail here. */
int smmuv3_probe(const struct mmio *io, struct a64_config *out, struct reason *why)
{
	uint32_t idr0 = mmio_read32(io, V3_IDR0), idr1 = mmio_read32(io, V3_IDR1);
	uint32_t idr3 = mmio_read32(io, V3_IDR3), idr5 = mmio_read32(io, V3_IDR5);

	out->pa_bits = pa_bits_of(idr5);
	out->live_split = IDR3_BBML(idr3) == BBML_ANY;
	if (!(idr0 & IDR0_S1P) || !(IDR0_TTF(idr0) & TTF_AARCH64) || !out->pa_bits)
		return refuse(why, -EIO,
			      "no SMMUv3 with stage 1 and AArch64 tables is there (IDR0 0x%08x)",
			      idr0);
	if (!(idr5 & IDR5_GRAN4K))
		return refuse(why, -EIO, "the SMMUv3 has no tables of 4 KB");
	if (IDR0_TTENDIAN(idr0) == TTENDIAN_BIG)
		return refuse(why, -EIO, "the SMMUv3 walks big-endian tables only");
	if (idr1 & IDR1_PRESET)
		return refuse(why, -EIO, "the SMMUv3 has queues or tables of its own");
	return 0;
}

static void identify_stalls(struct smmuv3 *s, uint32_t idr0)
{
	uint32_t model = IDR0_STALL_MODEL(idr0);

	s->must_stall = model == STALL_MODEL_FORCED;
	s->can_stall = model == STALL_MODEL_BOTH || s->must_stall;
}

/* What a bus gives in one block is the limit. */
static int check_tables(const struct smmuv3 *s, const struct smmuv3_config *config,
			struct reason *why)
{
	if (v3_strtab_bytes(s) > V3_BLOCK_MAX)
		return refuse(
			why, -EINVAL,
			"%s: stream ids of %u bits need a stream table of 0x%zx bytes%s, and 0x%x "
			"can be had in one block",
			config->name, s->sid_bits, v3_strtab_bytes(s),
			s->two_level ? "" : ", as the hardware has no two levels",
			(unsigned int)V3_BLOCK_MAX);
	if ((1 + 2 * (size_t)config->n_contexts) * CD_LEN > V3_BLOCK_MAX)
		return refuse(why, -EINVAL, "%s: %u contexts, and %zu can be had", config->name,
			      config->n_contexts, (V3_BLOCK_MAX / CD_LEN - 1) / 2);
	return 0;
}

static int identify_streams(struct smmuv3 *s, const struct smmuv3_config *config, uint32_t idr0,
			    uint32_t idr1, struct reason *why)
{
	unsigned int sid_bits = IDR1_SIDSIZE(idr1);

	for (unsigned int i = 0; i < config->n_contexts; i++) {
		uint32_t stream = config->contexts[i].stream;

		if (sid_bits < 32 && stream >> sid_bits)
			return refuse(why, -EINVAL,
				      "%s: context %s has stream %u, the hardware has %u bits",
				      config->name, config->contexts[i].name, stream, sid_bits);
		while (s->sid_bits < 32 && stream >> s->sid_bits)
			s->sid_bits++;
	}
	/* A linear table of 64 KB is cheaper than two levels. */
	s->two_level = IDR0_ST_LEVEL(idr0) == 1 && s->sid_bits > STRTAB_SPLIT + 2;
	return check_tables(s, config, why);
}

int v3_identify(struct smmuv3 *s, const struct smmuv3_config *config, struct reason *why)
{
	uint32_t idr0 = v3_read(s, V3_IDR0), idr1 = v3_read(s, V3_IDR1);
	const struct a64 *format = s->backend.format_ctx; /* NULL: there is none yet */
	struct a64_config can, is = { .pa_bits = format ? a64_pa_bits(format) : 0 };
	int r = smmuv3_probe(s->io, &can, why);

	if (r)
		return r;
	s->pa_bits = can.pa_bits;
	if (is.pa_bits > can.pa_bits)
		return refuse(why, -EINVAL, "%s: tables of %u address bits, the hardware has %u",
			      config->name, is.pa_bits, can.pa_bits);
	/* As the CPU accesses them, whatever more the hardware can: two who disagree about caches do not see each other's
	 * stores (DDI 0487, mismatched memory attributes). */
	s->coherent = (idr0 & IDR0_COHACC) && !config->uncached_tables;
	if (!(idr0 & IDR0_COHACC) && !config->uncached_tables)
		return refuse(why, -EINVAL,
			      "%s does not snoop the CPU's caches: its tables must be uncached",
			      config->name);
	s->asid16 = idr0 & IDR0_ASID16;
	s->ats = idr0 & IDR0_ATS;
	s->version = v3_read(s, V3_IIDR);
	identify_stalls(s, idr0);
	return identify_streams(s, config, idr0, idr1, why);
}

/* --- off and on ------------------------------------------------------------------------------------------------------- */

/* What says of itself that it is translated (PCI ATS) is checked like the rest, by entries that allow none of it; hardware
 * without ATS does not have the bit. */
static int set_cr0(const struct smmuv3 *s, uint32_t cr0)
{
	if (cr0 && s->ats)
		cr0 |= CR0_ATSCHK;
	v3_write(s, V3_CR0, cr0);
	return v3_wait(s, V3_CR0ACK, CR0_SMMUEN | CR0_EVTQEN | CR0_CMDQEN | CR0_ATSCHK, cr0);
}

/* GBPA is what happens while SMMUEN is 0, so it goes first. Models without GBPA exist (QEMU's before 8.1): what they let
 * pass while they are off is not in the driver's hand. */
static int abort_all(const struct smmuv3 *s)
{
	if (v3_wait(s, V3_GBPA, GBPA_UPDATE, 0))
		return -EIO;
	v3_write(s, V3_GBPA, GBPA_UPDATE | GBPA_ABORT);
	if (v3_wait(s, V3_GBPA, GBPA_UPDATE, 0))
		return -EIO;
	if (!(v3_read(s, V3_GBPA) & GBPA_ABORT))
		log_warning("%s: this hardware cannot abort traffic while it is off", s->name);
	return 0;
}

int v3_quiesce(struct smmuv3 *s)
{
	if (abort_all(s) || set_cr0(s, 0))
		return -EIO;
	v3_write(s, V3_IRQ_CTRL, 0);
	return v3_wait(s, V3_IRQ_CTRLACK, IRQ_GERROR | IRQ_EVTQ, 0);
}

int smmuv3_quiet(const struct mmio *io, const char *name, struct reason *why)
{
	char label[] = "smmuv3";
	struct smmuv3 s = { .io = io, .name = label, .timeout_us = V3_TIMEOUT_US };
	struct a64_config can;
	int r = smmuv3_probe(io, &can, why);

	if (r)
		return r;
	return v3_quiesce(&s) ? refuse(why, -EIO, "%s cannot be switched off", name) : 0;
}

static void write_strtab(const struct smmuv3 *s)
{
	v3_write(s, V3_CR1, s->coherent ? CR1_COHERENT : 0);
	v3_write(s, V3_CR2, CR2_RECINVSID);
	v3_write64(s, V3_STRTAB_BASE, BASE_ALLOCATE | s->strtab_pa);
	v3_write(s, V3_STRTAB_BASE_CFG,
		 s->sid_bits |
			 (s->two_level ? STRTAB_TWO_LEVEL | STRTAB_SPLIT << STRTAB_SPLIT_SHIFT :
					 0));
}

/* Empty ones. */
static void write_queues(struct smmuv3 *s)
{
	s->cmdq.prod = s->cmdq.cons = s->evtq.prod = s->evtq.cons = 0;
	s->overflow = 0;
	v3_write64(s, V3_CMDQ_BASE, BASE_ALLOCATE | s->cmdq.pa | s->cmdq.log2);
	v3_write(s, V3_CMDQ_PROD, 0);
	v3_write(s, V3_CMDQ_CONS, 0);
	v3_write64(s, V3_EVTQ_BASE, BASE_ALLOCATE | s->evtq.pa | s->evtq.log2);
	v3_write(s, V3_EVTQ_PROD, 0);
	v3_write(s, V3_EVTQ_CONS, 0);
	/* Errors of before are nobody's. */
	v3_write(s, V3_GERRORN, v3_read(s, V3_GERROR));
}

/* Wires, not messages: an address of 0 is no message. */
static int enable_irq(const struct smmuv3 *s)
{
	if (v3_read(s, V3_IDR0) & IDR0_MSI) {
		v3_write64(s, V3_GERROR_IRQ_CFG0, 0);
		v3_write64(s, V3_EVTQ_IRQ_CFG0, 0);
	}
	v3_write(s, V3_IRQ_CTRL, IRQ_GERROR | IRQ_EVTQ);
	return v3_wait(s, V3_IRQ_CTRLACK, IRQ_GERROR | IRQ_EVTQ, IRQ_GERROR | IRQ_EVTQ);
}

/* enabled: CR0_SMMUEN, or 0. */
static int start_queues(struct smmuv3 *s, uint32_t enabled)
{
	write_queues(s);
	if (set_cr0(s, enabled | CR0_CMDQEN))
		return -EIO;
	v3_command(s, CMD_CFGI_ALL, CMD1_RANGE_ALL);
	v3_command(s, CMD_TLBI_NSNH_ALL, 0);
	return v3_sync(s);
}

static int listen(struct smmuv3 *s, uint32_t enabled)
{
	return set_cr0(s, enabled | CR0_CMDQEN | CR0_EVTQEN) ? -EIO : enable_irq(s);
}

int v3_enable(struct smmuv3 *s)
{
	write_strtab(s);
	if (start_queues(s, 0) || listen(s, 0))
		return -EIO;
	return set_cr0(s, CR0_CMDQEN | CR0_EVTQEN | CR0_SMMUEN);
}

int v3_go_on(struct smmuv3 *s)
{
	v3_write(s, V3_IRQ_CTRL, 0);
	if (v3_wait(s, V3_IRQ_CTRLACK, IRQ_GERROR | IRQ_EVTQ, 0) || set_cr0(s, CR0_SMMUEN))
		return -EIO;
	return start_queues(s, CR0_SMMUEN);
}

int v3_listen(struct smmuv3 *s)
{
	return listen(s, CR0_SMMUEN);
}

void v3_stop(struct smmuv3 *s, const char *because)
{
	if (s->stopped)
		return;
	s->stopped = true;
	log_error("%s: %s: the SMMU is stopped, all its masters are aborted", s->name, because);
	s->lost = v3_quiesce(s) < 0;
	if (s->lost)
		log_error("%s: and it does not answer: its masters may still reach memory",
			  s->name);
}
