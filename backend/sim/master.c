// SPDX-License-Identifier: BSD-3-Clause
/* Bus masters: transactions, their faults, and what waits for RESUME. */
#include <errno.h>

#include "backend/sim/model.h"
#include "base/range.h"

#define BUS_SPAN (UINT64_C(1) << 32) /* the masters drive 32 address lines */

/* --- faults ------------------------------------------------------------------------------------------------------- */

/* The burst as AXI states it: ALEN + 1 beats of 2^ASIZE bytes, at most 16 beats of 128. */
static uint32_t burst(uint32_t len)
{
	uint32_t size = 0;

	while (size < 7 && len > 16U << size)
		size++;
	len = (len + (1U << size) - 1) >> size;
	return SMMU_PUT(size, FSYNR1_ASIZE) | SMMU_PUT((len > 16 ? 16 : len) - 1, FSYNR1_ALEN);
}

static uint32_t syndrome(const struct access *a)
{
	return burst(a->len) | FSYNR1_APROTNS | (a->write ? FSYNR1_AWRITE : 0) |
	       (a->privileged ? FSYNR1_APRIV : 0) | (a->instruction ? FSYNR1_AINST : 0);
}

static bool stalls(struct sim *sim, unsigned int bank)
{
	return (*sim_reg(sim, bank, SMMU_ACTLR) & ACTLR_CFCFG) && !(sim->cr & CR_STALLD);
}

/* The registers hold the first fault until they are cleared; that there were more is all they say of the others. True:
 * they describe this one. */
static bool record(struct sim *sim, unsigned int bank, unsigned int mid, const struct access *a,
		   uint32_t fault)
{
	uint32_t *fsr = sim_reg(sim, bank, SMMU_FSR), stalled = stalls(sim, bank) ? FSR_SS : 0;

	sim->counters.faults++;
	if (*fsr) {
		*fsr |= FSR_MULTI | stalled;
		return false;
	}
	*fsr = fault | stalled;
	*sim_reg(sim, bank, SMMU_FAR) = a->va;
	*sim_reg(sim, bank, SMMU_FSYNR0) = SMMU_PUT(mid, FSYNR0_AMID);
	*sim_reg(sim, bank, SMMU_FSYNR1) = syndrome(a);
	return true;
}

