/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the SMMUv3 driver share: the model, the driver on a tap, and tables with marked pages. */
#pragma once

#include <errno.h>
#include <string.h>

#include "backend/smmuv3/a64.h"
#include "backend/smmuv3/smmuv3.h"
#include "base/mem.h"
#include "tests/backend/machine.h"
#include "tests/backend/smmuv3-model.h"
#include "tests/suite.h"

#define VA UINT64_C(0x123450000000)
#define N_CONTEXTS 4
#define MASTER(n) (streams[n])
#define STRANGER 9U

static const uint32_t streams[N_CONTEXTS] = { 8, 3, 0, 5 };
/* ctx1 may stall. */
static struct smmuv3_context_config contexts[N_CONTEXTS] = { { "ctx0", 8, false },
							     { "ctx1", 3, true },
							     { "ctx2", 0, false },
							     { "ctx3", 5, false } };

static struct machine machine;
static struct v3_model *model;
static struct a64 *format;
static struct backend *smmu;
/* VA is page 1 of RAM in the first, 2 in the second, 3 in the third. */
static struct table *one, *two, *three;
static struct reason why;
static const bool outlives = true;

static inline void setup_hardware(const struct v3_model_config *config)
{
	struct a64_config form;

	machine_init_bus(&machine);
	model = v3_model_new(config, &machine.bus);
	tap_init(&machine.tap, v3_model_mmio(model));
	ck_assert(!smmuv3_probe(v3_model_mmio(model), &form, &why));
	format = a64_new(&machine.bus, &form);
	ck_assert_ptr_nonnull(format);
	smmu = NULL;
	for (unsigned int i = 0; i < 16; i++)
		machine_poke(&machine, RAM_PA + i * SZ_4K, 0xC0DE0000 | i);
}

static inline struct smmuv3_config driver_config(void)
{
	return (struct smmuv3_config){ .name = "smmu0",
				       .base = 0x9050000,
				       .io = &machine.tap.io,
				       .irq = v3_model_irq(model),
				       .bus = &machine.bus,
				       .contexts = contexts,
				       .n_contexts = N_CONTEXTS,
				       .outlives = &outlives,
				       .timeout_us = 2000 };
}

static inline int start_driver(void)
{
	struct smmuv3_config config = driver_config();

	return smmuv3_new(&config, format, &smmu, &why);
}

static inline int map_as(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
			 struct map_attr attr)
{
	int r;

	a64_ops.update_start(t);
	r = a64_ops.map(t, va, pa, len, sizes, attr);
	a64_ops.update_done(t);
	return r;
}

static inline int unmap(struct table *t, uint64_t va, uint64_t len)
{
	int r;

	a64_ops.update_start(t);
	r = a64_ops.unmap(t, va, len);
	a64_ops.update_done(t);
	return r;
}

static inline int protect(struct table *t, uint64_t va, uint64_t len, struct map_attr attr)
{
	int r;

	a64_ops.update_start(t);
	r = a64_ops.protect(t, va, len, attr);
	a64_ops.update_done(t);
	return r;
}

static inline struct table *table_of(unsigned int n_page)
{
	struct table *t = a64_ops.new(format);

	ck_assert_ptr_nonnull(t);
	ck_assert(!map_as(t, VA, RAM_PA + n_page * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	return t;
}

static inline void setup_with(const struct v3_model_config *config)
{
	setup_hardware(config);
	ck_assert_msg(!start_driver(), "%s", why.text);
	one = table_of(1);
	two = table_of(2);
	three = table_of(3);
}

static inline void setup(void)
{
	setup_with(&(struct v3_model_config){ 0 });
}

static inline void teardown(void)
{
	if (smmu)
		smmu->ops->free(smmu);
	a64_ops.free(one);
	a64_ops.free(two);
	a64_ops.free(three);
	one = two = three = NULL;
	v3_model_free(model);
	format = a64_free(format);
	machine_deinit(&machine);
}

static inline int activate(unsigned int context, struct table *t)
{
	return smmu->ops->activate(smmu, context, t, HALF_LOW, 0, &why);
}

static inline int deactivate(unsigned int context)
{
	return smmu->ops->deactivate(smmu, context, HALF_LOW, &why);
}

static inline int replace(unsigned int context, struct table *t)
{
	return smmu->ops->replace(smmu, context, t, HALF_LOW, 0, &why);
}

static inline int get(uint32_t stream, uint64_t va, uint32_t *out)
{
	return v3_model_access(model, stream, 0, va, out, sizeof(*out));
}

/* The page of RAM that a master sees, 0 when it faults. */
static inline unsigned int seen(uint32_t stream, uint64_t va)
{
	uint32_t word;

	if (get(stream, va, &word))
		return 0;
	ck_assert_uint_eq(word & 0xFFFF0000, 0xC0DE0000);
	return word & 0xFFFF;
}

/* Any access, without effect on memory. */
static inline int try(uint32_t stream, unsigned int how, uint64_t va)
{
	uint32_t word = 0xC0DE0001;

	return v3_model_access(model, stream, how, va, &word, sizeof(word));
}

static inline bool next_fault(struct fault *out)
{
	return smmu->ops->fault_next(smmu, out) == 1;
}

static inline void no_fault(void)
{
	struct fault fault;

	ck_assert(!next_fault(&fault));
}
