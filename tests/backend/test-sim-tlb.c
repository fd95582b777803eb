// SPDX-License-Identifier: BSD-3-Clause
/* The model's TLB: that it keeps what is stale, what exactly each invalidation drops, and its geometry. */
#include "base/range.h"
#include "tests/backend/bare.h"
#include "tests/suite.h"

#define VA_SECTION 0x00200000U
#define VA_SMALL 0x00103000U
#define VA_OTHER 0x00104000U

/* The same mappings for two banks (ASID 1 and 2), all in the TLB; then every descriptor is gone from memory. */
static void stale_setup(void)
{
	bare_setup();
	l1_poke(LOW, 0x00100000, (uint32_t)SECOND(0) | 1);
	l2_poke(SECOND(0), VA_SMALL, (uint32_t)(RAM_PA + 0x7000) | SMALL_RW);
	l2_poke(SECOND(0), VA_OTHER, (uint32_t)(RAM_PA + 0x8000) | SMALL_RW);
	l1_poke(LOW, VA_SECTION, (uint32_t)(RAM_PA + 0x100000) | SECTION_RW);
	for (unsigned int b = 0; b < 2; b++) {
		bare_bank(b, TERMINATES);
		ck_assert(reaches(b, VA_SMALL, RAM_PA + 0x7000));
		ck_assert(reaches(b, VA_OTHER, RAM_PA + 0x8000));
		ck_assert(reaches(b, VA_SECTION, RAM_PA + 0x100000));
	}
	l1_poke(LOW, 0x00100000, 0);
	l1_poke(LOW, VA_SECTION, 0);
}

/* Which of the six are still there: bits 0 to 2 bank 0's small, other, section; 3 to 5 bank 1's. */
static unsigned int still(void)
{
	unsigned int set = 0;

	for (unsigned int b = 0; b < 2; b++) {
		set |= (unsigned int)reaches(b, VA_SMALL, RAM_PA + 0x7000) << (3 * b);
		set |= (unsigned int)reaches(b, VA_OTHER, RAM_PA + 0x8000) << (3 * b + 1);
		set |= (unsigned int)reaches(b, VA_SECTION, RAM_PA + 0x100000) << (3 * b + 2);
	}
	return set;
}

START_TEST(what_is_gone_from_memory_stays_in_the_tlb)
{
	stale_setup();
	ck_assert_uint_eq(still(), 077);
	/* A page that was never touched is gone at once. */
	ck_assert(!reaches(0, 0x00105000, RAM_PA + 0x9000));
	machine_deinit(&machine);
}
END_TEST

