// SPDX-License-Identifier: BSD-3-Clause
/* Plans of several operations: they see each other, list their steps in order, and are taken back as one. */
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;
static struct avcm *a;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
	a = an_avcm(&w, v, w.ctx_a, 0);
	activate(&w, a);
}

START_TEST(a_batch_uses_what_it_creates)
{
	struct physmem *m;
	struct vcm *fresh;
	struct res *r;
	char *before;

	setup();
	before = world_dump(&w);
	for (int round = 0; round < 2; round++) {
		world_begin(&w);
		ck_assert_int_eq(plan_vcm_create(&w.p, w.s[ALICE], 10, 0, MB, &fresh), 0);
		ck_assert_int_eq(plan_avcm_assoc(&w.p, fresh, 11, w.ctx_b, 0), 0);
		ck_assert_int_eq(plan_avcm_activate(&w.p, avcm_named(&w, ALICE, 11), 0), 0);
		ck_assert_int_eq(plan_res_reserve(&w.p, fresh, 12, SZ_4K, 0, 0, &r), 0);
		ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 13, MEM0, SZ_4K, 0, &m), 0);
		ck_assert_int_eq(plan_res_back(&w.p, r, m), 0);
		ck_assert_str_eq(world_steps(&w),
				 "TABLE_NEW short; ACTIVATE 11; ARENA_NEW 0x44000000+0x200000; "
				 "MAP short 12=13 0+0x1000 attr 0");
		if (round == 0)
			world_undo(&w, before);
		else
			world_finish(&w, 0);
	}
	ck_assert_ptr_eq(vcm_res_at(fresh, 0), r);
	world_deinit(&w);
}
END_TEST

START_TEST(what_is_mapped_again_is_unmapped_before)
{
	struct physmem *m, *m2;
	struct res *r, *other;
	char *before;

	setup();
	r = a_res(&w, v, SZ_4K, 0);
	other = a_res(&w, v, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	m2 = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	back(&w, r, m);
	back(&w, other, m);
	before = world_dump(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_res_unback(&w.p, other), 0);
	ck_assert_int_eq(plan_res_unback(&w.p, r), 0);
	ck_assert_int_eq(plan_res_back(&w.p, r, m2), 0);
	ck_assert_str_eq(world_steps(&w), "UNMAP~ short 4=5 0x101000+0x1000 attr 0; "
					  "UNMAP short 3=5 0x100000+0x1000 attr 0; "
					  "MAP short 3=6 0x100000+0x1000 attr 0");
	world_undo(&w, before);
	/* Also by another reservation that has taken its place, wholly or in part. */
	world_begin(&w);
	ck_assert_int_eq(plan_res_unback(&w.p, r), 0);
	ck_assert_int_eq(plan_res_unreserve(&w.p, r), 0);
	ck_assert_int_eq(plan_res_unback(&w.p, other), 0);
	ck_assert_int_eq(plan_res_unreserve(&w.p, other), 0);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, 2 * SZ_4K, 0, &m), 0);
	ck_assert_int_eq(plan_res_reserve(&w.p, v, 3, 2 * SZ_4K, 0, 0, &r), 0);
	ck_assert_int_eq(plan_res_back(&w.p, r, m), 0);
	ck_assert_str_eq(world_steps(&w), "UNMAP short 3=5 0x100000+0x1000 attr 0; "
					  "UNMAP short 4=5 0x101000+0x1000 attr 0; "
					  "MAP short 3=9 0x100000+0x2000 attr 0");
	world_finish(&w, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(an_unmap_of_another_table_stays_late)
{
	struct vcm *twin;
	struct physmem *m;
	struct res *r, *s;

	setup();
	twin = a_vcm(&w, ALICE, 0x100000, MB);
	activate(&w, an_avcm(&w, twin, w.ctx_b, 0));
	r = a_res(&w, v, SZ_4K, 0);
	s = a_res(&w, twin, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	back(&w, r, m);
	world_begin(&w);
	ck_assert_int_eq(plan_res_unback(&w.p, r), 0);
	ck_assert_int_eq(plan_res_back(&w.p, s, m), 0);
	ck_assert(w.p.steps[0].kind == STEP_UNMAP && w.p.steps[0].late);
	world_finish(&w, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(memory_of_a_batch_is_not_used_twice)
{
	struct physmem *m, *again;
	uint64_t pa;

	setup();
	m = a_physmem(&w, ALICE, MEM2, 20 * MB, 0);
	pa = m->extents[0].pa.first;
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	/* It may still be mapped, and is not zeroed, until the plan is through. */
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 20, MEM2, 20 * MB, 0, &again),
			 -ENOMEM);
	world_finish(&w, -ENOMEM);
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 20, MEM2, 4 * MB, 0, &again), 0);
	ck_assert(!range_meets(again->extents[0].pa, (struct range){ pa, pa + 20 * MB - 1 }));
	world_finish(&w, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(what_a_batch_makes_it_may_take_away)
{
	struct physmem *m;
	struct bound *b;
	struct res *r;
	char *before;

	setup();
	before = world_dump(&w);
	for (int round = 0; round < 2; round++) {
		world_begin(&w);
		ck_assert_int_eq(plan_bound_create(&w.p, v, 10, SZ_1M, 0, &b), 0);
		ck_assert_int_eq(plan_res_reserve_bound(&w.p, b, 11, SZ_4K, 0, &r), 0);
		ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 12, MEM0, SZ_4K, 0, &m), 0);
		ck_assert_int_eq(plan_res_back(&w.p, r, m), 0);
		ck_assert_int_eq(plan_res_set_attr(&w.p, r, VCM_READ), 0);
		ck_assert_int_eq(plan_res_unback(&w.p, r), 0);
		ck_assert_int_eq(plan_res_unreserve(&w.p, r), 0);
		ck_assert_int_eq(plan_bound_free(&w.p, b), 0);
		ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
		ck_assert_str_eq(world_steps(&w), "ARENA_NEW 0x44000000+0x200000; "
						  "MAP short 11=12 0x100000+0x1000 attr 0; "
						  "PROTECT short 11 attr 0x200 was 0; "
						  "UNMAP~ short 11=12 0x100000+0x1000 attr 0x200; "
						  "ZERO~ 0x44000000+0x1000");
		if (round == 0)
			world_undo(&w, before);
		else
			world_finish(&w, 0);
	}
	ck_assert_uint_eq(w.s[ALICE]->counts[OBJECT_RES], 0);
	ck_assert_uint_eq(w.alice->cached_bytes, SZ_2M);
	world_deinit(&w);
}
END_TEST

