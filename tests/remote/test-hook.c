// SPDX-License-Identifier: BSD-3-Clause
/* Faults of the node's devices: handlers, their verdicts, and those that nobody handles. */
#include "remote/hook.h"

#include <string.h>

#include "remote/error.h"
#include "remote/node.h"
#include "tests/remote/host.h"
#include "tests/suite.h"

static struct host h;

static void attach(void (*answer)(struct host *h, const struct request *request))
{
	host_open(&h, NULL, answer);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_int_eq(h.node.state, VCM_NODE_ATTACHED);
}

static int ask(struct vcm_pending *p, uint64_t addr)
{
	p->data = NULL;
	return vcm_node_call(&h.node, p, &(struct vcm_op){ .code = OP_VCM_INFO, .addr = addr });
}

static struct {
	unsigned int n_handled, n_verdicts, depth, deepest;
	uint64_t verdict;
	uint64_t ids[16];
	size_t addr;
} seen;

/* Each question faults first, on device 5; a verdict is noted. */
static void faulting(struct host *host, const struct request *r)
{
	static uint64_t next = 100;

	if (r->ops[0].code == OP_FAULT_REPLY) {
		seen.ids[seen.n_verdicts++ % 16] = r->ops[0].addr;
		seen.verdict = r->ops[0].arg;
		host_values(host, r->serial, 0, NULL);
		return;
	}
	if (seen.n_verdicts + seen.depth < 3)
		host_fault(host, next++, 5);
	host_oblige(host, r);
}

static int handler(size_t dev_id, void *data, void *fault_data)
{
	const struct vcm_fault *f = fault_data;
	struct vcm_pending p;

	ck_assert_uint_eq(dev_id, 5);
	ck_assert_uint_eq(f->size, sizeof(*f));
	seen.addr = f->dev_addr;
	seen.n_handled++;
	if (++seen.depth > seen.deepest)
		seen.deepest = seen.depth;
	ck_assert_int_eq(ask(&p, 7), 0);
	ck_assert_uint_eq(p.values[0], 8);
	seen.depth--;
	return *(int *)data;
}

START_TEST(a_handler_is_run_and_its_verdict_sent)
{
	static const struct {
		int returned;
		uint64_t sent;
	} verdicts[] = {
		{ VCM_FAULT_RETRY, 1 }, { VCM_FAULT_TERMINATE, 0 }, { -VCM_EIO, 7 }, { 2, 0 }
	};

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		int verdict = verdicts[i].returned;
		struct vcm_pending p;

		memset(&seen, 0, sizeof(seen));
		attach(faulting);
		ck_assert_int_eq(vcm_node_set_hook(&h.node, 5, handler, &verdict), 0);
		ck_assert_int_eq(ask(&p, 1), 0);
		ck_assert_uint_eq(p.values[0], 2);
		while (vcm_node_poll(&h.node) || host_turn(&h))
			;
		ck_assert_uint_gt(seen.n_handled, 0);
		ck_assert_uint_eq(seen.n_verdicts, seen.n_handled);
		ck_assert_uint_eq(seen.verdict, verdicts[i].sent);
		host_close(&h);
	}
}
END_TEST

START_TEST(a_fault_that_nobody_handles_is_terminated)
{
	memset(&seen, 0, sizeof(seen));
	attach(faulting);
	host_fault(&h, 3, 6);
	host_fault(&h, 4, 0); /* of no device: that is what places without a handler say, too */
	while (host_turn(&h) || vcm_node_poll(&h.node))
		;
	ck_assert_uint_eq(seen.n_verdicts, 2);
	ck_assert_uint_eq(seen.verdict, 0);
	ck_assert_uint_eq(seen.ids[0], 3);
	ck_assert_uint_eq(seen.ids[1], 4);
	host_close(&h);
}
END_TEST

START_TEST(more_faults_than_there_is_room_for_are_counted)
{
	memset(&seen, 0, sizeof(seen));
	attach(faulting);
	for (uint64_t i = 1; i <= VCM_NODE_FAULTS + 3; i++)
		host_fault(&h, i, 6);
	host_turn(&h);
	while (vcm_node_poll(&h.node))
		;
	ck_assert_uint_eq(seen.n_verdicts, VCM_NODE_FAULTS);
	ck_assert_uint_eq(h.node.n_missed, 3);
	for (uint64_t i = 0; i < VCM_NODE_FAULTS; i++)
		ck_assert_uint_eq(seen.ids[i], i + 1);
	host_close(&h);
}
END_TEST

static void always_faulting(struct host *host, const struct request *r)
{
	if (r->ops[0].code != OP_FAULT_REPLY)
		host_fault(host, host->n_requests, 5);
	host_oblige(host, r);
}

/* Each handler's own call faults again: it does not go deeper than it may. */
START_TEST(handlers_nest_so_deep_and_no_deeper)
{
	int verdict = VCM_FAULT_RETRY;
	struct vcm_pending p;

	memset(&seen, 0, sizeof(seen));
	attach(always_faulting);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 5, handler, &verdict), 0);
	ck_assert_int_eq(ask(&p, 1), 0);
	host_turn(&h);
	h.answer = faulting;
	seen.n_verdicts = 100;
	vcm_node_poll(&h.node);
	ck_assert_uint_ge(seen.n_handled, 1);
	ck_assert_uint_le(seen.deepest, VCM_NODE_DEPTH);
	host_close(&h);
}
END_TEST

START_TEST(there_are_so_many_places_for_handlers)
{
	int verdict = 0;

	host_open(&h, NULL, host_oblige);
	for (uint32_t i = 1; i <= VCM_NODE_HOOKS; i++)
		ck_assert_int_eq(vcm_node_set_hook(&h.node, i, handler, &verdict), 0);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 99, handler, &verdict), -VCM_ENOMEM);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 1, handler, &verdict), 0);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 98, NULL, NULL), 0);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 2, NULL, NULL), 0);
	ck_assert_int_eq(vcm_node_set_hook(&h.node, 99, handler, &verdict), 0);
	host_close(&h);
}
END_TEST

SUITE_MAIN("remote/hook", a_handler_is_run_and_its_verdict_sent,
	   a_fault_that_nobody_handles_is_terminated,
	   more_faults_than_there_is_room_for_are_counted, handlers_nest_so_deep_and_no_deeper,
	   there_are_so_many_places_for_handlers)
