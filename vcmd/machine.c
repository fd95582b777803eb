// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/machine.h"

#include <bsd/sys/queue.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/machine-kind.h"

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
	void *smmuv3s;
	SLIST_HEAD(, kept) kept;
	STAILQ_HEAD(, machine_unit) units;
	machine_fault_fn fault;
	void *fault_ctx;
};

static const struct machine_kind *const kinds[] = { &machine_smmu, &machine_smmuv3 };
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

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

static int real_table_alloc(void *ctx, size_t len, uint64_t *out_pa)
{
	return memory_bus_table_alloc(ctx, len, out_pa);
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
	.read = bus_read,
	.write = bus_write,
	.view = bus_view,
	.table_alloc = real_table_alloc,
	.table_free = bus_table_free,
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

struct machine *machine_free(struct machine *m)
{
	struct kept *k;

	if (!m)
		return NULL;
	while ((k = SLIST_FIRST(&m->kept))) {
		SLIST_REMOVE_HEAD(&m->kept, link);
		k->free(k->thing);
		mem_free(k);
	}
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

int machine_add_context(struct machine_unit *u, const char *name, unsigned int mid,
			const struct config_rule *allow, struct reason *why)
{
	struct backend *b = u->is.backend;
	int context = b->ops->context_by_name(b, name);
	struct machine_device hw = { .backend = b,
				     .sim = u->is.sim,
				     .smmu = u->is.name,
				     .context = (unsigned int)context,
				     .mid = mid,
				     .allow = allow,
				     .base = u->is.base };

	if (context < 0)
		return refuse(why, context, "smmu %s has no context %s", u->is.name, name);
	return add_device(u->machine, name, DEVICE_IOMMU, u->format, &hw, why);
}

static int add_devices(struct machine *m, struct reason *why)
{
	const struct config *config = m->broker->config;
	int r = add_device(m, "cpu", DEVICE_CPU, NULL, &(struct machine_device){ .smmu = "" }, why);

	for (size_t i = 0; i < N_KINDS && r == 0; i++)
		r = kinds[i]->add(m, why);
	for (size_t i = 0; i < config->n_masters && r == 0; i++)
		r = add_device(m, config->masters[i].name, DEVICE_ONE_TO_ONE, NULL,
			       &(struct machine_device){ .smmu = "",
							 .allow = &config->masters[i].allow },
			       why);
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
	m->real_bus = (struct bus){ &real_bus_ops, b->memory };
	SLIST_INIT(&m->kept);
	STAILQ_INIT(&m->units);
	if (quiet_all(m, why) < 0 || machine_add_memory(m, why) < 0 || add_devices(m, why) < 0)
		return machine_free(m);
	return m;
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

static void drain_faults(void *ctx, unsigned int what _unused_)
{
	struct machine_unit *u = ctx;
	struct backend *b = u->is.backend;
	struct fault fault;

	while (b->ops->fault_next(b, &fault) > 0)
		u->machine->fault(u->machine->fault_ctx, b, &fault);
}

int machine_watch_faults(struct machine *m, machine_fault_fn fn, void *ctx)
{
	struct machine_unit *u;

	m->fault = fn;
	m->fault_ctx = ctx;
	STAILQ_FOREACH(u, &m->units, link) {
		u->watch = loop_watch(m->broker->loop, u->is.backend->ops->fault_fd(u->is.backend),
				      LOOP_READ, false, drain_faults, u);
		if (!u->watch)
			return -ENOMEM;
	}
	return 0;
}
