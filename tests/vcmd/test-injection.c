// SPDX-License-Identifier: BSD-3-Clause
/*
 * Requests that fail half way: at every allocation, at every stage, for want of page tables, of fds. Each either has
 * happened, or has left no trace.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/fingerprint.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"

#define MAX_OPS 32

/* Tried on a session with one of everything, after `first`. */
struct scenario {
	const char *name;
	struct op first[8], ops[MAX_OPS];
};

#define O(what, ...)                                                                               \
	{                                                                                          \
		.code = OP_##what, __VA_ARGS__                                                     \
	}

/* Numbers of devices in the built-in configuration, which a test checks. */
#define CPU 1
#define A_MM1 2
#define A_STREAM 3
#define MDP0 5
#define SECOND 41 /* a region that may take REGION's place */
#define SECOND_AVCM 42

#define MAKE_SECOND                                                                                \
	O(VCM_CREATE, .handle = SECOND, .addr = REGION_AT, .len = SZ_16M),                         \
		O(ASSOC, .handle = SECOND_AVCM, .on = SECOND, .target = A_MM1)

static const struct scenario scenarios[] = {
	{ "create", {}, { O(VCM_CREATE, .handle = NEW, .addr = SZ_1M, .len = SZ_1M) } },
	{ "create high", {}, { O(VCM_CREATE, .handle = NEW, .addr = 0xfff00000, .len = SZ_1M) } },
	{ "prebuilt", {}, { O(VCM_PREBUILT, .handle = NEW, .arg = VCM_PREBUILT_KERNEL) } },
	{ "clone", {}, { O(VCM_CLONE, .handle = NEW, .on = REGION) } },
	{ "clone one-to-one",
	  { O(BACK, .on = ONE_RES, .target = CONT) },
	  { O(VCM_CLONE, .handle = NEW, .on = ONE) } },
	{ "free",
	  { O(VCM_CREATE, .handle = NEW, .addr = SZ_1M, .len = SZ_1M) },
	  { O(VCM_FREE, .on = NEW) } },
	{ "reserve", {}, { O(RESERVE, .handle = NEW, .on = REGION, .len = SZ_4K) } },
	{ "reserve much", {}, { O(RESERVE, .handle = NEW, .on = REGION, .len = 8 * SZ_1M) } },
	{ "reserve in user",
	  {},
	  { O(RESERVE, .handle = NEW, .on = USER, .len = SZ_4K, .addr = USER_AT + SZ_1M) } },
	{ "reserve in one", {}, { O(RESERVE, .handle = NEW, .on = ONE, .len = SZ_4K) } },
	{ "reserve at",
	  { O(VCM_CREATE, .handle = NEW, .addr = SZ_1M, .len = SZ_1M) },
	  { O(RESERVE_AT, .handle = NEW + 1, .on = NEW, .len = SZ_4K) } },
	{ "reserve in bound", {}, { O(RESERVE_BOUND, .handle = NEW, .on = BOUND, .len = SZ_64K) } },
	{ "unreserve", {}, { O(UNRESERVE, .on = RES) } },
	{ "set attributes", {}, { O(RES_SET_ATTR, .on = BACKED, .attr = VCM_READ) } },
	{ "set cache policy", {}, { O(RES_SET_ATTR, .on = BACKED, .attr = VCM_WT) } },
	{ "back", {}, { O(BACK, .on = RES, .target = SPARE) } },
	{ "back twice", {}, { O(BACK, .on = RES, .target = MEM) } },
	{ "back user", {}, { O(BACK, .on = USER_RES, .target = SPARE) } },
	{ "back one", {}, { O(BACK, .on = ONE_RES, .target = CONT) } },
	{ "unback", {}, { O(UNBACK, .on = BACKED) } },
	{ "unback user",
	  { O(BACK, .on = USER_RES, .target = SPARE) },
	  { O(UNBACK, .on = USER_RES) } },
	{ "unback one", { O(BACK, .on = ONE_RES, .target = CONT) }, { O(UNBACK, .on = ONE_RES) } },
	{ "allocate a page", {}, { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_4K) } },
	{ "allocate a page of a new memtype",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 3, .len = SZ_4K) } },
	{ "allocate 1 MB", {}, { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_1M) } },
	{ "allocate 16 MB", {}, { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_16M) } },
	{ "allocate 16 MB in pages",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_16M, .attr = VCM_4KB) } },
	{ "allocate an odd length",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = 5 * SZ_1M + SZ_4K) } },
	{ "allocate all but a bit",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 3, .len = 32 * SZ_1M - SZ_4K) } },
	{ "allocate coherent",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_64K, .attr = VCM_COHERENT) } },
	{ "allocate contiguous",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 2, .len = SZ_1M, .attr = VCM_PHYS_CONT) } },
	{ "free memory", {}, { O(PHYS_FREE, .on = SPARE) } },
	{ "free much memory",
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = 5 * SZ_16M) },
	  { O(PHYS_FREE, .on = NEW) } },
	{ "associate", {}, { O(ASSOC, .handle = NEW, .on = LOOSE, .target = A_STREAM) } },
	{ "associate a second device",
	  {},
	  { O(ASSOC, .handle = NEW, .on = REGION, .target = MDP0) } },
	{ "deassociate", {}, { O(DEASSOC, .on = IDLE_AVCM) } },
	{ "deassociate with backing", { O(DEACTIVATE, .on = AVCM) }, { O(DEASSOC, .on = AVCM) } },
	{ "associate with backing",
	  { O(DEACTIVATE, .on = AVCM), O(DEASSOC, .on = AVCM) },
	  { O(ASSOC, .handle = NEW, .on = REGION, .target = A_MM1), O(ACTIVATE, .on = NEW) } },
	{ "set split", {}, { O(ASSOC_SET_ATTR, .on = IDLE_AVCM, .attr = VCM_SPLIT_ATTR(2)) } },
	{ "activate", {}, { O(ACTIVATE, .on = IDLE_AVCM) } },
	{ "deactivate", {}, { O(DEACTIVATE, .on = AVCM) } },
	{ "switch",
	  { MAKE_SECOND },
	  { O(ACTIVATE, .on = SECOND_AVCM, .attr = VCM_ACTIVATE_SWITCH) } },
	{ "switch back and forth",
	  { MAKE_SECOND },
	  { O(ACTIVATE, .on = SECOND_AVCM, .attr = VCM_ACTIVATE_SWITCH),
	    O(ACTIVATE, .on = AVCM, .attr = VCM_ACTIVATE_SWITCH), O(DEACTIVATE, .on = AVCM),
	    O(ACTIVATE, .on = SECOND_AVCM) } },
	{ "bound", {}, { O(BOUND_CREATE, .handle = NEW, .on = REGION, .len = SZ_64K) } },
	{ "free bound",
	  { O(BOUND_CREATE, .handle = NEW, .on = REGION, .len = SZ_64K) },
	  { O(BOUND_FREE, .on = NEW) } },
	{ "buffer",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_1M),
	    O(RESERVE, .handle = NEW + 1, .on = REGION, .len = SZ_1M),
	    O(BACK, .on = NEW + 1, .target = NEW),
	    O(RESERVE, .handle = NEW + 2, .on = USER, .len = SZ_1M, .addr = USER_AT + SZ_1M),
	    O(BACK, .on = NEW + 2, .target = NEW) } },
	{ "swap",
	  {},
	  { O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = SZ_64K), O(UNBACK, .on = BACKED),
	    O(BACK, .on = BACKED, .target = NEW) } },
	{ "swap with another length",
	  {},
	  { O(UNBACK, .on = BACKED), O(UNRESERVE, .on = BACKED), O(UNRESERVE, .on = RES),
	    O(RESERVE, .handle = BACKED, .on = REGION, .len = 2 * SZ_64K),
	    O(PHYS_ALLOC, .handle = NEW, .arg = 1, .len = 2 * SZ_64K),
	    O(BACK, .on = BACKED, .target = NEW) } },
	{ "swap and give back",
	  {},
	  { O(UNBACK, .on = BACKED), O(PHYS_FREE, .on = MEM),
	    O(PHYS_ALLOC, .handle = MEM, .arg = 2, .len = SZ_64K),
	    O(BACK, .on = BACKED, .target = MEM), O(UNBACK, .on = BACKED),
	    O(BACK, .on = BACKED, .target = SPARE) } },
	{ "move",
	  {},
	  { O(UNBACK, .on = BACKED), O(BACK, .on = RES, .target = MEM),
	    O(BACK, .on = BACKED, .target = SPARE) } },
	{ "region",
	  {},
	  { O(VCM_CREATE, .handle = NEW, .addr = 0x80000000, .len = SZ_16M),
	    O(ASSOC, .handle = NEW + 1, .on = NEW, .target = A_STREAM), O(ACTIVATE, .on = NEW + 1),
	    O(RESERVE, .handle = NEW + 2, .on = NEW, .len = SZ_64K),
	    O(BACK, .on = NEW + 2, .target = MEM), O(RES_SET_ATTR, .on = NEW + 2, .attr = VCM_READ),
	    O(DEACTIVATE, .on = NEW + 1) } },
	{ "nothing in the end",
	  {},
	  { O(VCM_CREATE, .handle = NEW, .addr = 0x80000000, .len = SZ_16M),
	    O(ASSOC, .handle = NEW + 1, .on = NEW, .target = A_STREAM), O(ACTIVATE, .on = NEW + 1),
	    O(RESERVE, .handle = NEW + 2, .on = NEW, .len = SZ_64K),
	    O(BACK, .on = NEW + 2, .target = MEM), O(UNBACK, .on = NEW + 2),
	    O(UNRESERVE, .on = NEW + 2), O(DEACTIVATE, .on = NEW + 1), O(DEASSOC, .on = NEW + 1),
	    O(VCM_FREE, .on = NEW) } },
	{ "take everything down",
	  {},
	  { O(UNBACK, .on = BACKED), O(DEACTIVATE, .on = AVCM), O(DEASSOC, .on = AVCM),
	    O(UNRESERVE, .on = BACKED), O(UNRESERVE, .on = RES), O(UNRESERVE, .on = IN_BOUND),
	    O(BOUND_FREE, .on = BOUND), O(VCM_FREE, .on = REGION), O(PHYS_FREE, .on = MEM),
	    O(PHYS_FREE, .on = SPARE), O(PHYS_FREE, .on = CONT), O(DEACTIVATE, .on = ONE_AVCM),
	    O(DEASSOC, .on = ONE_AVCM), O(UNRESERVE, .on = ONE_RES), O(VCM_FREE, .on = ONE) } },
};

