// SPDX-License-Identifier: BSD-3-Clause
/* The model's registers, walker and permissions, as a driver that is written from the manual finds them. */
#include "backend/sim/sim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "base/range.h"
#include "tests/backend/bare.h"
#include "tests/suite.h"

/* --- registers ---------------------------------------------------------------------------------------------------- */

START_TEST(model_refuses_a_configuration_out_of_bounds)
{
	static const struct sim_config rows[] = {
		{ 0, 1, 1, 1 },  { 256, 1, 1, 1 }, { 1, 0, 1, 1 },    { 1, 129, 1, 1 },
		{ 1, 1, 0, 1 },  { 1, 1, 12, 4 },  { 1, 1, 8192, 1 }, { 1, 1, 16, 0 },
		{ 1, 1, 16, 3 }, { 1, 1, 16, 32 },
	};
	struct sim_config largest = { 255, 128, 4096, 4 }, least = { 1, 1, 1, 1 };
	struct sim *sim;

	machine_init_bus(&machine);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_ptr_null(sim_new(&rows[i], &machine.bus));
	sim = sim_new(&largest, &machine.bus);
	ck_assert_ptr_nonnull(sim);
	ck_assert_ptr_null(sim_free(sim));
	sim = sim_new(&least, &machine.bus);
	ck_assert_ptr_nonnull(sim);
	sim_free(sim);
	ck_assert_ptr_null(sim_free(NULL));
	machine_deinit(&machine);
}
END_TEST

START_TEST(model_without_memory_is_null)
{
	struct sim_config config = { 4, 4, 16, 16 };
	struct sim *sim = NULL;

	machine_init_bus(&machine);
	for (size_t n = 1; !sim; n++) {
		mem_fail_nth(n);
		sim = sim_new(&config, &machine.bus);
		ck_assert_int_eq(mem_fail_fired(), !sim);
	}
	sim_free(sim);
	machine_deinit(&machine);
}
END_TEST

