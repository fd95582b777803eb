// SPDX-License-Identifier: BSD-3-Clause
/* An SMMU as a whole, and the tree of all of them in this process. */
#include "backend/smmu/driver.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend/smmu/bank.h"
#include "backend/smmu/context.h"
#include "backend/smmu/registers.h"
#include "base/mem.h"

/* smmu/ -> smmu0/ -> ctx0, ctx1... (drv->devs) */
static LIST_HEAD(, smmu_driver) tree = LIST_HEAD_INITIALIZER(tree);

static uint32_t read_global(const struct smmu_driver *drv, uint32_t reg)
{
	return mmio_read32(drv->io, reg);
}

static void write_global(const struct smmu_driver *drv, uint32_t reg, uint32_t value)
{
	mmio_write32(drv->io, reg, value);
}

/* An absent device reads as all ones or as zeroes; both give impossible counts. */
static int identify(struct smmu_driver *drv)
{
	uint32_t idr = read_global(drv, SMMU_IDR);
	unsigned int banks = SMMU_FIELD(idr, IDR_NCB) + 1;

	drv->version = read_global(drv, SMMU_REV);
	drv->n_mids = SMMU_FIELD(idr, IDR_NM2VCBMT);
	if (banks < 2 || banks > SMMU_BANKS_MAX || !drv->n_mids || drv->n_mids > SMMU_MIDS_MAX)
		return -EIO;
	drv->n_banks = banks - 1;
	return 0;
}

/*
 * The sanity probe of Linux's driver: a translation of 0 by a bank that may not walk cannot succeed, so PAR must say so.
 * Registers that are not connected leave it 0.
 */
static int probe(const struct smmu_driver *drv)
{
	const struct smmu_bank *bank = &drv->banks[0];
	uint32_t par;

	smmu_bank_write(bank, SMMU_PAR, 0);
	smmu_bank_write(bank, SMMU_ACTLR, SMMU_PUT(1, ACTLR_V2PCFG));
	smmu_bank_write(bank, SMMU_SCTLR, SCTLR_M);
	smmu_bank_write(bank, SMMU_V2PPR, 0);
	par = smmu_bank_read(bank, SMMU_PAR);
	smmu_bank_reset(bank);
	return par ? 0 : -EIO;
}

/* The parking bank stands before any other is touched: whatever the masters do meanwhile ends there. */
static int reset(const struct smmu_driver *drv)
{
	const struct smmu_bank *parking = &drv->banks[drv->n_banks];

	smmu_bank_reset(parking);
	if (smmu_bank_park(parking))
		return -EIO;
	for (unsigned int mid = 0; mid < drv->n_mids; mid++)
		smmu_bank_route(parking, mid);
	for (unsigned int i = 0; i < drv->n_banks; i++)
		smmu_bank_reset(&drv->banks[i]);
	write_global(drv, SMMU_ESRRESTORE, 0);
	write_global(drv, SMMU_TESTBUSCR, 0);
	write_global(drv, SMMU_TLBRSW, 0);
	write_global(drv, SMMU_RPU_ACR, 0);
	/* Everything else off: no RPU, no global bypass (CLIENTPD), stalls allowed. */
	write_global(drv, SMMU_CR, CR_TLBLKCRWE);
	write_global(drv, SMMU_GLOBAL_TLBIALL, 0);
	return probe(drv);
}

int smmu_drvdata_init(struct smmu_driver *drv, unsigned long base, int irq)
{
	int r;

	if (!drv || !drv->io || !drv->format)
		return -EINVAL;
	drv->base = base;
	drv->irq = irq;
	drv->scan = 0;
	drv->banks = NULL;
	LIST_INIT(&drv->devs);
	r = identify(drv);
	if (r)
		return r;
	drv->banks = mem_zalloc_n(drv->n_banks + 1, sizeof(*drv->banks));
	if (!drv->banks)
		return -ENOMEM;
	for (unsigned int i = 0; i <= drv->n_banks; i++)
		smmu_bank_init(&drv->banks[i], drv, i);
	r = reset(drv);
	if (r) {
		drv->banks = mem_free(drv->banks);
		return r;
	}
	LIST_INSERT_HEAD(&tree, drv, link);
	return 0;
}

void smmu_drvdata_deinit(struct smmu_driver *drv)
{
	assert(LIST_EMPTY(&drv->devs));
	if (!drv->banks)
		return;
	LIST_REMOVE(drv, link);
	drv->banks = mem_free(drv->banks);
}

struct smmu_dev *smmu_get_ctx_instance(char *ctx_name)
{
	struct smmu_driver *drv;
	struct smmu_dev *dev;

	if (!ctx_name)
		return NULL;
	LIST_FOREACH(drv, &tree, link) {
		LIST_FOREACH(dev, &drv->devs, link) {
			if (!dev->name || strcmp(dev->name, ctx_name) != 0)
				continue;
			dev->n_instances++;
			return dev;
		}
	}
	return NULL;
}

int smmu_free_ctx_instance(struct smmu_dev *dev)
{
	if (!dev || !dev->n_instances)
		return -EINVAL;
	dev->n_instances--;
	return 0;
}

unsigned long smmu_get_base_addr(struct smmu_dev *dev)
{
	return dev && dev->drv ? dev->drv->base : 0;
}
