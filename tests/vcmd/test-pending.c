// SPDX-License-Identifier: BSD-3-Clause
/* Memory that takes the kernel its time: whoever asks for it waits, and nobody else. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"

#define LARGE (80 * SZ_1M)
#define SMALL (4 * SZ_1M)

static const char roomy[] = "stock = 0\n"
			    "memtype 0 { pool { ranges = {\"0x40000000+256M\"} } }\n"
			    "smmu s { base = 0x1000000\n context c { mid = 0 } }\n";

static struct world *w;
static struct peer *p, *other;

static void setup(void)
{
	w = world_new(roomy);
	p = world_peer(w);
	other = world_peer(w);
}

static uint64_t send_alloc(struct peer *from, uint32_t handle, uint64_t len)
{
	return SEND(from, PHYS_ALLOC, .handle = handle, .arg = 1, .len = len);
}

static size_t n_physmems(const struct peer *of)
{
	struct session key = { .id = of->session };

	return RB_FIND(session_tree, &w->broker->graph->sessions, &key)->counts[OBJECT_PHYSMEM];
}

static uint64_t taken(void)
{
	const struct pendings *all = &w->broker->pendings;

	return all->taken[PENDING_SMALL] + all->taken[PENDING_LARGE];
}

START_TEST(others_are_served_while_memory_is_filled)
{
	uint64_t alloc, info;

	setup();
	alloc = send_alloc(p, 1, LARGE);
	info = SEND(p, PHYS_INFO, .on = 1);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(other, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(n_physmems(p), 0); /* nothing has happened yet */
	ck_assert_uint_eq(taken(), LARGE);
	ck_ok(peer_wait(p, alloc));
	ck_ok(peer_wait(p, info)); /* what came behind it came after it */
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

/* One large request has memory at a time; small ones pass it. */
START_TEST(large_requests_take_turns_and_small_ones_pass)
{
	uint64_t first, second, third;
	struct peer *late;

	setup();
	late = world_peer(w);
	first = send_alloc(p, 1, LARGE);
	ck_ok(CALL(late, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	second = send_alloc(other, 1, LARGE);
	ck_ok(CALL(late, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(taken(), LARGE);
	third = send_alloc(late, 3, SMALL);
	ck_ok(peer_wait(late, third));
	ck_assert_uint_eq(n_physmems(p) + n_physmems(other), 0);
	ck_ok(peer_wait(other, second));
	ck_ok(peer_wait(p, first));
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

/* A turn is worth nothing when the room has gone meanwhile. */
START_TEST(a_turn_that_comes_too_late_is_refused)
{
	struct peer *late;
	uint64_t first, second, third;

	setup();
	late = world_peer(w);
	first = send_alloc(p, 1, 120 * SZ_1M);
	ck_ok(CALL(late, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	second = send_alloc(other, 1, 120 * SZ_1M);
	third = send_alloc(late, 2, 120 * SZ_1M);
	ck_ok(peer_wait(p, first));
	ck_ok(peer_wait(other, second));
	ck_status(peer_wait(late, third), -ENOMEM);
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

START_TEST(a_batch_of_many_is_one_request_that_waits)
{
	struct op ops[24];
	uint64_t batch;

	setup();
	for (uint32_t i = 0; i < 24; i++)
		ops[i] = (struct op){
			.code = OP_PHYS_ALLOC, .handle = 1 + i, .arg = 1, .len = SZ_2M
		};
	batch = peer_send(p, ops, 24);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_assert_uint_eq(n_physmems(p), 0);
	ck_ok(peer_wait(p, batch));
	ck_assert_uint_eq(n_physmems(p), 24);
	world_check(w);
	world_free(w);
}
END_TEST

START_TEST(who_goes_meanwhile_leaves_nothing)
{
	struct peer *third;

	setup();
	third = world_peer(w);
	send_alloc(p, 1, LARGE);
	send_alloc(third, 1, LARGE);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(other, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(taken(), LARGE);
	world_kill(w, third); /* it had no turn */
	world_kill(w, p);
	world_settle(w);
	ck_ok(peer_wait(other, send_alloc(other, 3, LARGE)));
	ck_assert_uint_eq(taken(), 0);
	ck_assert_uint_eq(w->broker->graph->n_sessions, 1);
	world_check(w);
	world_free(w);
}
END_TEST

SUITE_MAIN("pending", others_are_served_while_memory_is_filled,
	   large_requests_take_turns_and_small_ones_pass, a_turn_that_comes_too_late_is_refused,
	   a_batch_of_many_is_one_request_that_waits, who_goes_meanwhile_leaves_nothing)
