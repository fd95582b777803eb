// SPDX-License-Identifier: BSD-3-Clause
/* vcm_back(), vcm_unback(), vcm_get_physmem_from_res(), vcm_res_copy(), and the process's own address space. */
#include "tests/client/conform/conform.h"

#include <string.h>

START_TEST(vcm_back_lets_the_device_reach_the_memory)
{
	size_t dev = A_STREAM, addr;
	struct vcm *v = conform_vcm_on(dev);
	struct res *r = conform_backed(v, SZ_64K, 0);
	char text[6] = "";

	addr = vcm_get_dev_addr(r);
	DONE(vcm_sim_write(dev, addr + SZ_4K - 3, "hello", 6));
	DONE(vcm_sim_read(dev, addr + SZ_4K - 3, text, 6));
	ck_assert_str_eq(text, "hello");
	FAILS(vcm_sim_read(dev, addr + SZ_64K, text, 6), EFAULT);
}
END_TEST

START_TEST(vcm_back_is_invalid_for_what_is_no_reservation_or_physmem)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0));
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0));

	ALL_WRONG(A_RES, vcm_back(p, m), -EINVAL, EINVAL);
	ALL_WRONG(A_PHYSMEM, vcm_back(r, p), -EINVAL, EINVAL);
	DONE(vcm_back(r, m));
}
END_TEST

START_TEST(vcm_back_is_invalid_when_the_lengths_differ)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = MADE(vcm_reserve(v, SZ_64K, 0));

	FAILS(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0))), EINVAL);
	FAILS(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_0, 2 * SZ_64K, 0))), EINVAL);
}
END_TEST

START_TEST(vcm_back_says_again_until_every_association_is_active)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0));
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0));
	struct avcm *a, *b;

	FAILS(vcm_back(r, m), EAGAIN);
	a = MADE(vcm_assoc(v, A_STREAM, 0));
	b = MADE(vcm_assoc(v, MDP, 0));
	FAILS(vcm_back(r, m), EAGAIN);
	DONE(vcm_activate(a));
	FAILS(vcm_back(r, m), EAGAIN);
	DONE(vcm_activate(b));
	DONE(vcm_back(r, m));
}
END_TEST

START_TEST(vcm_back_says_again_for_every_kind_of_vcm)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, VCM_PHYS_CONT));
	size_t len, pa = vcm_get_next_phys_addr(m, 0, &len);

	FAILS(vcm_back(MADE(vcm_reserve(MADE(vcm_create(pa, len)), SZ_4K, 0)), m), EAGAIN);
	FAILS(vcm_back(MADE(vcm_reserve(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER)), SZ_4K,
					0)),
		       m),
	      EAGAIN);
	FAILS(vcm_back(MADE(vcm_reserve(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_KERNEL)), SZ_4K,
					0)),
		       m),
	      EAGAIN);
}
END_TEST

START_TEST(vcm_back_twice_is_busy)
{
	struct res *r = conform_backed(conform_vcm_on(A_STREAM), SZ_4K, 0);

	FAILS(vcm_back(r, vcm_get_physmem_from_res(r)), EBUSY);
	FAILS(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0))), EBUSY);
}
END_TEST

START_TEST(vcm_back_refuses_a_second_cache_policy_for_one_memory)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = conform_backed(v, SZ_4K, VCM_WB_WA);
	struct physmem *m = vcm_get_physmem_from_res(r);

	FAILS(vcm_back(MADE(vcm_reserve(v, SZ_4K, VCM_WT)), m), EINVAL);
	DONE(vcm_back(MADE(vcm_reserve(v, SZ_4K, VCM_WB_WA | VCM_READ)), m));
}
END_TEST

/* Over the contiguous region of a memtype, for a master without an IOMMU. */
static struct vcm *one_to_one(enum memtype_t memtype)
{
	struct vcm *v = MADE(
		vcm_create(vcm_get_cont_memtype_pa(memtype), vcm_get_cont_memtype_len(memtype)));

