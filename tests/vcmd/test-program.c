// SPDX-License-Identifier: BSD-3-Clause
/* What hardware fails to do, and what is left then. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <vcm/inspect.h>

#include "backend/backend.h"
#include "backend/sim/sim.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/fingerprint.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/machine.h"

static const char two_banks[] =
	"stock = 0\n"
	"memtype 0 { pool { ranges = {\"0x40000000+256M\"} contiguous = 64M } }\n"
	"smmu s { base = 0x1000000\n banks = 2\n context a { mid = 0 }\n context b { mid = 1 }\n"
	"context c { mid = 2 } }\n";

START_TEST(hardware_that_does_not_enable_is_minus_one)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);

	ck_ok(CALL(p, SIM_FAIL, .target = d.mdp0, .arg = SIM_FAIL_ENABLE, .len = 1));
	ck_status(CALL(p, ACTIVATE, .on = IDLE_AVCM), -1);
	ck_assert(p->reply.reason[0]);
	ck_ok(CALL(p, ASSOC_INFO, .on = IDLE_AVCM));
	ck_assert_uint_eq(peer_value(p, 3), 0);
	ck_ok(CALL(p, ACTIVATE, .on = IDLE_AVCM));
	world_free(w);
}
END_TEST

START_TEST(hardware_that_does_not_disable_is_minus_one)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);

	ck_ok(CALL(p, SIM_FAIL, .target = d.a_mm1, .arg = SIM_FAIL_DISABLE, .len = 1));
	ck_status(CALL(p, DEACTIVATE, .on = AVCM), -1);
	ck_ok(CALL(p, ASSOC_INFO, .on = AVCM));
	ck_assert_uint_eq(peer_value(p, 3), 1);
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4));
	ck_ok(CALL(p, DEACTIVATE, .on = AVCM));
	world_free(w);
}
END_TEST

START_TEST(a_translation_that_fails_would_fault)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);

	ck_ok(CALL(p, SIM_FAIL, .target = d.a_mm1, .arg = SIM_FAIL_TRANSLATE, .len = 1));
	ck_status(CALL(p, DEV_TO_PHYS, .target = d.a_mm1, .addr = REGION_AT + SZ_64K), -EFAULT);
	ck_ok(CALL(p, DEV_TO_PHYS, .target = d.a_mm1, .addr = REGION_AT + SZ_64K));
	world_free(w);
}
END_TEST

/* A batch fails in its last step: everything before it is undone on the hardware. */
START_TEST(a_failed_activation_undoes_its_batch)
{
	const struct op ops[] = {
		{ .code = OP_UNBACK, .on = BACKED },
		{ .code = OP_BACK, .on = BACKED, .target = SPARE },
		{ .code = OP_DEACTIVATE, .on = ONE_AVCM },
		{ .code = OP_VCM_CREATE, .handle = NEW, .addr = 0x20000000, .len = SZ_1M },
		{ .code = OP_ACTIVATE, .on = IDLE_AVCM },
	};
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	char *before, *after;

	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "stays",
		   .n_data = 5));
	before = fingerprint(w, p);
	ck_ok(CALL(p, SIM_FAIL, .target = d.mdp0, .arg = SIM_FAIL_ENABLE, .len = 1));
	ck_status(BATCH(p, ops), -1);
	after = fingerprint(w, p);
	ck_same_fingerprint("batch", before, after);
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 5));
	ck_assert_mem_eq(p->reply.data, "stays", 5);
	free(before);
	free(after);
	world_free(w);
}
END_TEST

START_TEST(without_a_bank_activation_is_enodev)
{
	static const char *const names[] = { "a", "b", "c" };
	struct world *w = world_new(two_banks);
	struct peer *p = world_peer(w);

	for (uint32_t i = 0; i < 3; i++) {
		ck_ok(CALL(p, VCM_CREATE, .handle = 1 + 2 * i, .addr = SZ_1M, .len = SZ_1M));
		ck_ok(CALL(p, ASSOC, .handle = 2 + 2 * i, .on = 1 + 2 * i,
			   .target = peer_device(p, names[i])));
		ck_status(CALL(p, ACTIVATE, .on = 2 + 2 * i), i < 2 ? 0 : -ENODEV);
	}
	ck_ok(CALL(p, DEACTIVATE, .on = 2));
	ck_ok(CALL(p, ACTIVATE, .on = 6));
	world_free(w);
}
END_TEST

/* --- rights that change in part */

static struct table_ops partial;
static bool fails_once;
static int (*real_protect)(struct table *t, uint64_t va, uint64_t len, struct map_attr attr);

