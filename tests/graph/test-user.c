// SPDX-License-Identifier: BSD-3-Clause
/* What users and their sessions may hold. */
#include "tests/graph/world.h"

START_TEST(a_user_is_made_once_and_keeps_its_limits)
{
	struct world w;

	world_init(&w);
	ck_assert_ptr_eq(user_get(w.g, 1000, &(struct limits){ 0 }), w.alice);
	ck_assert_uint_eq(w.alice->limits.bytes, world_limits.bytes);
	mem_fail_nth(1);
	ck_assert_ptr_null(user_get(w.g, 7, &world_limits));
	ck_assert_int_eq(mem_fail_fired(), 1);
	ck_assert_ptr_eq(user_get(w.g, 1000, &world_limits), w.alice);
	world_deinit(&w);
}
END_TEST

START_TEST(sessions_are_limited)
{
	struct world w;
	struct session *s;

	world_init(&w);
	w.alice->limits.sessions = 2;
	ck_assert_int_eq(session_new(w.g, w.alice, &s, &w.why), -EDQUOT);
	ck_assert_ptr_nonnull(strstr(w.why.text, "user 1000 has 2 sessions"));
	mem_fail_nth(1);
	ck_assert_int_eq(session_new(w.g, w.bob, &s, &w.why), -ENOMEM);
	ck_assert_int_eq(mem_fail_fired(), 1);
	graph_check(w.g);
	world_end_session(&w, ALICE);
	ck_assert_int_eq(session_new(w.g, w.alice, &w.s[ALICE], &w.why), 0);
	ck_assert_uint_gt(w.s[ALICE]->id, w.s[BOB]->id);
	ck_assert_ptr_null(session_free(NULL));
	world_deinit(&w);
}
END_TEST

START_TEST(objects_are_counted_together_and_limited)
{
	struct world w;
	struct vcm *v;
	struct res *r;
	uint64_t before;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	before = w.alice->objects;
	r = a_res(&w, v, SZ_4K, 0);
	ck_assert_uint_eq(w.alice->objects, before + 1);
	w.alice->limits.objects = w.alice->objects;
	REFUSED(&w, -EDQUOT, "user 1000", plan_res_reserve(&w.p, v, 9, SZ_4K, 0, 0, &r));
	REFUSED(&w, -EDQUOT, "user 1000",
		plan_bound_create(&w.p, v, 9, SZ_4K, 0, &(struct bound *){ 0 }));
	REFUSED(&w, -EDQUOT, "user 1000", plan_avcm_assoc(&w.p, v, 9, w.ctx_a, 0));
	REFUSED(&w, -EDQUOT, "user 1000",
		plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, SZ_4K, 0, &(struct physmem *){ 0 }));
	REFUSED(&w, -EDQUOT, "user 1000", plan_vcm_create(&w.p, w.s[ALICE], 9, 0, MB, &v));
	/* The first handle of another session needs a page of handles: that is refused too, and bob is not concerned. */
	REFUSED(&w, -EDQUOT, "user 1000", plan_vcm_create(&w.p, w.s[ALICE_TOO], 1, 0, MB, &v));
	a_vcm(&w, BOB, 0x100000, MB);
	OK(&w,
	   plan_res_unreserve(&w.p, (struct res *)session_find(w.s[ALICE], 2, OBJECT_RES, NULL)));
	OK(&w, plan_res_reserve(&w.p, vcm_named(&w, ALICE, 1), 9, SZ_4K, 0, 0, &r));
	w.alice->limits.objects = UINT64_MAX;
	world_deinit(&w);
}
END_TEST

START_TEST(bytes_are_those_of_whole_arenas_and_limited)
{
	struct world w;
	struct physmem *m;

	world_init(&w);
	w.alice->limits.bytes = 4 * SZ_2M;
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	ck_assert_uint_eq(w.alice->bytes, SZ_2M);
	a_physmem(&w, ALICE_TOO, MEM0, SZ_4K, 0);
	ck_assert_uint_eq(w.alice->bytes, SZ_2M);
	REFUSED(&w, -EDQUOT, "user 1000 has 0x200000 bytes",
		plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, 8 * MB, 0, &m));
	m = a_physmem(&w, ALICE_TOO, MEM0, 6 * MB, 0);
	ck_assert_uint_eq(w.alice->bytes, 4 * SZ_2M);
	REFUSED(&w, -EDQUOT, "user 1000",
		plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM1, SZ_4K, 0, &m));
	a_physmem(&w, ALICE, MEM0, SZ_64K, 0); /* in the arena that is paid for */
	a_physmem(&w, BOB, MEM0, 8 * MB, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(an_arena_with_room_serves_a_user_who_may_have_no_more_arenas)
{
	struct world w;
	const uint32_t align = SET_ALIGN_REQ_BYTES(0, 7UL); /* 512 KB */
	struct physmem *m;

	world_init(&w);
	/* So many granules with room, but none at 512 KB, that the search for the tightest gives up before the last. */
	for (size_t i = 0; i < 12; i++)
		a_physmem(&w, ALICE, MEM0, SZ_2M - 7 * SZ_64K, 0);
	a_physmem(&w, ALICE, MEM0, SZ_1M, 0);
	w.alice->limits.bytes = w.alice->bytes;
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, align);
	ck_assert_uint_eq(m->extents[0].pa.first % (8 * SZ_64K), 0);
	ck_assert_uint_eq(w.alice->bytes, w.alice->limits.bytes);
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("user", a_user_is_made_once_and_keeps_its_limits, sessions_are_limited,
	   objects_are_counted_together_and_limited, bytes_are_those_of_whole_arenas_and_limited,
	   an_arena_with_room_serves_a_user_who_may_have_no_more_arenas)
