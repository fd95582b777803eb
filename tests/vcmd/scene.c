// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/scene.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vcm/attr.h>

#include "base/range.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/loop.h"

#define MACHINE                                                                                    \
	"memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n"                                   \
	"smmu smmu0 { base = 0x07300000\n context video { mid = 0 } }\n"                           \
	"master dma0 {}\n"                                                                         \
	"stock = 0\naccess { allow-users = { \"*\" } }\n"

struct scene scene;

static void pump(void *ctx)
{
	struct scene *s = ctx;

	if (!s->frozen)
		relay_pump(&s->relay);
}

static void on_pump(void *ctx)
{
	struct scene *s = ctx;

	pump(s);
	loop_timer_set(s->pump, 1);
}

static void on_bell(void *ctx, unsigned int what _unused_)
{
	pump(ctx);
}

static void start_world(void)
{
	scene.world =
		scene.keeper ? world_new_kept(scene.text, scene.keeper) : world_new(scene.text);
}

void scene_restart(void)
{
	loop_timer_free(scene.pump);
	world_crash(scene.world);
	start_world();
	scene_start();
}

void scene_fill_in(char *out, size_t len, const char *format, const char *folder)
{
	size_t n = 0;

	for (const char *at = format; *at; at++) {
		if (*at == '@')
			n += (size_t)snprintf(out + n, len - n, "%s", folder);
		else
			out[n++] = *at;
		ck_assert_uint_lt(n, len);
	}
	out[n] = 0;
}

void scene_prepare(const char *options, const char *further)
{
	struct scene *s = &scene;
	char format[2048];

	memcpy(s->folder, "/tmp/vcm-node.XXXXXX", sizeof("/tmp/vcm-node.XXXXXX"));
	ck_assert(mkdtemp(s->folder));
	snprintf(s->window, sizeof(s->window), "%s/window", s->folder);
	snprintf(s->socket, sizeof(s->socket), "%s/socket", s->folder);
	snprintf(format, sizeof(format), "%snode dsp { %s }\n%s", MACHINE, options, further);
	scene_fill_in(s->text, sizeof(s->text), format, s->folder);
	start_world();
	s->frozen = false;
}

void scene_start(void)
{
	scene.pump = loop_timer_new(scene.world->loop, on_pump, &scene);
	loop_timer_set(scene.pump, 0);
	scene.world->on_wait = pump;
	scene.world->on_wait_ctx = &scene;
}

void scene_open(const char *options)
{
	scene_prepare(options, "");
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene_start();
}

/* It blocks until vcmd has said everything. */
static void *join(void *joined)
{
	ck_assert(relay_join(&scene.relay, scene.socket, SCENE_DA, 1));
	*(atomic_bool *)joined = true;
	return NULL;
}

static bool has_joined(struct world *w _unused_, void *joined)
{
	return *(atomic_bool *)joined;
}

void scene_open_rung(const char *options)
{
	atomic_bool joined = false;
	pthread_t thread;

	scene_prepare(options, "");
	ck_assert_int_eq(pthread_create(&thread, NULL, join, &joined), 0);
	world_until(scene.world, has_joined, &joined);
	pthread_join(thread, NULL);
	scene_start();
	scene.bell =
		loop_watch(scene.world->loop, scene.relay.bell, LOOP_READ, false, on_bell, &scene);
	ck_assert_ptr_nonnull(scene.bell);
}

static bool none_left(struct world *w, void *ctx _unused_)
{
	return w->broker->n_clients == 0;
}

void scene_until_none_left(void)
{
	world_until(scene.world, none_left, NULL);
	ck_assert_uint_eq(scene.world->broker->graph->n_objects, 0);
	ck_assert_uint_eq(world_used(scene.world), 0);
}

void scene_close(void)
{
	struct scene *s = &scene;

	if (s->relay.attached)
		relay_reset(&s->relay, 0);
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (s->world->peers[i])
			world_kill(s->world, s->world->peers[i]);
	scene_until_none_left();
	loop_timer_free(s->pump);
	s->bell = loop_unwatch(s->bell);
	relay_close(&s->relay);
	world_free(s->world);
	unlink(s->window);
	rmdir(s->folder);
}

struct peer *scene_connect(void)
{
	return world_adopt(scene.world, relay_connect(&scene.relay));
}

struct peer *scene_peer(void)
{
	struct peer *p = scene_connect();

	ck_ok(peer_hello(p));
	return p;
}

static bool is_attached(struct world *w _unused_, void *ctx _unused_)
{
	return scene.relay.attached;
}

void scene_use_everything(struct peer *p)
{
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = SCENE_AT, .len = SZ_1M },
		{ .code = OP_RESERVE, .handle = 2, .on = 1, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = 3, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
		{ .code = OP_ASSOC, .handle = 4, .on = 1, .target = peer_device(p, "video") },
		{ .code = OP_ACTIVATE, .on = 4 },
		{ .code = OP_BACK, .on = 2, .target = 3 },
	};

	ck_ok(BATCH(p, ops));
	ck_ok(CALL(p, SIM_WRITE, .target = peer_device(p, "video"), .addr = SCENE_AT, .data = "abc",
		   .n_data = 3));
	ck_ok(CALL(p, SIM_READ, .target = peer_device(p, "video"), .addr = SCENE_AT, .len = 3));
	ck_assert(!memcmp(p->reply.data, "abc", 3));
}

void scene_until_attached(void)
{
	world_until(scene.world, is_attached, NULL);
}
