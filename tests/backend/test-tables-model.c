// SPDX-License-Identifier: BSD-3-Clause
/*
 * Random operations on one table that is active on three contexts, against an array of pages: every answer and every
 * translation must be the array's. The TLB is small and kept busy, so that what is not invalidated shows; table memory
 * fails now and then.
 */
#include <errno.h>
#include <string.h>

#include "backend/smmu/v7s.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define FIRST UINT64_C(0x7F000000) /* both halves of a split at 1 lie inside */
#define N_PAGES 12288              /* 48 MB */
#define N_RAM (RAM_LEN / SZ_4K)
#define N_CONTEXTS 3

struct expected {
	bool mapped, write, user;
	uint64_t pa;
};

static struct machine machine;
static struct table *table;
static struct expected pages[N_PAGES];
static uint64_t seed = 0x9E3779B97F4A7C15;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* --- the world, compared ------------------------------------------------------------------------------------------ */

static void check_page(unsigned int n)
{
	const struct expected *e = &pages[n];
	uint64_t va = FIRST + n * SZ_4K, pa = 0;
	unsigned int context = (unsigned int)rnd(N_CONTEXTS);
	int r = machine.smmu->ops->translate(machine.smmu, context, va, &pa);

	if (!e->mapped || !e->user) {
		ck_assert_int_eq(r, -EFAULT);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(pa, e->pa);
}

/* A transaction, which fills the TLB. RAM pages hold their number. */
static void check_access(unsigned int n)
{
	const struct expected *e = &pages[n];
	unsigned int mid = (unsigned int)rnd(N_CONTEXTS);
	bool write = rnd(4) == 0, privileged = rnd(4) == 0;
	uint64_t va = FIRST + n * SZ_4K;
	uint32_t word = e->mapped ? (uint32_t)((e->pa - RAM_PA) / SZ_4K) : 0;
	bool allowed = e->mapped && (e->user || privileged) && (!write || e->write);
	int r;

	sim_set_signals(machine.sim, mid, privileged ? SIM_PRIVILEGED : 0);
	if (write) {
		r = machine_write(&machine, mid, va, &word, 4);
	} else {
		r = machine_read(&machine, mid, va, &word, 4);
		if (allowed)
			ck_assert_uint_eq(word, (e->pa - RAM_PA) / SZ_4K);
	}
	ck_assert_int_eq(r, allowed ? 0 : -EFAULT);
}

static void check_all(void)
{
	uint64_t pa, size;

	for (unsigned int n = 0; n < N_PAGES; n++) {
		int r = v7s_lookup(table, FIRST + n * SZ_4K, &pa, &size);

		ck_assert_int_eq(r == 0, pages[n].mapped);
		check_page(n);
	}
	ck_assert_uint_eq(v7s_ops.footprint(table) - 16384, (machine.tables_live - 1) * 1024);
}

/* --- operations --------------------------------------------------------------------------------------------------- */

static const uint64_t all_sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };

/* A range of pages: often with the edges of blocks. */
static void pick(unsigned int *out_first, unsigned int *out_n)
{
	uint64_t grain = all_sizes[rnd(4)] / SZ_4K, first = rnd(N_PAGES / grain) * grain;
	uint64_t n = (1 + rnd(rnd(4) ? 3 : 40)) * (rnd(3) ? grain : 1);

	if (rnd(3) == 0)
		first += rnd(grain);
	*out_first = (unsigned int)first;
	*out_n = (unsigned int)(n > N_PAGES - first ? N_PAGES - first : n);
}

static struct map_attr some_attr(void)
{
	return (struct map_attr){
		.read = true, .write = rnd(2), .user = rnd(4), .cache = (uint8_t)rnd(10)
	};
}

static bool any_mapped(unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		if (pages[i].mapped)
			return true;
	}
	return false;
}

static void do_map(void)
{
	uint64_t sizes = 0, smallest, pa, va, len;
	struct map_attr attr = some_attr();
	unsigned int first, n;
	int r, want;

	pick(&first, &n);
	while (!sizes) {
		for (unsigned int i = 0; i < 4; i++)
			sizes |= rnd(3) ? all_sizes[i] : 0;
	}
	smallest = sizes & -sizes;
	va = FIRST + first * SZ_4K;
	len = n * SZ_4K;
	if (len > RAM_LEN)
		return;
	/* As the address, modulo some block; RAM is aligned to 16 MB. */
	pa = RAM_PA + rnd((RAM_LEN - len) / SZ_4K + 1) * SZ_4K;
	pa = (pa & ~(SZ_16M - 1)) | (va & (SZ_16M - 1) & (rnd(2) ? ~UINT64_C(0) : SZ_1M - 1));
	if (pa + len > RAM_PA + RAM_LEN)
		return;
	want = ((va | pa | len) & (smallest - 1)) ? -EINVAL : any_mapped(first, n) ? -EEXIST : 0;
	r = v7s_ops.map(table, va, pa, len, sizes, attr);
	if (r == -ENOMEM && want == 0)
		return;
	ck_assert_int_eq(r, want);
	for (unsigned int i = 0; !r && i < n; i++)
		pages[first + i] = (struct expected){ true, attr.write, attr.user, pa + i * SZ_4K };
}

