// SPDX-License-Identifier: BSD-3-Clause
/* Memory that takes the kernel its time: whoever asks for it waits, and nobody else. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vcm/attr.h>

#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"

#define LARGE (80 * SZ_1M)
#define SMALL (4 * SZ_1M)

static const char roomy[] = "stock = 0\n"
			    "memtype 0 { pool { ranges = {\"0x40000000+256M\"} } }\n"
			    "smmu s { base = 0x1000000\n context c { mid = 0 } }\n";

static struct world *w;
static struct peer *p, *other;

static void setup(void)
{
	w = world_new(roomy);
	p = world_peer(w);
	other = world_peer(w);
}

static uint64_t send_alloc(struct peer *from, uint32_t handle, uint64_t len)
{
	return SEND(from, PHYS_ALLOC, .handle = handle, .arg = 1, .len = len);
}

static size_t n_physmems(const struct peer *of)
{
	struct session key = { .id = of->session };

	return RB_FIND(session_tree, &w->broker->graph->sessions, &key)->counts[OBJECT_PHYSMEM];
}

static uint64_t taken(void)
{
	const struct pendings *all = &w->broker->pendings;

	return all->taken[PENDING_SMALL] + all->taken[PENDING_LARGE];
}

START_TEST(others_are_served_while_memory_is_filled)
{
	uint64_t alloc, info;

	setup();
	alloc = send_alloc(p, 1, LARGE);
	info = SEND(p, PHYS_INFO, .on = 1);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(other, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(n_physmems(p), 0); /* nothing has happened yet */
	ck_assert_uint_eq(taken(), LARGE);
	ck_ok(peer_wait(p, alloc));
	ck_ok(peer_wait(p, info)); /* what came behind it came after it */
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

