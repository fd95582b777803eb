// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmu/v7s-table.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "base/mem.h"

struct v7s *v7s_new(const struct bus *bus)
{
	struct v7s *f = mem_new0(struct v7s);

	if (f) {
		f->bus = *bus;
		LIST_INIT(&f->tables);
	}
	return f;
}

struct v7s *v7s_free(struct v7s *format)
{
	struct v7s_table *t;

	assert(!format || format->left || LIST_EMPTY(&format->tables));
	while (format && (t = LIST_FIRST(&format->tables))) {
		LIST_REMOVE(t, link);
		mem_free(t);
	}
	return mem_free(format);
}

void v7s_leave(struct v7s *format)
{
	format->left = true;
}

/* --- table memory ------------------------------------------------------------------------------------------------- */

static uint32_t *view(const struct v7s *f, uint64_t pa, size_t len)
{
	uint32_t *v = f->bus.ops->view(f->bus.ctx, pa, len);

	assert(v); /* table memory always has a view: bus.h */
	return v;
}

/* Table memory that a descriptor can name. */
static int table_memory(const struct v7s *f, size_t len, uint64_t *out_pa)
{
	uint64_t pa;

	if (f->bus.ops->table_alloc(f->bus.ctx, len, &pa))
		return -ENOMEM;
	if (pa > SPAN - len) {
		f->bus.ops->table_free(f->bus.ctx, pa, len);
		return -ENOMEM;
	}
	*out_pa = pa;
	return 0;
}

static void l2_push(struct v7s_table *t, uint32_t *chain, uint32_t pa)
{
	view(t->format, pa, L2_LEN)[0] = *chain;
	*chain = pa;
}

uint32_t *l2_pop(struct v7s_table *t, uint32_t *chain, uint32_t *out_pa)
{
	uint32_t *l2 = view(t->format, *chain, L2_LEN);

	*out_pa = *chain;
	*chain = l2[0];
	l2[0] = 0;
	return l2;
}

void l2_release(struct v7s_table *t, uint32_t *chain)
{
	const struct bus *bus = &t->format->bus;

	while (*chain != CHAIN_END) {
		uint32_t pa = *chain;

		*chain = view(t->format, pa, L2_LEN)[0];
		bus->ops->table_free(bus->ctx, pa, L2_LEN);
		t->n_l2--;
	}
}

int l2_reserve(struct v7s_table *t, unsigned int n, uint32_t *chain)
{
	while (n--) {
		uint64_t pa;

		if (table_memory(t->format, L2_LEN, &pa)) {
			l2_release(t, chain);
			return -ENOMEM;
		}
		t->n_l2++;
		l2_push(t, chain, (uint32_t)pa);
	}
	return 0;
}

uint32_t *l2_of(const struct v7s_table *t, uint32_t l1)
{
	return view(t->format, l1 & L1_TABLE_PA, L2_LEN);
}

void l2_link(struct v7s_table *t, unsigned int slot, uint32_t pa)
{
	atomic_thread_fence(memory_order_release);
	t->l1[slot] = l1_table(pa);
}

void l2_unlink(struct v7s_table *t, unsigned int slot)
{
	uint32_t pa = t->l1[slot] & L1_TABLE_PA;

	t->l1[slot] = 0;
	l2_push(t, &t->dead, pa);
}

/* --- what hardware may still hold --------------------------------------------------------------------------------- */

void stale_pages(struct v7s_table *t, const uint32_t *l2, unsigned int n, uint64_t va)
{
	for (unsigned int i = 0; i < n && !t->stale.all; i += l2_is_large(l2[i]) ? GROUP_N : 1) {
		if (l2[i])
			stale_entry(&t->stale, va + ((uint64_t)i << L2_SHIFT));
	}
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

struct table *v7s_table_new(void *format_ctx)
{
	struct v7s_table *t = mem_new0(struct v7s_table);

	if (!t)
		return NULL;
	t->format = format_ctx;
	if (table_memory(t->format, L1_LEN, &t->l1_pa)) {
		mem_free(t);
		return NULL;
	}
	t->l1 = view(t->format, t->l1_pa, L1_LEN);
	t->dead = CHAIN_END;
	stale_init(&t->stale, V7S_STALE_MAX);
	LIST_INSERT_HEAD(&t->format->tables, t, link);
	return (struct table *)t;
}

void v7s_table_free(struct table *table)
{
	struct v7s_table *t = v7s_self(table);
	const struct bus *bus;

	if (!t)
		return;
	assert(LIST_EMPTY(&t->stale.users) && !t->updating);
	for (unsigned int slot = 0; slot < L1_N; slot++) {
		if (l1_is_table(t->l1[slot]))
			l2_unlink(t, slot);
	}
	l2_release(t, &t->dead);
	assert(t->n_l2 == 0);
	bus = &t->format->bus;
	bus->ops->table_free(bus->ctx, t->l1_pa, L1_LEN);
	LIST_REMOVE(t, link);
	mem_free(t);
}
