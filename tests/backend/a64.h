/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the AArch64 format share: one table on a bare bus, and ways to look into it. */
#pragma once

#include <errno.h>
#include <string.h>

#include "backend/smmuv3/a64.h"
#include "base/mem.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define SZ_1G UINT64_C(0x40000000)
#define EVERYTHING (UINT64_C(1) << 48)
#define A64_ALL (SZ_4K | SZ_64K | SZ_2M | SZ_1G)

static struct machine machine;
static struct a64 *format;
static struct table *table;

static inline void setup_with(bool live_split)
{
	struct a64_config config = { .pa_bits = 40, .live_split = live_split };

	machine_init_bus(&machine);
	format = a64_new(&machine.bus, &config);
	ck_assert_ptr_nonnull(format);
	table = a64_ops.new(format);
	ck_assert_ptr_nonnull(table);
}

static inline void setup(void)
{
	setup_with(false);
}

static inline void teardown(void)
{
	a64_ops.free(table);
	format = a64_free(format);
	machine_deinit(&machine);
}

static inline int map_as(uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
			 struct map_attr attr)
{
	int r;

	a64_ops.update_start(table);
	r = a64_ops.map(table, va, pa, len, sizes, attr);
	a64_ops.update_done(table);
	return r;
}

static inline int map(uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes)
{
	return map_as(va, pa, len, sizes, MAP_RW);
}

static inline int unmap(uint64_t va, uint64_t len)
{
	int r;

	a64_ops.update_start(table);
	r = a64_ops.unmap(table, va, len);
	a64_ops.update_done(table);
	return r;
}

static inline int protect(uint64_t va, uint64_t len, struct map_attr attr)
{
	int r;

	a64_ops.update_start(table);
	r = a64_ops.protect(table, va, len, attr);
	a64_ops.update_done(table);
	return r;
}

/* The descriptor in which a walk ends, by literal arithmetic on memory. */
static inline uint64_t walked(uint64_t va, unsigned int *out_level)
{
	uint64_t at = a64_ops.root(table), d;

	for (*out_level = 0;; ++*out_level) {
		at += (va >> (39 - 9 * *out_level) & 511) * 8;
		d = machine_word(&machine, at) | (uint64_t)machine_word(&machine, at + 4) << 32;
		if (*out_level == 3 || (d & 3) != 3)
			return d;
		at = d & UINT64_C(0xFFFFFFFFF000);
	}
}

static inline uint64_t descriptor(uint64_t va)
{
	unsigned int level;

	return walked(va, &level);
}

static inline uint64_t footprint(void)
{
	return a64_ops.footprint(table);
}

#define assert_page(va, pa, size)                                                                  \
	do {                                                                                       \
		uint64_t p_, s_;                                                                   \
		ck_assert(!a64_lookup(table, (va), &p_, &s_, NULL));                               \
		ck_assert_uint_eq(p_ | ((va) & (s_ - 1)), (pa));                                   \
		ck_assert_uint_eq(s_, (size));                                                     \
	} while (0)

#define assert_hole(va) ck_assert_int_eq(a64_lookup(table, (va), NULL, NULL, NULL), -ENOENT)

/* The translations of a range as one number. */
static inline uint64_t picture(uint64_t va, uint64_t len)
{
	uint64_t sum = 0, pa, size, d;

	for (uint64_t at = va; at < va + len; at += SZ_4K) {
		sum = sum * 31 + 7;
		if (!a64_lookup(table, at, &pa, &size, &d))
			sum = ((sum + pa) * 31 + size) * 31 + d;
	}
	return sum;
}
