// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/machine.h"

#include <bsd/sys/queue.h>
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config-change.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/machine-kind.h"
#include "vcmd/mark.h"
#include "vcmd/restore.h"
#include "vcmd/store.h"

/* What the machine has and gives back, newest first. */
struct kept {
	SLIST_ENTRY(kept) link;
	void *thing;
	void (*free)(void *thing);
};

struct machine_unit {
	STAILQ_ENTRY(machine_unit) link;
	struct machine *machine;
	struct machine_backend is;
	const struct format *format;
	struct loop_fd *watch;
};

struct machine {
	struct broker *broker;
	struct bus bus, real_bus;
	bool uncached_tables;
	bool resuming; /* all are there, and what an earlier broker has left is not settled yet */
	void *smmuv3s;
	struct mark mark;
	struct machine_pages pages;
	SLIST_HEAD(, kept) kept;
	STAILQ_HEAD(, machine_unit) units;
	machine_fault_fn fault;
	void *fault_ctx;
};

#define FAULTS_A_TURN 64
#define N_KINDS 3
static const struct machine_kind *const kinds[N_KINDS] = { &machine_smmu, &machine_smmuv3,
							   &machine_vfio };

/* --- the bus */

static int bus_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	return memory_read(ctx, pa, buf, len);
}

static int bus_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	return memory_write(ctx, pa, buf, len);
}

static void *bus_view(void *ctx, uint64_t pa, size_t len)
{
	return memory_table_view(ctx, pa, len);
}

static int bus_table_alloc(void *ctx, size_t len, uint64_t *out_pa)
{
	return memory_table_alloc(ctx, len, out_pa);
}

static struct memory *memory_of(void *ctx)
{
	return ((struct machine *)ctx)->broker->memory;
}

static int real_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	return memory_read(memory_of(ctx), pa, buf, len);
}

static int real_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	return memory_write(memory_of(ctx), pa, buf, len);
}

static void *real_view(void *ctx, uint64_t pa, size_t len)
{
	return memory_table_view(memory_of(ctx), pa, len);
}

static void real_table_free(void *ctx, uint64_t pa, size_t len)
{
	memory_table_free(memory_of(ctx), pa, len);
}

static int real_table_hold(void *ctx, uint64_t pa, size_t len)
{
	return memory_bus_table_hold(memory_of(ctx), pa, len);
}

static void real_table_take(void *ctx, uint64_t pa, size_t len)
{
	memory_bus_table_take(memory_of(ctx), pa, len);
}

int machine_settle_physical(struct machine *m, struct reason *why)
{
	const struct machine_unit *u;
	int r = 0;

	STAILQ_FOREACH(u, &m->units, link)
		if (r == 0 && u->is.physical && u->is.backend->ops->settle)
			r = u->is.backend->ops->settle(u->is.backend, why);
	if (r == 0)
		memory_bus_tables_release(m->broker->memory);
	m->resuming = r < 0;
	return r;
}

/* While tables are built beside those of the broker before this one there may be no room for both. */
static int real_table_alloc(void *ctx, size_t len, uint64_t *out_pa)
{
	struct machine *m = ctx;
	int r = memory_bus_table_alloc(memory_of(m), len, out_pa);
	struct reason why = { "" };

	if (r == 0 || !m->resuming)
		return r;
	log_warning(
		"table memory is too short for a restart that devices do not notice: what has not been activated "
		"again is aborted until it is");
	if (machine_settle_physical(m, &why) < 0) {
		log_error("%s", why.text);
		return r;
	}
	return memory_bus_table_alloc(memory_of(m), len, out_pa);
}

static void bus_table_free(void *ctx, uint64_t pa, size_t len)
{
	memory_table_free(ctx, pa, len);
}

static const struct bus_ops bus_ops = {
	.read = bus_read,
	.write = bus_write,
	.view = bus_view,
	.table_alloc = bus_table_alloc,
	.table_free = bus_table_free,
};

static const struct bus_ops real_bus_ops = {
	.read = real_read,
	.write = real_write,
	.view = real_view,
	.table_alloc = real_table_alloc,
	.table_free = real_table_free,
	.table_hold = real_table_hold,
	.table_take = real_table_take,
};

const struct bus *machine_bus(const struct machine *m)
{
	return &m->bus;
}

