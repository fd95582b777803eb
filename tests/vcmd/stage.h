/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session with one of everything, on which suites try what is refused and what fails.
 *
 *	REGION 16 MB at 0x10000000, active on vcodec_a_mm1
 *		RES (bare), BACKED (by MEM), BOUND with IN_BOUND
 *	LOOSE	a region without association, with LOOSE_RES
 *	IDLE	a region whose association IDLE_AVCM with mdp_port0 is not active, with IDLE_RES
 *	USER	the prebuilt user vcm, active on cpu, with USER_RES
 *	ONE	one-to-one over memtype 0's contiguous region, active on dma0
 *	MEM, SPARE (64 KB each), CONT (64 KB in one run)
 */
#pragma once

#include <check.h>

#include <vcm/attr.h>

#include "base/range.h"
#include "tests/vcmd/world.h"

enum stage_handle {
	REGION = 1,
	RES,
	BACKED,
	AVCM,
	MEM,
	BOUND,
	IN_BOUND,
	LOOSE,
	LOOSE_RES,
	IDLE,
	IDLE_AVCM,
	IDLE_RES,
	USER,
	USER_AVCM,
	USER_RES,
	ONE,
	ONE_AVCM,
	ONE_RES,
	SPARE,
	CONT,
	NEW = 40,
	NOBODY = 60,
};

#define REGION_AT 0x10000000u
#define USER_AT 0x7f0000000000u

struct stage_devices {
	uint32_t cpu, a_mm1, a_stream, b_mm2, mdp0, mdp1, dma;
};

static inline struct stage_devices stage_devices(struct peer *p)
{
	return (struct stage_devices){ .cpu = peer_device(p, "cpu"),
				       .a_mm1 = peer_device(p, "vcodec_a_mm1"),
				       .a_stream = peer_device(p, "vcodec_a_stream"),
				       .b_mm2 = peer_device(p, "vcodec_b_mm2"),
				       .mdp0 = peer_device(p, "mdp_port0"),
				       .mdp1 = peer_device(p, "mdp_port1"),
				       .dma = peer_device(p, "dma0") };
}

/* In one batch. */
static inline struct stage_devices stage_set(struct peer *p)
{
	struct stage_devices d = stage_devices(p);
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M },
		{ .code = OP_ASSOC, .handle = AVCM, .on = REGION, .target = d.a_mm1 },
		{ .code = OP_ACTIVATE, .on = AVCM },
		{ .code = OP_RESERVE, .handle = RES, .on = REGION, .len = SZ_64K },
		{ .code = OP_RESERVE, .handle = BACKED, .on = REGION, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = MEM, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
		{ .code = OP_BACK, .on = BACKED, .target = MEM },
		{ .code = OP_BOUND_CREATE, .handle = BOUND, .on = REGION, .len = SZ_1M },
		{ .code = OP_RESERVE_BOUND, .handle = IN_BOUND, .on = BOUND, .len = SZ_4K },
		{ .code = OP_VCM_CREATE, .handle = LOOSE, .addr = 0x20000000, .len = SZ_1M },
		{ .code = OP_RESERVE, .handle = LOOSE_RES, .on = LOOSE, .len = SZ_64K },
		{ .code = OP_VCM_CREATE, .handle = IDLE, .addr = 0x30000000, .len = SZ_1M },
		{ .code = OP_ASSOC, .handle = IDLE_AVCM, .on = IDLE, .target = d.mdp0 },
		{ .code = OP_RESERVE, .handle = IDLE_RES, .on = IDLE, .len = SZ_64K },
		{ .code = OP_VCM_PREBUILT, .handle = USER, .arg = VCM_PREBUILT_USER },
		{ .code = OP_ASSOC, .handle = USER_AVCM, .on = USER, .target = d.cpu },
		{ .code = OP_ACTIVATE, .on = USER_AVCM },
		{ .code = OP_RESERVE,
		  .handle = USER_RES,
		  .on = USER,
		  .len = SZ_64K,
		  .addr = USER_AT },
		{ .code = OP_VCM_CREATE, .handle = ONE, .addr = 0x40000000, .len = 64 * SZ_1M },
		{ .code = OP_ASSOC, .handle = ONE_AVCM, .on = ONE, .target = d.dma },
		{ .code = OP_ACTIVATE, .on = ONE_AVCM },
		{ .code = OP_RESERVE, .handle = ONE_RES, .on = ONE, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = SPARE, .arg = VCM_MEMTYPE_1, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC,
		  .handle = CONT,
		  .arg = VCM_MEMTYPE_0,
		  .len = SZ_64K,
		  .attr = VCM_PHYS_CONT },
	};

	ck_ok(BATCH(p, ops));
	return d;
}
