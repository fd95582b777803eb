// SPDX-License-Identifier: BSD-3-Clause
/* A configuration that takes the place of another while clients go on. */
#include "vcmd/reload.h"

#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/conf.h"
#include "tests/vcmd/scene.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"

#define TOP "stock = 0\naccess { allow-users = {\"*\"} }\n"
#define POOL "memtype 0 { pool { ranges = {\"0x40000000+16M\"} granule = 64K } }\n"
#define SMMU "smmu s { base = 0x1000000\n context one { mid = 0 }\n context two { mid = 1 } }\n"
#define MASTER "master direct {}\n"
#define BEFORE TOP POOL SMMU MASTER

static void reloads(struct world *w, const char *text)
{
	struct reason why = { "" };

	ck_assert_msg(world_reload(w, text, &why) == 0, "%s", why.text);
	world_check(w);
}

/* Nothing has changed. */
static void refuses(struct world *w, const char *text, const char *says)
{
	const struct config *before = w->broker->config;
	uint32_t n_devices = w->broker->graph->n_devices;
	const struct pool *last = TAILQ_LAST(&w->broker->graph->pools, pool_list);
	struct reason why = { "" };

	ck_assert_msg(world_reload(w, text, &why) == -EINVAL, "accepted: %s", text);
	ck_assert_msg(strstr(why.text, says), "said: %s", why.text);
	ck_assert_ptr_eq(w->broker->config, before);
	ck_assert_uint_eq(w->broker->graph->n_devices, n_devices);
	ck_assert_ptr_eq(TAILQ_LAST(&w->broker->graph->pools, pool_list), last);
	world_check(w);
}

/* A mapping that must stay as it is. */
static void use(struct peer *p, const char *device, uint32_t base)
{
	ck_ok(CALL(p, VCM_CREATE, .handle = base, .addr = SZ_1M, .len = SZ_16M));
	ck_ok(CALL(p, ASSOC, .handle = base + 1, .on = base, .target = peer_device(p, device)));
	ck_ok(CALL(p, ACTIVATE, .on = base + 1));
	ck_ok(CALL(p, RESERVE, .handle = base + 2, .on = base, .len = SZ_64K));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = base + 3, .arg = 1, .len = SZ_64K));
	ck_ok(CALL(p, BACK, .on = base + 2, .target = base + 3));
}

static void write_as(struct peer *p, const char *device)
{
	ck_ok(CALL(p, SIM_WRITE, .target = peer_device(p, device), .addr = SZ_1M, .data = "abcd",
		   .n_data = 4));
}

START_TEST(reload_of_the_same_changes_nothing_and_clients_go_on)
{
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w);

	use(p, "one", 1);
	for (int i = 0; i < 3; i++) {
		reloads(w, BEFORE);
		write_as(p, "one");
	}
	use(p, "two", 10);
	write_as(p, "two");
	world_free(w);
}
END_TEST

START_TEST(reload_adds_pools_and_devices)
{
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w);

	use(p, "one", 1);
	ck_status(CALL(p, PHYS_ALLOC, .handle = 20, .arg = 4, .len = SZ_1M), -EINVAL);
	reloads(w, TOP POOL "memtype 3 { pool { ranges = {\"0x60000000+16M\"} } }\n"
			    "smmu new { base = 0x2000000\n context three { mid = 0 } }\n" SMMU
			    "master other {}\n" MASTER);
	write_as(p, "one");
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 20, .arg = 4, .len = SZ_1M));
	use(p, "three", 30);
	write_as(p, "three");
	ck_assert_uint_gt(peer_device(p, "other"), 0);
	/* What came in a reload is in service like everything else. */
	refuses(w, BEFORE, "memtype 3: the pool at 0x60000000 cannot be changed or removed");
	write_as(p, "three");
	world_free(w);
}
END_TEST

