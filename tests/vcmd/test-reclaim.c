// SPDX-License-Identifier: BSD-3-Clause
/* The end of sessions, however large; what is kept for a user, and when it is given up; and tables of many rows. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "backend/sim/sim.h"
#include "base/log-limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"

static void reserve_many(struct peer *p, uint32_t n)
{
	static struct op ops[PROTO_MAX_OPS];

	for (uint32_t done = 0; done < n;) {
		size_t k = 0;

		for (; k < PROTO_MAX_OPS && done < n; k++, done++)
			ops[k] = (struct op){
				.code = OP_RESERVE, .handle = 100 + done, .on = 90, .len = SZ_4K
			};
		ck_ok(peer_call(p, ops, k));
	}
}

START_TEST(a_session_of_100_thousand_reservations_holds_nobody_up)
{
	struct world *w = world_new(NULL);
	struct peer *large = world_peer(w), *other = world_peer(w);
	size_t served = 0;

	ck_ok(CALL(large, VCM_CREATE, .handle = 90, .addr = 0, .len = UINT64_C(1) << 32));
	reserve_many(large, 100000);
	world_kill(w, large);
	while (w->broker->n_clients > 1) {
		ck_ok(CALL(other, MEMTYPE_CONT, .arg = 1));
		served++;
	}
	ck_assert_uint_gt(served, 100); /* it went in slices, and others in between */
	world_free(w);
}
END_TEST

START_TEST(goodbye_of_a_large_session_is_answered_when_it_is_back)
{
	struct world *w = world_new(NULL);
	struct peer *large = world_peer(w);

	ck_ok(CALL(large, VCM_CREATE, .handle = 90, .addr = 0, .len = UINT64_C(1) << 32));
	reserve_many(large, 10000);
	ck_ok(CALL(large, BYE));
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	world_free(w);
}
END_TEST

START_TEST(a_peer_may_die_between_goodbye_and_its_answer)
{
	struct world *w = world_new(NULL);
	struct peer *large = world_peer(w), *other = world_peer(w);

	ck_ok(CALL(large, VCM_CREATE, .handle = 90, .addr = 0, .len = UINT64_C(1) << 32));
	reserve_many(large, 10000);
	SEND(large, BYE);
	ck_ok(CALL(other, MEMTYPE_CONT, .arg = 1));
	world_kill(w, large);
	world_settle(w);
	world_free(w);
}
END_TEST

static bool has_ended(struct world *w, void *ctx)
{
	const size_t *n = ctx;

	return w->broker->n_clients <= *n;
}

/* Each allocation of the end of a session fails in turn: it is tried again until it is through. */
START_TEST(the_end_of_a_session_is_tried_until_it_succeeds)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	size_t none = 0;

	for (size_t n = 1; n < 12; n++) {
		stage_set(p);
		for (uint32_t i = 0; i < 300; i++)
			ck_ok(CALL(p, RESERVE, .handle = 100 + i, .on = REGION, .len = SZ_4K));
		world_kill(w, p);
		mem_fail_nth(n);
		world_until(w, has_ended, &none);
		mem_fail_fired();
		world_check(w);
		ck_assert_uint_eq(w->broker->graph->n_objects, 0);
		p = world_peer(w);
	}
	world_free(w);
}
END_TEST

/* --- pressure */

static const char small[] = "stock = 0\naccess { allow-users = {\"*\"} }\nlimits { bytes = 64M }\n"
			    "memtype 0 { pool { ranges = {\"0x40000000+16M\"} contiguous = 4M } }\n"
			    "smmu s { base = 0x1000000\n context c { mid = 0 } }\n";

START_TEST(what_is_kept_for_one_makes_way_for_another)
{
	struct world *w = world_new(small);
	struct peer *p = world_peer(w), *other;

	other = world_can_be_others() ? world_peer_as(w, BOB) : world_peer(w);
	for (uint32_t i = 1; i <= 12; i++)
		ck_ok(CALL(p, PHYS_ALLOC, .handle = i, .arg = 1, .len = SZ_1M));
	for (uint32_t i = 1; i <= 12; i++)
		ck_ok(CALL(p, PHYS_FREE, .on = i));
	ck_assert_msg(CALL(other, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_16M) == 0, "%s",
		      other->reply.reason);
	ck_assert_uint_eq(world_used(w), SZ_16M);
	world_check(w);
	ck_status(CALL(p, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_4K), -ENOMEM);
	world_free(w);
}
END_TEST

