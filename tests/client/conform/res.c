// SPDX-License-Identifier: BSD-3-Clause
/* vcm_reserve() to vcm_get_next_res(), and vcm_get_min_page_size(). */
#include "tests/client/conform/conform.h"

START_TEST(vcm_reserve_gives_a_reservation)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(v, SZ_64K, VCM_READ | VCM_WRITE | VCM_USER | VCM_WB_WA));
	size_t addr = vcm_get_dev_addr(r);

	ck_assert_uint_ge(addr, SZ_1M);
	ck_assert_uint_eq(addr % SZ_64K, 0);
	GIVES(vcm_get_res_len(r), SZ_64K, 0);
	ck_assert_ptr_ne(MADE(vcm_reserve(v, SZ_64K, 0)), r);
}
END_TEST

START_TEST(vcm_reserve_aligns_as_asked)
{
	struct vcm *v = conform_vcm_made();

	MADE(vcm_reserve(v, SZ_4K, 0));
	for (unsigned int order = 12; order <= 24; order++) {
		struct res *r = MADE(vcm_reserve(v, SZ_4K, VCM_ALIGN_ATTR(order)));

		ck_assert_uint_eq(vcm_get_dev_addr(r) % ((size_t)1 << order), 0);
	}
	ck_assert_uint_eq(vcm_get_dev_addr(MADE(vcm_reserve(v, SZ_1M, 0))) % SZ_1M, 0);
}
END_TEST

static const struct {
	size_t len;
	uint32_t attr;
	int error;
} bad_reservations[] = {
	{ 0, 0, EINVAL },
	{ 1, 0, EINVAL },
	{ SZ_4K + 1, 0, EINVAL },
	{ SZ_4K, VCM_ALIGN_ATTR(1), EINVAL },
	{ SZ_4K, VCM_ALIGN_ATTR(11), EINVAL },
	{ SZ_4K, VCM_ALIGN_ATTR(31), EINVAL },
	{ SZ_4K, 10, EINVAL },
	{ SZ_4K, 15, EINVAL },
	{ SZ_4K, 1u << 15, EINVAL },
	{ SZ_4K, 1u << 31, EINVAL },
	{ 17 * SZ_16M, 0, ENOSPC },
	{ SIZE_MAX & ~(size_t)0xfff, 0, ENOSPC },
};

START_TEST(vcm_reserve_gives_null_for_invalid_parameters)
{
	struct vcm *v = conform_vcm_made();
	struct bound *b = MADE(vcm_create_bound(v, SZ_16M));

	for (size_t i = 0; i < sizeof(bad_reservations) / sizeof(*bad_reservations); i++) {
		size_t len = bad_reservations[i].len;
		uint32_t attr = bad_reservations[i].attr;

		REFUSED(vcm_reserve(v, len, attr), bad_reservations[i].error);
		REFUSED(vcm_reserve_at(VCM_START, v, len, attr), bad_reservations[i].error);
		REFUSED(vcm_reserve_from_bound(b, len, attr), bad_reservations[i].error);
	}
	ALL_WRONG(A_VCM, vcm_reserve(p, SZ_4K, 0), NULL, EINVAL);
	GIVES(vcm_get_num_res(v), 0, 0);
}
END_TEST

START_TEST(vcm_reserve_gives_null_when_the_region_is_full)
{
	struct vcm *v = MADE(vcm_create(SZ_1M, SZ_64K));
	struct res *r = MADE(vcm_reserve(v, SZ_64K, 0));

	REFUSED(vcm_reserve(v, SZ_4K, 0), ENOSPC);
	DONE(vcm_unreserve(r));
	MADE(vcm_reserve(v, SZ_4K, 0));
}
END_TEST

START_TEST(vcm_reserve_at_starts_at_the_start)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve_at(VCM_START, v, SZ_64K, 0));

	GIVES(vcm_get_dev_addr(r), SZ_1M, 0);
	REFUSED(vcm_reserve_at(VCM_START, v, SZ_4K, 0), EBUSY);
}
END_TEST

