// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a keeper of files hands over is found by its whole name; and the mark beside it, which says whether hardware may differ
 * from the journal.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "vcmd/loop.h"
#include "vcmd/mark.h"
#include "vcmd/store.h"

static struct keeper *keeper;
static struct loop *loop;
static struct store *store;

/* The next process, with all that the keeper has. */
static void next(void)
{
	store = store_free(store);
	store = store_new(loop, true);
	ck_assert_ptr_nonnull(store);
	keeper_hand_over(keeper, store);
}

static void begin(void)
{
	keeper = keeper_new(64);
	loop = loop_new(0);
	next();
}

static void end(void)
{
	store = store_free(store);
	loop_free(loop);
	keeper = keeper_free(keeper);
}

static void put(const char *prefix, uint64_t number)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(store_put(store, prefix, number, fds[0], NULL), 0);
	close(fds[0]);
	close(fds[1]);
	ck_assert_uint_eq(keeper_count(keeper, prefix), 1);
}

START_TEST(a_number_of_0_is_no_other_files_name)
{
	int fd;

	begin();
	put(STORE_JOURNAL, 7);
	put(STORE_ARENA, 3);
	next();
	ck_assert_int_eq(store_take(store, "vfio-container-", 0), -1);
	ck_assert_int_eq(store_take(store, STORE_ARENA, 0), -1);
	put("vfio-container-", 0);
	next();
	fd = store_take(store, "vfio-container-", 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(store_take(store, "vfio-container-", 0), -1);
	ck_assert_str_eq(store_left(store, STORE_JOURNAL), "journal-7");
	ck_assert_str_eq(store_left(store, STORE_ARENA), "arena-3");
	end();
}
END_TEST

/* Whether the next process finds it set, and what it then has. */
static bool find(struct mark *m)
{
	bool set = false;

	mark_deinit(m);
	next();
	ck_assert_int_eq(mark_init(m, store, &set, NULL), 0);
	return set;
}

#define LONG_NAME "a-name-that-is-as-long-as-one-may-be-so-that-few-do-"

/* The kernel starts no program with a text of more than 128 KB in its environment. */
START_TEST(no_more_is_kept_than_names_can_be_handed_over)
{
	struct rlimit files;
	struct reason why = { "" };
	size_t n_bytes = 0;
	uint64_t n = 0;
	int fd, r;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 8192; /* the hard limit stays: Valgrind lets nobody change it */
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SUITE_SKIP("needs to open some thousand files");
	keeper = keeper_new(8192);
	loop = loop_new(0);
	next();
	fd = memfd_create("kept", MFD_CLOEXEC);
	while ((r = store_put(store, LONG_NAME, 10000 + n, fd, &why)) == 0) {
		n_bytes += strlen(LONG_NAME "10000:");
		ck_assert_uint_eq(keeper_count(keeper, LONG_NAME), ++n);
	}
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why.text, "the names of more cannot be handed over"));
	ck_assert_uint_gt(n_bytes, 120000);
	/* The journal goes on, and what goes makes room; also for the next process. */
	for (uint64_t i = 1; i <= 64; i++, n_bytes += strlen("journal-10:"))
		ck_assert_int_eq(store_put(store, STORE_JOURNAL, i, fd, &why), 0);
	ck_assert_uint_eq(keeper_count(keeper, STORE_JOURNAL), 64);
	ck_assert_uint_lt(n_bytes, 128 * 1024 - strlen("LISTEN_FDNAMES="));
	next();
	ck_assert_int_eq(store_put(store, LONG_NAME, 10000 + n, fd, &why), -ENOSPC);
	store_remove(store, LONG_NAME, 10000);
	for (uint64_t i = 1; i <= 64; i++)
		store_remove(store, STORE_JOURNAL, i);
	ck_assert_int_eq(store_put(store, LONG_NAME, 10000 + n, fd, &why), 0);
	close(fd);
	end();
}
END_TEST

START_TEST(a_mark_is_found_as_it_was_left)
{
	struct mark m = MARK_NULL;

	begin();
	/* Whoever finds none knows nothing. */
	ck_assert(find(&m));
	ck_assert(keeper_count(keeper, "vfio-mark-") == 1);
	mark_settle(&m);
	ck_assert(!find(&m));
	mark_set(&m);
	mark_clear(&m);
	ck_assert(!find(&m));
	mark_set(&m);
	ck_assert(find(&m));
	/* Until all that was left is known. */
	mark_set(&m);
	mark_clear(&m);
	ck_assert(find(&m));
	mark_settle(&m);
	ck_assert(!find(&m));
	mark_stick(&m);
	mark_clear(&m);
	ck_assert(find(&m));
	mark_deinit(&m);
	end();
}
END_TEST

START_TEST(a_mark_that_is_too_short_is_replaced)
{
	struct mark m = MARK_NULL;

	begin();
	put("vfio-mark-", 1);
	ck_assert(find(&m));
	mark_settle(&m);
	ck_assert_uint_eq(keeper_count(keeper, "vfio-mark-"), 1);
	ck_assert(!find(&m));
	mark_deinit(&m);
	end();
}
END_TEST

START_TEST(without_a_keeper_a_mark_ends_with_the_process)
{
	struct mark m = MARK_NULL, none = MARK_NULL;
	bool set = false;

	ck_assert_int_eq(mark_init(&m, NULL, &set, NULL), 0);
	ck_assert(set);
	mark_set(&m);
	mark_settle(&m);
	mark_deinit(&m);
	/* Where there is none, nothing happens. */
	mark_set(&none);
	mark_clear(&none);
	mark_settle(&none);
	mark_deinit(&none);
}
END_TEST

SUITE_MAIN("store", a_number_of_0_is_no_other_files_name,
	   no_more_is_kept_than_names_can_be_handed_over, a_mark_is_found_as_it_was_left,
	   a_mark_that_is_too_short_is_replaced, without_a_keeper_a_mark_ends_with_the_process)
