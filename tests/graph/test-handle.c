// SPDX-License-Identifier: BSD-3-Clause
#include "graph/handle.h"

#include "tests/graph/world.h"

START_TEST(a_handle_finds_its_object)
{
	struct handles h = { 0 };
	struct object a, b;

	ck_assert_ptr_null(handles_get(&h, 0));
	ck_assert_ptr_null(handles_get(&h, UINT32_MAX));
	ck_assert_int_eq(handles_want(&h, 7), 0);
	ck_assert_int_eq(handles_want(&h, 600), 0);
	handles_set(&h, 7, &a);
	handles_set(&h, 600, &b);
	ck_assert_ptr_eq(handles_get(&h, 7), &a);
	ck_assert_ptr_eq(handles_get(&h, 600), &b);
	ck_assert_ptr_null(handles_get(&h, 8));
	ck_assert_uint_eq(h.limit, 601);
	handles_clear(&h, 7);
	ck_assert_ptr_null(handles_get(&h, 7));
	handles_clear(&h, 600);
	handles_deinit(&h);
}
END_TEST

START_TEST(next_goes_over_holes_and_pages)
{
	static const uint32_t at[] = { 0, 3, 511, 512, 2000, 4000 };
	struct handles h = { 0 };
	struct object o[6];
	uint32_t i = 0;

	ck_assert_ptr_null(handles_next(&h, 0));
	for (size_t k = 0; k < 6; k++) {
		ck_assert_int_eq(handles_want(&h, at[k]), 0);
		handles_set(&h, at[k], &o[k]);
	}
	for (size_t k = 0; k < 6; k++) {
		ck_assert_ptr_eq(handles_next(&h, i), &o[k]);
		ck_assert_ptr_eq(handles_next(&h, at[k]), &o[k]);
		i = at[k] + 1;
	}
	ck_assert_ptr_null(handles_next(&h, i));
	ck_assert_ptr_null(handles_next(&h, UINT32_MAX));
	for (size_t k = 0; k < 6; k++)
		handles_clear(&h, at[k]);
	handles_deinit(&h);
}
END_TEST

START_TEST(a_new_handle_is_not_far_beyond_the_highest)
{
	struct handles h = { 0 };
	struct object o;

	ck_assert_int_eq(handles_want(&h, HANDLE_GAP + 1), -EINVAL);
	ck_assert_int_eq(handles_want(&h, UINT32_MAX), -EINVAL);
	ck_assert_int_eq(handles_want(&h, HANDLE_GAP), 0);
	handles_set(&h, HANDLE_GAP, &o);
	handles_clear(&h, HANDLE_GAP);
	ck_assert_int_eq(handles_want(&h, 2 * HANDLE_GAP + 2), -EINVAL);
	ck_assert_int_eq(handles_want(&h, 2 * HANDLE_GAP + 1), 0);
	/* Also where all are said to be near: no table is that long. */
	h.limit = 0x40000000;
	ck_assert_int_eq(handles_want(&h, 0x40000000), -EINVAL);
	handles_deinit(&h);
}
END_TEST

START_TEST(the_broker_picks_free_handles_and_takes_them_again)
{
	enum { N = 2000 };
	static struct object o[N];
	struct handles h = { 0 };
	uint32_t index;

	for (uint32_t i = 0; i < N; i++) {
		ck_assert_int_eq(handles_pick(&h, &index), 0);
		ck_assert_uint_eq(index, i);
		handles_set(&h, index, &o[i]);
	}
	handles_clear(&h, 1500);
	handles_clear(&h, 700);
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	ck_assert_uint_eq(index, 700);
	handles_set(&h, index, &o[0]);
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	ck_assert_uint_eq(index, 1500);
	handles_set(&h, index, &o[0]);
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	ck_assert_uint_eq(index, N);
	for (uint32_t i = 0; i < N; i++)
		handles_clear(&h, i);
	handles_deinit(&h);
}
END_TEST

START_TEST(a_page_that_is_not_wanted_after_all_goes)
{
	struct handles h = { 0 };
	struct object o;
	uint32_t index;

	ck_assert_int_eq(handles_want(&h, 5), 0);
	handles_set(&h, 5, &o);
	ck_assert_int_eq(handles_want(&h, 1000), 0);
	ck_assert_uint_eq(h.n_made, 2);
	handles_unwant(&h, 1000);
	ck_assert_uint_eq(h.n_made, 1);
	ck_assert_ptr_null(handles_get(&h, 1000));
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	ck_assert_uint_eq(index, 0);
	handles_clear(&h, 5);
	handles_deinit(&h);
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	handles_unwant(&h, index);
	ck_assert_uint_eq(h.n_made, 0);
	handles_deinit(&h);
}
END_TEST

