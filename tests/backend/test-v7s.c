// SPDX-License-Identifier: BSD-3-Clause
/* The table format against the architecture's bits, as literal numbers. */
#include "tests/backend/table.h"

/* --- bits --------------------------------------------------------------------------------------------------------- */

START_TEST(descriptors_of_each_size_have_the_bits_of_the_architecture)
{
	struct map_attr a = {
		.read = true, .write = true, .user = true, .shareable = true, .cache = 1
	};

	setup();
	ck_assert(!machine_map(table, 0x00001000, 0x81234000, SZ_4K, SZ_4K, a));
	ck_assert(!machine_map(table, 0x00010000, 0x81230000, SZ_64K, SZ_64K, a));
	ck_assert(!machine_map(table, 0x00100000, 0x81200000, SZ_1M, SZ_1M, a));
	ck_assert(!machine_map(table, 0x01000000, 0x82000000, SZ_16M, SZ_16M, a));
	/* TEX 101, CB 01, AP 011, S, nG, XN. */
	ck_assert_uint_eq(l2(0x00001000), 0x81234000 | 0x800 | 0x400 | 5 << 6 | 0x30 | 4 | 3);
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_uint_eq(l2(0x00010000 + i * SZ_4K),
				  0x81230000 | 0x8000 | 5 << 12 | 0x800 | 0x400 | 0x30 | 4 | 1);
	ck_assert_uint_eq(l1(0x00100000),
			  0x81200000 | 0x20000 | 0x10000 | 5 << 12 | 0xC00 | 0x10 | 4 | 2);
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_uint_eq(l1(0x01000000 + i * SZ_1M), 0x82000000 | 0x40000 | 0x20000 |
								      0x10000 | 5 << 12 | 0xC00 |
								      0x10 | 4 | 2);
	teardown();
}
END_TEST

START_TEST(ten_cache_policies_are_encoded_as_outer_and_inner)
{
	/* TEX (1 and outer), CB (inner). 00 not cached, 01 WB-WA, 10 WT, 11 WB-no-WA. By VCM_CACHE_POLICY. */
	static const struct {
		uint32_t tex, cb;
	} want[10] = { { 4, 0 }, { 5, 1 }, { 7, 3 }, { 6, 2 }, { 4, 1 },
		       { 4, 2 }, { 4, 3 }, { 5, 0 }, { 6, 0 }, { 7, 0 } };
	struct map_attr a = MAP_RW;

	setup();
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t va = i * SZ_16M;

		a.cache = (uint8_t)i;
		ck_assert(!machine_map(table, va, 0, SZ_4K, SZ_4K, a));
		ck_assert(!machine_map(table, va + SZ_64K, 0, SZ_64K, SZ_64K, a));
		ck_assert(!machine_map(table, va + SZ_1M, 0, SZ_1M, SZ_1M, a));
		ck_assert_uint_eq(l2(va) >> 6 & 7, want[i].tex);
		ck_assert_uint_eq(l2(va) >> 2 & 3, want[i].cb);
		ck_assert_uint_eq(l2(va + SZ_64K) >> 12 & 7, want[i].tex);
		ck_assert_uint_eq(l2(va + SZ_64K) >> 2 & 3, want[i].cb);
		ck_assert_uint_eq(l1(va + SZ_1M) >> 12 & 7, want[i].tex);
		ck_assert_uint_eq(l1(va + SZ_1M) >> 2 & 3, want[i].cb);
	}
	for (unsigned int i = 10; i < 16; i++) {
		a.cache = (uint8_t)i;
		ck_assert_int_eq(machine_map(table, GB, 0, SZ_4K, SZ_4K, a), -EINVAL);
	}
	teardown();
}
END_TEST

