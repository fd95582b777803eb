// SPDX-License-Identifier: BSD-3-Clause
/*
 * Memory is zeroed and given back when no device can reach it any more: at each such moment, which the linker leads through here, a
 * device that has its translations at hand tries it.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "backend/sim/sim.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/machine-kind.h"
#include "vcmd/machine.h"
#include "vcmd/mark.h"
#include "vcmd/program.h"

#define LARGE SZ_2M /* an arena of its own, which ends with it */

static struct world *w;
static struct peer *p;
static struct machine_device *hw;
static uint64_t addr; /* where the device looks; 0: it does not */
static bool looks_before_undo;
static unsigned int n_tries, n_marks;

static int look(void)
{
	char byte;
	int r = sim_access(hw->sim, hw->mid, false, addr, &byte, 1, NULL, NULL);

	if (r == -EINPROGRESS)
		sim_abandon(hw->sim, hw->mid);
	return r;
}

static void try(void)
{
	if (!addr)
		return;
	n_tries++;
	ck_assert_int_ne(look(), 0);
}

/* NOLINTBEGIN(bugprone-reserved-identifier) ; the linker's names */
int __real_memory_arena_free(struct memory *m, uint32_t id);
int __wrap_memory_arena_free(struct memory *m, uint32_t id);
int __real_memory_zero(struct memory *m, uint64_t pa, uint64_t len);
int __wrap_memory_zero(struct memory *m, uint64_t pa, uint64_t len);
void __real_program_undo(struct broker *b, struct plan *plan);
void __wrap_program_undo(struct broker *b, struct plan *plan);
void __real_mark_set(struct mark *m);
void __wrap_mark_set(struct mark *m);

int __wrap_memory_arena_free(struct memory *m, uint32_t id)
{
	try();
	return __real_memory_arena_free(m, id);
}

int __wrap_memory_zero(struct memory *m, uint64_t pa, uint64_t len)
{
	try();
	return __real_memory_zero(m, pa, len);
}

void __wrap_program_undo(struct broker *b, struct plan *plan)
{
	if (looks_before_undo)
		ck_assert_int_eq(look(), 0);
	__real_program_undo(b, plan);
}
void __wrap_mark_set(struct mark *m)
{
	n_marks++;
	__real_mark_set(m);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void setup(void)
{
	const struct device *d;

	w = world_new(NULL);
	p = world_peer(w);
	stage_set(p);
	TAILQ_FOREACH(d, &w->broker->graph->devices, link)
		if (!strcmp(d->name, "vcodec_a_mm1"))
			hw = d->hw;
	ck_assert_ptr_nonnull(hw);
	n_tries = 0;
}

static void teardown(void)
{
	addr = 0;
	world_check(w);
	world_free(w);
}

static void back_large(void)
{
	ck_ok(CALL(p, RESERVE, .handle = NEW, .on = REGION, .len = LARGE));
	addr = peer_value(p, 0);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = NEW + 1, .arg = VCM_MEMTYPE_1, .attr = VCM_COHERENT,
		   .len = LARGE));
	ck_ok(CALL(p, BACK, .on = NEW, .target = NEW + 1));
	ck_assert_int_eq(look(), 0);
}

START_TEST(an_arena_ends_when_no_device_reaches_it)
{
	const struct op ops[] = { { .code = OP_UNBACK, .on = NEW },
				  { .code = OP_PHYS_FREE, .on = NEW + 1 } };

	setup();
	back_large();
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(n_tries, 1);
	teardown();
}
END_TEST

START_TEST(memory_is_zeroed_when_no_device_reaches_it)
{
	const struct op ops[] = { { .code = OP_UNBACK, .on = BACKED },
				  { .code = OP_PHYS_FREE, .on = MEM } };

	setup();
	addr = REGION_AT + SZ_64K;
	ck_assert_int_eq(look(), 0);
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(n_tries, 1);
	teardown();
}
END_TEST

START_TEST(a_session_that_ends_takes_its_memory_from_devices_first)
{
	setup();
	back_large();
	world_kill(w, p);
	world_settle(w);
	ck_assert_uint_ge(n_tries, 2); /* its large arena, and its granules */
	teardown();
}
END_TEST

/* A device finds what a request has mapped, and then the request fails. */
START_TEST(what_a_failed_request_had_goes_when_no_device_reaches_it)
{
	const struct op ops[] = {
		{ .code = OP_PHYS_ALLOC,
		  .handle = NEW + 1,
		  .arg = VCM_MEMTYPE_1,
		  .attr = VCM_COHERENT,
		  .len = LARGE },
		{ .code = OP_BACK, .on = NEW, .target = NEW + 1 },
	};

	setup();
	ck_ok(CALL(p, RESERVE, .handle = NEW, .on = REGION, .len = LARGE));
	addr = peer_value(p, 0);
	looks_before_undo = true;
	w->broker->fail_stage = STAGE_JOURNAL;
	ck_status(BATCH(p, ops), -ENOMEM);
	looks_before_undo = false;
	ck_assert_uint_eq(n_tries, 1);
	teardown();
}
END_TEST

/* The mark makes the next broker doubt all that devices have through VFIO, if this one dies meanwhile. */
START_TEST(what_no_real_device_sees_leaves_no_doubt)
{
	setup();
	n_marks = 0;
	back_large();
	ck_ok(CALL(p, UNBACK, .on = NEW));
	ck_ok(CALL(p, DEACTIVATE, .on = AVCM));
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	ck_assert_uint_eq(n_marks, 0);
	teardown();
}
END_TEST

/* In the middle of a restart the SMMUs may be settled alone, for want of table memory: VFIO's mappings are doubtful still. */
START_TEST(what_is_settled_in_part_leaves_the_doubt)
{
	struct reason why = { "" };

	setup();
	mark_stick(machine_mark(w->broker->machine));
	ck_assert_int_eq(machine_settle_physical(w->broker->machine, &why), 0);
	ck_assert(machine_mark(w->broker->machine)->sticks);
	ck_assert_int_eq(machine_settle(w->broker->machine, &why), 0);
	ck_assert(!machine_mark(w->broker->machine)->sticks);
	teardown();
}
END_TEST

SUITE_MAIN("order", an_arena_ends_when_no_device_reaches_it,
	   memory_is_zeroed_when_no_device_reaches_it,
	   a_session_that_ends_takes_its_memory_from_devices_first,
	   what_a_failed_request_had_goes_when_no_device_reaches_it,
	   what_no_real_device_sees_leaves_no_doubt, what_is_settled_in_part_leaves_the_doubt)
