// SPDX-License-Identifier: BSD-3-Clause
/* vcm_create() to vcm_free(), vcm_sys_init() and vcm_sys_destroy(). */
#include <vcm/inspect.h>

#include "tests/client/conform/conform.h"

START_TEST(vcm_create_gives_a_region)
{
	struct vcm *v = MADE(vcm_create(SZ_1M, SZ_16M));

	GIVES(vcm_get_start_addr(v), SZ_1M, 0);
	GIVES(vcm_get_len(v), SZ_16M, 0);
	GIVES(vcm_get_num_res(v), 0, 0);
	MADE(vcm_create(0, SZ_4K));
}
END_TEST

START_TEST(vcm_create_starts_where_the_posting_s_example_says)
{
	struct vcm *v = MADE(vcm_create(1024, SZ_16M));

	GIVES(vcm_get_start_addr(v), 1024, 0);
	GIVES(vcm_get_len(v), SZ_16M, 0);
	GIVES(vcm_get_dev_addr(MADE(vcm_reserve(v, SZ_4K, 0))), SZ_4K, 0);
}
END_TEST

START_TEST(vcm_create_gives_null_for_an_invalid_len_or_start)
{
	REFUSED(vcm_create(SZ_1M, 0), EINVAL);
	REFUSED(vcm_create(SZ_1M, 1), EINVAL);
	REFUSED(vcm_create(SZ_1M, SZ_4K - 1), EINVAL);
	REFUSED(vcm_create(1, SZ_16M), EINVAL);
	REFUSED(vcm_create(SZ_1M, SIZE_MAX), EINVAL);
	REFUSED(vcm_create(SIZE_MAX - SZ_4K + 1, SZ_4K), EINVAL);
}
END_TEST

START_TEST(vcm_create_over_a_contiguous_region_is_one_to_one)
{
	size_t pa = vcm_get_cont_memtype_pa(VCM_MEMTYPE_1),
	       len = vcm_get_cont_memtype_len(VCM_MEMTYPE_1);
	struct vcm *v = MADE(vcm_create(pa, len));
	struct res *r = MADE(vcm_reserve(v, SZ_1M, 0));
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_1, SZ_1M, VCM_PHYS_CONT));
	size_t segment_len;

	GIVES(vcm_get_dev_addr(r), 1, ENODATA);
	conform_active(v, DMA);
	DONE(vcm_back(r, m));
	GIVES(vcm_get_dev_addr(r), vcm_get_next_phys_addr(m, 0, &segment_len), 0);
	ck_assert_uint_eq(segment_len, SZ_1M);
	/* One page off, and it is an ordinary region. */
	REFUSED(vcm_assoc(MADE(vcm_create(pa + SZ_4K, len - SZ_4K)), DMA, 0), EINVAL);
}
END_TEST

START_TEST(vcm_create_over_a_live_contiguous_physmem_is_one_to_one)
{
	struct physmem *m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_2M + SZ_4K, VCM_PHYS_CONT));
	size_t len, pa = vcm_get_next_phys_addr(m, 0, &len);
	struct vcm *v = MADE(vcm_create(pa, len));
	struct res *r = MADE(vcm_reserve(v, SZ_2M + SZ_4K, 0));

	conform_active(v, DMA);
	DONE(vcm_back(r, m));
	GIVES(vcm_get_dev_addr(r), pa, 0);
}
END_TEST

START_TEST(vcm_create_from_prebuilt_gives_both_prebuilt_regions)
{
	ck_assert_uint_gt(vcm_get_len(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_KERNEL))), 0);
	ck_assert_uint_gt(vcm_get_len(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER))), 0);
	MADE(vcm_from_prebuilt(VCM_PREBUILT_USER));
}
END_TEST

START_TEST(vcm_create_from_prebuilt_gives_null_for_what_is_not_built)
{
	REFUSED(vcm_create_from_prebuilt(0), EINVAL);
	REFUSED(vcm_create_from_prebuilt(3), EINVAL);
	REFUSED(vcm_create_from_prebuilt(SIZE_MAX), EINVAL);
	REFUSED(vcm_from_prebuilt(3), EINVAL);
}
END_TEST

