// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
}

START_TEST(backing_maps_in_every_table)
{
	struct physmem *m;
	struct res *r;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	activate(&w, an_avcm(&w, v, w.ctx_b, 0));
	activate(&w, an_avcm(&w, v, w.wide, 0));
	r = a_res(&w, v, SZ_64K, VCM_READ | VCM_WB_WA);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	PLANS(&w,
	      "MAP short 5=6 0x100000+0x10000 attr 0x201; MAP wide 5=6 0x100000+0x10000 attr 0x201",
	      plan_res_back(&w.p, r, m));
	back(&w, r, m);
	ck_assert_ptr_eq(r->physmem, m);
	ck_assert_uint_eq(m->n_backings, 1);
	ck_assert_uint_eq(m->cache, VCM_WB_WA);
	PLANS(&w,
	      "UNMAP~ short 5=6 0x100000+0x10000 attr 0x201; UNMAP~ wide 5=6 0x100000+0x10000 attr 0x201",
	      plan_res_unback(&w.p, r));
	OK(&w, plan_res_unback(&w.p, r));
	ck_assert_ptr_null(r->physmem);
	ck_assert_uint_eq(m->n_mappings, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(backing_is_refused_in_the_order_of_the_checks)
{
	struct physmem *m, *longer;
	struct avcm *a, *b;
	struct res *r;

	setup();
	r = a_res(&w, v, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	longer = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	REFUSED(&w, -EINVAL, "reservation 2 has 0x1000 bytes and physmem 4 has 0x10000",
		plan_res_back(&w.p, r, longer));
	REFUSED(&w, -EAGAIN, "vcm 1 is associated with no device", plan_res_back(&w.p, r, m));
	a = an_avcm(&w, v, w.ctx_a, 0);
	b = an_avcm(&w, v, w.ctx_b, 0);
	REFUSED(&w, -EAGAIN, "vcm 1 with ctx_a is not active", plan_res_back(&w.p, r, m));
	activate(&w, a);
	REFUSED(&w, -EAGAIN, "vcm 1 with ctx_b is not active", plan_res_back(&w.p, r, m));
	activate(&w, b);
	back(&w, r, m);
	REFUSED(&w, -EBUSY, "reservation 2 is backed by physmem 3", plan_res_back(&w.p, r, m));
	OK(&w, plan_avcm_deactivate(&w.p, b));
	REFUSED(&w, -EAGAIN, "ctx_b is not active", plan_res_unback(&w.p, r));
	REFUSED(&w, -EBUSY, "reservation 2 is backed", plan_res_back(&w.p, r, m)); /* state first */
	OK(&w, plan_avcm_activate(&w.p, b, 0));
	OK(&w, plan_res_unback(&w.p, r));
	REFUSED(&w, -EINVAL, "reservation 2 is not backed", plan_res_unback(&w.p, r));
	world_deinit(&w);
}
END_TEST

START_TEST(what_is_backed_can_be_unbacked_when_its_last_association_has_gone)
{
	struct avcm *a;
	struct res *r;

	setup();
	a = an_avcm(&w, v, w.ctx_a, 0);
	activate(&w, a);
	r = a_res(&w, v, SZ_4K, 0);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	OK(&w, plan_avcm_deactivate(&w.p, a));
	OK(&w, plan_avcm_deassoc(&w.p, a));
	PLANS(&w, "", plan_res_unback(&w.p, r));
	OK(&w, plan_res_unback(&w.p, r));
	world_deinit(&w);
}
END_TEST

START_TEST(one_memory_has_one_cache_policy)
{
	struct physmem *m, *alias;
	struct res *a, *b, *c;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	a = a_res(&w, v, SZ_4K, VCM_WB_WA);
	b = a_res(&w, v, SZ_4K, VCM_WT | VCM_READ);
	c = a_res(&w, v, SZ_4K, VCM_WB_WA | VCM_READ);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	alias = an_alias(&w, ALICE, m->extents[0].pa.first, SZ_4K);
	back(&w, a, alias);
	REFUSED(&w, -EINVAL, "reservation 3 maps physmem 6 with policy 1",
		plan_res_back(&w.p, b, m)); /* through the alias */
	back(&w, c, m);
	REFUSED(&w, -EINVAL, "with policy 1", plan_res_back(&w.p, b, alias));
	ck_assert_uint_eq(m->n_mappings, 2);
	OK(&w, plan_res_unback(&w.p, a));
	REFUSED(&w, -EINVAL, "with policy 1", plan_res_back(&w.p, b, alias));
	OK(&w, plan_res_unback(&w.p, c));
	back(&w, b, alias); /* the first of new mappings fixes it anew */
	REFUSED(&w, -EINVAL, "with policy 3", plan_res_back(&w.p, a, m));
	world_deinit(&w);
}
END_TEST

START_TEST(secure_memory_is_for_secure_reservations_and_never_for_a_cpu)
{
	struct physmem *secret, *plain;
	struct vcm *u, *k;
	struct res *r, *s;

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	k = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	activate(&w, an_avcm(&w, u, w.cpu, 0));
	activate(&w, an_avcm(&w, k, w.cpu, 0));
	secret = a_physmem(&w, ALICE, MEM_SECURE, SZ_4K, 0);
	plain = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	r = a_res(&w, v, SZ_4K, 0);
	s = a_res(&w, v, SZ_4K, VCM_SECURE);
	REFUSED(&w, -EINVAL, "reservation 9 is not secure and physmem 7 is secure",
		plan_res_back(&w.p, r, secret));
	REFUSED(&w, -EINVAL, "reservation 10 is secure and physmem 8 is not",
		plan_res_back(&w.p, s, plain));
	back(&w, s, secret);
	back(&w, r, plain);
	s = a_res_at(&w, u, 0x10000, SZ_4K, VCM_SECURE);
	REFUSED(&w, -EINVAL, "physmem 7 is secure", plan_res_back(&w.p, s, secret));
	s = a_res(&w, k, SZ_4K, VCM_SECURE);
	REFUSED(&w, -EINVAL, "physmem 7 is secure", plan_res_back(&w.p, s, secret));
	world_deinit(&w);
}
END_TEST

START_TEST(one_to_one_the_address_is_that_of_the_memory)
{
	struct physmem *m, *outside;
	struct vcm *one;
	struct res *a, *b;

	setup();
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	activate(&w, an_avcm(&w, one, w.dma0, 0));
	a = a_res(&w, one, SZ_1M, 0);
	b = a_res(&w, one, SZ_1M, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_1M, VCM_PHYS_CONT);
	outside = a_physmem(&w, ALICE, MEM0, SZ_1M, 0);
	ck_assert(range_covers(one->range, m->extents[0].pa));
	ck_assert(!range_covers(one->range, outside->extents[0].pa));
	REFUSED(&w, -EINVAL, "physmem 7 at", plan_res_back(&w.p, a, outside));
	PLANS(&w, "", plan_res_back(&w.p, a, m));
	back(&w, a, m);
	ck_assert_uint_eq(a->addr, m->extents[0].pa.first);
	back(&w, b, m); /* one-to-one reservations may overlap */
	ck_assert_uint_eq(b->addr, a->addr);
	ck_assert_ptr_eq(vcm_res_at(one, a->addr), a); /* the lower handle */
	OK(&w, plan_res_unback(&w.p, a));
	ck_assert_uint_eq(a->addr, RES_NO_ADDR);
	ck_assert_ptr_eq(vcm_res_at(one, b->addr), b);
	world_deinit(&w);
}
END_TEST

START_TEST(one_to_one_takes_contiguous_memory_at_its_alignment)
{
	struct physmem *m, *scattered, *fill[4];
	struct range tight = { 0x50000000, 0x50000000 + 16 * SZ_4K - 1 };
	struct world *t = &w;
	struct vcm *one;
	struct res *r;

	world_init_pool(t, &(struct pool_config){ .memtype = MEM0,
						  .ranges = &tight,
						  .n_ranges = 1,
						  .cont_len = 16 * SZ_4K,
						  .granule = 4 * SZ_4K });
	ck_assert_int_eq(
		device_new(t->g,
			   &(struct device_config){ .name = "dma0", .kind = DEVICE_ONE_TO_ONE },
			   &t->dma0),
		0);
	one = a_vcm(t, ALICE, tight.first, range_len(tight));
	ck_assert_int_eq(one->type, VCM_ONE_TO_ONE);
	activate(t, an_avcm(t, one, t->dma0, 0));
	for (int i = 0; i < 4; i++)
		fill[i] = a_physmem(t, ALICE, MEM0, 4 * SZ_4K, 0);
	OK(t, plan_physmem_free(&t->p, fill[0]));
	OK(t, plan_physmem_free(&t->p, fill[2]));
	OK(t, plan_evict(&t->p, MEM0));
	scattered = a_physmem(t, ALICE, MEM0, 8 * SZ_4K, VCM_4KB);
	ck_assert_uint_eq(scattered->n_extents, 2);
	r = a_res(t, one, 8 * SZ_4K, 0);
	REFUSED(t, -EINVAL, "is scattered", plan_res_back(&t->p, r, scattered));
	OK(t, plan_physmem_free(&t->p, scattered));
	OK(t, plan_evict(&t->p, MEM0));
	m = a_physmem(t, ALICE, MEM0, SZ_4K, 0);
	m = an_alias(t, ALICE, m->extents[0].pa.first, SZ_4K);
	r = a_res(t, one, SZ_4K, VCM_ALIGN_1GB);
	REFUSED(t, -EINVAL, "alignment of reservation", plan_res_back(&t->p, r, m));
	r = a_res(t, one, SZ_4K, 0);
	back(t, r, m);
	world_deinit(t);
}
END_TEST

START_TEST(no_cpu_maps_a_window)
{
	struct physmem *window;
	struct vcm *u;
	struct res *r;

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	activate(&w, an_avcm(&w, u, w.cpu, 0));
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	window = an_alias(&w, ALICE, WINDOW, SZ_4K);
	r = a_res_at(&w, u, 0x10000, SZ_4K, 0);
	REFUSED(&w, -EINVAL, "is a window", plan_res_back(&w.p, r, window));
	back(&w, a_res(&w, v, SZ_4K, 0), window);
	world_deinit(&w);
}
END_TEST

START_TEST(the_same_memory_backs_many_reservations)
{
	struct physmem *m;
	struct vcm *u;
	struct res *r[3];

	setup();
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	activate(&w, an_avcm(&w, u, w.cpu, 0));
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	r[0] = a_res(&w, v, SZ_4K, 0);
	r[1] = a_res(&w, v, SZ_4K, VCM_READ);
	r[2] = a_res_at(&w, u, 0x10000, SZ_4K, 0);
	for (int i = 0; i < 3; i++)
		back(&w, r[i], m);
	ck_assert_uint_eq(m->n_backings, 3);
	for (int i = 0; i < 3; i++)
		OK(&w, plan_res_unback(&w.p, r[i]));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("back", backing_maps_in_every_table, backing_is_refused_in_the_order_of_the_checks,
	   what_is_backed_can_be_unbacked_when_its_last_association_has_gone,
	   one_memory_has_one_cache_policy,
	   secure_memory_is_for_secure_reservations_and_never_for_a_cpu,
	   one_to_one_the_address_is_that_of_the_memory,
	   one_to_one_takes_contiguous_memory_at_its_alignment, no_cpu_maps_a_window,
	   the_same_memory_backs_many_reservations)
