// SPDX-License-Identifier: BSD-3-Clause
// A node in the broker's own process: sessions over rings, by every way that a node and its window can come and go.
#include "tests/rpmsg/relay.h"
#include "tests/suite.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "base/mem.h"
#include "base/range.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/loop.h"

START_TEST(a_node_is_a_client_like_any_other)
{
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	ck_ok(CALL(p, PING));
	ck_status(CALL(p, VCM_FREE, .on = 99), -EINVAL);
	ck_ok(CALL(p, BYE));
	world_kill(scene.world, p);
	scene_until_none_left();
	scene_close();
}
END_TEST

static bool is_attached(struct world *w _unused_, void *ctx _unused_)
{
	return scene.relay.attached;
}

/* The answer to the announcement, and the welcome, which another one follows if there is to be one. */
static bool has_heard_both(struct world *w _unused_, void *ctx)
{
	static struct firmware_message m;
	bool *heard = ctx;

	while (firmware_receive(&scene.relay.firmware, &m))
		heard[m.dst == 53] = true;
	return heard[0] && heard[1];
}

START_TEST(a_node_need_not_wait_for_the_answer_to_its_announcement)
{
	struct request hello = { .serial = 1,
				 .is_hello = true,
				 .hello = { .version = PROTO_VERSION, .name = "dsp" } };
	struct codec *codec = codec_new();
	uint8_t message[128], fragment[256];
	bool heard[2] = { false };
	long n = request_encode(codec, &hello, message, sizeof(message));

	scene_open("file = \"@/window\"");
	world_until(scene.world, is_attached, NULL);
	scene.frozen = true;
	ck_assert(firmware_announce(&scene.relay.firmware, "vcm", RELAY_ADDR, false));
	ck_assert(firmware_send(&scene.relay.firmware, RELAY_ADDR, 1024, fragment,
				fragment_write(fragment, sizeof(fragment), 1, message, (size_t)n,
					       0)));
	world_until(scene.world, has_heard_both, heard);
	scene.frozen = false;
	codec_free(codec);
	scene_close();
}
END_TEST

START_TEST(a_node_says_goodbye_and_comes_again)
{
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	ck_ok(CALL(p, BYE));
	ck_ok(peer_hello(p)); /* on the same endpoint, message after message */
	scene_use_everything(p);
	scene_close();
}
END_TEST

static void with_geometry(unsigned int num, unsigned int align, bool ns)
{
	char options[256];
	struct peer *p;

	snprintf(options, sizeof(options),
		 "file = \"@/window\" descriptors = %u alignment = %u name-service = %s", num,
		 align, ns ? "true" : "false");
	scene_open(options);
	p = scene_peer();
	scene_use_everything(p);
	scene_close();
}

START_TEST(every_geometry_carries_a_session)
{
	for (unsigned int num = 1; num <= 256; num *= 4)
		for (unsigned int align = 16; align <= 4096; align *= 16) {
			with_geometry(num, align, true);
			with_geometry(num, align, false);
		}
}
END_TEST

/* Requests of every length up to several fragments, and replies of some. */
START_TEST(requests_of_every_length_arrive)
{
	uint8_t data[1500], name[PROTO_MAX_NAME + 1];
	uint32_t video;
	struct peer *p;

	scene_open_rung("socket = \"@/socket\"");
	p = scene_peer();
	scene_use_everything(p);
	video = peer_device(p, "video");
	memset(name, 'n', sizeof(name));
	name[PROTO_MAX_NAME] = 0;
	for (size_t len = 1; len < sizeof(data); len++) {
		memset(data, (int)len, sizeof(data));
		ck_ok(CALL(p, SIM_WRITE, .target = video, .addr = SCENE_AT, .data = data,
			   .n_data = len));
		ck_ok(CALL(p, SIM_READ, .target = video, .addr = SCENE_AT, .len = len));
		ck_assert_uint_eq(p->reply.n_data, len);
		ck_assert(!memcmp(p->reply.data, data, len));
	}
	scene_close();
}
END_TEST