START_TEST(vcm_clone_matches_the_original_and_then_goes_its_own_way)
{
	struct vcm *v = conform_vcm_on(A_STREAM), *c;
	struct res *r = conform_backed(v, SZ_64K, VCM_READ),
		   *plain = MADE(vcm_reserve(v, SZ_4K, VCM_WRITE)), *copy;
	struct bound *b = MADE(vcm_create_bound(v, SZ_1M)), *b2;
	struct res *inside = MADE(vcm_reserve_from_bound(b, SZ_4K, 0));

	c = MADE(vcm_clone(v));
	GIVES(vcm_get_start_addr(c), vcm_get_start_addr(v), 0);
	GIVES(vcm_get_len(c), vcm_get_len(v), 0);
	GIVES(vcm_get_num_res(c), 3, 0);
	copy = MADE(vcm_get_res(vcm_get_dev_addr(r), c));
	ck_assert_ptr_ne(copy, r);
	GIVES(vcm_get_vcm_from_res(copy), c, 0);
	GIVES(vcm_get_res_attr(copy), VCM_READ, 0);
	GIVES(vcm_get_res_len(copy), SZ_64K, 0);
	GIVES(vcm_get_physmem_from_res(copy), vcm_get_physmem_from_res(r), 0);
	GIVES(vcm_get_res(vcm_get_dev_addr(r), c), copy, 0);
	MADE(vcm_get_res(vcm_get_dev_addr(plain), c));
	MADE(vcm_get_res(vcm_get_dev_addr(inside), c));
	b2 = MADE(vcm_get_next_bound(c, NULL));
	ck_assert_ptr_ne(b2, b);
	GIVES(vcm_get_bound_start_addr(b2), vcm_get_bound_start_addr(b), 0);
	GIVES(vcm_get_next_bound(c, b2), NULL, 0);
	/* No association came along, so this backing can be undone; and each change stays where it is made. */
	DONE(vcm_unback(copy));
	DONE(vcm_unreserve(copy));
	GIVES(vcm_get_num_res(c), 2, 0);
	GIVES(vcm_get_num_res(v), 3, 0);
	ck_assert_ptr_nonnull(vcm_get_physmem_from_res(r));
	FAILS(vcm_unreserve(copy), EINVAL);
	DONE(vcm_unreserve(plain));
	GIVES(vcm_get_num_res(c), 2, 0);
}
END_TEST

START_TEST(vcm_clone_that_is_the_first_is_walked_from_its_first_reservation)
{
	struct vcm *v = conform_vcm_made(), *c;
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0)), *other = MADE(vcm_reserve(v, SZ_64K, 0)),
		   *copy;
	size_t total = vcm_get_dev_addr(r) + vcm_get_dev_addr(other);

	c = MADE(vcm_clone(v));
	copy = MADE(vcm_get_next_res(c, NULL));
	total -= vcm_get_dev_addr(copy);
	copy = MADE(vcm_get_next_res(c, copy));
	GIVES(vcm_get_dev_addr(copy), total, 0);
	GIVES(vcm_get_next_res(c, copy), NULL, 0);
}
END_TEST

START_TEST(vcm_clone_s_reservations_are_walked_and_go_stale_when_they_are_freed)
{
	struct vcm *v = conform_vcm_made(), *c, *next;
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0)), *copy;
	struct bound *copy_b;

	MADE(vcm_create_bound(v, SZ_64K));
	c = MADE(vcm_clone(v));
	copy = MADE(vcm_get_next_res(c, NULL));
	GIVES(vcm_get_dev_addr(copy), vcm_get_dev_addr(r), 0);
	GIVES(vcm_get_res(vcm_get_dev_addr(r), c), copy, 0);
	GIVES(vcm_get_next_res(c, copy), NULL, 0);
	copy_b = MADE(vcm_get_next_bound(c, NULL));
	DONE(vcm_unreserve(copy));
	DONE(vcm_free_bound(copy_b));
	/* What comes next gets their places at the broker, and not their names. */
	next = MADE(vcm_clone(v));
	ck_assert_ptr_ne(MADE(vcm_get_next_res(next, NULL)), copy);
	ck_assert_ptr_ne(MADE(vcm_get_next_bound(next, NULL)), copy_b);
	FAILS(vcm_unreserve(copy), EINVAL);
	GIVES(vcm_get_res_len(copy), 0, EINVAL);
	FAILS(vcm_free_bound(copy_b), EINVAL);
	GIVES(vcm_get_num_res(next), 1, 0);
	GIVES(vcm_get_next_res(next, NULL), vcm_get_res(vcm_get_dev_addr(r), next), 0);
}
END_TEST

START_TEST(vcm_clone_gives_null_for_what_is_no_vcm_or_prebuilt)
{
	ALL_WRONG(A_VCM, vcm_clone(p), NULL, EINVAL);
	REFUSED(vcm_clone(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER))), EINVAL);
	REFUSED(vcm_clone(MADE(vcm_create_from_prebuilt(VCM_PREBUILT_KERNEL))), EINVAL);
}
END_TEST

START_TEST(vcm_get_start_addr_gives_1_for_what_is_no_vcm)
{
	GIVES(vcm_get_start_addr(MADE(vcm_create(0, SZ_16M))), 0, 0);
	ALL_WRONG(A_VCM, vcm_get_start_addr(p), 1, EINVAL);
}
END_TEST

