// SPDX-License-Identifier: BSD-3-Clause
/* What users may, and how much of it. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"

/* ALICE is 61001, BOB 61002. */
static const char ruled[] =
	"stock = 0\n"
	"access { allow-users = {61001, 61002} }\n"
	"kernel { allow-users = {61001} }\n"
	"inspect { allow-users = {61001} }\n"
	"simulate { allow-users = {61001} }\n"
	"limits { bytes = 8M objects = 400 sessions = 3 in-flight = 4 table-bytes = 40K arenas = 20 }\n"
	"memtype 0 { pool { ranges = {\"0x40000000+16M\"} granule = 64K } }\n"
	"memtype 1 { pool { ranges = {\"0x60000000+16M\"} allow-users = {61001} } }\n"
	"window \"0xa0000000+1M\" { allow-users = {61001} }\n"
	"smmu s { base = 0x1000000\n context free { mid = 0 }\n context kept { mid = 1 allow-users = {61001} } }\n"
	"master direct { allow-groups = {61001} }\n";

static struct world *w;
static struct peer *alice, *bob;

#define NEEDS_ROOT()                                                                               \
	do {                                                                                       \
		if (!world_can_be_others())                                                        \
			SUITE_SKIP("needs root, to be two users");                                 \
	} while (0)

static void setup(void)
{
	w = world_new(ruled);
	alice = world_peer_as(w, ALICE);
	bob = world_peer_as(w, BOB);
}

/* ALICE's status, BOB's, and that BOB is told what it was about. */
#define ck_rights(alices, bobs, says, what, ...)                                                   \
	do {                                                                                       \
		ck_status(CALL(alice, what, __VA_ARGS__), alices);                                 \
		ck_status(CALL(bob, what, __VA_ARGS__), bobs);                                     \
		ck_assert_ptr_nonnull(strstr(bob->reply.reason, says));                            \
	} while (0)

START_TEST(who_has_no_access_is_sent_away)
{
	struct peer *p;

	NEEDS_ROOT();
	w = world_new(ruled);
	p = world_connect_as(w, CAROL);
	ck_status(peer_hello(p), -EPIPE);
	ck_ok(peer_hello(world_connect(w))); /* the daemon's own user */
	world_free(w);
}
END_TEST

START_TEST(devices_memory_and_windows_are_for_who_is_allowed)
{
	NEEDS_ROOT();
	setup();
	ck_rights(0, 0, "", VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M);
	ck_rights(0, -EACCES, "device kept", ASSOC, .handle = 2, .on = 1,
		  .target = peer_device(alice, "kept"));
	ck_rights(0, 0, "", ASSOC, .handle = 3, .on = 1, .target = peer_device(alice, "free"));
	ck_rights(0, -EACCES, "memtype 1", PHYS_ALLOC, .handle = 4, .arg = 2, .len = SZ_4K);
	ck_rights(0, 0, "", PHYS_ALLOC, .handle = 5, .arg = 1, .len = SZ_4K);
	ck_rights(0, -EACCES, "window", PHYS_MAP, .handle = 6, .addr = 0xa0000000, .len = SZ_4K);
	ck_rights(0, -EACCES, "kernel", VCM_PREBUILT, .handle = 7, .arg = VCM_PREBUILT_KERNEL);
	ck_rights(0, 0, "", VCM_PREBUILT, .handle = 8, .arg = VCM_PREBUILT_USER);
	ck_rights(0, -EACCES, "device kept", HOOK, .target = peer_device(alice, "kept"), .arg = 1);
	ck_rights(-EFAULT, -EACCES, "device kept", SIM_READ, .target = peer_device(alice, "kept"),
		  .addr = 0, .len = 4);
	ck_rights(-EFAULT, -EACCES, "device direct", SIM_READ,
		  .target = peer_device(alice, "direct"), .addr = 0, .len = 4);
	ck_rights(0, -EACCES, "simulate", SIM_FAIL, .target = peer_device(alice, "free"), .arg = 3,
		  .len = 0);
	ck_rights(0, -EACCES, "inspect", INSPECT, .arg = VCM_TABLE_WHO, .len = 0x40000000);
	world_check(w);
	world_free(w);
}
END_TEST

