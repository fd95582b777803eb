// SPDX-License-Identifier: BSD-3-Clause
/* What the process sees of memory when the answers to several threads are dealt with in another order than the broker's. */
#include <string.h>

#include <vcm/attr.h>

#include "base/range.h"
#include "libvcmclient/mapping.h"
#include "tests/client/user.h"
#include "tests/suite.h"

#define LEN ((uint64_t)2 * SZ_4K)

static struct arenas arenas;
static struct reason why;

static struct mapping *mapping_made(uint32_t attr)
{
	struct mapping *m = NULL;

	arenas_init(&arenas);
	ck_assert_int_eq(arenas_add(&arenas, 'a', user_arena_fd('a', 2), &why), 0);
	ck_assert_int_eq(arenas_add(&arenas, 'b', user_arena_fd('b', 2), &why), 0);
	arenas_put(&arenas, 'a');
	arenas_put(&arenas, 'b');
	ck_assert_int_eq(mapping_new(&arenas, LEN, attr, &m, &why), 0);
	return m;
}

static void end(struct mapping *m)
{
	mapping_close(m);
	mapping_unref(m);
	arenas_deinit(&arenas);
}

static void show(struct mapping *m, uint64_t stamp, uint32_t arena)
{
	struct piece_run run = { .arena = arena, .offset = 0, .len = LEN };

	ck_assert_int_eq(arenas_get(&arenas, arena, 0, LEN, &run.fd, &why), 0);
	ck_assert_int_eq(mapping_show(m, stamp, &run, 1, &why), 0);
}

static void protect(struct mapping *m, uint64_t stamp, uint32_t attr)
{
	uint32_t old;

	ck_assert_int_eq(mapping_protect(m, stamp, attr, &old, &why), 0);
}

static const char *text(struct mapping *m)
{
	return user_at(mapping_addr(m));
}

START_TEST(attributes_that_are_told_after_a_later_back_hold)
{
	struct mapping *m = mapping_made(VCM_READ);

	show(m, 2, 'a');
	ck_assert(!user_is_writable(text(m)));
	protect(m, 1, VCM_READ | VCM_WRITE);
	ck_assert(user_is_writable(text(m)));
	mapping_hide(m, 3);
	show(m, 4, 'b');
	ck_assert(user_is_writable(text(m)));
	end(m);
}
END_TEST

START_TEST(back_that_is_told_after_later_attributes_has_them)
{
	struct mapping *m = mapping_made(VCM_READ | VCM_WRITE);

	protect(m, 2, VCM_READ);
	show(m, 1, 'a');
	ck_assert_str_eq(text(m), "a0");
	ck_assert(user_is_readable(text(m)));
	ck_assert(!user_is_writable(text(m)));
	end(m);
}
END_TEST

START_TEST(attributes_that_are_told_after_later_ones_are_passed_over)
{
	struct mapping *m = mapping_made(VCM_READ | VCM_WRITE);

	show(m, 1, 'a');
	protect(m, 3, VCM_READ);
	protect(m, 2, VCM_READ | VCM_WRITE);
	ck_assert(!user_is_writable(text(m)));
	end(m);
}
END_TEST

START_TEST(back_that_is_told_after_a_later_one_is_passed_over)
{
	struct mapping *m = mapping_made(VCM_READ);

	show(m, 3, 'b');
	show(m, 1, 'a');
	mapping_hide(m, 2);
	ck_assert_str_eq(text(m), "b0");
	end(m);
}
END_TEST

START_TEST(nothing_is_shown_or_protected_where_another_may_be_by_now)
{
	struct mapping *m = mapping_made(VCM_READ);
	const char *at = text(m);

	mapping_close(m);
	show(m, 1, 'a');
	protect(m, 2, VCM_READ | VCM_WRITE);
	ck_assert(!user_is_mapped(at));
	end(m);
}
END_TEST

SUITE_MAIN("mapping", attributes_that_are_told_after_a_later_back_hold,
	   back_that_is_told_after_later_attributes_has_them,
	   attributes_that_are_told_after_later_ones_are_passed_over,
	   back_that_is_told_after_a_later_one_is_passed_over,
	   nothing_is_shown_or_protected_where_another_may_be_by_now)
