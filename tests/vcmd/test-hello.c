// SPDX-License-Identifier: BSD-3-Clause
/* How a session begins and ends. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "graph/graph.h"
#include "proto/message.h"
#include "tests/suite.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"

static int say_hello(struct peer *p, uint32_t version, uint64_t serial)
{
	struct request req = { .serial = serial,
			       .is_hello = true,
			       .hello = { .version = version, .name = "hello" } };
	uint8_t buf[256];
	long n = request_encode(p->codec, &req, buf, sizeof(buf));

	ck_assert(n > 0);
	peer_send_raw(p, buf, (size_t)n);
	p->serial = serial;
	return peer_wait(p, serial);
}

START_TEST(hello_is_answered_with_limits_and_an_event_socket)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_connect(w);
	int type = 0;
	socklen_t len = sizeof(type);

	ck_ok(say_hello(p, PROTO_VERSION, 1));
	ck_assert_ptr_nonnull(p->reply.welcome);
	ck_assert_uint_eq(p->reply.welcome->version, PROTO_VERSION);
	ck_assert_uint_eq(p->reply.welcome->max_message, PROTO_MAX_MESSAGE);
	ck_assert_uint_eq(p->reply.welcome->max_ops, PROTO_MAX_OPS);
	ck_assert_uint_eq(p->reply.welcome->max_data, PROTO_MAX_DATA);
	ck_assert_uint_ne(p->reply.welcome->session, 0);
	ck_assert_uint_eq(p->fds.n_fds, 1);
	ck_assert_int_eq(getsockopt(p->fds.fds[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
	ck_assert_int_eq(type, SOCK_SEQPACKET);
	world_free(w);
}
END_TEST

START_TEST(two_sessions_have_different_numbers_and_tokens)
{
	struct world *w = world_new(NULL);
	struct peer *a = world_connect(w), *b = world_connect(w);

	ck_ok(say_hello(a, PROTO_VERSION, 1));
	ck_ok(say_hello(b, PROTO_VERSION, 1));
	ck_assert_uint_ne(a->reply.welcome->session, b->reply.welcome->session);
	ck_assert_mem_ne(a->reply.welcome->token, b->reply.welcome->token, PROTO_TOKEN_LEN);
	world_free(w);
}
END_TEST

START_TEST(another_version_is_turned_away_and_may_try_again)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_connect(w);

	ck_status(say_hello(p, PROTO_VERSION + 1, 1), -EPROTO);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "version"));
	ck_assert_ptr_null(p->reply.welcome);
	ck_ok(say_hello(p, PROTO_VERSION, 2));
	world_free(w);
}
END_TEST

START_TEST(a_second_hello_ends_the_connection)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w), *other = world_peer(w);

	ck_status(say_hello(p, PROTO_VERSION, 2), -EPIPE);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	world_free(w);
}
END_TEST

START_TEST(a_request_before_hello_ends_the_connection)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_connect(w);

	ck_status(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M), -EPIPE);
	world_free(w);
}
END_TEST

START_TEST(a_serial_that_does_not_grow_ends_the_connection)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, MEMTYPE_CONT, .arg = 1));
	p->serial -= 1;
	ck_status(CALL(p, MEMTYPE_CONT, .arg = 1), -EPIPE);
	world_free(w);
}
END_TEST

START_TEST(a_serial_may_skip)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	p->serial += 1000;
	ck_ok(CALL(p, MEMTYPE_CONT, .arg = 1));
	ck_assert_uint_eq(p->reply.serial, p->serial);
	world_free(w);
}
END_TEST

START_TEST(bytes_that_are_no_request_end_the_connection)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	peer_send_raw(p, "\xff\xff\xff\xff", 4);
	peer_wait_gone(p);
	world_free(w);
}
END_TEST

START_TEST(goodbye_is_answered_when_everything_is_back)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M));
	ck_assert_uint_eq(world_used(w), SZ_1M);
	ck_ok(CALL(p, BYE));
	ck_assert_uint_eq(world_used(w), 0);
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	world_free(w);
}
END_TEST

START_TEST(a_request_after_goodbye_ends_the_connection)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, BYE));
	ck_status(CALL(p, MEMTYPE_CONT, .arg = 1), -EPIPE);
	world_free(w);
}
END_TEST

START_TEST(requests_behind_goodbye_are_not_served)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	uint64_t bye = SEND(p, BYE), next = SEND(p, MEMTYPE_CONT, .arg = 1);

	ck_status(peer_wait(p, next), -EPIPE);
	ck_assert(bye < next);
	world_free(w);
}
END_TEST

START_TEST(a_peer_that_dies_leaves_nothing)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 2, .arg = 1, .len = SZ_1M));
	world_kill(w, p);
	world_settle(w);
	ck_assert_uint_eq(world_used(w), 0);
	world_free(w);
}
END_TEST

START_TEST(peers_that_never_say_hello_cost_nothing)
{
	struct world *w = world_new(NULL);

	for (int i = 0; i < 100; i++)
		world_connect(w);
	for (int i = 0; i < 50; i++)
		world_kill(w, w->peers[i]);
	world_settle(w);
	ck_assert_uint_eq(w->broker->n_clients, 50);
	world_free(w);
}
END_TEST

static const char hasty[] = "access { allow-users = {61001, 61002} }\n"
			    "hello-timeout = 30\n"
			    "stock = 0\n"
			    "memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n";

START_TEST(who_has_no_session_in_time_is_closed)
{
	struct world *w = world_new(hasty);
	struct peer *silent = world_connect(w), *p = world_peer(w), *wrong = world_connect(w),
		    *done = world_peer(w);

	ck_status(say_hello(wrong, PROTO_VERSION + 1, 1), -EPROTO);
	ck_ok(CALL(done, BYE));
	peer_wait_gone(silent);
	peer_wait_gone(wrong);
	peer_wait_gone(done);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M)); /* has one */
	ck_assert_uint_eq(w->broker->n_clients, 1);
	ck_assert(TAILQ_EMPTY(&w->broker->strangers));
	world_free(w);
}
END_TEST

