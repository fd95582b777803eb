/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mapping graph: all that the broker knows of who reserved what, what backs it, and which devices see it. Pure: it
 * opens nothing, waits for nothing, asks no clock. It changes through plans only (graph/plan.h).
 *
 *	device <--- avcm --- vcm <--- res --- physmem ---> extents of arenas of pools
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/device.h"
#include "graph/grant.h"
#include "graph/physmem.h"
#include "graph/pool.h"
#include "graph/session.h"
#include "graph/user.h"

struct space;

struct graph {
	struct device_list devices;
	uint32_t n_devices;
	struct pool_list pools;
	struct user_tree users;
	struct session_tree sessions;
	size_t n_sessions;
	struct extent_tree
		extents; /* of all physmems that own memory, by physical address; they never meet */
	struct grant_tree grants;
	struct physmem_list windows; /* memory that vcm_map_phys_addr() may name without a physmem */
	struct space *kernel;        /* addresses of VCM_PREBUILT_KERNEL, shared by all sessions */
	struct range kernel_window, user_window;
	uint64_t next_session, next_id;
	uint32_t next_arena;
	uint64_t n_objects, n_active;
	/*
	 * What was done that is more than O(log n): objects walked or cloned, and runs and entries of tables written. In units
	 * of about 1 us.
	 */
	uint64_t work;
};

/* NULL without memory. */
struct graph *graph_new(struct range kernel_window);
/* No session is left (asserted). Returns NULL; NULL is fine. */
struct graph *graph_free(struct graph *g);
/* Memory that physmems of vcm_map_phys_addr() may lie in. 0, -EEXIST (meets other memory), -ENOMEM. */
int graph_add_window(struct graph *g, struct range r);
/* Asserts everything that must always hold, walking the whole graph. For tests. */
void graph_check(struct graph *g);