const struct bus *machine_real_bus(const struct machine *m)
{
	return &m->real_bus;
}

struct broker *machine_broker(const struct machine *m)
{
	return m->broker;
}

bool machine_tables_are_uncached(const struct machine *m)
{
	return m->uncached_tables;
}

void machine_note_uncached_tables(struct machine *m)
{
	m->uncached_tables = true;
}

struct machine_pages *machine_pages(struct machine *m)
{
	return &m->pages;
}

struct mark *machine_mark(struct machine *m)
{
	return &m->mark;
}

void **machine_smmuv3s(struct machine *m)
{
	return &m->smmuv3s;
}

const struct config *machine_config(const struct machine *m)
{
	return m->broker->config;
}

/* --- what is freed with the machine */

int machine_keep(struct machine *m, void *thing, void (*free)(void *thing), struct reason *why)
{
	struct kept *k = mem_new0(struct kept);

	if (!k) {
		free(thing);
		return refuse(why, -ENOMEM, "no memory for the machine");
	}
	k->thing = thing;
	k->free = free;
	SLIST_INSERT_HEAD(&m->kept, k, link);
	return 0;
}

static void free_thing(void *thing)
{
	mem_free(thing);
}

void *machine_keep_new(struct machine *m, size_t len, struct reason *why)
{
	void *thing = mem_zalloc(len);

	if (!thing)
		refuse(why, 0, "no memory for the machine");
	return thing && machine_keep(m, thing, free_thing, why) == 0 ? thing : NULL;
}

/* Down to what was the newest once. */
static void drop_kept(struct machine *m, const struct kept *newest)
{
	struct kept *k;

	while ((k = SLIST_FIRST(&m->kept)) != newest) {
		SLIST_REMOVE_HEAD(&m->kept, link);
		k->free(k->thing);
		mem_free(k);
	}
}

struct machine *machine_free(struct machine *m)
{
	if (!m)
		return NULL;
	drop_kept(m, NULL);
	mark_deinit(&m->mark);
	machine_pages_deinit(&m->pages);
	return mem_free(m);
}

/* --- devices */

static int add_device(struct machine *m, const char *name, enum device_kind kind,
		      const struct format *format, const struct machine_device *hw,
		      struct reason *why)
{
	struct machine_device *slot = machine_keep_new(m, sizeof(*slot), why);
	struct device_config config = { .name = name, .kind = kind, .format = format, .hw = slot };
	struct device *d;
	int r;

	if (!slot)
		return -ENOMEM;
	*slot = *hw;
	if (hw->backend && hw->backend->ops->reach)
		config.reach = hw->backend->ops->reach(hw->backend, hw->context, &config.n_reach);
	r = device_new(m->broker->graph, &config, &d);
	if (r == -EEXIST)
		return refuse(why, -EINVAL, "two devices are named %s", name);
	return r < 0 ? refuse(why, r, "no memory for the devices") : 0;
}

static const struct format *format_of(struct machine *m, const struct machine_backend *b,
				      struct reason *why)
{
	const struct table_ops *ops = b->backend->format;
	const struct machine_unit *u;
	struct backend_caps caps;
	struct format *format;

	STAILQ_FOREACH(u, &m->units, link)
		if (u->is.backend->format == ops &&
		    u->is.backend->format_ctx == b->backend->format_ctx)
			return u->format;
	format = machine_keep_new(m, sizeof(*format), why);
	if (!format)
		return NULL;
	b->backend->ops->caps(b->backend, &caps);
	*format = (struct format){ .name = ops->name,
				   .page_sizes = ops->page_sizes,
				   .va_bits = ops->va_bits,
				   .split = caps.split,
				   .physical = b->physical,
				   .hw = b->backend };
	return format;
}

static void free_backend(void *thing)
{
	struct backend *b = thing;

	b->ops->free(b);
}

static void free_watch(void *thing)
{
	struct machine_unit *u = thing;

	loop_unwatch(u->watch);
}

int machine_add_backend(struct machine *m, const struct machine_backend *b,
			struct machine_unit **out, struct reason *why)
{
	int r = machine_keep(m, b->backend, free_backend, why);
	struct machine_unit *u = r ? NULL : machine_keep_new(m, sizeof(*u), why);

