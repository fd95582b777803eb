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

/* --- memory on its way into the store */

static const struct op alloc_16m = { .code = OP_PHYS_ALLOC,
				     .handle = MEM,
				     .arg = VCM_MEMTYPE_0,
				     .len = SZ_16M };

START_TEST(new_memory_waits_for_the_store_and_nobody_else_does)
{
	struct peer *p, *q;
	uint64_t alloc, info;

	begin();
	p = world_peer(w);
	q = world_peer(w);
	keeper_hold(keeper, true);
	alloc = peer_send(p, &alloc_16m, 1);
	info = SEND(p, PHYS_INFO, .on = MEM);
	ck_ok(CALL(q, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_16M));
	ck_ok(CALL(q, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(world_used(w), 0);
	keeper_hold(keeper, false);
	ck_ok(peer_wait(p, alloc));
	ck_ok(peer_wait(p, info));
	ck_assert_uint_eq(peer_value(p, 1), SZ_16M);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 1);
	/* What fits an arena that is there does not wait. */
	ck_ok(CALL(p, PHYS_ALLOC, .handle = SPARE, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	keeper_hold(keeper, true);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = CONT, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	keeper_hold(keeper, false);
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(a_batch_waits_for_all_its_memory_at_once)
{
	struct op ops[20];
	struct peer *p;

	begin();
	p = world_peer(w);
	for (uint32_t i = 0; i < 20; i++)
		ops[i] = (struct op){ .code = OP_PHYS_ALLOC,
				      .handle = i + 1,
				      .arg = VCM_MEMTYPE_0,
				      .attr = VCM_COHERENT,
				      .len = (i % 3 + 1) * SZ_64K };
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 20);
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(a_client_that_ends_while_its_memory_is_on_its_way_leaves_nothing)
{
	struct peer *p;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	keeper_hold(keeper, true);
	peer_send(p, &alloc_16m, 1);
	ck_ok(CALL(world_peer(w), MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	world_kill(w, p);
	world_settle(w);
	keeper_hold(keeper, false);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	finish();
}
END_TEST

START_TEST(what_was_on_its_way_when_the_broker_died_has_not_happened)
{
	struct peer *p, before;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M));
	keeper_hold(keeper, true);
	peer_send(p, &alloc_16m, 1);
	ck_ok(CALL(world_peer(w), MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	before = *p;
	w = world_crash(w);
	keeper_hold(keeper, false);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	ck_assert_uint_eq(world_used(w), 0);
	/* Asked again, it happens once. */
	p = world_connect(w);
	ck_ok(peer_resume(p, &before, before.serial - 1));
	p->serial = before.serial - 1;
	ck_ok(peer_call(p, &alloc_16m, 1));
	ck_assert_uint_eq(world_used(w), SZ_16M);
	finish();
}
END_TEST

START_TEST(what_was_answered_is_answered_again_and_not_done_again)
{
	struct peer *p, before;
	uint64_t addr;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M));
	ck_ok(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K));
	addr = peer_value(p, 0);
	before = *p;
	restart();
	p = world_connect(w);
	ck_ok(peer_resume(p, &before, before.serial - 1));
	p->serial = before.serial - 1;
	ck_ok(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K));
	ck_assert_uint_eq(peer_value(p, 0), addr);
	/* The next one is new. */
	ck_status(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K), -EINVAL);
	finish();
}
END_TEST

START_TEST(a_full_store_is_no_memory)
{
	struct peer *p;
	int status = 0;
	uint32_t n = 0;

	keeper = keeper_new(16);
	w = world_new_kept(NULL, keeper);
	p = world_peer(w);
	while (status == 0 && n < 20)
		status = CALL(p, PHYS_ALLOC, .handle = ++n, .arg = VCM_MEMTYPE_0,
			      .attr = VCM_COHERENT, .len = SZ_64K);
	ck_assert_int_eq(status, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "FileDescriptorStoreMax"));
	world_check(w);
	restart_and_compare();
	finish();
}
END_TEST

SUITE_MAIN("restore", an_empty_broker_comes_back_empty, one_of_everything_comes_back,
	   new_memory_waits_for_the_store_and_nobody_else_does,
	   a_batch_waits_for_all_its_memory_at_once,
	   a_client_that_ends_while_its_memory_is_on_its_way_leaves_nothing,
	   what_was_on_its_way_when_the_broker_died_has_not_happened,
	   what_was_answered_is_answered_again_and_not_done_again, a_full_store_is_no_memory)