static void record_configuration(struct sim *sim, unsigned int mid, uint32_t va)
{
	sim->counters.faults++;
	if (sim->esr) {
		sim->esr |= ESR_MULTI;
		return;
	}
	sim->esr = ESR_CFG;
	sim->ear = va;
	sim->esynr0 = mid;
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

static int transfer(struct sim *sim, const struct sim_master *m, uint64_t pa, uint32_t len)
{
	const struct bus *bus = &sim->bus;
	int r = m->write ? bus->ops->write(bus->ctx, pa, m->buf, len) :
			   bus->ops->read(bus->ctx, pa, m->buf, len);

	return r ? -EFAULT : 0;
}

static struct access access_of(const struct sim_master *m)
{
	uint64_t in_page = PAGE_LEN - (m->addr & (PAGE_LEN - 1));

	return (struct access){ .va = (uint32_t)m->addr,
				.len = (uint32_t)(m->len < in_page ? m->len : in_page),
				.write = m->write,
				.privileged = m->signals & SIM_PRIVILEGED,
				.instruction = m->signals & SIM_INSTRUCTION };
}

/* The bank that the stream table gives; -1: around the SMMU; -EFAULT: nowhere. */
static int route(struct sim *sim, unsigned int mid, uint32_t va)
{
	uint32_t entry = sim->m2vcbr[mid], bank = SMMU_FIELD(entry, M2VCBR_CBNDX);

	if ((sim->cr & CR_CLIENTPD) || (entry & M2VCBR_BYPASSD))
		return -1;
	if (bank < sim->config.n_banks)
		return (int)bank;
	record_configuration(sim, mid, va);
	return -EFAULT;
}

/* What is to be done with the piece that faulted: the master waits, or -EFAULT. */
static int on_fault(struct sim *sim, unsigned int mid, unsigned int bank, const struct access *a,
		    uint32_t fault)
{
	struct sim_master *m = &sim->masters[mid];
	bool recorded = record(sim, bank, mid, a, fault);

	sim_irq_update(sim);
	if (!stalls(sim, bank))
		return -EFAULT;
	m->state = MASTER_STALLED;
	m->bank = bank;
	m->recorded = recorded;
	m->since = ++sim->clock;
	return -EINPROGRESS;
}

/*
 * Goes on with a master's transaction until its end or its next stall. resumed: the first piece waited in m->bank, and
 * goes through that bank again.
 */
static int run(struct sim *sim, unsigned int mid, bool resumed)
{
	struct sim_master *m = &sim->masters[mid];

	for (; m->len; resumed = false) {
		struct access a = access_of(m);
		int bank = resumed ? (int)m->bank : route(sim, mid, a.va);
		uint32_t pa = a.va, fault = 0;

		if (bank == -EFAULT)
			return -EFAULT;
		if (bank >= 0)
			fault = sim_translate(sim, (unsigned int)bank, &a, &pa);
		if (fault)
			return on_fault(sim, mid, (unsigned int)bank, &a, fault);
		if (transfer(sim, m, pa, a.len))
			return -EFAULT;
		m->addr += a.len;
		m->buf += a.len;
		m->len -= a.len;
	}
	return 0;
}

int sim_access(struct sim *sim, unsigned int mid, bool write, uint64_t addr, void *buf, size_t len,
	       sim_done_fn done, void *ctx)
{
	struct sim_master *m;

	if (mid >= sim->config.n_mids)
		return -ENODEV;
	m = &sim->masters[mid];
	if (m->state != MASTER_IDLE)
		return -EBUSY;
	if (addr > BUS_SPAN || len > BUS_SPAN - addr)
		return -EFAULT;
	m->write = write;
	m->addr = addr;
	m->buf = buf;
	m->len = len;
	m->done = done;
	m->ctx = ctx;
	return run(sim, mid, false);
}

int sim_set_signals(struct sim *sim, unsigned int mid, unsigned int signals)
{
	if (mid >= sim->config.n_mids)
		return -ENODEV;
	sim->masters[mid].signals = signals;
	return 0;
}

/* --- what waits --------------------------------------------------------------------------------------------------- */

/* The oldest one on the bank; recorded ones only, or the others only. NULL: none. */
static struct sim_master *oldest(struct sim *sim, unsigned int bank, bool recorded)
{
	struct sim_master *found = NULL;

	for (unsigned int i = 0; i < sim->config.n_mids; i++) {
		struct sim_master *m = &sim->masters[i];

		if (m->state != MASTER_IDLE && m->bank == bank && m->recorded == recorded &&
		    (!found || m->since < found->since))
			found = m;
	}
	return found;
}

/* Everything about the transaction is settled before its owner hears of it: it may start the next one at once. */
static void finish(struct sim_master *m, int result)
{
	bool tell = m->state == MASTER_STALLED;

	m->state = MASTER_IDLE;
	if (tell)
		m->done(m->ctx, result);
}

static void proceed(struct sim *sim, struct sim_master *m, bool terminate)
{
	unsigned int mid = (unsigned int)(m - sim->masters);
	int r = -EFAULT;

	if (!terminate && m->state == MASTER_STALLED)
		r = run(sim, mid, true);
	if (r != -EINPROGRESS)
		finish(m, r);
}

/*
 * The verdict is for the oldest that the registers told of. Those that only MULTI told of try again behind it, one after
 * the other, until one faults and becomes known.
 */
void sim_resume(struct sim *sim, unsigned int bank, bool terminate)
{
	struct sim_master *m = oldest(sim, bank, true);

	if (m)
		proceed(sim, m, terminate);
	while (*sim_reg(sim, bank, SMMU_FSR) == 0) {
		m = oldest(sim, bank, false);
		if (!m)
			return;
		proceed(sim, m, false);
	}
}

void sim_abandon(struct sim *sim, unsigned int mid)
{
	if (mid < sim->config.n_mids && sim->masters[mid].state == MASTER_STALLED)
		sim->masters[mid].state = MASTER_ABANDONED;
}

void sim_terminate_all(struct sim *sim)
{
	for (unsigned int i = 0; i < sim->config.n_mids; i++) {
		if (sim->masters[i].state != MASTER_IDLE)
			finish(&sim->masters[i], -EFAULT);
	}
}