START_TEST(each_invalidation_drops_exactly_what_it_names)
{
	static const struct {
		uint32_t offset, value;
		unsigned int left;
	} rows[] = {
		{ 0xFFF00, 0, 000 },            /* GLOBAL_TLBIALL */
		{ 0xFFF04, 0, 000 },            /* TLBIVMID */
		{ 0xFFF04, 3, 077 },            /* another VMID */
		{ 0x00800, 0, 070 },            /* CTX_TLBIALL of bank 0 */
		{ 0x01800, 0, 007 },            /* of bank 1 */
		{ 0x00804, 2, 007 },            /* TLBIASID, of any bank */
		{ 0x00804, 9, 077 },            /* nobody's */
		{ 0x00808, VA_SMALL | 1, 076 }, /* TLBIVA */
		{ 0x00808, VA_SMALL | 2, 067 },
		{ 0x00808, (VA_SECTION + 0xFF000) | 1, 073 }, /* any address of the block */
		{ 0x0080C, VA_SMALL, 066 },                   /* TLBIVAA, of any ASID */
		{ 0x0080C, VA_SECTION + 0x1000, 033 },
		{ 0x0080C, 0x00300000, 077 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stale_setup();
		wr(rows[i].offset, rows[i].value);
		ck_assert_uint_eq(still(), rows[i].left);
		ck_assert_uint_eq(counters().invalidations, 1);
		machine_deinit(&machine);
	}
}
END_TEST

START_TEST(vmids_keep_banks_apart_even_with_one_asid)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	bare_bank(1, TERMINATES);
	wb(1, 0x008, 1);
	wr(0xFF800 + 4, 5U << 16); /* CBACR[1].CBVMID */
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0, RAM_PA));
	l1_poke(LOW, 0, 0);
	ck_assert(!reaches(1, 0, RAM_PA));
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(1, 0, RAM_PA));
	l1_poke(LOW, 0, 0);
	wr(0xFFF04, 5);
	ck_assert(!reaches(1, 0, RAM_PA));
	ck_assert(reaches(0, 0, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(banks_with_one_asid_share_entries)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	bare_bank(1, TERMINATES);
	wb(1, 0x008, 1);
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0, RAM_PA));
	l1_poke(LOW, 0, 0);
	ck_assert(reaches(1, 0, RAM_PA));
	ck_assert_uint_eq(counters().tlb_misses, 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_global_entry_serves_every_asid_and_survives_tlbiasid)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	bare_bank(1, TERMINATES);
	l1_poke(LOW, 0, ((uint32_t)RAM_PA | SECTION_RW) & ~0x20000U);
	ck_assert(reaches(0, 0, RAM_PA));
	l1_poke(LOW, 0, 0);
	ck_assert(reaches(1, 0, RAM_PA));
	wb(0, 0x804, 1);
	ck_assert(reaches(1, 0, RAM_PA));
	wb(0, 0x808, 1);
	ck_assert(!reaches(1, 0, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_forbidden_access_leaves_its_entry_behind)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	l1_poke(LOW, 0, ((uint32_t)RAM_PA | SECTION_RW) | 0x8000); /* AP 111 */
	ck_assert_int_ne(put(0, 0, 1), 0);
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert_int_ne(put(0, 0, 1), 0);
	wb(0, 0x808, 1);
	ck_assert_int_eq(put(0, 0, 1), 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_fault_is_not_cached)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	ck_assert(!reaches(0, 0, RAM_PA));
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

START_TEST(two_entries_for_one_address_are_a_multi_hit_fault)
{
	bare_setup();
	bare_bank(0, TERMINATES);
	l1_poke(LOW, 0, (uint32_t)SECOND(0) | 1);
	l2_poke(SECOND(0), 0, (uint32_t)RAM_PA | SMALL_RW);
	ck_assert(reaches(0, 0, RAM_PA));
	/* Without break before make. */
	l1_poke(LOW, 0, (uint32_t)RAM_PA | SECTION_RW);
	ck_assert(reaches(0, 0x1000, RAM_PA + 0x1000));
	ck_assert(!reaches(0, 0, RAM_PA));
	ck_assert_uint_eq(rb(0, 0x020), 1 << 7); /* MHF */
	wb(0, 0x818, 0);
	ck_assert_uint_eq(rb(0, 0x01C), 1 << 7 | 1);
	wb(0, 0x020, 0xFFFFFFFF);
	wb(0, 0x800, 0);
	ck_assert(reaches(0, 0, RAM_PA));
	machine_deinit(&machine);
}
END_TEST

/* --- geometry ----------------------------------------------------------------------------------------------------- */

/* RAM mapped 16 MB at 16 MB in blocks of 2^shift. */
static void map_ram(unsigned int shift)
{
	for (uint64_t at = 0; at < SZ_16M; at += SZ_4K) {
		uint64_t va = SZ_16M + at, block = RAM_PA + (at >> shift << shift);
		uint32_t slot = (uint32_t)(at >> 20);

		if (shift >= 20) {
			l1_poke(LOW, va, (uint32_t)block | (shift == 24 ? SUPER_RW : SECTION_RW));
			continue;
		}
		l1_poke(LOW, va, (uint32_t)SECOND(slot) | 1);
		l2_poke(SECOND(slot), va, (uint32_t)block | (shift == 16 ? LARGE_RW : SMALL_RW));
	}
}

START_TEST(streaming_16_mb_misses_once_a_block_whatever_the_size_of_the_tlb)
{
	static const unsigned int entries[] = { 8, 32, 64 };
	uint8_t *buf = malloc(SZ_16M);

	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int shift = 12; shift <= 24; shift += 4) {
			bare_setup_tlb(entries[i], entries[i]);
			bare_bank(0, TERMINATES);
			map_ram(shift);
			ck_assert(!machine_read(&machine, 0, SZ_16M, buf, SZ_16M));
			ck_assert_uint_eq(counters().tlb_misses, SZ_16M >> shift);
			ck_assert_uint_eq(counters().tlb_hits, 4096 - (SZ_16M >> shift));
			ck_assert_uint_eq(counters().walk_reads,
					  (SZ_16M >> shift) * (shift < 20 ? 2 : 1));
			machine_deinit(&machine);
		}
	}
	free(buf);
}
END_TEST

