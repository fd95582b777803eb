// SPDX-License-Identifier: BSD-3-Clause
/* Sessions that go on over another connection, and those that may not. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/fault.h"
#include "vcmd/loop.h"

#define HOLE 0x10800000u /* in REGION, reserved by nobody */

static struct world *w;
static struct peer *p;
static struct stage_devices d;

static void setup(void)
{
	w = world_new(NULL);
	p = world_peer(w);
	d = stage_set(p);
}

static struct client *client_of_peer(const struct peer *of)
{
	struct session key = { .id = of->session };
	struct session *s = RB_FIND(session_tree, &w->broker->graph->sessions, &key);

	return s ? client_of(s) : NULL;
}

/* As after a restart: the session is there, and nobody has it. */
static struct client *orphan(struct peer *of)
{
	struct client *old = client_of_peer(of), *c;
	struct session *s = old->session;

	old->session = NULL;
	c = client_restore(w->broker, s);
	ck_assert_ptr_nonnull(c);
	memcpy(c->token, old->token, sizeof(c->token));
	c->pid = old->pid;
	client_discard(old);
	return c;
}

static bool has_ended(struct world *of, void *ctx _unused_)
{
	return RB_EMPTY(&of->broker->graph->sessions);
}

START_TEST(a_session_that_waits_goes_on_with_all_that_it_has)
{
	struct peer *again;

	setup();
	orphan(p);
	world_check(w);
	again = world_connect(w);
	ck_ok(peer_resume(again, p, p->serial));
	ck_assert_uint_eq(again->session, p->session);
	ck_assert_mem_eq(again->token, p->token, PROTO_TOKEN_LEN);
	ck_assert_int_ge(again->events, 0);
	ck_ok(CALL(again, RES_INFO, .on = BACKED));
	ck_assert_uint_eq(peer_value(again, 4), MEM);
	ck_ok(CALL(again, UNBACK, .on = BACKED));
	ck_ok(CALL(again, BYE));
	peer_wait_gone(p);
	world_free(w);
}
END_TEST

START_TEST(a_session_that_nobody_takes_up_ends)
{
	setup();
	w->config->grace_ms = 10;
	orphan(p);
	world_until(w, has_ended, NULL);
	ck_assert_uint_eq(world_used(w), 0);
	world_free(w);
}
END_TEST

static void ck_stale(struct peer *again, const struct peer *of)
{
	ck_status(peer_resume(again, of, 5), -ESTALE);
	ck_assert_ptr_nonnull(strstr(again->reply.reason, "cannot be resumed"));
}

START_TEST(a_wrong_token_or_number_takes_nothing)
{
	struct peer wrong;

	setup();
	wrong = *p;
	wrong.token[PROTO_TOKEN_LEN - 1] ^= 1;
	ck_stale(world_connect(w), &wrong);
	wrong = *p;
	wrong.session++;
	ck_stale(world_connect(w), &wrong);
	wrong.session = UINT64_MAX;
	ck_stale(world_connect(w), &wrong);
	ck_ok(CALL(p, RES_INFO, .on = BACKED));
	world_free(w);
}
END_TEST

START_TEST(another_user_takes_nothing)
{
	struct peer *alice, *bob;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	w = world_new(NULL);
	alice = world_peer_as(w, ALICE);
	bob = world_connect_as(w, BOB);
	ck_stale(bob, alice);
	ck_ok(peer_hello(world_connect_as(w, BOB)));
	ck_ok(CALL(alice, PHYS_NUM_RES));
	world_free(w);
}
END_TEST

START_TEST(a_session_that_has_ended_is_not_taken_up)
{
	setup();
	ck_ok(CALL(p, BYE));
	ck_stale(world_connect(w), p);
	world_free(w);
}
END_TEST

START_TEST(a_session_that_is_not_whole_ends_when_its_client_comes)
{
	struct peer *again;

	setup();
	orphan(p)->incomplete = true;
	again = world_connect(w);
	ck_status(peer_resume(again, p, p->serial), -ESTALE);
	ck_assert_ptr_nonnull(strstr(again->reply.reason, "a part of it is lost"));
	world_until(w, has_ended, NULL);
	ck_assert_uint_eq(world_used(w), 0);
	world_free(w);
}
END_TEST

START_TEST(who_was_turned_away_may_begin_anew)
{
	struct peer *again;

	setup();
	ck_ok(CALL(p, BYE));
	again = world_connect(w);
	ck_stale(again, p);
	ck_ok(peer_hello(again));
	world_free(w);
}
END_TEST

START_TEST(a_hello_in_a_session_takes_no_other)
{
	struct peer *other;

	setup();
	other = world_peer(w);
	other->serial = 10;
	ck_status(peer_resume(other, p, 11), -EPIPE);
	ck_ok(CALL(p, RES_INFO, .on = BACKED));
	world_free(w);
}
END_TEST

START_TEST(the_last_who_comes_has_the_session)
{
	struct peer *second, *third;

	setup();
	second = world_connect(w);
	ck_ok(peer_resume(second, p, p->serial));
	peer_wait_gone(p);
	third = world_connect(w);
	ck_ok(peer_resume(third, second, second->serial));
	peer_wait_gone(second);
	ck_ok(CALL(third, RES_INFO, .on = BACKED));
	ck_assert_uint_eq(w->broker->n_clients, 1);
	world_free(w);
}
END_TEST

