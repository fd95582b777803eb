// SPDX-License-Identifier: BSD-3-Clause
/* A session: what it does with good answers, with none, with wrong ones, and when the host goes. */
#include "remote/node.h"

#include <string.h>

#include "remote/error.h"
#include "remote/hook.h"
#include "tests/remote/host.h"
#include "tests/suite.h"

static struct host h;

/* Answers each operation with its address plus one, as often as the table says. */
static void obliging(struct host *host, const struct request *r)
{
	uint64_t values[VCM_MESSAGE_OPS * OP_MAX_VALUES];
	size_t n = 0;

	for (size_t i = 0; i < r->n_ops; i++)
		for (size_t k = 0; k < op_n_values(r->ops[i].code); k++)
			values[n++] = r->ops[i].addr + 1 + k;
	host_values(host, r->serial, n, values);
}

static void fault(struct host *host, uint64_t id, uint32_t device)
{
	const struct fault_event f = { .id = id, .device = device, .addr = 0x1000 * id, .len = 4 };

	host_reply(host, &(struct reply){ .fault = &f });
}

static void silent(struct host *host _unused_, const struct request *r _unused_)
{
}

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

START_TEST(it_says_hello_and_is_welcome)
{
	attach(obliging);
	ck_assert_uint_eq(h.n_hellos, 1);
	ck_assert_uint_eq(h.node.max_ops, VCM_MESSAGE_OPS);
	ck_assert_int_eq(vcm_node_attach(&h.node), -VCM_EBUSY);
	ck_assert_int_eq(vcm_node_detach(&h.node), 0);
	ck_assert_int_eq(vcm_node_detach(&h.node), -VCM_ENOTCONN);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_uint_eq(h.n_hellos, 2);
	host_close(&h);
}
END_TEST

START_TEST(it_is_told_why_it_is_not_welcome)
{
	host_open(&h, NULL, obliging);
	h.has_hello_refused = true;
	ck_assert_int_eq(vcm_node_attach(&h.node), -VCM_EACCES);
	ck_assert_str_eq(h.node.reason, "not you");
	ck_assert_int_eq(h.node.state, VCM_NODE_DETACHED);
	h.has_hello_refused = false;
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	host_close(&h);
}
END_TEST

START_TEST(a_call_is_answered_with_its_values)
{
	struct vcm_pending p;

	attach(obliging);
	for (uint64_t i = 0; i < 1000; i++) {
		ck_assert_int_eq(ask(&p, i), 0);
		ck_assert_uint_eq(p.n_values, 4);
		for (uint64_t k = 0; k < 4; k++)
			ck_assert_uint_eq(p.values[k], i + 1 + k);
	}
	host_close(&h);
}
END_TEST

static void refusing(struct host *host, const struct request *r)
{
	host_refuse(host, r->serial, -VCM_EBUSY, 0, "it has reservations");
}

START_TEST(a_refusal_says_why)
{
	struct vcm_pending p;

	attach(refusing);
	ck_assert_int_eq(ask(&p, 0), -VCM_EBUSY);
	ck_assert_str_eq(h.node.reason, "it has reservations");
	host_close(&h);
}
END_TEST

static void with_data(struct host *host, const struct request *r)
{
	uint8_t data[VCM_MESSAGE_DATA];

	memset(data, 0x5a, sizeof(data));
	host_reply(host,
		   &(struct reply){ .serial = r->serial, .data = data, .n_data = r->ops[0].len });
}

START_TEST(bytes_are_put_where_they_are_wanted_and_not_beyond)
{
	uint8_t got[VCM_MESSAGE_DATA + 1] = { 0 };
	struct vcm_pending p = { .data = got, .cap = 100 };
	struct vcm_op op = { .code = OP_SIM_READ, .len = VCM_MESSAGE_DATA };

	attach(with_data);
	ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), 0);
	ck_assert_uint_eq(p.n_data, VCM_MESSAGE_DATA);
	ck_assert_uint_eq(got[99], 0x5a);
	ck_assert_uint_eq(got[100], 0);
	host_close(&h);
}
END_TEST