START_TEST(walking_columns_of_a_picture_shows_the_size_of_the_tlb)
{
	/* 4096 x 4096 bytes, a line of 64 bytes at a time, in 1 MB blocks. */
	static const struct {
		unsigned int entries, misses;
	} rows[] = { { 8, 64 * 16 }, { 32, 16 }, { 64, 16 } };
	uint8_t line[64];

	for (unsigned int i = 0; i < 3; i++) {
		bare_setup_tlb(rows[i].entries, rows[i].entries);
		bare_bank(0, TERMINATES);
		map_ram(20);
		for (uint64_t x = 0; x < 4096; x += 64) {
			for (uint64_t y = 0; y < 4096; y++)
				ck_assert(!machine_read(&machine, 0, SZ_16M + y * 4096 + x, line,
							sizeof(line)));
		}
		ck_assert_uint_eq(counters().tlb_misses, rows[i].misses);
		machine_deinit(&machine);
	}
}
END_TEST

START_TEST(the_least_recently_used_entry_goes_first)
{
	uint32_t word;

	bare_setup_tlb(2, 2);
	bare_bank(0, TERMINATES);
	map_ram(12);
	get(0, SZ_16M, &word);
	get(0, SZ_16M + SZ_4K, &word);
	get(0, SZ_16M, &word);
	get(0, SZ_16M + 2 * SZ_4K, &word); /* evicts the second page */
	sim_reset_counters(machine.sim);
	get(0, SZ_16M, &word);
	ck_assert_uint_eq(counters().tlb_hits, 1);
	get(0, SZ_16M + SZ_4K, &word);
	ck_assert_uint_eq(counters().tlb_misses, 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(pages_of_one_set_compete_and_others_do_not)
{
	uint32_t word;

	bare_setup_tlb(16, 2); /* eight sets */
	bare_bank(0, TERMINATES);
	map_ram(12);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 3; i++)
			get(0, SZ_16M + i * 8 * SZ_4K, &word);
	}
	ck_assert_uint_eq(counters().tlb_misses, 6);
	sim_reset_counters(machine.sim);
	wr(0xFFF00, 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 16; i++)
			get(0, SZ_16M + i * SZ_4K, &word);
	}
	ck_assert_uint_eq(counters().tlb_misses, 16);
	machine_deinit(&machine);
}
END_TEST

START_TEST(the_tlb_can_be_read_entry_by_entry)
{
	uint32_t word;

	bare_setup();
	bare_bank(1, TERMINATES);
	map_ram(12);
	wr(0xFFE00, 0);
	ck_assert_uint_eq(rd(0xFFE88), 0);
	get(1, SZ_16M + 0x5000, &word);
	ck_assert_uint_eq(rd(0xFFE88), SZ_16M + 0x5000 + (1 << 10 | 1 << 8 | 2)); /* NV V ASID */
	ck_assert_uint_eq(rd(0xFFE84), RAM_PA + 0x5000);
	ck_assert_uint_eq(rd(0xFFE80), 5 << 9 | 0xF); /* MT, all may read and write */
	wr(0xFFE00, 255);
	ck_assert_uint_eq(rd(0xFFE88), 0);
	machine_deinit(&machine);
}
END_TEST

SUITE_MAIN("sim-tlb", what_is_gone_from_memory_stays_in_the_tlb,
	   each_invalidation_drops_exactly_what_it_names, vmids_keep_banks_apart_even_with_one_asid,
	   banks_with_one_asid_share_entries,
	   a_global_entry_serves_every_asid_and_survives_tlbiasid,
	   a_forbidden_access_leaves_its_entry_behind, a_fault_is_not_cached,
	   two_entries_for_one_address_are_a_multi_hit_fault,
	   streaming_16_mb_misses_once_a_block_whatever_the_size_of_the_tlb,
	   walking_columns_of_a_picture_shows_the_size_of_the_tlb,
	   the_least_recently_used_entry_goes_first, pages_of_one_set_compete_and_others_do_not,
	   the_tlb_can_be_read_entry_by_entry)