static void keep_reply(struct client *c, uint64_t serial, uint64_t value)
{
	ck_assert_int_eq(replies_want(&c->replies, 1, REPLIES_KEEP_LATEST), 0);
	replies_add(&c->replies, serial, &value, 1);
}

/* The requests p's serial + 1 .. + 3 were sent; the second one was carried out, and answered with 77. */
START_TEST(what_was_carried_out_is_answered_and_not_done_again)
{
	uint64_t last;
	struct peer *again;

	setup();
	last = p->serial;
	keep_reply(orphan(p), last + 2, 77);
	p->serial = last + 3;
	again = world_connect(w);
	ck_ok(peer_resume(again, p, last));
	ck_ok(CALL(again, RES_INFO, .on = RES));
	ck_ok(CALL(again, RESERVE, .handle = NEW, .on = REGION, .len = SZ_4K));
	ck_assert_uint_eq(peer_value(again, 0), 77);
	ck_status(CALL(again, RES_INFO, .on = NEW), -EINVAL); /* it was not made now */
	ck_ok(CALL(again, RESERVE, .handle = NEW, .on = REGION, .len = SZ_4K));
	world_free(w);
}
END_TEST

START_TEST(what_was_seen_is_forgotten)
{
	struct client *c;
	struct peer *again;

	setup();
	c = orphan(p);
	keep_reply(c, p->serial, 1);
	keep_reply(c, p->serial + 1, 77);
	p->serial++;
	again = world_connect(w);
	ck_ok(peer_resume(again, p, p->serial - 1));
	c = client_of_peer(p);
	ck_assert(!replies_find(&c->replies, p->serial - 1, &(struct reply_kept){ 0 }));
	ck_assert(replies_find(&c->replies, p->serial, &(struct reply_kept){ 0 }));
	world_free(w);
}
END_TEST

START_TEST(serials_only_grow_also_afterwards)
{
	struct peer *again;

	setup();
	orphan(p);
	again = world_connect(w);
	ck_ok(peer_resume(again, p, p->serial));
	again->serial--;
	ck_status(CALL(again, RES_INFO, .on = RES), -EPIPE);
	world_free(w);
}
END_TEST

START_TEST(a_copy_within_one_memory_is_not_begun_anew)
{
	struct peer *again;

	setup();
	orphan(p);
	p->serial++;
	again = world_connect(w);
	ck_ok(peer_resume(again, p, p->serial - 1));
	ck_status(CALL(again, RES_COPY, .on = BACKED, .target = BACKED, .addr = SZ_4K,
		       .len = SZ_4K),
		  -ECONNRESET);
	ck_ok(CALL(again, RES_COPY, .on = BACKED, .target = BACKED, .addr = SZ_4K,
		   .len = SZ_4K)); /* it was not asked for before */
	world_free(w);
}
END_TEST

static struct fault_event next_event(struct peer *of)
{
	struct fault_event e;

	ck_assert(peer_event(of, true, &e));
	return e;
}

START_TEST(hooks_and_faults_that_wait_go_over)
{
	struct fault_event first, second;
	struct peer *again, *other;
	uint64_t serial;

	setup();
	w->config->fault_timeout_ms = 600000;
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	first = next_event(p);
	again = world_connect(w);
	ck_ok(peer_resume(again, p, p->serial - 1));
	second = next_event(again);
	ck_assert_uint_eq(second.id, first.id);
	ck_assert_uint_eq(second.addr, first.addr);
	ck_assert_uint_eq(second.flags, first.flags);
	ck_ok(CALL(again, FAULT_REPLY, .addr = second.id, .arg = 0));
	again->serial = p->serial;
	/* The transaction was given up with the connection. It comes again, and faults again. */
	serial = SEND(again, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	second = next_event(again);
	ck_assert_uint_ne(second.id, first.id);
	ck_status(CALL(again, FAULT_REPLY, .addr = second.id, .arg = 0), 0);
	ck_status(peer_wait(again, serial), -EFAULT);
	other = world_peer(w);
	ck_status(CALL(other, FAULT_REPLY, .addr = first.id, .arg = 1), -EINVAL);
	world_free(w);
}
END_TEST

START_TEST(without_memory_nobody_has_taken_anything)
{
	struct peer *again;
	struct client *c;
	size_t nth = 0;

	setup();
	orphan(p);
	do {
		again = world_connect(w);
		mem_fail_nth(++nth);
		peer_resume(again, p, p->serial);
		c = client_of_peer(p);
		ck_assert_ptr_nonnull(c);
		if (c->state == CLIENT_WAITING)
			world_kill(w, again);
	} while (mem_fail_fired());
	ck_assert_int_eq(c->state, CLIENT_LIVE);
	world_free(w);
}
END_TEST

SUITE_MAIN("vcmd-resume", a_session_that_waits_goes_on_with_all_that_it_has,
	   a_session_that_nobody_takes_up_ends, a_wrong_token_or_number_takes_nothing,
	   another_user_takes_nothing, a_session_that_has_ended_is_not_taken_up,
	   a_session_that_is_not_whole_ends_when_its_client_comes,
	   who_was_turned_away_may_begin_anew, a_hello_in_a_session_takes_no_other,
	   the_last_who_comes_has_the_session, what_was_carried_out_is_answered_and_not_done_again,
	   what_was_seen_is_forgotten, serials_only_grow_also_afterwards,
	   a_copy_within_one_memory_is_not_begun_anew, hooks_and_faults_that_wait_go_over,
	   without_memory_nobody_has_taken_anything)