START_TEST(permissions_are_encoded_as_ap_and_xn_at_every_level)
{
	static const struct {
		bool read, write, execute, user;
		uint32_t ap, xn;
	} rows[] = {
		{ 1, 1, 0, 1, 3, 1 }, { 1, 0, 0, 1, 7, 1 }, { 1, 1, 0, 0, 1, 1 },
		{ 1, 0, 0, 0, 5, 1 }, { 1, 1, 1, 1, 3, 0 }, { 1, 0, 1, 0, 5, 0 },
		{ 0, 1, 0, 1, 3, 1 }, { 0, 0, 1, 1, 7, 0 }, { 0, 0, 0, 1, 0, 1 },
		{ 0, 0, 0, 0, 0, 1 },
	};

	setup();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t va = i * SZ_16M;
		struct map_attr a = { .read = rows[i].read,
				      .write = rows[i].write,
				      .execute = rows[i].execute,
				      .user = rows[i].user };
		uint32_t d;

		ck_assert(!machine_map(table, va, 0, SZ_4K, SZ_4K, a));
		d = l2(va);
		ck_assert_uint_eq((d >> 4 & 3) | (d >> 7 & 4), rows[i].ap);
		ck_assert_uint_eq(d & 1, rows[i].xn);
		ck_assert(!machine_map(table, va + SZ_64K, 0, SZ_64K, SZ_64K, a));
		d = l2(va + SZ_64K);
		ck_assert_uint_eq((d >> 4 & 3) | (d >> 7 & 4), rows[i].ap);
		ck_assert_uint_eq(d >> 15 & 1, rows[i].xn);
		ck_assert(!machine_map(table, va + SZ_1M, 0, SZ_1M, SZ_1M, a));
		d = l1(va + SZ_1M);
		ck_assert_uint_eq((d >> 10 & 3) | (d >> 13 & 4), rows[i].ap);
		ck_assert_uint_eq(d >> 4 & 1, rows[i].xn);
	}
	teardown();
}
END_TEST

START_TEST(entries_are_never_global_and_shareable_only_when_asked)
{
	struct map_attr a = MAP_RW;

	setup();
	ck_assert(!machine_map(table, 0, 0, SZ_4K, SZ_4K, a));
	ck_assert_uint_eq(l2(0) & 0xC00, 0x800);
	a.shareable = true;
	ck_assert(!machine_map(table, SZ_4K, 0, SZ_4K, SZ_4K, a));
	ck_assert_uint_eq(l2(SZ_4K) & 0xC00, 0xC00);
	teardown();
}
END_TEST

/* --- map ---------------------------------------------------------------------------------------------------------- */

START_TEST(map_takes_the_fewest_blocks)
{
	uint64_t va = SZ_16M - SZ_1M - SZ_64K - SZ_4K, pa = 0x80000000 + va;
	uint64_t len = 2 * (SZ_4K + SZ_64K + SZ_1M) + SZ_16M;

	setup();
	ck_assert(!map(va, pa, len, ALL_SIZES));
	ck_assert_uint_eq(count_blocks(va, len, SZ_16M), 1);
	ck_assert_uint_eq(count_blocks(va, len, SZ_1M), 2);
	ck_assert_uint_eq(count_blocks(va, len, SZ_64K), 2);
	ck_assert_uint_eq(count_blocks(va, len, SZ_4K), 2);
	for (uint64_t at = 0; at < len; at += SZ_4K) {
		uint64_t p, s;

		ck_assert(page(va + at, &p, &s));
		ck_assert_uint_eq(p, pa + at);
	}
	assert_hole(va - SZ_4K);
	assert_hole(va + len);
	teardown();
}
END_TEST