START_TEST(reserved_registers_read_as_zero_and_ignore_writes)
{
	static const uint32_t offsets[] = { 0x00C,   0x054,   0x7FC,    0x824,   0xFFC,
					    0x04000, 0xFE000, 0xFF020,  0xFF810, 0xFFE04,
					    0xFFF08, 0xFFF94, 0x100000, 0x001,   0xFFFFFFFC };

	bare_setup();
	for (unsigned int i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		wr(offsets[i], 0xFFFFFFFF);
		ck_assert_uint_eq(rd(offsets[i]), 0);
	}
	/* Read only: PAR's neighbours V2PSR and the TLB pointers, and IDR. */
	wb(0, 0x040, 0xFFFFFFFF);
	ck_assert_uint_eq(rb(0, 0x040), 0);
	wr(0xFFFF8, 0);
	ck_assert_uint_ne(rd(0xFFFF8), 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(identification_says_banks_masters_and_tlb_size)
{
	bare_setup();
	ck_assert_uint_eq(rd(0xFFFF8) >> 16 & 0xFF, 3); /* NCB + 1 = 4 */
	ck_assert_uint_eq(rd(0xFFFF8) & 0x1FF, 8);      /* NM2VCBMT */
	ck_assert_uint_eq(rd(0xFFFF8) >> 12 & 0xF, 4);  /* 2^4 entries */
	ck_assert_uint_eq(rd(0xFFFF8) >> 9 & 1, 1);     /* a table walker */
	ck_assert_uint_eq(rd(0xFFFF4), 0x10);
	machine_deinit(&machine);
}
END_TEST

START_TEST(registers_keep_the_bits_they_have)
{
	bare_setup();
	wb(1, 0x018, 0xFFFFFFFF);
	ck_assert_uint_eq(rb(1, 0x018), 0x37); /* N, PD0, PD1 */
	wb(1, 0x010, 0xFFFFFFFF);
	ck_assert_uint_eq(rb(1, 0x010), 0xFFFFFFFF);
	wb(1, 0x000, 0xFFFFFFFF);
	ck_assert_uint_eq(rb(1, 0x000), 0x3F);
	ck_assert_uint_eq(rb(0, 0x010), 0);
	wr(0xFF000 + 4 * 7, 0xFFFFFFFF);
	ck_assert_uint_eq(rd(0xFF000 + 4 * 7), 0x0FFFFF1F);
	wr(0xFF800 + 4 * 3, 0xFFFFFFFF);
	ck_assert_uint_eq(rd(0xFF800 + 4 * 3), 0xFF1F031F);
	wr(0xFFF80, 0xFFFFFFFF);
	ck_assert_uint_eq(rd(0xFFF80), 0x3FF);
	machine_deinit(&machine);
}
END_TEST

/* --- ways through ------------------------------------------------------------------------------------------------- */

START_TEST(traffic_passes_untranslated_where_the_registers_say_so)
{
	bare_setup();
	/* After reset nothing is enabled. */
	ck_assert(reaches(0, RAM_PA + 0x100, RAM_PA + 0x100));
	bare_bank(0, TERMINATES);
	ck_assert(!reaches(0, RAM_PA + 0x100, RAM_PA + 0x100));
	wr(0xFFF80, 1 << 4); /* CLIENTPD */
	ck_assert(reaches(0, RAM_PA + 0x100, RAM_PA + 0x100));
	wr(0xFFF80, 0);
	wr(0xFF000, 1 << 16); /* BYPASSD */
	ck_assert(reaches(0, RAM_PA + 0x100, RAM_PA + 0x100));
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_stream_to_no_bank_is_a_configuration_fault)
{
	uint32_t word;

	bare_setup();
	wr(0xFF000 + 4 * 2, 9 << 8);
	ck_assert_int_eq(get(2, 0x1234, &word), -EFAULT);
	ck_assert_uint_eq(rd(0xFFF88), 1); /* ESR.CFG */
	ck_assert_uint_eq(rd(0xFFF84), 0x1234);
	ck_assert_uint_eq(rd(0xFFF90), 2);
	ck_assert_int_eq(get(2, 0x1234, &word), -EFAULT);
	ck_assert_uint_eq(rd(0xFFF88), 0x80000001);
	wr(0xFFF88, 0x80000001);
	ck_assert_uint_eq(rd(0xFFF88), 0);
	ck_assert_int_eq(get(99, 0, &word), -ENODEV);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_transaction_is_split_at_pages_and_what_went_before_a_fault_has_happened)
{
	uint8_t buf[3 * 4096], seen[8];

	bare_setup();
	bare_bank(0, TERMINATES);
	l1_poke(LOW, 0x100000, (uint32_t)SECOND(0) | 1);
	l2_poke(SECOND(0), 0x100000, (uint32_t)(RAM_PA + 0x5000) | SMALL_RW);
	l2_poke(SECOND(0), 0x101000, (uint32_t)(RAM_PA + 0x2000) | SMALL_RW);
	memset(buf, 0x5A, sizeof(buf));
	ck_assert_int_eq(machine_write(&machine, 0, 0x100FFC, buf, 8), 0);
	memcpy(seen, machine.ram + 0x5FFC, 4);
	memcpy(seen + 4, machine.ram + 0x2000, 4);
	ck_assert_int_eq(memcmp(seen, buf, 8), 0);
	/* Into the hole behind the second page. */
	memset(buf, 0x33, sizeof(buf));
	ck_assert_int_eq(machine_write(&machine, 0, 0x100000, buf, sizeof(buf)), -EFAULT);
	ck_assert_uint_eq(machine.ram[0x2FFF], 0x33);
	ck_assert_uint_eq(rb(0, 0x028), 0x102000);
	machine_deinit(&machine);
}
END_TEST

START_TEST(addresses_end_at_4_gb_and_memory_where_there_is_none)
{
	uint32_t word;

	bare_setup();
	ck_assert_int_eq(get(0, UINT64_C(0x100000000), &word), -EFAULT);
	ck_assert_int_eq(get(0, UINT64_C(0xFFFFFFFE), &word), -EFAULT);
	ck_assert_int_eq(get(0, UINT64_MAX, &word), -EFAULT);
	ck_assert_int_eq(get(0, 0x2000, &word), -EFAULT);
	ck_assert_int_eq(machine_read(&machine, 0, 0x2000, &word, 0), 0);
	ck_assert_uint_eq(counters().faults, 0); /* the bus, not the SMMU, said no */
	machine_deinit(&machine);
}
END_TEST

/* --- the walk ----------------------------------------------------------------------------------------------------- */

START_TEST(walker_decodes_each_kind_of_descriptor)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	l1_poke(LOW, 0x00100000, (uint32_t)SECOND(0) | 1);
	l2_poke(SECOND(0), 0x00103000, (uint32_t)(RAM_PA + 0x7000) | SMALL_RW);
	for (unsigned int i = 0; i < 16; i++)
		l2_poke(SECOND(0), 0x00110000 + i * 0x1000,
			(uint32_t)(RAM_PA + 0x20000) | LARGE_RW);
	l1_poke(LOW, 0x00200000, (uint32_t)(RAM_PA + 0x100000) | SECTION_RW);
	for (unsigned int i = 0; i < 16; i++)
		l1_poke(LOW, 0x01000000 + i * 0x100000, (uint32_t)(RAM_PA + 0x1000000) | SUPER_RW);
	ck_assert(reaches(0, 0x00103F0C, RAM_PA + 0x7F0C));
	ck_assert(reaches(0, 0x0011FF0C, RAM_PA + 0x2FF0C));
	ck_assert(reaches(0, 0x002EEF0C, RAM_PA + 0x1EEF0C));
	ck_assert(reaches(0, 0x01CBAF0C, RAM_PA + 0x1CBAF0C));
	ck_assert(!reaches(0, 0x00104000, RAM_PA + 0x8000));
	ck_assert(!reaches(0, 0x00300000, RAM_PA));
	l1_poke(LOW, 0x00300000, 3); /* reserved */
	ck_assert(!reaches(0, 0x00300000, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_fault_says_its_level_address_and_master)
{
	uint32_t word;

	bare_setup();
	bare_bank(2, TERMINATES);
	l1_poke(LOW, 0x100000, (uint32_t)SECOND(0) | 1);
	ck_assert_int_eq(get(2, 0x00200004, &word), -EFAULT);
	ck_assert_uint_eq(rb(2, 0x020), 1 << 1); /* TF */
	ck_assert_uint_eq(rb(2, 0x028), 0x00200004);
	ck_assert_uint_eq(rb(2, 0x02C), 2);
	ck_assert_uint_eq(rb(2, 0x030) >> 8 & 1, 0);
	wb(2, 0x020, 1 << 1);
	ck_assert_uint_eq(rb(2, 0x020), 0);
	ck_assert_int_eq(put(2, 0x00100008, 1), -EFAULT);
	ck_assert_uint_eq(rb(2, 0x020), 1 << 16 | 1 << 1); /* SL | TF */
	ck_assert_uint_eq(rb(2, 0x028), 0x00100008);
	ck_assert_uint_eq(rb(2, 0x030) >> 8 & 1, 1); /* AWRITE */
	/* 4 bytes: ALEN 3, ASIZE 0. */
	ck_assert_uint_eq(rb(2, 0x030) >> 12 & 0xF, 3);
	ck_assert_uint_eq(rb(2, 0x030) >> 16 & 7, 0);
	/* A second one before the first is cleared. */
	ck_assert_int_eq(get(2, 0x00300000, &word), -EFAULT);
	ck_assert_uint_eq(rb(2, 0x020), 1U << 31 | 1 << 16 | 1 << 1);
	ck_assert_uint_eq(rb(2, 0x028), 0x00100008);
	ck_assert_uint_eq(counters().faults, 3);
	machine_deinit(&machine);
}
END_TEST

START_TEST(ttbcr_n_sends_addresses_to_the_low_or_the_high_table)
{
	for (uint32_t n = 1; n <= 7; n++) {
		uint64_t first_high = UINT64_C(1) << (32 - n);

		bare_setup();
		bare_bank(0, TERMINATES);
		wb(0, 0x014, (uint32_t)HIGH);
		wb(0, 0x018, n);
		l1_poke(LOW, first_high - SZ_1M, (uint32_t)RAM_PA | SECTION_RW);
		l1_poke(HIGH, first_high, (uint32_t)(RAM_PA + SZ_1M) | SECTION_RW);
		l1_poke(HIGH, UINT64_C(0xFFF00000), (uint32_t)(RAM_PA + 2 * SZ_1M) | SECTION_RW);
		ck_assert(reaches(0, first_high - SZ_1M, RAM_PA));
		ck_assert(reaches(0, first_high, RAM_PA + SZ_1M));
		ck_assert(reaches(0, 0xFFF00000, RAM_PA + 2 * SZ_1M));
		/* Either half can be closed. */
		wr(0xFFF00, 0);
		wb(0, 0x018, n | 1 << 5);
		ck_assert(reaches(0, first_high - SZ_1M, RAM_PA));
		ck_assert(!reaches(0, first_high, RAM_PA + SZ_1M));
		wr(0xFFF00, 0);
		wb(0, 0x018, n | 1 << 4);
		ck_assert(!reaches(0, first_high - SZ_1M, RAM_PA));
		ck_assert(reaches(0, first_high, RAM_PA + SZ_1M));
		machine_deinit(&machine);
	}
}
END_TEST

START_TEST(a_low_table_is_as_small_as_n_makes_it)
{
	/* With N = 4 the low table is 1 KB, aligned to 1 KB. */
	uint64_t table = TABLES_PA + 0x400;

	bare_setup();
	bare_bank(0, TERMINATES);
	wb(0, 0x010, (uint32_t)table);
	wb(0, 0x018, 4);
	machine_poke(&machine, table + 255 * 4, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0x0FF00000, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(with_n_zero_every_address_is_low)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	wb(0, 0x014, (uint32_t)HIGH);
	wb(0, 0x018, 1 << 5);
	l1_poke(LOW, 0xFFF00000, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0xFFF00000, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(big_endian_tables_are_read_when_be_is_set)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	wb(0, 0x000, 1 | 1 << 4);
	l1_poke(LOW, 0x00100000, __builtin_bswap32((uint32_t)RAM_PA | SECTION_RW));
	ck_assert(reaches(0, 0x00100000, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_table_that_is_no_memory_is_an_external_abort)
{
	uint32_t word;

	bare_setup();
	bare_bank(0, TERMINATES);
	wb(0, 0x010, 0xD0000000);
	ck_assert_int_eq(get(0, 0, &word), -EFAULT);
	ck_assert_uint_eq(rb(0, 0x020), 1 << 5); /* HTWDEEF */
	wb(0, 0x020, 0xFFFFFFFF);
	wb(0, 0x010, (uint32_t)LOW);
	l1_poke(LOW, 0x100000, 0xD0000000 | 1);
	ck_assert_int_eq(get(0, 0x100000, &word), -EFAULT);
	ck_assert_uint_eq(rb(0, 0x020), 1 << 16 | 1 << 5);
	wb(0, 0x020, 0xFFFFFFFF);
	l1_poke(LOW, 0x200000, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert_int_eq(sim_fail_next(machine.sim, SIM_FAIL_WALK, 2), 0);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(get(0, 0x200000, &word), -EFAULT);
		ck_assert_uint_eq(rb(0, 0x020) & 0x7FFFFFFF, 1 << 6); /* HTWSEEF */
	}
	ck_assert(reaches(0, 0x200000, RAM_PA));
	ck_assert_int_eq(sim_fail_next(machine.sim, (enum sim_failure)0, 1), -EINVAL);
	ck_assert_int_eq(sim_fail_next(machine.sim, (enum sim_failure)5, 1), -EINVAL);
	machine_deinit(&machine);
}
END_TEST

/* --- permissions -------------------------------------------------------------------------------------------------- */

/* By AP[2:0]: who may read, who may write. 0 nobody, 1 privileged, 2 everybody. */
static const struct {
	uint8_t read, write;
} by_ap[8] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 2, 2 }, { 0, 0 }, { 1, 0 }, { 2, 0 }, { 2, 0 } };

static uint32_t descriptor(unsigned int level, uint32_t ap, uint32_t xn)
{
	if (level == 1)
		return (uint32_t)RAM_PA | 0x20000 | (ap & 3) << 10 | (ap & 4) << 13 | xn << 4 | 2;
	if (level == 2) /* large */
		return (uint32_t)RAM_PA | 0x800 | (ap & 3) << 4 | (ap & 4) << 7 | xn << 15 | 1;
	return (uint32_t)RAM_PA | 0x800 | (ap & 3) << 4 | (ap & 4) << 7 | xn | 2;
}

START_TEST(permissions_hold_for_every_ap_level_privilege_and_access)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	l1_poke(LOW, 0, (uint32_t)SECOND(0) | 1);
	for (unsigned int i = 0; i < 8 * 3 * 2 * 2 * 2 * 2; i++) {
		uint32_t ap = i & 7, xn = i >> 3 & 1, level = i >> 7;
		bool privileged = i >> 4 & 1, write = i >> 5 & 1, fetch = i >> 6 & 1;
		uint64_t va = level == 1 ? SZ_1M : 0;
		uint8_t who = write ? by_ap[ap].write : by_ap[ap].read;
		bool allowed = who == 2 || (who == 1 && privileged);
		uint32_t word = 0;
		int r;

		if (fetch && xn)
			allowed = false;
		if (level == 1)
			l1_poke(LOW, va, descriptor(level, ap, xn));
		else
			l2_poke(SECOND(0), va, descriptor(level, ap, xn));
		wr(0xFFF00, 0);
		sim_set_signals(machine.sim, 0,
				(privileged ? SIM_PRIVILEGED : 0) | (fetch ? SIM_INSTRUCTION : 0));
		/* Once on a miss, once on a hit. */
		for (unsigned int again = 0; again < 2; again++) {
			r = write ? put(0, va, 1) : get(0, va, &word);
			ck_assert_int_eq(r, allowed ? 0 : -EFAULT);
			if (allowed)
				continue;
			ck_assert_uint_eq(rb(0, 0x020), (level == 1 ? 0 : 1 << 16) | 1 << 3);
			ck_assert_uint_eq(rb(0, 0x030) >> 5 & 1, privileged);
			ck_assert_uint_eq(rb(0, 0x030) >> 7 & 1, fetch);
			ck_assert_uint_eq(rb(0, 0x030) >> 8 & 1, write);
			wb(0, 0x020, 0xFFFFFFFF);
		}
	}
	ck_assert_int_eq(sim_set_signals(machine.sim, 99, 0), -ENODEV);
	machine_deinit(&machine);
}
END_TEST

START_TEST(with_afe_the_lowest_ap_bit_is_the_access_flag)
{
	uint32_t word;

	bare_setup();
	bare_bank(0, TERMINATES);
	wb(0, 0x000, 1 | 1 << 2);
	l1_poke(LOW, 0, ((uint32_t)RAM_PA | SECTION_RW) & ~0x400U);
	ck_assert_int_eq(get(0, 0, &word), -EFAULT);
	ck_assert_uint_eq(rb(0, 0x020), 1 << 2);
	wr(0xFFF00, 0);
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

/* --- V2P ---------------------------------------------------------------------------------------------------------- */

START_TEST(translation_commands_answer_in_par_and_touch_nothing)
{
	bare_setup();
	bare_bank(0, STALLS);
	l1_poke(LOW, 0, (uint32_t)SECOND(0) | 1);
	l2_poke(SECOND(0), 0x3000,
		(uint32_t)(RAM_PA + 0x6000) | (SMALL_RW & ~0x20U) | 0x400); /* AP 001, S */
	for (unsigned int i = 0; i < 16; i++)
		l1_poke(LOW, 0x01000000 + i * 0x100000, (uint32_t)RAM_PA | SUPER_RW);
	sim_reset_counters(machine.sim);
	wb(0, 0x810, 0x3000); /* V2PPR; TEX 101 CB 01 gives MT 1|01 */
	ck_assert_uint_eq(rb(0, 0x01C), (uint32_t)(RAM_PA + 0x6000) | 1 << 7 | 5 << 4);
	wb(0, 0x814, 0x3000);
	ck_assert_uint_eq(rb(0, 0x01C) & 1, 0);
	wb(0, 0x818, 0x3000); /* V2PUR: a permission fault of the second level */
	ck_assert_uint_eq(rb(0, 0x01C), 1 << 16 | 1 << 3 | 1);
	wb(0, 0x81C, 0x01234000); /* V2PUW: 16 MB, SS */
	ck_assert_uint_eq(rb(0, 0x01C), (uint32_t)RAM_PA | 5 << 4 | 1 << 1);
	wb(0, 0x818, 0x5000);
	ck_assert_uint_eq(rb(0, 0x01C), 1 << 16 | 1 << 1 | 1);
	ck_assert_uint_eq(rb(0, 0x020), 0);
	ck_assert_uint_eq(counters().faults, 0);
	ck_assert_uint_eq(counters().tlb_misses, 0);
	ck_assert_uint_eq(rb(0, 0x040), 0);
	sim_fail_next(machine.sim, SIM_FAIL_TRANSLATE, 1);
	wb(0, 0x810, 0x3000);
	ck_assert_uint_eq(rb(0, 0x01C) & 1, 1);
	wb(0, 0x810, 0x3000);
	ck_assert_uint_eq(rb(0, 0x01C) & 1, 0);
	/* What the TLB holds counts, as it does for the master. */
	ck_assert(reaches(0, 0x01000000, RAM_PA));
	wb(0, 0x818, 0x01000000);
	ck_assert_uint_eq(rb(0, 0x040), 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(without_the_walk_on_miss_a_miss_is_a_fault)
{
	uint32_t word;

	bare_setup();
	bare_bank(0, 2);
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert_int_eq(get(0, 0, &word), -EFAULT);
	ck_assert_uint_eq(rb(0, 0x020), 1 << 4); /* TLBMF */
	wb(0, 0x818, 0);
	ck_assert_uint_eq(rb(0, 0x01C), 1 << 4 | 1);
	machine_deinit(&machine);
}
END_TEST

/* --- the interrupt ------------------------------------------------------------------------------------------------ */

static bool irq(void)
{
	struct pollfd p = { .fd = sim_irq_fd(machine.sim), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(interrupt_is_a_level_of_fsr_and_cfeie)
{
	uint32_t word;

	bare_setup();
	bare_bank(0, TERMINATES);
	bare_bank(1, TERMINATES & ~2U);
	ck_assert(!irq());
	ck_assert_int_eq(get(1, 0, &word), -EFAULT);
	ck_assert(!irq());
	wb(1, 0x004, TERMINATES);
	ck_assert(irq());
	ck_assert_int_eq(get(0, 0, &word), -EFAULT);
	wb(1, 0x020, 0xFFFFFFFF);
	ck_assert(irq());
	wb(0, 0x020, 0xFFFFFFFF);
	ck_assert(!irq());
	wb(0, 0x024, 1 << 1); /* FSRRESTORE */
	ck_assert(irq());
	ck_assert_uint_eq(rb(0, 0x020), 1 << 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(broken_hardware_ignores_the_enable_bit_as_often_as_asked)
{
	bare_setup();
	sim_fail_next(machine.sim, SIM_FAIL_ENABLE, 2);
	wb(0, 0x000, 1);
	wb(1, 0x000, 1);
	ck_assert_uint_eq(rb(0, 0x000) | rb(1, 0x000), 0);
	wb(0, 0x000, 1);
	ck_assert_uint_eq(rb(0, 0x000), 1);
	sim_fail_next(machine.sim, SIM_FAIL_DISABLE, 1);
	wb(0, 0x000, 0);
	ck_assert_uint_eq(rb(0, 0x000), 1);
	wb(0, 0x000, 0);
	ck_assert_uint_eq(rb(0, 0x000), 0);
	machine_deinit(&machine);
}
END_TEST

SUITE_MAIN("sim", model_refuses_a_configuration_out_of_bounds, model_without_memory_is_null,
	   reserved_registers_read_as_zero_and_ignore_writes,
	   identification_says_banks_masters_and_tlb_size, registers_keep_the_bits_they_have,
	   traffic_passes_untranslated_where_the_registers_say_so,
	   a_stream_to_no_bank_is_a_configuration_fault,
	   a_transaction_is_split_at_pages_and_what_went_before_a_fault_has_happened,
	   addresses_end_at_4_gb_and_memory_where_there_is_none,
	   walker_decodes_each_kind_of_descriptor, a_fault_says_its_level_address_and_master,
	   ttbcr_n_sends_addresses_to_the_low_or_the_high_table,
	   a_low_table_is_as_small_as_n_makes_it, with_n_zero_every_address_is_low,
	   big_endian_tables_are_read_when_be_is_set,
	   a_table_that_is_no_memory_is_an_external_abort,
	   permissions_hold_for_every_ap_level_privilege_and_access,
	   with_afe_the_lowest_ap_bit_is_the_access_flag,
	   translation_commands_answer_in_par_and_touch_nothing,
	   without_the_walk_on_miss_a_miss_is_a_fault, interrupt_is_a_level_of_fsr_and_cfeie,
	   broken_hardware_ignores_the_enable_bit_as_often_as_asked)
