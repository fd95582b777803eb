// SPDX-License-Identifier: BSD-3-Clause
/*
 * A broker that ends at any moment, and the one that follows it.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/inventory.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/resume.h"

#define STORE_MAX 1000

static struct keeper *keeper;
static struct world *w;

static void begin(void)
{
	keeper = keeper_new(STORE_MAX);
	w = world_new_kept(NULL, keeper);
}

/* The broker dies, another one starts. */
static void restart(void)
{
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	world_check(w);
}

static bool nobody_waits(struct world *world, void *ctx _unused_)
{
	return world->broker->n_clients == 0;
}

/* Sessions that nobody comes back to end; then nothing is left, in the broker or in the store. */
static void finish(void)
{
	struct client *c;

	w->config->grace_ms = 0;
	TAILQ_FOREACH(c, &w->broker->clients, entry)
		resume_wait(c);
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i])
			world_kill(w, w->peers[i]);
	world_until(w, nobody_waits, NULL);
	w = world_free(w);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	keeper_free(keeper);
}

/* Nothing is lost, and everything is where it was. */
static void restart_and_compare(void)
{
	char *before = inventory(w->broker);

	restart();
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(w->broker->restored.journal.n_warnings, 0);
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	ck_assert_uint_eq(w->broker->restored.n_closed, 0);
	inventory_equal(before, inventory(w->broker));
}

START_TEST(an_empty_broker_comes_back_empty)
{
	begin();
	restart_and_compare();
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(one_of_everything_comes_back)
{
	struct peer *p;

	begin();
	p = world_peer(w);
	stage_set(p);
	ck_ok(CALL(p, HOOK, .target = peer_device(p, "vcodec_a_mm1"), .arg = 1));
	ck_ok(CALL(p, VCM_CLONE, .handle = NEW, .on = REGION));
	ck_ok(CALL(p, SIM_WRITE, .target = peer_device(p, "vcodec_a_mm1"), .addr = 0x10010000,
		   .data = "hello", .n_data = 5));
	restart_and_compare();
	/* And again, from what the second has written. */
	restart_and_compare();
	finish();
}
END_TEST

SUITE_MAIN("restore", an_empty_broker_comes_back_empty, one_of_everything_comes_back)
