// SPDX-License-Identifier: BSD-3-Clause
/* The way of a request: what each operation refuses and says, and what a batch is. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"

struct refusal {
	struct op op;
	int status;
	const char *says; /* part of the reason */
};

#define R(what, err, text, ...)                                                                    \
	{                                                                                          \
		{ .code = OP_##what, __VA_ARGS__ }, err, text                                      \
	}
#define ORDER(n) VCM_ALIGN_ATTR(n)

/* NO_DEVICE stands for a number that no device has. */
#define NO_DEVICE 9999

static const struct refusal refusals[] = {
	R(VCM_CREATE, -EINVAL, "shorter than a page", .handle = NEW, .addr = SZ_1M, .len = 512),
	R(VCM_CREATE, -EINVAL, "cannot start at 1", .handle = NEW, .addr = 1, .len = SZ_1M),
	R(VCM_CREATE, -EINVAL, "beyond 2^52", .handle = NEW, .addr = UINT64_C(1) << 52,
	  .len = SZ_4K),
	R(VCM_CREATE, -EINVAL, "beyond 2^52", .handle = NEW, .addr = SZ_4K, .len = UINT64_MAX),
	R(VCM_CREATE, -EINVAL, "no whole page", .handle = NEW, .addr = 0x800, .len = SZ_4K),
	R(VCM_CREATE, -EINVAL, "in use", .handle = REGION, .addr = SZ_1M, .len = SZ_1M),
	R(VCM_CREATE, -EINVAL, "needs a handle", .addr = SZ_1M, .len = SZ_1M),
	R(VCM_CREATE, -EINVAL, "beyond the highest", .handle = 2000000, .addr = SZ_1M,
	  .len = SZ_1M),
	R(VCM_PREBUILT, -EINVAL, "no prebuilt vcm 7", .handle = NEW, .arg = 7),
	R(VCM_CLONE, -EINVAL, "no vcm with handle 60", .handle = NEW, .on = NOBODY),
	R(VCM_CLONE, -EINVAL, "cannot be cloned", .handle = NEW, .on = USER),
	R(VCM_CLONE, -EINVAL, "handle 2 does not name a vcm", .handle = NEW, .on = RES),
	R(VCM_FREE, -EINVAL, "no vcm with handle 60", .on = NOBODY),
	R(VCM_FREE, -EBUSY, "reservations", .on = REGION),
	R(VCM_INFO, -EINVAL, "handle 60", .on = NOBODY),
	R(VCM_PGTBL, -EINVAL, "handle 60", .on = NOBODY),
	R(VCM_PGTBL, -ENODATA, "no page table", .on = LOOSE),
	R(RESERVE, -EINVAL, "handle 60", .handle = NEW, .on = NOBODY, .len = SZ_4K),
	R(RESERVE, -EINVAL, "multiple of 4096", .handle = NEW, .on = REGION, .len = 4097),
	R(RESERVE, -EINVAL, "multiple of 4096", .handle = NEW, .on = REGION),
	R(RESERVE, -ENOSPC, "largest such run", .handle = NEW, .on = REGION, .len = SZ_16M),
	R(RESERVE, -EINVAL, "", .handle = NEW, .on = REGION, .len = SZ_4K, .attr = ORDER(5)),
	R(RESERVE, -EINVAL, "", .handle = NEW, .on = REGION, .len = SZ_4K, .attr = 10),
	R(RESERVE, -EBUSY, "is reserved", .handle = NEW, .on = USER, .len = SZ_4K,
	  .addr = USER_AT + SZ_4K),
	R(RESERVE, -EINVAL, "no place", .handle = NEW, .on = USER, .len = SZ_4K,
	  .addr = USER_AT + 5),
	R(RESERVE, -ENOSPC, "long", .handle = NEW, .on = ONE, .len = 128 * SZ_1M),
	R(RESERVE_AT, -EINVAL, "memory target", .handle = NEW, .on = REGION, .len = SZ_4K,
	  .arg = 3),
	R(RESERVE_AT, -EBUSY, "is reserved", .handle = NEW, .on = REGION, .len = SZ_4K),
	R(RESERVE_AT, -EINVAL, "prebuilt", .handle = NEW, .on = USER, .len = SZ_4K),
	R(RESERVE_BOUND, -EINVAL, "handle 60", .handle = NEW, .on = NOBODY, .len = SZ_4K),
	R(RESERVE_BOUND, -ENOSPC, "bound 6", .handle = NEW, .on = BOUND, .len = 2 * SZ_1M),
	R(UNRESERVE, -EINVAL, "handle 60", .on = NOBODY),
	R(UNRESERVE, -EBUSY, "unback it first", .on = BACKED),
	R(RES_INFO, -EINVAL, "handle 60", .on = NOBODY),
	R(RES_SET_ATTR, -EINVAL, "alignment", .on = RES, .attr = ORDER(20)),
	R(RES_SET_ATTR, -EINVAL, "handle 60", .on = NOBODY),
	R(RES_NEXT, -EINVAL, "handle 60", .on = NOBODY),
	R(RES_NEXT, -EINVAL, "is not of vcm", .on = LOOSE, .target = RES),
	R(RES_COPY, -EINVAL, "handle 60", .on = NOBODY, .target = BACKED, .len = SZ_4K),
	R(RES_COPY, -EINVAL, "go beyond", .on = BACKED, .target = BACKED, .len = SZ_1M),
	R(RES_COPY, -ENOMEM, "is not backed", .on = RES, .target = BACKED, .len = SZ_4K),
	R(RES_GET, -ENOENT, "no such reservation", .on = REGION, .addr = 0x5000),
	R(RES_FIND, -ENOENT, "no such reservation", .on = REGION, .addr = 0x5000),
	R(RES_FIND, -EINVAL, "handle 60", .on = NOBODY, .addr = 0x5000),
	R(BACK, -EINVAL, "no reservation with handle 60", .on = NOBODY, .target = MEM),
	R(BACK, -EINVAL, "no physmem with handle 60", .on = RES, .target = NOBODY),
	R(BACK, -EBUSY, "backed by physmem", .on = BACKED, .target = SPARE),
	R(BACK, -EINVAL, "bytes", .on = IN_BOUND, .target = MEM),
	R(BACK, -EAGAIN, "associated with no device", .on = LOOSE_RES, .target = MEM),
	R(BACK, -EAGAIN, "is not active", .on = IDLE_RES, .target = MEM),
	R(BACK, -EINVAL, "outside the one-to-one", .on = ONE_RES, .target = SPARE),
	R(UNBACK, -EINVAL, "is not backed", .on = RES),
	R(UNBACK, -EINVAL, "handle 60", .on = NOBODY),
	R(PIECES, -EINVAL, "no pieces", .on = BACKED),
	R(PIECES, -EINVAL, "no pieces", .on = USER_RES),
	R(TRANSLATE, -EINVAL, "handle 60", .on = REGION, .target = NOBODY, .addr = REGION_AT),
	R(TRANSLATE, -ENOENT, "no such reservation", .on = REGION, .target = LOOSE, .addr = 0x5000),
	R(TRANSLATE, -ENOMEM, "is not backed", .on = LOOSE, .target = REGION, .addr = 0x20000000),
	R(PHYS_ALLOC, -EINVAL, "no memory for memtype", .handle = NEW, .arg = 30, .len = SZ_4K),
	R(PHYS_ALLOC, -EINVAL, "no memory for memtype", .handle = NEW, .arg = UINT64_MAX,
	  .len = SZ_4K),
	R(PHYS_ALLOC, -EINVAL, "", .handle = NEW, .arg = 1, .len = 100),
	R(PHYS_ALLOC, -EINVAL, "", .handle = NEW, .arg = 1, .len = 0),
	R(PHYS_ALLOC, -EINVAL, "in use", .handle = MEM, .arg = 1, .len = SZ_4K),
	R(PHYS_ALLOC, -ENOMEM, "memtype 2 has", .handle = NEW, .arg = 3, .len = 64 * SZ_1M),
	R(PHYS_FREE, -EBUSY, "backs 1 reservations", .on = MEM),
	R(PHYS_FREE, -EINVAL, "handle 60", .on = NOBODY),
	R(PHYS_INFO, -EINVAL, "handle 60", .on = NOBODY),
	R(PHYS_NEXT, -EINVAL, "is not in physmem", .on = MEM, .addr = 0x1000),
	R(PHYS_MAP, -EINVAL, "no physmem of this session", .handle = NEW, .addr = 0x1000,
	  .len = SZ_4K),
	R(PHYS_MAP, -EINVAL, "whole pages", .handle = NEW, .addr = 0x1000, .len = 5),
	R(PHYS_NEXT_RES, -EINVAL, "does not map", .addr = 0x1000, .target = RES),
	R(MEMTYPE_CONT, -EINVAL, "no memory for memtype", .arg = 17),
	R(ASSOC, -EINVAL, "no device 9999", .handle = NEW, .on = LOOSE, .target = NO_DEVICE),
	R(ASSOC, -EINVAL, "handle 60", .handle = NEW, .on = NOBODY, .target = NO_DEVICE),
	R(ASSOC, -EINVAL, "cpu takes prebuilt", .handle = NEW, .on = LOOSE, .target = 1),
	R(DEASSOC, -EBUSY, "deactivate it first", .on = AVCM),
	R(DEASSOC, -EINVAL, "handle 60", .on = NOBODY),
	R(ASSOC_SET_ATTR, -EBUSY, "deactivate it first", .on = AVCM),
	R(ASSOC_SET_ATTR, -EINVAL, "", .on = IDLE_AVCM, .attr = VCM_USE_HIGH_BASE),
	R(ASSOC_INFO, -EINVAL, "handle 60", .on = NOBODY),
	R(ACTIVATE, -EBUSY, "active already", .on = AVCM),
	R(ACTIVATE, -EINVAL, "mean nothing", .on = IDLE_AVCM, .attr = 6),
	R(ACTIVATE, -EINVAL, "handle 60", .on = NOBODY),
	R(DEACTIVATE, -ENOENT, "is not active", .on = IDLE_AVCM),
	R(DEACTIVATE, -EINVAL, "handle 60", .on = NOBODY),
	R(BOUND_CREATE, -EINVAL, "multiple of 4096", .handle = NEW, .on = REGION, .len = 5),
	R(BOUND_CREATE, -ENOSPC, "in a row", .handle = NEW, .on = REGION, .len = SZ_16M),
	R(BOUND_CREATE, -EINVAL, "one-to-one", .handle = NEW, .on = ONE, .len = SZ_4K),
	R(BOUND_FREE, -EBUSY, "1 reservations", .on = BOUND),
	R(BOUND_FREE, -EINVAL, "handle 60", .on = NOBODY),
	R(BOUND_INFO, -EINVAL, "handle 60", .on = NOBODY),
	R(BOUND_NEXT, -EINVAL, "is not of vcm", .on = LOOSE, .target = BOUND),
	R(BOUND_NEXT, -EINVAL, "handle 60", .on = NOBODY),
	R(DEV_GET, -ENODEV, "no device named", .name = "vcodec_z"),
	R(DEV_INFO, -EINVAL, "no device 9999", .target = NO_DEVICE),
	R(DEV_TO_PHYS, -EINVAL, "no device 9999", .target = NO_DEVICE),
	R(DEV_TO_PHYS, -EFAULT, "would fault", .target = 1, .addr = 0x5000),
	R(HOOK, -EINVAL, "no device 9999", .target = NO_DEVICE, .arg = 1),
	R(HOOK, -EINVAL, "set (1) or removed (0)", .target = 1, .arg = 2),
	R(FAULT_REPLY, -EINVAL, "does not wait", .addr = 17, .arg = 1),
	R(SIM_READ, -EINVAL, "no device 9999", .target = NO_DEVICE, .len = 4),
	R(SIM_READ, -ENODEV, "not a simulated", .target = 1, .len = 4),
	R(SIM_WRITE, -EINVAL, "no device 9999", .target = NO_DEVICE, .data = "x", .n_data = 1),
	R(SIM_FAIL, -EINVAL, "no device 9999", .target = NO_DEVICE, .arg = 1, .len = 1),
	R(SIM_FAIL, -ENODEV, "simulated IOMMU", .target = 1, .arg = 1, .len = 1),
	R(SIM_STATS, -ENODEV, "simulated IOMMU", .target = 1),
	R(INSPECT, -EINVAL, "no table 99", .arg = 99),
};

static void check_refusal(struct peer *p, const struct refusal *r)
{
	int status = peer_call(p, &r->op, 1);

	ck_assert_msg(status == r->status, "%s: %d (%s), not %d (%s)", op_name(r->op.code), status,
		      p->reply.reason, r->status, r->says);
	ck_assert_msg(strstr(p->reply.reason, r->says) != NULL, "%s: \"%s\" does not say \"%s\"",
		      op_name(r->op.code), p->reply.reason, r->says);
	ck_assert_msg(p->reply.reason[0], "%s: no reason", op_name(r->op.code));
	ck_assert_uint_eq(p->reply.failed, 0);
	ck_assert_uint_eq(p->reply.n_values, 0);
}

/* What all sessions hold, without the pages of handles, which a session keeps. */
static uint64_t count_objects(const struct world *w)
{
	uint64_t n = w->broker->graph->n_objects;
	struct session *s;

	RB_FOREACH(s, session_tree, &w->broker->graph->sessions)
		n -= s->pages_charged;
	return n;
}

START_TEST(every_operation_refuses_what_is_wrong_and_says_so)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t n_objects;

	stage_set(p);
	n_objects = count_objects(w);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		check_refusal(p, &refusals[i]);
		world_check(w);
		ck_assert_uint_eq(count_objects(w), n_objects);
	}
	world_free(w);
}
END_TEST

