// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

START_TEST(a_vcm_has_the_range_that_was_asked_for)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x1000, 0x12345678);
	ck_assert_int_eq(v->type, VCM_DEVICE);
	ck_assert_uint_eq(v->range.first, 0x1000);
	ck_assert_uint_eq(v->range.last, 0x12346677);
	ck_assert_uint_eq(w.s[ALICE]->counts[OBJECT_VCM], 1);
	world_deinit(&w);
}
END_TEST

START_TEST(reservations_are_made_of_the_whole_pages_inside)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x400, 0x10000);
	ck_assert_uint_eq(a_res(&w, v, 0xf000, 0)->addr, 0x1000);
	REFUSED(&w, -ENOSPC, "vcm 1",
		plan_res_reserve(&w.p, v, 9, SZ_4K, 0, 0, &(struct res *){ 0 }));
	v = a_vcm(&w, ALICE, 0, 0x2fff);
	ck_assert_uint_eq(a_res(&w, v, 0x2000, 0)->addr, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_may_reach_to_the_end_of_what_is_addressed)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0, UINT64_C(1) << 52);
	a_res(&w, v, SZ_4K, 0);
	v = a_vcm(&w, ALICE, (UINT64_C(1) << 52) - SZ_4K, SZ_4K);
	ck_assert_uint_eq(a_res(&w, v, SZ_4K, 0)->addr, (UINT64_C(1) << 52) - SZ_4K);
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_is_refused)
{
	static const struct {
		uint64_t start, len;
		const char *word;
	} bad[] = {
		{ 0, 0, "shorter than a page" },
		{ 0, 4095, "shorter than a page" },
		{ 1, SZ_1M, "cannot start at 1" },
		{ 0x400, 0x1000, "no whole page" },
		{ 0x1400, 0x1800, "no whole page" },
		{ SZ_4K, UINT64_C(1) << 52, "beyond 2^52" },
		{ UINT64_C(1) << 52, SZ_4K, "beyond 2^52" },
		{ UINT64_MAX - 1, SZ_4K, "beyond 2^52" },
		{ SZ_4K, UINT64_MAX, "beyond 2^52" },
	};
	struct world w;
	struct vcm *v;

	world_init(&w);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, -EINVAL, bad[i].word,
			plan_vcm_create(&w.p, w.s[ALICE], 1, bad[i].start, bad[i].len, &v));
	REFUSED(&w, -EINVAL, "prebuilt vcm 3", plan_vcm_prebuilt(&w.p, w.s[ALICE], 1, 3, &v));
	REFUSED(&w, -EINVAL, "prebuilt vcm 0", plan_vcm_prebuilt(&w.p, w.s[ALICE], 1, 0, &v));
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_over_exactly_a_contiguous_region_is_one_to_one)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	ck_assert_int_eq(v->type, VCM_ONE_TO_ONE);
	v = a_vcm(&w, BOB, 0x60000000, 16 * MB);
	ck_assert_int_eq(v->type, VCM_ONE_TO_ONE);
	v = a_vcm(&w, ALICE, 0x40000000, 64 * MB - SZ_4K);
	ck_assert_int_eq(v->type, VCM_DEVICE);
	v = a_vcm(&w, ALICE, 0x40001000, 64 * MB - SZ_4K);
	ck_assert_int_eq(v->type, VCM_DEVICE);
	v = a_vcm(&w, ALICE, 0x70000000, 32 * MB); /* has no contiguous region */
	ck_assert_int_eq(v->type, VCM_DEVICE);
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_over_exactly_a_contiguous_physmem_of_the_session_is_one_to_one)
{
	struct world w;
	struct physmem *m, *alias;
	uint64_t pa;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_1M, VCM_PHYS_CONT);
	pa = m->extents[0].pa.first;
	alias = an_alias(&w, ALICE, pa + SZ_64K, SZ_64K);
	ck_assert_int_eq(a_vcm(&w, ALICE, pa, SZ_1M)->type, VCM_ONE_TO_ONE);
	ck_assert_int_eq(a_vcm(&w, ALICE, pa + SZ_64K, SZ_64K)->type, VCM_ONE_TO_ONE);
	ck_assert_int_eq(a_vcm(&w, ALICE, pa, SZ_64K)->type, VCM_DEVICE);
	ck_assert_int_eq(a_vcm(&w, ALICE_TOO, pa, SZ_1M)->type, VCM_DEVICE);
	ck_assert_int_eq(a_vcm(&w, BOB, pa, SZ_1M)->type, VCM_DEVICE);
	OK(&w, plan_physmem_free(&w.p, alias));
	ck_assert_int_eq(a_vcm(&w, ALICE, pa + SZ_64K, SZ_64K)->type, VCM_DEVICE);
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_int_eq(a_vcm(&w, ALICE, pa, SZ_1M)->type, VCM_DEVICE);
	world_deinit(&w);
}
END_TEST