START_TEST(map_uses_large_blocks_only_where_both_addresses_allow)
{
	setup();
	/* Congruent modulo 64 KB only. */
	ck_assert(!map(SZ_16M, SZ_16M + SZ_64K, SZ_16M, ALL_SIZES));
	ck_assert_uint_eq(count_blocks(SZ_16M, SZ_16M, SZ_64K), 256);
	/* Congruent modulo 4 KB only. */
	ck_assert(!map(2 * SZ_16M, SZ_16M + SZ_4K, SZ_1M, ALL_SIZES));
	ck_assert_uint_eq(count_blocks(2 * SZ_16M, SZ_1M, SZ_4K), 256);
	/* Congruent modulo 1 MB. */
	ck_assert(!map(3 * SZ_16M, SZ_16M + SZ_1M, SZ_16M, ALL_SIZES));
	ck_assert_uint_eq(count_blocks(3 * SZ_16M, SZ_16M, SZ_1M), 16);
	teardown();
}
END_TEST

START_TEST(map_uses_only_the_sizes_it_is_given)
{
	static const uint64_t sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };

	setup();
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert(!map(i * SZ_16M, 0, SZ_16M, sizes[i]));
		ck_assert_uint_eq(count_blocks(i * SZ_16M, SZ_16M, sizes[i]), SZ_16M / sizes[i]);
	}
	/* 64 KB and 16 MB, nothing between. */
	ck_assert(!map(5 * SZ_16M - SZ_1M, SZ_16M - SZ_1M, SZ_16M + SZ_1M, SZ_64K | SZ_16M));
	ck_assert_uint_eq(count_blocks(5 * SZ_16M - SZ_1M, SZ_1M, SZ_64K), 16);
	ck_assert_uint_eq(count_blocks(5 * SZ_16M, SZ_16M, SZ_16M), 1);
	teardown();
}
END_TEST

START_TEST(map_reaches_both_ends_of_the_address_space)
{
	setup();
	ck_assert(!map(0, LARGEST - SZ_4K, SZ_4K, SZ_4K));
	ck_assert(!map(LARGEST - SZ_4K, 0, SZ_4K, SZ_4K));
	assert_page(0, LARGEST - SZ_4K, SZ_4K);
	assert_page(LARGEST - SZ_4K, 0, SZ_4K);
	ck_assert(!machine_unmap(table, LARGEST - SZ_4K, SZ_4K));
	ck_assert(!machine_unmap(table, 0, SZ_4K));
	ck_assert(!map(0, 0, LARGEST, ALL_SIZES));
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
	assert_page(LARGEST - SZ_4K, LARGEST - SZ_4K, SZ_16M);
	ck_assert(!machine_unmap(table, 0, LARGEST));
	assert_hole(0);
	teardown();
}
END_TEST

START_TEST(map_refuses_what_the_format_cannot_say)
{
	static const struct {
		uint64_t va, pa, len, sizes;
	} rows[] = {
		{ 0, 0, 0, SZ_4K },
		{ 1, 0, SZ_4K, SZ_4K },
		{ 0, 1, SZ_4K, SZ_4K },
		{ 0, 0, SZ_4K + 1, SZ_4K },
		{ 0, 0, SZ_4K, 0 },
		{ 0, 0, SZ_4K, SZ_4K | SZ_2M },
		{ 0, 0, SZ_4K, SZ_64K },
		{ SZ_4K, 0, SZ_64K, SZ_64K },
		{ 0, SZ_4K, SZ_64K, SZ_64K | SZ_1M },
		{ 0, 0, SZ_64K, SZ_1M },
		{ LARGEST, 0, SZ_4K, SZ_4K },
		{ 0, LARGEST, SZ_4K, SZ_4K },
		{ LARGEST - SZ_4K, 0, 2 * SZ_4K, SZ_4K },
		{ 0, LARGEST - SZ_4K, 2 * SZ_4K, SZ_4K },
		{ SZ_4K, 0, UINT64_MAX - SZ_4K + 1, SZ_4K },
		{ UINT64_MAX - SZ_4K + 1, 0, SZ_4K, SZ_4K },
	};

	setup();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(map(rows[i].va, rows[i].pa, rows[i].len, rows[i].sizes), -EINVAL);
	ck_assert_int_eq(machine_unmap(table, 0, 0), -EINVAL);
	ck_assert_int_eq(machine_unmap(table, 1, SZ_4K), -EINVAL);
	ck_assert_int_eq(machine_unmap(table, LARGEST - SZ_4K, 2 * SZ_4K), -EINVAL);
	ck_assert_int_eq(machine_protect(table, 0, SZ_4K - 1, MAP_RO), -EINVAL);
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
	teardown();
}
END_TEST

