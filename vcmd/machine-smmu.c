// SPDX-License-Identifier: BSD-3-Clause
/*
 * Qualcomm System MMUs of the machine, simulated. They share the tables of one format.
 */
#include <errno.h>

#include "backend/smmu/smmu.h"
#include "base/mem.h"
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

static int make_backend(const struct config_smmu *c, struct sim *sim, struct v7s *v7s,
			struct backend **out, struct reason *why)
{
	struct smmu_context_config *contexts _cleanup_(mem_freep) =
		mem_zalloc_n(c->n_contexts + 1, sizeof(*contexts));
	struct smmu_config config = { .name = c->name,
				      .base = c->base,
				      .io = sim_mmio(sim),
				      .irq_fd = sim_irq_fd(sim),
				      .contexts = contexts,
				      .n_contexts = (unsigned int)c->n_contexts,
				      .simulated = true };

	if (!contexts)
		return refuse(why, -ENOMEM, "smmu %s: no memory", c->name);
	for (size_t i = 0; i < c->n_contexts; i++)
		contexts[i] =
			(struct smmu_context_config){ c->contexts[i].name, c->contexts[i].mid };
	return smmu_new(&config, v7s, out, why);
}

static int add_smmu(struct machine *m, const struct config_smmu *c, struct v7s *v7s,
		    struct reason *why)
{
	struct machine_backend b = { .name = c->name, .base = c->base };
	struct machine_unit *unit;
	int r = make_sim(m, c, &b.sim, why);

	if (r == 0)
		r = make_backend(c, b.sim, v7s, &b.backend, why);
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

static int add_smmus(struct machine *m, struct reason *why)
{
	const struct config *config = machine_config(m);
	struct v7s *v7s = v7s_new(machine_bus(m));
	int r;

	if (!v7s)
		return refuse(why, -ENOMEM, "no memory for the SMMUs");
	r = machine_keep(m, v7s, free_v7s, why);
	for (size_t i = 0; i < config->n_smmus && r == 0; i++)
		r = add_smmu(m, &config->smmus[i], v7s, why);
	return r;
}

const struct machine_kind machine_smmu = { .add = add_smmus };