START_TEST(prebuilt_vcms_are_those_of_the_process_and_of_the_broker)
{
	struct world w;
	struct vcm *k1, *k2, *u;

	world_init(&w);
	k1 = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	k2 = a_prebuilt(&w, BOB, VCM_PREBUILT_KERNEL);
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	ck_assert_int_eq(k1->type, VCM_EXT_KERNEL);
	ck_assert_int_eq(u->type, VCM_EXT_USER);
	ck_assert_uint_eq(a_res(&w, k1, SZ_4K, 0)->addr, KERNEL);
	ck_assert_uint_eq(a_res(&w, k2, SZ_4K, 0)->addr, KERNEL + SZ_4K); /* one address space */
	ck_assert_uint_eq(a_res_at(&w, u, 0x7f0000001000, SZ_64K, 0)->addr, 0x7f0000001000);
	ck_assert_uint_eq(a_res_at(&w, a_prebuilt(&w, BOB, VCM_PREBUILT_USER), 0x7f0000001000,
				   SZ_64K, 0)
				  ->addr,
			  0x7f0000001000); /* each has its own */
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_in_use_is_not_freed)
{
	struct world w;
	struct vcm *v;
	struct res *r;
	struct bound *b;
	struct avcm *a;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	r = a_res(&w, v, SZ_4K, 0);
	REFUSED(&w, -EBUSY, "vcm 1 has 1 reservations", plan_vcm_free(&w.p, v));
	OK(&w, plan_res_unreserve(&w.p, r));
	b = a_bound(&w, v, SZ_4K);
	REFUSED(&w, -EBUSY, "vcm 1 has bound 3", plan_vcm_free(&w.p, v));
	OK(&w, plan_bound_free(&w.p, b));
	a = an_avcm(&w, v, w.ctx_a, 0);
	REFUSED(&w, -EBUSY, "vcm 1 is associated with ctx_a", plan_vcm_free(&w.p, v));
	OK(&w, plan_avcm_deassoc(&w.p, a));
	PLANS(&w, "", plan_vcm_free(&w.p, v));
	OK(&w, plan_vcm_free(&w.p, v));
	ck_assert_uint_eq(w.s[ALICE]->counts[OBJECT_VCM], 0);
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	STARVED(&w, plan_vcm_create(&w.p, w.s[ALICE], 1, 0x100000, GB, &v));
	STARVED(&w, plan_vcm_prebuilt(&w.p, w.s[ALICE], 2, VCM_PREBUILT_USER, &v));
	STARVED(&w, plan_vcm_prebuilt(&w.p, w.s[BOB], 1, VCM_PREBUILT_KERNEL, &v));
	STARVED(&w, plan_vcm_free(&w.p, vcm_named(&w, ALICE, 1)));
	world_deinit(&w);
}
END_TEST

START_TEST(what_was_touched_once_is_given_back_when_it_is_much)
{
	struct world w;
	struct res *far, *near;
	struct vcm *v;
	size_t least;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0, UINT64_C(1) << 47);
	least = v->reservations.footprint + space_footprint(v->space);
	for (uint64_t k = 1; k < 200; k++) {
		far = a_res(&w, v, k * GB, VCM_ALIGN_4K);
		near = a_res(&w, v, SZ_4K, 0); /* lies behind, each time somewhere else */
		OK(&w, plan_res_unreserve(&w.p, far));
		OK(&w, plan_res_unreserve(&w.p, near));
	}
	ck_assert_uint_lt(v->reservations.footprint + space_footprint(v->space),
			  4 * least + 64 * 1024);
	for (uint64_t k = 1; k < 200; k++) { /* in plans that are aborted too */
		world_begin(&w);
		ck_assert_int_eq(plan_res_reserve(&w.p, v, 100, k * GB, VCM_ALIGN_4K, 0, &far), 0);
		ck_assert_int_eq(plan_res_reserve(&w.p, v, 101, SZ_4K, 0, 0, &near), 0);
		plan_abort(&w.p);
	}
	graph_check(w.g);
	ck_assert_uint_lt(v->reservations.footprint + space_footprint(v->space),
			  4 * least + 64 * 1024);
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("vcm", a_vcm_has_the_range_that_was_asked_for,
	   reservations_are_made_of_the_whole_pages_inside,
	   a_vcm_may_reach_to_the_end_of_what_is_addressed, a_vcm_is_refused,
	   a_vcm_over_exactly_a_contiguous_region_is_one_to_one,
	   a_vcm_over_exactly_a_contiguous_physmem_of_the_session_is_one_to_one,
	   prebuilt_vcms_are_those_of_the_process_and_of_the_broker, a_vcm_in_use_is_not_freed,
	   every_allocation_fails_in_turn, what_was_touched_once_is_given_back_when_it_is_much)
