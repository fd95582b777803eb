/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be different in a configuration that takes the place of one that is in use: rules, limits, times, the log's
 * level, and pools and devices that are new. Everything that memory or hardware was set up by stays as it is.
 */
#pragma once

#include "base/reason.h"
#include "vcmd/config.h"

/* 0; -EINVAL, and why names the first setting that cannot change. */
int config_check_change(const struct config *from, const struct config *to, struct reason *why);

/* The same thing in another configuration; NULL: it is new there. */
const struct config_pool *config_find_pool(const struct config *c, const struct config_pool *like);
const struct config_smmu *config_find_smmu(const struct config *c, const char *name);
const struct config_master *config_find_master(const struct config *c, const char *name);
const struct config_vfio *config_find_vfio(const struct config *c, const char *name);
/* The rule of the master or context of that name; NULL: there is none. *out_smmu: the name of its IOMMU, ""
 * without one. */
const struct config_rule *config_find_device(const struct config *c, const char *name,
					     const char **out_smmu);
