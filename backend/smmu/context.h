/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtual context: what the driver's parts know of it. Its life is pictured in driver.h. */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>

#include "backend/smmu/bank.h"
#include "backend/smmu/driver.h"

struct smmu_dev {
	LIST_ENTRY(smmu_dev) link; /* in drv->devs once it is bound */
	struct smmu_driver *drv;
	struct smmu_bank *bank; /* NULL: not active */
	unsigned int mid;
	char *name;
	unsigned int n_instances;
	struct table *own; /* of the posting's smmu_map(); made when it is first needed */
	bool updating;
	vcm_handler handler;
	void *handler_data;
};

/* The context of that MID, or NULL. */
struct smmu_dev *smmu_ctx_by_mid(struct smmu_driver *drv, unsigned int mid);