START_TEST(reload_reports_faults_of_a_device_that_is_new)
{
	struct world *w = world_new(BEFORE);
	struct peer *p;
	struct fault_event event;

	reloads(w, BEFORE "smmu new { base = 0x2000000\n context three { mid = 0 } }\n");
	p = world_peer(w);
	use(p, "three", 1);
	ck_ok(CALL(p, HOOK, .target = peer_device(p, "three"), .arg = 1));
	peer_send(p,
		  &(const struct op){ .code = OP_SIM_READ,
				      .target = peer_device(p, "three"),
				      .addr = SZ_16M,
				      .len = 4 },
		  1);
	ck_assert(peer_event(p, true, &event));
	ck_assert_uint_eq(event.device, peer_device(p, "three"));
	world_free(w);
}
END_TEST

START_TEST(reload_refuses_what_is_set_up_and_names_it)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "stock = 64M\n" POOL SMMU MASTER, "stock cannot be changed" },
		{ "socket = \"/run/other.sock\"\n" BEFORE, "socket cannot be changed" },
		{ "socket-mode = 0600\n" BEFORE, "socket-mode cannot be changed" },
		{ "dbus = off\n" BEFORE, "dbus cannot be changed" },
		{ "tables = \"0x90000000+64M\"\n" BEFORE, "tables cannot be changed" },
		{ "kernel-window = \"0x7e0000000000+1G\"\n" BEFORE, "kernel-window cannot" },
		{ TOP
		  "memtype 0 { pool { ranges = {\"0x40000000+32M\"} granule = 64K } }\n" SMMU MASTER,
		  "memtype 0: the pool at 0x40000000 cannot be changed" },
		{ TOP
		  "memtype 1 { pool { ranges = {\"0x40000000+16M\"} granule = 64K } }\n" SMMU MASTER,
		  "memtype 0: the pool at 0x40000000 cannot be changed" },
		{ TOP POOL MASTER "smmu s { base = 0x1000000\n context one { mid = 0 } }\n",
		  "smmu s: context two cannot be changed or removed" },
		{ TOP POOL MASTER
		  "smmu s { base = 0x1000000\n context one { mid = 1 }\n context two { mid = 0 } }\n",
		  "smmu s: context one cannot be changed" },
		{ TOP POOL MASTER "smmu s { base = 0x1000000\n context one { mid = 0 }\n"
				  " context two { mid = 1 }\n context three { mid = 2 } }\n",
		  "smmu s: context three cannot be added" },
		{ TOP POOL MASTER "smmu s { base = 0x3000000\n context one { mid = 0 }\n"
				  " context two { mid = 1 } }\n",
		  "smmu s cannot be changed" },
		{ TOP POOL MASTER, "smmu s cannot be changed or removed" },
		{ TOP POOL SMMU, "master direct cannot be removed" },
		{ BEFORE "window \"0xa0000000+1M\" {}\n", "windows: they cannot be added" },
	};
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w);

	use(p, "one", 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		refuses(w, wrong[i].text, wrong[i].says);
		write_as(p, "one");
	}
	world_free(w);
}
END_TEST

START_TEST(reload_changes_rights_for_what_comes)
{
	struct world *w;
	struct peer *alice;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	w = world_new(BEFORE);
	alice = world_peer_as(w, ALICE);
	use(alice, "one", 1);
	reloads(w, "stock = 0\naccess { allow-users = {61002} }\n" POOL MASTER
		   "smmu s { base = 0x1000000\n context one { mid = 0 allow-users = {61002} }\n"
		   " context two { mid = 1 } }\n");
	/* Who is here stays, and what is mapped; but the device is another's now. */
	ck_status(CALL(alice, DEV_TO_PHYS, .target = 2, .addr = SZ_1M), -EACCES);
	ck_ok(CALL(alice, VCM_INFO, .on = 1));
	ck_ok(peer_hello(world_connect_as(w, BOB)));
	world_free(w);
}
END_TEST

