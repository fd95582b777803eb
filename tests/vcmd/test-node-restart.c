// SPDX-License-Identifier: BSD-3-Clause
// A broker that ends, and the one that follows it and takes up all sessions but those of nodes: a node starts anew.
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/scene.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "base/range.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/node.h"
#include "vcmd/nodes.h"

#define POOL                                                                                       \
	"memtype 5 { pool { source = window node = dsp ranges = {\"0x38040000+512K\"}\n"           \
	"granule = 4K } }\n"

static void open_kept(const char *options)
{
	scene.keeper = keeper_new(1000);
	scene_prepare(options, POOL);
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene_start();
}

static void close_kept(void)
{
	scene_close();
	scene.keeper = keeper_free(scene.keeper);
}

/* Memory in the window; where it is. */
static char *take_memory(struct peer *p)
{
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 9, .arg = VCM_MEMTYPE_0 + 5, .len = SZ_64K));
	ck_ok(CALL(p, PHYS_NEXT, .on = 9));
	return (char *)scene.relay.base + (peer_value(p, 0) - SCENE_DA);
}

START_TEST(a_nodes_session_ends_with_the_broker)
{
	struct peer *p;
	char *at;

	open_kept("file = \"@/window\"");
	for (int i = 0; i < 3; i++) {
		p = scene_peer();
		scene_use_everything(p);
		at = take_memory(p);
		memcpy(at, "secret", sizeof("secret"));
		scene_restart();
		ck_assert_uint_eq(scene.world->broker->n_clients, 1); /* taken up as all are */
		scene_until_none_left();                              /* but not for its grace */
		ck_assert_int_eq(*at, 0);
		ck_assert_uint_eq(scene.relay.n_teardowns, (unsigned int)i + 1);
	}
	scene_use_everything(scene_peer());
	close_kept();
}
END_TEST

START_TEST(what_a_node_had_stays_until_it_has_let_go)
{
	struct peer *p;
	char *at;

	open_kept("file = \"@/window\" reset-timeout = 200");
	p = scene_peer();
	at = take_memory(p);
	memcpy(at, "in use", sizeof("in use"));
	scene.frozen = true; /* it does not see that it is to reset */
	scene_restart();
	p = world_peer(scene.world);
	for (int i = 0; i < 20; i++) /* turns enough */
		ck_ok(CALL(p, PING));
	ck_assert_str_eq(at, "in use");
	world_kill(scene.world, p);
	scene_until_none_left(); /* its time is up */
	ck_assert_int_eq(*at, 0);
	scene.frozen = false;
	relay_reset(&scene.relay, 0);
	scene_use_everything(scene_peer());
	close_kept();
}
END_TEST

/* --- a node that goes on, and knows nothing */

static struct node_report report(const struct world *w)
{
	struct node_report r;

	nodes_report(nodes_get(w->broker->nodes, 0), &r);
	return r;
}

static bool has_started(struct world *w, void *ctx _unused_)
{
	return report(w).epoch == 1;
}

static bool has_heard(struct world *w, void *ctx _unused_)
{
	return report(w).n_in == 1;
}

/*
 * It sees no status, and gives back what is sent to nobody. speaks: vcmd cannot tell whom to tell before. True when the n-th
 * allocation was what it is told with: it is asked to reset again.
 */
static bool go_on_without_memory(bool speaks, size_t n)
{
	static const uint8_t late[] = { 99, 0, 0, 0, 0, 0, 1, 0, 'x' };
	static struct firmware_message m;
	struct firmware *f = &scene.relay.firmware;
	bool asked;

	open_kept("file = \"@/window\" reset-timeout = 5");
	ck_ok(CALL(scene_peer(), BYE));
	scene.frozen = true;
	if (speaks)
		memset(scene.relay.base + 0x10000, 0, 16 * 512); /* what it has sent */
	scene_restart();
	ck_assert(firmware_receive(f, &m));
	ck_assert_uint_eq(m.dst, UINT32_MAX);
	if (speaks) {
		world_until(scene.world, has_started, NULL);
		ck_assert(firmware_send(f, RELAY_ADDR, 1024, late, sizeof(late)));
	}
	mem_fail_nth(n);
	world_until(scene.world, speaks ? has_heard : has_started, NULL);
	mem_fail_fired();
	asked = report(scene.world).n_resets == 2;
	scene.frozen = false;
	relay_reset(&scene.relay, 0);
	scene_until_attached();
	scene_use_everything(scene_peer());
	close_kept();
	return asked;
}