START_TEST(the_welcome_says_how_long_a_message_may_be)
{
	struct request hello = { .serial = 1,
				 .is_hello = true,
				 .hello = { .version = PROTO_VERSION, .name = "dsp" } };
	struct peer *p;
	long n;

	scene_open("file = \"@/window\"");
	p = scene_connect();
	n = request_encode(p->codec, &hello, p->buf, sizeof(p->buf));
	ck_assert(n > 0 && peer_send_raw(p, p->buf, (size_t)n));
	ck_ok(peer_wait(p, 1));
	ck_assert_uint_eq(p->reply.welcome->max_message, 64 * 488);
	ck_assert_uint_eq(p->reply.welcome->max_ops, 488);
	ck_assert_uint_lt(p->reply.welcome->max_data, 64 * 488);
	scene_close();
}
END_TEST

START_TEST(tables_come_in_pages_that_fit)
{
	struct peer *p;
	uint64_t cursor = 0;
	size_t n = 0, n_pages = 0;

	scene_open_rung("socket = \"@/socket\"");
	p = scene_peer();
	for (uint32_t i = 1; i <= 300; i++)
		ck_ok(CALL(p, VCM_CREATE, .handle = i, .addr = SZ_1M, .len = SZ_1M));
	do {
		ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_VCMS, .addr = cursor));
		cursor = peer_value(p, 0);
		ck_assert_uint_gt(p->reply.n_rows, 0);
		n += p->reply.n_rows;
		n_pages++;
	} while (cursor);
	ck_assert_uint_eq(n, 300);
	ck_assert_uint_gt(n_pages, 3);
	scene_close();
}
END_TEST

static const struct row *node_row(struct peer *p)
{
	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_NODES));
	ck_assert_uint_eq(p->reply.n_rows, 1);
	ck_assert_str_eq(p->reply.rows[0].s[0], "dsp");
	ck_assert_str_eq(p->reply.rows[0].s[1], "rings");
	return &p->reply.rows[0];
}

START_TEST(operators_see_how_a_node_is)
{
	struct peer *local, *p;
	const struct row *row;
	uint64_t in;

	scene_open("file = \"@/window\" descriptors = 8");
	local = world_peer(scene.world);
	world_until(scene.world, is_attached, NULL);
	row = node_row(local);
	ck_assert_str_eq(row->s[2], "poll");
	ck_assert_str_eq(row->s[3], "up");
	ck_assert_uint_eq(row->n[VCM_NODE_EPOCH], 1);
	ck_assert_uint_eq(row->n[VCM_NODE_SESSION], 0);
	ck_assert_uint_eq(row->n[VCM_NODE_DESCRIPTORS], 8);
	ck_assert_uint_eq(row->n[VCM_NODE_HEARD], 0);
	p = scene_peer();
	row = node_row(local);
	ck_assert_uint_eq(row->n[VCM_NODE_SESSION], p->session);
	ck_assert_uint_eq(row->n[VCM_NODE_OUT], 1);
	ck_assert_uint_gt(row->n[VCM_NODE_HEARD], 0);
	in = row->n[VCM_NODE_IN];
	ck_ok(CALL(p, PING));
	scene.relay.firmware.tx.used[1] += 1000; /* it breaks its ring */
	peer_wait_gone(p);
	world_until(scene.world, is_attached, NULL);
	row = node_row(local);
	ck_assert_uint_eq(row->n[VCM_NODE_IN], in + 1);
	ck_assert_uint_eq(row->n[VCM_NODE_RESETS], 1);
	ck_assert_uint_eq(row->n[VCM_NODE_EPOCH], 2);
	world_kill(scene.world, local);
	scene_close();
}
END_TEST

