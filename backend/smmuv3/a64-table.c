// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmuv3/a64-table.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

struct a64 *a64_new(const struct bus *bus, const struct a64_config *config)
{
	struct a64 *f;

	if (config->pa_bits < 32 || config->pa_bits > 48)
		return NULL;
	f = mem_new0(struct a64);
	if (f) {
		f->bus = *bus;
		f->config = *config;
		LIST_INIT(&f->tables);
	}
	return f;
}

struct a64 *a64_free(struct a64 *format)
{
	struct a64_table *t;

	assert(!format || format->left || LIST_EMPTY(&format->tables));
	while (format && (t = LIST_FIRST(&format->tables))) {
		LIST_REMOVE(t, link);
		mem_free(t);
	}
	return mem_free(format);
}

void a64_leave(struct a64 *format)
{
	format->left = true;
}

unsigned int a64_pa_bits(const struct a64 *format)
{
	return format->config.pa_bits;
}

/* --- table memory ------------------------------------------------------------------------------------------------- */

static uint64_t *view(const struct a64 *f, uint64_t pa)
{
	uint64_t *v = f->bus.ops->view(f->bus.ctx, pa, A64_LEN);

	assert(v); /* table memory always has a view: bus.h */
	return v;
}

/* Table memory that the SMMUs reach. */
static int table_memory(const struct a64 *f, uint64_t *out_pa)
{
	uint64_t pa;

	if (f->bus.ops->table_alloc(f->bus.ctx, A64_LEN, &pa))
		return -ENOMEM;
	if (pa >> f->config.pa_bits) {
		f->bus.ops->table_free(f->bus.ctx, pa, A64_LEN);
		return -ENOMEM;
	}
	*out_pa = pa;
	return 0;
}

static void sub_push(const struct a64_table *t, uint64_t *chain, uint64_t pa)
{
	a64_store(view(t->format, pa), *chain);
	*chain = pa;
}

uint64_t *sub_pop(const struct a64_table *t, uint64_t *chain, uint64_t *out_pa)
{
	uint64_t *sub = view(t->format, *chain);

	*out_pa = *chain;
	*chain = sub[0];
	sub[0] = 0;
	return sub;
}

void sub_abandon(struct a64_table *t, uint64_t *chain)
{
	for (; *chain != A64_CHAIN_END; t->n_sub--)
		*chain = view(t->format, *chain)[0];
}

void sub_release(struct a64_table *t, uint64_t *chain)
{
	const struct bus *bus = &t->format->bus;

	while (*chain != A64_CHAIN_END) {
		uint64_t pa = *chain;

		*chain = view(t->format, pa)[0];
		bus->ops->table_free(bus->ctx, pa, A64_LEN);
		t->n_sub--;
	}
}

int sub_reserve(struct a64_table *t, uint64_t n, uint64_t *chain)
{
	while (n--) {
		uint64_t pa;

		if (table_memory(t->format, &pa)) {
			sub_release(t, chain);
			return -ENOMEM;
		}
		t->n_sub++;
		sub_push(t, chain, pa);
	}
	return 0;
}

uint64_t *sub_of(const struct a64_table *t, uint64_t d)
{
	return view(t->format, d & A64_PA);
}

void sub_unlink(struct a64_table *t, uint64_t *slot, unsigned int level)
{
	uint64_t d = *slot, *sub = sub_of(t, d);

	a64_store(slot, 0);
	for (unsigned int i = 0; level + 1 < A64_LEAF && i < A64_N; i++) {
		if (a64_is_table(sub[i], level + 1))
			sub_unlink(t, &sub[i], level + 1);
	}
	sub_push(t, &t->dead, d & A64_PA);
}

void table_flush(struct a64_table *t)
{
	if (stale_flush(&t->stale) < 0)
		t->leaked = true;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

struct table *a64_table_new(void *format_ctx)
{
	struct a64_table *t = mem_new0(struct a64_table);

	if (!t)
		return NULL;
	t->format = format_ctx;
	if (table_memory(t->format, &t->root_pa)) {
		mem_free(t);
		return NULL;
	}
	t->root = view(t->format, t->root_pa);
	t->dead = A64_CHAIN_END;
	stale_init(&t->stale, A64_STALE_MAX);
	LIST_INSERT_HEAD(&t->format->tables, t, link);
	return (struct table *)t;
}

void a64_table_free(struct table *table)
{
	struct a64_table *t = a64_self(table);
	const struct bus *bus;

	if (!t)
		return;
	assert(LIST_EMPTY(&t->stale.users) && !t->updating);
	for (unsigned int i = 0; i < A64_N; i++) {
		if (a64_is_table(t->root[i], A64_ROOT))
			sub_unlink(t, &t->root[i], A64_ROOT);
	}
	if (t->leaked)
		sub_abandon(t, &t->dead);
	else
		sub_release(t, &t->dead);
	assert(t->n_sub == 0);
	bus = &t->format->bus;
	if (!t->leaked)
		bus->ops->table_free(bus->ctx, t->root_pa, A64_LEN);
	LIST_REMOVE(t, link);
	mem_free(t);
}