/* The same, last in a batch: what came before it has not happened either. */
START_TEST(a_refusal_takes_its_whole_batch_with_it)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t n_objects;

	stage_set(p);
	n_objects = count_objects(w);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *r = &refusals[i];
		const struct op ops[] = {
			{ .code = OP_VCM_CREATE, .handle = 50, .addr = SZ_1M, .len = SZ_1M },
			{ .code = OP_PHYS_ALLOC, .handle = 51, .arg = 1, .len = SZ_64K },
			{ .code = OP_BACK, .on = RES, .target = 51 },
			{ .code = OP_UNBACK, .on = BACKED },
			r->op,
		};
		int status;

		if (r->op.on == BACKED || r->op.on == RES || r->op.on == MEM || r->op.target == RES)
			continue;
		status = BATCH(p, ops);
		ck_assert_msg(status == r->status || status == -EINVAL, "%s: %d (%s), not %d (%s)",
			      op_name(r->op.code), status, p->reply.reason, r->status, r->says);
		ck_assert_msg(p->reply.failed == 4, "%s: %u failed", op_name(r->op.code),
			      p->reply.failed);
		world_check(w);
		ck_assert_uint_eq(count_objects(w), n_objects);
	}
	world_free(w);
}
END_TEST

START_TEST(an_unknown_operation_is_enosys)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	const struct op op = { .code = 77 }, far = { .code = UINT32_MAX };
	const struct op batch[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M }, { .code = 79 }
	};

	ck_status(peer_call(p, &op, 1), -ENOSYS);
	ck_status(peer_call(p, &far, 1), -ENOSYS);
	ck_status(BATCH(p, batch), -ENOSYS);
	ck_assert_uint_eq(p->reply.failed, 1);
	ck_status(CALL(p, VCM_INFO, .on = 1), -EINVAL);
	world_free(w);
}
END_TEST