START_TEST(vcm_reserve_at_gives_null_for_invalid_parameters)
{
	struct vcm *v = conform_vcm_made();

	REFUSED(vcm_reserve_at((enum memtarget_t)1, v, SZ_4K, 0), EINVAL);
	REFUSED(vcm_reserve_at((enum memtarget_t) - 1, v, SZ_4K, 0), EINVAL);
	REFUSED(vcm_reserve_at(VCM_START, MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER)), SZ_4K,
			       0),
		EINVAL);
	ALL_WRONG(A_VCM, vcm_reserve_at(VCM_START, p, SZ_4K, 0), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_get_vcm_from_res_gives_the_vcm_or_null)
{
	struct vcm *v = conform_vcm_made(), *w = conform_vcm_made();

	GIVES(vcm_get_vcm_from_res(MADE(vcm_reserve(v, SZ_4K, 0))), v, 0);
	GIVES(vcm_get_vcm_from_res(MADE(vcm_reserve(w, SZ_4K, 0))), w, 0);
	ALL_WRONG(A_RES, vcm_get_vcm_from_res(p), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_unreserve_gives_the_addresses_back)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve_at(VCM_START, v, SZ_4K, 0));

	DONE(vcm_unreserve(r));
	FAILS(vcm_unreserve(r), EINVAL);
	MADE(vcm_reserve_at(VCM_START, v, SZ_4K, 0));
}
END_TEST

START_TEST(vcm_unreserve_is_busy_while_it_is_backed)
{
	struct res *r = conform_backed(conform_vcm_on(A_STREAM), SZ_4K, 0);

	FAILS(vcm_unreserve(r), EBUSY);
	DONE(vcm_unback(r));
	DONE(vcm_unreserve(r));
}
END_TEST

