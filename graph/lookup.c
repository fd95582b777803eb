// SPDX-License-Identifier: BSD-3-Clause
#include "graph/lookup.h"

#include <errno.h>

#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/vcm.h"

struct res *vcm_res_at(const struct vcm *v, uint64_t addr)
{
	return addr == RES_NO_ADDR ? NULL : res_index_at(&v->reservations, addr);
}

struct res *vcm_res_before(const struct vcm *v, uint64_t addr)
{
	return res_index_before(&v->reservations, addr);
}

/* One-to-one reservations may overlap, so the memory is asked, not the neighbour. */
static struct res *one_to_one_containing(const struct vcm *v, uint64_t addr)
{
	struct graph *g = v->obj.session->graph;
	struct res *best = NULL, *r = NULL;

	while ((r = graph_next_res_of_pa(g, v->obj.session, addr, r)))
		if (r->vcm == v && (!best || r->addr < best->addr))
			best = r;
	return best;
}

struct res *vcm_res_containing(const struct vcm *v, uint64_t addr)
{
	struct res *r;

	if (v->type == VCM_ONE_TO_ONE)
		return one_to_one_containing(v, addr);
	r = vcm_res_before(v, addr);
	return r && addr - r->addr < r->len ? r : NULL;
}

struct res *vcm_res_next(struct vcm *v, struct res *r)
{
	return res_index_next(&v->reservations, r);
}

struct bound *vcm_bound_next(struct vcm *v, struct bound *b)
{
	return b ? RB_NEXT(bound_tree, &v->bounds, b) : RB_MIN(bound_tree, &v->bounds);
}

uint64_t res_to_pa(const struct res *r, uint64_t addr)
{
	const struct extent *e;

	if (!r->physmem || addr < r->addr || addr - r->addr >= r->len)
		return 0;
	e = physmem_extent_at(r->physmem, addr - r->addr);
	return e->pa.first + (addr - r->addr - e->offset);
}

struct extent *graph_extent_of_pa(const struct graph *g, uint64_t pa)
{
	struct extent *e = RB_ROOT(&g->extents);

	while (e && !range_has(e->pa, pa))
		e = e->pa.first < pa ? RB_RIGHT(e, by_pa) : RB_LEFT(e, by_pa);
	return e;
}

struct physmem *graph_physmem_of_pa(const struct graph *g, uint64_t pa)
{
	struct extent *e = graph_extent_of_pa(g, pa);

	return e ? e->physmem : NULL;
}

/* The lowest address at which v maps pa through m itself. */
static bool lowest_through(struct physmem *m, struct vcm *v, uint64_t pa, uint64_t *best)
{
	struct res probe = { .vcm = v }, *r;
	uint64_t offset;

	if (!physmem_offset_of(m, pa, &offset))
		return false;
	r = RB_NFIND(res_backing_tree, &m->backings, &probe);
	if (!r || r->vcm != v || r->addr + offset >= *best)
		return false;
	*best = r->addr + offset;
	return true;
}

int vcm_addr_of_pa(struct graph *g, struct vcm *v, uint64_t pa, uint64_t *out)
{
	struct physmem *root = graph_physmem_of_pa(g, pa), *alias;
	uint64_t best = UINT64_MAX;
	bool found;

	if (!root)
		return -ENOENT;
	found = lowest_through(root, v, pa, &best);
	TAILQ_FOREACH(alias, &root->aliases, alias_link)
		found |= lowest_through(alias, v, pa, &best);
	if (!found)
		return -ENOENT;
	*out = best;
	return 0;
}

/* The physmem after m among those that hold pa: the root, then its aliases. */
static struct physmem *next_holder(struct physmem *m, uint64_t pa)
{
	struct physmem *alias = m == m->root ? TAILQ_FIRST(&m->aliases) : TAILQ_NEXT(m, alias_link);
	uint64_t offset;

	while (alias && !physmem_offset_of(alias, pa, &offset))
		alias = TAILQ_NEXT(alias, alias_link);
	return alias;
}

struct res *graph_next_res_of_pa(struct graph *g, const struct session *s, uint64_t pa,
				 struct res *after)
{
	struct physmem *m = after ? after->physmem : graph_physmem_of_pa(g, pa);
	uint64_t offset;
	struct res *r;

	if (!m || !physmem_offset_of(m, pa, &offset))
		return NULL;
	r = after ? RB_NEXT(res_backing_tree, &m->backings, after) :
		    RB_MIN(res_backing_tree, &m->backings);
	for (;;) {
		while (r && s && r->obj.session != s)
			r = RB_NEXT(res_backing_tree, &m->backings, r);
		if (r)
			return r;
		m = next_holder(m, pa);
		if (!m)
			return NULL;
		r = RB_MIN(res_backing_tree, &m->backings);
	}
}

size_t graph_count_res_of_pa(struct graph *g, const struct session *s, uint64_t pa)
{
	struct res *r = NULL;
	size_t n = 0;

	while ((r = graph_next_res_of_pa(g, s, pa, r)))
		n++;
	return n;
}
