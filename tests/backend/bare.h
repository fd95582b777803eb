/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model without a driver, for the suites that play the driver: registers by literal offset, tables by poking.
 *
 *	LOW, HIGH	two first-level tables of 16 KB, at TABLES_PA and 64 KB above it
 *	SECOND(n)	second-level tables of 1 KB
 */
#pragma once

#include <check.h>

#include "tests/backend/machine.h"

#define LOW TABLES_PA
#define HIGH (TABLES_PA + 0x10000)
#define SECOND(n) (TABLES_PA + 0x20000 + 0x400 * (uint64_t)(n))

/* Read and write for all, TEX 101, CB 01, nG. */
#define SECTION_RW (0x20000U | 5 << 12 | 0xC00 | 4 | 2)
#define SUPER_RW (SECTION_RW | 0x40000U)
#define LARGE_RW (5U << 12 | 0x800 | 0x30 | 4 | 1)
#define SMALL_RW (5U << 6 | 0x800 | 0x30 | 4 | 2)

/* ACTLR: walk on a miss, for masters and for V2P; fault interrupt; and with CFCFG. */
#define TERMINATES 0x33002U
#define STALLS 0x37002U

static struct machine machine;

static inline uint32_t rd(uint32_t offset)
{
	const struct mmio *io = sim_mmio(machine.sim);

	return io->ops->read32(io->ctx, offset);
}

static inline void wr(uint32_t offset, uint32_t value)
{
	const struct mmio *io = sim_mmio(machine.sim);

	io->ops->write32(io->ctx, offset, value);
}

/* A register of a bank. */
static inline uint32_t rb(unsigned int bank, uint32_t reg)
{
	return rd(bank << 12 | reg);
}

static inline void wb(unsigned int bank, uint32_t reg, uint32_t value)
{
	wr(bank << 12 | reg, value);
}

/* Bank b walks LOW with ASID b + 1, and MID b goes to it. */
static inline void bare_bank(unsigned int b, uint32_t actlr)
{
	wb(b, 0x004, actlr);
	wb(b, 0x008, b + 1);
	wb(b, 0x010, (uint32_t)LOW);
	wb(b, 0x000, 1);
	wr(0xFF000 + 4 * b, b << 8);
}

static inline void bare_setup_tlb(unsigned int entries, unsigned int ways)
{
	struct sim_config config = {
		.n_banks = 4, .n_mids = 8, .tlb_entries = entries, .tlb_ways = ways
	};

	machine_init_bus(&machine);
	machine.sim = sim_new(&config, &machine.bus);
	ck_assert_ptr_nonnull(machine.sim);
}

static inline void bare_setup(void)
{
	bare_setup_tlb(16, 16);
}

static inline void l1_poke(uint64_t table, uint64_t va, uint32_t d)
{
	machine_poke(&machine, table + (va >> 20) * 4, d);
}

static inline void l2_poke(uint64_t table, uint64_t va, uint32_t d)
{
	machine_poke(&machine, table + (va >> 12 & 255) * 4, d);
}

/* One word, at once: what the master gets. */
static inline int get(unsigned int mid, uint64_t va, uint32_t *out)
{
	return machine_read(&machine, mid, va, out, sizeof(*out));
}

static inline int put(unsigned int mid, uint64_t va, uint32_t word)
{
	return machine_write(&machine, mid, va, &word, sizeof(word));
}

/* Whether mid reads the word at pa when it goes to va. */
static inline bool reaches(unsigned int mid, uint64_t va, uint64_t pa)
{
	static uint32_t stamp = 0x1000;
	uint32_t word = 0;

	machine_poke(&machine, pa, ++stamp);
	return !get(mid, va, &word) && word == stamp;
}

static inline struct sim_counters counters(void)
{
	struct sim_counters c;

	sim_get_counters(machine.sim, &c);
	return c;
}
