// SPDX-License-Identifier: BSD-3-Clause
#include "graph/graph.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/space.h"

/* What a process may be given addresses in: page 0 stays out. */
#ifdef __aarch64__
#define USER_BITS 48
#else
#define USER_BITS 47
#endif
static const struct range user_window = { PAGE_LEN, (UINT64_C(1) << USER_BITS) - 1 };

struct graph *graph_new(struct range kernel_window)
{
	struct graph *g = mem_new0(struct graph);

	if (!g)
		return NULL;
	TAILQ_INIT(&g->devices);
	TAILQ_INIT(&g->pools);
	TAILQ_INIT(&g->windows);
	RB_INIT(&g->users);
	RB_INIT(&g->sessions);
	RB_INIT(&g->extents);
	RB_INIT(&g->grants);
	g->kernel_window = kernel_window;
	g->user_window = user_window;
	g->kernel = space_new(kernel_window);
	return g->kernel ? g : graph_free(g);
}

static void free_devices(struct graph *g)
{
	struct device *d, *next;

	TAILQ_FOREACH_SAFE(d, &g->devices, link, next) {
		assert(TAILQ_EMPTY(&d->active));
		mem_free(d->name);
		mem_free(d);
	}
}

static void free_windows(struct graph *g)
{
	struct physmem *m, *next;

	TAILQ_FOREACH_SAFE(m, &g->windows, link, next) {
		assert(!m->aliases.n);
		mem_free(m->extents);
		mem_free(m);
	}
}

struct graph *graph_free(struct graph *g)
{
	struct pool *pool, *next_pool;
	struct user *u, *next_user;

	if (!g)
		return NULL;
	assert(RB_EMPTY(&g->sessions));
	TAILQ_FOREACH_SAFE(pool, &g->pools, link, next_pool)
		pool_free(pool);
	RB_FOREACH_SAFE(u, user_tree, &g->users, next_user) {
		RB_REMOVE(user_tree, &g->users, u);
		mem_free(u);
	}
	free_devices(g);
	free_windows(g);
	space_free(g->kernel);
	return mem_free(g);
}

static bool meets_memory(const struct graph *g, struct range r)
{
	const struct physmem *m;
	const struct pool *pool;

	TAILQ_FOREACH(pool, &g->pools, link)
		for (size_t i = 0; i < pool->n_ranges; i++)
			if (range_meets(pool->ranges[i], r))
				return true;
	TAILQ_FOREACH(m, &g->windows, link)
		if (range_meets(m->extents[0].pa, r))
			return true;
	return false;
}

int graph_add_window(struct graph *g, struct range r)
{
	struct physmem *m;

	if (meets_memory(g, r))
		return -EEXIST;
	m = mem_new0(struct physmem);
	if (!m)
		return -ENOMEM;
	m->extents = mem_new0(struct extent);
	if (!m->extents) {
		mem_free(m);
		return -ENOMEM;
	}
	m->n_extents = 1;
	m->extents[0] = (struct extent){ .physmem = m, .pa = r };
	m->len = range_len(r);
	m->id = ++g->next_id;
	physmem_init(m);
	TAILQ_INSERT_TAIL(&g->windows, m, link);
	RB_INSERT(extent_tree, &g->extents, &m->extents[0]);
	return 0;
}
