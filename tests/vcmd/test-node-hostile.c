// SPDX-License-Identifier: BSD-3-Clause
// A node that means harm, and the others: they are served as before, with so many messages of the node between as a turn
// holds, and nothing is left in the end. What lies around the window cannot be touched (node-window.c).
#include "tests/suite.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "proto/message.h"
#include "rpmsg/assembly.h"
#include "vcmd/broker.h"
#include "vcmd/clock.h"
#include "vcmd/loop.h"
#include "vcmd/node.h"
#include "vcmd/nodes.h"

/* Messages of a node a turn, as in node-ring.c, and turns that pass between a request of another and its reply: two or three,
 * and more where a sanitizer or valgrind makes each of them long. */
#define TURN_MESSAGES 16
#define TURNS 8u

static struct loop_timer *flood_timer;
static struct codec *codec;
static uint32_t number;
static uint64_t serial;

/* One request in one fragment. False when the node has no buffer. */
static bool send_request(const struct request *r)
{
	uint8_t message[256], fragment[512];
	long n = request_encode(codec, r, message, sizeof(message));
	size_t len = fragment_write(fragment, 496, number + 1, message, (size_t)n, 0);

	if (!firmware_send(&scene.relay.firmware, RELAY_ADDR, 1024, fragment, len))
		return false;
	number++;
	return true;
}

static bool send_ping(void)
{
	const struct op op = { .code = OP_PING, .name = "" };
	const struct request r = { .serial = serial + 1, .ops = &op, .n_ops = 1 };

	if (!send_request(&r))
		return false;
	serial++;
	return true;
}

static void say_hello(void)
{
	const struct request r = { .serial = serial + 1,
				   .is_hello = true,
				   .hello = { .version = PROTO_VERSION, .name = "flood" } };

	ck_assert(send_request(&r));
	serial++;
}

static struct firmware_message message;

static void on_flood(void *ctx)
{
	bool reads = ctx;

	while (reads && firmware_receive(&scene.relay.firmware, &message))
		;
	while (send_ping())
		;
	loop_timer_set(flood_timer, 0);
}

static bool is_up(struct world *w _unused_, void *ctx _unused_)
{
	return *firmware_status(&scene.relay.firmware) == 7;
}

/* The node is the test itself, without the relay's good manners. */
static void open_flood(const char *options, bool reads)
{
	scene_prepare(options, "");
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene.relay.firmware.base = scene.relay.base;
	world_until(scene.world, is_up, NULL);
	ck_assert(firmware_attach(&scene.relay.firmware, scene.relay.base, SCENE_LEN, SCENE_DA));
	codec = codec_new();
	number = 0;
	serial = 0;
	say_hello();
	flood_timer = loop_timer_new(scene.world->loop, on_flood, reads ? &scene : NULL);
	loop_timer_set(flood_timer, 0);
}

static void close_flood(void)
{
	loop_timer_free(flood_timer);
	codec_free(codec);
	scene.relay.attached = true;
	scene.pump = NULL;
	scene_close();
}

START_TEST(a_flood_holds_nobody_up)
{
	struct peer *p;
	uint64_t most = 0, total;

	open_flood("file = \"@/window\" descriptors = 256", true);
	p = world_peer(scene.world);
	total = scene.world->broker->n_requests;
	for (int i = 0; i < 300; i++) {
		uint64_t before = scene.world->broker->n_requests;

		ck_ok(CALL(p, PING));
		if (scene.world->broker->n_requests - before > most)
			most = scene.world->broker->n_requests - before;
	}
	total = scene.world->broker->n_requests - total;
	ck_assert_uint_le(most, 1 + TURNS * TURN_MESSAGES);
	ck_assert_uint_gt(total, 600); /* the flood was one */
	close_flood();
}
END_TEST

static bool has_stopped(struct world *w, void *ctx)
{
	uint64_t *was = ctx;
	bool same = was[0] && was[0] == w->broker->n_requests; /* it has begun */

	was[1] = same ? was[1] + 1 : 0;
	was[0] = w->broker->n_requests;
	return was[1] > 50;
}

START_TEST(a_node_that_does_not_read_is_not_read)
{
	uint64_t was[2] = { 0, 0 }, n;
	struct peer *p;

	open_flood("file = \"@/window\" descriptors = 256", false);
	world_until(scene.world, has_stopped, was);
	n = was[0];
	ck_assert_uint_gt(n, 256);
	p = world_peer(scene.world);
	for (int i = 0; i < 100; i++)
		ck_ok(CALL(p, PING));
	ck_assert_uint_eq(scene.world->broker->n_requests, n + 100);
	/* It reads after all, and finds all replies, in order. */
	for (uint64_t got = 0; got < n;) {
		uint32_t at;

		if (!firmware_receive(&scene.relay.firmware, &message)) {
			ck_ok(CALL(p, PING));
			continue;
		}
		memcpy(&at, message.data, 4);
		ck_assert_uint_eq(at, ++got);
	}
	close_flood();
}
END_TEST

static unsigned int n_lives;

static bool had_many(struct world *w _unused_, void *ctx _unused_)
{
	return n_lives > 5000;
}

static void on_hellos(void *ctx _unused_)
{
	const struct request hello = { .serial = 1,
				       .is_hello = true,
				       .hello = { .version = PROTO_VERSION, .name = "x" } };

	ck_assert_uint_le(scene.world->broker->n_clients, 8);
	while (firmware_receive(&scene.relay.firmware, &message))
		;
	for (number = 0; send_request(&hello); number = 0) /* a new life each time */
		n_lives++;
	loop_timer_set(flood_timer, 0);
}