START_TEST(what_is_too_long_for_a_node_is_refused)
{
	static struct op ops[489];
	struct peer *p;
	uint32_t video;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	video = peer_device(p, "video");
	ck_status(CALL(p, SIM_READ, .target = video, .addr = SCENE_AT, .len = 32768), -EMSGSIZE);
	ck_ok(CALL(p, SIM_READ, .target = video, .addr = SCENE_AT, .len = 30000));
	for (size_t i = 0; i < 489; i++)
		ops[i] = (struct op){ .code = OP_VCM_INFO, .on = 1, .name = "" };
	ck_ok(peer_call(p, ops, 488)); /* whose answer fits, whatever the values are */
	ck_assert_uint_eq(p->reply.n_values, 488 * 4);
	ck_status(CALL(p, VCM_PREBUILT, .handle = 9, .arg = VCM_PREBUILT_USER), -EOPNOTSUPP);
	peer_send(p, ops, 489);
	ck_status(peer_wait(p, 0), -EPROTO); /* an event: the session is over */
	scene_until_none_left();
	ck_ok(peer_hello(p));
	scene_close();
}
END_TEST

static void reset_by(uint8_t status, const char *options)
{
	struct peer *p;

	scene_open(options);
	for (int i = 0; i < 5; i++) {
		p = scene_peer();
		scene_use_everything(p);
		relay_reset(&scene.relay, status);
		peer_wait_gone(p);
		world_kill(scene.world, p);
		scene_until_none_left();
		scene_until_attached();
	}
	scene_close();
}

START_TEST(a_node_resets_by_writing_0)
{
	reset_by(0, "file = \"@/window\"");
}
END_TEST

START_TEST(a_node_resets_by_asking_for_it)
{
	reset_by(0x47, "file = \"@/window\"");
}
END_TEST

START_TEST(a_node_that_hangs_is_taken_back)
{
	struct peer *p;

	scene_open("file = \"@/window\" heartbeat = 50 reset-timeout = 20");
	p = scene_peer();
	scene_use_everything(p);
	for (int i = 0; i < 20; i++)
		ck_ok(CALL(p, PING));
	scene.frozen = true;
	scene_until_none_left();
	ck_assert_uint_eq(scene.relay.n_teardowns, 0);
	scene.frozen = false; /* it comes to itself, and finds that it has been reset */
	relay_reset(&scene.relay, 0);
	world_kill(scene.world, p);
	p = scene_peer();
	scene_use_everything(p);
	scene_close();
}
END_TEST

