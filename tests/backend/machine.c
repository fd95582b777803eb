// SPDX-License-Identifier: BSD-3-Clause
#include "tests/backend/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/smmu/v7s.h"
#include "base/range.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "machine: %s\n", what);
	abort();
}

static uint8_t *at(struct machine *m, uint64_t pa, size_t len)
{
	if (pa >= RAM_PA && len <= RAM_LEN && pa - RAM_PA <= RAM_LEN - len)
		return m->ram + (pa - RAM_PA);
	if (pa >= TABLES_PA && len <= TABLES_LEN && pa - TABLES_PA <= TABLES_LEN - len)
		return m->tables + (pa - TABLES_PA);
	return NULL;
}

static int bus_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	const uint8_t *from = at(ctx, pa, len);

	if (!from)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

static int bus_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	uint8_t *to = at(ctx, pa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, buf, len);
	return 0;
}

static void *bus_view(void *ctx, uint64_t pa, size_t len)
{
	struct machine *m = ctx;

	if (pa < TABLES_PA || len > TABLES_LEN || pa - TABLES_PA > TABLES_LEN - len)
		return NULL;
	return m->tables + (pa - TABLES_PA);
}

static unsigned int class_of(size_t len)
{
	return (unsigned int)__builtin_ctzl(len) - 10;
}

static int bus_table_alloc(void *ctx, size_t len, uint64_t *out_pa)
{
	struct machine *m = ctx;
	struct machine_free **head = &m->freed[class_of(len)], *f = *head;

	if (m->table_fails_at && --m->table_fails_at == 0)
		return -ENOMEM;
	if (f) {
		*head = f->next;
		*out_pa = f->pa;
		memset(f, 0, len);
	} else {
		uint64_t pa = (m->tables_used + len - 1) & ~((uint64_t)len - 1);

		if (pa > TABLES_LEN - len)
			return -ENOMEM;
		m->tables_used = pa + len;
		*out_pa = TABLES_PA + pa;
	}
	m->tables_live++;
	return 0;
}

static void bus_table_free(void *ctx, uint64_t pa, size_t len)
{
	struct machine *m = ctx;
	struct machine_free *f = bus_view(m, pa, len), **head = &m->freed[class_of(len)];

	must(f, "freed table memory is table memory");
	must(!m->on_free || m->on_free(m->on_free_ctx), "table memory came back too early");
	/* What still reads it finds nonsense, not a mapping that happens to be right. */
	memset(f, 0xA6, len);
	f->pa = pa;
	f->next = *head;
	*head = f;
	m->tables_live--;
}

static int bus_table_hold(void *ctx, uint64_t pa, size_t len)
{
	struct machine *m = ctx;
	int r = 1;

	if (!bus_view(m, pa, len) || (pa | len) & 1023)
		return -EFAULT;
	for (size_t i = (pa - TABLES_PA) / 1024; len; len -= 1024, i++) {
		r &= m->held[i] == 1;
		m->held[i] = 1;
	}
	return r;
}

static void bus_table_take(void *ctx, uint64_t pa, size_t len)
{
	struct machine *m = ctx;

	for (size_t i = (pa - TABLES_PA) / 1024; len; len -= 1024, i++) {
		must(m->held[i] == 1, "what is taken was held");
		m->held[i] = 2;
	}
}

void machine_spoil_rest(struct machine *m)
{
	for (size_t i = 0; i < m->tables_used / 1024; i++)
		if (!m->held[i])
			memset(m->tables + i * 1024, 0xA6, 1024);
	memset(m->freed, 0, sizeof(m->freed));
}

void machine_let_go(struct machine *m)
{
	for (size_t i = 0; i < TABLES_LEN / 1024; i++) {
		if (m->held[i] == 1)
			memset(m->tables + i * 1024, 0xA6, 1024);
		m->held[i] = 0;
	}
}

static const struct bus_ops bus_ops = {
	.read = bus_read,
	.write = bus_write,
	.view = bus_view,
	.table_alloc = bus_table_alloc,
	.table_free = bus_table_free,
	.table_hold = bus_table_hold,
	.table_take = bus_table_take,
};