/* A simulated device writes it, and who may simulate reads it; its owner does not. */
START_TEST(secure_memory_is_read_by_who_may_simulate_only)
{
	static const char text[] =
		"stock = 0\n"
		"access { allow-users = {61001, 61002} }\n"
		"simulate { allow-users = {61001} }\n"
		"memtype 0 { pool { ranges = {\"0x40000000+16M\"} secure = true } }\n"
		"smmu s { base = 0x1000000\n context c { mid = 0 }\n context d { mid = 1 } }\n";

	NEEDS_ROOT();
	w = world_new(text);
	alice = world_peer_as(w, ALICE);
	bob = world_peer_as(w, BOB);
	for (int i = 0; i < 2; i++) {
		struct peer *p = i ? bob : alice;
		uint32_t device = peer_device(p, i ? "d" : "c");

		ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
		ck_ok(CALL(p, ASSOC, .handle = 2, .on = 1, .target = device));
		ck_ok(CALL(p, ACTIVATE, .on = 2));
		ck_ok(CALL(p, PHYS_ALLOC, .handle = 3, .arg = 1, .len = SZ_4K));
		ck_ok(CALL(p, RESERVE, .handle = 4, .on = 1, .len = SZ_4K, .attr = VCM_SECURE));
		ck_ok(CALL(p, BACK, .on = 4, .target = 3));
		ck_ok(CALL(p, SIM_WRITE, .target = device, .addr = SZ_1M, .len = 4, .data = "abc",
			   .n_data = 4));
	}
	ck_ok(CALL(alice, SIM_READ, .target = peer_device(alice, "c"), .addr = SZ_1M, .len = 4));
	ck_assert_mem_eq(alice->reply.data, "abc", 4);
	ck_status(CALL(bob, SIM_READ, .target = peer_device(bob, "d"), .addr = SZ_1M + SZ_4K - 1,
		       .len = 1),
		  -EACCES);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "secure memory"));
	ck_status(CALL(bob, SIM_READ, .target = peer_device(bob, "d"), .addr = SZ_1M - 4, .len = 8),
		  -EACCES);
	ck_status(CALL(bob, SIM_READ, .target = peer_device(bob, "d"), .addr = SZ_1M + SZ_4K,
		       .len = 1),
		  -EFAULT);
	ck_status(CALL(bob, SIM_STATS, .target = peer_device(bob, "d"), .arg = 1), -EACCES);
	ck_ok(CALL(bob, SIM_STATS, .target = peer_device(bob, "d")));
	ck_ok(CALL(alice, SIM_STATS, .target = peer_device(alice, "c"), .arg = 1));
	world_free(w);
}
END_TEST

START_TEST(what_is_wrong_is_said_before_what_is_not_allowed)
{
	NEEDS_ROOT();
	setup();
	ck_status(CALL(bob, ASSOC, .handle = 2, .on = 9, .target = peer_device(bob, "kept")),
		  -EINVAL);
	ck_status(CALL(bob, PHYS_ALLOC, .handle = 4, .arg = 2, .len = 5), -EINVAL);
	world_free(w);
}
END_TEST

START_TEST(a_refusal_by_right_takes_its_batch_with_it)
{
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M },
		{ .code = OP_PHYS_ALLOC, .handle = 2, .arg = 2, .len = SZ_1M }
	};

	NEEDS_ROOT();
	setup();
	ck_status(BATCH(bob, ops), -EACCES);
	ck_assert_uint_eq(bob->reply.failed, 1);
	ck_status(CALL(bob, VCM_INFO, .on = 1), -EINVAL);
	ck_assert_uint_eq(world_used(w), 0);
	world_free(w);
}
END_TEST