	conform_active(v, DMA);
	return v;
}

START_TEST(vcm_back_refuses_foreign_memory_one_to_one)
{
	struct res *r = MADE(vcm_reserve(one_to_one(VCM_MEMTYPE_1), SZ_64K, 0));

	FAILS(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_PHYS_CONT))), EINVAL);
	DONE(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_1, SZ_64K, VCM_PHYS_CONT))));
}
END_TEST

START_TEST(vcm_back_refuses_scattered_memory_one_to_one)
{
	struct vcm *v = one_to_one(VCM_MEMTYPE_1);
	struct res *r = MADE(vcm_reserve(v, 2 * SZ_64K, 0));

	conform_scatter(VCM_MEMTYPE_1, 1024);
	FAILS(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_1, 2 * SZ_64K, 0))), EINVAL);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "scattered"));
	r = MADE(vcm_reserve(v, SZ_64K, 0));
	DONE(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_1, SZ_64K, VCM_PHYS_CONT))));
}
END_TEST

START_TEST(vcm_back_takes_secure_memory_for_secure_reservations_only)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct physmem *secure = MADE(vcm_phys_alloc(VCM_MEMTYPE_SECURE, SZ_4K, 0));
	struct physmem *plain = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0));

	FAILS(vcm_back(MADE(vcm_reserve(v, SZ_4K, 0)), secure), EINVAL);
	FAILS(vcm_back(MADE(vcm_reserve(v, SZ_4K, VCM_SECURE)), plain), EINVAL);
	FAILS(vcm_back(MADE(vcm_reserve(conform_user(), SZ_4K, VCM_SECURE)), secure), EINVAL);
	DONE(vcm_back(MADE(vcm_reserve(v, SZ_4K, VCM_SECURE)), secure));
}
END_TEST

START_TEST(vcm_back_shows_no_window_to_a_cpu)
{
	struct physmem *window = MADE(vcm_map_phys_addr(WINDOW_AT, SZ_4K));
	struct res *from = MADE(vcm_reserve(conform_vcm_on(A_STREAM), SZ_4K, 0));

	FAILS(vcm_back(MADE(vcm_reserve(conform_user(), SZ_4K, 0)), window), EINVAL);
	DONE(vcm_back(from, window));
	GIVES(vcm_res_copy(from, 0, from, 0, 1), 0, EINVAL);
}
END_TEST

START_TEST(vcm_unback_takes_the_memory_away_from_the_device)
{
	size_t dev = A_STREAM, addr;
	struct res *r = conform_backed(conform_vcm_on(dev), SZ_4K, 0);
	char byte;

	addr = vcm_get_dev_addr(r);
	DONE(vcm_sim_read(dev, addr, &byte, 1));
	DONE(vcm_unback(r));
	FAILS(vcm_sim_read(dev, addr, &byte, 1), EFAULT);
	GIVES(vcm_get_physmem_from_res(r), NULL, ENOMEM);
}
END_TEST

START_TEST(vcm_unback_is_invalid_for_what_is_no_reservation_or_not_backed)
{
	struct vcm *v = conform_vcm_on(A_STREAM);

	ALL_WRONG(A_RES, vcm_unback(p), -EINVAL, EINVAL);
	FAILS(vcm_unback(MADE(vcm_reserve(v, SZ_4K, 0))), EINVAL);
}
END_TEST

START_TEST(vcm_unback_says_again_while_an_association_is_inactive)
{
	struct vcm *v = conform_vcm_made();
	struct avcm *a = conform_active(v, A_STREAM);
	struct res *r = conform_backed(v, SZ_4K, 0);

	DONE(vcm_deactivate(a));
	FAILS(vcm_unback(r), EAGAIN);
	DONE(vcm_activate(a));
	DONE(vcm_unback(r));
}
END_TEST

