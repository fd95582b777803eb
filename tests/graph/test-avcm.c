// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v, *one, *user, *kernel;

#define LOW (VCM_SPLIT_ATTR(1) | VCM_USE_LOW_BASE)
#define HIGH (VCM_SPLIT_ATTR(1) | VCM_USE_HIGH_BASE)

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	user = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	kernel = a_prebuilt(&w, ALICE, VCM_PREBUILT_KERNEL);
}

START_TEST(the_first_association_with_a_format_makes_the_table)
{
	struct avcm *a, *b;

	setup();
	PLANS(&w, "TABLE_NEW short", plan_avcm_assoc(&w.p, v, 9, w.ctx_a, 0));
	a = an_avcm(&w, v, w.ctx_a, 0);
	PLANS(&w, "", plan_avcm_assoc(&w.p, v, 9, w.ctx_b, 0));
	b = an_avcm(&w, v, w.ctx_b, 0);
	ck_assert_ptr_eq(a->table, b->table);
	PLANS(&w, "TABLE_NEW wide", plan_avcm_assoc(&w.p, v, 9, w.wide, 0));
	ck_assert_ptr_eq(vcm_table_of(v, &world_narrow), a->table);
	ck_assert_ptr_null(vcm_table_of(v, &world_wide));
	PLANS(&w, "", plan_avcm_deassoc(&w.p, a));
	OK(&w, plan_avcm_deassoc(&w.p, a));
	PLANS(&w, "TABLE_FREE~ short", plan_avcm_deassoc(&w.p, b));
	OK(&w, plan_avcm_deassoc(&w.p, b));
	ck_assert(TAILQ_EMPTY(&v->tables));
	world_deinit(&w);
}
END_TEST

START_TEST(a_new_table_maps_what_is_backed)
{
	struct res *r;

	setup();
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	a_res(&w, v, SZ_4K, 0);
	r = a_res(&w, v, SZ_64K, VCM_READ);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_64K, 0));
	PLANS(&w, "TABLE_NEW wide; MAP wide 7=8 0x110000+0x10000 attr 0x200",
	      plan_avcm_assoc(&w.p, v, 9, w.wide, 0));
	PLANS(&w, "", plan_avcm_assoc(&w.p, v, 9, w.ctx_b, 0));
	world_deinit(&w);
}
END_TEST

