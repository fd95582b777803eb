/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the suites of the VFIO backend begin with: a machine on the model of the kernel, two tables, and a way to ask a device
 * what it reaches.
 */
#pragma once

#include "tests/backend/vfio-model.h"
#include "tests/suite.h"

#define VA UINT64_C(0x1000000)

static struct vfio_machine m;
static struct table *t, *other;
static struct reason why;

static inline void setup(void)
{
	machine_init(&m);
	t = machine_table(&m);
	other = machine_table(&m);
}

static inline void teardown(void)
{
	for (unsigned int i = 0; i < MODEL_DEVICES; i++)
		machine_deactivate(&m, i, NULL);
	vfio_table_ops.free(t);
	vfio_table_ops.free(other);
	machine_deinit(&m);
}

/* The device writes there and the bytes are at pa, or it cannot and nothing changes. */
static inline bool reaches(unsigned int device, uint64_t va, uint64_t pa)
{
	static uint8_t next;
	uint8_t byte = ++next ? next : ++next, before = *machine_at(&m, pa);
	bool wrote = model_dma(&m.model, device, va, true, &byte, 1);

	ck_assert_uint_eq(*machine_at(&m, pa), wrote ? byte : before);
	return wrote;
}