START_TEST(a_room_is_somebodys_until_it_is_left)
{
	static const unsigned char zero[HANDLE_ROOM_LEN];
	struct handles h = { 0 };
	unsigned char *room, *beside;

	ck_assert_int_eq(handles_want(&h, 40), 0);
	room = handles_room(&h, 40);
	beside = handles_room(&h, 41);
	ck_assert_ptr_nonnull(room);
	ck_assert_ptr_nonnull(beside);
	memset(room, 0xff, HANDLE_ROOM_LEN);
	ck_assert_mem_eq(beside, zero, HANDLE_ROOM_LEN);
	handles_set(&h, 40, (struct object *)room);
	ck_assert_ptr_eq(handles_get(&h, 40), (struct object *)room);
	handles_clear(&h, 40);
	ck_assert_ptr_null(handles_room(&h, 40));
	handles_leave_room(&h, 40);
	ck_assert_ptr_eq(handles_room(&h, 40), room);
	ck_assert_mem_eq(room, zero, HANDLE_ROOM_LEN);
	handles_leave_room(&h, 40);
	handles_leave_room(&h, 41);
	handles_deinit(&h);
}
END_TEST

START_TEST(a_reservation_whose_room_is_not_free_yet_lives_elsewhere)
{
	struct world w;
	struct vcm *v;
	struct res *a, *b;
	uint32_t handle;
	char *before;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	a = a_res(&w, v, SZ_4K, 0);
	handle = a->obj.handle;
	ck_assert(a->obj.roomed);
	before = world_dump(&w);
	for (int undo = 1; undo >= 0; undo--) {
		world_begin(&w);
		ck_assert_int_eq(plan_res_unreserve(&w.p, a), 0);
		ck_assert_int_eq(plan_res_reserve(&w.p, v, handle, SZ_64K, 0, 0, &b), 0);
		ck_assert(!b->obj.roomed);
		if (undo)
			world_undo(&w, before);
		else
			world_finish(&w, 0);
	}
	b = (struct res *)session_find(w.s[ALICE], handle, OBJECT_RES, NULL);
	ck_assert_uint_eq(b->len, SZ_64K);
	OK(&w, plan_res_unreserve(&w.p, b));
	OK(&w, plan_res_reserve(&w.p, v, handle, SZ_4K, 0, 0, &b));
	ck_assert(b->obj.roomed);
	world_deinit(&w);
}
END_TEST

START_TEST(without_memory_there_is_no_room_and_nothing_is_lost)
{
	struct handles h = { 0 };
	uint32_t index;
	size_t n = 0;
	int r;

	do {
		mem_fail_nth(++n);
		r = handles_want(&h, 2000);
	} while (mem_fail_fired() && r == -ENOMEM);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(n, 3);
	handles_deinit(&h);
	mem_fail_nth(1);
	ck_assert_int_eq(handles_pick(&h, &index), -ENOMEM);
	ck_assert_int_eq(mem_fail_fired(), 1);
	ck_assert_int_eq(handles_pick(&h, &index), 0);
	handles_deinit(&h);
}
END_TEST

START_TEST(an_object_is_found_by_kind_in_its_session_only)
{
	struct world w;
	struct vcm *v;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	ck_assert_ptr_eq(session_find(w.s[ALICE], v->obj.handle, OBJECT_VCM, &w.why), &v->obj);
	ck_assert_ptr_null(session_find(w.s[ALICE], v->obj.handle, OBJECT_RES, &w.why));
	ck_assert_ptr_nonnull(strstr(w.why.text, "reservation"));
	ck_assert_ptr_nonnull(strstr(w.why.text, "vcm"));
	ck_assert_ptr_null(session_find(w.s[ALICE_TOO], v->obj.handle, OBJECT_VCM, &w.why));
	ck_assert_ptr_nonnull(strstr(w.why.text, "no vcm with handle 1 "));
	ck_assert_ptr_null(session_find(w.s[ALICE], 0, OBJECT_VCM, NULL));
	ck_assert_ptr_null(session_find(w.s[ALICE], UINT32_MAX, OBJECT_VCM, NULL));
	ck_assert_ptr_null(session_find(w.s[ALICE], HANDLE_BROKER, OBJECT_VCM, NULL));
	world_deinit(&w);
}
END_TEST

