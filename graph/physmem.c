// SPDX-License-Identifier: BSD-3-Clause
#include "graph/physmem.h"

#include <assert.h>
#include <errno.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/attr.h"
#include "graph/grant.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"

static int extent_cmp(const struct extent *a, const struct extent *b)
{
	return a->pa.first < b->pa.first ? -1 : a->pa.first > b->pa.first;
}

RB_GENERATE(extent_tree, extent, by_pa, extent_cmp)

static void join_session(struct physmem *m)
{
	TAILQ_INSERT_TAIL(&m->obj.session->physmems, m, link);
	m->obj.session->bytes += m->len;
	object_name(&m->obj);
}

static void leave_session(struct physmem *m)
{
	object_unname(&m->obj);
	TAILQ_REMOVE(&m->obj.session->physmems, m, link);
	m->obj.session->bytes -= m->len;
}

static struct extent_tree *tree_of(const struct physmem *root)
{
	return &root->extents[0].arena->pool->graph->extents;
}

static void link_root(struct physmem *m)
{
	for (size_t i = 0; i < m->n_extents; i++)
		RB_INSERT(extent_tree, tree_of(m), &m->extents[i]);
	if (!m->orphaned)
		join_session(m);
}

static void unlink_root(struct physmem *m)
{
	if (!m->orphaned)
		leave_session(m);
	for (size_t i = 0; i < m->n_extents; i++)
		RB_REMOVE(extent_tree, tree_of(m), &m->extents[i]);
}

void physmem_link(struct physmem *m)
{
	if (m->root == m) {
		link_root(m);
		return;
	}
	alias_link(m);
	TAILQ_INSERT_HEAD(&m->obj.session->physmems, m, link);
	object_name(&m->obj);
}

void physmem_unlink(struct physmem *m)
{
	if (m->root == m) {
		unlink_root(m);
		return;
	}
	object_unname(&m->obj);
	TAILQ_REMOVE(&m->obj.session->physmems, m, link);
	alias_unlink(m);
}

void physmem_orphan(struct physmem *m)
{
	leave_session(m);
	m->orphaned = true;
}

void physmem_unorphan(struct physmem *m)
{
	m->orphaned = false;
	join_session(m);
}

void physmem_leave_owner(struct physmem *m)
{
	object_leave(&m->obj);
	m->obj.session = NULL;
}

void physmem_settle_payer(struct physmem *root)
{
	const struct physmem *import;

	if (!root->orphaned || !root->aliases.n)
		return;
	TAILQ_FOREACH(import, &root->aliases.imports, import_link)
		if (import->obj.session->user == root->extents[0].arena->user)
			return;
	for (size_t i = 0; i < root->n_extents; i++)
		arena_disown(root->extents[i].arena);
}

void physmem_leave(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++)
		m->extents[i].arena->leaving += range_len(m->extents[i].pa);
}

void physmem_unleave(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++)
		m->extents[i].arena->leaving -= range_len(m->extents[i].pa);
}

void physmem_release(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++) {
		struct arena *a = m->extents[i].arena;

		/* What a device may still reach is nobody's from now on. */
		if (a->quarantined) {
			a->used -= range_len(m->extents[i].pa);
			a->pool->used -= range_len(m->extents[i].pa);
			continue;
		}
		arena_put(a, m->extents[i].pa);
	}
}

void physmem_keep_empty(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++) {
		struct arena *a = m->extents[i].arena;

		if (!a->used && !a->closing && !a->cached && !a->quarantined)
			arena_keep(a);
	}
}

void physmem_settle(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++) {
		struct pool *pool = m->extents[i].arena->pool;

		if (pool->used > pool->high_water)
			pool->high_water = pool->used;
	}
}

void physmem_destroy(struct physmem *m)
{
	assert(!m->n_backings && !m->aliases.n && !m->grants[0] && !m->grants[1]);
	if (m->obj.session) {
		m->obj.session->user->bytes -= m->paid;
		object_leave(&m->obj);
	}
	if (m->root == m || m->extents != m->root->extents)
		mem_free(m->extents);
	mem_free(m);
}

const struct extent *physmem_extent_at(const struct physmem *m, uint64_t offset)
{
	size_t low = 0, high = m->n_extents - 1;

	assert(offset < m->len);
	while (low < high) {
		size_t mid = high - (high - low) / 2;

		if (m->extents[mid].offset <= offset)
			low = mid;
		else
			high = mid - 1;
	}
	return &m->extents[low];
}

bool physmem_is_contiguous(const struct physmem *m)
{
	return m->n_extents == 1;
}

static const struct extent *extent_of_pa(const struct physmem *m, uint64_t pa)
{
	const struct extent *e;

	if (m->n_extents == 1)
		return range_has(m->extents[0].pa, pa) ? &m->extents[0] : NULL;
	/* Scattered memory is a root, or an import over the root's extents. */
	e = graph_extent_of_pa(m->extents[0].arena->pool->graph, pa);
	return e && e->physmem == m->root ? e : NULL;
}

