/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of the table format share: one table on a bare bus, and ways to look into it. */
#pragma once

#include <errno.h>
#include <string.h>

#include "backend/smmu/v7s.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define GB UINT64_C(0x40000000)
#define LARGEST (UINT64_C(1) << 32)

static struct machine machine;
static struct table *table;

static inline void setup(void)
{
	machine_init_bus(&machine);
	table = v7s_ops.new(machine.format);
	ck_assert_ptr_nonnull(table);
}

static inline void teardown(void)
{
	v7s_ops.free(table);
	machine_deinit(&machine);
}

static inline uint32_t l1(uint64_t va)
{
	return machine_word(&machine, v7s_ops.root(table) + (va >> 20) * 4);
}

static inline uint32_t l2(uint64_t va)
{
	uint32_t d = l1(va);

	ck_assert_uint_eq(d & 3, 1);
	return machine_word(&machine, (d & 0xFFFFFC00) + (va >> 12 & 255) * 4);
}

static inline int map(uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes)
{
	return machine_map(table, va, pa, len, sizes, MAP_RW);
}

/* What one page is mapped to, with the size of its block; false when it is not. */
static inline bool page(uint64_t va, uint64_t *out_pa, uint64_t *out_size)
{
	uint64_t start;

	if (v7s_lookup(table, va, &start, out_size))
		return false;
	*out_pa = start + (va & (*out_size - 1));
	return true;
}

#define assert_page(va, pa, size)                                                                  \
	do {                                                                                       \
		uint64_t p_, s_;                                                                   \
		ck_assert(page((va), &p_, &s_));                                                   \
		ck_assert_uint_eq(p_, (pa));                                                       \
		ck_assert_uint_eq(s_, (size));                                                     \
	} while (0)

#define assert_hole(va)                                                                            \
	do {                                                                                       \
		uint64_t p_, s_;                                                                   \
		ck_assert(!page((va), &p_, &s_));                                                  \
	} while (0)

/* Blocks of a size in a range. */
static inline unsigned int count_blocks(uint64_t va, uint64_t len, uint64_t size)
{
	unsigned int n = 0;
	uint64_t pa, s;

	for (uint64_t at = va; at < va + len; at += SZ_4K)
		n += page(at, &pa, &s) && s == size && is_aligned(at, size);
	return n;
}