START_TEST(vcm_get_len_gives_0_for_what_is_no_vcm)
{
	GIVES(vcm_get_len(MADE(vcm_create(0, SZ_4K))), SZ_4K, 0);
	ALL_WRONG(A_VCM, vcm_get_len(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_free_frees)
{
	struct vcm *v = conform_vcm_made();

	DONE(vcm_free(v));
	FAILS(vcm_free(v), EINVAL);
	GIVES(vcm_get_len(v), 0, EINVAL);
}
END_TEST

START_TEST(vcm_free_is_busy_while_there_are_reservations)
{
	struct vcm *v = conform_vcm_made();
	struct res *r = MADE(vcm_reserve(v, SZ_4K, 0));

	FAILS(vcm_free(v), EBUSY);
	DONE(vcm_unreserve(r));
	DONE(vcm_free(v));
}
END_TEST

START_TEST(vcm_free_is_busy_while_it_is_associated_active_or_not)
{
	struct vcm *v = conform_vcm_made();
	struct avcm *a = MADE(vcm_assoc(v, A_STREAM, 0));

	FAILS(vcm_free(v), EBUSY);
	DONE(vcm_activate(a));
	FAILS(vcm_free(v), EBUSY);
	DONE(vcm_deactivate(a));
	FAILS(vcm_free(v), EBUSY);
	DONE(vcm_deassoc(a));
	DONE(vcm_free(v));
}
END_TEST

START_TEST(vcm_free_is_busy_while_there_is_a_bound)
{
	struct vcm *v = conform_vcm_made();
	struct bound *b = MADE(vcm_create_bound(v, SZ_64K));

	FAILS(vcm_free(v), EBUSY);
	DONE(vcm_free_bound(b));
	DONE(vcm_free(v));
}
END_TEST

START_TEST(vcm_free_is_invalid_for_what_is_no_vcm)
{
	ALL_WRONG(A_VCM, vcm_free(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_sys_init_and_destroy_are_counted)
{
	struct vcm *v = conform_vcm_made();

	DONE(vcm_sys_init());
	DONE(vcm_sys_destroy());
	GIVES(vcm_get_len(v), 16 * SZ_16M, 0);
	DONE(vcm_sys_destroy());
	GIVES(vcm_get_len(v), 0, ENOTCONN);
	FAILS(vcm_sys_destroy(), ENOTCONN);
	DONE(vcm_sys_init());
	FAILS(vcm_free(v), EINVAL);
}
END_TEST

START_TEST(vcm_sys_init_fails_where_there_is_no_broker)
{
	char path[108];

	snprintf(path, sizeof(path), "%s", getenv("VCM_SOCKET"));
	DONE(vcm_sys_destroy());
	setenv("VCM_SOCKET", "/nonexistent/sock", 1);
	FAILS(vcm_sys_init(), ENOENT);
	setenv("VCM_SOCKET", path, 1);
	DONE(vcm_sys_init());
}
END_TEST

START_TEST(vcm_sys_destroy_takes_everything_back)
{
	struct vcm *v = conform_vcm_on(A_STREAM);
	size_t dev = A_STREAM;

	conform_backed(v, SZ_1M, 0);
	MADE(vcm_create_bound(v, SZ_1M));
	DONE(vcm_sys_destroy());
	DONE(vcm_sys_init());
	GIVES(vcm_dev_addr_to_phys_addr(dev, SZ_1M), 0, EFAULT);
	conform_vcm_on(A_STREAM);
}
END_TEST

static int fail_inside(void *ctx, const struct vcm_row *row)
{
	(void)ctx, (void)row;
	conform_fail();
	return 0;
}

START_TEST(vcm_inspect_has_not_failed_when_a_call_inside_has)
{
	DONE(vcm_inspect(VCM_TABLE_STATUS, 0, fail_inside, NULL));
}
END_TEST

CONFORM_CASES(conform_vcm, vcm_create_gives_a_region,
	      vcm_create_starts_where_the_posting_s_example_says,
	      vcm_create_gives_null_for_an_invalid_len_or_start,
	      vcm_create_over_a_contiguous_region_is_one_to_one,
	      vcm_create_over_a_live_contiguous_physmem_is_one_to_one,
	      vcm_create_from_prebuilt_gives_both_prebuilt_regions,
	      vcm_create_from_prebuilt_gives_null_for_what_is_not_built,
	      vcm_clone_matches_the_original_and_then_goes_its_own_way,
	      vcm_clone_that_is_the_first_is_walked_from_its_first_reservation,
	      vcm_clone_s_reservations_are_walked_and_go_stale_when_they_are_freed,
	      vcm_clone_gives_null_for_what_is_no_vcm_or_prebuilt,
	      vcm_get_start_addr_gives_1_for_what_is_no_vcm, vcm_get_len_gives_0_for_what_is_no_vcm,
	      vcm_free_frees, vcm_free_is_busy_while_there_are_reservations,
	      vcm_free_is_busy_while_it_is_associated_active_or_not,
	      vcm_free_is_busy_while_there_is_a_bound, vcm_free_is_invalid_for_what_is_no_vcm,
	      vcm_sys_init_and_destroy_are_counted, vcm_sys_init_fails_where_there_is_no_broker,
	      vcm_sys_destroy_takes_everything_back,
	      vcm_inspect_has_not_failed_when_a_call_inside_has)