START_TEST(a_new_table_has_a_limit_only_where_something_is_backed)
{
	struct res *r;

	setup();
	v = a_vcm(&w, ALICE, 0, 3 * GB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	r = a_res(&w, v, SZ_4K, 0);
	many_res(&w, v, 100, VCM_TABLE_MAX - 1);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	OK(&w, plan_avcm_assoc(&w.p, v, 50, w.wide, 0));
	OK(&w, plan_avcm_deassoc(&w.p, avcm_named(&w, ALICE, 50)));
	a_res(&w, v, SZ_4K, 0);
	REFUSED(&w, -E2BIG, "262145 reservations", plan_avcm_assoc(&w.p, v, 50, w.wide, 0));
	OK(&w, plan_res_unback(&w.p, r));
	OK(&w, plan_avcm_assoc(&w.p, v, 50, w.wide, 0));
	world_deinit(&w);
}
END_TEST

START_TEST(a_vcm_has_so_many_associations)
{
	setup();
	world_begin(&w);
	for (uint32_t i = v->n_avcms; i < AVCMS_MAX; i++)
		ck_assert_int_eq(plan_avcm_assoc(&w.p, v, 100 + i, w.ctx_a, 0), 0);
	world_finish(&w, 0);
	REFUSED(&w, -EDQUOT, "4096 associations", plan_avcm_assoc(&w.p, v, 90, w.ctx_a, 0));
	world_deinit(&w);
}
END_TEST

START_TEST(devices_without_an_iommu_have_no_tables)
{
	struct avcm *a;

	setup();
	PLANS(&w, "", plan_avcm_assoc(&w.p, one, 9, w.dma0, 0));
	PLANS(&w, "", plan_avcm_assoc(&w.p, user, 9, w.cpu, 0));
	a = an_avcm(&w, one, w.dma0, 0);
	PLANS(&w, "", plan_avcm_activate(&w.p, a, 0));
	a = an_avcm(&w, kernel, w.cpu, 0);
	PLANS(&w, "", plan_avcm_activate(&w.p, a, 0));
	world_deinit(&w);
}
END_TEST

START_TEST(an_association_is_refused)
{
	struct vcm *long_one, *high;

	setup();
	long_one = a_vcm(&w, ALICE, 0x80000000, 0x100000000);
	high = a_vcm(&w, ALICE, UINT64_C(1) << 48, SZ_1M);
	const struct {
		struct vcm *v;
		struct device *d;
		uint32_t attr;
		const char *word;
	} bad[] = {
		{ v, w.cpu, 0, "vcm 1 is not prebuilt" },
		{ one, w.cpu, 0, "vcm 2 is not prebuilt" },
		{ v, w.dma0, 0, "vcm 1 is not one-to-one, and dma0" },
		{ user, w.dma0, 0, "vcm 3 is not one-to-one" },
		{ one, w.ctx_a, 0, "vcm 2 is one-to-one: ctx_a" },
		{ user, w.ctx_a, 0, "vcm 3 is prebuilt: ctx_a" },
		{ kernel, w.wide, 0, "vcm 4 is prebuilt: wide" },
		{ v, w.ctx_a, 1, "bits 0x1" },
		{ v, w.ctx_a, VCM_USE_HIGH_BASE, "needs a split" },
		{ v, w.ctx_a, VCM_SPLIT_ATTR(8), "split 8" },
		{ v, w.wide, LOW, "wide has one base" },
		{ user, w.cpu, LOW, "cpu has one base" },
		{ one, w.dma0, HIGH, "dma0 has one base" },
		{ v, w.ctx_a, HIGH, "vcm 1, 0x100000" },
		{ long_one, w.ctx_a, 0, "vcm 5" },
		{ long_one, w.ctx_a, HIGH, "vcm 5" },
		{ high, w.wide, 0, "vcm 6" },
		{ v, w.ctx_a, VCM_SPLIT_ATTR(7) | VCM_USE_LOW_BASE, "0x1ffffff" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, -EINVAL, bad[i].word,
			plan_avcm_assoc(&w.p, bad[i].v, 9, bad[i].d, bad[i].attr));
	REFUSED(&w, -EINVAL, "handle 1", plan_avcm_assoc(&w.p, v, 1, w.ctx_a, 0));
	OK(&w, plan_avcm_assoc(&w.p, long_one, 9, w.wide, 0));
	world_deinit(&w);
}
END_TEST

/* A device of the wide format whose bus uses some addresses for itself. */
START_TEST(a_device_with_holes_takes_what_lies_between_them)
{
	static const struct range reach[] = { { 0x1000, 0xfedfffff },
					      { 0xfef00000, 0xfefeffff },
					      { 0xfeff0000, 0x7fffffffff } };
	static const struct {
		uint64_t start, len;
		const char *word; /* NULL: it is taken */
	} cases[] = {
		{ 0x100000, 0x1000, NULL },
		{ 0x1000, 0xfedff000, NULL },
		/* Two that meet are one. */
		{ 0xfef00000, 0x1000000, NULL },
		{ 0, 0x2000, "holey cannot be given, 0x0 .. 0xfff" },
		{ 0xfe000000, 0x2000000, "0xfee00000 .. 0xfeefffff" },
		{ 0xfee01000, 0x1000, "0xfee01000 .. 0xfee01fff" },
		{ 0x7ffffff000, 0x2000, "0x8000000000 .. 0x8000000fff" },
	};
	struct device *d;

	setup();
	ck_assert_int_eq(device_new(w.g,
				    &(struct device_config){ .name = "holey",
							     .kind = DEVICE_IOMMU,
							     .format = &world_wide,
							     .reach = reach,
							     .n_reach = 3 },
				    &d),
			 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vcm *one_more = a_vcm(&w, ALICE, cases[i].start, cases[i].len);

		if (cases[i].word)
			REFUSED(&w, -EINVAL, cases[i].word,
				plan_avcm_assoc(&w.p, one_more, 800, d, 0));
		else
			OK(&w, plan_avcm_assoc(&w.p, one_more, 900 - (uint32_t)i, d, 0));
	}
	world_deinit(&w);
}
END_TEST

START_TEST(a_half_takes_what_lies_in_it)
{
	struct vcm *top;

	setup();
	top = a_vcm(&w, ALICE, 0x80000000, 0x80000000);
	OK(&w, plan_avcm_assoc(&w.p, top, 10, w.ctx_a, HIGH));
	OK(&w, plan_avcm_assoc(&w.p, top, 11, w.ctx_a, VCM_SPLIT_ATTR(7) | VCM_USE_HIGH_BASE));
	REFUSED(&w, -EINVAL, "vcm 5", plan_avcm_assoc(&w.p, top, 12, w.ctx_a, LOW));
	REFUSED(&w, -EINVAL, "vcm 5", plan_avcm_assoc(&w.p, top, 12, w.ctx_a, VCM_SPLIT_ATTR(1)));
	OK(&w, plan_avcm_assoc(&w.p, v, 12, w.ctx_a, LOW));
	OK(&w, plan_avcm_assoc(&w.p, v, 13, w.ctx_a, VCM_SPLIT_ATTR(5)));
	world_deinit(&w);
}
END_TEST

START_TEST(one_vcm_is_active_on_a_context)
{
	struct avcm *a, *b, *elsewhere, *bobs;
	struct vcm *other, *of_bob;

	setup();
	other = a_vcm(&w, ALICE, 0x100000, MB);
	of_bob = a_vcm(&w, BOB, 0x100000, MB);
	a = an_avcm(&w, v, w.ctx_a, 0);
	b = an_avcm(&w, other, w.ctx_a, 0);
	elsewhere = an_avcm(&w, v, w.ctx_b, 0);
	bobs = an_avcm(&w, of_bob, w.ctx_a, 0);
	PLANS(&w, "ACTIVATE 6", plan_avcm_activate(&w.p, a, 0));
	activate(&w, a);
	ck_assert_uint_eq(v->n_active, 1);
	ck_assert_uint_eq(w.g->n_active, 1);
	REFUSED(&w, -EBUSY, "association 6 with ctx_a is active", plan_avcm_activate(&w.p, a, 0));
	REFUSED(&w, -EBUSY, "association 6 with ctx_a is active",
		plan_avcm_activate(&w.p, a, VCM_ACTIVATE_SWITCH));
	REFUSED(&w, -EBUSY, "ctx_a is active already", plan_avcm_activate(&w.p, b, 0));
	REFUSED(&w, -EBUSY, "ctx_a is active", plan_avcm_activate(&w.p, bobs, 0));
	REFUSED(&w, -EBUSY, "another session", plan_avcm_activate(&w.p, bobs, VCM_ACTIVATE_SWITCH));
	REFUSED(&w, -EINVAL, "flags 0x2", plan_avcm_activate(&w.p, b, 2));
	activate(&w, elsewhere);
	REFUSED(&w, -ENOENT, "association 7 with ctx_a is not active",
		plan_avcm_deactivate(&w.p, b));
	PLANS(&w, "DEACTIVATE 6", plan_avcm_deactivate(&w.p, a));
	OK(&w, plan_avcm_deactivate(&w.p, a));
	OK(&w, plan_avcm_activate(&w.p, bobs, VCM_ACTIVATE_SWITCH)); /* nobody is in the way */
	world_deinit(&w);
}
END_TEST

START_TEST(a_switch_swaps_what_the_session_has_active)
{
	struct vcm *other, *top;
	struct avcm *a, *b, *low, *high, *high2;

	setup();
	other = a_vcm(&w, ALICE, 0x100000, MB);
	top = a_vcm(&w, ALICE, 0x80000000, MB);
	a = an_avcm(&w, v, w.ctx_a, 0);
	b = an_avcm(&w, other, w.ctx_a, 0);
	low = an_avcm(&w, v, w.ctx_a, LOW);
	high = an_avcm(&w, top, w.ctx_a, HIGH);
	high2 = an_avcm(&w, top, w.ctx_a, HIGH);
	activate(&w, a);
	PLANS(&w, "REPLACE 7 by 8", plan_avcm_activate(&w.p, b, VCM_ACTIVATE_SWITCH));
	OK(&w, plan_avcm_activate(&w.p, b, VCM_ACTIVATE_SWITCH));
	ck_assert(b->active && !a->active);
	/* Of another half, or another split: the one goes and the other comes. */
	PLANS(&w, "DEACTIVATE 8; ACTIVATE 10", plan_avcm_activate(&w.p, high, VCM_ACTIVATE_SWITCH));
	OK(&w, plan_avcm_activate(&w.p, low, VCM_ACTIVATE_SWITCH));
	activate(&w, high); /* beside it */
	ck_assert(low->active && high->active);
	PLANS(&w, "REPLACE 10 by 11", plan_avcm_activate(&w.p, high2, VCM_ACTIVATE_SWITCH));
	PLANS(&w, "DEACTIVATE 9; DEACTIVATE 10; ACTIVATE 7",
	      plan_avcm_activate(&w.p, a, VCM_ACTIVATE_SWITCH));
	world_deinit(&w);
}
END_TEST

START_TEST(halves_of_a_context_are_one_sessions)
{
	struct avcm *low, *high, *mine, *bobs, *other_split;
	struct vcm *top, *of_bob, *of_alice;

	setup();
	top = a_vcm(&w, ALICE, 0xc0000000, MB);
	of_alice = a_vcm(&w, ALICE_TOO, 0xc0000000, MB);
	of_bob = a_vcm(&w, BOB, 0xc0000000, MB);
	low = an_avcm(&w, v, w.ctx_a, LOW);
	other_split = an_avcm(&w, top, w.ctx_a, VCM_SPLIT_ATTR(2) | VCM_USE_HIGH_BASE);
	high = an_avcm(&w, of_alice, w.ctx_a, HIGH);
	mine = an_avcm(&w, top, w.ctx_a, HIGH);
	bobs = an_avcm(&w, of_bob, w.ctx_a, HIGH);
	activate(&w, low);
	REFUSED(&w, -EBUSY, "ctx_a is active", plan_avcm_activate(&w.p, bobs, 0));
	REFUSED(&w, -EBUSY, "ctx_a is active", plan_avcm_activate(&w.p, other_split, 0));
	REFUSED(&w, -EBUSY, "ctx_a is active", plan_avcm_activate(&w.p, high, 0));
	activate(&w, mine);
	world_deinit(&w);
}
END_TEST

START_TEST(cpu_and_one_to_one_masters_take_many_active_vcms)
{
	struct vcm *bobs, *other;

	setup();
	other = a_vcm(&w, ALICE, 0x60000000, 16 * MB);
	bobs = a_prebuilt(&w, BOB, VCM_PREBUILT_USER);
	activate(&w, an_avcm(&w, user, w.cpu, 0));
	activate(&w, an_avcm(&w, kernel, w.cpu, 0));
	activate(&w, an_avcm(&w, bobs, w.cpu, 0));
	activate(&w, an_avcm(&w, one, w.dma0, 0));
	activate(&w, an_avcm(&w, other, w.dma0, 0));
	activate(&w, an_avcm(&w, one, w.dma1, 0));
	ck_assert_uint_eq(w.cpu->n_active, 3);
	ck_assert_uint_eq(w.dma0->n_active, 2);
	world_deinit(&w);
}
END_TEST

START_TEST(an_active_association_stays_as_it_is)
{
	struct avcm *a;

	setup();
	a = an_avcm(&w, v, w.ctx_a, 0);
	PLANS(&w, "", plan_avcm_set_attr(&w.p, a, LOW));
	OK(&w, plan_avcm_set_attr(&w.p, a, LOW));
	ck_assert_uint_eq(a->attr, LOW);
	ck_assert_uint_eq(a->half.split, 1);
	REFUSED(&w, -EINVAL, "vcm 1", plan_avcm_set_attr(&w.p, a, HIGH));
	REFUSED(&w, -EINVAL, "split 9", plan_avcm_set_attr(&w.p, a, VCM_SPLIT_ATTR(9)));
	activate(&w, a);
	REFUSED(&w, -EBUSY, "association 5 with ctx_a", plan_avcm_set_attr(&w.p, a, 0));
	REFUSED(&w, -EBUSY, "association 5 with ctx_a", plan_avcm_deassoc(&w.p, a));
	world_deinit(&w);
}
END_TEST

START_TEST(deactivation_keeps_the_table_and_what_is_backed)
{
	struct avcm *a;
	struct res *r;

	setup();
	a = an_avcm(&w, v, w.ctx_a, 0);
	activate(&w, a);
	r = a_res(&w, v, SZ_4K, 0);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	OK(&w, plan_avcm_deactivate(&w.p, a));
	ck_assert_ptr_nonnull(r->physmem);
	ck_assert_ptr_nonnull(vcm_table_of(v, &world_narrow));
	PLANS(&w, "ACTIVATE 5", plan_avcm_activate(&w.p, a, 0));
	PLANS(&w, "TABLE_FREE~ short",
	      plan_avcm_deassoc(&w.p, a)); /* and what is backed stays so */
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct avcm *a, *b;

	setup();
	activate(&w, an_avcm(&w, v, w.wide, 0));
	back(&w, a_res(&w, v, SZ_4K, 0), a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	STARVED(&w, plan_avcm_assoc(&w.p, v, 20, w.ctx_a, 0));
	a = avcm_named(&w, ALICE, 20);
	STARVED(&w, plan_avcm_set_attr(&w.p, a, LOW));
	STARVED(&w, plan_avcm_activate(&w.p, a, 0));
	b = an_avcm(&w, v, w.ctx_a, LOW);
	STARVED(&w, plan_avcm_activate(&w.p, b, VCM_ACTIVATE_SWITCH));
	STARVED(&w, plan_avcm_deactivate(&w.p, b));
	STARVED(&w, plan_avcm_deassoc(&w.p, b));
	STARVED(&w, plan_avcm_deassoc(&w.p, a));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("avcm", the_first_association_with_a_format_makes_the_table,
	   a_new_table_maps_what_is_backed, a_new_table_has_a_limit_only_where_something_is_backed,
	   a_vcm_has_so_many_associations, devices_without_an_iommu_have_no_tables,
	   an_association_is_refused, a_device_with_holes_takes_what_lies_between_them,
	   a_half_takes_what_lies_in_it, one_vcm_is_active_on_a_context,
	   a_switch_swaps_what_the_session_has_active, halves_of_a_context_are_one_sessions,
	   cpu_and_one_to_one_masters_take_many_active_vcms, an_active_association_stays_as_it_is,
	   deactivation_keeps_the_table_and_what_is_backed, every_allocation_fails_in_turn)
