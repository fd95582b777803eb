// SPDX-License-Identifier: BSD-3-Clause
/*
 * Devices and memory that follow the steps of plans: a table is a set of ranges, a context knows what is active on it,
 * a page of memory is zeroed or not.
 */
#include "tests/graph/model.h"

enum { H_MAPPINGS = 2 * M_RES * 2, H_TABLES = 2 * M_VCMS, H_ARENAS = 4096, H_ACTIVE = 2 };

struct mapping {
	const struct vcm_table *table;
	const struct physmem *physmem;
	struct range r;
	uint32_t attr;
};

struct hw {
	struct mapping mappings[H_MAPPINGS];
	size_t n_mappings;
	const struct vcm_table *tables[H_TABLES];
	size_t n_tables;
	const struct arena *arenas[H_ARENAS];
	size_t n_arenas;
	const struct avcm *active[M_DEVICES + 1][H_ACTIVE]; /* by number of device */
	bool dirty[M_PAGES];                                /* the last: hw_rehearse() */
};

struct hw *hw_new(void)
{
	struct hw *h = calloc(1, sizeof(*h));

	AGREE(h);
	return h;
}

/* The place of what in an array of pointers; n when it is not there. */
#define FIND(array, n, what)                                                                       \
	__extension__({                                                                            \
		size_t _i = 0;                                                                     \
		while (_i < (n) && (array)[_i] != (what))                                          \
			_i++;                                                                      \
		_i;                                                                                \
	})

static size_t find_mapping(const struct hw *h, const struct vcm_table *t, struct range r)
{
	size_t i = 0;

	while (i < h->n_mappings &&
	       (h->mappings[i].table != t || h->mappings[i].r.first != r.first ||
		h->mappings[i].r.last != r.last))
		i++;
	return i;
}

static void map(struct hw *h, const struct step *s)
{
	BELOW(FIND(h->tables, h->n_tables, s->table), h->n_tables);
	for (size_t i = 0; i < h->n_mappings; i++)
		AGREE(h->mappings[i].table != s->table || !range_meets(h->mappings[i].r, s->range));
	BELOW(h->n_mappings, H_MAPPINGS);
	h->mappings[h->n_mappings++] = (struct mapping){ s->table, s->physmem, s->range, s->attr };
}

static void unmap(struct hw *h, const struct step *s)
{
	size_t i = find_mapping(h, s->table, s->range);

	BELOW(i, h->n_mappings);
	SAME(h->mappings[i].physmem, s->physmem);
	SAME(h->mappings[i].attr, s->attr);
	h->mappings[i] = h->mappings[--h->n_mappings];
}

static void protect(struct hw *h, const struct step *s)
{
	struct range r = { s->res->addr, s->res->addr + (s->res->len - 1) };
	size_t i = find_mapping(h, s->table, s->range.last ? s->range : r);

	BELOW(i, h->n_mappings);
	SAME(h->mappings[i].attr, s->old_attr);
	h->mappings[i].attr = s->attr;
}

static void activate_on(struct hw *h, const struct avcm *a)
{
	const struct avcm **slots = h->active[a->device->number];
	size_t i = FIND(slots, H_ACTIVE, NULL);

	BELOW(i, H_ACTIVE);
	for (size_t k = 0; k < H_ACTIVE; k++)
		AGREE(!slots[k] || slots[k]->half.high != a->half.high);
	slots[i] = a;
}

static void deactivate_on(struct hw *h, const struct avcm *a)
{
	const struct avcm **slots = h->active[a->device->number];
	size_t i = FIND(slots, H_ACTIVE, a);

	BELOW(i, H_ACTIVE);
	slots[i] = NULL;
}

static void set_dirty(struct hw *h, struct range r, bool dirty)
{
	memset(h->dirty + ((r.first >> PAGE_SHIFT) - M_FIRST_PAGE), dirty,
	       range_len(r) >> PAGE_SHIFT);
}

static bool any_dirty(const struct hw *h, struct range r)
{
	const bool *page = h->dirty + ((r.first >> PAGE_SHIFT) - M_FIRST_PAGE);

	return memchr(page, 1, range_len(r) >> PAGE_SHIFT);
}