/* One large request has memory at a time; small ones pass it. */
START_TEST(large_requests_take_turns_and_small_ones_pass)
{
	uint64_t first, second, third;
	struct peer *late;

	setup();
	late = world_peer(w);
	first = send_alloc(p, 1, LARGE);
	ck_ok(CALL(late, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	second = send_alloc(other, 1, LARGE);
	ck_ok(CALL(late, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(taken(), LARGE);
	third = send_alloc(late, 3, SMALL);
	ck_ok(peer_wait(late, third));
	ck_assert_uint_eq(n_physmems(p) + n_physmems(other), 0);
	ck_ok(peer_wait(other, second));
	ck_ok(peer_wait(p, first));
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

/* A turn is worth nothing when the room has gone meanwhile. */
START_TEST(a_turn_that_comes_too_late_is_refused)
{
	struct peer *late;
	uint64_t first, second, third;

	setup();
	late = world_peer(w);
	first = send_alloc(p, 1, 120 * SZ_1M);
	ck_ok(CALL(late, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	second = send_alloc(other, 1, 120 * SZ_1M);
	third = send_alloc(late, 2, 120 * SZ_1M);
	ck_ok(peer_wait(p, first));
	ck_ok(peer_wait(other, second));
	ck_status(peer_wait(late, third), -ENOMEM);
	ck_assert_uint_eq(taken(), 0);
	world_check(w);
	world_free(w);
}
END_TEST

START_TEST(a_batch_of_many_is_one_request_that_waits)
{
	struct op ops[24];
	uint64_t batch;

	setup();
	for (uint32_t i = 0; i < 24; i++)
		ops[i] = (struct op){
			.code = OP_PHYS_ALLOC, .handle = 1 + i, .arg = 1, .len = SZ_2M
		};
	batch = peer_send(p, ops, 24);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_assert_uint_eq(n_physmems(p), 0);
	ck_ok(peer_wait(p, batch));
	ck_assert_uint_eq(n_physmems(p), 24);
	world_check(w);
	world_free(w);
}
END_TEST

START_TEST(who_goes_meanwhile_leaves_nothing)
{
	struct peer *third;

	setup();
	third = world_peer(w);
	send_alloc(p, 1, LARGE);
	send_alloc(third, 1, LARGE);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_ok(CALL(other, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(taken(), LARGE);
	world_kill(w, third); /* it had no turn */
	world_kill(w, p);
	world_settle(w);
	ck_ok(peer_wait(other, send_alloc(other, 3, LARGE)));
	ck_assert_uint_eq(taken(), 0);
	ck_assert_uint_eq(w->broker->graph->n_sessions, 1);
	world_check(w);
	world_free(w);
}
END_TEST

/* --- memory of a window, where nobody's bytes are zeroed for who will have it */

#define WINDOW_AT UINT64_C(0x40000000)
#define WINDOW_LEN (256 * SZ_1M)

static int window = -1;

static void scribble(void)
{
	uint8_t *at = mmap(NULL, WINDOW_LEN, PROT_WRITE, MAP_SHARED, window, 0);

	ck_assert(at != MAP_FAILED);
	memset(at, 0xa5, WINDOW_LEN);
	munmap(at, WINDOW_LEN);
}

static void setup_window(void)
{
	char conf[256];

	window = memfd_create("window", 0);
	ck_assert_int_eq(ftruncate(window, WINDOW_LEN), 0);
	snprintf(conf, sizeof(conf),
		 "stock = 0\nmemtype 0 { pool { source = window file = \"/proc/%d/fd/%d\"\n"
		 "ranges = {\"0x40000000+256M\"} } }\n",
		 getpid(), window);
	w = world_new(conf);
	p = world_peer(w);
	other = world_peer(w);
	scribble();
}

static void end_window(void)
{
	world_check(w);
	world_free(w);
	close(window);
}

/* Of len bytes of the file, from where that memory is, none is another's, and the next one is as it was. */
static void check_zeroed(struct peer *of, uint32_t handle, uint64_t len)
{
	uint64_t pa;
	uint8_t *at;

	ck_ok(CALL(of, PHYS_NEXT, .on = handle));
	pa = peer_value(of, 0);
	at = mmap(NULL, WINDOW_LEN, PROT_READ, MAP_SHARED, window, 0);
	ck_assert(at != MAP_FAILED);
	at += pa - WINDOW_AT;
	ck_assert(!at[0] && !memcmp(at, at + 1, len - 1));
	munmap(at - (pa - WINDOW_AT), WINDOW_LEN);
}

START_TEST(others_are_served_while_a_window_is_zeroed)
{
	uint64_t alloc;

	setup_window();
	alloc = send_alloc(p, 1, LARGE);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_assert_uint_eq(n_physmems(p), 0);
	ck_assert_uint_eq(taken(), LARGE);
	ck_ok(peer_wait(p, alloc));
	ck_assert_uint_eq(taken(), 0);
	check_zeroed(p, 1, LARGE);
	end_window();
}
END_TEST

/* Memory that is given away under it is not zeroed, and the request has other memory in the end. */
START_TEST(what_others_are_given_meanwhile_is_theirs)
{
	uint64_t alloc;
	off_t theirs;
	char got[4];

	setup_window();
	alloc = send_alloc(p, 1, LARGE);
	ck_ok(CALL(other, PHYS_ALLOC, .handle = 1, .arg = 1, .len = SZ_4K));
	ck_assert_uint_eq(n_physmems(p), 0);
	ck_ok(CALL(other, PHYS_NEXT, .on = 1));
	theirs = (off_t)(peer_value(other, 0) - WINDOW_AT);
	ck_assert_int_eq(pwrite(window, "mine", 4, theirs), 4);
	ck_ok(peer_wait(p, alloc));
	check_zeroed(p, 1, LARGE);
	ck_assert_int_eq(pread(window, got, 4, theirs), 4);
	ck_assert_mem_eq(got, "mine", 4);
	end_window();
}
END_TEST

static const struct client *served(const struct peer *of)
{
	const struct client *c;

	TAILQ_FOREACH(c, &w->broker->clients, entry)
		if (c->session && c->session->id == of->session)
			return c;
	return NULL;
}

/* What p waits for is begun anew, or there. */
static bool has_changed(_unused_ struct world *of, void *before)
{
	return LIST_FIRST(&served(p)->pendings) != before;
}

/* That is the alignment of what p wants: others now have the start of it. */
static void take_16m(uint32_t round)
{
	for (uint32_t i = 0; i < 8; i++)
		ck_ok(CALL(other, PHYS_ALLOC, .handle = 8 * round + i + 1, .arg = 1, .len = SZ_2M));
}

/* Each time others are given a part of what is zeroed. */
START_TEST(who_is_always_too_late_is_served_at_once)
{
	struct pending *waits;
	uint64_t alloc;
	uint32_t n = 0;

	setup_window();
	alloc = send_alloc(p, 1, LARGE);
	world_until(w, has_changed, NULL);
	while ((waits = LIST_FIRST(&served(p)->pendings))) {
		take_16m(n++);
		world_until(w, has_changed, waits);
	}
	ck_assert_uint_le(n, 3); /* and not until there is no room left */
	ck_ok(peer_wait(p, alloc));
	check_zeroed(p, 1, LARGE);
	end_window();
}
END_TEST

START_TEST(memory_that_cannot_be_reached_is_refused_and_the_next_one_served)
{
	uint64_t alloc;

	setup_window();
	alloc = send_alloc(p, 1, LARGE);
	ck_ok(CALL(other, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = SZ_1M));
	ck_assert_int_eq(ftruncate(window, 0), 0);
	ck_status(peer_wait(p, alloc), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "cannot be reached"));
	ck_assert_uint_eq(taken(), 0);
	ck_assert_uint_eq(n_physmems(p), 0);
	ck_assert_int_eq(ftruncate(window, WINDOW_LEN), 0);
	ck_ok(peer_wait(p, send_alloc(p, 1, LARGE)));
	end_window();
}
END_TEST

SUITE_MAIN("pending", others_are_served_while_memory_is_filled,
	   large_requests_take_turns_and_small_ones_pass, a_turn_that_comes_too_late_is_refused,
	   a_batch_of_many_is_one_request_that_waits, who_goes_meanwhile_leaves_nothing,
	   others_are_served_while_a_window_is_zeroed, what_others_are_given_meanwhile_is_theirs,
	   who_is_always_too_late_is_served_at_once,
	   memory_that_cannot_be_reached_is_refused_and_the_next_one_served)
