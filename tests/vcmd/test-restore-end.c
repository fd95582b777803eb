// SPDX-License-Identifier: BSD-3-Clause
/*
 * Sessions that end, and a broker that ends on the way.
 * A mutation that it was seen to catch: that a session is killed is written when it ends, and not before whoever asked is told.
 */
#include <check.h>
#include <errno.h>

#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"

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

SUITE_MAIN("restore-end", a_session_that_was_killed_is_so_for_the_next_broker)