START_TEST(a_node_that_cannot_be_told_that_its_session_is_over_is_asked_to_reset)
{
	for (int speaks = 0; speaks < 2; speaks++) {
		size_t n = 1;

		while (!go_on_without_memory(speaks, n))
			ck_assert_uint_lt(n++, 10);
	}
}
END_TEST

/* --- a window in no file */

static void open_memfd(void)
{
	char path[32];

	scene.keeper = keeper_new(1000);
	scene_prepare("socket = \"@/socket\"", "");
	ck_assert_uint_eq(keeper_count(scene.keeper, "window-"), 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", keeper_fd(scene.keeper, "window-dsp-1"));
	relay_open(&scene.relay, path, SCENE_LEN, SCENE_DA);
	scene_start();
}

START_TEST(a_window_in_no_file_outlives_the_broker)
{
	struct peer *p;

	open_memfd();
	for (int i = 0; i < 3; i++) {
		scene_restart(); /* whoever has the window is not at the socket any more: it is polled */
		scene_until_none_left();
		scene_until_attached();
		p = scene_peer();
		scene_use_everything(p);
		ck_assert_uint_eq(scene.relay.n_teardowns, (unsigned int)i);
		ck_assert_uint_eq(keeper_count(scene.keeper, "window-"), 1);
	}
	close_kept();
}
END_TEST

START_TEST(a_window_that_is_none_of_ours_is_not_taken_up)
{
	int fd = memfd_create("short", MFD_CLOEXEC);

	open_memfd();
	ck_assert_int_eq(ftruncate(fd, SCENE_LEN),
			 0); /* the length is right, but anybody could cut it */
	keeper_replace(scene.keeper, "window-dsp-1", fd);
	close(fd);
	scene_restart();
	ck_assert_uint_eq(keeper_count(scene.keeper, "window-"), 1);
	fd = keeper_fd(scene.keeper, "window-dsp-1");
	ck_assert_int_ne(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK, 0);
	close_kept();
}
END_TEST

/* In a container it has no pid that we know, and it may act as whom the node does. */
static void keep_waiting(bool in_container)
{
	struct client *c;
	struct peer *local;

	open_kept("file = \"@/window\"");
	local = world_peer(scene.world);
	ck_ok(CALL(local, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	scene_use_everything(scene_peer());
	scene_restart();
	ck_assert_uint_eq(scene.world->broker->n_clients, 2);
	TAILQ_FOREACH(c, &scene.world->broker->clients, entry) {
		ck_assert_int_eq(c->pid == 0, c->is_nodes);
		if (!in_container)
			continue;
		c->pid = 0;
		c->uid = scene.world->broker->config->nodes[0].uid;
	}
	while (scene.world->broker->n_clients > 1)
		scene_until_attached();
	c = TAILQ_FIRST(&scene.world->broker->clients);
	ck_assert_int_eq(c->state, CLIENT_WAITING);
	ck_assert(!c->is_nodes);
	client_end(c);
	close_kept();
}

START_TEST(local_sessions_wait_and_a_nodes_does_not)
{
	keep_waiting(false);
	keep_waiting(true);
}
END_TEST

SUITE_MAIN("node-restart", a_nodes_session_ends_with_the_broker,
	   what_a_node_had_stays_until_it_has_let_go,
	   a_node_that_cannot_be_told_that_its_session_is_over_is_asked_to_reset,
	   a_window_in_no_file_outlives_the_broker, a_window_that_is_none_of_ours_is_not_taken_up,
	   local_sessions_wait_and_a_nodes_does_not)
