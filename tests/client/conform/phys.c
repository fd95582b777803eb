// SPDX-License-Identifier: BSD-3-Clause
/* vcm_phys_alloc() to vcm_get_memtype_of_physalloc(), and what looks at physical addresses. */
#include "tests/client/conform/conform.h"

/* All segments lie at multiples of block, and are as long. How many there are. */
static size_t count_segments(struct physmem *m, size_t total, size_t block)
{
	size_t pa = 0, len = 0, sum = 0, n = 0;

	for (; (pa = vcm_get_next_phys_addr(m, pa, &len)); n++) {
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_eq(pa % block, 0);
		ck_assert_uint_eq(len % block, 0);
		sum += len;
	}
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(sum, total);
	return n;
}

START_TEST(vcm_phys_alloc_gives_memory_of_every_memtype_and_block_size)
{
	static const struct {
		uint32_t attr;
		size_t block, n; /* segments of 3 MB */
	} table[] = {
		{ 0, SZ_4K, 1 },
		{ VCM_4KB, SZ_4K, 768 },
		{ VCM_64KB, SZ_64K, 48 },
		{ VCM_1MB, SZ_1M, 3 },
		{ VCM_64KB | VCM_1MB, SZ_1M, 3 },
		{ VCM_ALL, SZ_4K, 1 },
		{ VCM_PHYS_CONT, SZ_4K, 1 },
		{ VCM_COHERENT, SZ_4K, 1 },
	};

	for (int t = VCM_MEMTYPE_0; t <= VCM_MEMTYPE_2; t++)
		for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
			struct physmem *m =
				MADE(vcm_phys_alloc((enum memtype_t)t, 3 * SZ_1M, table[i].attr));

			ck_assert_uint_eq(count_segments(m, 3 * SZ_1M, table[i].block), table[i].n);
			GIVES(vcm_get_memtype_of_physalloc(m), t, 0);
			DONE(vcm_phys_free(m));
		}
}
END_TEST

START_TEST(vcm_phys_alloc_makes_memory_of_the_blocks_that_were_asked_for)
{
	static const uint32_t too_large[] = { VCM_1MB, VCM_PHYS_CONT, VCM_64KB | VCM_PHYS_CONT };
	static const struct {
		uint32_t attr;
		size_t block, n; /* segments of 1 MB */
	} table[] = {
		{ 0, SZ_64K, 16 },       { VCM_64KB, SZ_64K, 16 },
		{ VCM_4KB, SZ_4K, 256 }, { VCM_64KB | VCM_1MB, SZ_64K, 16 },
		{ VCM_ALL, SZ_64K, 16 },
	};

	conform_scatter(VCM_MEMTYPE_2, 512);
	for (size_t i = 0; i < sizeof(too_large) / sizeof(*too_large); i++)
		REFUSED(vcm_phys_alloc(VCM_MEMTYPE_2, SZ_1M, too_large[i]), ENOMEM);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_2, SZ_1M, table[i].attr));

		ck_assert_uint_eq(count_segments(m, SZ_1M, table[i].block), table[i].n);
		DONE(vcm_phys_free(m));
	}
}
END_TEST

START_TEST(vcm_phys_alloc_aligns_as_asked)
{
	for (uint32_t v = 0; v <= 8; v++) {
		uint32_t attr = (uint32_t)SET_ALIGN_REQ_BYTES(VCM_PHYS_CONT, v);
		struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, attr));
		size_t len;

		ck_assert_uint_eq(vcm_get_next_phys_addr(m, 0, &len) % ALIGN_REQ_BYTES(attr), 0);
		ck_assert_uint_eq(ALIGN_REQ_BYTES(attr), SZ_4K << v);
	}
}
END_TEST

START_TEST(vcm_phys_alloc_gives_null_for_invalid_parameters)
{
	REFUSED(vcm_phys_alloc(VCM_INVALID, SZ_4K, 0), EINVAL);
	REFUSED(vcm_phys_alloc((enum memtype_t)9, SZ_4K, 0), EINVAL);
	REFUSED(vcm_phys_alloc((enum memtype_t) - 1, SZ_4K, 0), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, 0, 0), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K + 1, 0), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, VCM_64KB), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_1MB), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 1u << 11), EINVAL);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 1u << 31), EINVAL);
}
END_TEST

START_TEST(vcm_phys_alloc_gives_null_when_there_is_no_memory_left)
{
	struct physmem *m;

	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_2, 33 * SZ_1M, 0), ENOMEM);
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_2, SIZE_MAX & ~(size_t)0xfff, 0), ENOMEM);
	m = MADE(vcm_phys_alloc(VCM_MEMTYPE_2, 32 * SZ_1M, 0));
	REFUSED(vcm_phys_alloc(VCM_MEMTYPE_2, SZ_4K, 0), ENOMEM);
	DONE(vcm_phys_free(m));
	MADE(vcm_phys_alloc(VCM_MEMTYPE_2, SZ_4K, 0));
}
END_TEST

