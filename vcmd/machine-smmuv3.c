// SPDX-License-Identifier: BSD-3-Clause
/*
 * ARM SMMUv3s of the machine. They share the tables of one format, which is made for the least that they can.
 */
#include <errno.h>

#include "backend/smmuv3/smmuv3.h"
#include "backend/uio/window.h"
#include "base/log.h"
#include "base/mem.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"

#define REGISTERS_LEN (2 * SZ_64K)

/* The one whose registers are in `window`, until it is a backend. */
struct found {
	const struct config_smmu *config;
	struct window *window;
	bool runs;    /* it has not been made quiet */
	bool goes_on; /* what it reaches is held */
};

struct smmuv3s {
	struct a64_config format;
	struct found *found;
	size_t n;
};

static size_t count(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_smmus; i++)
		n += config->smmus[i].v3;
	return n;
}

/* What all of them can. */
static void narrow(struct a64_config *all, const struct a64_config *one, bool first)
{
	if (first || one->pa_bits < all->pa_bits)
		all->pa_bits = one->pa_bits;
	all->live_split = one->live_split && (first || all->live_split);
}

/* Pages of the kernel's that nobody has kept went back to it with their process: then nothing may reach them any more. */
static bool can_go_on(struct machine *m)
{
	return machine_is_resumed(m) && machine_pages(m)->were_whole;
}

static int quiet_one(struct machine *m, struct smmuv3s *all, const struct config_smmu *c,
		     struct reason *why)
{
	struct found *f = &all->found[all->n];
	struct a64_config can = { 0 };
	int r = machine_open_registers(m, c, REGISTERS_LEN, &f->window, why);

	f->runs = can_go_on(m);
	if (r == 0 && !f->runs)
		r = smmuv3_quiet(window_mmio(f->window), c->name, why);
	if (r == 0)
		r = smmuv3_probe(window_mmio(f->window), &can, why);
	if (r < 0)
		return r;
	f->config = c;
	narrow(&all->format, &can, all->n++ == 0);
	return 0;
}

static int quiet_smmuv3s(struct machine *m, struct reason *why)
{
	const struct config *config = machine_config(m);
	size_t n = count(config);
	struct smmuv3s *all;
	int r = 0;

	if (!n)
		return 0;
	all = machine_keep_new(m, sizeof(*all), why);
	if (all)
		all->found = machine_keep_new(m, n * sizeof(*all->found), why);
	if (!all || !all->found)
		return -ENOMEM;
	*machine_smmuv3s(m) = all;
	for (size_t i = 0; i < config->n_smmus && r == 0; i++)
		if (config->smmus[i].v3)
			r = quiet_one(m, all, &config->smmus[i], why);
	return r;
}

/* contexts: room for those of the config. */
static struct smmuv3_config config_of(struct machine *m, const struct found *f,
				      struct smmuv3_context_config *contexts)
{
	const struct config_smmu *c = f->config;
	struct smmuv3_config config = { .name = c->name,
					.base = window_base(f->window),
					.io = window_mmio(f->window),
					.irq = window_irq(f->window),
					.bus = machine_real_bus(m),
					.contexts = contexts,
					.n_contexts = (unsigned int)c->n_contexts,
					.uncached_tables = machine_tables_are_uncached(m),
					.adopt = f->goes_on,
					.outlives = &machine_pages(m)->are_whole };

	for (size_t i = 0; i < c->n_contexts; i++)
		contexts[i] = (struct smmuv3_context_config){ .name = c->contexts[i].name,
							      .stream = c->contexts[i].mid,
							      .stall = c->contexts[i].stall };
	return config;
}

static int make_backend(struct machine *m, const struct found *f, struct a64 *a64,
			struct backend **out, struct reason *why)
{
	struct smmuv3_context_config *contexts _cleanup_(mem_freep) =
		mem_zalloc_n(f->config->n_contexts + 1, sizeof(*contexts));
	struct smmuv3_config config;

	if (!contexts)
		return refuse(why, -ENOMEM, "smmuv3 %s: no memory", f->config->name);
	config = config_of(m, f, contexts);
	return smmuv3_new(&config, a64, out, why);
}