static void activate_free(struct peer *p)
{
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M },
		{ .code = OP_ASSOC, .handle = 2, .on = 1, .target = peer_device(p, "free") },
		{ .code = OP_ACTIVATE, .on = 2 },
		{ .code = OP_RESERVE, .handle = 3, .on = 1, .len = SZ_4K },
		{ .code = OP_PHYS_ALLOC, .handle = 4, .arg = 1, .len = SZ_4K },
		{ .code = OP_BACK, .on = 3, .target = 4 }
	};

	ck_ok(BATCH(p, ops));
}

START_TEST(a_device_of_another_session_needs_the_right_to_simulate)
{
	NEEDS_ROOT();
	setup();
	activate_free(bob);
	ck_ok(CALL(alice, SIM_READ, .target = peer_device(alice, "free"), .addr = SZ_1M, .len = 4));
	world_kill(w, bob);
	world_settle(w);
	activate_free(alice);
	bob = world_peer_as(w, BOB);
	ck_status(CALL(bob, SIM_READ, .target = peer_device(bob, "free"), .addr = SZ_1M, .len = 4),
		  -EACCES);
	ck_status(CALL(bob, DEV_TO_PHYS, .target = peer_device(bob, "free"), .addr = SZ_1M),
		  -EFAULT);
	world_free(w);
}
END_TEST

/* Nothing of an association of one's own that is not active. */
START_TEST(a_device_is_taken_from_nobody)
{
	NEEDS_ROOT();
	setup();
	activate_free(alice);
	ck_ok(CALL(bob, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(bob, ASSOC, .handle = 2, .on = 1, .target = peer_device(bob, "free")));
	ck_status(CALL(bob, ACTIVATE, .on = 2), -EBUSY);
	ck_status(CALL(bob, ACTIVATE, .on = 2, .attr = VCM_ACTIVATE_SWITCH), -EBUSY);
	world_free(w);
}
END_TEST

START_TEST(bytes_are_limited_for_a_user_in_all_sessions_together)
{
	struct peer *other;

	NEEDS_ROOT();
	setup();
	other = world_peer_as(w, BOB);
	ck_ok(CALL(bob, PHYS_ALLOC, .handle = 1, .arg = 1, .len = 5 * SZ_1M));
	ck_status(CALL(other, PHYS_ALLOC, .handle = 1, .arg = 1, .len = 4 * SZ_1M), -EDQUOT);
	ck_assert_ptr_nonnull(strstr(other->reply.reason, "bytes"));
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 1, .arg = 1, .len = 4 * SZ_1M));
	ck_ok(CALL(bob, PHYS_FREE, .on = 1));
	ck_ok(CALL(other, PHYS_ALLOC, .handle = 1, .arg = 1, .len = 4 * SZ_1M));
	world_check(w);
	world_free(w);
}
END_TEST

START_TEST(arenas_are_limited)
{
	uint32_t n = 0;

	NEEDS_ROOT();
	setup();
	for (; n < 20; n++)
		ck_ok(CALL(bob, PHYS_ALLOC, .handle = 1 + n, .arg = 1, .attr = VCM_COHERENT,
			   .len = SZ_4K));
	ck_status(CALL(bob, PHYS_ALLOC, .handle = 1 + n, .arg = 1, .attr = VCM_COHERENT,
		       .len = SZ_4K),
		  -EDQUOT);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "arenas"));
	world_check(w);
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 1, .arg = 1, .attr = VCM_COHERENT, .len = SZ_4K));
	ck_ok(CALL(bob, PHYS_FREE, .on = 1));
	ck_ok(CALL(bob, PHYS_ALLOC, .handle = 1, .arg = 1, .attr = VCM_COHERENT, .len = SZ_4K));
	world_free(w);
}
END_TEST

