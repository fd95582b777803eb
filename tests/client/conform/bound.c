// SPDX-License-Identifier: BSD-3-Clause
/* vcm_create_bound() to vcm_get_bound_len(). */
#include "tests/client/conform/conform.h"

START_TEST(vcm_create_bound_sets_addresses_aside)
{
	struct vcm *v = MADE(vcm_create(SZ_1M, 4 * SZ_1M));
	struct bound *b = MADE(vcm_create_bound(v, SZ_1M));
	size_t start = vcm_get_bound_start_addr(b);

	for (struct res *r; (r = vcm_reserve(v, SZ_64K, 0));) {
		size_t addr = vcm_get_dev_addr(r);

		ck_assert(addr + SZ_64K <= start || addr >= start + SZ_1M);
	}
	ck_assert_int_eq(errno, ENOSPC);
	GIVES(vcm_get_num_res(v), 3 * SZ_1M / SZ_64K, 0);
}
END_TEST

START_TEST(vcm_create_bound_gives_null_for_invalid_parameters)
{
	struct vcm *v = conform_vcm_made();
	struct vcm *one_to_one = MADE(vcm_create(vcm_get_cont_memtype_pa(VCM_MEMTYPE_1),
						 vcm_get_cont_memtype_len(VCM_MEMTYPE_1)));

	REFUSED(vcm_create_bound(v, 0), EINVAL);
	REFUSED(vcm_create_bound(v, 100), EINVAL);
	REFUSED(vcm_create_bound(v, 17 * SZ_16M), ENOSPC);
	REFUSED(vcm_create_bound(one_to_one, SZ_64K), EINVAL);
	ALL_WRONG(A_VCM, vcm_create_bound(p, SZ_64K), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_free_bound_gives_the_addresses_back)
{
	struct vcm *v = MADE(vcm_create(SZ_1M, SZ_1M));
	struct bound *b = MADE(vcm_create_bound(v, SZ_1M));

	REFUSED(vcm_reserve(v, SZ_4K, 0), ENOSPC);
	DONE(vcm_free_bound(b));
	FAILS(vcm_free_bound(b), EINVAL);
	MADE(vcm_reserve(v, SZ_1M, 0));
}
END_TEST

START_TEST(vcm_free_bound_is_busy_while_there_are_reservations)
{
	struct bound *b = MADE(vcm_create_bound(conform_vcm_made(), SZ_1M));
	struct res *r = MADE(vcm_reserve_from_bound(b, SZ_4K, 0));

	FAILS(vcm_free_bound(b), EBUSY);
	DONE(vcm_unreserve(r));
	DONE(vcm_free_bound(b));
}
END_TEST

START_TEST(vcm_free_bound_is_invalid_for_what_is_no_bound)
{
	ALL_WRONG(A_BOUND, vcm_free_bound(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_reserve_from_bound_stays_inside)
{
	struct bound *b = MADE(vcm_create_bound(conform_vcm_made(), SZ_1M));
	size_t start = vcm_get_bound_start_addr(b);
	struct res *r;

	for (int i = 0; i < 16; i++) {
		r = MADE(i % 2 ? vcm_reserve_bound(b, SZ_64K, 0) :
				 vcm_reserve_from_bound(b, SZ_64K, 0));
		ck_assert_uint_ge(vcm_get_dev_addr(r), start);
		ck_assert_uint_le(vcm_get_dev_addr(r) + SZ_64K, start + SZ_1M);
	}
	REFUSED(vcm_reserve_from_bound(b, SZ_4K, 0), ENOSPC);
	REFUSED(vcm_reserve_bound(b, SZ_4K, 0), ENOSPC);
}
END_TEST

START_TEST(vcm_reserve_from_bound_gives_null_for_what_is_no_bound)
{
	ALL_WRONG(A_BOUND, vcm_reserve_from_bound(p, SZ_4K, 0), NULL, EINVAL);
	ALL_WRONG(A_BOUND, vcm_reserve_bound(p, SZ_4K, 0), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_get_bound_start_addr_gives_the_start_or_1)
{
	struct vcm *v = MADE(vcm_create(0, SZ_1M));

	GIVES(vcm_get_bound_start_addr(MADE(vcm_create_bound(v, SZ_1M))), 0, 0);
	ALL_WRONG(A_BOUND, vcm_get_bound_start_addr(p), 1, EINVAL);
}
END_TEST

START_TEST(vcm_get_bound_len_gives_the_len_or_0)
{
	GIVES(vcm_get_bound_len(MADE(vcm_create_bound(conform_vcm_made(), 3 * SZ_4K))), 3 * SZ_4K,
	      0);
	ALL_WRONG(A_BOUND, vcm_get_bound_len(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_get_next_bound_gives_each_once_and_then_null)
{
	struct vcm *v = conform_vcm_made();
	struct bound *b[3], *next = NULL;
	unsigned int seen = 0;

	GIVES(vcm_get_next_bound(v, NULL), NULL, 0);
	for (int i = 0; i < 3; i++)
		b[i] = MADE(vcm_create_bound(v, SZ_64K));
	while ((next = vcm_get_next_bound(v, next)))
		for (int i = 0; i < 3; i++)
			seen += (unsigned int)(next == b[i]) << 4 * i;
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(seen, 0x111);
	REFUSED(vcm_get_next_bound(conform_vcm_made(), b[0]), EINVAL);
	ALL_WRONG(A_VCM, vcm_get_next_bound(p, NULL), NULL, EINVAL);
}
END_TEST

CONFORM_CASES(conform_bound, vcm_create_bound_sets_addresses_aside,
	      vcm_create_bound_gives_null_for_invalid_parameters,
	      vcm_free_bound_gives_the_addresses_back,
	      vcm_free_bound_is_busy_while_there_are_reservations,
	      vcm_free_bound_is_invalid_for_what_is_no_bound, vcm_reserve_from_bound_stays_inside,
	      vcm_reserve_from_bound_gives_null_for_what_is_no_bound,
	      vcm_get_bound_start_addr_gives_the_start_or_1, vcm_get_bound_len_gives_the_len_or_0,
	      vcm_get_next_bound_gives_each_once_and_then_null)
