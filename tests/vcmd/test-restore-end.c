// SPDX-License-Identifier: BSD-3-Clause
/*
 * Sessions that end, and a broker that ends on the way.
 * Mutations that they were seen to catch: that a session is killed is written when it ends, and not before whoever asked is told;
 * a session that ends is waited for all the same.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/resume.h"

static struct keeper *keeper;
static struct world *w;

static struct client *client_of_session(uint64_t session)
{
	struct client *c;

	TAILQ_FOREACH(c, &w->broker->clients, entry)
		if (c->session->id == session)
			return c;
	ck_abort_msg("no such session");
	return NULL;
}

START_TEST(a_session_that_was_killed_is_so_for_the_next_broker)
{
	struct peer *p, *q, before;

	keeper = keeper_new(100);
	w = world_new_kept(NULL, keeper);
	p = world_peer(w);
	stage_set(p);
	q = world_peer(w);
	before = *p;
	/* Whoever asked may be answered by now, and the broker dies: before a turn of its loop in which the session could end. */
	client_kill(client_of_session(p->session), client_of_session(q->session));
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	ck_status(peer_resume(world_connect(w), &before, before.serial), -ESTALE);
	w = world_crash(w);
	keeper = keeper_free(keeper);
}
END_TEST

static unsigned int n_ends; /* of sessions that were waited for */

static void count_ends(enum log_level level _unused_, const struct log_about *about _unused_,
		       const char *line)
{
	n_ends += strstr(line, "was not resumed within") != NULL;
}

static bool nobody_is_there(struct world *world, void *ctx _unused_)
{
	return world->broker->n_clients == 0;
}

/* It was waited for, and ends for another reason, in slices: the time that it was waited for comes meanwhile. */
START_TEST(a_session_ends_once)
{
	struct client *c;
	struct peer *p;

	keeper = keeper_new(100);
	w = world_new_kept(NULL, keeper);
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_16M));
	for (uint32_t i = 0; i < 600; i++)
		ck_ok(CALL(p, RESERVE, .handle = i + 2, .on = 1, .len = SZ_4K));
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	c = TAILQ_FIRST(&w->broker->clients);
	w->config->grace_ms = 0;
	ck_assert_int_eq(resume_wait(c), 0);
	log_set_level(LOG_L_WARNING);
	log_set_sink(count_ends);
	client_end(c);
	ck_assert_uint_eq(w->broker->n_clients, 1); /* there is more */
	world_until(w, nobody_is_there, NULL);
	log_set_sink(NULL);
	ck_assert_uint_eq(n_ends, 0);
	w = world_free(w);
	keeper = keeper_free(keeper);
}
END_TEST

SUITE_MAIN("restore-end", a_session_ends_once, a_session_that_was_killed_is_so_for_the_next_broker)