START_TEST(vcm_phys_free_frees)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0));

	DONE(vcm_phys_free(m));
	FAILS(vcm_phys_free(m), EINVAL);
}
END_TEST

START_TEST(vcm_phys_free_is_busy_while_it_is_mapped)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = conform_backed(v, SZ_4K, 0), *other = MADE(vcm_reserve(v, SZ_4K, 0));
	struct physmem *m = vcm_get_physmem_from_res(r);

	DONE(vcm_back(other, m));
	FAILS(vcm_phys_free(m), EBUSY);
	DONE(vcm_unback(r));
	FAILS(vcm_phys_free(m), EBUSY);
	DONE(vcm_unback(other));
	DONE(vcm_phys_free(m));
}
END_TEST

START_TEST(vcm_phys_free_is_invalid_for_what_is_no_physmem)
{
	ALL_WRONG(A_PHYSMEM, vcm_phys_free(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_get_memtype_of_physalloc_gives_the_memtype_or_invalid)
{
	GIVES(vcm_get_memtype_of_physalloc(MADE(vcm_phys_alloc(VCM_MEMTYPE_1, SZ_4K, 0))),
	      VCM_MEMTYPE_1, 0);
	ALL_WRONG(A_PHYSMEM, vcm_get_memtype_of_physalloc(p), VCM_INVALID, EINVAL);
}
END_TEST

START_TEST(vcm_map_phys_addr_gives_an_alias_of_memory_of_the_session)
{
	size_t dev = A_STREAM, len, pa;
	struct vcm *v = conform_vcm_on(dev);
	struct res *r = conform_backed(v, SZ_64K, 0), *part = MADE(vcm_reserve(v, SZ_4K, 0));
	struct physmem *alias;
	char text[6];

	pa = vcm_get_next_phys_addr(vcm_get_physmem_from_res(r), 0, &len);
	ck_assert_uint_ge(len, SZ_4K);
	alias = MADE(vcm_map_phys_addr(pa, SZ_4K));
	GIVES(vcm_get_next_phys_addr(alias, 0, &len), pa, 0);
	ck_assert_uint_eq(len, SZ_4K);
	DONE(vcm_back(part, alias));
	DONE(vcm_sim_write(dev, vcm_get_dev_addr(r), "hello", 6));
	DONE(vcm_sim_read(dev, vcm_get_dev_addr(part), text, 6));
	ck_assert_str_eq(text, "hello");
	/* It pins the memory. */
	DONE(vcm_unback(r));
	FAILS(vcm_phys_free(MADE(vcm_map_phys_addr(pa, SZ_4K)) ? vcm_get_physmem_from_res(part) :
								 NULL),
	      EBUSY);
}
END_TEST

START_TEST(vcm_map_phys_addr_gives_a_window_that_the_configuration_opens)
{
	struct physmem *m = MADE(vcm_map_phys_addr(WINDOW_AT, SZ_64K));
	size_t len;

	GIVES(vcm_get_next_phys_addr(m, 0, &len), WINDOW_AT, 0);
	ck_assert_uint_eq(len, SZ_64K);
	DONE(vcm_phys_free(m));
}
END_TEST

START_TEST(vcm_map_phys_addr_gives_null_for_what_is_not_the_session_s)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT));
	size_t len, pa = vcm_get_next_phys_addr(m, 0, &len);

	REFUSED(vcm_map_phys_addr(0, SZ_4K), EINVAL);
	REFUSED(vcm_map_phys_addr(0x50000000, SZ_4K), EINVAL);
	REFUSED(vcm_map_phys_addr(pa, 0), EINVAL);
	REFUSED(vcm_map_phys_addr(pa + 1, SZ_4K), EINVAL);
	REFUSED(vcm_map_phys_addr(pa, 100), EINVAL);
	REFUSED(vcm_map_phys_addr(pa, SZ_64K + SZ_4K), EINVAL);
	REFUSED(vcm_map_phys_addr(WINDOW_AT, SZ_2M), EINVAL);
	REFUSED(vcm_map_phys_addr(SIZE_MAX & ~(size_t)0xfff, 2 * SZ_4K), EINVAL);
}
END_TEST

START_TEST(vcm_get_next_phys_addr_walks_all_segments)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, 5 * SZ_1M, VCM_64KB));

	ck_assert_uint_eq(count_segments(m, 5 * SZ_1M, SZ_64K), 80);
	DONE(vcm_phys_free(m));
	conform_scatter(VCM_MEMTYPE_2, 512);
	m = MADE(vcm_phys_alloc(VCM_MEMTYPE_2, 5 * SZ_64K, 0));
	ck_assert_uint_eq(count_segments(m, 5 * SZ_64K, SZ_64K), 5);
}
END_TEST

START_TEST(vcm_get_next_phys_addr_goes_on_after_the_segment_that_holds_the_address)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT));
	size_t len = 77, pa = vcm_get_next_phys_addr(m, 0, &len);

	GIVES(vcm_get_next_phys_addr(m, pa + SZ_4K, &len), 0, 0);
	GIVES(vcm_get_next_phys_addr(m, pa + SZ_64K - 1, NULL), 0, 0);
	GIVES(vcm_get_next_phys_addr(m, 0, NULL), pa, 0);
}
END_TEST