START_TEST(map_over_a_mapping_is_refused_and_changes_nothing)
{
	static const uint64_t sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };
	uint8_t *before;

	setup();
	for (unsigned int i = 0; i < 4; i++)
		ck_assert(!map((i + 1) * 2 * SZ_16M, 0x80000000, sizes[i], sizes[i]));
	before = malloc(TABLES_LEN);
	memcpy(before, machine.tables, TABLES_LEN);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t va = (i + 1) * 2 * SZ_16M;

		ck_assert_int_eq(map(va, 0, SZ_4K, ALL_SIZES), -EEXIST);
		ck_assert_int_eq(map(va + sizes[i] - SZ_4K, 0, SZ_4K, ALL_SIZES), -EEXIST);
		ck_assert_int_eq(map(va - SZ_4K, 0, 2 * SZ_4K, SZ_4K), -EEXIST);
		ck_assert_int_eq(map(va, 0, SZ_16M, ALL_SIZES), -EEXIST);
		ck_assert_int_eq(map(va - SZ_16M, 0, 2 * SZ_16M, ALL_SIZES), -EEXIST);
		ck_assert_int_eq(map(va & ~(SZ_1M - 1), 0, SZ_1M, SZ_1M), -EEXIST);
	}
	ck_assert_int_eq(memcmp(before, machine.tables, TABLES_LEN), 0);
	free(before);
	/* Right beside is free. */
	ck_assert(!map(2 * SZ_16M + SZ_4K, 0, SZ_4K, SZ_4K));
	ck_assert(!map(4 * SZ_16M + SZ_64K, 0, SZ_64K, SZ_64K));
	ck_assert(!map(6 * SZ_16M + SZ_1M, 0, SZ_1M, SZ_1M));
	teardown();
}
END_TEST

/* --- unmap, protect ----------------------------------------------------------------------------------------------- */

START_TEST(unmap_of_a_page_splits_any_block_and_keeps_the_rest)
{
	static const uint64_t sizes[] = { SZ_64K, SZ_1M, SZ_16M };
	static const uint64_t holes[] = { 0, SZ_4K, SZ_64K - SZ_4K };

	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < 3; j++) {
			uint64_t size = sizes[i], hole = size - SZ_64K + holes[j], p = 0, s;
			struct map_attr a = {
				.read = true, .user = true, .execute = true, .cache = 6
			};
			uint64_t kept;

			setup();
			ck_assert(!machine_map(table, GB, 0x80000000, size, size, a));
			ck_assert(!machine_unmap(table, GB + hole, SZ_4K));
			for (uint64_t at = 0; at < size; at += SZ_4K) {
				ck_assert_int_eq(page(GB + at, &p, &s), at != hole);
				ck_assert(at == hole || p == 0x80000000 + at);
			}
			/* Only the blocks around the hole are small. */
			ck_assert_uint_eq(count_blocks(GB, size, SZ_4K), 15);
			ck_assert_uint_eq(count_blocks(GB, size, SZ_64K), size == SZ_64K ? 0 : 15);
			ck_assert_uint_eq(count_blocks(GB, size, SZ_1M), size == SZ_16M ? 15 : 0);
			/* The attributes are those of the block: AP 111, XN 0, TEX 100, CB 11, nG. */
			kept = GB + size - SZ_64K + (holes[j] ? 0 : SZ_4K);
			ck_assert_uint_eq(l2(kept) & 0xFFF, 0x800 | 4 << 6 | 0x230 | 0xC | 2);
			ck_assert(!machine_unmap(table, GB, size));
			ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
			teardown();
		}
	}
}
END_TEST

