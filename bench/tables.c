// SPDX-License-Identifier: BSD-3-Clause
#include "bench/tables.h"

#include <stdlib.h>
#include <time.h>

#include "backend/backend.h"
#include "backend/sim/sim.h"
#include "backend/smmu/v7s.h"
#include "backend/smmuv3/a64.h"
#include "backend/smmuv3/smmuv3.h"
#include "base/range.h"
#include "tests/backend/machine.h"
#include "tests/backend/smmuv3-model.h"

#define VA SZ_16M
#define N_ROUNDS 101
#define BATCH_NS 20000 /* a round lasts at least so long: the clock itself takes 26 ns */

static double last_driver, last_stores;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* --- the two that are compared ------------------------------------------------------------------------------------ */

struct subject {
	const struct table_ops *ops;
	struct table *table;
	void (*stores)(void *words, uint64_t block); /* what the table comes to, without a driver */
	void *words;
	uint64_t block;
};

static void back_and_unback(const struct subject *s)
{
	s->ops->update_start(s->table);
	s->ops->map(s->table, VA, RAM_PA, SZ_16M, s->block, MAP_RW);
	s->ops->update_done(s->table);
	s->ops->update_start(s->table);
	s->ops->unmap(s->table, VA, SZ_16M);
	s->ops->update_done(s->table);
}

/* 4K: 4096 words; 64K: the same, as each block is 16 alike; 1M: 16; 16M: 16 alike. */
static void store_v7s(void *at, uint64_t block)
{
	uint32_t *words = at;
	unsigned int n = block >= SZ_1M ? 16 : 4096,
		     group = block == SZ_4K || block == SZ_1M ? 1 : 16;
	uint32_t step = (uint32_t)(block >= SZ_1M ? SZ_1M : SZ_4K), value = (uint32_t)RAM_PA | 2;

	for (unsigned int i = 0; i < n; i += group) {
		for (unsigned int j = 0; j < group; j++)
			words[i + j] = value + i * step;
	}
	__asm__ volatile("" : : "r"(words) : "memory");
	for (unsigned int i = 0; i < n; i++)
		words[i] = 0;
	__asm__ volatile("" : : "r"(words) : "memory");
}

/* 4K and 64K: 4096 doublewords, as a group is 16 of them; 2M: 8. */
static void store_a64(void *at, uint64_t block)
{
	uint64_t *words = at, value = RAM_PA | 3;
	unsigned int n = block == SZ_2M ? 8 : 4096;

	for (unsigned int i = 0; i < n; i++)
		words[i] = value + i * (SZ_16M / n);
	__asm__ volatile("" : : "r"(words) : "memory");
	for (unsigned int i = 0; i < n; i++)
		words[i] = 0;
	__asm__ volatile("" : : "r"(words) : "memory");
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static double time_of(const struct subject *s, bool driver, unsigned int n)
{
	double start = now_ns();

	for (unsigned int i = 0; i < n; i++) {
		if (driver)
			back_and_unback(s);
		else
			s->stores(s->words, s->block);
	}
	return (now_ns() - start) / n;
}

static unsigned int batch_of(const struct subject *s, bool driver)
{
	unsigned int n = 1;

	while (time_of(s, driver, n) * n < BATCH_NS)
		n *= 2;
	return n;
}

/* Rounds of both alternate, so that what disturbs the one disturbs the other. */
static void measure(const struct subject *s)
{
	unsigned int n_driver = batch_of(s, true), n_stores = batch_of(s, false);
	double driver[N_ROUNDS], stores[N_ROUNDS];

	for (unsigned int i = 0; i < N_ROUNDS; i++) {
		driver[i] = time_of(s, true, n_driver);
		stores[i] = time_of(s, false, n_stores);
	}
	qsort(driver, N_ROUNDS, sizeof(driver[0]), by_value);
	qsort(stores, N_ROUNDS, sizeof(stores[0]), by_value);
	last_driver = driver[N_ROUNDS / 2];
	last_stores = stores[N_ROUNDS / 2];
}

double bench_map16m_ratio(uint64_t block)
{
	struct machine m;
	struct subject s = { .ops = &v7s_ops, .stores = store_v7s, .block = block };

	machine_init(&m, 64, 64);
	s.table = v7s_ops.new(m.format);
	s.words = aligned_alloc(4096, 4096 * sizeof(uint32_t));
	last_driver = last_stores = 0;
	if (s.table && s.words && !m.smmu->ops->activate(m.smmu, 0, s.table, HALF_LOW, 0, NULL)) {
		measure(&s);
		m.smmu->ops->deactivate(m.smmu, 0, HALF_LOW, NULL);
	}
	free(s.words);
	v7s_ops.free(s.table);
	machine_deinit(&m);
	return last_stores > 0 ? last_driver / last_stores : 0;
}

/* The driver, on a model whose queues work as the hardware's do. */
static struct backend *start_smmuv3(struct machine *m, struct v3_model *model, struct a64 *format)
{
	const struct smmuv3_context_config context = { .name = "ctx0", .stream = 8 };
	const struct smmuv3_config config = { .name = "smmu0",
					      .io = v3_model_mmio(model),
					      .irq = v3_model_irq(model),
					      .bus = &m->bus,
					      .contexts = &context,
					      .n_contexts = 1 };
	struct backend *b = NULL;

	return smmuv3_new(&config, format, &b, NULL) ? NULL : b;
}

double bench_smmuv3_map16m_ratio(uint64_t block)
{
	const struct a64_config form = { .pa_bits = 48, .live_split = true };
	const struct v3_model_config hardware = { 0 };
	struct subject s = { .ops = &a64_ops, .stores = store_a64, .block = block };
	struct v3_model *model;
	struct backend *smmu;
	struct machine m;
	struct a64 *format;

	machine_init_bus(&m);
	model = v3_model_new(&hardware, &m.bus);
	format = a64_new(&m.bus, &form);
	smmu = format ? start_smmuv3(&m, model, format) : NULL;
	s.table = smmu ? a64_ops.new(format) : NULL;
	s.words = aligned_alloc(4096, 4096 * sizeof(uint64_t));
	last_driver = last_stores = 0;
	if (s.table && s.words && !smmu->ops->activate(smmu, 0, s.table, HALF_LOW, 0, NULL)) {
		measure(&s);
		smmu->ops->deactivate(smmu, 0, HALF_LOW, NULL);
	}
	free(s.words);
	a64_ops.free(s.table);
	if (smmu)
		smmu->ops->free(smmu);
	a64_free(format);
	v3_model_free(model);
	machine_deinit(&m);
	return last_stores > 0 ? last_driver / last_stores : 0;
}

double bench_map16m_ns(void)
{
	return last_driver;
}

double bench_map16m_stores_ns(void)
{
	return last_stores;
}

uint64_t bench_tlb_misses(unsigned int entries, uint64_t block)
{
	struct sim_counters c = { 0 };
	struct machine m;
	struct table *t;
	void *buf = malloc(SZ_16M);

	machine_init(&m, entries, entries);
	t = v7s_ops.new(m.format);
	if (buf && t && !m.smmu->ops->activate(m.smmu, 0, t, HALF_LOW, 0, NULL)) {
		machine_map(t, VA, RAM_PA, SZ_16M, block, MAP_RW);
		sim_reset_counters(m.sim);
		machine_read(&m, 0, VA, buf, SZ_16M);
		sim_get_counters(m.sim, &c);
		m.smmu->ops->deactivate(m.smmu, 0, HALF_LOW, NULL);
	}
	v7s_ops.free(t);
	machine_deinit(&m);
	free(buf);
	return c.tlb_misses;
}
