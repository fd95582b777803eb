// SPDX-License-Identifier: BSD-3-Clause
#include "graph/index.h"

#include <errno.h>

#include "base/mem.h"
#include "graph/session.h"
#include "tests/suite.h"

#define N 400

static struct session session;

static struct res *res_at(const struct res_index *x, uint64_t addr, uint32_t handle)
{
	struct res *r = calloc(1, res_index_entry_size(x));

	ck_assert_ptr_nonnull(r);
	r->addr = addr;
	r->len = SZ_4K;
	r->obj.handle = handle;
	r->obj.kind = OBJECT_RES;
	return r;
}

static void drop(struct res *r)
{
	handles_clear(&session.client, r->obj.handle);
	free(r);
}

static void insert(struct res_index *x, struct res *r)
{
	ck_assert_int_eq(res_index_want(x, r->addr), 0);
	ck_assert_int_eq(handles_want(&session.client, r->obj.handle), 0);
	mem_fail_nth(1);
	handles_set(&session.client, r->obj.handle, &r->obj);
	res_index_insert(x, r);
	ck_assert_int_eq(mem_fail_fired(), 0);
}

/* Compares all answers around addr with those of a linear search over the sorted array. */
static void ask(const struct res_index *x, struct res *const *sorted, size_t n, uint64_t addr)
{
	struct res *at = NULL, *before = NULL;

	for (size_t i = 0; i < n; i++) {
		if (sorted[i]->addr == addr && !at)
			at = sorted[i];
		if (sorted[i]->addr <= addr)
			before = sorted[i];
	}
	ck_assert_ptr_eq(res_index_at(x, addr), at);
	ck_assert_ptr_eq(res_index_before(x, addr), before);
}

static void check_all(struct range range, bool shelved, const uint64_t *addrs, size_t n)
{
	struct res *r[N];
	struct res_index x;
	struct res *next = NULL;

	res_index_init(&x, &session, range, shelved);
	ck_assert_ptr_null(res_index_next(&x, NULL));
	ck_assert_ptr_null(res_index_before(&x, UINT64_MAX));
	for (size_t i = n; i-- > 0;)
		insert(&x, r[i] = res_at(&x, addrs[i], (uint32_t)i));
	for (size_t i = 0; i < n; i++) {
		next = res_index_next(&x, next);
		ck_assert_ptr_eq(next, r[i]);
		ask(&x, r, n, addrs[i]);
		ask(&x, r, n, addrs[i] - 1);
		ask(&x, r, n, addrs[i] + 1);
		ask(&x, r, n, addrs[i] + SZ_4K);
		ask(&x, r, n, addrs[i] ^ (UINT64_C(1) << 40));
	}
	ck_assert_ptr_null(res_index_next(&x, next));
	ask(&x, r, n, 0);
	ask(&x, r, n, UINT64_MAX);
	for (size_t i = 0; i < n; i += 2)
		res_index_remove(&x, r[i]);
	res_index_trim(&x);
	next = NULL;
	for (size_t i = 1; i < n; i += 2) {
		next = res_index_next(&x, next);
		ck_assert_ptr_eq(next, r[i]);
		res_index_near(&x, r[i]);
	}
	for (size_t i = 1; i < n; i += 2)
		res_index_remove(&x, r[i]);
	ck_assert_ptr_null(res_index_next(&x, NULL));
	res_index_deinit(&x);
	ck_assert_uint_eq(x.footprint, 0);
	for (size_t i = 0; i < n; i++)
		drop(r[i]);
	handles_deinit(&session.client);
}

START_TEST(a_page_is_found_wherever_it_lies)
{
	static const uint64_t addrs[] = {
		0x1000,   0x2000,      0xf000,      0x10000,       0x3ff000,
		0x400000, 0x7fffff000, 0x800000000, 0x10000000000, 0x7ffffffff000,
	};

	check_all((struct range){ 0, (UINT64_C(1) << 47) - 1 }, true, addrs, 10);
	check_all((struct range){ 0, (UINT64_C(1) << 52) - 1 }, true, addrs, 10);
	check_all((struct range){ 0x1000, 0x7fffffffffff }, false, addrs, 10);
}
END_TEST

START_TEST(a_short_range_lies_anywhere)
{
	static const uint64_t high[] = { 0xffffffffff000 }, low[] = { 0 },
			      across[] = { 0xffff000, 0x10000000 };

	check_all((struct range){ 0xffffffffff000, 0xfffffffffffff }, true, high, 1);
	check_all((struct range){ 0, 0xfff }, true, low, 1);
	check_all((struct range){ 0xffff000, 0x10000fff }, true, across, 2);
	check_all((struct range){ UINT64_MAX - 0xfff, UINT64_MAX }, true,
		  (uint64_t[]){ UINT64_MAX - 0xfff }, 1);
}
END_TEST

START_TEST(many_pages_are_found)
{
	uint64_t addrs[N], at = 0x100000;

	for (size_t i = 0; i < N; i++)
		addrs[i] = at += SZ_4K << (i % 17);
	check_all((struct range){ 0x100000, (UINT64_C(1) << 40) - 1 }, true, addrs, N);
	check_all((struct range){ 0x100000, (UINT64_C(1) << 40) - 1 }, false, addrs, N);
}
END_TEST

START_TEST(a_tree_has_many_at_one_address)
{
	struct res *r[N];
	struct res_index x;
	struct res *next = NULL;

	res_index_init(&x, &session, (struct range){ 0, UINT64_MAX }, false);
	for (uint32_t i = 0; i < N; i++)
		insert(&x, r[i] = res_at(&x, RES_NO_ADDR, (i * 7) % N));
	ck_assert_ptr_eq(res_index_at(&x, RES_NO_ADDR), r[0]);
	for (uint32_t i = 0; i < N; i++) {
		next = res_index_next(&x, next);
		ck_assert_uint_eq(next->obj.handle, i);
	}
	for (uint32_t i = 0; i < N; i++) {
		res_index_remove(&x, r[i]);
		drop(r[i]);
	}
	handles_deinit(&session.client);
	res_index_deinit(&x);
}
END_TEST

START_TEST(without_memory_there_is_no_room_and_a_trim_gives_back_what_was_made)
{
	struct res_index x;
	size_t n = 0;
	int r;

	res_index_init(&x, &session, (struct range){ 0, (UINT64_C(1) << 47) - 1 }, true);
	do {
		mem_fail_nth(++n);
		r = res_index_want(&x, 0x123456000);
	} while (mem_fail_fired() && r == -ENOMEM);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(n, 2);
	ck_assert_uint_gt(x.footprint, 0);
	res_index_trim(&x);
	ck_assert_uint_eq(x.footprint, 0);
	res_index_deinit(&x);
}
END_TEST

SUITE_MAIN("index", a_page_is_found_wherever_it_lies, a_short_range_lies_anywhere,
	   many_pages_are_found, a_tree_has_many_at_one_address,
	   without_memory_there_is_no_room_and_a_trim_gives_back_what_was_made)