	if (!u || machine_keep(m, u, free_watch, why) < 0)
		return -ENOMEM;
	u->machine = m;
	u->is = *b;
	u->format = format_of(m, b, why);
	if (!u->format)
		return -ENOMEM;
	STAILQ_INSERT_TAIL(&m->units, u, link);
	*out = u;
	return 0;
}

int machine_add_device(struct machine_unit *u, const char *name, const struct machine_device *of,
		       struct reason *why)
{
	struct backend *b = u->is.backend;
	int context = b->ops->context_by_name(b, name);
	struct machine_device hw = *of;

	if (context < 0)
		return refuse(why, context, "smmu %s has no context %s", u->is.name, name);
	hw.backend = b;
	hw.sim = u->is.sim;
	hw.smmu = of->smmu ? of->smmu : u->is.name;
	hw.context = (unsigned int)context;
	hw.base = u->is.base;
	return add_device(u->machine, name, DEVICE_IOMMU, u->format, &hw, why);
}

int machine_add_context(struct machine_unit *u, const char *name, unsigned int mid,
			const struct config_rule *allow, struct reason *why)
{
	return machine_add_device(u, name, &(struct machine_device){ .mid = mid, .allow = allow },
				  why);
}

static int add_master(struct machine *m, const struct config_master *c, struct reason *why)
{
	const struct machine_device hw = { .smmu = "", .allow = &c->allow };

	return add_device(m, c->name, DEVICE_ONE_TO_ONE, NULL, &hw, why);
}

static int add_devices(struct machine *m, struct reason *why)
{
	const struct config *config = m->broker->config;
	int r = add_device(m, "cpu", DEVICE_CPU, NULL, &(struct machine_device){ .smmu = "" }, why);

	for (size_t i = 0; i < N_KINDS && r == 0; i++)
		r = kinds[i]->add(m, why);
	for (size_t i = 0; i < config->n_masters && r == 0; i++)
		r = add_master(m, &config->masters[i], why);
	return r;
}

static int quiet_all(struct machine *m, struct reason *why)
{
	int r = 0;

	for (size_t i = 0; i < N_KINDS && r == 0; i++)
		if (kinds[i]->quiet)
			r = kinds[i]->quiet(m, why);
	return r;
}

struct machine *machine_new(struct broker *b, struct reason *why)
{
	struct machine *m = mem_new0(struct machine);

	if (!m) {
		refuse(why, 0, "no memory for the machine");
		return NULL;
	}
	m->broker = b;
	m->bus = (struct bus){ &bus_ops, b->memory };
	m->real_bus = (struct bus){ &real_bus_ops, m };
	machine_pages_init(&m->pages, b->store, b->memory);
	SLIST_INIT(&m->kept);
	STAILQ_INIT(&m->units);
	if (quiet_all(m, why) < 0)
		return machine_free(m);
	/* Now that no device reaches it, and before its memory is needed. */
	if (b->store && !store_is_kept(b->store))
		restore_give_up(b->store);
	if (machine_add_memory(m, why) < 0 || add_devices(m, why) < 0)
		return machine_free(m);
	m->resuming = machine_is_resumed(m);
	return m;
}

int machine_settle(struct machine *m, struct reason *why)
{
	const struct machine_unit *u;
	int r = 0;

	STAILQ_FOREACH(u, &m->units, link)
		if (r == 0 && !u->is.physical && u->is.backend->ops->settle)
			r = u->is.backend->ops->settle(u->is.backend, why);
	if (r == 0)
		r = machine_settle_physical(m, why);
	if (r == 0) {
		mark_settle(&m->mark);
		machine_pages_settle(&m->pages);
	}
	return r;
}

bool machine_is_resumed(const struct machine *m)
{
	const struct store *s = m->broker->store;

	return s && store_is_kept(s) && store_left(s, STORE_JOURNAL);
}

void machine_leave(struct machine *m)
{
	const struct machine_unit *u;

	STAILQ_FOREACH(u, &m->units, link)
		if (u->is.backend->ops->leave)
			u->is.backend->ops->leave(u->is.backend);
}