START_TEST(what_comes_alone_is_refused_in_a_batch)
{
	static const uint32_t alone[] = { OP_RES_COPY, OP_PIECES,    OP_HOOK,     OP_FAULT_REPLY,
					  OP_SIM_READ, OP_SIM_WRITE, OP_SIM_FAIL, OP_SIM_STATS,
					  OP_INSPECT,  OP_BYE };
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	stage_set(p);
	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++) {
		const struct op ops[] = { { .code = OP_VCM_INFO, .on = REGION },
					  { .code = alone[i] } };

		ck_status(BATCH(p, ops), -EINVAL);
		ck_assert_uint_eq(p->reply.failed, 1);
		ck_assert_ptr_nonnull(strstr(p->reply.reason, "part of a batch"));
	}
	world_free(w);
}
END_TEST

START_TEST(a_batch_uses_what_it_creates)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);

	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "hello",
		   .n_data = 5));
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 5));
	ck_assert_uint_eq(p->reply.n_data, 5);
	ck_assert_mem_eq(p->reply.data, "hello", 5);
	world_free(w);
}
END_TEST

START_TEST(values_come_in_the_order_of_operations)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M },
		{ .code = OP_RESERVE, .handle = 2, .on = 1, .len = SZ_4K },
		{ .code = OP_VCM_INFO, .on = 1 },
		{ .code = OP_RES_INFO, .on = 2 },
	};
	const uint64_t expected[] = { VCM_DEVICE, SZ_1M, SZ_1M, SZ_1M, VCM_DEVICE, 1,
				      1,          SZ_1M, SZ_4K, 0,     0 };

	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(p->reply.n_values, 11);
	ck_assert_mem_eq(p->reply.values, expected, sizeof(expected));
	world_free(w);
}
END_TEST

