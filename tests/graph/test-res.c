// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
}

START_TEST(a_reservation_lies_in_its_vcm_at_its_alignment)
{
	struct res *r;

	setup();
	r = a_res(&w, v, SZ_4K, 0);
	ck_assert_uint_eq(r->addr, 0x100000);
	ck_assert_uint_eq(r->len, SZ_4K);
	ck_assert_ptr_eq(r->vcm, v);
	ck_assert_uint_eq(v->n_res, 1);
	ck_assert_uint_eq(a_res(&w, v, SZ_64K, 0)->addr % SZ_64K, 0);
	ck_assert_uint_eq(a_res(&w, v, SZ_1M, 0)->addr % SZ_1M, 0);
	ck_assert_uint_eq(a_res(&w, v, SZ_16M, 0)->addr % SZ_16M, 0);
	ck_assert_uint_eq(a_res(&w, v, SZ_4K, VCM_ALIGN_16M)->addr % SZ_16M, 0);
	ck_assert_uint_eq(a_res(&w, v, SZ_16M, VCM_ALIGN_4K)->addr % SZ_4K, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(a_reservation_is_refused)
{
	struct res *r;

	setup();
	REFUSED(&w, -EINVAL, "length 0x0", plan_res_reserve(&w.p, v, 2, 0, 0, 0, &r));
	REFUSED(&w, -EINVAL, "length 0x1001", plan_res_reserve(&w.p, v, 2, 4097, 0, 0, &r));
	REFUSED(&w, -EINVAL, "alignment order 11",
		plan_res_reserve(&w.p, v, 2, SZ_4K, VCM_ALIGN_ATTR(11), 0, &r));
	REFUSED(&w, -EINVAL, "handle 1 is in use", plan_res_reserve(&w.p, v, 1, SZ_4K, 0, 0, &r));
	REFUSED(&w, -ENOSPC, "vcm 1 has no 0x4001000 bytes",
		plan_res_reserve(&w.p, v, 2, 64 * MB + SZ_4K, 0, 0, &r));
	REFUSED(&w, -ENOSPC, "alignment 0x40000000",
		plan_res_reserve(&w.p, v, 2, SZ_4K, VCM_ALIGN_1GB, 0, &r));
	REFUSED(&w, -ENOSPC, "vcm 1", plan_res_reserve(&w.p, v, 2, -SZ_4K, 0, 0, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(reserve_at_takes_the_start)
{
	struct res *r;

	setup();
	OK(&w, plan_res_reserve_at(&w.p, v, 2, SZ_64K, 0, VCM_START, &r));
	ck_assert_uint_eq(r->addr, 0x100000);
	REFUSED(&w, -EBUSY, "the start of vcm 1",
		plan_res_reserve_at(&w.p, v, 3, SZ_4K, 0, VCM_START, &r));
	OK(&w, plan_res_unreserve(&w.p, r));
	OK(&w, plan_res_reserve_at(&w.p, v, 3, 64 * MB, 0, VCM_START, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(reserve_at_is_refused)
{
	struct vcm *odd, *kernel, *user, *one;
	struct res *r;

	setup();
	odd = a_vcm(&w, ALICE, 0x5000, MB);
	kernel = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	user = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	REFUSED(&w, -EINVAL, "no memory target 1",
		plan_res_reserve_at(&w.p, v, 9, SZ_4K, 0, 1, &r));
	REFUSED(&w, -EINVAL, "length", plan_res_reserve_at(&w.p, v, 9, 0, 0, VCM_START, &r));
	REFUSED(&w, -EINVAL, "policy", plan_res_reserve_at(&w.p, v, 9, SZ_4K, 12, VCM_START, &r));
	REFUSED(&w, -EINVAL, "vcm 2, 0x5000, has not the alignment",
		plan_res_reserve_at(&w.p, odd, 9, SZ_4K, VCM_ALIGN_8K, VCM_START, &r));
	REFUSED(&w, -ENOSPC, "vcm 1",
		plan_res_reserve_at(&w.p, v, 9, 64 * MB + SZ_4K, 0, VCM_START, &r));
	REFUSED(&w, -ENOSPC, "vcm 1", plan_res_reserve_at(&w.p, v, 9, -SZ_4K, 0, VCM_START, &r));
	REFUSED(&w, -EINVAL, "vcm 3 is prebuilt",
		plan_res_reserve_at(&w.p, kernel, 9, SZ_4K, 0, VCM_START, &r));
	REFUSED(&w, -EINVAL, "vcm 4 is prebuilt",
		plan_res_reserve_at(&w.p, user, 9, SZ_4K, 0, VCM_START, &r));
	REFUSED(&w, -EINVAL, "vcm 5 is one-to-one",
		plan_res_reserve_at(&w.p, one, 9, SZ_4K, 0, VCM_START, &r));
	OK(&w,
	   plan_res_reserve_at(&w.p, odd, 9, SZ_1M, 0, VCM_START, &r)); /* the default gives way */
	world_deinit(&w);
}
END_TEST

START_TEST(in_a_process_the_client_says_the_address)
{
	static const struct {
		uint64_t addr, len;
		uint32_t attr;
		int code;
		const char *word;
	} bad[] = {
		{ 0, SZ_4K, 0, -EINVAL, "0x0 is no place" },
		{ 0x1800, SZ_4K, 0, -EINVAL, "0x1800 is no place" },
		{ UINT64_C(1) << 47, SZ_4K, 0, -EINVAL, "no place" },
		{ (UINT64_C(1) << 47) - SZ_4K, 2 * SZ_4K, 0, -EINVAL, "no place" },
		{ UINT64_MAX - 0xfff, 2 * SZ_4K, 0, -EINVAL, "no place" },
		{ 0x11000, SZ_4K, VCM_ALIGN_64K, -EINVAL, "alignment 0x10000" },
		{ 0x20000, SZ_4K, 0, -EBUSY, "reserved" },
		{ 0x1f000, 2 * SZ_4K, 0, -EBUSY, "reserved" },
		{ 0x22000, SZ_4K, 0, -EBUSY, "reserved" },
		{ 0x10000, SZ_1M, 0, -EBUSY, "reserved" },
		{ 0x40000, SZ_4K, 0, -EBUSY, "reserved" }, /* in a bound */
		{ 0x4f000, SZ_64K, 0, -EBUSY, "reserved" },
	};
	struct bound *b;
	struct vcm *u;
	struct res *r;

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	a_res_at(&w, u, 0x20000, 3 * SZ_4K, 0);
	OK(&w, plan_bound_create(&w.p, u, 5, SZ_64K, 0x40000, &b));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, bad[i].code, bad[i].word,
			plan_res_reserve(&w.p, u, 9, bad[i].len, bad[i].attr, bad[i].addr, &r));
	a_res_at(&w, u, 0x1f000, SZ_4K, 0);
	a_res_at(&w, u, 0x23000, SZ_1M / 16,
		 0); /* 64 KB at a multiple of 4 KB: the client's choice */
	OK(&w, plan_res_reserve_bound(&w.p, b, 9, SZ_4K, 0, &r));
	ck_assert_uint_eq(r->addr, 0x40000);
	world_deinit(&w);
}
END_TEST

START_TEST(one_to_one_a_reservation_has_no_address_until_it_is_backed)
{
	struct vcm *one;
	struct res *r;

	setup();
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	OK(&w, plan_res_reserve(&w.p, one, 9, SZ_1M, 0, 0xdead000, &r));
	ck_assert_uint_eq(r->addr, RES_NO_ADDR);
	ck_assert_uint_eq(a_res(&w, one, SZ_1M, 0)->addr, RES_NO_ADDR);
	ck_assert_ptr_null(vcm_res_at(one, RES_NO_ADDR));
	ck_assert_ptr_null(vcm_res_containing(one, RES_NO_ADDR));
	REFUSED(&w, -ENOSPC, "vcm 2 is 0x4000000 bytes",
		plan_res_reserve(&w.p, one, 11, 64 * MB + SZ_4K, 0, 0, &r));
	REFUSED(&w, -EINVAL, "length", plan_res_reserve(&w.p, one, 11, 5, 0, 0, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(a_reservation_that_is_backed_stays)
{
	struct physmem *m;
	struct res *r;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	r = a_res(&w, v, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	back(&w, r, m);
	REFUSED(&w, -EBUSY, "reservation 3 is backed by physmem 4", plan_res_unreserve(&w.p, r));
	OK(&w, plan_res_unback(&w.p, r));
	PLANS(&w, "", plan_res_unreserve(&w.p, r));
	OK(&w, plan_res_unreserve(&w.p, r));
	ck_assert_uint_eq(v->n_res, 0);
	ck_assert_uint_eq(a_res(&w, v, 64 * MB, VCM_ALIGN_4K)->addr, 0x100000);
	world_deinit(&w);
}
END_TEST

START_TEST(attributes_of_an_unbacked_reservation_change_but_its_alignment)
{
	struct res *r;

	setup();
	r = a_res(&w, v, SZ_4K, VCM_READ);
	PLANS(&w, "", plan_res_set_attr(&w.p, r, VCM_WRITE | VCM_SECURE | VCM_WB_WA));
	OK(&w, plan_res_set_attr(&w.p, r, VCM_WRITE | VCM_SECURE | VCM_WB_WA));
	ck_assert_uint_eq(r->attr, VCM_WRITE | VCM_SECURE | VCM_WB_WA);
	REFUSED(&w, -EINVAL, "alignment of reservation 2",
		plan_res_set_attr(&w.p, r, VCM_ALIGN_4K));
	REFUSED(&w, -EINVAL, "0x8000", plan_res_set_attr(&w.p, r, 1u << 15));
	REFUSED(&w, -EINVAL, "policy 13", plan_res_set_attr(&w.p, r, 13));
	world_deinit(&w);
}
END_TEST

START_TEST(attributes_of_a_backed_reservation_are_rewritten_in_every_table)
{
	struct physmem *m;
	struct res *r, *other;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	activate(&w, an_avcm(&w, v, w.wide, 0));
	r = a_res(&w, v, SZ_4K, VCM_WB_WA);
	other = a_res(&w, v, SZ_4K, VCM_WB_WA);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	back(&w, r, m);
	PLANS(&w, "PROTECT short 4 attr 0x202 was 0x1; PROTECT wide 4 attr 0x202 was 0x1",
	      plan_res_set_attr(&w.p, r, VCM_READ | VCM_WB_NWA));
	OK(&w, plan_res_set_attr(&w.p, r, VCM_READ | VCM_WB_NWA));
	ck_assert_uint_eq(m->cache, VCM_WB_NWA);
	REFUSED(&w, -EINVAL, "secure cannot change",
		plan_res_set_attr(&w.p, r, VCM_SECURE | VCM_WB_NWA));
	REFUSED(&w, -EINVAL, "asks for cache policy 1", plan_res_back(&w.p, other, m));
	OK(&w, plan_res_set_attr(&w.p, other, VCM_WB_NWA));
	back(&w, other, m);
	REFUSED(&w, -EBUSY, "physmem 6 has 2 mappings", plan_res_set_attr(&w.p, r, VCM_WT));
	OK(&w, plan_res_set_attr(&w.p, r, VCM_WRITE | VCM_WB_NWA)); /* permissions may differ */
	OK(&w, plan_res_unback(&w.p, other));
	OK(&w, plan_res_set_attr(&w.p, r, VCM_WT));
	ck_assert_uint_eq(m->cache, VCM_WT);
	world_deinit(&w);
}
END_TEST

START_TEST(a_full_vcm_says_what_is_left)
{
	struct res *r;

	setup();
	a_res(&w, v, 32 * MB, 0);
	a_res(&w, v, 16 * MB, 0);
	REFUSED(&w, -ENOSPC, "0x1000000 bytes are free",
		plan_res_reserve(&w.p, v, 9, 32 * MB, VCM_ALIGN_1M, 0, &r));
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct physmem *m;
	struct bound *b;
	struct vcm *fresh;
	struct res *r;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	b = a_bound(&w, v, SZ_1M);
	STARVED(&w, plan_res_reserve(&w.p, v, 10, SZ_64K, 0, 0, &r));
	STARVED(&w, plan_res_reserve(&w.p, v, 700, 17 * MB, 0, 0, &r)); /* a new page of handles */
	STARVED(&w, plan_res_reserve_bound(&w.p, b, 12, SZ_4K, 0, &r));
	STARVED(&w, plan_res_unreserve(&w.p, r));
	fresh = a_vcm(&w, ALICE, 0, GB);
	STARVED(&w, plan_res_reserve_at(&w.p, fresh, 12, SZ_4K, 0, VCM_START, &r));
	r = a_res(&w, v, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	STARVED(&w, plan_res_back(&w.p, r, m));
	STARVED(&w, plan_res_set_attr(&w.p, r, VCM_READ));
	STARVED(&w, plan_res_unback(&w.p, r));
	fresh = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	STARVED(&w, plan_res_reserve(&w.p, fresh, 13, SZ_4K, 0, 0x10000, &r));
	fresh = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	STARVED(&w, plan_res_reserve(&w.p, fresh, 14, SZ_4K, 0, 0, &r));
	fresh = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	STARVED(&w, plan_res_reserve(&w.p, fresh, 15, SZ_4K, 0, 0, &r));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("res", a_reservation_lies_in_its_vcm_at_its_alignment, a_reservation_is_refused,
	   reserve_at_takes_the_start, reserve_at_is_refused,
	   in_a_process_the_client_says_the_address,
	   one_to_one_a_reservation_has_no_address_until_it_is_backed,
	   a_reservation_that_is_backed_stays,
	   attributes_of_an_unbacked_reservation_change_but_its_alignment,
	   attributes_of_a_backed_reservation_are_rewritten_in_every_table,
	   a_full_vcm_says_what_is_left, every_allocation_fails_in_turn)