struct device *machine_device_of(struct machine *m, const struct backend *backend,
				 unsigned int context)
{
	struct device *d;

	TAILQ_FOREACH(d, &m->broker->graph->devices, link) {
		const struct machine_device *hw = d->hw;

		if (hw->backend == backend && hw->context == context)
			return d;
	}
	return NULL;
}

/* A device can fault as fast as it is listened to: then others get their turn in between. */
static void drain_faults(void *ctx, unsigned int what _unused_)
{
	struct machine_unit *u = ctx;
	struct backend *b = u->is.backend;
	struct fault fault;

	for (unsigned int i = 0; i < FAULTS_A_TURN; i++) {
		if (b->ops->fault_next(b, &fault) <= 0)
			return;
		u->machine->fault(u->machine->fault_ctx, b, &fault);
	}
	loop_again(u->watch);
}

static int watch_units(struct machine *m)
{
	struct machine_unit *u;

	STAILQ_FOREACH(u, &m->units, link) {
		struct backend *b = u->is.backend;

		if (u->watch)
			continue;
		u->watch = loop_watch(m->broker->loop, b->ops->fault_fd(b), LOOP_READ, false,
				      drain_faults, u);
		if (!u->watch)
			return -ENOMEM;
	}
	return 0;
}

int machine_watch_faults(struct machine *m, machine_fault_fn fn, void *ctx)
{
	m->fault = fn;
	m->fault_ctx = ctx;
	return watch_units(m);
}

/* --- a machine that grows */

/* What was there before, for who fails. */
struct before {
	const struct kept *kept;
	const struct machine_unit *unit;
	const struct pool *pool;
	const struct device *device;
};

static void go_back(struct machine *m, const struct before *to)
{
	struct graph *g = m->broker->graph;
	struct machine_unit *u;
	struct device *d;
	struct pool *p;

	while ((d = TAILQ_LAST(&g->devices, device_list)) != to->device)
		device_free(g, d);
	while ((p = TAILQ_LAST(&g->pools, pool_list)) != to->pool)
		pool_free(p);
	while ((u = STAILQ_LAST(&m->units, machine_unit, link)) != to->unit)
		STAILQ_REMOVE(&m->units, u, machine_unit, link);
	drop_kept(m, to->kept);
}

static int extend(struct machine *m, const struct config *to, struct reason *why)
{
	int r = machine_add_pools(m, to, why);

	for (size_t i = 0; i < N_KINDS && r == 0; i++)
		if (kinds[i]->extend)
			r = kinds[i]->extend(m, to, why);
	for (size_t i = 0; i < to->n_masters && r == 0; i++)
		if (!config_find_master(machine_config(m), to->masters[i].name))
			r = add_master(m, &to->masters[i], why);
	if (r == 0 && watch_units(m) < 0)
		r = refuse(why, -ENOMEM, "no memory to watch for faults");
	return r;
}

int machine_extend(struct machine *m, const struct config *to, struct reason *why)
{
	const struct graph *g = m->broker->graph;
	const struct before before = { .kept = SLIST_FIRST(&m->kept),
				       .unit = STAILQ_LAST(&m->units, machine_unit, link),
				       .pool = TAILQ_LAST(&g->pools, pool_list),
				       .device = TAILQ_LAST(&g->devices, device_list) };
	int r = extend(m, to, why);

	if (r < 0)
		go_back(m, &before);
	return r;
}

void machine_use(struct machine *m, const struct config *to)
{
	struct machine_unit *u;
	struct device *d;
	struct pool *p;

	TAILQ_FOREACH(p, &m->broker->graph->pools, link)
		p->hw = config_find_pool(to, p->hw);
	TAILQ_FOREACH(d, &m->broker->graph->devices, link) {
		struct machine_device *hw = d->hw;
		const struct config_vfio *vfio = config_find_vfio(to, d->name);
		const struct config_rule *allow;
		const char *smmu;

		if (vfio) {
			hw->allow = &vfio->allow;
			hw->open = &vfio->open;
			continue;
		}
		allow = config_find_device(to, d->name, &smmu);
		if (!allow)
			continue;
		hw->allow = allow;
		hw->smmu = smmu;
	}
	STAILQ_FOREACH(u, &m->units, link) {
		const struct config_smmu *s = config_find_smmu(to, u->is.name);

		if (s)
			u->is.name = s->name;
	}
}
