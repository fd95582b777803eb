// SPDX-License-Identifier: BSD-3-Clause
/* What happens, as those see it who ask. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <vcm/manage.h>

#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"

static const char open_to_all[] = "stock = 0\n"
				  "access { allow-users = {\"*\"} }\n"
				  "inspect { allow-users = {61001} }\n"
				  "memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n"
				  "smmu s { base = 0x1000000\n context one { mid = 0 } }\n";

static struct world *w;

/* From now on; where that is. */
static uint64_t begin(struct peer *p)
{
	ck_ok(CALL(p, MONITOR));
	ck_assert_uint_eq(p->reply.n_rows, 0);
	return p->reply.values[0];
}

static uint64_t ask(struct peer *p, uint64_t since)
{
	return peer_send(p, &(const struct op){ .code = OP_MONITOR, .addr = since }, 1);
}

/* The number of the events that were awaited, the first of which is of that kind; *since goes on. */
static size_t expect(struct peer *p, uint64_t serial, enum vcm_event_kind kind, uint64_t *since)
{
	ck_ok(peer_wait(p, serial));
	ck_assert_uint_gt(p->reply.n_rows, 0);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_EVENT_KIND], kind);
	*since = p->reply.values[0];
	return p->reply.n_rows;
}

static void use(struct peer *p)
{
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_16M));
	ck_ok(CALL(p, ASSOC, .handle = 2, .on = 1, .target = peer_device(p, "one")));
	ck_ok(CALL(p, ACTIVATE, .on = 2));
	ck_ok(CALL(p, RESERVE, .handle = 3, .on = 1, .len = SZ_64K));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 4, .arg = 1, .len = SZ_64K));
	ck_ok(CALL(p, BACK, .on = 3, .target = 4));
}

START_TEST(monitor_tells_what_a_session_does_in_its_order)
{
	static const uint64_t kinds[] = {
		VCM_EVENT_VCM_NEW, VCM_EVENT_ASSOC_NEW,   VCM_EVENT_ACTIVE,
		VCM_EVENT_RES_NEW, VCM_EVENT_PHYSMEM_NEW, VCM_EVENT_BACKED,
	};
	struct peer *watcher, *p;
	uint64_t since;

	w = world_new(open_to_all);
	watcher = world_peer(w);
	p = world_peer(w);
	since = begin(watcher);
	use(p);
	ck_ok(CALL(watcher, MONITOR, .addr = since));
	ck_assert_uint_eq(watcher->reply.n_rows, 6);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_uint_eq(watcher->reply.rows[i].n[VCM_EVENT_KIND], kinds[i]);
		ck_assert_uint_eq(watcher->reply.rows[i].n[VCM_EVENT_SESSION], p->session);
	}
	ck_assert_uint_eq(watcher->reply.rows[3].n[VCM_EVENT_HANDLE], 3);
	ck_assert_uint_eq(watcher->reply.rows[3].n[VCM_EVENT_VCM], 1);
	ck_assert_uint_eq(watcher->reply.rows[3].n[VCM_EVENT_LEN], SZ_64K);
	ck_assert_str_eq(watcher->reply.rows[1].s[0], "one");
	ck_assert_uint_eq(watcher->reply.values[0], since + 6);
	ck_assert_uint_eq(watcher->reply.values[1], 0);
	world_free(w);
}
END_TEST

START_TEST(monitor_waits_for_what_comes)
{
	struct peer *watcher, *p;
	uint64_t since, serial;

	w = world_new(open_to_all);
	watcher = world_peer(w);
	since = begin(watcher);
	serial = ask(watcher, since);
	ck_status(CALL(watcher, MONITOR, .addr = since), -EBUSY);
	p = world_peer(w);
	ck_assert_uint_eq(expect(watcher, serial, VCM_EVENT_SESSION_BEGINS, &since), 1);
	ck_assert_uint_eq(watcher->reply.rows[0].n[VCM_EVENT_SESSION], p->session);
	serial = ask(watcher, since);
	use(p);
	ck_assert_uint_ge(expect(watcher, serial, VCM_EVENT_VCM_NEW, &since), 1);
	serial = ask(watcher, since);
	if (watcher->reply.n_rows < 6) /* the rest of them */
		ck_ok(peer_wait(watcher, serial));
	world_free(w);
}
END_TEST