#define N_SCENARIOS (int)(sizeof(scenarios) / sizeof(*scenarios))

static size_t count_ops(const struct op *ops, size_t max)
{
	size_t n = 0;

	while (n < max && ops[n].code)
		n++;
	return n;
}

static int try(struct peer *p, const struct scenario *s)
{
	return peer_call(p, s->ops, count_ops(s->ops, MAX_OPS));
}

static void set_stage(struct peer *p, const struct scenario *s)
{
	size_t n = count_ops(s->first, 8);
	struct stage_devices d = stage_set(p);

	ck_assert(d.cpu == CPU && d.a_mm1 == A_MM1 && d.a_stream == A_STREAM && d.mdp0 == MDP0);
	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "content",
		   .n_data = 7));
	if (n)
		ck_ok(peer_call(p, s->first, n));
}

/* What the scenario leads to where nothing fails. */
static char *outcome(const struct scenario *s)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	char *print;
	int r;

	set_stage(p, s);
	r = try(p, s);
	ck_assert_msg(r == 0, "%s: %d at %u: %s", s->name, r, p->reply.failed, p->reply.reason);
	print = fingerprint(w, p);
	world_free(w);
	return print;
}

/* A world on which a scenario is tried until it succeeds. */
struct trial {
	const struct scenario *s;
	struct world *w;
	struct peer *p;
	char *before, *after;
};