void machine_init_bus(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->tables = calloc(1, TABLES_LEN);
	m->ram = calloc(1, RAM_LEN);
	must(m->tables && m->ram, "no memory");
	m->bus = (struct bus){ &bus_ops, m };
	m->format = v7s_new(&m->bus);
	must(m->format, "no format");
}

void machine_init_hardware(struct machine *m, unsigned int entries, unsigned int ways)
{
	struct sim_config sim = { .n_banks = MACHINE_BANKS,
				  .n_mids = MACHINE_CONTEXTS + 1, /* one that nobody knows */
				  .tlb_entries = entries,
				  .tlb_ways = ways };

	machine_init_bus(m);
	m->sim = sim_new(&sim, &m->bus);
	must(m->sim, "no model");
	tap_init(&m->tap, sim_mmio(m->sim));
}

int machine_init_driver(struct machine *m)
{
	static const struct smmu_context_config contexts[MACHINE_CONTEXTS] = {
		{ "ctx0", 0 }, { "ctx1", 1 }, { "ctx2", 2 },
		{ "ctx3", 3 }, { "ctx4", 4 }, { "ctx5", 5 },
	};
	struct smmu_config config = { .name = "smmu0",
				      .base = 0x7300000,
				      .io = &m->tap.io,
				      .irq_fd = sim_irq_fd(m->sim),
				      .contexts = contexts,
				      .n_contexts = MACHINE_CONTEXTS,
				      .simulated = true };

	return smmu_new(&config, m->format, &m->smmu, NULL);
}

void machine_init(struct machine *m, unsigned int entries, unsigned int ways)
{
	machine_init_hardware(m, entries, ways);
	must(!machine_init_driver(m), "no driver");
}

void machine_deinit(struct machine *m)
{
	if (m->smmu)
		m->smmu->ops->free(m->smmu);
	sim_free(m->sim);
	v7s_free(m->format);
	must(m->tables_live == 0, "table memory is left");
	free(m->tables);
	free(m->ram);
}

uint32_t machine_word(struct machine *m, uint64_t pa)
{
	uint32_t word;

	must(!bus_read(m, pa, &word, sizeof(word)), "no memory there");
	return word;
}

void machine_poke(struct machine *m, uint64_t pa, uint32_t word)
{
	must(!bus_write(m, pa, &word, sizeof(word)), "no memory there");
}

static void must_not_wait(void *ctx, int result)
{
	(void)ctx;
	(void)result;
	must(false, "a transaction was to end at once");
}

static int at_once(int r)
{
	must(r != -EINPROGRESS, "a transaction was to end at once");
	return r;
}

int machine_read(struct machine *m, unsigned int mid, uint64_t addr, void *buf, size_t len)
{
	return at_once(sim_access(m->sim, mid, false, addr, buf, len, must_not_wait, NULL));
}

int machine_write(struct machine *m, unsigned int mid, uint64_t addr, const void *buf, size_t len)
{
	union {
		const void *in;
		void *out;
	} from = { buf }; /* a write does not touch it */

	return at_once(sim_access(m->sim, mid, true, addr, from.out, len, must_not_wait, NULL));
}

int machine_map(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		struct map_attr attr)
{
	int r;

	v7s_ops.update_start(t);
	r = v7s_ops.map(t, va, pa, len, sizes, attr);
	v7s_ops.update_done(t);
	return r;
}

int machine_unmap(struct table *t, uint64_t va, uint64_t len)
{
	int r;

	v7s_ops.update_start(t);
	r = v7s_ops.unmap(t, va, len);
	v7s_ops.update_done(t);
	return r;
}

int machine_protect(struct table *t, uint64_t va, uint64_t len, struct map_attr attr)
{
	int r;

	v7s_ops.update_start(t);
	r = v7s_ops.protect(t, va, len, attr);
	v7s_ops.update_done(t);
	return r;
}
