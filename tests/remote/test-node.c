// SPDX-License-Identifier: BSD-3-Clause
/* A session: what it does with good answers, with none, with wrong ones, and when the host goes. */
#include "remote/node.h"

#include <string.h>

#include "remote/error.h"
#include "rpmsg/table.h"
#include "tests/remote/host.h"
#include "tests/suite.h"

static struct host h;

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
	attach(host_oblige);
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
	host_open(&h, NULL, host_oblige);
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

	attach(host_oblige);
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

	attach(host_oblige);
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

	attach(host_oblige);
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
	h.answer = host_oblige;
	ck_assert_int_eq(ask(&p, 41), 0);
	ck_assert_uint_eq(p.values[0], 42);
	ck_assert_uint_eq(h.node.n_stale, 1);
	host_close(&h);
}
END_TEST

/* Of one message the host has had a part: the rest comes before anything else does. */
START_TEST(a_message_that_is_given_up_in_the_middle_is_finished_first)
{
	uint8_t data[VCM_MESSAGE_DATA] = { 1 };
	struct vcm_op op = { .code = OP_VCM_INFO, .data = data, .n_data = sizeof(data) };
	struct vcm_pending p = { .data = NULL };
	struct geometry g;

	geometry_default(&g);
	g.buffer_len = 64;
	g.num = 1;
	host_open(&h, &g, host_oblige);
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	h.is_deaf = true;
	ck_assert_int_eq(vcm_node_call(&h.node, &p, &op), -VCM_ETIMEDOUT);
	ck_assert(p.gave_up);
	/* What nothing has been sent of, does not happen. */
	ck_assert_int_eq(ask(&p, 1), -VCM_ETIMEDOUT);
	ck_assert(!p.gave_up);
	ck_assert_ptr_null(h.node.pending);
	h.is_deaf = false;
	ck_assert_int_eq(ask(&p, 2), 0);
	ck_assert_uint_eq(p.values[0], 3);
	ck_assert_uint_eq(h.n_requests, 2);
	ck_assert_int_eq(h.node.state, VCM_NODE_ATTACHED);
	host_close(&h);
}
END_TEST

static void oblige_the_end(struct host *host, const struct request *r)
{
	if (r->ops[0].code == OP_BYE)
		host_oblige(host, r);
}

START_TEST(the_end_of_a_session_is_an_answer_to_those_who_wait)
{
	struct vcm_pending p = { .data = NULL };

	attach(oblige_the_end);
	ck_assert_int_eq(vcm_node_submit(&h.node, &p, &(struct vcm_op){ .code = OP_VCM_INFO }), 0);
	ck_assert_int_eq(vcm_node_detach(&h.node), 0);
	ck_assert_int_eq(vcm_node_finish(&h.node, &p), -VCM_ECONNRESET);
	ck_assert_ptr_null(h.node.pending);
	host_close(&h);
}
END_TEST

START_TEST(attaching_gives_up_when_the_port_does)
{
	host_open(&h, NULL, host_oblige);
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

	attach(host_oblige);
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
	host->answer = host_oblige;
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
	h.answer = host_oblige;
	ck_assert_int_eq(vcm_node_attach(&h.node), 0);
	ck_assert_int_eq(ask(&p, 1), 0);
	host_close(&h);
}
END_TEST

static unsigned int accesses;
static bool half_started;

/* The host begins to make its rings anew at one access: descriptors are zero before indices are. */
static void begin_start(void *ctx _unused_, enum vcm_cache what _unused_,
			const volatile void *at _unused_, size_t len _unused_)
{
	if (accesses-- != 0)
		return;
	table_set_status(&h.driver.shared, &h.driver.geometry, STATUS_NEEDS_RESET);
	memset(h.window + h.geometry.rings[RING_IN], 0, (size_t)16 * h.geometry.num);
	memset(h.window + h.geometry.rings[RING_OUT], 0, (size_t)16 * h.geometry.num);
	half_started = true;
}

static int finish_start(void *ctx _unused_)
{
	if (!half_started)
		return host_turn(&h) ? 0 : -VCM_ETIMEDOUT;
	/* The node lets go first. */
	if (table_status(&h.driver.shared, &h.driver.geometry) == STATUS_RESET) {
		half_started = false;
		host_start(&h);
	}
	return 0;
}

START_TEST(a_host_that_starts_anew_at_any_instant_is_found_again)
{
	for (unsigned int at = 0; at < 300; at++) {
		struct vcm_pending p;

		host_open(&h, NULL, host_oblige);
		accesses = at;
		half_started = false;
		h.port.cache = begin_start;
		h.port.wait = finish_start;
		for (int i = 0; i < 8 && accesses <= at; i++)
			if (h.node.state == VCM_NODE_ATTACHED)
				(void)ask(&p, 1);
			else
				(void)vcm_node_attach(&h.node);
		if (h.node.state != VCM_NODE_ATTACHED)
			ck_assert_int_eq(vcm_node_attach(&h.node), 0);
		if (ask(&p, 1) < 0) { /* it began just now */
			ck_assert_int_eq(vcm_node_attach(&h.node), 0);
			ck_assert_int_eq(ask(&p, 1), 0);
		}
		host_close(&h);
	}
}
END_TEST

START_TEST(a_thousand_restarts_are_as_good_as_one)
{
	struct vcm_pending p;

	attach(host_oblige);
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

	host_open(&h, NULL, host_oblige);
	host_payload(&h, tail, sizeof(tail));
	host_fault(&h, 1, 6);
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
		h.answer = host_oblige;
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

/* --- handles ------------------------------------------------------------------------------------------------------ */

START_TEST(handles_are_unique_and_come_back)
{
	bool used[VCM_NODE_OBJECTS + 1] = { false };

	host_open(&h, NULL, host_oblige);
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
	   a_message_that_is_given_up_in_the_middle_is_finished_first,
	   the_end_of_a_session_is_an_answer_to_those_who_wait,
	   attaching_gives_up_when_the_port_does, polling_does_not_wait,
	   a_host_that_starts_anew_at_any_instant_is_found_again,
	   a_call_that_waits_while_the_host_restarts_is_told_so,
	   a_thousand_restarts_are_as_good_as_one, what_an_earlier_session_was_told_is_ignored,
	   a_host_that_breaks_the_rules_ends_the_session, a_status_that_is_no_status_is_a_failure,
	   a_welcome_that_is_none_is_not_believed, handles_are_unique_and_come_back)
