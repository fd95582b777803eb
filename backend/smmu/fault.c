// SPDX-License-Identifier: BSD-3-Clause
/*
 * Faults, from the registers to a verdict. The registers are the queue: one fault is taken at a time, the others stay
 * where they are and keep the interrupt asserted.
 */
#include <errno.h>

#include "backend/smmu/context.h"
#include "backend/smmu/registers.h"
#include "base/log.h"

struct syndrome {
	uint32_t fsr, far, fsynr0, fsynr1;
};

static bool read_syndrome(const struct smmu_bank *bank, struct syndrome *out)
{
	out->fsr = smmu_bank_read(bank, SMMU_FSR);
	if (!out->fsr)
		return false;
	out->far = smmu_bank_read(bank, SMMU_FAR);
	out->fsynr0 = smmu_bank_read(bank, SMMU_FSYNR0);
	out->fsynr1 = smmu_bank_read(bank, SMMU_FSYNR1);
	/* Exactly what was read: a fault that came since stays. */
	smmu_bank_write(bank, SMMU_FSR, out->fsr);
	return true;
}

static struct fault fault_of(const struct smmu_dev *dev, const struct syndrome *s)
{
	uint64_t beats = SMMU_FIELD(s->fsynr1, FSYNR1_ALEN) + 1;

	return (struct fault){
		.context = dev->mid,
		.addr = s->far,
		.len = beats << SMMU_FIELD(s->fsynr1, FSYNR1_ASIZE),
		.write = s->fsynr1 & FSYNR1_AWRITE,
		.execute = s->fsynr1 & FSYNR1_AINST,
		.privileged = s->fsynr1 & FSYNR1_APRIV,
		.stalled = s->fsr & FSR_SS,
		.permission = s->fsr & FSR_APF,
		.fsr = s->fsr,
		.fsynr0 = s->fsynr0,
		.fsynr1 = s->fsynr1,
	};
}

/* Nobody can be asked: a master that the configuration does not know, on the parking bank. */
static void report_stranger(const struct smmu_bank *bank, const struct syndrome *s)
{
	log_warning("%s: fault of unknown master %u at 0x%08x (FSR 0x%08x, bank %u)",
		    bank->drv->name ? bank->drv->name : "smmu", SMMU_FIELD(s->fsynr0, FSYNR0_AMID),
		    s->far, s->fsr, bank->index);
	if (s->fsr & FSR_SS)
		smmu_bank_write(bank, SMMU_RESUME, RESUME_TERMINATE);
}

int smmu_fault_take(struct smmu_driver *drv, struct smmu_dev **out_dev, struct fault *out)
{
	unsigned int n = drv->n_banks + 1;

	for (unsigned int i = 0; i < n; i++) {
		struct smmu_bank *bank = &drv->banks[(drv->scan + i) % n];
		struct smmu_dev *dev;
		struct syndrome s;

		if (!read_syndrome(bank, &s))
			continue;
		dev = bank->dev;
		if (!dev)
			dev = smmu_ctx_by_mid(drv, SMMU_FIELD(s.fsynr0, FSYNR0_AMID));
		if (!dev) {
			report_stranger(bank, &s);
			continue;
		}
		bank->stalled = s.fsr & FSR_SS;
		bank->stalled_at = s.far;
		drv->scan = (bank->index + 1) %
			    n; /* a context that faults all the time does not hide the others */
		*out_dev = dev;
		*out = fault_of(dev, &s);
		return 1;
	}
	return 0;
}

int smmu_fault_resume(struct smmu_dev *dev, bool retry)
{
	if (!dev->bank || !dev->bank->stalled)
		return -ENOENT;
	dev->bank->stalled = false;
	smmu_bank_write(dev->bank, SMMU_RESUME, retry ? RESUME_RETRY : RESUME_TERMINATE);
	return 0;
}

static int ask(struct smmu_dev *dev, struct fault *fault)
{
	int r;

	if (!dev->handler) {
		log_warning("%s: fault at 0x%08x (FSR 0x%08x), and no handler: terminated",
			    smmu_ctx_name(dev), (uint32_t)fault->addr, fault->fsr);
		return 0;
	}
	r = dev->handler((size_t)dev, dev->handler_data, fault);
	if (r < 0)
		log_warning("%s: the fault handler failed (%d): terminated", smmu_ctx_name(dev), r);
	return r;
}

void smmu_irpt(struct smmu_driver *drv)
{
	struct smmu_dev *dev;
	struct fault fault;
	int r;

	/* A transaction that is retried may fault again at once. One round; the interrupt stays asserted for the rest. */
	for (unsigned int i = 0; i <= drv->n_banks && smmu_fault_take(drv, &dev, &fault); i++) {
		r = ask(dev, &fault);
		if (fault.stalled && r != SMMU_FAULT_LATER)
			smmu_fault_resume(dev, r == 1);
	}
}
