// SPDX-License-Identifier: BSD-3-Clause
/* What looks up device addresses: vcm_get_dev_addr(), vcm_get_res(), vcm_translate(), page tables. */
#include "tests/client/conform/conform.h"

START_TEST(vcm_get_dev_addr_gives_the_address_or_1)
{
	struct vcm *v = MADE(vcm_create(0, SZ_1M));

	GIVES(vcm_get_dev_addr(MADE(vcm_reserve_at(VCM_START, v, SZ_4K, 0))), 0, 0);
	ALL_WRONG(A_RES, vcm_get_dev_addr(p), 1, EINVAL);
}
END_TEST

START_TEST(vcm_get_dev_addr_of_a_one_to_one_reservation_is_known_while_it_is_backed)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT));
	size_t len, pa = vcm_get_next_phys_addr(m, 0, &len);
	struct vcm *v = MADE(vcm_create(pa, len));
	struct res *r = MADE(vcm_reserve(v, SZ_64K, 0));

	conform_active(v, DMA);
	GIVES(vcm_get_dev_addr(r), 1, ENODATA);
	DONE(vcm_back(r, m));
	GIVES(vcm_get_dev_addr(r), pa, 0);
	DONE(vcm_unback(r));
	GIVES(vcm_get_dev_addr(r), 1, ENODATA);
}
END_TEST

START_TEST(vcm_get_res_gives_the_reservation_that_starts_there)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(v, SZ_64K, 0));
	size_t addr = vcm_get_dev_addr(r);

	GIVES(vcm_get_res(addr, v), r, 0);
	REFUSED(vcm_get_res(addr + SZ_4K, v), ENOENT);
	REFUSED(vcm_get_res(addr + SZ_64K, v), ENOENT);
	REFUSED(vcm_get_res(SIZE_MAX, v), ENOENT);
	REFUSED(vcm_get_res(addr, conform_vcm_made()), ENOENT);
	ALL_WRONG(A_VCM, vcm_get_res(addr, p), NULL, EINVAL);
	DONE(vcm_unreserve(r));
	REFUSED(vcm_get_res(addr, v), ENOENT);
}
END_TEST

START_TEST(vcm_find_res_gives_the_reservation_that_contains_the_address)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(v, SZ_64K, 0));
	size_t addr = vcm_get_dev_addr(r);

	GIVES(vcm_find_res(addr, v), r, 0);
	GIVES(vcm_find_res(addr + SZ_64K - 1, v), r, 0);
	REFUSED(vcm_find_res(addr + SZ_64K, v), ENOENT);
	REFUSED(vcm_find_res(addr - 1, v), ENOENT);
	ALL_WRONG(A_VCM, vcm_find_res(addr, p), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_translate_gives_the_address_of_the_same_memory_elsewhere)
{
	struct vcm *v = conform_vcm_on(A_STREAM), *w = conform_vcm_on(MDP);
	struct res *r, *q;

	MADE(vcm_reserve(w, SZ_64K, 0));
	r = conform_backed(v, SZ_64K, 0);
	q = MADE(vcm_reserve(w, SZ_64K, 0));
	DONE(vcm_back(q, vcm_get_physmem_from_res(r)));
	GIVES(vcm_translate(vcm_get_dev_addr(r), v, w), vcm_get_dev_addr(q), 0);
	GIVES(vcm_translate(vcm_get_dev_addr(r) + 12345, v, w), vcm_get_dev_addr(q) + 12345, 0);
	GIVES(vcm_translate(vcm_get_dev_addr(q) + 7, w, v), vcm_get_dev_addr(r) + 7, 0);
	GIVES(vcm_translate(vcm_get_dev_addr(r), v, v), vcm_get_dev_addr(r), 0);
}
END_TEST

START_TEST(vcm_translate_gives_1_when_there_is_no_such_address)
{
	struct vcm *v = conform_vcm_on(A_STREAM), *w = conform_vcm_on(MDP);
	struct res *r = conform_backed(v, SZ_64K, 0), *bare = MADE(vcm_reserve(v, SZ_64K, 0));
	size_t addr = vcm_get_dev_addr(r);

	GIVES(vcm_translate(addr, v, w), 1, ENOENT);
	GIVES(vcm_translate(vcm_get_dev_addr(bare), v, w), 1, ENOMEM);
	GIVES(vcm_translate(SIZE_MAX, v, w), 1, ENOENT);
	ALL_WRONG(A_VCM, vcm_translate(addr, p, w), 1, EINVAL);
	ALL_WRONG(A_VCM, vcm_translate(addr, v, p), 1, EINVAL);
}
END_TEST

