// SPDX-License-Identifier: BSD-3-Clause
/*
 * Whether all pages that devices reach outlive the process, and what the next one is told of that: where the keeper of files
 * has no room for one, or does not answer. The pages are numbers here, and their files are others.
 * Mutations that it was seen to catch: the mark left where a page is not kept; a pin that is not kept overlooked; no answer
 * taken for one.
 */
#include <check.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "vcmd/loop.h"
#include "vcmd/machine-pages.h"
#include "vcmd/store.h"

#define SET 1
#define FIRST 7 /* number of the first page */
#define N_MANY 20

static struct keeper *keeper;
static struct loop *loop;
static struct store *store;
static struct machine_pages pages;
static uint64_t next_number;
static int file = -1, pin = -1;
static bool answers;

int __wrap_memory_page_add(struct memory *m, struct range *out_pa, struct reason *why);
int __wrap_memory_page_files(struct memory *m, uint64_t pa, int *out_fd, int *out_pin_fd);
int __wrap_store_sync(struct store *s, int timeout_ms);
int __real_store_sync(struct store *s, int timeout_ms);

int __wrap_memory_page_add(struct memory *m _unused_, struct range *out_pa,
			   struct reason *why _unused_)
{
	uint64_t pa = next_number++ * SZ_2M;

	*out_pa = (struct range){ pa, pa + SZ_2M - 1 };
	return 0;
}

int __wrap_memory_page_files(struct memory *m _unused_, uint64_t pa _unused_, int *out_fd,
			     int *out_pin_fd)
{
	*out_fd = file;
	*out_pin_fd = pin;
	return 0;
}

int __wrap_store_sync(struct store *s, int timeout_ms)
{
	return answers ? __real_store_sync(s, timeout_ms) : -ETIMEDOUT;
}

/* The next process, with all that the keeper has; and whether it goes on keeping. */
static void next_that(bool keeps)
{
	machine_pages_deinit(&pages);
	store = store_free(store);
	store = store_new(loop, keeps);
	ck_assert_ptr_nonnull(store);
	keeper_hand_over(keeper, store);
	machine_pages_init(&pages, store, NULL);
}

static void next(void)
{
	next_that(true);
}

/* limit: of the keeper's files, of which the journal may need a quarter. */
static void begin(size_t limit)
{
	keeper = keeper_new(limit);
	loop = loop_new(0);
	file = eventfd(0, EFD_CLOEXEC);
	pin = eventfd(0, EFD_CLOEXEC);
	ck_assert(file >= 0 && pin >= 0);
	next_number = FIRST;
	answers = true;
	next();
}

static void end(void)
{
	machine_pages_deinit(&pages);
	store = store_free(store);
	loop_free(loop);
	keeper = keeper_free(keeper);
	fd_closep(&file);
	fd_closep(&pin);
}

static void get(void)
{
	struct reason why = { "" };
	struct range pa;

	ck_assert_msg(machine_pages_get(&pages, SET, &pa, &why) == 0, "%s", why.text);
}

/* What the next process would be told. */
static bool is_marked(void)
{
	return keeper_count(keeper, "page-whole-") == 1;
}

START_TEST(pages_that_are_all_kept_are_marked)
{
	begin(64);
	ck_assert(!pages.were_whole);
	get();
	get();
	ck_assert(!is_marked());
	machine_pages_sync(&pages, true);
	ck_assert(pages.are_whole && is_marked());
	ck_assert_uint_eq(keeper_count(keeper, "page-1-"), 2);
	ck_assert_uint_eq(keeper_count(keeper, "page-pin-"), 2);
	next();
	ck_assert(pages.were_whole);
	/* There is no SMMUv3 any more that could go on. */
	machine_pages_sync(&pages, false);
	ck_assert(!is_marked());
	end();
}
END_TEST

/* Once it is a page's file that finds no room, and once its pin. */
START_TEST(a_page_that_is_not_kept_takes_the_mark_away)
{
	for (size_t limit = 16; limit < 18; limit++) {
		begin(limit);
		get();
		machine_pages_sync(&pages, true);
		ck_assert(is_marked());
		for (unsigned int i = 0; i < N_MANY && pages.are_whole; i++)
			get();
		ck_assert(!pages.are_whole);
		ck_assert(!is_marked());
		/* And there is none later, though there is room again. */
		for (unsigned int i = 0; i < N_MANY; i++)
			machine_pages_lose(&pages, SET, (FIRST + i) * SZ_2M);
		machine_pages_sync(&pages, true);
		ck_assert(!is_marked());
		next();
		ck_assert(!pages.were_whole);
		end();
	}
}
END_TEST

START_TEST(nothing_is_marked_that_was_in_doubt_from_the_start)
{
	begin(2);
	get();
	get();
	ck_assert(!pages.are_whole);
	machine_pages_sync(&pages, true);
	ck_assert(!is_marked());
	end();
}
END_TEST

START_TEST(a_keeper_that_does_not_answer_keeps_nothing_for_sure)
{
	begin(64);
	get();
	answers = false;
	machine_pages_sync(&pages, true);
	ck_assert(!pages.are_whole);
	answers = true;
	machine_pages_sync(&pages, true);
	ck_assert(!is_marked());
	end();
}
END_TEST

START_TEST(without_a_keeper_nothing_is_whole)
{
	begin(64);
	machine_pages_deinit(&pages);
	machine_pages_init(&pages, NULL, NULL);
	get();
	machine_pages_sync(&pages, true);
	ck_assert(!pages.are_whole && !pages.were_whole && !is_marked());
	ck_assert_uint_eq(keeper_count(keeper, "page-"), 0);
	end();
}
END_TEST

/* A device may reach them still: they are neither used nor let go before all is quiet. */
START_TEST(where_nothing_is_kept_what_was_left_is_let_go_in_the_end)
{
	begin(64);
	get();
	next_that(false);
	ck_assert_ptr_nonnull(store_left(store, "page-1-"));
	get();
	ck_assert_uint_eq(next_number, FIRST + 2); /* another one */
	ck_assert_ptr_nonnull(store_left(store, "page-1-"));
	machine_pages_settle(&pages);
	ck_assert_ptr_null(store_left(store, "page-1-"));
	end();
}
END_TEST

SUITE_MAIN("machine-pages", pages_that_are_all_kept_are_marked,
	   a_page_that_is_not_kept_takes_the_mark_away,
	   nothing_is_marked_that_was_in_doubt_from_the_start,
	   a_keeper_that_does_not_answer_keeps_nothing_for_sure, without_a_keeper_nothing_is_whole,
	   where_nothing_is_kept_what_was_left_is_let_go_in_the_end)
