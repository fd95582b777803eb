/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register driver of the Qualcomm System MMU: how the broker makes one, as a backend.
 * The posting's own functions on the device are in backend/smmu/driver.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/bus.h"
#include "backend/irq.h"
#include "backend/mmio.h"

/* The ARMv7 short-descriptor format over a bus: shared by all SMMUs of a machine. */
struct v7s;
struct v7s *v7s_new(const struct bus *bus);
/* All its tables are gone (asserted). Returns NULL; NULL is fine. */
struct v7s *v7s_free(struct v7s *format);

struct smmu_context_config {
	const char *name; /* copied */
	unsigned int mid; /* the stream id of its bus master */
};

struct smmu_config {
	const char *name;      /* copied: "smmu0" */
	uint64_t base;         /* what smmu_get_base_addr() answers */
	const struct mmio *io; /* lives as long as the backend */
	int irq_fd;            /* readable while the interrupt is asserted; not owned */
	const struct irq
		*irq; /* where it must be acknowledged, instead; lives as long as the backend */
	const struct smmu_context_config *contexts;
	unsigned int n_contexts;
	bool simulated; /* what capabilities say: the registers are the model's */
};

/*
 * Resets and probes the hardware, and parks all its masters: their traffic faults and is terminated. That takes one of
 * the hardware contexts; capabilities count the others. *out is freed through its ops, which deactivates what is left.
 * 0, -ENOMEM, -EINVAL, -EIO (the sanity probe failed).
 */
int smmu_new(const struct smmu_config *config, struct v7s *format, struct backend **out,
	     struct reason *why);