START_TEST(vcm_get_pgtbl_pa_gives_the_table_of_an_associated_vcm)
{
	struct vcm *v = conform_vcm_made();

	GIVES(vcm_get_pgtbl_pa(v), 0, ENODATA);
	MADE(vcm_assoc(v, A_STREAM, 0));
	ck_assert_uint_ne(vcm_get_pgtbl_pa(v), 0);
	ck_assert_uint_eq(vcm_get_pgtbl_pa(v) % (16 * 1024), 0);
	GIVES(vcm_get_pgtbl_pa(conform_user()), 0, ENODATA);
	ALL_WRONG(A_VCM, vcm_get_pgtbl_pa(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_dev_addr_to_phys_addr_walks_the_device_s_table)
{
	size_t dev = A_STREAM, addr, len, pa;
	struct res *r = conform_backed(conform_vcm_on(dev), SZ_64K, 0);

	addr = vcm_get_dev_addr(r);
	pa = vcm_get_next_phys_addr(vcm_get_physmem_from_res(r), 0, &len);
	ck_assert_uint_eq(len, SZ_64K);
	GIVES(vcm_dev_addr_to_phys_addr(dev, addr), pa, 0);
	GIVES(vcm_dev_addr_to_phys_addr(dev, addr + 12345), pa + 12345, 0);
}
END_TEST

START_TEST(vcm_dev_addr_to_phys_addr_follows_cpu_and_one_to_one_masters)
{
	struct res *r = conform_backed(conform_user(), SZ_64K, 0);
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT));
	size_t len, pa = vcm_get_next_phys_addr(vcm_get_physmem_from_res(r), 0, &len);
	struct vcm *v;

	GIVES(vcm_dev_addr_to_phys_addr(CPU, vcm_get_dev_addr(r) + 5), pa + 5, 0);
	pa = vcm_get_next_phys_addr(m, 0, &len);
	v = MADE(vcm_create(pa, len));
	conform_active(v, DMA);
	DONE(vcm_back(MADE(vcm_reserve(v, SZ_64K, 0)), m));
	GIVES(vcm_dev_addr_to_phys_addr(DMA, pa + 99), pa + 99, 0);
}
END_TEST

START_TEST(vcm_dev_addr_to_phys_addr_gives_0_where_the_device_would_fault)
{
	size_t dev = A_STREAM, addr;
	struct res *r = conform_backed(conform_vcm_on(dev), SZ_4K, 0);

	addr = vcm_get_dev_addr(r);
	GIVES(vcm_dev_addr_to_phys_addr(dev, addr + SZ_4K), 0, EFAULT);
	GIVES(vcm_dev_addr_to_phys_addr(MDP, addr), 0, EFAULT);
	DONE(vcm_unback(r));
	GIVES(vcm_dev_addr_to_phys_addr(dev, addr), 0, EFAULT);
	GIVES(vcm_dev_addr_to_phys_addr(NO_DEVICE, addr), 0, EINVAL);
}
END_TEST

CONFORM_CASES(conform_address, vcm_get_dev_addr_gives_the_address_or_1,
	      vcm_get_dev_addr_of_a_one_to_one_reservation_is_known_while_it_is_backed,
	      vcm_get_res_gives_the_reservation_that_starts_there,
	      vcm_find_res_gives_the_reservation_that_contains_the_address,
	      vcm_translate_gives_the_address_of_the_same_memory_elsewhere,
	      vcm_translate_gives_1_when_there_is_no_such_address,
	      vcm_get_pgtbl_pa_gives_the_table_of_an_associated_vcm,
	      vcm_dev_addr_to_phys_addr_walks_the_device_s_table,
	      vcm_dev_addr_to_phys_addr_follows_cpu_and_one_to_one_masters,
	      vcm_dev_addr_to_phys_addr_gives_0_where_the_device_would_fault)