static int protect_in_part(struct table *t, uint64_t va, uint64_t len, struct map_attr attr)
{
	int r = real_protect(t, va, fails_once ? SZ_4K : len, attr);

	if (!fails_once)
		return r;
	fails_once = false;
	return -EIO;
}

START_TEST(rights_that_cannot_change_everywhere_change_nowhere)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	const struct machine_device *hw = device_by_number(w->broker->graph, d.a_mm1)->hw;

	partial = *hw->backend->format;
	real_protect = partial.protect;
	partial.protect = protect_in_part;
	hw->backend->format = &partial;
	fails_once = true;
	ck_status(CALL(p, RES_SET_ATTR, .on = BACKED, .attr = VCM_READ), -EIO);
	ck_assert(!fails_once);
	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "q",
		   .n_data = 1));
	ck_ok(CALL(p, RES_SET_ATTR, .on = BACKED, .attr = VCM_READ));
	ck_status(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "q",
		       .n_data = 1),
		  -EFAULT);
	world_free(w);
}
END_TEST

/* --- what cannot be unmapped */

static struct table_ops broken;
static bool breaks;
static int (*real_unmap)(struct table *t, uint64_t va, uint64_t len);

static int broken_unmap(struct table *t, uint64_t va, uint64_t len)
{
	return breaks ? -EIO : real_unmap(t, va, len);
}

static void break_unmap(struct world *w)
{
	struct device *d;

	TAILQ_FOREACH(d, &w->broker->graph->devices, link) {
		struct machine_device *hw = d->hw;

		if (!hw->backend || hw->backend->format == &broken)
			continue;
		broken = *hw->backend->format;
		real_unmap = broken.unmap;
		broken.unmap = broken_unmap;
		hw->backend->format = &broken;
	}
}

START_TEST(what_cannot_be_unmapped_is_never_given_to_anybody)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d;
	const struct op drop[] = { { .code = OP_UNBACK, .on = BACKED },
				   { .code = OP_PHYS_FREE, .on = MEM } };

	break_unmap(w);
	d = stage_set(p);
	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "q",
		   .n_data = 1));
	breaks = true;
	ck_ok(BATCH(p, drop));
	breaks = false;
	world_check(w);
	/* The device still reaches the page: so it has stayed nobody's. */
	for (uint32_t i = 0; i < 15; i++)
		ck_ok(CALL(p, PHYS_ALLOC, .handle = NEW + i, .arg = 1,
			   .len = i < 10 ? SZ_64K : SZ_16M));
	for (uint32_t i = 0; i < 10; i++) {
		uint64_t pa;

		ck_ok(CALL(p, PHYS_NEXT, .on = NEW + i));
		pa = peer_value(p, 0);
		ck_status(CALL(p, DEV_TO_PHYS, .target = d.a_mm1, .addr = REGION_AT + SZ_64K), 0);
		ck_assert_uint_ne(peer_value(p, 0), pa);
	}
	ck_assert_uint_gt(w->broker->n_quarantined, 0);
	ck_ok(CALL(p, BYE));
	world_free(w);
}
END_TEST

/* A sole arena that its own plan would have ended. */
START_TEST(an_arena_that_is_ending_is_quarantined_too)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d;
	const struct op take[] = {
		{ .code = OP_PHYS_ALLOC,
		  .handle = NEW,
		  .arg = 1,
		  .len = 5 * SZ_16M,
		  .attr = VCM_COHERENT },
		{ .code = OP_VCM_CREATE, .handle = NEW + 3, .addr = 0x80000000, .len = 6 * SZ_16M },
		{ .code = OP_ASSOC, .handle = NEW + 4, .on = NEW + 3, .target = 3 },
		{ .code = OP_ACTIVATE, .on = NEW + 4 },
		{ .code = OP_RESERVE, .handle = NEW + 1, .on = NEW + 3, .len = 5 * SZ_16M },
		{ .code = OP_BACK, .on = NEW + 1, .target = NEW },
	};
	const struct op drop[] = { { .code = OP_UNBACK, .on = NEW + 1 },
				   { .code = OP_PHYS_FREE, .on = NEW } };

	break_unmap(w);
	d = stage_set(p);
	ck_ok(BATCH(p, take));
	breaks = true;
	ck_ok(BATCH(p, drop));
	breaks = false;
	world_check(w);
	ck_assert_uint_eq(w->broker->n_quarantined, 5 * SZ_16M);
	ck_ok(CALL(p, SIM_READ, .target = d.a_stream, .addr = 0x80000000, .len = 1));
	ck_ok(CALL(p, BYE));
	world_free(w);
}
END_TEST

