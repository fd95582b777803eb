/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine that the configuration describes: its IOMMUs as backends, its devices in the graph, and the bus between
 * them and memory. What is peculiar to a kind of IOMMU is in machine-KIND.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/sim/sim.h"
#include "base/log-limit.h"

struct arena;
struct broker;
struct config;
struct config_rule;
struct device;
struct mark;

/* The hardware side of a device of the graph (device->hw). */
struct machine_device {
	struct backend *backend; /* NULL without an IOMMU */
	struct sim *sim;         /* NULL unless it is simulated */
	const char *smmu;        /* name of its IOMMU, "" without one */
	unsigned int context, mid;
	const struct config_rule *allow; /* NULL: everybody with access */
	const struct config_rule *open;  /* who may have its file; NULL: who may use it */
	const char *about; /* "ADDRESS DRIVER RESERVED..."; NULL: there is nothing to say */
	uint64_t base;
	uint64_t n_faults;
	struct log_limit handler_said; /* what its handlers failed to do */
	uint64_t warned_ns,
		n_unsaid; /* the last warning of a fault, and faults since without one */
};

struct machine;

/* Devices, formats and pools are added to the broker's graph. NULL with the reason. */
struct machine *machine_new(struct broker *b, struct reason *why);
/* Nothing is active any more. */
struct machine *machine_free(struct machine *m);

/* Sets up what `to` has and the machine has not: pools, simulated IOMMUs, masters. All or nothing: 0; -EINVAL, -ENOMEM. */
int machine_extend(struct machine *m, const struct config *to, struct reason *why);
/* Pools and devices refer to `to`, which has all of them, from now on. */
void machine_use(struct machine *m, const struct config *to);

/* Everything that an earlier broker had active, and that is to be active again, is. 0, -EIO: a device is not quiet. */
int machine_settle(struct machine *m, struct reason *why);
/* Another broker follows: machine_free() leaves hardware as it is. */
void machine_leave(struct machine *m);

/* attr of the memory at pa, for hardware that reaches it by that address, becomes what the CPU's mapping of it is. */
void machine_agree(const struct machine *m, uint64_t pa, struct map_attr *attr);

/* Its bytes have ended; r: what memory_arena_free() has said. */
void machine_arena_ended(struct machine *m, const struct arena *a, int r);

/* Around all that changes hardware, with the journal's record of it. */
struct mark *machine_mark(struct machine *m);

/* The device behind a context of a backend; NULL. */
struct device *machine_device_of(struct machine *m, const struct backend *backend,
				 unsigned int context);
/* Called for each fault that a backend reports. */
typedef void (*machine_fault_fn)(void *ctx, struct backend *backend, const struct fault *fault);
/* 0, -ENOMEM. */
int machine_watch_faults(struct machine *m, machine_fault_fn fn, void *ctx);