static struct trial trial_begin(const struct scenario *s)
{
	struct trial t = { .s = s, .after = outcome(s) };

	t.w = world_new(NULL);
	t.p = world_peer(t.w);
	set_stage(t.p, s);
	t.before = fingerprint(t.w, t.p);
	return t;
}

static void ck_state(const struct trial *t, const char *expected)
{
	char *now = fingerprint(t->w, t->p);

	ck_same_fingerprint(t->s->name, expected, now);
	free(now);
}

static void trial_end(struct trial *t)
{
	ck_state(t, t->after);
	free(t->before);
	free(t->after);
	world_free(t->w);
}

START_TEST(a_failed_allocation_leaves_no_trace)
{
	struct trial t = trial_begin(&scenarios[_i]);

	for (size_t n = 1;; n++) {
		int r, fired;

		mem_fail_nth(n);
		r = try(t.p, t.s);
		fired = mem_fail_fired();
		if (!fired)
			ck_assert_msg(r == 0, "%s: %d: %s", t.s->name, r, t.p->reply.reason);
		if (r == 0)
			break;
		ck_assert_msg(r == -ENOMEM, "%s, allocation %zu: %d: %s", t.s->name, n, r,
			      t.p->reply.reason);
		ck_state(&t, t.before);
	}
	trial_end(&t);
}
END_TEST

