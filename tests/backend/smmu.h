/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the driver as a backend share: three tables with marked pages, and transactions that may wait. */
#pragma once

#include <errno.h>
#include <string.h>

#include "backend/smmu/smmu.h"
#include "backend/smmu/v7s.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define VA UINT64_C(0x10000000)      /* in the low half of every split up to 3 */
#define HIGH_VA UINT64_C(0xF0000000) /* in the high half of every split */

static struct machine machine;
static struct backend *smmu;
/* VA and HIGH_VA are pages 1 and 2 of RAM in the first, 3 and 4 in the second, 5 and 6 in the third. */
static struct table *one, *two, *three;
static struct reason why;

static inline void mark(unsigned int n_page)
{
	machine_poke(&machine, RAM_PA + n_page * SZ_4K, 0xC0DE0000 | n_page);
}

/* The page of RAM that a master sees, 0 when it faults. */
static inline unsigned int seen(unsigned int mid, uint64_t va)
{
	uint32_t word;

	if (machine_read(&machine, mid, va, &word, sizeof(word)))
		return 0;
	ck_assert_uint_eq(word & 0xFFFF0000, 0xC0DE0000);
	return word & 0xFFFF;
}

static inline struct table *table_of(unsigned int n_page)
{
	struct table *t = v7s_ops.new(machine.format);

	ck_assert_ptr_nonnull(t);
	ck_assert(!machine_map(t, VA, RAM_PA + n_page * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!machine_map(t, HIGH_VA, RAM_PA + (n_page + 1) * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	return t;
}

static inline void setup(void)
{
	machine_init(&machine, 16, 16);
	smmu = machine.smmu;
	for (unsigned int i = 0; i < 16; i++)
		mark(i);
	one = table_of(1);
	two = table_of(3);
	three = table_of(5);
}

static inline void teardown(void)
{
	if (smmu)
		smmu->ops->free(smmu);
	machine.smmu = NULL;
	v7s_ops.free(one);
	v7s_ops.free(two);
	v7s_ops.free(three);
	machine_deinit(&machine);
}

static inline int activate(unsigned int context, struct table *t, enum half half,
			   unsigned int split)
{
	return smmu->ops->activate(smmu, context, t, half, split, &why);
}

static inline int deactivate(unsigned int context, enum half half)
{
	return smmu->ops->deactivate(smmu, context, half, &why);
}

static inline int replace(unsigned int context, struct table *t, enum half half, unsigned int split)
{
	return smmu->ops->replace(smmu, context, t, half, split, &why);
}

/* --- transactions that may wait ----------------------------------------------------------------------------------- */

struct waiting {
	int result;
	unsigned int n_calls;
	uint32_t word;
};

static inline void on_done(void *ctx, int result)
{
	struct waiting *w = ctx;

	w->result = result;
	w->n_calls++;
}

static inline int start(struct waiting *w, unsigned int mid, bool write, uint64_t va)
{
	*w = (struct waiting){ .word = 0xFEED };
	return sim_access(machine.sim, mid, write, va, &w->word, sizeof(w->word), on_done, w);
}
