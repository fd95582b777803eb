// SPDX-License-Identifier: BSD-3-Clause
/* What a session leaves behind is taken back in slices, in the order that is safe. */
#include "tests/graph/world.h"

static struct world w;

/* One of everything, and more. */
static void setup(void)
{
	struct vcm *v, *u, *one, *top;
	struct physmem *m;
	struct bound *b;
	struct res *r;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
	top = a_vcm(&w, ALICE, 0x80000000, MB);
	u = a_prebuilt(&w, ALICE, VCM_PREBUILT_USER);
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	an_avcm(&w, v, w.ctx_b, 0); /* never active, before those that are */
	an_avcm(&w, v, w.ctx_b, 0);
	activate(&w, an_avcm(&w, top, w.ctx_a, VCM_SPLIT_ATTR(1) | VCM_USE_HIGH_BASE));
	activate(&w, an_avcm(&w, u, w.cpu, 0));
	activate(&w, an_avcm(&w, one, w.dma0, 0));
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_PHYS_CONT);
	back(&w, a_res(&w, one, SZ_4K, 0), m);
	back(&w, a_res(&w, top, SZ_4K, 0), m);
	back(&w, a_res_at(&w, u, 0x10000, SZ_4K, 0),
	     an_alias(&w, ALICE, m->extents[0].pa.first, SZ_4K));
	back(&w, a_res(&w, top, SZ_4K, 0), an_alias(&w, ALICE, WINDOW, SZ_4K));
	b = a_bound(&w, v, SZ_1M);
	for (int i = 0; i < 10; i++)
		OK(&w, plan_res_reserve_bound(&w.p, b, next_handle(w.s[ALICE]), SZ_4K, 0, &r));
	a_physmem(&w, ALICE, MEM1, 16 * MB, 0);
	OK(&w, plan_vcm_clone(&w.p, top, next_handle(w.s[ALICE])));
	a_physmem(&w, BOB, MEM0, SZ_4K, 0);
}

enum phase { QUIET, DROP, MEMORY };

/* The kinds of steps come in this order, over all slices. */
static enum phase phase_of(const struct step *s)
{
	switch (s->kind) {
	case STEP_DEACTIVATE:
		return QUIET;
	case STEP_UNMAP:
	case STEP_TABLE_FREE:
		return DROP;
	case STEP_ZERO:
	case STEP_ARENA_FREE:
		return MEMORY;
	default:
		ck_abort_msg("step %d in a reclaim", s->kind);
	}
}

static size_t reclaim(size_t budget)
{
	enum phase phase = QUIET;
	size_t n = 0;
	int r;

	do {
		world_begin(&w);
		r = plan_reclaim(&w.p, w.s[ALICE], budget);
		ck_assert_int_ge(r, 0);
		ck_assert_uint_le(w.p.n_changes, 4 * budget);
		for (size_t i = 0; i < w.p.n_steps; i++) {
			ck_assert_int_ge(phase_of(&w.p.steps[i]), phase);
			phase = phase_of(&w.p.steps[i]);
			ck_assert(phase == QUIET || w.s[ALICE]->n_active == 0);
			ck_assert_int_eq(w.p.steps[i].late, phase != QUIET);
		}
		world_finish(&w, 0);
		ck_assert_uint_lt(++n, 1000);
	} while (r == 1);
	w.s[ALICE] = session_free(w.s[ALICE]);
	graph_check(w.g);
	return n;
}

START_TEST(slices_of_one_object_come_to_an_end)
{
	setup();
	ck_assert_uint_gt(reclaim(1), 20);
	world_deinit(&w);
}
END_TEST

START_TEST(slices_of_seven_objects_come_to_an_end)
{
	setup();
	ck_assert_uint_gt(reclaim(7), 3);
	world_deinit(&w);
}
END_TEST

START_TEST(one_slice_takes_all_when_it_may)
{
	setup();
	ck_assert_uint_eq(reclaim(1000), 1);
	ck_assert_uint_eq(w.g->n_active, 0);
	ck_assert_uint_eq(w.pool[MEM1]->used, 0);
	ck_assert_uint_eq(w.pool[MEM0]->used, SZ_4K); /* bob's */
	world_deinit(&w);
}
END_TEST

START_TEST(an_empty_session_leaves_nothing_to_do)
{
	world_init(&w);
	PLANS(&w, "", plan_reclaim(&w.p, w.s[ALICE], 1));
	PLANS(&w, "", plan_reclaim(&w.p, w.s[ALICE], 0));
	world_deinit(&w);
}
END_TEST

START_TEST(a_slice_that_is_taken_back_can_be_taken_again)
{
	char *before;

	setup();
	before = world_dump(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_reclaim(&w.p, w.s[ALICE], 1000), 0);
	world_undo(&w, before);
	for (size_t budget = 1; budget < 40; budget++) {
		before = world_dump(&w);
		world_begin(&w);
		ck_assert_int_ge(plan_reclaim(&w.p, w.s[ALICE], budget), 0);
		world_undo(&w, before);
	}
	ck_assert_uint_eq(reclaim(1000), 1);
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	setup();
	STARVED(&w, plan_reclaim(&w.p, w.s[ALICE], 1000));
	world_deinit(&w);
}
END_TEST

START_TEST(what_was_active_is_unmapped_though_it_is_not_any_more)
{
	struct vcm *v;
	struct res *r;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	r = a_res(&w, v, SZ_4K, 0);
	back(&w, r, a_physmem(&w, ALICE, MEM0, SZ_4K, 0));
	PLANS(&w,
	      "DEACTIVATE 2; UNMAP~ short 3=4 0x100000+0x1000 attr 0; TABLE_FREE~ short; "
	      "ZERO~ 0x44000000+0x1000",
	      plan_reclaim(&w.p, w.s[ALICE], 1000));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("reclaim", slices_of_one_object_come_to_an_end, slices_of_seven_objects_come_to_an_end,
	   one_slice_takes_all_when_it_may, an_empty_session_leaves_nothing_to_do,
	   a_slice_that_is_taken_back_can_be_taken_again, every_allocation_fails_in_turn,
	   what_was_active_is_unmapped_though_it_is_not_any_more)
