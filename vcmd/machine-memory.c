// SPDX-License-Identifier: BSD-3-Clause
/*
 * The memory of the machine: pools in the graph, the windows and huge pages that some of them lie in, and table memory
 * for hardware.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <vcm/attr.h>

#include "backend/uio/window.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "graph/arena.h"
#include "graph/graph.h"
#include "graph/pool.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config-change.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"

/* Addresses that are known at start only. */
struct ranges {
	struct range *list;
	size_t n;
};

static void ranges_deinit(struct ranges *r)
{
	mem_free(r->list);
}

/* --- windows */

/* O_SYNC: not cached, whatever the kernel would make of the address (phys_mem_access_prot() of Linux). */
static int open_file(const char *path, struct reason *why)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);

	return fd < 0 ? refuse(why, -errno, "%s: %s", path, strerror(errno)) : fd;
}

/* The region begins where the pool does. */
static int find_device(const struct config_pool *c, struct window_place *out, struct reason *why)
{
	struct window_uio_config config = { .name = c->bytes.device,
					    .map = c->bytes.region,
					    .len = c->ranges[c->n_ranges - 1].last + 1 -
						   c->ranges[0].first };
	int r = window_find_uio(&config, out, why);

	if (r == 0 && out->base != c->ranges[0].first)
		return refuse(why, -EINVAL,
			      "region %u of UIO device %s is at 0x%" PRIx64
			      ", its pool begins at 0x%" PRIx64,
			      c->bytes.region, c->bytes.device, out->base, c->ranges[0].first);
	return r;
}

static int add_window(struct memory *memory, const char *path, struct range pa, uint64_t offset,
		      struct reason *why)
{
	_cleanup_(fd_closep) int fd = open_file(path, why);
	int r = fd < 0 ? fd : memory_window_add(memory, pa, fd, offset, why);

	if (r == 0)
		steal_fd(&fd);
	return r;
}

/* A region of a UIO device is mapped from its beginning only: one window for all ranges. */
static int add_device_window(struct memory *memory, const struct config_pool *c, struct reason *why)
{
	struct window_place place;
	int r = find_device(c, &place, why);

	if (r < 0)
		return r;
	return add_window(memory, place.path,
			  (struct range){ place.base, place.base + (place.len - 1) }, place.offset,
			  why);
}

static int add_windows(struct memory *memory, const struct config_pool *c, struct reason *why)
{
	int r = 0;

	if (c->bytes.device)
		return add_device_window(memory, c, why);
	for (size_t i = 0; i < c->n_ranges && r == 0; i++)
		r = add_window(memory, c->bytes.file, c->ranges[i],
			       c->bytes.offset + (c->ranges[i].first - c->ranges[0].first), why);
	return r;
}

/* --- huge pages */

static int check_page_against(struct range page, struct range r, const char *what,
			      struct reason *why)
{
	if (!range_meets(r, page))
		return 0;
	return refuse(why, -EEXIST,
		      "memory of the kernel is at 0x%" PRIx64 ", in %s at 0x%" PRIx64
		      ": give that other addresses",
		      page.first, what, r.first);
}

static int check_page_against_pool(struct range page, const struct config_pool *c, const char *what,
				   struct reason *why)
{
	int r = 0;

	for (size_t i = 0; i < c->n_ranges && r == 0; i++)
		r = check_page_against(page, c->ranges[i], what, why);
	return r;
}

/* Addresses of the configuration that a page of the kernel's turns out to be at: then one of the two is invented. */
static int check_page(const struct config *config, struct range page, struct reason *why)
{
	int r = check_page_against(page, config->memory.tables, "the broker's own tables", why);

	if (r == 0 && config->table_memory)
		r = check_page_against_pool(page, config->table_memory, "table-memory", why);
	for (size_t i = 0; i < config->n_pools && r == 0; i++)
		r = check_page_against_pool(page, &config->pools[i], "a pool", why);
	for (size_t i = 0; i < config->n_windows && r == 0; i++)
		r = check_page_against(page, config->windows[i].range, "a window", why);
	return r;
}

static int add_pages(struct machine *m, unsigned int set, uint64_t len, struct ranges *out,
		     struct reason *why)
{
	size_t n = len / SZ_2M;
	int r = 0;

	out->list = mem_zalloc_n(n, sizeof(*out->list));
	if (!out->list)
		return refuse(why, -ENOMEM, "no memory for the pools");
	for (; out->n < n && r == 0; out->n += r == 0) {
		r = machine_pages_get(machine_pages(m), set, &out->list[out->n], why);
		if (r == 0)
			r = check_page(machine_config(m), out->list[out->n], why);
	}
	return r;
}

/* --- where the bytes of a pool are, and at which addresses */