START_TEST(arenas_that_are_kept_for_a_user_do_not_count)
{
	NEEDS_ROOT();
	setup();
	for (uint32_t n = 0; n < 20; n++)
		ck_ok(CALL(bob, PHYS_ALLOC, .handle = 1 + n, .arg = 1, .len = SZ_64K));
	ck_status(CALL(bob, PHYS_ALLOC, .handle = 30, .arg = 1, .len = SZ_64K), -EDQUOT);
	for (uint32_t n = 0; n < 20; n++)
		ck_ok(CALL(bob, PHYS_FREE, .on = 1 + n));
	for (uint32_t n = 0; n < 19; n++)
		ck_ok(CALL(bob, PHYS_ALLOC, .handle = 1 + n, .arg = 1, .len = 2 * SZ_64K));
	ck_ok(CALL(bob, PHYS_ALLOC, .handle = 30, .arg = 1, .len = SZ_64K)); /* a kept one */
	ck_status(CALL(bob, PHYS_ALLOC, .handle = 31, .arg = 1, .len = SZ_64K), -EDQUOT);
	world_check(w);
	world_free(w);
}
END_TEST

static void leave_fds(rlim_t n)
{
	struct rlimit files;
	int fd = dup(0);

	close(fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = (rlim_t)fd + n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
}

/* A sixteenth of the descriptors, 80, for connections, and of them 20 for root. Both ends of each are this process's. */
START_TEST(memory_leaves_room_for_connections_and_these_for_root)
{
	uint32_t n = 0;
	int r;

	NEEDS_ROOT();
	w = world_new("stock = 0\naccess { allow-users = {\"*\"} }\n"
		      "memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n");
	bob = world_peer_as(w, BOB);
	leave_fds(1280);
	while ((r = CALL(bob, PHYS_ALLOC, .handle = 1 + n, .arg = 1, .attr = VCM_COHERENT,
			 .len = SZ_4K)) == 0)
		n++;
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "LimitNOFILE"));
	ck_assert_uint_gt(n, 1000);
	alice = world_peer_as(w, ALICE);
	for (n = 0; (r = peer_hello(world_connect_as(w, BOB))) == 0; n++)
		ck_assert_uint_lt(n, 64);
	ck_assert_int_eq(r, -EPIPE);
	ck_ok(CALL(world_peer(w), INSPECT, .arg = VCM_TABLE_POOLS));
	world_free(w);
}
END_TEST

START_TEST(objects_are_limited)
{
	uint32_t n = 0;
	int r;

	NEEDS_ROOT();
	setup();
	ck_ok(CALL(bob, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = 256 * SZ_1M));
	while ((r = CALL(bob, RESERVE, .handle = 2 + n, .on = 1, .len = SZ_4K)) == 0)
		n++;
	ck_assert_int_eq(r, -EDQUOT);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "objects"));
	ck_assert_uint_gt(n, 200);
	ck_status(CALL(bob, VCM_CLONE, .handle = 2 + n, .on = 1), -EDQUOT);
	world_check(w);
	ck_ok(CALL(alice, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(bob, UNRESERVE, .on = 2));
	ck_ok(CALL(bob, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	world_free(w);
}
END_TEST

START_TEST(sessions_are_limited)
{
	struct peer *p;

	NEEDS_ROOT();
	setup();
	world_peer_as(w, BOB);
	world_peer_as(w, BOB);
	p = world_connect_as(w, BOB);
	ck_status(peer_hello(p), -EDQUOT);
	world_peer_as(w, ALICE);
	world_kill(w, bob);
	world_settle(w);
	ck_ok(peer_hello(p));
	world_free(w);
}
END_TEST

START_TEST(page_tables_are_limited)
{
	NEEDS_ROOT();
	setup();
	for (uint32_t i = 0; i < 3; i++) {
		ck_ok(CALL(bob, VCM_CREATE, .handle = 1 + i, .addr = SZ_1M, .len = SZ_1M));
		ck_status(CALL(bob, ASSOC, .handle = 10 + i, .on = 1 + i,
			       .target = peer_device(bob, "free")),
			  i < 2 ? 0 : -EDQUOT);
	}
	ck_ok(CALL(bob, DEASSOC, .on = 10));
	ck_ok(CALL(bob, ASSOC, .handle = 12, .on = 3, .target = peer_device(bob, "free")));
	world_free(w);
}
END_TEST

/* The fifth waits unread; the others' answers let it in. */
START_TEST(requests_that_wait_are_limited)
{
	uint64_t serials[12];

	NEEDS_ROOT();
	setup();
	ck_ok(CALL(alice, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = 64 * SZ_1M));
	ck_ok(CALL(alice, ASSOC, .handle = 2, .on = 1, .target = peer_device(alice, "free")));
	ck_ok(CALL(alice, ACTIVATE, .on = 2));
	ck_ok(CALL(alice, RESERVE, .handle = 3, .on = 1, .len = 7 * SZ_1M));
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 4, .arg = 1, .len = 7 * SZ_1M));
	ck_ok(CALL(alice, BACK, .on = 3, .target = 4));
	for (int i = 0; i < 12; i++)
		serials[i] = SEND(alice, RES_COPY, .on = 3, .target = 3, .len = 7 * SZ_1M);
	for (int i = 0; i < 12; i++) {
		ck_ok(peer_wait(alice, serials[i]));
		ck_assert_uint_eq(peer_value(alice, 0), 7 * SZ_1M);
	}
	world_free(w);
}
END_TEST

