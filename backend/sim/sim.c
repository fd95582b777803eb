// SPDX-License-Identifier: BSD-3-Clause
/* The model as a whole: its making and end, its interrupt line, its counters and failures. */
#include "backend/sim/sim.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "backend/sim/model.h"
#include "backend/sim/registers.h"
#include "base/mem.h"

static bool is_sane(const struct sim_config *c)
{
	return c->n_banks >= 1 && c->n_banks <= SMMU_BANKS_MAX && c->n_mids >= 1 &&
	       c->n_mids <= SMMU_MIDS_MAX && c->tlb_entries >= 1 && c->tlb_entries <= 4096 &&
	       (c->tlb_entries & (c->tlb_entries - 1)) == 0 && c->tlb_ways >= 1 &&
	       c->tlb_entries % c->tlb_ways == 0;
}

static int sim_init(struct sim *sim)
{
	const struct sim_config *c = &sim->config;

	sim->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sim->irq_fd < 0)
		return -errno;
	sim->banks = mem_zalloc_n(c->n_banks, sizeof(*sim->banks));
	sim->masters = mem_zalloc_n(c->n_mids, sizeof(*sim->masters));
	if (!sim->banks || !sim->masters)
		return -ENOMEM;
	return tlb_init(&sim->tlb, c->tlb_entries, c->tlb_ways);
}

struct sim *sim_new(const struct sim_config *config, const struct bus *bus)
{
	struct sim *sim;

	if (!is_sane(config))
		return NULL;
	sim = mem_new0(struct sim);
	if (!sim)
		return NULL;
	sim->config = *config;
	sim->bus = *bus;
	sim->mmio = (struct mmio){ &sim_mmio_ops, sim };
	if (sim_init(sim))
		return sim_free(sim);
	return sim;
}

struct sim *sim_free(struct sim *sim)
{
	if (!sim)
		return NULL;
	if (sim->masters)
		sim_terminate_all(sim);
	tlb_deinit(&sim->tlb);
	mem_free(sim->masters);
	mem_free(sim->banks);
	fd_closep(&sim->irq_fd);
	return mem_free(sim);
}

const struct mmio *sim_mmio(struct sim *sim)
{
	return &sim->mmio;
}

int sim_irq_fd(struct sim *sim)
{
	return sim->irq_fd;
}

void sim_irq_update(struct sim *sim)
{
	bool asserted = false;
	uint64_t v = 1;
	ssize_t n;

	for (unsigned int b = 0; b < sim->config.n_banks && !asserted; b++)
		asserted =
			*sim_reg(sim, b, SMMU_FSR) && (*sim_reg(sim, b, SMMU_ACTLR) & ACTLR_CFEIE);
	if (asserted == sim->irq)
		return;
	sim->irq = asserted;
	/* Neither can fail: the counter goes between 0 and 1. */
	n = asserted ? write(sim->irq_fd, &v, sizeof(v)) : read(sim->irq_fd, &v, sizeof(v));
	(void)n;
}

void sim_get_counters(const struct sim *sim, struct sim_counters *out)
{
	*out = sim->counters;
}

void sim_reset_counters(struct sim *sim)
{
	memset(&sim->counters, 0, sizeof(sim->counters));
}

int sim_fail_next(struct sim *sim, enum sim_failure what, unsigned int count)
{
	if (what < SIM_FAIL_ENABLE || what > SIM_FAIL_TRANSLATE)
		return -EINVAL;
	sim->fail[what] = count;
	return 0;
}

bool sim_fails(struct sim *sim, enum sim_failure what)
{
	if (!sim->fail[what])
		return false;
	sim->fail[what]--;
	return true;
}