START_TEST(a_silent_node_that_still_runs_is_asked_to_reset)
{
	struct peer *p;

	scene_open("file = \"@/window\" heartbeat = 30");
	p = scene_peer();
	scene_use_everything(p);
	peer_wait_gone(p);
	ck_assert_uint_eq(scene.relay.n_teardowns, 1);
	world_kill(scene.world, p);
	scene_until_none_left();
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

/* Its own request waits for those of others, and it says nothing, or what it says is not read. */
START_TEST(a_node_is_not_given_up_while_the_broker_works_for_it)
{
	struct peer *p, *local[3];
	uint64_t serial, pings[30];

	scene_prepare("file = \"@/window\" heartbeat = 100",
		      "memtype 1 { pool { ranges = {\"0x50000000+512M\"} } }\n");
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene_start();
	p = scene_peer();
	for (int i = 0; i < 3; i++)
		local[i] = world_peer(scene.world);
	for (int i = 0; i < 3; i++)
		SEND(local[i], PHYS_ALLOC, .handle = 1, .arg = VCM_MEMTYPE_1, .len = 96 * SZ_1M);
	serial = SEND(p, PHYS_ALLOC, .handle = 1, .arg = VCM_MEMTYPE_1, .len = 96 * SZ_1M);
	for (size_t i = 0; i < sizeof(pings) / sizeof(*pings); i++)
		pings[i] = SEND(p, PING);
	ck_ok(peer_wait(p, serial));
	for (size_t i = 0; i < sizeof(pings) / sizeof(*pings); i++)
		ck_ok(peer_wait(p, pings[i]));
	ck_ok(CALL(p, BYE));
	scene_close();
}
END_TEST

START_TEST(a_broken_ring_is_reset)
{
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	scene.relay.firmware.tx.used[1] += 1000;
	peer_wait_gone(p);
	ck_assert_uint_eq(scene.relay.n_teardowns, 1);
	world_kill(scene.world, p);
	scene_until_none_left();
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

START_TEST(a_service_that_is_withdrawn_ends_the_session)
{
	struct peer *p;

	scene_open("file = \"@/window\"");
	for (int i = 0; i < 3; i++) {
		p = scene_peer();
		scene_use_everything(p);
		world_kill(scene.world, p); /* the relay withdraws */
		scene_until_none_left();
	}
	scene_close();
}
END_TEST

START_TEST(messages_to_nobody_are_dropped)
{
	struct firmware *f = &scene.relay.firmware;
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	for (uint32_t i = 0; i < 100; i++) {
		while (!firmware_send(f, RELAY_ADDR, 2000 + i, "hello", 5))
			ck_ok(CALL(p, PING));
		while (!firmware_send(f, RELAY_ADDR + 1 + i, 1024, "hello", 5))
			ck_ok(CALL(p, PING));
	}
	scene_use_everything(p);
	scene_close();
}
END_TEST

START_TEST(fragments_in_disorder_end_the_session_and_say_why)
{
	/* fragment 1 of a message that never began */
	static const uint8_t wrong[] = { 99, 0, 0, 0, 1, 0, 2, 0, 'x' };
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	ck_assert(firmware_send(&scene.relay.firmware, RELAY_ADDR, 1024, wrong, sizeof(wrong)));
	ck_status(peer_wait(p, 0), -EPROTO);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "fragment 1"));
	scene_until_none_left();
	scene.relay.n_sent = 200; /* it goes on from there */
	ck_ok(peer_hello(p));
	scene_use_everything(p);
	scene_close();
}
END_TEST

START_TEST(a_client_that_counts_from_1_again_has_started_anew)
{
	struct peer *p;

	scene_open("file = \"@/window\" name-service = false");
	p = scene_peer();
	scene_use_everything(p);
	world_kill(scene.world, p); /* without the name service nobody says so */
	p = scene_peer();
	scene_use_everything(p); /* handles that were in use */
	scene_close();
}
END_TEST