/* The devices of a session that ends are quiet all the same. */
START_TEST(a_session_with_hardware_that_fails_ends_all_the_same)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w), *other = world_peer(w);
	struct stage_devices d = stage_set(p);

	ck_ok(CALL(other, SIM_FAIL, .target = d.a_mm1, .arg = SIM_FAIL_DISABLE, .len = 1));
	world_kill(w, p);
	world_settle(w);
	ck_assert_uint_eq(w->broker->graph->n_active, 0);
	ck_status(CALL(other, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4),
		  -EFAULT);
	world_free(w);
}
END_TEST

/* --- how memory is mapped */

static struct table_ops noting;
static struct map_attr mapped; /* the last */
static int (*real_map)(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		       struct map_attr attr);

static int note_map(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		    struct map_attr attr)
{
	mapped = attr;
	return real_map(t, va, pa, len, sizes, attr);
}

static void note_maps(struct format *format)
{
	struct backend *b = format->hw;

	noting = *b->format;
	real_map = noting.map;
	noting.map = note_map;
	b->format = &noting;
}

/* How a mapping with that policy arrives at the table. */
static struct map_attr back_with(struct peer *p, uint32_t policy)
{
	ck_ok(CALL(p, RESERVE, .handle = NEW, .on = REGION, .attr = VCM_READ | VCM_WRITE | policy,
		   .len = SZ_64K));
	ck_ok(CALL(p, BACK, .on = NEW, .target = SPARE));
	ck_ok(CALL(p, UNBACK, .on = NEW));
	ck_ok(CALL(p, UNRESERVE, .on = NEW));
	return mapped;
}

static void set_sources(struct world *w, enum memory_source source)
{
	for (size_t i = 0; i < w->config->n_pools; i++)
		w->config->pools[i].source = source;
}

static enum memory_view view;

enum memory_view __wrap_memory_view_of(struct memory *m, uint64_t pa);

enum memory_view __wrap_memory_view_of(struct memory *m _unused_, uint64_t pa _unused_)
{
	return view;
}

/* What the CPU has in its caches is seen there, whatever the reservation says, and so is what it has in none; other memory is as
 * it says. */
START_TEST(memory_is_mapped_for_devices_as_the_cpu_has_it)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct device *device = device_by_number(w->broker->graph, peer_device(p, "vcodec_a_mm1"));
	struct format format = *device->format;

	device->format = &format; /* of its own, before anything has a table of it */
	stage_set(p);
	note_maps(&format);
	for (uint32_t policy = VCM_NOTCACHED; policy <= VCM_OUTER_WB_NWA; policy++)
		ck_assert(back_with(p, policy).cache == policy && !mapped.shareable);
	format.physical = true;
	set_sources(w, SOURCE_PAGEMAP);
	for (uint32_t policy = VCM_NOTCACHED; policy <= VCM_OUTER_WB_NWA; policy++)
		ck_assert(back_with(p, policy).cache == policy && !mapped.shareable);
	view = MEMORY_VIEW_UNCACHED;
	for (uint32_t policy = VCM_NOTCACHED; policy <= VCM_OUTER_WB_NWA; policy++)
		ck_assert(back_with(p, policy).cache == VCM_NOTCACHED && !mapped.shareable);
	view = MEMORY_VIEW_CACHED;
	for (uint32_t policy = VCM_NOTCACHED; policy <= VCM_OUTER_WB_NWA; policy++) {
		ck_assert(back_with(p, policy).shareable);
		ck_assert_uint_eq(mapped.cache, policy == VCM_WB_NWA ? VCM_WB_NWA : VCM_WB_WA);
	}
	set_sources(w, SOURCE_MEMFD);
	format.physical = false;
	world_free(w);
}
END_TEST

SUITE_MAIN("program", hardware_that_does_not_enable_is_minus_one,
	   hardware_that_does_not_disable_is_minus_one, a_translation_that_fails_would_fault,
	   a_failed_activation_undoes_its_batch, without_a_bank_activation_is_enodev,
	   rights_that_cannot_change_everywhere_change_nowhere,
	   what_cannot_be_unmapped_is_never_given_to_anybody,
	   an_arena_that_is_ending_is_quarantined_too,
	   a_session_with_hardware_that_fails_ends_all_the_same,
	   memory_is_mapped_for_devices_as_the_cpu_has_it)