START_TEST(vcm_get_physmem_from_res_gives_the_physmem_or_null)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0));
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0));

	GIVES(vcm_get_physmem_from_res(r), NULL, ENOMEM);
	DONE(vcm_back(r, m));
	GIVES(vcm_get_physmem_from_res(r), m, 0);
	ALL_WRONG(A_RES, vcm_get_physmem_from_res(p), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_res_copy_gives_the_number_of_bytes_it_copied)
{
	size_t dev = A_STREAM;
	struct vcm *v = conform_vcm_on(dev);
	struct res *from = conform_backed(v, SZ_64K, 0), *to = conform_backed(v, SZ_1M, 0);
	char text[6] = "";

	DONE(vcm_sim_write(dev, vcm_get_dev_addr(from) + SZ_4K - 2, "hello", 6));
	GIVES(vcm_res_copy(to, 7 * SZ_4K + 1, from, SZ_4K - 2, 6), 6, 0);
	DONE(vcm_sim_read(dev, vcm_get_dev_addr(to) + 7 * SZ_4K + 1, text, 6));
	ck_assert_str_eq(text, "hello");
	GIVES(vcm_res_copy(to, 0, from, 0, SZ_64K), SZ_64K, 0);
	GIVES(vcm_res_copy(to, SZ_1M - 1, from, SZ_64K - 1, 1), 1, 0);
}
END_TEST

START_TEST(vcm_res_copy_gives_0_when_it_cannot)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *from = conform_backed(v, SZ_64K, 0), *to = conform_backed(v, SZ_64K, 0);
	struct res *bare = MADE(vcm_reserve(v, SZ_64K, 0)),
		   *secure = MADE(vcm_reserve(v, SZ_4K, VCM_SECURE));

	DONE(vcm_back(secure, MADE(vcm_phys_alloc(VCM_MEMTYPE_SECURE, SZ_4K, 0))));
	GIVES(vcm_res_copy(to, 0, from, 0, SZ_64K + 1), 0, EINVAL);
	GIVES(vcm_res_copy(to, 1, from, 0, SZ_64K), 0, EINVAL);
	GIVES(vcm_res_copy(to, 0, from, 1, SZ_64K), 0, EINVAL);
	GIVES(vcm_res_copy(to, SIZE_MAX, from, 0, 2), 0, EINVAL);
	GIVES(vcm_res_copy(bare, 0, from, 0, 1), 0, ENOMEM);
	GIVES(vcm_res_copy(to, 0, bare, 0, 1), 0, ENOMEM);
	GIVES(vcm_res_copy(to, 0, secure, 0, 1), 0, EACCES);
	ALL_WRONG(A_RES, vcm_res_copy(p, 0, from, 0, 1), 0, EINVAL);
	ALL_WRONG(A_RES, vcm_res_copy(to, 0, p, 0, 1), 0, EINVAL);
}
END_TEST

static char *user_bytes(struct res *r)
{
	return conform_pointer(vcm_get_dev_addr(r));
}

START_TEST(user_space_shows_the_bytes_that_the_device_sees)
{
	static const uint32_t blocks[] = { VCM_4KB, VCM_64KB, VCM_1MB, VCM_ALL, VCM_PHYS_CONT };
	size_t dev = A_STREAM;
	struct vcm *v = conform_vcm_on(dev), *u = conform_user();

	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, 4 * SZ_1M, blocks[i]));
		struct res *rd = MADE(vcm_reserve(v, 4 * SZ_1M, 0)),
			   *ru = MADE(vcm_reserve(u, 4 * SZ_1M, 0));
		size_t addr;
		char *p, text[6];

		DONE(vcm_back(rd, m));
		DONE(vcm_back(ru, m));
		addr = vcm_get_dev_addr(rd);
		p = user_bytes(ru);
		for (size_t at = SZ_4K - 3; at < 4 * SZ_1M - 6; at += SZ_64K + SZ_4K) {
			ck_assert_int_eq(p[at], 0);
			DONE(vcm_sim_write(dev, addr + at, "hello", 6));
			ck_assert_str_eq(p + at, "hello");
			memcpy(p + at, "world", 6);
			DONE(vcm_sim_read(dev, addr + at, text, 6));
			ck_assert_str_eq(text, "world");
		}
		GIVES(vcm_get_res(vcm_get_dev_addr(ru), u), ru, 0);
		GIVES(vcm_translate(addr + 5, v, u), (size_t)p + 5, 0);
		DONE(vcm_unback(ru));
		DONE(vcm_unback(rd));
		DONE(vcm_unreserve(ru));
		DONE(vcm_unreserve(rd));
		DONE(vcm_phys_free(m));
	}
}
END_TEST