static void do_unmap(void)
{
	unsigned int first, n;
	int r;

	pick(&first, &n);
	r = v7s_ops.unmap(table, FIRST + first * SZ_4K, n * SZ_4K);
	ck_assert(r == 0 || r == -ENOMEM);
	if (!r)
		memset(pages + first, 0, n * sizeof(pages[0]));
}

static void do_protect(void)
{
	struct map_attr attr = some_attr();
	unsigned int first, n;
	int r;

	pick(&first, &n);
	r = v7s_ops.protect(table, FIRST + first * SZ_4K, n * SZ_4K, attr);
	ck_assert(r == 0 || r == -ENOMEM);
	for (unsigned int i = first; !r && i < first + n; i++) {
		pages[i].write = attr.write;
		pages[i].user = attr.user;
	}
}

static void step(void)
{
	v7s_ops.update_start(table);
	/* Seldom more than a few in one update. */
	do {
		machine.table_fails_at = rnd(8) ? 0 : 1 + rnd(3);
		switch (rnd(4)) {
		case 0:
		case 1:
			do_map();
			break;
		case 2:
			do_unmap();
			break;
		default:
			do_protect();
		}
		machine.table_fails_at = 0;
	} while (rnd(3) == 0);
	v7s_ops.update_done(table);
	for (unsigned int i = 0; i < 8; i++)
		check_access((unsigned int)rnd(N_PAGES));
	for (unsigned int i = 0; i < 8; i++)
		check_page((unsigned int)rnd(N_PAGES));
}

static void terminate_instead_of_stalling(void)
{
	for (unsigned int bank = 0; bank < N_CONTEXTS; bank++)
		mmio_write32(sim_mmio(machine.sim), bank << 12 | 0x004, 0x33002);
}

static void run(unsigned int entries, unsigned int ways, unsigned int n_steps)
{
	machine_init(&machine, entries, ways);
	memset(pages, 0, sizeof(pages));
	for (uint32_t i = 0; i < N_RAM; i++)
		machine_poke(&machine, RAM_PA + i * SZ_4K, i);
	table = v7s_ops.new(machine.format);
	/* The first two share an ASID; the third has the table in both halves. */
	ck_assert(!machine.smmu->ops->activate(machine.smmu, 0, table, HALF_LOW, 0, NULL));
	ck_assert(!machine.smmu->ops->activate(machine.smmu, 1, table, HALF_LOW, 0, NULL));
	ck_assert(!machine.smmu->ops->activate(machine.smmu, 2, table, HALF_LOW, 1, NULL));
	ck_assert(!machine.smmu->ops->activate(machine.smmu, 2, table, HALF_HIGH, 1, NULL));
	terminate_instead_of_stalling();
	for (unsigned int i = 0; i < n_steps; i++) {
		step();
		if (i % 2000 == 0)
			check_all();
	}
	check_all();
	ck_assert(!machine_unmap(table, FIRST, N_PAGES * SZ_4K));
	memset(pages, 0, sizeof(pages));
	check_all();
	ck_assert_uint_eq(machine.tables_live, 1);
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!machine.smmu->ops->deactivate(machine.smmu, i, HALF_LOW, NULL));
	ck_assert(!machine.smmu->ops->deactivate(machine.smmu, 2, HALF_HIGH, NULL));
	v7s_ops.free(table);
	machine_deinit(&machine);
}

static unsigned int steps(void)
{
	return suite_scaled(50000, 5, 50);
}

START_TEST(random_changes_are_translated_as_an_array_of_pages_says)
{
	run(64, 64, steps());
}
END_TEST

START_TEST(random_changes_hold_with_a_small_set_associative_tlb)
{
	seed = 0xD1B54A32D192ED03;
	run(16, 2, steps());
}
END_TEST

SUITE_MAIN("tables-model", random_changes_are_translated_as_an_array_of_pages_says,
	   random_changes_hold_with_a_small_set_associative_tlb)