/* As many as fit: the longest answer there is still fits a message. */
START_TEST(the_largest_batch_is_answered)
{
	static struct op ops[PROTO_MAX_OPS];
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	stage_set(p);
	for (size_t i = 0; i < PROTO_MAX_OPS; i++)
		ops[i] = (struct op){ .code = OP_RES_INFO, .on = USER_RES };
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(p->reply.n_values, 5 * PROTO_MAX_OPS);
	world_free(w);
}
END_TEST

/* Unback and back at the same address in one batch, and undo of it. */
START_TEST(a_batch_may_swap_what_backs_a_reservation)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	const uint64_t addr = REGION_AT + SZ_64K;
	const struct op swap[] = {
		{ .code = OP_PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_64K },
		{ .code = OP_UNBACK, .on = BACKED },
		{ .code = OP_BACK, .on = BACKED, .target = NEW },
	};
	const struct op swap_and_fail[] = {
		swap[0], swap[1], swap[2], { .code = OP_VCM_FREE, .on = REGION }
	};

	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = addr, .data = "old", .n_data = 3));
	ck_status(BATCH(p, swap_and_fail), -EBUSY);
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = addr, .len = 3));
	ck_assert_mem_eq(p->reply.data, "old", 3);
	ck_ok(BATCH(p, swap));
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = addr, .len = 3));
	ck_assert_mem_eq(p->reply.data, "\0\0\0", 3);
	world_free(w);
}
END_TEST