START_TEST(user_space_reserved_from_a_bound_works_the_same)
{
	size_t dev = A_STREAM;
	struct vcm *v = conform_vcm_on(dev), *u = conform_user();
	struct bound *b = MADE(vcm_create_bound(u, 4 * SZ_1M));
	struct res *rd = conform_backed(v, SZ_64K, 0),
		   *ru = MADE(vcm_reserve_from_bound(b, SZ_64K, 0));
	size_t start = vcm_get_bound_start_addr(b);

	ck_assert_uint_gt(start, 1);
	DONE(vcm_back(ru, vcm_get_physmem_from_res(rd)));
	ck_assert_uint_ge(vcm_get_dev_addr(ru), start);
	ck_assert_uint_lt(vcm_get_dev_addr(ru), start + 4 * SZ_1M);
	DONE(vcm_sim_write(dev, vcm_get_dev_addr(rd), "hello", 6));
	ck_assert_str_eq(user_bytes(ru), "hello");
	FAILS(vcm_free_bound(b), EBUSY);
	DONE(vcm_unback(ru));
	DONE(vcm_unreserve(ru));
	DONE(vcm_free_bound(b));
}
END_TEST

START_TEST(kernel_space_takes_backing_and_copies)
{
	struct vcm *k = MADE(vcm_create_from_prebuilt(VCM_PREBUILT_KERNEL)), *u = conform_user();
	struct res *rk, *ru = conform_backed(u, SZ_64K, 0);

	conform_active(k, CPU);
	rk = conform_backed(k, SZ_64K, 0);
	memcpy(user_bytes(ru) + 5, "hello", 6);
	GIVES(vcm_res_copy(rk, 0, ru, 5, 6), 6, 0);
	GIVES(vcm_res_copy(ru, 100, rk, 0, 6), 6, 0);
	ck_assert_str_eq(user_bytes(ru) + 100, "hello");
}
END_TEST

CONFORM_CASES(conform_back, vcm_back_lets_the_device_reach_the_memory,
	      vcm_back_is_invalid_for_what_is_no_reservation_or_physmem,
	      vcm_back_is_invalid_when_the_lengths_differ,
	      vcm_back_says_again_until_every_association_is_active,
	      vcm_back_says_again_for_every_kind_of_vcm, vcm_back_twice_is_busy,
	      vcm_back_refuses_a_second_cache_policy_for_one_memory,
	      vcm_back_refuses_foreign_memory_one_to_one,
	      vcm_back_refuses_scattered_memory_one_to_one,
	      vcm_back_takes_secure_memory_for_secure_reservations_only,
	      vcm_back_shows_no_window_to_a_cpu, vcm_unback_takes_the_memory_away_from_the_device,
	      vcm_unback_is_invalid_for_what_is_no_reservation_or_not_backed,
	      vcm_unback_says_again_while_an_association_is_inactive,
	      vcm_get_physmem_from_res_gives_the_physmem_or_null,
	      vcm_res_copy_gives_the_number_of_bytes_it_copied, vcm_res_copy_gives_0_when_it_cannot,
	      user_space_shows_the_bytes_that_the_device_sees,
	      user_space_reserved_from_a_bound_works_the_same,
	      kernel_space_takes_backing_and_copies)
