// SPDX-License-Identifier: BSD-3-Clause
// A node behind the kernel's RPMsg, whose endpoint is one end of a socket pair here: a read is a message, and a write is.
#include "tests/suite.h"
#include "tests/vcmd/world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <vcm/attr.h>

#include "base/range.h"
#include "graph/graph.h"
#include "rpmsg/assembly.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/node-char.h"

#define PAYLOAD 496

static struct world *w;
static struct node_char *node;
static struct loop_timer *pump;
static int offered = -1; /* what the next open() gives; -1: there is no endpoint */
static int remote = -1;  /* the node's end */
static int pair = -1;    /* of the peer */
static uint32_t n_sent;
static struct assembly in;
static uint8_t in_buf[65536], out_buf[65536];
static unsigned int n_opened;

static int fake_open(const struct rpmsg_device_config *config, struct reason *why)
{
	ck_assert_str_eq(config->control, "/dev/rpmsg_none");
	ck_assert_str_eq(config->name, "vcm");
	ck_assert_uint_eq(config->address, 1030);
	ck_assert_uint_eq(config->remote, 1031);
	if (offered < 0)
		return refuse(why, -ENXIO, "the node is down");
	n_opened++;
	return steal_fd(&offered);
}

static void fake_close(int fd)
{
	close(fd);
}

static const struct node_char_ops fake = { .open = fake_open, .close = fake_close };

static void carry_to_node(void)
{
	uint8_t fragment[PAYLOAD];
	ssize_t n = recv(pair, out_buf, sizeof(out_buf), MSG_DONTWAIT);
	size_t count = n > 0 ? fragment_count((size_t)n, PAYLOAD) : 0;

	n_sent += n > 0;
	for (size_t i = 0; i < count; i++) {
		size_t len =
			fragment_write(fragment, PAYLOAD, n_sent, out_buf, (size_t)n, (uint16_t)i);

		ck_assert_int_eq(send(remote, fragment, len, 0), (ssize_t)len);
	}
}

static void carry_to_peer(void)
{
	uint8_t fragment[PAYLOAD];
	struct reason why;
	ssize_t n;

	while ((n = recv(remote, fragment, sizeof(fragment), MSG_DONTWAIT)) > 0)
		if (assembly_take(&in, fragment, (size_t)n, &why) == ASSEMBLY_DONE)
			ck_assert(send(pair, in.data, in.len, MSG_NOSIGNAL) == (ssize_t)in.len);
}

static void on_pump(void *ctx _unused_)
{
	if (remote >= 0 && pair >= 0) {
		carry_to_node();
		carry_to_peer();
	}
	loop_timer_set(pump, 1);
}

/* The node starts: there is an endpoint. */
static void start_node(void)
{
	int ends[2];

	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	offered = ends[0];
	remote = ends[1];
	n_sent = 0;
	assembly_init(&in, in_buf, sizeof(in_buf));
}

static void stop_node(void)
{
	fd_closep(&remote);
	fd_closep(&offered);
	fd_closep(&pair);
}

static void open_it(const char *options)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "stock = 0\naccess { allow-users = { \"*\" } }\n"
		 "node dsp { rpmsg = /dev/rpmsg_none address = 1030 remote-address = 1031 %s }\n",
		 options);
	w = world_new(text);
	n_opened = 0;
	node = node_char_new(w->broker, &w->config->nodes[0], &fake);
	ck_assert_ptr_nonnull(node);
	pump = loop_timer_new(w->loop, on_pump, NULL);
	loop_timer_set(pump, 0);
}

static bool none_left(struct world *world, void *ctx _unused_)
{
	return world->broker->n_clients == 0;
}

static void close_it(void)
{
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i])
			world_kill(w, w->peers[i]);
	stop_node();
	world_until(w, none_left, NULL);
	loop_timer_free(pump);
	node = node_char_free(node);
	world_free(w);
}

static struct peer *connect_it(void)
{
	int ends[2];

	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	fd_closep(&pair);
	pair = ends[0];
	return world_adopt(w, ends[1]);
}

static void use(struct peer *p)
{
	uint32_t video = peer_device(p, "vcodec_a_mm1");
	uint8_t data[3000];

	memset(data, 'x', sizeof(data));
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(p, RESERVE, .handle = 2, .on = 1, .len = SZ_64K));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 3, .arg = VCM_MEMTYPE_0, .len = SZ_64K));
	ck_ok(CALL(p, ASSOC, .handle = 4, .on = 1, .target = video));
	ck_ok(CALL(p, ACTIVATE, .on = 4));
	ck_ok(CALL(p, BACK, .on = 2, .target = 3));
	ck_ok(CALL(p, SIM_WRITE, .target = video, .addr = SZ_1M, .data = data,
		   .n_data = sizeof(data)));
	ck_ok(CALL(p, SIM_READ, .target = video, .addr = SZ_1M, .len = 30000));
	ck_assert(!memcmp(p->reply.data, data, sizeof(data)));
}

START_TEST(a_node_behind_the_kernel_is_a_client)
{
	struct peer *p;

	open_it("");
	start_node();
	p = connect_it();
	ck_ok(peer_hello(p));
	use(p);
	ck_assert_int_eq(send(remote, "", 0, 0), 0); /* empty messages are nothing */
	ck_assert_int_eq(send(remote, "short", 5, 0), 5);
	ck_ok(CALL(p, PING));
	ck_ok(CALL(p, BYE));
	close_it();
}
END_TEST

START_TEST(a_node_goes_and_comes_and_nothing_is_left_of_it)
{
	open_it("");
	for (unsigned int i = 0; i < 3; i++) {
		struct peer *p;

		start_node();
		p = connect_it();
		ck_ok(peer_hello(p)); /* waits until the endpoint is found */
		ck_assert_uint_eq(n_opened, i + 1);
		use(p);
		stop_node();
		world_kill(w, p);
		world_until(w, none_left, NULL);
		ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	}
	close_it();
}
END_TEST

/* More replies than the endpoint takes at once. */
START_TEST(a_full_endpoint_is_tried_again)
{
	struct op ops[400];
	uint64_t serials[20];
	struct peer *p;
	int small = 4608;

	open_it("");
	start_node();
	ck_assert(setsockopt(offered, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	p = connect_it();
	ck_ok(peer_hello(p));
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	for (size_t i = 0; i < 400; i++)
		ops[i] = (struct op){ .code = OP_VCM_INFO, .on = 1, .name = "" };
	for (int i = 0; i < 20; i++)
		serials[i] = peer_send(p, ops, 400);
	for (int i = 0; i < 20; i++) {
		ck_ok(peer_wait(p, serials[i]));
		ck_assert_uint_eq(p->reply.n_values, 1600);
	}
	close_it();
}
END_TEST

START_TEST(a_silent_node_loses_its_session)
{
	struct peer *p;

	open_it("heartbeat = 30");
	start_node();
	p = connect_it();
	ck_ok(peer_hello(p));
	use(p);
	world_until(w, none_left, NULL);
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	ck_ok(peer_hello(p)); /* the endpoint is still there */
	use(p);
	close_it();
}
END_TEST

SUITE_MAIN("node-char", a_node_behind_the_kernel_is_a_client,
	   a_node_goes_and_comes_and_nothing_is_left_of_it, a_full_endpoint_is_tried_again,
	   a_silent_node_loses_its_session)