START_TEST(a_flood_of_sessions_has_one)
{
	open_flood("file = \"@/window\" descriptors = 64", true);
	loop_timer_free(flood_timer);
	flood_timer = loop_timer_new(scene.world->loop, on_hellos, NULL);
	loop_timer_set(flood_timer, 0);
	world_until(scene.world, had_many, NULL);
	close_flood();
}
END_TEST

static atomic_bool flipping;

/* Everything that the rings need, and the status now and then. */
static void *flip(void *arg)
{
	uint64_t state = *(uint64_t *)arg;

	while (flipping)
		for (int i = 0; i < 64; i++) {
			uint32_t at;

			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			at = (uint32_t)(state >> 33) % 0x14000;
			if (at != 44 || i == 0)
				((volatile uint8_t *)scene.relay.base)[at] = (uint8_t)(state >> 56);
		}
	return NULL;
}

START_TEST(bytes_that_change_all_the_time_harm_nobody_else)
{
	uint64_t seed = 7;
	pthread_t thread;
	struct peer *p;

	scene_open("file = \"@/window\" reset-timeout = 1");
	scene_use_everything(scene_peer());
	scene.frozen = true;
	p = world_peer(scene.world);
	flipping = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, flip, &seed), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
		ck_ok(CALL(p, VCM_FREE, .on = 1));
	}
	flipping = false;
	pthread_join(thread, NULL);
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (scene.world->peers[i])
			world_kill(scene.world, scene.world->peers[i]);
	scene.frozen = false;
	scene.relay.attached = false;
	relay_reset(&scene.relay, 0);
	scene_until_attached();
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

#define RESETS_MS 300
#define MIN_MS_PER_START 20

static void on_reset(void *ctx)
{
	*firmware_status(&scene.relay.firmware) = *(const uint8_t *)ctx;
	loop_timer_set(flood_timer, 0);
}

static bool is_past(struct world *w _unused_, void *ctx)
{
	return clock_now_ns() >= *(const uint64_t *)ctx;
}

static uint64_t n_starts(void)
{
	struct node_report report;

	nodes_report(nodes_get(scene.world->broker->nodes, 0), &report);
	return report.epoch;
}

static void reset_without_end(uint8_t status)
{
	uint64_t start, end;

	open_flood("file = \"@/window\"", false);
	loop_timer_free(flood_timer);
	flood_timer = loop_timer_new(scene.world->loop, on_reset, &status);
	loop_timer_set(flood_timer, 0);
	start = clock_now_ns();
	end = start + RESETS_MS * 1000000ull;
	world_until(scene.world, is_past, &end);
	ck_assert_uint_gt(n_starts(), 1);
	ck_assert_uint_le(n_starts(), (clock_now_ns() - start) / 1000000u / MIN_MS_PER_START + 2);
	loop_timer_clear(flood_timer);
	world_until(scene.world, is_up, NULL);
	close_flood();
}

START_TEST(resets_without_end_make_few_starts)
{
	reset_without_end(0);
	reset_without_end(0x47);
}
END_TEST

static bool has_started_again(struct world *w _unused_, void *ctx _unused_)
{
	return n_starts() > 2;
}

static void on_noise(void *ctx _unused_)
{
	scene.relay.firmware.tx.used[1] += 1000;
	loop_timer_set(flood_timer, 0);
}

/* It looks at no status, and goes on and on with rings that it has broken. */
START_TEST(signs_of_life_do_not_put_a_reset_off)
{
	struct peer *p;

	open_flood("file = \"@/window\" reset-timeout = 20", false);
	loop_timer_free(flood_timer);
	flood_timer = loop_timer_new(scene.world->loop, on_noise, NULL);
	loop_timer_set(flood_timer, 0);
	world_until(scene.world, has_started_again, NULL);
	p = world_peer(scene.world);
	ck_ok(CALL(p, PING));
	loop_timer_clear(flood_timer);
	world_until(scene.world, is_up, NULL);
	close_flood();
}
END_TEST

static bool can_resume(struct world *w _unused_, void *ctx _unused_)
{
	return scene.relay.attached;
}

START_TEST(a_window_whose_file_is_cut_is_lost_and_nothing_else)
{
	struct peer *p, *local;
	int fd;

	scene_open("file = \"@/window\"");
	p = scene_peer();
	scene_use_everything(p);
	scene.frozen = true;
	fd = open(scene.window, O_RDWR | O_CLOEXEC);
	ck_assert(fd >= 0 && ftruncate(fd, 0) == 0);
	local = world_peer(scene.world);
	for (int i = 0; i < 100; i++)
		ck_ok(CALL(local, PING));
	world_kill(scene.world, local);
	world_kill(scene.world, p);
	scene_until_none_left();
	ck_assert(ftruncate(fd, SCENE_LEN) == 0); /* it comes back, empty */
	close(fd);
	scene.relay.attached = false;
	scene.frozen = false;
	world_until(scene.world, can_resume, NULL);
	scene_use_everything(scene_peer());
	scene_close();
}
END_TEST

SUITE_MAIN("node-hostile", a_flood_holds_nobody_up, a_node_that_does_not_read_is_not_read,
	   a_flood_of_sessions_has_one, bytes_that_change_all_the_time_harm_nobody_else,
	   a_window_whose_file_is_cut_is_lost_and_nothing_else, resets_without_end_make_few_starts,
	   signs_of_life_do_not_put_a_reset_off)