START_TEST(a_handle_of_another_session_names_nothing)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w), *other = world_peer(w);

	stage_set(p);
	ck_status(CALL(other, VCM_INFO, .on = REGION), -EINVAL);
	ck_status(CALL(other, UNBACK, .on = BACKED), -EINVAL);
	ck_status(CALL(other, PHYS_FREE, .on = SPARE), -EINVAL);
	world_free(w);
}
END_TEST

START_TEST(requests_are_answered_in_order_when_they_are_pipelined)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t serials[200];

	stage_set(p);
	for (size_t i = 0; i < 200; i++)
		serials[i] = SEND(p, VCM_INFO, .on = REGION);
	for (size_t i = 0; i < 200; i++)
		ck_ok(peer_wait(p, serials[i]));
	ck_assert_ptr_null(p->stash);
	world_free(w);
}
END_TEST

START_TEST(a_clone_has_the_same_reservations_and_backing)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint32_t res;

	stage_set(p);
	ck_ok(CALL(p, VCM_CLONE, .handle = NEW, .on = REGION));
	ck_ok(CALL(p, RES_GET, .on = NEW, .addr = REGION_AT + SZ_64K));
	res = (uint32_t)peer_value(p, 0);
	ck_assert_uint_ge(res, 0x80000000u);
	ck_ok(CALL(p, RES_INFO, .on = res));
	ck_assert_uint_eq(peer_value(p, 4), MEM);
	ck_ok(CALL(p, UNBACK, .on = res));
	ck_ok(CALL(p, UNRESERVE, .on = res));
	ck_ok(CALL(p, BOUND_NEXT, .on = NEW));
	ck_assert_uint_ge(peer_value(p, 0), 0x80000000u);
	world_free(w);
}
END_TEST