/* Ten go out before any answer is looked at, and they are finished the wrong way round. */
START_TEST(several_requests_are_on_their_way_at_once)
{
	struct vcm_pending p[10];

	attach(obliging);
	for (uint64_t i = 0; i < 10; i++) {
		p[i].data = NULL;
		ck_assert_int_eq(
			vcm_node_submit(&h.node, &p[i],
					&(struct vcm_op){ .code = OP_VCM_INFO, .addr = i }),
			0);
		ck_assert(!p[i].is_done);
	}
	ck_assert_uint_eq(h.n_requests, 0);
	for (uint64_t i = 10; i-- > 0;) {
		ck_assert_int_eq(vcm_node_finish(&h.node, &p[i]), 0);
		ck_assert_uint_eq(p[i].values[0], i + 1);
	}
	ck_assert_uint_eq(h.n_requests, 10);
	host_close(&h);
}
END_TEST

START_TEST(more_requests_than_buffers_wait_for_one)
{
	struct vcm_pending p[100];

	attach(obliging);
	for (uint64_t i = 0; i < 100; i++) {
		p[i].data = NULL;
		ck_assert_int_eq(
			vcm_node_submit(&h.node, &p[i],
					&(struct vcm_op){ .code = OP_VCM_INFO, .addr = i }),
			0);
	}
	for (uint64_t i = 0; i < 100; i++) {
		ck_assert_int_eq(vcm_node_finish(&h.node, &p[i]), 0);
		ck_assert_uint_eq(p[i].values[0], i + 1);
	}
	host_close(&h);
}
END_TEST

static uint64_t acks[3];

static void noting_acks(struct host *host, const struct request *r)
{
	acks[host->n_requests - 1] = r->serial - r->ack;
	if (host->n_requests == 3)
		for (uint64_t s = r->serial - 2; s <= r->serial; s++)
			host_values(host, s, 4, (uint64_t[]){ 1, 2, 3, 4 });
}

START_TEST(only_what_has_been_answered_is_acknowledged)
{
	struct vcm_pending p[3] = { { .data = NULL } };

	attach(noting_acks);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(vcm_node_submit(&h.node, &p[i],
						 &(struct vcm_op){ .code = OP_VCM_INFO }),
				 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(vcm_node_finish(&h.node, &p[i]), 0);
	ck_assert_uint_eq(acks[0], 1);
	ck_assert_uint_eq(acks[1], 2);
	ck_assert_uint_eq(acks[2], 3);
	host_close(&h);
}
END_TEST

/* The longest request and the longest reply, in buffers that hold 48 and 504 bytes. */
START_TEST(long_messages_go_through_small_buffers)
{
	uint8_t data[VCM_MESSAGE_DATA] = { 1, 2, 3 };
	struct vcm_op op = {
		.code = OP_SIM_READ, .len = sizeof(data), .data = data, .n_data = sizeof(data)
	};
	struct geometry g;

	geometry_default(&g);
	for (g.buffer_len = 64; g.buffer_len <= 512; g.buffer_len += 448) {
		uint8_t got[VCM_MESSAGE_DATA];
		struct vcm_pending p = { .data = got, .cap = sizeof(got) };

		host_open(&h, &g, with_data);
		ck_assert_int_eq(vcm_node_attach(&h.node), 0);
		for (int i = 0; i < 100; i++)
			ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), 0);
		ck_assert_uint_eq(got[255], 0x5a);
		host_close(&h);
	}
}
END_TEST

/* A link of two functions, without rings, in which one payload is enough to fill it. */
START_TEST(a_stack_that_is_there_already_carries_a_session)
{
	uint8_t data[VCM_MESSAGE_DATA] = { 1 }, got[VCM_MESSAGE_DATA];
	struct vcm_op op = {
		.code = OP_SIM_READ, .len = sizeof(data), .data = data, .n_data = sizeof(data)
	};
	struct vcm_pending p = { .data = got, .cap = sizeof(got) };
	struct geometry g;

	geometry_default(&g);
	g.buffer_len = 64;
	host_open(&h, &g, with_data);
	host_link(&h, 1);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), 0);
	ck_assert_uint_eq(got[255], 0x5a);
	vcm_node_reset(&h.node, false);
	ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), -VCM_ENOTCONN);
	vcm_node_reset(&h.node, true);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), 0);
	host_close(&h);
}
END_TEST

/* --- no answer ---------------------------------------------------------------------------------------------------- */

START_TEST(a_call_gives_up_when_the_port_does)
{
	struct vcm_pending p;

	attach(silent);
	ck_assert_int_eq(ask(&p, 0), -VCM_ETIMEDOUT);
	ck_assert_ptr_null(h.node.pending);
	/* The answer that comes after all is nobody's. */
	host_values(&h, h.node.serial, 4, (uint64_t[]){ 1, 2, 3, 4 });
	h.answer = obliging;
	ck_assert_int_eq(ask(&p, 41), 0);
	ck_assert_uint_eq(p.values[0], 42);
	ck_assert_uint_eq(h.node.n_stale, 1);
	host_close(&h);
}
END_TEST