bool physmem_offset_of(const struct physmem *m, uint64_t pa, uint64_t *out)
{
	const struct extent *e = extent_of_pa(m, pa);

	if (!e)
		return false;
	*out = e->offset + (pa - e->pa.first);
	return true;
}

/* The largest allowed block of whole aligned pages that holds pa and lies inside the extent. */
static struct range block_of(const struct physmem *m, const struct extent *e, uint64_t pa)
{
	static const uint64_t blocks[] = { SZ_1M, SZ_64K, SZ_4K };
	uint64_t sizes = attr_phys_sizes(m->attr);

	if (attr_phys_any_size(m->attr) || (m->attr & VCM_PHYS_CONT) ||
	    m->extents != m->root->extents)
		return e->pa;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		uint64_t first = align_down(pa, blocks[i]);
		struct range block = { first, first + (blocks[i] - 1) };

		if ((sizes & blocks[i]) && range_covers(e->pa, block))
			return block;
	}
	return e->pa;
}

bool physmem_next_segment(const struct physmem *m, uint64_t after, struct range *out)
{
	const struct extent *e;

	if (!after) {
		*out = block_of(m, &m->extents[0], m->extents[0].pa.first);
		return true;
	}
	e = extent_of_pa(m, after);
	if (!e)
		return false;
	*out = block_of(m, e, after);
	if (out->last < e->pa.last) {
		*out = block_of(m, e, out->last + 1);
		return true;
	}
	e++;
	if (e == m->extents + m->n_extents)
		return false;
	*out = block_of(m, e, e->pa.first);
	return true;
}

/* Memory that was meant to be shared may be in others' hands: it is closed. */
static bool is_worth_keeping(const struct plan *p, const struct extent *e)
{
	const struct user *u = e->arena->user;
	uint64_t len = range_len(e->arena->range);

	return len <= ARENA_KEEP_LEN && !(e->physmem->attr & VCM_COHERENT) &&
	       u->cached_bytes + p->keeping + len <= ARENA_CACHE_MAX;
}

/* Ends an arena that the plan leaves empty, or has the freed part zeroed for its user's next use. */
static void retire_extent(struct plan *p, const struct extent *e)
{
	struct arena *a = e->arena;
	uint64_t len = range_len(a->range);

	if (a->quarantined || a->closing)
		return;
	if (a->used == a->leaving && !is_worth_keeping(p, e)) {
		arena_close(a);
		plan_change(p, CHANGE_ARENA_GONE, a, NULL, 0);
		plan_step(p, &(struct step){ .kind = STEP_ARENA_FREE, .late = true, .arena = a });
		return;
	}
	if (a->used == a->leaving)
		p->keeping += len;
	plan_step(p, &(struct step){ .kind = STEP_ZERO, .late = true, .arena = a, .range = e->pa });
}

static int check_free(struct plan *p, struct physmem *m)
{
	const struct physmem *alias = m == m->root ? alias_of_owner(m) : NULL;

	if (m->n_backings)
		return refuse(
			p->why, -EBUSY,
			"physmem %u backs %zu reservations, the first of them %u: unback them first",
			m->obj.handle, m->n_backings,
			RB_MIN(res_backing_tree, &m->backings)->obj.handle);
	if (alias)
		return refuse(p->why, -EBUSY,
			      "physmem %u is the memory of alias %u: free that first",
			      m->obj.handle, alias->obj.handle);
	return 0;
}

/* What nobody has any more: its handle, if it has one, and its memory go. There is room in the plan. */
static void drop(struct plan *p, struct physmem *m)
{
	physmem_unlink(m);
	physmem_leave(m);
	plan_change(p, CHANGE_PHYSMEM_GONE, m, NULL, 0);
	for (size_t i = 0; m->root == m && i < m->n_extents; i++)
		retire_extent(p, &m->extents[i]);
}

int plan_physmem_free(struct plan *p, struct physmem *m)
{
	struct physmem *root = m->root;
	int r = check_free(p, m);

	if (r == 0)
		r = plan_revoke(p, m);
	if (r == 0) /* an alias may be the last that keeps an orphan */
		r = plan_want(p, 2 + root->n_extents, root->n_extents);
	if (r < 0)
		return r;
	if (root == m && m->aliases.n) {
		physmem_orphan(m);
		plan_change(p, CHANGE_PHYSMEM_ORPHANED, m, NULL, 0);
		return 0;
	}
	drop(p, m);
	if (root->orphaned && !root->aliases.n)
		drop(p, root);
	return 0;
}

void physmem_init(struct physmem *m)
{
	m->root = m;
	m->writable = true;
	aliases_init(&m->aliases);
	TAILQ_INIT(&m->mapped);
	RB_INIT(&m->backings);
}

int physmem_make(struct plan *p, struct session *s, uint32_t handle, struct physmem **out)
{
	struct physmem *m = mem_new0(struct physmem);
	int r;

	if (!m)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	r = object_admit(&m->obj, s, handle, OBJECT_PHYSMEM, 1, p->why);
	if (r < 0) {
		mem_free(m);
		return r;
	}
	physmem_init(m);
	*out = m;
	return 0;
}