static void take_step(struct hw *h, const struct step *s)
{
	size_t i;

	switch (s->kind) {
	case STEP_ARENA_NEW:
		SAME(FIND(h->arenas, h->n_arenas, s->arena), h->n_arenas);
		BELOW(h->n_arenas, H_ARENAS);
		h->arenas[h->n_arenas++] = s->arena;
		break;
	case STEP_ARENA_FREE:
		AGREE(s->late);
		i = FIND(h->arenas, h->n_arenas, s->arena);
		BELOW(i, h->n_arenas);
		h->arenas[i] = h->arenas[--h->n_arenas];
		set_dirty(h, s->arena->range, false);
		break;
	case STEP_ZERO:
		AGREE(s->late);
		BELOW(FIND(h->arenas, h->n_arenas, s->arena), h->n_arenas);
		AGREE(range_covers(s->arena->range, s->range));
		set_dirty(h, s->range, false);
		break;
	case STEP_TABLE_NEW:
		BELOW(h->n_tables, H_TABLES);
		h->tables[h->n_tables++] = s->table;
		break;
	case STEP_TABLE_FREE:
		AGREE(s->late);
		for (i = 0; i < h->n_mappings;)
			if (h->mappings[i].table == s->table)
				h->mappings[i] = h->mappings[--h->n_mappings];
			else
				i++;
		i = FIND(h->tables, h->n_tables, s->table);
		BELOW(i, h->n_tables);
		h->tables[i] = h->tables[--h->n_tables];
		break;
	case STEP_MAP:
		map(h, s);
		break;
	case STEP_UNMAP:
		unmap(h, s);
		break;
	case STEP_PROTECT:
		protect(h, s);
		break;
	case STEP_ACTIVATE:
		activate_on(h, s->avcm);
		break;
	case STEP_DEACTIVATE:
		deactivate_on(h, s->avcm);
		break;
	case STEP_REPLACE:
		deactivate_on(h, s->old_avcm);
		activate_on(h, s->avcm);
		break;
	}
}

static void take_steps(struct model *m, bool late)
{
	for (size_t i = 0; i < m->w.p.n_steps; i++)
		if (m->w.p.steps[i].late == late)
			take_step(m->hw, &m->w.p.steps[i]);
}

void hw_run(struct model *m)
{
	take_steps(m, false);
	take_steps(m, true);
}

void hw_rehearse(struct model *m)
{
	static struct hw kept;

	memcpy(&kept, m->hw, offsetof(struct hw, dirty));
	take_steps(m, false); /* nothing is zeroed by those */
	memcpy(m->hw, &kept, offsetof(struct hw, dirty));
}

/* Before the steps of the plan that gives it, which may zero what they free. */
void hw_own(struct model *m, const struct m_phys *p)
{
	for (size_t i = 0; i < p->n; i++) {
		AGREE(!any_dirty(m->hw, p->e[i]));
		set_dirty(m->hw, p->e[i], true);
	}
}

static void compare_mappings(struct model *m)
{
	const struct vcm_table *t;
	size_t n = 0, n_tables = 0;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		if (!r->live || r->phys < 0)
			continue;
		TAILQ_FOREACH(t, &m->vcms[r->vcm].real->tables, link) {
			size_t k = find_mapping(m->hw, t, res_range(r));

			BELOW(k, m->hw->n_mappings);
			SAME(m->hw->mappings[k].physmem, m->phys[r->phys].real);
			SAME(m->hw->mappings[k].attr, r->attr);
			n++;
		}
	}
	SAME(n, m->hw->n_mappings);
	for (int i = 0; i < M_VCMS; i++)
		if (m->vcms[i].live)
			TAILQ_FOREACH(t, &m->vcms[i].real->tables, link)
				n_tables++;
	SAME(n_tables, m->hw->n_tables);
}

static void compare_active(struct model *m)
{
	size_t n = 0;

	for (int i = 0; i < M_AVCMS; i++) {
		const struct m_avcm *a = &m->avcms[i];

		if (a->live && a->active && m->devices[a->device]->kind == DEVICE_IOMMU) {
			BELOW(FIND(m->hw->active[a->real->device->number], H_ACTIVE, a->real),
			      H_ACTIVE);
			n++;
		}
	}
	for (size_t d = 0; d <= M_DEVICES; d++)
		for (size_t k = 0; k < H_ACTIVE; k++)
			n -= m->hw->active[d][k] != NULL;
	SAME(n, 0);
}

static void compare_memory(struct model *m)
{
	size_t n_dirty = 0, n_owned = 0, n_arenas = 0;
	const struct pool *pool;
	const struct arena *a;

	TAILQ_FOREACH(pool, &m->w.g->pools, link)
		TAILQ_FOREACH(a, &pool->arenas, link) {
			BELOW(FIND(m->hw->arenas, m->hw->n_arenas, a), m->hw->n_arenas);
			n_arenas++;
		}
	SAME(n_arenas, m->hw->n_arenas);
	for (size_t i = 0; i < M_PAGES; i++)
		n_dirty += m->hw->dirty[i];
	for (int i = 0; i < M_PHYS; i++)
		n_owned += m->phys[i].live && m->phys[i].root == i ? m->phys[i].whole : 0;
	SAME(n_dirty, n_owned >> PAGE_SHIFT);
}

void hw_compare(struct model *m)
{
	compare_mappings(m);
	compare_active(m);
	compare_memory(m);
}
