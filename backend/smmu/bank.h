/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One hardware context: the sequences of register accesses that switch it on, off, and from one pair of tables to
 * another. Who may use it, and what for, is driver.c's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/smmu/driver.h"
#include "backend/smmu/v7s.h"

#define SMMU_HALVES 2

struct smmu_bank_user {
	struct stale_user user; /* first */
	struct smmu_bank *bank;
};

/* What a bank translates with. */
struct smmu_tables {
	struct table *half[SMMU_HALVES]; /* NULL: that half is empty */
	unsigned int split;
};

struct smmu_bank {
	struct smmu_driver *drv;
	unsigned int index;
	struct smmu_dev *dev; /* NULL: free */
	struct smmu_tables tables;
	uint8_t asid; /* 0 while it is free */
	struct smmu_bank_user users[SMMU_HALVES];
	bool stalled; /* a fault was taken, and waits for RESUME */
	uint32_t stalled_at;
};

uint32_t smmu_bank_read(const struct smmu_bank *bank, uint32_t reg);
void smmu_bank_write(const struct smmu_bank *bank, uint32_t reg, uint32_t value);

void smmu_bank_init(struct smmu_bank *bank, struct smmu_driver *drv, unsigned int index);
/* Every register to what hardware reset makes it; a bank that is not enabled would let traffic pass, so none is routed. */
void smmu_bank_reset(const struct smmu_bank *bank);
/* The parking bank: see driver.h. 0 or -EIO. */
int smmu_bank_park(const struct smmu_bank *bank);
/* Routes a master's traffic through the bank. */
void smmu_bank_route(const struct smmu_bank *bank, unsigned int mid);

/* A free bank starts to translate. -EIO: it is free again. */
int smmu_bank_enable(struct smmu_bank *bank, const struct smmu_tables *tables);
/* A bank in use goes from its tables to others (not to none) with no moment in between. -EIO: it has the old ones. */
int smmu_bank_change(struct smmu_bank *bank, const struct smmu_tables *tables);
/* No traffic is routed to it any more. -EIO: it goes on as it was. */
int smmu_bank_disable(struct smmu_bank *bank);

/* The same without asking the hardware; for the end of the driver only. */
void smmu_bank_forget(struct smmu_bank *bank);

/* Terminates what stalls in the half (with the split that is set). */
void smmu_bank_flush_stall(struct smmu_bank *bank, enum half half);
