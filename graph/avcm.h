/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An avcm: the association of a vcm with a device.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "graph/attr.h"
#include "graph/device.h"
#include "graph/object.h"

struct plan;
struct vcm;
struct vcm_table;

struct avcm {
	struct object obj;
	TAILQ_ENTRY(avcm) vcm_link;
	TAILQ_ENTRY(avcm) device_link, session_link; /* while active */
	struct vcm *vcm;
	struct device *device;
	struct vcm_table *table; /* NULL but on an IOMMU */
	struct assoc_half half;
	uint32_t attr;
	bool active;
};

/* As many as any machine has devices. */
#define AVCMS_MAX 4096
/* -EDQUOT: the vcm has AVCMS_MAX. -EINVAL: attributes, a vcm of a type that the device does not take, or beyond its half or reach. */
int plan_avcm_assoc(struct plan *p, struct vcm *v, uint32_t handle, struct device *d,
		    uint32_t attr);
/* -EBUSY while active. */
int plan_avcm_deassoc(struct plan *p, struct avcm *a);
/* -EBUSY while active, -EINVAL. */
int plan_avcm_set_attr(struct plan *p, struct avcm *a, uint32_t attr);
/* flags: VCM_ACTIVATE_SWITCH. -EBUSY: already active, or the device is taken. -EINVAL: unknown flags. */
int plan_avcm_activate(struct plan *p, struct avcm *a, uint32_t flags);
/* -ENOENT when not active. */
int plan_avcm_deactivate(struct plan *p, struct avcm *a);

/* For the plan's changes. */
void avcm_link(struct avcm *a);
void avcm_unlink(struct avcm *a);
void avcm_set_active(struct avcm *a, bool active);
void avcm_retype(struct avcm *a, uint32_t attr);
void avcm_destroy(struct avcm *a);
