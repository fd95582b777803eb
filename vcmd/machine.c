// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/machine.h"

#include <errno.h>

#include "backend/bus.h"
#include "backend/smmu/smmu.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"

struct smmu {
	struct machine *machine;
	struct sim *sim;
	struct backend *backend;
	struct loop_fd *watch;
};

struct machine {
	struct broker *broker;
	struct bus bus;
	struct v7s *v7s;
	struct format format; /* one for all SMMUs, which share it */
	struct smmu *smmus;
	size_t n_smmus;
	struct machine_device *devices; /* in the graph's order */
	size_t n_devices;
	machine_fault_fn fault;
	void *fault_ctx;
};

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

static int add_pools(struct machine *m, struct reason *why)
{
	const struct config *config = m->broker->config;

	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *c = &config->pools[i];
		struct pool_config pool = { .memtype = c->memtype + 1,
					    .ranges = c->ranges,
					    .n_ranges = c->n_ranges,
					    .cont_len = c->cont_len,
					    .granule = c->granule,
					    .secure = c->secure,
					    .hw = c };

		if (!pool_new(m->broker->graph, &pool))
			return refuse(why, -ENOMEM, "no memory for the pools");
	}
	for (size_t i = 0; i < config->n_windows; i++) {
		int r = graph_add_window(m->broker->graph, config->windows[i].range);

		if (r < 0)
			return refuse(why, r, "window at 0x%llx: it meets other memory",
				      (unsigned long long)config->windows[i].range.first);
	}
	return 0;
}

static int add_device(struct machine *m, const char *name, enum device_kind kind,
		      const struct machine_device *hw, struct reason *why)
{
	struct machine_device *slot = &m->devices[m->n_devices];
	struct device_config config = { .name = name,
					.kind = kind,
					.format = kind == DEVICE_IOMMU ? &m->format : NULL,
					.hw = slot };
	struct device *d;
	int r;

	*slot = *hw;
	r = device_new(m->broker->graph, &config, &d);
	if (r == -EEXIST)
		return refuse(why, -EINVAL, "two devices are named %s", name);
	if (r < 0)
		return refuse(why, r, "no memory for the devices");
	m->n_devices++;
	return 0;
}

static unsigned int count_mids(const struct config_smmu *c)
{
	unsigned int n = 1;

	for (size_t i = 0; i < c->n_contexts; i++)
		if (c->contexts[i].mid >= n)
			n = c->contexts[i].mid + 1;
	return n;
}

static int bring_up(struct machine *m, struct smmu *s, const struct config_smmu *c,
		    struct reason *why)
{
	struct sim_config sim = { .n_banks = c->n_banks +
					     1, /* one parks the masters that are not active */
				  .n_mids = count_mids(c),
				  .tlb_entries = c->tlb_entries,
				  .tlb_ways = c->tlb_ways };
	struct smmu_context_config *contexts _cleanup_(mem_freep) =
		mem_zalloc_n(c->n_contexts + 1, sizeof(*contexts));
	struct smmu_config smmu = {
		.name = c->name, .base = c->base, .contexts = contexts, .simulated = true
	};

	s->machine = m;
	if (contexts)
		s->sim = sim_new(&sim, &m->bus);
	if (!s->sim)
		return refuse(why, -EINVAL, "smmu %s: no such model can be made", c->name);
	for (size_t i = 0; i < c->n_contexts; i++)
		contexts[i] =
			(struct smmu_context_config){ c->contexts[i].name, c->contexts[i].mid };
	smmu.n_contexts = (unsigned int)c->n_contexts;
	smmu.io = sim_mmio(s->sim);
	smmu.irq_fd = sim_irq_fd(s->sim);
	return smmu_new(&smmu, m->v7s, &s->backend, why);
}

static int add_smmu(struct machine *m, const struct config_smmu *c, struct reason *why)
{
	struct smmu *s = &m->smmus[m->n_smmus++];
	struct backend_caps caps;
	int r = bring_up(m, s, c, why);

	if (r < 0)
		return r;
	s->backend->ops->caps(s->backend, &caps);
	m->format.split = caps.split;
	for (size_t i = 0; i < c->n_contexts && r == 0; i++) {
		int context = s->backend->ops->context_by_name(s->backend, c->contexts[i].name);
		struct machine_device hw = { .backend = s->backend,
					     .sim = s->sim,
					     .smmu = c->name,
					     .context = (unsigned int)context,
					     .mid = c->contexts[i].mid,
					     .allow = &c->contexts[i].allow,
					     .base = c->base };

		r = context < 0 ? refuse(why, context, "smmu %s has no context %s", c->name,
					 c->contexts[i].name) :
				  add_device(m, c->contexts[i].name, DEVICE_IOMMU, &hw, why);
	}
	return r;
}

static int add_devices(struct machine *m, struct reason *why)
{
	const struct config *config = m->broker->config;
	size_t n = 1 + config->n_masters;
	int r;

	for (size_t i = 0; i < config->n_smmus; i++)
		n += config->smmus[i].n_contexts;
	m->devices = mem_zalloc_n(n, sizeof(*m->devices));
	m->smmus = mem_zalloc_n(config->n_smmus + 1, sizeof(*m->smmus));
	m->v7s = v7s_new(&m->bus);
	if (!m->devices || !m->smmus || !m->v7s)
		return refuse(why, -ENOMEM, "no memory for the devices");
	r = add_device(m, "cpu", DEVICE_CPU, &(struct machine_device){ .smmu = "" }, why);
	for (size_t i = 0; i < config->n_smmus && r == 0; i++)
		r = add_smmu(m, &config->smmus[i], why);
	for (size_t i = 0; i < config->n_masters && r == 0; i++)
		r = add_device(m, config->masters[i].name, DEVICE_ONE_TO_ONE,
			       &(struct machine_device){ .smmu = "",
							 .allow = &config->masters[i].allow },
			       why);
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
	if (add_pools(m, why) < 0 || add_devices(m, why) < 0)
		return machine_free(m);
	if (m->n_smmus) {
		const struct table_ops *ops = m->smmus[0].backend->format;

		m->format.name = ops->name;
		m->format.page_sizes = ops->page_sizes;
		m->format.va_bits = ops->va_bits;
		m->format.hw = m->smmus[0].backend;
	}
	return m;
}

struct machine *machine_free(struct machine *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->n_smmus; i++) {
		loop_unwatch(m->smmus[i].watch);
		if (m->smmus[i].backend)
			m->smmus[i].backend->ops->free(m->smmus[i].backend);
		sim_free(m->smmus[i].sim);
	}
	v7s_free(m->v7s);
	mem_free(m->smmus);
	mem_free(m->devices);
	return mem_free(m);
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
	struct smmu *s = ctx;
	struct fault fault;

	while (s->backend->ops->fault_next(s->backend, &fault) > 0)
		s->machine->fault(s->machine->fault_ctx, s->backend, &fault);
}

int machine_watch_faults(struct machine *m, machine_fault_fn fn, void *ctx)
{
	m->fault = fn;
	m->fault_ctx = ctx;
	for (size_t i = 0; i < m->n_smmus; i++) {
		struct smmu *s = &m->smmus[i];

		s->watch = loop_watch(m->broker->loop, s->backend->ops->fault_fd(s->backend),
				      LOOP_READ, false, drain_faults, s);
		if (!s->watch)
			return -ENOMEM;
	}
	return 0;
}