START_TEST(attaching_gives_up_when_the_port_does)
{
	host_open(&h, NULL, obliging);
	h.is_deaf = true;
	ck_assert_int_eq(vcm_node_attach(&h.node), -VCM_ETIMEDOUT);
	h.is_deaf = false;
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	host_close(&h);
}
END_TEST

START_TEST(polling_does_not_wait)
{
	struct vcm_pending p = { .data = NULL };
	unsigned int waits;

	attach(obliging);
	ck_assert_int_eq(vcm_node_submit(&h.node, &p, &(struct vcm_op){ .code = OP_VCM_INFO }), 0);
	waits = h.n_waits;
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(vcm_node_poll(&h.node), 0);
	ck_assert_uint_eq(h.n_waits, waits);
	ck_assert(!p.is_done);
	host_turn(&h); /* takes it, and queues the answer */
	vcm_node_poll(&h.node);
	ck_assert(p.is_done);
	host_close(&h);
}
END_TEST

/* --- the host goes ------------------------------------------------------------------------------------------------ */

static void restarting(struct host *host, const struct request *r _unused_)
{
	driver_stop(&host->driver, false);
	host_start(host);
	host->answer = obliging;
}

START_TEST(a_call_that_waits_while_the_host_restarts_is_told_so)
{
	struct vcm_pending p;

	attach(restarting);
	/* The node sees neither the zero nor the old rings; but the answer to a reset is a reset. */
	driver_stop(&h.driver, true);
	ck_assert_int_eq(ask(&p, 0), -VCM_ECONNRESET);
	ck_assert_int_eq(h.node.state, VCM_NODE_LOST);
	ck_assert_int_eq(ask(&p, 0), -VCM_ENOTCONN);
	host_start(&h);
	h.answer = obliging;
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_int_eq(ask(&p, 1), 0);
	host_close(&h);
}
END_TEST

START_TEST(a_thousand_restarts_are_as_good_as_one)
{
	struct vcm_pending p;

	attach(obliging);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(ask(&p, 1), 0);
		driver_stop(&h.driver, i % 2);
		vcm_node_poll(&h.node);
		ck_assert_int_eq(h.node.state, VCM_NODE_LOST);
		host_start(&h);
		ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	}
	ck_assert_uint_eq(h.rpmsg.epoch, 1001);
	ck_assert_uint_eq(h.node.n_stale, 0);
	host_close(&h);
}
END_TEST

START_TEST(what_an_earlier_session_was_told_is_ignored)
{
	const uint8_t tail[] = { 9, 0, 0, 0, 1, 0, 2, 0, 'x' };
	struct vcm_pending p;

	host_open(&h, NULL, obliging);
	host_payload(&h, tail, sizeof(tail));
	fault(&h, 1, 6);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_int_eq(ask(&p, 1), 0);
	ck_assert_uint_eq(h.node.n_faults, 0);
	host_close(&h);
}
END_TEST

/* --- wrong answers ------------------------------------------------------------------------------------------------ */

static void from_the_future(struct host *host, const struct request *r)
{
	host_values(host, r->serial + 1, 4, (uint64_t[]){ 1, 2, 3, 4 });
}

static void garbage(struct host *host, const struct request *r _unused_)
{
	host_bytes(host, "\xff\xff\xff\xff", 4);
}

static void out_of_order(struct host *host, const struct request *r _unused_)
{
	host_payload(host, "\x63\0\0\0\1\0\2\0x", 9);
}

static void good_bye(struct host *host, const struct request *r _unused_)
{
	host_refuse(host, 0, -VCM_EIO, 0, "the broker ends");
}

START_TEST(a_host_that_breaks_the_rules_ends_the_session)
{
	void (*const ways[])(struct host *, const struct request *) = { from_the_future, garbage,
									out_of_order, good_bye };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct vcm_pending p;

		attach(ways[i]);
		ck_assert_msg(ask(&p, 0) == -VCM_ECONNRESET, "the %zuth", i);
		ck_assert_int_eq(h.node.state, VCM_NODE_LOST);
		h.answer = obliging;
		ck_assert_int_eq(vcm_node_attach(&h.node), 0);
		ck_assert_int_eq(ask(&p, 1), 0);
		host_close(&h);
	}
}
END_TEST