START_TEST(fragmentation_is_told_from_want_of_memory)
{
	struct world *w = world_new(small);
	struct peer *p = world_peer(w);

	for (uint32_t i = 0; i < 16; i++)
		ck_ok(CALL(p, PHYS_ALLOC, .handle = 1 + i, .arg = 1, .len = SZ_1M));
	ck_status(CALL(p, PHYS_ALLOC, .handle = 40, .arg = 1, .len = SZ_1M), -ENOMEM);
	ck_assert_msg(strstr(p->reply.reason, "left") && !strstr(p->reply.reason, "fragmented"),
		      "%s", p->reply.reason);
	for (uint32_t i = 0; i < 16; i += 2)
		ck_ok(CALL(p, PHYS_FREE, .on = 1 + i));
	ck_status(CALL(p, PHYS_ALLOC, .handle = 40, .arg = 1, .len = 4 * SZ_1M,
		       .attr = VCM_PHYS_CONT),
		  -ENOMEM);
	ck_assert_msg(strstr(p->reply.reason, "fragmented"), "%s", p->reply.reason);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 40, .arg = 1, .len = 4 * SZ_1M));
	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_POOLS));
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_POOL_FAILED_SIZE], 1);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_POOL_FAILED_FRAGMENTED], 1);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_POOL_USED], 12 * SZ_1M);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_POOL_HIGH_WATER], SZ_16M);
	world_free(w);
}
END_TEST

/* In the middle of a batch: what the batch has planned by then is planned again. */
START_TEST(pressure_in_a_batch_starts_it_anew)
{
	struct world *w = world_new(small);
	struct peer *p = world_peer(w), *other;
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = 64 * SZ_1M },
		{ .code = OP_RESERVE, .handle = 2, .on = 1, .len = SZ_16M },
		{ .code = OP_PHYS_ALLOC, .handle = 3, .arg = 1, .len = SZ_16M },
	};

	other = world_can_be_others() ? world_peer_as(w, BOB) : world_peer(w);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_64K));
	ck_ok(CALL(p, PHYS_FREE, .on = 1));
	ck_ok(BATCH(other, ops));
	ck_assert_uint_eq(other->reply.n_values, 2);
	world_check(w);
	world_free(w);
}
END_TEST

/* --- tables of many rows */

START_TEST(tables_of_many_rows_come_in_pages)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w), *other = world_peer(w);
	uint64_t cursor = 0, n = 0, last = 0, pages = 0;

	stage_set(other);
	ck_ok(CALL(p, VCM_CREATE, .handle = 90, .addr = 0, .len = UINT64_C(1) << 32));
	reserve_many(p, 3000);
	do {
		ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_RESERVATIONS, .addr = cursor));
		for (size_t i = 0; i < p->reply.n_rows; i++) {
			const uint64_t *row = p->reply.rows[i].n;
			uint64_t at = row[VCM_RES_SESSION] << 32 | row[VCM_RES_HANDLE];

			ck_assert_uint_gt(at, last);
			last = at;
		}
		n += p->reply.n_rows;
		pages++;
		cursor = peer_value(p, 0);
	} while (cursor);
	ck_assert_uint_eq(n, 3000 + 7);
	ck_assert_uint_gt(pages, 10);
	world_free(w);
}
END_TEST

START_TEST(who_maps_an_address_comes_in_pages)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t cursor = 0, n = 0, pa;

	stage_set(p);
	ck_ok(CALL(p, VCM_CREATE, .handle = 90, .addr = 0x80000000, .len = 256 * SZ_1M));
	ck_ok(CALL(p, ASSOC, .handle = 91, .on = 90, .target = 3));
	ck_ok(CALL(p, ACTIVATE, .on = 91));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 92, .arg = 1, .len = SZ_4K));
	reserve_many(p, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		ck_ok(CALL(p, BACK, .on = 100 + i, .target = 92));
	ck_ok(CALL(p, PHYS_NEXT, .on = 92));
	pa = peer_value(p, 0);
	do {
		ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_WHO, .addr = cursor, .len = pa + 5));
		n += p->reply.n_rows;
		cursor = peer_value(p, 0);
	} while (cursor);
	ck_assert_uint_eq(n, 1000);
	ck_assert_str_eq(p->reply.rows[0].s[1], "vcodec_a_stream");
	world_free(w);
}
END_TEST

START_TEST(every_table_has_its_rows)
{
	static const size_t rows[] = { 1, 7, 3, 1, 1, 5, 7, 3, 4, 1, 0 };
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t pa;

	stage_set(p);
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	pa = peer_value(p, 0);
	for (uint64_t table = VCM_TABLE_STATUS; table <= VCM_TABLE_FAULTS; table++) {
		ck_ok(CALL(p, INSPECT, .arg = table, .len = pa));
		ck_assert_msg(p->reply.n_rows == rows[table - 1], "table %u has %zu rows",
			      (unsigned int)table, p->reply.n_rows);
		ck_assert_uint_eq(peer_value(p, 0), 0);
	}
	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_SESSIONS));
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_SESSION_RESERVATIONS], 7);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_SESSION_UID], geteuid());
	ck_assert_str_eq(p->reply.rows[0].s[0], "peer");
	world_free(w);
}
END_TEST

static bool nothing_is_used(struct world *w, void *ctx _unused_)
{
	return world_used(w) == 0;
}