START_TEST(unmap_passes_over_what_is_not_mapped)
{
	setup();
	ck_assert(!machine_unmap(table, 0, LARGEST));
	ck_assert(!map(SZ_1M, 0, SZ_4K, SZ_4K));
	ck_assert(!map(3 * SZ_1M, 0, SZ_1M, SZ_1M));
	ck_assert(!machine_unmap(table, SZ_4K, 16 * SZ_1M));
	assert_hole(SZ_1M);
	assert_hole(3 * SZ_1M);
	ck_assert_uint_eq(v7s_ops.footprint(table), 16384);
	teardown();
}
END_TEST

START_TEST(protect_keeps_addresses_and_sizes_and_changes_the_rest)
{
	uint64_t va = SZ_16M - SZ_1M - SZ_64K - SZ_4K, len = SZ_4K + SZ_64K + SZ_1M + SZ_16M;
	struct map_attr a = { .read = true, .execute = true, .shareable = true, .cache = 3 };

	setup();
	ck_assert(!map(va, va, len, ALL_SIZES));
	ck_assert(!machine_protect(table, va - SZ_4K, len + 2 * SZ_4K, a));
	/* AP 101, XN 0, TEX 110, CB 10, S, nG. */
	ck_assert_uint_eq(l2(va), va | 0xC00 | 6 << 6 | 0x210 | 8 | 2);
	ck_assert_uint_eq(l2(va + SZ_4K), (va + SZ_4K) | 6 << 12 | 0xC00 | 0x210 | 8 | 1);
	ck_assert_uint_eq(l1(SZ_16M - SZ_1M),
			  (SZ_16M - SZ_1M) | 0x30000 | 0x8000 | 6 << 12 | 0x400 | 8 | 2);
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_uint_eq(l1(SZ_16M + i * SZ_1M),
				  SZ_16M | 0x40000 | 0x30000 | 0x8000 | 6 << 12 | 0x400 | 8 | 2);
	assert_hole(va - SZ_4K);
	teardown();
}
END_TEST

START_TEST(protect_of_a_part_splits_the_block)
{
	setup();
	ck_assert(!map(0, SZ_16M, SZ_16M, SZ_16M));
	ck_assert(!machine_protect(table, SZ_4K, SZ_4K, MAP_RO));
	assert_page(0, SZ_16M, SZ_4K);
	assert_page(SZ_4K, SZ_16M + SZ_4K, SZ_4K);
	assert_page(SZ_64K, SZ_16M + SZ_64K, SZ_64K);
	assert_page(SZ_1M, SZ_16M + SZ_1M, SZ_1M);
	ck_assert_uint_eq(l2(0) & 0x230, 0x030);
	ck_assert_uint_eq(l2(SZ_4K) & 0x230, 0x230);
	teardown();
}
END_TEST

SUITE_MAIN("v7s", descriptors_of_each_size_have_the_bits_of_the_architecture,
	   ten_cache_policies_are_encoded_as_outer_and_inner,
	   permissions_are_encoded_as_ap_and_xn_at_every_level,
	   entries_are_never_global_and_shareable_only_when_asked, map_takes_the_fewest_blocks,
	   map_uses_large_blocks_only_where_both_addresses_allow,
	   map_uses_only_the_sizes_it_is_given, map_reaches_both_ends_of_the_address_space,
	   map_refuses_what_the_format_cannot_say,
	   map_over_a_mapping_is_refused_and_changes_nothing,
	   unmap_of_a_page_splits_any_block_and_keeps_the_rest,
	   unmap_passes_over_what_is_not_mapped,
	   protect_keeps_addresses_and_sizes_and_changes_the_rest,
	   protect_of_a_part_splits_the_block)