START_TEST(vcm_get_next_phys_addr_gives_0_for_what_is_not_there)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT));
	size_t len;

	GIVES(vcm_get_next_phys_addr(m, 1, &len), 0, EINVAL);
	ALL_WRONG(A_PHYSMEM, vcm_get_next_phys_addr(p, 0, &len), 0, EINVAL);
}
END_TEST

START_TEST(vcm_get_phys_num_res_and_next_phys_res_find_who_maps_an_address)
{
	struct vcm *v = conform_vcm_on(A_STREAM), *u = conform_user();
	struct res *r = conform_backed(v, SZ_64K, 0), *q = MADE(vcm_reserve(u, SZ_64K, 0)),
		   *next = NULL;
	struct physmem *m = vcm_get_physmem_from_res(r);
	size_t len, pa = vcm_get_next_phys_addr(m, 0, &len), n = 0;

	GIVES(vcm_get_phys_num_res(pa), 1, 0);
	DONE(vcm_back(q, m));
	GIVES(vcm_get_phys_num_res(pa), 2, 0);
	GIVES(vcm_get_phys_num_res(pa + 4095), 2, 0);
	while ((next = vcm_get_next_phys_res(pa, next, &len))) {
		ck_assert(next == r || next == q);
		ck_assert_uint_eq(len, SZ_64K);
		n++;
	}
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(n, 2);
	DONE(vcm_unback(r));
	GIVES(vcm_get_phys_num_res(pa), 1, 0);
	GIVES(vcm_get_next_phys_res(pa, NULL, NULL), q, 0);
	GIVES(vcm_get_next_phys_res(pa, q, NULL), NULL, 0);
}
END_TEST

START_TEST(vcm_get_phys_num_res_and_next_phys_res_find_nothing_elsewhere)
{
	struct res *r = conform_backed(conform_vcm_on(A_STREAM), SZ_64K, 0);
	size_t len;

	GIVES(vcm_get_phys_num_res(0), 0, 0);
	GIVES(vcm_get_phys_num_res(0x7fffffff000), 0, 0);
	GIVES(vcm_get_next_phys_res(0x7fffffff000, NULL, &len), NULL, 0);
	REFUSED(vcm_get_next_phys_res(0x7fffffff000, r, &len), EINVAL);
	REFUSED(vcm_get_next_phys_res(0x40000000, (struct res *)1, &len), EINVAL);
}
END_TEST

START_TEST(vcm_get_cont_memtype_gives_the_contiguous_region_or_0)
{
	static const struct {
		int memtype;
		size_t pa, len;
		int error;
	} table[] = {
		{ VCM_MEMTYPE_0, 0x40000000, 4 * SZ_16M, 0 },
		{ VCM_MEMTYPE_1, 0x60000000, SZ_16M, 0 },
		{ VCM_MEMTYPE_2, 0, 0, 0 },
		{ VCM_INVALID, 0, 0, EINVAL },
		{ 9, 0, 0, EINVAL },
		{ -1, 0, 0, EINVAL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		GIVES(vcm_get_cont_memtype_pa((enum memtype_t)table[i].memtype), table[i].pa,
		      table[i].error);
		GIVES(vcm_get_cont_memtype_len((enum memtype_t)table[i].memtype), table[i].len,
		      table[i].error);
	}
}
END_TEST

CONFORM_CASES(conform_phys, vcm_phys_alloc_gives_memory_of_every_memtype_and_block_size,
	      vcm_phys_alloc_makes_memory_of_the_blocks_that_were_asked_for,
	      vcm_phys_alloc_aligns_as_asked, vcm_phys_alloc_gives_null_for_invalid_parameters,
	      vcm_phys_alloc_gives_null_when_there_is_no_memory_left, vcm_phys_free_frees,
	      vcm_phys_free_is_busy_while_it_is_mapped,
	      vcm_phys_free_is_invalid_for_what_is_no_physmem,
	      vcm_get_memtype_of_physalloc_gives_the_memtype_or_invalid,
	      vcm_map_phys_addr_gives_an_alias_of_memory_of_the_session,
	      vcm_map_phys_addr_gives_a_window_that_the_configuration_opens,
	      vcm_map_phys_addr_gives_null_for_what_is_not_the_session_s,
	      vcm_get_next_phys_addr_walks_all_segments,
	      vcm_get_next_phys_addr_goes_on_after_the_segment_that_holds_the_address,
	      vcm_get_next_phys_addr_gives_0_for_what_is_not_there,
	      vcm_get_phys_num_res_and_next_phys_res_find_who_maps_an_address,
	      vcm_get_phys_num_res_and_next_phys_res_find_nothing_elsewhere,
	      vcm_get_cont_memtype_gives_the_contiguous_region_or_0)