START_TEST(the_page_table_is_where_it_says)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	stage_set(p);
	ck_ok(CALL(p, VCM_PGTBL, .on = REGION));
	ck_assert_uint_eq(peer_value(p, 0) % 16384, 0);
	ck_assert_uint_ne(peer_value(p, 0), 0);
	world_free(w);
}
END_TEST

START_TEST(a_one_to_one_reservation_has_its_address_once_backed)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	uint64_t pa;

	ck_ok(CALL(p, RES_INFO, .on = ONE_RES));
	ck_assert_uint_eq(peer_value(p, 1), 1);
	ck_ok(CALL(p, BACK, .on = ONE_RES, .target = CONT));
	ck_ok(CALL(p, RES_INFO, .on = ONE_RES));
	pa = peer_value(p, 1);
	ck_ok(CALL(p, SIM_WRITE, .target = d.dma, .addr = pa, .data = "direct", .n_data = 6));
	ck_ok(CALL(p, DEV_TO_PHYS, .target = d.dma, .addr = pa + 5));
	ck_assert_uint_eq(peer_value(p, 0), pa + 5);
	ck_ok(CALL(p, UNBACK, .on = ONE_RES));
	ck_status(CALL(p, SIM_READ, .target = d.dma, .addr = pa, .len = 6), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(look_ups_agree_with_the_device)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	const uint64_t addr = REGION_AT + SZ_64K + 0x1234;
	uint64_t pa;

	ck_ok(CALL(p, DEV_TO_PHYS, .target = d.a_mm1, .addr = addr));
	pa = peer_value(p, 0);
	ck_ok(CALL(p, PHYS_NUM_RES, .addr = pa));
	ck_assert_uint_eq(peer_value(p, 0), 1);
	ck_ok(CALL(p, PHYS_NEXT_RES, .addr = pa));
	ck_assert_uint_eq(peer_value(p, 0), BACKED);
	ck_ok(CALL(p, RES_FIND, .on = REGION, .addr = addr));
	ck_assert_uint_eq(peer_value(p, 0), BACKED);
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	ck_assert(pa >= peer_value(p, 0) && pa < peer_value(p, 0) + peer_value(p, 1));
	world_free(w);
}
END_TEST

/* Nobody else waits for as long as that would take: 5 times 16384 reservations. */
START_TEST(a_batch_that_is_too_much_is_refused)
{
	struct world *w = world_new("memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n");
	struct peer *p = world_peer(w);
	struct op ops[512];

	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = 256 * SZ_1M));
	for (uint32_t n = 0; n < 16384; n += 512) {
		for (uint32_t i = 0; i < 512; i++)
			ops[i] = (struct op){
				.code = OP_RESERVE, .handle = 100 + n + i, .on = 1, .len = SZ_4K
			};
		ck_ok(peer_call(p, ops, 512));
	}
	for (uint32_t i = 0; i < 5; i++)
		ops[i] = (struct op){ .code = OP_VCM_CLONE, .handle = 2 + i, .on = 1 };
	ck_status(peer_call(p, ops, 5), -E2BIG);
	ck_assert_uint_eq(p->reply.failed, 3);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "in several"));
	ck_status(CALL(p, VCM_INFO, .on = 2), -EINVAL);
	ck_ok(peer_call(p, ops, 2));
	world_check(w);
	world_free(w);
}
END_TEST

SUITE_MAIN("pipeline", every_operation_refuses_what_is_wrong_and_says_so,
	   a_refusal_takes_its_whole_batch_with_it, an_unknown_operation_is_enosys,
	   what_comes_alone_is_refused_in_a_batch, a_batch_uses_what_it_creates,
	   values_come_in_the_order_of_operations, the_largest_batch_is_answered,
	   a_batch_may_swap_what_backs_a_reservation, a_handle_of_another_session_names_nothing,
	   requests_are_answered_in_order_when_they_are_pipelined,
	   a_clone_has_the_same_reservations_and_backing, the_page_table_is_where_it_says,
	   a_one_to_one_reservation_has_its_address_once_backed, look_ups_agree_with_the_device,
	   a_batch_that_is_too_much_is_refused)