START_TEST(a_clients_handle_is_refused)
{
	static const struct {
		uint32_t handle;
		const char *word;
	} bad[] = {
		{ 0, "needs a handle" },
		{ 1, "handle 1 is in use" },
		{ 2 + HANDLE_GAP + 1, "beyond the highest" },
		{ HANDLE_BROKER - 1, "beyond the highest" },
		{ HANDLE_BROKER + 1, "beyond the highest" },
		{ UINT32_MAX, "beyond the highest" },
	};
	struct world w;
	struct vcm *v;

	world_init(&w);
	a_vcm(&w, ALICE, 0x100000, MB);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, -EINVAL, bad[i].word,
			plan_vcm_create(&w.p, w.s[ALICE], bad[i].handle, 0x1000, MB, &v));
	OK(&w, plan_vcm_create(&w.p, w.s[ALICE], 2 + HANDLE_GAP, 0x1000, MB, &v));
	OK(&w, plan_vcm_create(&w.p, w.s[BOB], 1, 0x1000, MB, &v));
	world_deinit(&w);
}
END_TEST

START_TEST(a_handle_is_free_again_when_its_object_has_gone_in_the_same_plan_too)
{
	struct world w;
	struct vcm *v, *v2;
	char *before;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	before = world_dump(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_vcm_free(&w.p, v), 0);
	ck_assert_int_eq(plan_vcm_create(&w.p, w.s[ALICE], 1, 0x1000, MB, &v2), 0);
	ck_assert_ptr_eq(vcm_named(&w, ALICE, 1), v2);
	world_undo(&w, before);
	ck_assert_ptr_eq(vcm_named(&w, ALICE, 1), v);
	world_begin(&w);
	ck_assert_int_eq(plan_vcm_free(&w.p, v), 0);
	ck_assert_int_eq(plan_vcm_create(&w.p, w.s[ALICE], 1, 0x1000, MB, &v2), 0);
	world_finish(&w, 0);
	ck_assert_ptr_eq(vcm_named(&w, ALICE, 1), v2);
	world_deinit(&w);
}
END_TEST

START_TEST(a_session_lists_its_objects_by_kind)
{
	struct world w;
	struct vcm *v;
	struct res *a, *b;
	uint32_t handle;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	a = a_res(&w, v, SZ_4K, 0);
	a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	b = a_res(&w, v, SZ_4K, 0);
	OK(&w, plan_vcm_clone(&w.p, v, next_handle(w.s[ALICE])));
	ck_assert_ptr_eq(session_next(w.s[ALICE], 0, OBJECT_RES), &a->obj);
	ck_assert_ptr_eq(session_next(w.s[ALICE], a->obj.handle + 1, OBJECT_RES), &b->obj);
	handle = session_next(w.s[ALICE], b->obj.handle + 1, OBJECT_RES)->handle;
	ck_assert_uint_eq(handle, HANDLE_BROKER);
	handle = session_next(w.s[ALICE], handle + 1, OBJECT_RES)->handle;
	ck_assert_ptr_null(session_next(w.s[ALICE], handle + 1, OBJECT_RES));
	ck_assert_ptr_null(session_next(w.s[ALICE], 0, OBJECT_BOUND));
	ck_assert_ptr_null(session_next(w.s[ALICE], UINT32_MAX, OBJECT_RES));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("handle", a_handle_finds_its_object, a_page_that_is_not_wanted_after_all_goes,
	   a_room_is_somebodys_until_it_is_left,
	   a_reservation_whose_room_is_not_free_yet_lives_elsewhere, next_goes_over_holes_and_pages,
	   a_new_handle_is_not_far_beyond_the_highest,
	   the_broker_picks_free_handles_and_takes_them_again,
	   without_memory_there_is_no_room_and_nothing_is_lost,
	   an_object_is_found_by_kind_in_its_session_only, a_clients_handle_is_refused,
	   a_handle_is_free_again_when_its_object_has_gone_in_the_same_plan_too,
	   a_session_lists_its_objects_by_kind)