/* --- what one sees of others */

static size_t count_rows(struct peer *p, enum vcm_table_kind table)
{
	uint64_t cursor = 0;
	size_t n = 0;

	do {
		ck_ok(CALL(p, INSPECT, .arg = table, .addr = cursor));
		n += p->reply.n_rows;
		cursor = peer_value(p, 0);
	} while (cursor);
	return n;
}

START_TEST(rows_of_others_need_the_right_to_inspect)
{
	static const enum vcm_table_kind tables[] = { VCM_TABLE_VCMS, VCM_TABLE_RESERVATIONS,
						      VCM_TABLE_PHYSMEMS, VCM_TABLE_ASSOCS };

	NEEDS_ROOT();
	setup();
	activate_free(alice);
	ck_ok(CALL(bob, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(count_rows(bob, tables[i]), tables[i] == VCM_TABLE_VCMS);
	ck_assert_uint_eq(count_rows(bob, VCM_TABLE_SESSIONS), 1);
	ck_assert_uint_eq(count_rows(alice, VCM_TABLE_SESSIONS), 2);
	ck_assert_uint_eq(count_rows(alice, VCM_TABLE_VCMS), 2);
	ck_status(CALL(alice, SIM_READ, .target = peer_device(alice, "free"), .addr = 0, .len = 1),
		  -EFAULT);
	ck_assert_uint_eq(count_rows(bob, VCM_TABLE_FAULTS), 0);
	ck_assert_uint_eq(count_rows(alice, VCM_TABLE_FAULTS), 1);
	world_free(w);
}
END_TEST

SUITE_MAIN("rights", who_has_no_access_is_sent_away,
	   devices_memory_and_windows_are_for_who_is_allowed,
	   secure_memory_is_read_by_who_may_simulate_only,
	   what_is_wrong_is_said_before_what_is_not_allowed,
	   a_refusal_by_right_takes_its_batch_with_it,
	   a_device_of_another_session_needs_the_right_to_simulate, a_device_is_taken_from_nobody,
	   bytes_are_limited_for_a_user_in_all_sessions_together, arenas_are_limited,
	   arenas_that_are_kept_for_a_user_do_not_count,
	   memory_leaves_room_for_connections_and_these_for_root, objects_are_limited,
	   sessions_are_limited, page_tables_are_limited, requests_that_wait_are_limited,
	   rows_of_others_need_the_right_to_inspect)