/* What cannot go on is quiet before anything is allocated. */
static int resume(struct machine *m, struct found *f, struct reason *why)
{
	struct smmuv3_context_config *contexts _cleanup_(mem_freep) =
		mem_zalloc_n(f->config->n_contexts + 1, sizeof(*contexts));
	struct smmuv3_config config;
	struct reason because = { "" };
	int r;

	if (!contexts)
		return refuse(why, -ENOMEM, "smmuv3 %s: no memory", f->config->name);
	config = config_of(m, f, contexts);
	r = can_go_on(m) ?
		    smmuv3_hold(&config, &because) :
		    refuse(&because, -ESTALE, "%s reaches memory that is not kept", config.name);
	/* A slip of the pen in the configuration must not stop what goes on. */
	if (r < 0 && r != -ESTALE)
		return refuse(why, r, "%s", because.text);
	f->goes_on = r == 1;
	if (r < 0)
		log_warning("%s: what its masters did is aborted", because.text);
	return f->goes_on ? 0 : smmuv3_quiet(config.io, config.name, why);
}

/*
 * One cannot be taken over, mostly as there is no memory for that beside what it reaches. It begins anew, as do those after it;
 * of those before it, which are there, ends what they have not been told to do again: then nothing is held any more.
 */
static int begin_anew(struct machine *m, struct smmuv3s *all, size_t from, struct reason *why)
{
	int r = 0;

	log_warning("%s: what masters did is aborted", why->text);
	for (size_t i = from; i < all->n && r == 0; i++) {
		struct found *f = &all->found[i];

		r = smmuv3_quiet(window_mmio(f->window), f->config->name, why);
		f->runs = f->goes_on = false;
	}
	return r < 0 ? r : machine_settle_physical(m, why);
}

static int take_over(struct machine *m, struct smmuv3s *all, size_t i, struct a64 *a64,
		     struct backend **out, struct reason *why)
{
	int r = make_backend(m, &all->found[i], a64, out, why);

	/* As before: a slip of the pen stops nobody. */
	if ((r != -ENOMEM && r != -EIO) || !all->found[i].runs)
		return r;
	r = begin_anew(m, all, i, why);
	return r < 0 ? r : make_backend(m, &all->found[i], a64, out, why);
}

static int add_smmuv3(struct machine *m, struct smmuv3s *all, size_t i, struct a64 *a64,
		      struct reason *why)
{
	const struct found *f = &all->found[i];
	const struct config_smmu *c = f->config;
	struct machine_backend b = { .name = c->name,
				     .base = window_base(f->window),
				     .physical = true };
	struct machine_unit *unit;
	int r = take_over(m, all, i, a64, &b.backend, why);

	if (r == 0)
		r = machine_add_backend(m, &b, &unit, why);
	for (size_t k = 0; k < c->n_contexts && r == 0; k++)
		r = machine_add_context(unit, c->contexts[k].name, c->contexts[k].mid,
					&c->contexts[k].allow, why);
	return r;
}

static void free_a64(void *thing)
{
	a64_free(thing);
}

static int add_smmuv3s(struct machine *m, struct reason *why)
{
	struct smmuv3s *all = *machine_smmuv3s(m);
	struct a64 *a64;
	int r = 0;

	if (!all)
		return 0;
	if (!machine_config(m)->table_memory)
		return refuse(why, -EINVAL,
			      "smmuv3 %s: its tables need memory that it can walk: table-memory",
			      all->found[0].config->name);
	for (size_t i = 0; i < all->n && r == 0; i++)
		if (all->found[i].runs)
			r = resume(m, &all->found[i], why);
	if (r < 0)
		return r;
	a64 = a64_new(machine_real_bus(m), &all->format);
	if (!a64)
		return refuse(why, -ENOMEM, "no memory for the SMMUv3s");
	r = machine_keep(m, a64, free_a64, why);
	for (size_t i = 0; i < all->n && r == 0; i++)
		r = add_smmuv3(m, all, i, a64, why);
	*machine_smmuv3s(m) = NULL;
	return r;
}

const struct machine_kind machine_smmuv3 = { .quiet = quiet_smmuv3s, .add = add_smmuv3s };