static void positive(struct host *host, const struct request *r)
{
	host_refuse(host, r->serial, 1, 0, "");
}

START_TEST(a_status_that_is_no_status_is_a_failure)
{
	struct vcm_pending p;

	attach(positive);
	ck_assert_int_eq(ask(&p, 0), -VCM_EPROTO);
	host_close(&h);
}
END_TEST

static void wrong_welcome(struct host *host, uint32_t version, uint32_t max_ops)
{
	const struct welcome w = { .version = version, .max_ops = max_ops };

	host_open(host, NULL, silent);
	host->is_silent = true;
	host->node_addr = VCM_RPMSG_ADDR;
	host_reply(host, &(struct reply){ .serial = 1, .welcome = version ? &w : NULL });
	ck_assert_int_eq(vcm_node_attach(&host->node), -VCM_EPROTO);
	host_close(host);
}

START_TEST(a_welcome_that_is_none_is_not_believed)
{
	wrong_welcome(&h, 0, 0);
	wrong_welcome(&h, 2, 16);
	wrong_welcome(&h, 1, 0);
}
END_TEST

/* --- faults ------------------------------------------------------------------------------------------------------- */

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
		fault(host, next++, 5);
	obliging(host, r);
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
	fault(&h, 3, 6);
	host_turn(&h);
	ck_assert_uint_eq(vcm_node_poll(&h.node), 1);
	ck_assert_uint_eq(seen.n_verdicts, 1);
	ck_assert_uint_eq(seen.verdict, 0);
	ck_assert_uint_eq(seen.ids[0], 3);
	host_close(&h);
}
END_TEST

START_TEST(more_faults_than_there_is_room_for_are_counted)
{
	memset(&seen, 0, sizeof(seen));
	attach(faulting);
	for (uint64_t i = 1; i <= VCM_NODE_FAULTS + 3; i++)
		fault(&h, i, 6);
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
		fault(host, host->n_requests, 5);
	obliging(host, r);
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

	host_open(&h, NULL, obliging);
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

/* --- handles ------------------------------------------------------------------------------------------------------ */

START_TEST(handles_are_unique_and_come_back)
{
	bool used[VCM_NODE_OBJECTS + 1] = { false };

	host_open(&h, NULL, obliging);
	for (uint32_t i = 0; i < VCM_NODE_OBJECTS; i++) {
		uint32_t handle = vcm_node_new_handle(&h.node);

		ck_assert(handle >= 1 && handle <= VCM_NODE_OBJECTS && !used[handle]);
		used[handle] = true;
	}
	ck_assert_uint_eq(vcm_node_new_handle(&h.node), 0);
	vcm_node_free_handle(&h.node, 0);
	vcm_node_free_handle(&h.node, VCM_NODE_OBJECTS + 1);
	vcm_node_free_handle(&h.node, 0x80000001);
	ck_assert_uint_eq(vcm_node_new_handle(&h.node), 0);
	vcm_node_free_handle(&h.node, 17);
	ck_assert_uint_eq(vcm_node_new_handle(&h.node), 17);
	host_close(&h);
}
END_TEST

SUITE_MAIN("remote/node", it_says_hello_and_is_welcome, it_is_told_why_it_is_not_welcome,
	   a_call_is_answered_with_its_values, a_refusal_says_why,
	   bytes_are_put_where_they_are_wanted_and_not_beyond,
	   several_requests_are_on_their_way_at_once, more_requests_than_buffers_wait_for_one,
	   only_what_has_been_answered_is_acknowledged, long_messages_go_through_small_buffers,
	   a_stack_that_is_there_already_carries_a_session, a_call_gives_up_when_the_port_does,
	   attaching_gives_up_when_the_port_does, polling_does_not_wait,
	   a_call_that_waits_while_the_host_restarts_is_told_so,
	   a_thousand_restarts_are_as_good_as_one, what_an_earlier_session_was_told_is_ignored,
	   a_host_that_breaks_the_rules_ends_the_session, a_status_that_is_no_status_is_a_failure,
	   a_welcome_that_is_none_is_not_believed, a_handler_is_run_and_its_verdict_sent,
	   a_fault_that_nobody_handles_is_terminated,
	   more_faults_than_there_is_room_for_are_counted, handlers_nest_so_deep_and_no_deeper,
	   there_are_so_many_places_for_handlers, handles_are_unique_and_come_back)
