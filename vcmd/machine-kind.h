/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kinds of IOMMUs are built with. Included by machine.c and machine-*.c only.
 *
 * A kind reads its sections of the configuration, and adds backends and the devices behind them. The vcms' tables are of
 * a format, one for each pair of (backend->format, backend->format_ctx) that backends have: it comes with the first.
 */
#pragma once

#include "backend/backend.h"
#include "backend/bus.h"
#include "base/reason.h"
#include "vcmd/machine.h"

struct config;

struct machine_kind {
	/* Backends and devices. */
	int (*add)(struct machine *m, struct reason *why);
};

extern const struct machine_kind machine_smmu;

/* An IOMMU, as machine_add_backend() takes it. */
struct machine_backend {
	struct backend *backend; /* freed through its ops, with the machine; also on failure */
	struct sim *sim;         /* NULL unless it is simulated */
	const char *name;        /* lives as long as the machine */
	uint64_t base;
};

const struct config *machine_config(const struct machine *m);
/* Where simulated hardware sees memory and its tables. */
const struct bus *machine_bus(const struct machine *m);

/* thing is freed with the machine, after whatever is kept or added later; at once when this fails. 0, -ENOMEM. */
int machine_keep(struct machine *m, void *thing, void (*free)(void *thing), struct reason *why);

struct machine_unit;
/* 0, -ENOMEM. */
int machine_add_backend(struct machine *m, const struct machine_backend *b,
			struct machine_unit **out, struct reason *why);
/* A device of the graph, behind the backend's context of that name. 0; -EINVAL, -ENOENT, -ENOMEM. */
int machine_add_context(struct machine_unit *u, const char *name, unsigned int mid,
			const struct config_rule *allow, struct reason *why);