static const char two_smmus[] =
	"stock = 0\naccess { allow-users = {\"*\"} }\n"
	"memtype 0 { pool { ranges = {\"0x40000000+16M\"} contiguous = 4M } }\n"
	"smmu good { base = 0x1000000\n context b { mid = 0 } context c { mid = 1 } }\n"
	"smmu bad { base = 0x2000000\n context a { mid = 0 } }\n";

START_TEST(a_device_that_does_not_end_keeps_no_other_at_work)
{
	struct world *w = world_new(two_smmus);
	struct peer *q = world_peer(w), *p = world_peer(w);
	uint32_t a = peer_device(p, "a"), b = peer_device(p, "b"), c = peer_device(p, "c");
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 2, .addr = 0x10000000, .len = SZ_16M },
		{ .code = OP_ASSOC, .handle = 4, .on = 2, .target = b },
		{ .code = OP_ACTIVATE, .on = 4 },
		{ .code = OP_ASSOC, .handle = 8, .on = 2, .target = a },
		{ .code = OP_ACTIVATE, .on = 8 },
		{ .code = OP_ASSOC, .handle = 3, .on = 2, .target = c },
		{ .code = OP_ACTIVATE, .on = 3 },
		{ .code = OP_RESERVE, .handle = 5, .on = 2, .addr = 0x10000000, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = 6, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
		{ .code = OP_BACK, .on = 5, .target = 6 },
	};

	ck_ok(BATCH(p, ops));
	ck_ok(CALL(q, SIM_READ, .target = b, .addr = 0x10000000, .len = 4));
	ck_ok(CALL(q, SIM_READ, .target = c, .addr = 0x10000000, .len = 4));
	ck_ok(CALL(p, SIM_FAIL, .target = a, .arg = SIM_FAIL_DISABLE, .len = 1000000));
	world_kill(w, p);
	for (unsigned int i = 0; i < 1000; i++)
		if (CALL(q, SIM_READ, .target = c, .addr = 0x10000000, .len = 4) != 0)
			break;
	ck_assert_int_ne(CALL(q, SIM_READ, .target = b, .addr = 0x10000000, .len = 4), 0);
	ck_assert_int_ne(CALL(q, SIM_READ, .target = c, .addr = 0x10000000, .len = 4), 0);
	/* What the one may still reach is nobody's yet. */
	ck_ok(CALL(q, SIM_READ, .target = a, .addr = 0x10000000, .len = 4));
	ck_assert_uint_eq(world_used(w), SZ_64K);
	ck_ok(CALL(q, SIM_FAIL, .target = a, .arg = SIM_FAIL_DISABLE, .len = 0));
	world_until(w, nothing_is_used, NULL);
	world_free(w);
}
END_TEST

static unsigned int n_retries_said;

static void count_retries(enum log_level level _unused_, const struct log_about *about _unused_,
			  const char *line)
{
	n_retries_said += strstr(line, "; it is tried again") != NULL;
}

START_TEST(a_device_that_does_not_end_does_not_fill_the_log)
{
	struct world *w = world_new(two_smmus);
	struct peer *p = world_peer(w);
	uint32_t a = peer_device(p, "a");
	enum log_level level = log_get_level();
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 2, .addr = 0x10000000, .len = SZ_16M },
		{ .code = OP_ASSOC, .handle = 4, .on = 2, .target = a },
		{ .code = OP_ACTIVATE, .on = 4 },
		{ .code = OP_RESERVE, .handle = 5, .on = 2, .addr = 0x10000000, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = 6, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
		{ .code = OP_BACK, .on = 5, .target = 6 },
	};

	ck_ok(BATCH(p, ops));
	ck_ok(CALL(p, SIM_FAIL, .target = a, .arg = SIM_FAIL_DISABLE, .len = 3 * LOG_LIMIT_BURST));
	log_set_level(LOG_L_WARNING);
	log_set_sink(count_retries);
	world_kill(w, p);
	world_until(w, nothing_is_used, NULL);
	log_set_sink(NULL);
	log_set_level(level);
	ck_assert_uint_gt(n_retries_said, 0);
	ck_assert_uint_lt(n_retries_said, 2 * LOG_LIMIT_BURST);
	world_free(w);
}
END_TEST

SUITE_MAIN("reclaim", a_session_of_100_thousand_reservations_holds_nobody_up,
	   goodbye_of_a_large_session_is_answered_when_it_is_back,
	   a_peer_may_die_between_goodbye_and_its_answer,
	   the_end_of_a_session_is_tried_until_it_succeeds,
	   a_device_that_does_not_end_keeps_no_other_at_work,
	   a_device_that_does_not_end_does_not_fill_the_log,
	   what_is_kept_for_one_makes_way_for_another, fragmentation_is_told_from_want_of_memory,
	   pressure_in_a_batch_starts_it_anew, tables_of_many_rows_come_in_pages,
	   who_maps_an_address_comes_in_pages, every_table_has_its_rows)