/* Faults come where replies do, and what a handler asks gets through while the transaction waits. */
START_TEST(a_node_handles_the_faults_of_its_device)
{
	struct peer *p;
	uint32_t video;
	uint64_t read;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	video = peer_device(p, "video");
	ck_ok(CALL(p, HOOK, .target = video, .arg = 1));
	read = SEND(p, SIM_READ, .target = video, .addr = SCENE_AT + SZ_64K, .len = 4);
	ck_ok(peer_wait(p, 0));
	ck_assert_ptr_nonnull(p->reply.fault);
	ck_assert_uint_eq(p->reply.fault->addr, SCENE_AT + SZ_64K);
	ck_assert(p->reply.fault->flags & FAULT_F_STALLED);
	{
		uint64_t id = p->reply.fault->id;
		const struct op ops[] = {
			{ .code = OP_RESERVE, .handle = 20, .on = 1, .len = SZ_64K },
			{ .code = OP_PHYS_ALLOC, .handle = 21, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
			{ .code = OP_BACK, .on = 20, .target = 21 },
		};

		ck_ok(BATCH(p, ops));
		ck_assert_uint_eq(peer_value(p, 0), SCENE_AT + SZ_64K);
		ck_ok(CALL(p, FAULT_REPLY, .addr = id, .arg = 1));
	}
	ck_ok(peer_wait(p, read));
	ck_assert_uint_eq(p->reply.n_data, 4);
	scene_close();
}
END_TEST

START_TEST(a_node_that_resets_with_a_transaction_under_way_leaves_nothing)
{
	struct peer *p;
	uint32_t video;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	video = peer_device(p, "video");
	ck_ok(CALL(p, HOOK, .target = video, .arg = 1));
	SEND(p, SIM_READ, .target = video, .addr = SCENE_AT + SZ_64K, .len = 4);
	ck_ok(peer_wait(p, 0));
	relay_reset(&scene.relay, 0);
	peer_wait_gone(p);
	world_kill(scene.world, p);
	scene_until_none_left();
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

START_TEST(nodes_are_taken_whole_or_not_at_all)
{
	struct reason why;
	size_t n_fds;

	scene_prepare("file = \"@/window\" socket = \"@/socket\"", "");
	unlink(scene.socket); /* of the broker that runs */
	n_fds = count_fds();
	for (size_t n = 1;; n++) {
		struct broker *b;
		int failed;

		mem_fail_nth(n);
		b = broker_new(scene.world->loop, scene.world->config, NULL, &why);
		failed = mem_fail_fired();
		broker_free(b);
		ck_assert_uint_eq(count_fds(), n_fds);
		if (!failed)
			break;
		ck_assert_ptr_null(b);
	}
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
}
END_TEST

/* Without memory for its session or for an answer the node is asked to reset: no request is left without an end. */
#define SOMEBODY 12345

START_TEST(a_window_that_somebody_else_has_made_is_refused)
{
	struct reason why = { "" };

	if (geteuid() != 0)
		return;
	scene_prepare("file = \"@/window\"", "");
	ck_assert(chown(scene.window, SOMEBODY, SOMEBODY) == 0);
	ck_assert_ptr_null(broker_new(scene.world->loop, scene.world->config, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "belongs to user 12345"));
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
}
END_TEST

START_TEST(a_request_has_an_answer_or_an_end)
{
	int failed, r;

	scene_open("file = \"@/window\" reset-timeout = 50");
	for (size_t n = 1;; n++) {
		struct peer *p = scene_connect();

		mem_fail_nth(n);
		r = peer_hello(p);
		failed = mem_fail_fired();
		world_kill(scene.world, p);
		scene_until_none_left();
		if (!failed)
			break;
		ck_assert(r == 0 || r == -ENOMEM || r == -EPIPE);
	}
	ck_ok(r);
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

START_TEST(a_request_before_hello_is_told_so)
{
	struct peer *p;

	scene_open("file = \"@/window\"");
	p = scene_connect();
	SEND(p, PING);
	ck_status(peer_wait(p, 0), -EPROTO);
	ck_ok(peer_hello(p));
	scene_close();
}
END_TEST

SUITE_MAIN("node", operators_see_how_a_node_is, a_node_is_a_client_like_any_other,
	   a_node_need_not_wait_for_the_answer_to_its_announcement,
	   a_node_says_goodbye_and_comes_again, every_geometry_carries_a_session,
	   requests_of_every_length_arrive, the_welcome_says_how_long_a_message_may_be,
	   tables_come_in_pages_that_fit, what_is_too_long_for_a_node_is_refused,
	   a_node_resets_by_writing_0, a_node_resets_by_asking_for_it,
	   a_node_that_hangs_is_taken_back, a_silent_node_that_still_runs_is_asked_to_reset,
	   a_node_is_not_given_up_while_the_broker_works_for_it, a_broken_ring_is_reset,
	   a_service_that_is_withdrawn_ends_the_session, messages_to_nobody_are_dropped,
	   fragments_in_disorder_end_the_session_and_say_why,
	   a_client_that_counts_from_1_again_has_started_anew, a_request_before_hello_is_told_so,
	   a_node_handles_the_faults_of_its_device, nodes_are_taken_whole_or_not_at_all,
	   a_window_that_somebody_else_has_made_is_refused, a_request_has_an_answer_or_an_end,
	   a_node_that_resets_with_a_transaction_under_way_leaves_nothing)
