// SPDX-License-Identifier: BSD-3-Clause
#include "bench/tables.h"

#include <stdlib.h>
#include <time.h>

#include "backend/backend.h"
#include "backend/sim/sim.h"
#include "backend/smmu/v7s.h"
#include "base/range.h"
#include "tests/backend/machine.h"

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

static void back_and_unback(struct table *t, uint64_t block)
{
	v7s_ops.update_start(t);
	v7s_ops.map(t, VA, RAM_PA, SZ_16M, block, MAP_RW);
	v7s_ops.update_done(t);
	v7s_ops.update_start(t);
	v7s_ops.unmap(t, VA, SZ_16M);
	v7s_ops.update_done(t);
}

/* 4K: 4096 words; 64K: the same, as each block is 16 alike; 1M: 16; 16M: 16 alike. */
static void store_and_clear(uint32_t *words, uint64_t block)
{
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

/* --- time --------------------------------------------------------------------------------------------------------- */

struct subject {
	struct table *table;
	uint32_t *words;
	uint64_t block;
};

static double time_of(const struct subject *s, bool driver, unsigned int n)
{
	double start = now_ns();

	for (unsigned int i = 0; i < n; i++) {
		if (driver)
			back_and_unback(s->table, s->block);
		else
			store_and_clear(s->words, s->block);
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
	struct subject s = { .block = block };

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
