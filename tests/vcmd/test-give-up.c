// SPDX-License-Identifier: BSD-3-Clause
/*
 * A broker that is to let nothing outlive it, started where an earlier one has left something: it gives all of it up, and says so.
 * A mutation that it was seen to catch: what was handed over stays in the store.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/restore.h"

static struct keeper *keeper;
static struct world *w;
static char said[4096];

static void note_line(enum log_level level, const struct log_about *about _unused_,
		      const char *line)
{
	size_t n = strlen(said);

	if (level <= LOG_L_NOTICE)
		snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

#define ck_said(text) ck_assert_msg(strstr(said, text) != NULL, "not said: %s; but: %s", text, said)

static void begin(void)
{
	keeper = keeper_new(100);
	w = world_new_kept(NULL, keeper);
}

/* One that keeps nothing. */
static void start_without(void)
{
	said[0] = '\0';
	setenv("WORLD_LOG", "1", 1);
	log_set_sink(note_line);
	w = world_new_forgetful(NULL, keeper);
	log_set_sink(NULL);
	unsetenv("WORLD_LOG");
}

static void restart_without(void)
{
	w = world_crash(w);
	start_without();
}

/* And one that would restore: what? */
static void restart_with(void)
{
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_EMPTY);
	ck_assert_uint_eq(w->broker->n_clients, 0);
	ck_assert_uint_eq(world_used(w), 0);
}

static void end(void)
{
	w = world_crash(w);
	keeper = keeper_free(keeper);
}

START_TEST(what_was_left_is_given_up_and_counted)
{
	struct peer *p, before;

	begin();
	p = world_peer(w);
	stage_set(p);
	before = *p;
	world_peer(w);
	ck_assert_uint_gt(keeper_count(keeper, "arena-"), 0);
	restart_without();
	ck_assert_uint_eq(keeper_count(keeper, ""), 0);
	ck_said("what an earlier broker has left is given up: 2 sessions with ");
	ck_said("files are gone from the fd store");
	ck_assert_uint_eq(w->broker->n_clients, 0);
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	/* Its client is told, and others are served. */
	p = world_connect(w);
	ck_status(peer_resume(p, &before, before.serial), -ESTALE);
	stage_set(world_peer(w));
	ck_assert_uint_eq(keeper_count(keeper, ""), 0);
	restart_with();
	end();
}
END_TEST

START_TEST(a_journal_that_is_damaged_is_given_up_and_said_to_be)
{
	begin();
	stage_set(world_peer(w));
	for (const char *name; keeper_nth(keeper, "journal-", 0, &name, &(int){ 0 });)
		keeper_replace(keeper, name, -1);
	restart_without();
	ck_said("given up: 0 sessions");
	ck_said("its journal is missing in chunk 0: there are arenas, and no journal");
	ck_assert_uint_eq(keeper_count(keeper, ""), 0);
	end();
}
END_TEST

START_TEST(where_nothing_was_left_nothing_is_said)
{
	keeper = keeper_new(100);
	start_without();
	ck_assert_str_eq(said, "");
	end();
}
END_TEST

/* Then somebody has to know: it may come back. */
START_TEST(a_store_that_does_not_answer_may_have_it_still)
{
	begin();
	stage_set(world_peer(w));
	unsetenv("NOTIFY_SOCKET");
	restart_without();
	ck_said("the fd store may have it still, for the next broker to restore: ");
	ck_assert_uint_gt(keeper_count(keeper, ""), 0);
	end();
}
END_TEST

SUITE_MAIN("vcmd-give-up", what_was_left_is_given_up_and_counted,
	   a_journal_that_is_damaged_is_given_up_and_said_to_be,
	   where_nothing_was_left_nothing_is_said, a_store_that_does_not_answer_may_have_it_still)