START_TEST(a_table_may_go_and_come_in_one_plan)
{
	struct avcm *fresh;
	struct res *r;
	char *before;

	setup();
	r = a_res(&w, v, SZ_4K, 0);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	before = world_dump(&w);
	for (int round = 0; round < 2; round++) {
		world_begin(&w);
		ck_assert_int_eq(plan_avcm_deactivate(&w.p, a), 0);
		ck_assert_int_eq(plan_avcm_deassoc(&w.p, a), 0);
		ck_assert_int_eq(plan_avcm_assoc(&w.p, v, 2, w.ctx_b, 0), 0);
		fresh = avcm_named(&w, ALICE, 2);
		ck_assert_int_eq(plan_avcm_activate(&w.p, fresh, 0), 0);
		ck_assert_str_eq(world_steps(&w), "DEACTIVATE 2; TABLE_FREE~ short; "
						  "TABLE_NEW short; "
						  "MAP short 3=4 0x100000+0x1000 attr 0; "
						  "ACTIVATE 2");
		if (round == 0)
			world_undo(&w, before);
		else
			world_finish(&w, 0);
	}
	world_deinit(&w);
}
END_TEST

START_TEST(arenas_emptied_together_end_once)
{
	struct physmem *m[3];
	char *before;

	setup();
	for (int i = 0; i < 3; i++)
		m[i] = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	before = world_dump(&w);
	world_begin(&w);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(plan_physmem_free(&w.p, m[i]), 0);
	ck_assert_str_eq(world_steps(&w), "ZERO~ 0x44000000+0x10000; ZERO~ 0x44010000+0x10000; "
					  "ZERO~ 0x44020000+0x10000");
	world_undo(&w, before);
	w.alice->cached_bytes += ARENA_CACHE_MAX; /* as if it had kept all it may */
	world_begin(&w);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(plan_physmem_free(&w.p, m[i]), 0);
	ck_assert_str_eq(world_steps(&w), "ZERO~ 0x44000000+0x10000; ZERO~ 0x44010000+0x10000; "
					  "ARENA_FREE~ 0x44000000+0x200000");
	w.alice->cached_bytes -= ARENA_CACHE_MAX;
	world_finish(&w, 0);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(a_failure_in_a_batch_takes_all_of_it_back)
{
	struct physmem *m;
	struct res *r[3], *fresh;
	char *before;

	setup();
	for (int i = 0; i < 3; i++)
		r[i] = a_res(&w, v, SZ_64K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	back(&w, r[0], m);
	before = world_dump(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_res_unback(&w.p, r[0]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(plan_res_unreserve(&w.p, r[i]), 0);
	ck_assert_int_eq(plan_res_reserve(&w.p, v, 20, SZ_16M, 0, 0, &fresh), 0);
	ck_assert_int_eq(plan_res_reserve(&w.p, v, 21, SZ_1M, 0, 0, &fresh), 0);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	ck_assert_int_eq(plan_res_back(&w.p, fresh, m), -EINVAL);
	world_undo(&w, before);
	world_deinit(&w);
}
END_TEST

START_TEST(a_large_plan_gives_its_memory_back)
{
	struct res *r;

	setup();
	world_begin(&w);
	for (uint32_t i = 0; i < PLAN_KEEP + 10; i++)
		ck_assert_int_eq(plan_res_reserve(&w.p, v, 10 + i, SZ_4K, 0, 0, &r), 0);
	ck_assert_uint_gt(w.p.cap_changes, PLAN_KEEP);
	world_finish(&w, 0);
	ck_assert_uint_eq(w.p.cap_changes, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(an_empty_plan_changes_nothing)
{
	char *before;

	setup();
	before = world_dump(&w);
	world_begin(&w);
	world_undo(&w, before);
	before = world_dump(&w);
	world_begin(&w);
	world_finish(&w, 0);
	world_begin(&w);
	world_undo(&w, before);
	world_deinit(&w);
}
END_TEST

/* What each costs beyond a look-up adds up, whatever it is. */
START_TEST(a_long_plan_says_so)
{
	struct physmem *m, *alias;
	struct res *r, *big;
	uint64_t work;

	setup();
	m = a_physmem(&w, ALICE, MEM0, 4 * MB, VCM_4KB);
	alias = an_alias(&w, ALICE, m->extents[0].pa.first, SZ_4K);
	r = a_res(&w, v, SZ_4K, 0);
	back(&w, r, alias);
	big = a_res(&w, v, 4 * MB, 0);
	world_begin(&w);
	work = w.g->work;
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, w.s[ALICE], m->extents[0].pa.first), 1);
	ck_assert_uint_ge(w.g->work, work + 2); /* the memory, and its alias */
	work = w.g->work;
	ck_assert_int_eq(plan_res_back(&w.p, big, m), 0);
	ck_assert_uint_ge(w.g->work, work + 4 * MB / SZ_4K / 32);
	work = w.g->work;
	ck_assert_int_eq(plan_vcm_clone(&w.p, v, 50), 0);
	ck_assert_uint_ge(w.g->work, work + 2);
	ck_assert_int_eq(plan_check_work(&w.p), 0);
	for (uint32_t n = 51; plan_check_work(&w.p) == 0; n++) {
		ck_assert_uint_lt(n, 2 * PLAN_WORK_MAX);
		ck_assert_int_eq(plan_vcm_clone(&w.p, v, n), 0);
	}
	ck_assert_int_eq(plan_check_work(&w.p), -E2BIG);
	world_finish(&w, 0);
	world_begin(&w);
	ck_assert_int_eq(plan_check_work(&w.p), 0);
	world_finish(&w, 0);
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("plan", a_batch_uses_what_it_creates, what_is_mapped_again_is_unmapped_before,
	   an_unmap_of_another_table_stays_late, memory_of_a_batch_is_not_used_twice,
	   what_a_batch_makes_it_may_take_away, a_table_may_go_and_come_in_one_plan,
	   arenas_emptied_together_end_once, a_failure_in_a_batch_takes_all_of_it_back,
	   a_large_plan_gives_its_memory_back, an_empty_plan_changes_nothing, a_long_plan_says_so)