START_TEST(monitor_tells_of_faults_and_of_what_a_dead_session_had)
{
	struct peer *watcher, *p;
	uint64_t since;
	bool unbacked = false, ended = false;

	w = world_new(open_to_all);
	watcher = world_peer(w);
	p = world_peer(w);
	use(p);
	since = begin(watcher);
	ck_status(CALL(p, SIM_READ, .target = peer_device(p, "one"), .addr = SZ_16M, .len = 4),
		  -EFAULT);
	ck_ok(CALL(watcher, MONITOR, .addr = since));
	ck_assert_uint_eq(watcher->reply.n_rows, 1);
	ck_assert_uint_eq(watcher->reply.rows[0].n[VCM_EVENT_KIND], VCM_EVENT_FAULT);
	ck_assert_uint_eq(watcher->reply.rows[0].n[VCM_EVENT_ADDR], SZ_16M);
	ck_assert_str_eq(watcher->reply.rows[0].s[0], "one");
	since = watcher->reply.values[0];
	world_kill(w, p);
	world_settle(w);
	ck_ok(CALL(watcher, MONITOR, .addr = since));
	for (size_t i = 0; i < watcher->reply.n_rows; i++) {
		unbacked |= watcher->reply.rows[i].n[VCM_EVENT_KIND] == VCM_EVENT_UNBACKED;
		ended |= watcher->reply.rows[i].n[VCM_EVENT_KIND] == VCM_EVENT_SESSION_ENDS;
	}
	ck_assert(unbacked && ended);
	world_free(w);
}
END_TEST

START_TEST(monitor_counts_what_comes_too_fast)
{
	struct peer *watcher, *p;
	uint64_t since;

	w = world_new(open_to_all);
	watcher = world_peer(w);
	p = world_peer(w);
	since = begin(watcher);
	for (int i = 0; i < 1000; i++) {
		ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
		ck_ok(CALL(p, VCM_FREE, .on = 1));
	}
	ck_ok(CALL(watcher, MONITOR, .addr = since));
	ck_assert_uint_gt(watcher->reply.values[1], 900);
	ck_assert_uint_gt(watcher->reply.n_rows, 0);
	/* Another broker's number, of before a restart, is no number of this one's. */
	ck_ok(CALL(watcher, MONITOR, .addr = UINT64_MAX));
	ck_assert_uint_eq(watcher->reply.values[0], since + 2000);
	world_free(w);
}
END_TEST

START_TEST(monitor_shows_each_user_its_own)
{
	struct peer *alice, *bob, *carol;
	uint64_t alices, bobs;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be several users");
	w = world_new(open_to_all);
	alice = world_peer_as(w, ALICE);
	bob = world_peer_as(w, BOB);
	carol = world_peer_as(w, CAROL);
	alices = begin(alice);
	bobs = begin(bob);
	ck_ok(CALL(carol, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(bob, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(alice, MONITOR, .addr = alices));
	ck_assert_uint_eq(alice->reply.n_rows, 2);
	ck_ok(CALL(bob, MONITOR, .addr = bobs));
	ck_assert_uint_eq(bob->reply.n_rows, 1);
	ck_assert_uint_eq(bob->reply.rows[0].n[VCM_EVENT_SESSION], bob->session);
	world_free(w);
}
END_TEST

START_TEST(monitor_is_left_by_who_waits)
{
	struct peer *watcher, *p;

	w = world_new(open_to_all);
	watcher = world_peer(w);
	ask(watcher, begin(watcher));
	world_kill(w, watcher);
	world_settle(w);
	p = world_peer(w);
	use(p);
	world_free(w);
}
END_TEST

SUITE_MAIN("monitor", monitor_tells_what_a_session_does_in_its_order, monitor_waits_for_what_comes,
	   monitor_tells_of_faults_and_of_what_a_dead_session_had,
	   monitor_counts_what_comes_too_fast, monitor_shows_each_user_its_own,
	   monitor_is_left_by_who_waits)
