// SPDX-License-Identifier: BSD-3-Clause
/*
 * Qualcomm System MMUs of the machine: simulated ones, which share the tables of one format, and real ones, which share
 * those of another, because their tables are in memory that they can walk.
 */
#include <errno.h>

#include "backend/smmu/smmu.h"
#include "backend/uio/window.h"
#include "base/mem.h"
#include "vcmd/config-change.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"

static unsigned int count_mids(const struct config_smmu *c)
{
	unsigned int n = 1;

	for (size_t i = 0; i < c->n_contexts; i++)
		if (c->contexts[i].mid >= n)
			n = c->contexts[i].mid + 1;
	return n;
}

static void free_sim(void *thing)
{
	sim_free(thing);
}

static int make_sim(struct machine *m, const struct config_smmu *c, struct sim **out,
		    struct reason *why)
{
	struct sim_config config = { .n_banks = c->n_banks +
						1, /* one parks the masters that are not active */
				     .n_mids = count_mids(c),
				     .tlb_entries = c->tlb_entries,
				     .tlb_ways = c->tlb_ways };

	*out = sim_new(&config, machine_bus(m));
	if (!*out)
		return refuse(why, -EINVAL, "smmu %s: no such model can be made", c->name);
	return machine_keep(m, *out, free_sim, why);
}

/* What the driver reaches its hardware by. */
struct reach {
	const struct mmio *io;
	int irq_fd;
	const struct irq *irq;
};

static int make_backend(const struct config_smmu *c, const struct reach *reach, struct v7s *v7s,
			struct backend **out, struct reason *why)
{
	struct smmu_context_config *contexts _cleanup_(mem_freep) =
		mem_zalloc_n(c->n_contexts + 1, sizeof(*contexts));
	struct smmu_config config = { .name = c->name,
				      .base = c->base,
				      .io = reach->io,
				      .irq_fd = reach->irq_fd,
				      .irq = reach->irq,
				      .contexts = contexts,
				      .n_contexts = (unsigned int)c->n_contexts,
				      .simulated = c->registers == REGISTERS_MODEL };

	if (!contexts)
		return refuse(why, -ENOMEM, "smmu %s: no memory", c->name);
	for (size_t i = 0; i < c->n_contexts; i++)
		contexts[i] =
			(struct smmu_context_config){ c->contexts[i].name, c->contexts[i].mid };
	return smmu_new(&config, v7s, out, why);
}

static int reach_model(struct machine *m, const struct config_smmu *c, struct machine_backend *b,
		       struct reach *out, struct reason *why)
{
	int r = make_sim(m, c, &b->sim, why);

	if (r < 0)
		return r;
	*out = (struct reach){ .io = sim_mmio(b->sim), .irq_fd = sim_irq_fd(b->sim) };
	return 0;
}

static int reach_hardware(struct machine *m, const struct config_smmu *c, struct machine_backend *b,
			  struct reach *out, struct reason *why)
{
	struct window *w = NULL;
	int r;

	if (!machine_config(m)->table_memory)
		return refuse(why, -EINVAL,
			      "smmu %s: its tables need memory that it can walk: table-memory",
			      c->name);
	if (!machine_tables_are_uncached(m))
		return refuse(why, -EINVAL,
			      "smmu %s does not snoop the CPU's caches: its tables must be "
			      "uncached, in a window through a device file",
			      c->name);
	r = machine_open_registers(m, c, SZ_1M, &w, why);
	if (r < 0)
		return r;
	b->base = window_base(w);
	b->physical = true;
	*out = (struct reach){ .io = window_mmio(w), .irq_fd = -1, .irq = window_irq(w) };
	return 0;
}

static int add_smmu(struct machine *m, const struct config_smmu *c, struct v7s *v7s,
		    struct reason *why)
{
	struct machine_backend b = { .name = c->name, .base = c->base };
	struct machine_unit *unit;
	struct reach reach;
	int r = c->registers == REGISTERS_MODEL ? reach_model(m, c, &b, &reach, why) :
						  reach_hardware(m, c, &b, &reach, why);

	if (r == 0)
		r = make_backend(c, &reach, v7s, &b.backend, why);
	if (r == 0)
		r = machine_add_backend(m, &b, &unit, why);
	for (size_t i = 0; i < c->n_contexts && r == 0; i++)
		r = machine_add_context(unit, c->contexts[i].name, c->contexts[i].mid,
					&c->contexts[i].allow, why);
	return r;
}

static void free_v7s(void *thing)
{
	v7s_free(thing);
}

static int make_format(struct machine *m, const struct bus *bus, struct v7s **out,
		       struct reason *why)
{
	*out = v7s_new(bus);
	if (!*out)
		return refuse(why, -ENOMEM, "no memory for the SMMUs");
	return machine_keep(m, *out, free_v7s, why);
}

static int add_smmus(struct machine *m, struct reason *why)
{
	const struct config *config = machine_config(m);
	struct v7s *simulated, *real;
	int r = make_format(m, machine_bus(m), &simulated, why);

	if (r == 0)
		r = make_format(m, machine_real_bus(m), &real, why);
	for (size_t i = 0; i < config->n_smmus && r == 0; i++) {
		const struct config_smmu *c = &config->smmus[i];

		if (!c->v3)
			r = add_smmu(m, c, c->registers == REGISTERS_MODEL ? simulated : real, why);
	}
	return r;
}

static int extend(struct machine *m, const struct config *to, struct reason *why)
{
	struct v7s *v7s = NULL;
	int r = 0;

	for (size_t i = 0; i < to->n_smmus && r == 0; i++) {
		const struct config_smmu *c = &to->smmus[i];

		if (c->v3 || config_find_smmu(machine_config(m), c->name))
			continue;
		r = v7s ? 0 : make_format(m, machine_bus(m), &v7s, why);
		if (r == 0)
			r = add_smmu(m, c, v7s, why);
	}
	return r;
}

const struct machine_kind machine_smmu = { .add = add_smmus, .extend = extend };
