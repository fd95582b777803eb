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

/* The physmem behind m, of one session or of each, among those that hold pa: the root, then its aliases. */
static struct physmem *next_holder(struct graph *g, struct physmem *m, const struct session *s,
				   uint64_t pa)
{
	uint64_t offset;

	g->work++;
	if (!physmem_offset_of(m->root, pa, &offset))
		return NULL;
	return alias_over(m->root, s, offset, m == m->root ? NULL : m);
}

/* What backs a reservation is of its session. */
static struct physmem *first_holder(struct graph *g, const struct session *s, uint64_t pa)
{
	struct physmem *root = graph_physmem_of_pa(g, pa);

	return !root || !s || root->obj.session == s ? root : next_holder(g, root, s, pa);
}

/* The lowest reservation of v that m itself backs. */
static struct res *lowest_backed(struct physmem *m, struct vcm *v)
{
	struct res probe = { .vcm = v };
	struct res *r = RB_NFIND(res_backing_tree, &m->backings, &probe);

	return r && r->vcm == v ? r : NULL;
}

/* One-to-one reservations may overlap, so the memory is asked, not the neighbour. */
static struct res *one_to_one_containing(struct vcm *v, uint64_t addr)
{
	const struct session *s = v->obj.session;
	struct res *best = NULL, *r;

	for (struct physmem *m = first_holder(s->graph, s, addr); m;
	     m = next_holder(s->graph, m, s, addr)) {
		r = lowest_backed(m, v);
		if (r && (!best || r->addr < best->addr))
			best = r;
	}
	return best;
}

struct res *vcm_res_containing(struct vcm *v, uint64_t addr)
{
	struct res *r;

	if (v->type == VCM_ONE_TO_ONE)
		return one_to_one_containing(v, addr);
	r = vcm_res_before(v, addr);
	return r && addr - r->addr < r->len ? r : NULL;
}

/* The lowest address at which v maps pa through m itself. */
static bool lowest_through(struct physmem *m, struct vcm *v, uint64_t pa, uint64_t *best)
{
	const struct res *r = lowest_backed(m, v);
	uint64_t offset;

	if (!r || !physmem_offset_of(m, pa, &offset) || r->addr + offset >= *best)
		return false;
	*best = r->addr + offset;
	return true;
}

int vcm_addr_of_pa(struct graph *g, struct vcm *v, uint64_t pa, uint64_t *out)
{
	struct physmem *m = first_holder(g, v->obj.session, pa);
	uint64_t best = UINT64_MAX;
	bool found = false;

	for (; m; m = next_holder(g, m, v->obj.session, pa))
		found |= lowest_through(m, v, pa, &best);
	if (!found)
		return -ENOENT;
	*out = best;
	return 0;
}

struct res *graph_next_res_of_pa(struct graph *g, const struct session *s, uint64_t pa,
				 struct res *after)
{
	struct physmem *m = after ? after->physmem : first_holder(g, s, pa);
	uint64_t offset;
	struct res *r;

	if (!m || !physmem_offset_of(m, pa, &offset))
		return NULL;
	r = after ? RB_NEXT(res_backing_tree, &m->backings, after) :
		    RB_MIN(res_backing_tree, &m->backings);
	while (!r && (m = next_holder(g, m, s, pa)))
		r = RB_MIN(res_backing_tree, &m->backings);
	return r;
}

size_t graph_count_res_of_pa(struct graph *g, const struct session *s, uint64_t pa)
{
	size_t n = 0;

	for (struct physmem *m = first_holder(g, s, pa); m; m = next_holder(g, m, s, pa))
		n += m->n_backings;
	return n;
}