/* A session is not taken from who has it, but nobody who is shut out begins another: not on a connection from before either. */
START_TEST(reload_that_shuts_a_user_out_leaves_the_sessions_that_are)
{
	struct peer *alice, *early, *late;
	struct world *w;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	w = world_new(BEFORE);
	alice = world_peer_as(w, ALICE);
	early = world_connect_as(w, ALICE);
	reloads(w, "stock = 0\naccess { allow-users = {61002} }\n" POOL SMMU MASTER);
	use(alice, "one", 1);
	write_as(alice, "one");
	ck_status(peer_hello(early), -EACCES);
	ck_assert_ptr_nonnull(strstr(early->reply.reason, "`access` says who may"));
	late = world_connect_as(w, ALICE); /* it might have a session to resume */
	ck_status(peer_hello(late), -EACCES);
	world_kill(w, early);
	world_kill(w, late);
	world_kill(w, alice);
	world_settle(w);
	ck_status(peer_hello(world_connect_as(w, ALICE)), -EPIPE);
	reloads(w, BEFORE);
	ck_ok(peer_hello(world_connect_as(w, ALICE)));
	world_free(w);
}
END_TEST

/* A connection that has said nothing yet comes with what counts when it does. */
START_TEST(reload_changes_limits_of_who_has_not_said_hello)
{
	struct world *w;
	struct peer *alice;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	w = world_new(BEFORE);
	alice = world_connect_as(w, ALICE);
	reloads(w, BEFORE "limits { bytes = 1M }\n");
	ck_ok(peer_hello(alice));
	ck_status(CALL(alice, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_2M), -EDQUOT);
	world_free(w);
}
END_TEST

/* Configurations that differ in all that can differ, and some that are refused. What stays in service, and what waits, refers
 * to none that has gone. */
START_TEST(reloads_leave_nothing_behind)
{
	static const char *const texts[] = {
		BEFORE,
		TOP
		"memtype 0 { pool { ranges = {\"0x40000000+16M\"} granule = 64K allow-users = {0} } }\n"
		"smmu s { base = 0x1000000\n context one { mid = 0 allow-users = {0, 1} }\n"
		" context two { mid = 1 } }\nmaster direct { allow-users = {\"*\"} }\n"
		"limits { in-flight = 5 }\n",
		BEFORE "manage { allow-users = {1, 2, 3} }\nfault-timeout = 5\n",
	};
	const unsigned int n = suite_scaled(3000, 10, 100);
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w);
	struct reason why;
	size_t before = 0;

	use(p, "one", 1);
	for (unsigned int i = 0; i < n; i++) {
		reloads(w, texts[i % 3]);
		ck_assert_int_eq(world_reload(w, TOP POOL SMMU, &why), -EINVAL);
		write_as(p, "one");
		/* The answers that are kept have their room by now; and it is the last one's text. */
		if (i == n / 3 + 1)
			before = mallinfo2().uordblks;
	}
	/* Allowed is what malloc() counts as in use while it keeps it; one block for each reload would be four times that. */
	ck_assert_uint_le(mallinfo2().uordblks, before + 4 * SZ_4K);
	reloads(w, BEFORE);
	use(p, "two", 10);
	write_as(p, "two");
	world_free(w);
}
END_TEST

START_TEST(reload_changes_limits_of_users_who_are_here)
{
	struct world *w;
	struct peer *alice;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	w = world_new(BEFORE);
	alice = world_peer_as(w, ALICE);
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_1M));
	reloads(w, BEFORE "limits { bytes = 1M }\n");
	ck_status(CALL(alice, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M), -EDQUOT);
	ck_ok(CALL(alice, PHYS_INFO, .on = 1));
	reloads(w, BEFORE "limits { bytes = 4M }\n");
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M));
	world_free(w);
}
END_TEST

