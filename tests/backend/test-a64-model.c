// SPDX-License-Identifier: BSD-3-Clause
/*
 * Random operations on one table that is active on three streams of the SMMUv3 model, against an array of pages: every
 * answer and every transaction must be the array's. The model keeps what it is not told to forget, and finds two sizes for
 * one address a conflict; table memory fails now and then. Once with hardware that needs break-before-make, once without.
 */
#include "tests/backend/smmuv3.h"

#define FIRST (VA + UINT64_C(0x3FF00000)) /* a gigabyte begins inside */
#define N_PAGES 2048                      /* 8 MB */
#define N_RAM (RAM_LEN / SZ_4K)

struct expected {
	bool mapped, write, user;
	uint64_t pa;
};

static struct expected pages[N_PAGES];
static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* --- the world, compared ------------------------------------------------------------------------------------------------ */

static void check_page(unsigned int n)
{
	const struct expected *e = &pages[n];
	uint64_t va = FIRST + n * SZ_4K, pa = 0;
	int r = smmu->ops->translate(smmu, (unsigned int)rnd(3), va, &pa);

	ck_assert_int_eq(r, e->mapped && e->user ? 0 : -EFAULT);
	if (!r)
		ck_assert_uint_eq(pa, e->pa);
}

/* A transaction, which fills the caches. RAM pages hold their number. */
static void check_access(unsigned int n)
{
	const struct expected *e = &pages[n];
	uint32_t number = (uint32_t)((e->pa - RAM_PA) / SZ_4K), word = number;
	bool write = rnd(4) == 0, privileged = rnd(4) == 0;
	bool allowed = e->mapped && (e->user || privileged) && (!write || e->write);
	unsigned int how = (write ? V3_WRITE : 0) | (privileged ? V3_PRIVILEGED : 0);
	int r = v3_model_access(model, MASTER(rnd(3)), how, FIRST + n * SZ_4K, &word, 4);

	/* One of the three may stall. */
	if (r == -EINPROGRESS) {
		struct fault f;

		while (next_fault(&f))
			;
		ck_assert(!smmu->ops->fault_resume(smmu, 1, false));
		r = v3_model_result(model, MASTER(1));
	}
	ck_assert_int_eq(r, allowed ? 0 : -EFAULT);
	if (allowed)
		ck_assert_uint_eq(word, number);
}

static void check_all(void)
{
	for (unsigned int n = 0; n < N_PAGES; n++)
		check_page(n);
	for (unsigned int i = 0; i < 40; i++)
		check_access((unsigned int)rnd(N_PAGES));
}

/* --- operations --------------------------------------------------------------------------------------------------------- */

static void span(unsigned int *first, unsigned int *n)
{
	static const unsigned int units[] = { 1, 1, 16, 16, 512 };
	unsigned int unit = units[rnd(5)];

	*first = (unsigned int)rnd(N_PAGES / unit) * unit;
	*n = (unsigned int)(1 + rnd(unit == 512 ? 2 : 5)) * unit;
	if (*n > N_PAGES - *first)
		*n = N_PAGES - *first;
}

static struct map_attr random_attr(void)
{
	return (struct map_attr){ .read = true,
				  .write = rnd(2),
				  .user = rnd(4) != 0,
				  .shareable = rnd(2),
				  .cache = (uint8_t)rnd(10) };
}

static bool any_mapped(unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++) {
		if (pages[i].mapped)
			return true;
	}
	return false;
}

static void do_map(unsigned int first, unsigned int n)
{
	uint64_t page = rnd(2) ? rnd((N_RAM - n) / 256) * 256 : rnd(N_RAM - n);
	uint64_t sizes = rnd(3) ? SZ_4K | SZ_64K | SZ_2M : SZ_4K;
	struct map_attr attr = random_attr();
	bool taken = any_mapped(first, n);
	int r = a64_ops.map(one, FIRST + first * SZ_4K, RAM_PA + page * SZ_4K, n * SZ_4K, sizes,
			    attr);

	ck_assert(taken ? r == -EEXIST : r == 0 || r == -ENOMEM);
	for (unsigned int i = 0; !r && i < n; i++)
		pages[first + i] = (struct expected){ true, attr.write, attr.user,
						      RAM_PA + (page + i) * SZ_4K };
}

static void do_unmap(unsigned int first, unsigned int n)
{
	int r = a64_ops.unmap(one, FIRST + first * SZ_4K, n * SZ_4K);

	ck_assert(r == 0 || r == -ENOMEM);
	for (unsigned int i = 0; !r && i < n; i++)
		pages[first + i].mapped = false;
}

static void do_protect(unsigned int first, unsigned int n)
{
	struct map_attr attr = random_attr();
	int r = a64_ops.protect(one, FIRST + first * SZ_4K, n * SZ_4K, attr);

	ck_assert(r == 0 || r == -ENOMEM);
	for (unsigned int i = 0; !r && i < n; i++) {
		pages[first + i].write = attr.write;
		pages[first + i].user = attr.user;
	}
}

static void do_update(void)
{
	a64_ops.update_start(one);
	for (uint64_t left = 1 + rnd(3); left; left--) {
		unsigned int first, n;

		span(&first, &n);
		if (rnd(8) == 0)
			machine.table_fails_at = 1 + rnd(3);
		if (rnd(5) < 2)
			do_map(first, n);
		else if (rnd(2))
			do_unmap(first, n);
		else
			do_protect(first, n);
		machine.table_fails_at = 0;
	}
	a64_ops.update_done(one);
}

static void run(bool bbm_needed)
{
	struct fault f;

	seed = 0x9E3779B97F4A7C15;
	memset(pages, 0, sizeof(pages));
	setup_with(&(struct v3_model_config){ .bbm_needed = bbm_needed });
	for (uint32_t i = 0; i < N_RAM; i++)
		machine_poke(&machine, RAM_PA + i * SZ_4K, i);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert(!activate(i, one));
	ck_assert(!unmap(one, VA, SZ_4K));
	for (unsigned int i = 0; i < 1500; i++) {
		do_update();
		for (unsigned int j = 0; j < 10; j++)
			check_access((unsigned int)rnd(N_PAGES));
		if (i % 50 == 0)
			check_all();
		while (next_fault(&f))
			ck_assert(f.fsr == 0x10 || f.fsr == 0x13);
	}
	check_all();
	ck_assert(!unmap(one, 0, UINT64_C(1) << 48));
	ck_assert_uint_eq(a64_ops.footprint(one), 4096);
	teardown();
}

START_TEST(random_operations_do_what_an_array_does)
{
	run(false);
}
END_TEST

START_TEST(random_operations_do_what_an_array_does_with_break_before_make)
{
	run(true);
}
END_TEST

SUITE_MAIN("a64-model", random_operations_do_what_an_array_does,
	   random_operations_do_what_an_array_does_with_break_before_make)
