// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 80 * MB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
}

START_TEST(a_clone_has_the_same_reservations_bounds_and_backing)
{
	struct bound *b, *b2;
	struct physmem *m;
	struct res *r[3], *c = NULL;
	struct vcm *clone;

	setup();
	b = a_bound(&w, v, SZ_1M);
	r[0] = a_res(&w, v, SZ_64K, VCM_READ | VCM_WB_WA);
	OK(&w, plan_res_reserve_bound(&w.p, b, 20, SZ_4K, 0, &r[1]));
	r[2] = a_res(&w, v, SZ_4K, VCM_ALIGN_1M);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	back(&w, r[0], m);
	PLANS(&w, "", plan_vcm_clone(&w.p, v, 30));
	OK(&w, plan_vcm_clone(&w.p, v, 30));
	clone = vcm_named(&w, ALICE, 30);
	ck_assert_uint_eq(clone->n_res, 3);
	ck_assert_uint_eq(clone->n_avcms, 0);
	ck_assert_uint_eq(clone->range.first, v->range.first);
	b2 = vcm_bound_next(clone, NULL);
	ck_assert_uint_eq(b2->range.first, b->range.first);
	ck_assert_uint_ge(b2->obj.handle, HANDLE_BROKER);
	for (struct res *s = vcm_res_next(v, NULL); s; s = vcm_res_next(v, s)) {
		c = vcm_res_next(clone, c);
		ck_assert_uint_eq(c->addr, s->addr);
		ck_assert_uint_eq(c->len, s->len);
		ck_assert_uint_eq(c->attr, s->attr);
		ck_assert_ptr_eq(c->physmem, s->physmem);
		ck_assert_ptr_eq(c->bound, s->bound ? b2 : NULL);
		ck_assert_uint_ge(c->obj.handle, HANDLE_BROKER);
	}
	ck_assert_uint_eq(m->n_backings, 2);
	ck_assert_uint_eq(w.s[ALICE]->bytes, SZ_64K); /* no bytes */
	world_deinit(&w);
}
END_TEST

START_TEST(a_clone_lives_by_itself)
{
	struct vcm *clone;
	struct res *r, *c;

	setup();
	r = a_res(&w, v, SZ_64K, 0);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_64K, 0));
	OK(&w, plan_vcm_clone(&w.p, v, 30));
	clone = vcm_named(&w, ALICE, 30);
	c = vcm_res_next(clone, NULL);
	OK(&w, plan_res_unback(&w.p, r));
	OK(&w, plan_res_unreserve(&w.p, r));
	PLANS(&w, "TABLE_NEW short; MAP short 2147483648=4 0x100000+0x10000 attr 0",
	      plan_avcm_assoc(&w.p, clone, 31, w.ctx_b, 0));
	OK(&w, plan_res_unback(&w.p, c)); /* it has no association that would have to be active */
	ck_assert_uint_eq(a_res(&w, clone, SZ_4K, 0)->addr, 0x110000);
	OK(&w, plan_res_unreserve(&w.p, c));
	ck_assert_uint_eq(a_res(&w, clone, SZ_4K, 0)->addr, 0x100000);
	world_deinit(&w);
}
END_TEST

START_TEST(a_one_to_one_clone_has_the_addresses_too)
{
	struct vcm *one, *clone;
	struct physmem *m;
	struct res *r;

	setup();
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	activate(&w, an_avcm(&w, one, w.dma0, 0));
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_PHYS_CONT);
	r = a_res(&w, one, SZ_4K, 0);
	a_res(&w, one, SZ_64K, 0);
	back(&w, r, m);
	OK(&w, plan_vcm_clone(&w.p, one, 30));
	clone = vcm_named(&w, ALICE, 30);
	ck_assert_int_eq(clone->type, VCM_ONE_TO_ONE);
	ck_assert_uint_eq(vcm_res_next(clone, NULL)->addr, RES_NO_ADDR);
	ck_assert_ptr_nonnull(vcm_res_at(clone, m->extents[0].pa.first));
	world_deinit(&w);
}
END_TEST

START_TEST(a_clone_is_refused)
{
	struct vcm *u, *k;

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	k = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	a_bound(&w, v, SZ_1M);
	a_res(&w, v, SZ_4K, 0);
	REFUSED(&w, -EINVAL, "vcm 3 is prebuilt", plan_vcm_clone(&w.p, u, 30));
	REFUSED(&w, -EINVAL, "vcm 4 is prebuilt", plan_vcm_clone(&w.p, k, 30));
	REFUSED(&w, -EINVAL, "handle 1", plan_vcm_clone(&w.p, v, 1));
	w.alice->limits.objects =
		w.alice->objects + 16 + 8; /* a page of handles, a vcm, a bound, no reservation */
	REFUSED(&w, -EDQUOT, "user 1000", plan_vcm_clone(&w.p, v, 30));
	world_deinit(&w);
}
END_TEST

/* It is one plan, which nothing else comes between. */
START_TEST(a_clone_has_a_limit)
{
	setup();
	many_res(&w, v, next_handle(w.s[ALICE]), VCM_CLONE_MAX);
	OK(&w, plan_vcm_clone(&w.p, v, VCM_CLONE_MAX + 100));
	a_res(&w, v, SZ_4K, 0);
	REFUSED(&w, -E2BIG, "16385 reservations", plan_vcm_clone(&w.p, v, VCM_CLONE_MAX + 101));
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct bound *b;
	struct res *r;

	setup();
	b = a_bound(&w, v, SZ_1M);
	OK(&w, plan_res_reserve_bound(&w.p, b, 20, SZ_4K, 0, &r));
	back(&w, a_res(&w, v, SZ_64K, 0), a_physmem(&w, ALICE, MEM0, SZ_64K, 0));
	a_res(&w, v, 17 * MB, 0);
	STARVED(&w, plan_vcm_clone(&w.p, v, 30));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("clone", a_clone_has_the_same_reservations_bounds_and_backing, a_clone_lives_by_itself,
	   a_one_to_one_clone_has_the_addresses_too, a_clone_is_refused, a_clone_has_a_limit,
	   every_allocation_fails_in_turn)