/* What a node is cannot change, what it may have can. */
START_TEST(reload_changes_limits_of_nodes)
{
	char less[sizeof(scene.text) + 64], other[sizeof(scene.text)];
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_1M));
	snprintf(less, sizeof(less), "%slimits { bytes = 1M }\n", scene.text);
	reloads(scene.world, less);
	ck_status(CALL(p, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M), -EDQUOT);
	snprintf(other, sizeof(other), "%s", scene.text);
	strstr(other, "node dsp")[7] = 'q';
	refuses(scene.world, other, "node dsq cannot be added, changed or removed");
	reloads(scene.world, scene.text);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M));
	/* The next session has them too. */
	reloads(scene.world, less);
	ck_ok(CALL(p, BYE));
	world_kill(scene.world, p);
	scene_until_none_left();
	p = scene_peer();
	ck_status(CALL(p, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_2M), -EDQUOT);
	ck_ok(CALL(p, BYE));
	world_kill(scene.world, p);
	scene_until_none_left();
	scene_close();
}
END_TEST

START_TEST(reload_is_whole_or_not_at_all_without_memory)
{
	static const char *const grown =
		BEFORE "memtype 3 { pool { ranges = {\"0x60000000+16M\"} } }\n"
		       "smmu new { base = 0x2000000\n context three { mid = 0 } }\n"
		       "master other {}\n";
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w);
	struct config *to = load(grown);
	struct reason why = { "" };
	uint32_t n_devices = w->broker->graph->n_devices;
	size_t nth = 1;
	int r;

	use(p, "one", 1);
	for (;; nth++) {
		mem_fail_nth(nth);
		r = reload(w->broker, to, &why);
		if (!mem_fail_fired())
			break;
		ck_assert_int_lt(r, 0);
		ck_assert_ptr_eq(w->broker->config, w->config);
		ck_assert_uint_eq(w->broker->graph->n_devices, n_devices);
		world_check(w);
		write_as(p, "one");
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(nth, 8);
	config_free(w->config);
	w->config = to;
	use(p, "three", 30);
	write_as(p, "three");
	world_free(w);
}
END_TEST

START_TEST(session_kill_takes_everything_back)
{
	struct world *w = world_new(BEFORE);
	struct peer *p = world_peer(w), *other = world_peer(w);

	use(p, "one", 1);
	ck_status(CALL(other, SESSION_KILL, .arg = 12345), -ESRCH);
	ck_ok(CALL(other, SESSION_KILL, .arg = p->session));
	peer_wait_gone(p);
	while (world_used(w))
		ck_ok(CALL(other, MEMTYPE_CONT, .arg = 1));
	use(other, "one", 1);
	ck_status(CALL(other, RELOAD), -EOPNOTSUPP);
	world_free(w);
}
END_TEST

START_TEST(managing_needs_the_right)
{
	struct world *w;
	struct peer *alice, *bob;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	w = world_new(BEFORE "manage { allow-users = {61001} }\n");
	alice = world_peer_as(w, ALICE);
	bob = world_peer_as(w, BOB);
	ck_status(CALL(bob, SESSION_KILL, .arg = alice->session), -EACCES);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "the right `manage`"));
	ck_status(CALL(bob, RELOAD), -EACCES);
	ck_ok(CALL(alice, SESSION_KILL, .arg = bob->session));
	peer_wait_gone(bob);
	world_free(w);
}
END_TEST

SUITE_MAIN("reload", reload_of_the_same_changes_nothing_and_clients_go_on,
	   reload_adds_pools_and_devices, reload_reports_faults_of_a_device_that_is_new,
	   reload_refuses_what_is_set_up_and_names_it, reload_changes_rights_for_what_comes,
	   reload_that_shuts_a_user_out_leaves_the_sessions_that_are,
	   reload_changes_limits_of_users_who_are_here,
	   reload_changes_limits_of_who_has_not_said_hello, reloads_leave_nothing_behind,
	   reload_changes_limits_of_nodes, reload_is_whole_or_not_at_all_without_memory,
	   session_kill_takes_everything_back, managing_needs_the_right)