/* set: of pages */
static int add_bytes(struct machine *m, const struct config_pool *c, unsigned int set,
		     struct ranges *found, struct reason *why)
{
	if (c->source == SOURCE_WINDOW)
		return add_windows(machine_broker(m)->memory, c, why);
	if (c->source == SOURCE_PAGEMAP)
		return add_pages(m, set, c->len, found, why);
	return 0;
}

static int add_pool(struct machine *m, const struct config_pool *c, struct reason *why)
{
	_cleanup_(ranges_deinit) struct ranges found = { 0 };
	int r = add_bytes(m, c, c->memtype + 1, &found, why);
	struct pool_config pool = { .memtype = c->memtype + 1,
				    .ranges = found.n ? found.list : c->ranges,
				    .n_ranges = found.n ? found.n : c->n_ranges,
				    .cont_len = c->cont_len,
				    .granule = c->granule,
				    .secure = c->secure,
				    .hw = c };

	if (r < 0)
		return r;
	return pool_new(machine_broker(m)->graph, &pool) ?
		       0 :
		       refuse(why, -ENOMEM, "no memory for the pools");
}

static int add_table_memory(struct machine *m, const struct config_pool *c, struct reason *why)
{
	_cleanup_(ranges_deinit) struct ranges found = { 0 };
	int r = add_bytes(m, c, MACHINE_PAGES_TABLES, &found, why);
	const struct range *ranges = found.n ? found.list : c->ranges;
	size_t n = found.n ? found.n : c->n_ranges;
	bool uncached;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = memory_bus_tables_add(machine_broker(m)->memory, ranges[i], &uncached, why);
		if (r == 0 && uncached)
			machine_note_uncached_tables(m);
	}
	return r;
}

/*
 * Memory that is in the caches of whoever maps it, the broker's zeroes too: hardware that went past those would read what is old,
 * and lose what it has written to a line that is written back later. What writes through, or is cached at one level only, goes
 * past some of them. And the other way around where the CPU goes past them.
 */
void machine_agree(const struct machine *m, uint64_t pa, struct map_attr *attr)
{
	switch (memory_view_of(machine_broker(m)->memory, pa)) {
	case MEMORY_VIEW_UNKNOWN:
		break;
	case MEMORY_VIEW_CACHED:
		attr->shareable = true;
		if (attr->cache != VCM_WB_NWA)
			attr->cache = VCM_WB_WA;
		break;
	case MEMORY_VIEW_UNCACHED:
		attr->cache = VCM_NOTCACHED;
		break;
	}
}

void machine_arena_ended(struct machine *m, const struct arena *a, int r)
{
	uint64_t pa = align_down(a->range.first, SZ_2M);

	if (r > 0)
		machine_pages_renew(machine_pages(m), a->pool->memtype, pa);
	else if (r < 0)
		machine_pages_lose(machine_pages(m), a->pool->memtype, pa);
}

/* Pages of the kernel's are at addresses that no configuration says. */
static int check_free(const struct graph *g, const struct config_pool *c, struct reason *why)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &g->pools, link)
		for (size_t i = 0; i < p->n_ranges; i++)
			for (size_t j = 0; j < c->n_ranges; j++)
				if (range_meets(p->ranges[i], c->ranges[j]))
					return refuse(why, -EINVAL,
						      "memtype %u: the new pool at 0x%" PRIx64
						      " meets memory that is in service",
						      c->memtype, c->ranges[j].first);
	return 0;
}

static bool has_smmuv3(const struct config *c)
{
	bool any = false;

	for (size_t i = 0; i < c->n_smmus; i++)
		any |= c->smmus[i].v3;
	return any;
}

int machine_add_pools(struct machine *m, const struct config *to, struct reason *why)
{
	int r = 0;

	for (size_t i = 0; i < to->n_pools && r == 0; i++) {
		if (config_find_pool(machine_config(m), &to->pools[i]))
			continue;
		r = check_free(machine_broker(m)->graph, &to->pools[i], why);
		if (r == 0)
			r = add_pool(m, &to->pools[i], why);
	}
	machine_pages_sync(machine_pages(m), has_smmuv3(machine_config(m)));
	return r;
}

int machine_add_memory(struct machine *m, struct reason *why)
{
	const struct config *config = machine_config(m);
	int r = config->table_memory ? add_table_memory(m, config->table_memory, why) : 0;

	for (size_t i = 0; i < config->n_pools && r == 0; i++)
		r = add_pool(m, &config->pools[i], why);
	for (size_t i = 0; i < config->n_windows && r == 0; i++) {
		r = graph_add_window(machine_broker(m)->graph, config->windows[i].range);
		if (r < 0)
			refuse(why, r, "window at 0x%llx: it meets other memory",
			       (unsigned long long)config->windows[i].range.first);
	}
	machine_pages_sync(machine_pages(m), has_smmuv3(config));
	return r;
}