START_TEST(a_failed_stage_leaves_no_trace)
{
	struct trial t = trial_begin(&scenarios[_i]);

	for (enum stage stage = STAGE_AUTHORISE; stage <= STAGE_JOURNAL; stage++) {
		t.w->broker->fail_stage = stage;
		ck_status(try(t.p, t.s), -ENOMEM);
		ck_state(&t, t.before);
	}
	ck_ok(try(t.p, t.s));
	trial_end(&t);
}
END_TEST

/* Table memory that others hold: pages of 1 KB. */
struct hoard {
	struct memory *memory;
	uint64_t pa[2 * 1024 * 1024];
	size_t n;
};

static void hoard_all(struct hoard *h)
{
	while (memory_table_alloc(h->memory, 1024, &h->pa[h->n]) == 0)
		h->n++;
}

static void hoard_drop(struct hoard *h, size_t n)
{
	while (n-- && h->n)
		memory_table_free(h->memory, h->pa[--h->n], 1024);
}

START_TEST(want_of_table_memory_leaves_no_trace)
{
	static struct hoard h;
	struct trial t = trial_begin(&scenarios[_i]);
	int r;

	h = (struct hoard){ .memory = t.w->broker->memory };
	for (size_t n = 0;; n++) {
		char *before;

		hoard_all(&h);
		hoard_drop(&h, n);
		before = fingerprint(t.w, t.p);
		r = try(t.p, t.s);
		if (r < 0)
			ck_state(&t, before);
		free(before);
		if (r == 0)
			break;
		ck_assert_msg(r == -ENOMEM, "%s, with %zu KB: %d: %s", t.s->name, n, r,
			      t.p->reply.reason);
		ck_assert_uint_lt(n, 100);
	}
	hoard_drop(&h, SIZE_MAX);
	trial_end(&t);
}
END_TEST

static void limit_fds(rlim_t n)
{
	struct rlimit limit;

	ck_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = n;
	ck_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

START_TEST(want_of_fds_leaves_no_trace)
{
	const struct scenario *s = &scenarios[_i];
	struct trial t = trial_begin(s);
	struct rlimit limit;
	int fd;

	ck_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	fd = dup(0);
	close(fd);
	for (rlim_t n = 0;; n++) {
		int r;

		limit_fds((rlim_t)fd + n);
		r = try(t.p, s);
		limit_fds(limit.rlim_cur);
		if (r == 0)
			break;
		ck_assert_msg(r == -ENOMEM, "%s, with %u fds: %d: %s", s->name, (unsigned int)n, r,
			      t.p->reply.reason);
		ck_state(&t, t.before);
	}
	trial_end(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("injection");
	TCase *tcase = tcase_create("injection");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	tcase_add_loop_test(tcase, a_failed_allocation_leaves_no_trace, 0, N_SCENARIOS);
	tcase_add_loop_test(tcase, a_failed_stage_leaves_no_trace, 0, N_SCENARIOS);
	tcase_add_loop_test(tcase, want_of_table_memory_leaves_no_trace, 0, N_SCENARIOS);
	tcase_add_loop_test(tcase, want_of_fds_leaves_no_trace, 0, N_SCENARIOS);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