START_TEST(vcm_unreserve_is_invalid_for_what_is_no_reservation)
{
	ALL_WRONG(A_RES, vcm_unreserve(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_get_res_len_gives_the_len_or_0)
{
	GIVES(vcm_get_res_len(MADE(vcm_reserve(conform_vcm_made(), 3 * SZ_4K, 0))), 3 * SZ_4K, 0);
	ALL_WRONG(A_RES, vcm_get_res_len(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_set_res_attr_sets_what_can_be_set)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = conform_backed(v, SZ_4K, VCM_READ | VCM_WB_WA);
	size_t addr = vcm_get_dev_addr(r), dev = A_STREAM;
	char byte = 1;

	FAILS(vcm_sim_write(dev, addr, &byte, 1), EFAULT);
	DONE(vcm_set_res_attr(r, VCM_READ | VCM_WRITE | VCM_WT));
	GIVES(vcm_get_res_attr(r), VCM_READ | VCM_WRITE | VCM_WT, 0);
	DONE(vcm_sim_write(dev, addr, &byte, 1));
	DONE(vcm_set_res_attr(r, VCM_READ));
	FAILS(vcm_sim_write(dev, addr, &byte, 1), EFAULT);
	DONE(vcm_sim_read(dev, addr, &byte, 1));
}
END_TEST

START_TEST(vcm_set_res_attr_refuses_invalid_attributes)
{
	struct res *r = MADE(vcm_reserve(conform_vcm_made(), SZ_4K, VCM_ALIGN_64K));

	FAILS(vcm_set_res_attr(r, VCM_ALIGN_64K | 10), EINVAL);
	FAILS(vcm_set_res_attr(r, VCM_ALIGN_64K | 1u << 20), EINVAL);
	FAILS(vcm_set_res_attr(r, VCM_ALIGN_1M), EINVAL);
	FAILS(vcm_set_res_attr(r, 0), EINVAL);
	GIVES(vcm_get_res_attr(r), VCM_ALIGN_64K, 0);
	ALL_WRONG(A_RES, vcm_set_res_attr(p, 0), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_set_res_attr_keeps_one_cache_policy_for_one_memory)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *r = conform_backed(v, SZ_4K, VCM_WB_WA),
		   *other = MADE(vcm_reserve(v, SZ_4K, VCM_WB_WA));

	DONE(vcm_back(other, vcm_get_physmem_from_res(r)));
	FAILS(vcm_set_res_attr(r, VCM_WT), EBUSY);
	DONE(vcm_set_res_attr(r, VCM_WB_WA | VCM_READ));
	DONE(vcm_unback(other));
	DONE(vcm_set_res_attr(r, VCM_WT));
}
END_TEST

START_TEST(vcm_set_res_attr_leaves_what_is_backed_secure_or_not)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	struct res *bare = MADE(vcm_reserve(v, SZ_4K, 0)), *r = conform_backed(v, SZ_4K, 0);

	FAILS(vcm_set_res_attr(r, VCM_SECURE), EINVAL);
	GIVES(vcm_get_res_attr(r), 0, 0);
	DONE(vcm_set_res_attr(bare, VCM_SECURE));
}
END_TEST

START_TEST(vcm_get_res_attr_gives_the_attributes_or_0)
{
	struct vcm *v = conform_vcm_made();

	GIVES(vcm_get_res_attr(
		      MADE(vcm_reserve(v, SZ_4K, VCM_READ | VCM_OUTER_WB_NWA | VCM_ALIGN_8K))),
	      VCM_READ | VCM_OUTER_WB_NWA | VCM_ALIGN_8K, 0);
	GIVES(vcm_get_res_attr(MADE(vcm_reserve(v, SZ_4K, 0))), 0, 0);
	ALL_WRONG(A_RES, vcm_get_res_attr(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_get_num_res_counts)
{
	struct vcm *v = conform_vcm_made();
	struct bound *b = MADE(vcm_create_bound(v, SZ_64K));
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0));

	GIVES(vcm_get_num_res(v), 1, 0);
	MADE(vcm_reserve_from_bound(b, SZ_4K, 0));
	GIVES(vcm_get_num_res(v), 2, 0);
	DONE(vcm_unreserve(r));
	GIVES(vcm_get_num_res(v), 1, 0);
	ALL_WRONG(A_VCM, vcm_get_num_res(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_get_next_res_gives_each_once_and_then_null)
{
	struct vcm *v = conform_vcm_made();
	struct res *r[20], *next = NULL;
	size_t n = 0, seen = 0;

	GIVES(vcm_get_next_res(v, NULL), NULL, 0);
	for (size_t i = 0; i < 20; i++)
		r[i] = MADE(vcm_reserve(v, (i + 1) * SZ_4K, 0));
	while ((next = vcm_get_next_res(v, next))) {
		for (size_t i = 0; i < 20; i++)
			seen |= (size_t)(r[i] == next) << i;
		n++;
	}
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(n, 20);
	ck_assert_uint_eq(seen, (1u << 20) - 1);
}
END_TEST

START_TEST(vcm_get_next_res_gives_null_for_what_is_not_there)
{
	struct vcm *v = conform_vcm_made(), *w = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(w, SZ_4K, 0));

	ALL_WRONG(A_VCM, vcm_get_next_res(p, NULL), NULL, EINVAL);
	REFUSED(vcm_get_next_res(v, r), EINVAL);
	DONE(vcm_unreserve(r));
	REFUSED(vcm_get_next_res(w, r), EINVAL);
}
END_TEST

START_TEST(vcm_get_min_page_size_is_4k)
{
	GIVES(vcm_get_min_page_size(), 4096, 0);
	GIVES(vcm_min(), 4096, 0);
}
END_TEST

CONFORM_CASES(conform_res, vcm_reserve_gives_a_reservation, vcm_reserve_aligns_as_asked,
	      vcm_reserve_gives_null_for_invalid_parameters,
	      vcm_reserve_gives_null_when_the_region_is_full, vcm_reserve_at_starts_at_the_start,
	      vcm_reserve_at_gives_null_for_invalid_parameters,
	      vcm_get_vcm_from_res_gives_the_vcm_or_null, vcm_unreserve_gives_the_addresses_back,
	      vcm_unreserve_is_busy_while_it_is_backed,
	      vcm_unreserve_is_invalid_for_what_is_no_reservation,
	      vcm_get_res_len_gives_the_len_or_0, vcm_set_res_attr_sets_what_can_be_set,
	      vcm_set_res_attr_refuses_invalid_attributes,
	      vcm_set_res_attr_keeps_one_cache_policy_for_one_memory,
	      vcm_set_res_attr_leaves_what_is_backed_secure_or_not,
	      vcm_get_res_attr_gives_the_attributes_or_0, vcm_get_num_res_counts,
	      vcm_get_next_res_gives_each_once_and_then_null,
	      vcm_get_next_res_gives_null_for_what_is_not_there, vcm_get_min_page_size_is_4k)