/* Nor does a user who opens more and more of them keep others, or the daemon's own user, out. */
START_TEST(a_user_has_so_many_connections_without_a_session)
{
	struct world *w;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	w = world_new("hello-timeout = 3600000\n"
		      "access { allow-users = {61001, 61002} }\n"
		      "stock = 0\n"
		      "memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n");
	for (int i = 0; i < 64; i++)
		world_connect_as(w, ALICE);
	peer_wait_gone(world_connect_as(w, ALICE));
	ck_assert_uint_eq(w->broker->n_clients, 64);
	ck_ok(peer_hello(w->peers[0]));
	ck_assert_uint_eq(w->broker->n_clients, 64);
	world_connect_as(w, ALICE); /* room again */
	ck_assert_uint_eq(w->broker->n_clients, 65);
	ck_ok(peer_hello(world_connect_as(w, BOB)));
	for (int i = 0; i < 100; i++)
		world_connect(w);
	ck_assert_uint_eq(w->broker->n_clients, 166);
	world_free(w);
}
END_TEST

SUITE_MAIN("hello", hello_is_answered_with_limits_and_an_event_socket,
	   two_sessions_have_different_numbers_and_tokens,
	   another_version_is_turned_away_and_may_try_again, a_second_hello_ends_the_connection,
	   a_request_before_hello_ends_the_connection,
	   a_serial_that_does_not_grow_ends_the_connection, a_serial_may_skip,
	   bytes_that_are_no_request_end_the_connection,
	   goodbye_is_answered_when_everything_is_back, a_request_after_goodbye_ends_the_connection,
	   requests_behind_goodbye_are_not_served, a_peer_that_dies_leaves_nothing,
	   peers_that_never_say_hello_cost_nothing, who_has_no_session_in_time_is_closed,
	   a_user_has_so_many_connections_without_a_session)
