// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
}

START_TEST(ordinary_reservations_stay_out_of_a_bound)
{
	struct bound *b;
	struct res *r;

	setup();
	b = a_bound(&w, v, 32 * MB);
	ck_assert_uint_eq(range_len(b->range), 32 * MB);
	for (int i = 0; i < 20; i++) {
		r = a_res(&w, v, SZ_1M, 0);
		ck_assert(!range_meets(b->range, (struct range){ r->addr, r->addr + SZ_1M - 1 }));
		ck_assert_ptr_null(r->bound);
	}
	REFUSED(&w, -ENOSPC, "vcm 1", plan_res_reserve(&w.p, v, 90, 16 * MB, 0, 0, &r));
	OK(&w, plan_res_reserve_bound(&w.p, b, 90, 16 * MB, 0, &r));
	ck_assert(range_covers(b->range, (struct range){ r->addr, r->addr + 16 * MB - 1 }));
	ck_assert_ptr_eq(r->bound, b);
	ck_assert_uint_eq(v->n_res, 21); /* those of a bound count */
	world_deinit(&w);
}
END_TEST

START_TEST(a_bound_fills_up_by_itself)
{
	struct bound *b;
	struct res *r;

	setup();
	b = a_bound(&w, v, 2 * SZ_4K);
	OK(&w, plan_res_reserve_bound(&w.p, b, 10, SZ_4K, 0, &r));
	ck_assert_uint_eq(r->addr, b->range.first);
	OK(&w, plan_res_reserve_bound(&w.p, b, 11, SZ_4K, 0, &r));
	REFUSED(&w, -ENOSPC, "bound 2 has no 0x1000 bytes",
		plan_res_reserve_bound(&w.p, b, 12, SZ_4K, 0, &r));
	OK(&w, plan_res_unreserve(&w.p, r));
	OK(&w, plan_res_reserve_bound(&w.p, b, 12, SZ_4K, 0, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(a_reservation_from_a_bound_is_refused)
{
	struct bound *b;
	struct res *r;

	setup();
	b = a_bound(&w, v, SZ_64K);
	REFUSED(&w, -EINVAL, "length", plan_res_reserve_bound(&w.p, b, 9, 0, 0, &r));
	REFUSED(&w, -EINVAL, "length", plan_res_reserve_bound(&w.p, b, 9, 4097, 0, &r));
	REFUSED(&w, -EINVAL, "policy", plan_res_reserve_bound(&w.p, b, 9, SZ_4K, 10, &r));
	REFUSED(&w, -EINVAL, "handle 2", plan_res_reserve_bound(&w.p, b, 2, SZ_4K, 0, &r));
	REFUSED(&w, -ENOSPC, "bound 2", plan_res_reserve_bound(&w.p, b, 9, SZ_1M, 0, &r));
	REFUSED(&w, -ENOSPC, "bound 2",
		plan_res_reserve_bound(&w.p, b, 9, SZ_4K, VCM_ALIGN_1GB, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(a_bound_is_refused)
{
	struct vcm *one, *u;
	struct bound *b;

	setup();
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	a_res_at(&w, u, 0x20000, SZ_4K, 0);
	REFUSED(&w, -EINVAL, "length 0x0", plan_bound_create(&w.p, v, 9, 0, 0, &b));
	REFUSED(&w, -EINVAL, "length 0x1", plan_bound_create(&w.p, v, 9, 1, 0, &b));
	REFUSED(&w, -ENOSPC, "vcm 1", plan_bound_create(&w.p, v, 9, 64 * MB + SZ_4K, 0, &b));
	REFUSED(&w, -EINVAL, "vcm 2 is one-to-one", plan_bound_create(&w.p, one, 9, SZ_4K, 0, &b));
	REFUSED(&w, -EINVAL, "handle 1", plan_bound_create(&w.p, v, 1, SZ_4K, 0, &b));
	REFUSED(&w, -EINVAL, "0x0 is no place", plan_bound_create(&w.p, u, 9, SZ_4K, 0, &b));
	REFUSED(&w, -EINVAL, "no place", plan_bound_create(&w.p, u, 9, SZ_4K, 0x1010, &b));
	REFUSED(&w, -EBUSY, "reserved", plan_bound_create(&w.p, u, 9, SZ_64K, 0x18000, &b));
	OK(&w, plan_bound_create(&w.p, u, 9, SZ_64K, 0x30000, &b));
	ck_assert_uint_eq(b->range.first, 0x30000);
	REFUSED(&w, -EBUSY, "reserved", plan_bound_create(&w.p, u, 10, SZ_4K, 0x3f000, &b));
	world_deinit(&w);
}
END_TEST

START_TEST(a_bound_in_use_is_not_freed)
{
	struct bound *b;
	struct res *r;

	setup();
	b = a_bound(&w, v, 64 * MB - SZ_1M * 15);
	OK(&w, plan_res_reserve_bound(&w.p, b, 9, SZ_4K, 0, &r));
	REFUSED(&w, -EBUSY, "bound 2 has 1 reservations", plan_bound_free(&w.p, b));
	OK(&w, plan_res_unreserve(&w.p, r));
	PLANS(&w, "", plan_bound_free(&w.p, b));
	OK(&w, plan_bound_free(&w.p, b));
	a_res(&w, v, 64 * MB, VCM_ALIGN_4K);
	world_deinit(&w);
}
END_TEST

START_TEST(bounds_are_listed_by_address)
{
	struct bound *b[3];
	struct vcm *kernel;

	setup();
	ck_assert_ptr_null(vcm_bound_next(v, NULL));
	for (int i = 0; i < 3; i++)
		b[i] = a_bound(&w, v, SZ_64K);
	OK(&w, plan_bound_free(&w.p, b[0]));
	b[0] = a_bound(&w, v, SZ_64K);
	ck_assert_ptr_eq(vcm_bound_next(v, NULL), b[0]);
	ck_assert_ptr_eq(vcm_bound_next(v, b[0]), b[1]);
	ck_assert_ptr_eq(vcm_bound_next(v, b[1]), b[2]);
	ck_assert_ptr_null(vcm_bound_next(v, b[2]));
	kernel = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	ck_assert_uint_eq(a_bound(&w, kernel, SZ_64K)->range.first, KERNEL);
	kernel = a_prebuilt(&w, BOB, VCM_PREBUILT_KERNEL);
	ck_assert_uint_eq(a_bound(&w, kernel, SZ_64K)->range.first, KERNEL + SZ_64K);
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct bound *b;
	struct vcm *u;

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	STARVED(&w, plan_bound_create(&w.p, v, 9, 17 * MB, 0, &b));
	STARVED(&w, plan_bound_free(&w.p, b));
	STARVED(&w, plan_bound_create(&w.p, u, 9, SZ_64K, 0x10000, &b));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("bound", ordinary_reservations_stay_out_of_a_bound, a_bound_fills_up_by_itself,
	   a_reservation_from_a_bound_is_refused, a_bound_is_refused, a_bound_in_use_is_not_freed,
	   bounds_are_listed_by_address, every_allocation_fails_in_turn)
