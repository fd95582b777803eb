// SPDX-License-Identifier: BSD-3-Clause
/*
 * Everything that must hold of a graph while no plan is open, found out by walking all of it. It allocates nothing and
 * changes nothing, and trusts no count that it can make itself.
 */
#undef NDEBUG
#include <assert.h>

#include "graph/attr.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/space.h"
#include "graph/vcm.h"

/* What objects say, to be compared with what their owners have counted. */
struct tally {
	uint64_t active, kernel_bytes;
	uint64_t extents; /* that physmems own */
	uint64_t grants;
};

static struct range range_of(const struct res *r)
{
	return (struct range){ r->addr, r->addr + (r->len - 1) };
}

static void check_object(const struct object *o, const struct session *s, enum object_kind kind)
{
	assert(o->session == s && o->kind == kind && o->weight > 0);
	assert(session_find(s, o->handle, kind, NULL) == o);
}

/* Both ends of what an object has taken from a space are taken there. */
static void check_taken(struct space *space, struct range r)
{
	assert(!space_is_free(space, (struct range){ r.first, r.first + (PAGE_LEN - 1) }));
	assert(!space_is_free(space, (struct range){ r.last - (PAGE_LEN - 1), r.last }));
}

static void check_backing(struct res *r)
{
	struct physmem *m = r->physmem;

	assert(r->obj.session == m->obj.session);
	assert(RB_FIND(res_backing_tree, &m->backings, r) == r);
	assert(r->len == m->len);
	assert(attr_res_cache(r->attr) == m->root->cache);
	assert(m->secure == ((attr_res_access(r->attr) & VCM_SECURE) != 0));
	assert(m->writable || !(attr_res_access(r->attr) & VCM_WRITE));
	if (r->vcm->type == VCM_ONE_TO_ONE) {
		assert(m->writable && physmem_is_contiguous(m) &&
		       r->addr == m->extents[0].pa.first);
		assert(range_covers(r->vcm->range, m->extents[0].pa));
	}
}

static void check_res(struct vcm *v, struct res *r)
{
	bool placeless = v->type == VCM_ONE_TO_ONE && !r->physmem;

	check_object(&r->obj, v->obj.session, OBJECT_RES);
	assert(r->vcm == v && r->len && is_aligned(r->len, PAGE_LEN));
	assert(attr_check_res(r->attr, NULL) == 0);
	assert((r->addr == RES_NO_ADDR) == placeless);
	if (r->physmem)
		check_backing(r);
	if (placeless)
		return;
	assert(is_aligned(r->addr, PAGE_LEN) && range_covers(v->range, range_of(r)));
	if (r->bound)
		assert(r->bound->vcm == v && range_covers(r->bound->range, range_of(r)));
	if (r->bound)
		check_taken(r->bound->space, range_of(r));
	else if (v->space)
		check_taken(v->space, range_of(r));
}

/* Returns the bytes that its reservations outside of bounds have taken. */
static uint64_t check_reservations(struct vcm *v)
{
	struct res *r, *last = NULL;
	uint64_t bytes = 0;
	size_t n = 0, n_backed = 0;

	VCM_FOREACH_RES(r, v) {
		check_res(v, r);
		if (last && v->type != VCM_ONE_TO_ONE)
			assert(range_of(last).last < r->addr);
		if (last && v->type == VCM_ONE_TO_ONE)
			assert(last->addr <= r->addr);
		bytes += r->bound ? 0 : r->len;
		last = r;
		n_backed += r->physmem != NULL;
		n++;
	}
	assert(n == v->n_res && n_backed == v->n_backed);
	return bytes;
}

static void check_bound(struct vcm *v, struct bound *b)
{
	struct res *before = b->range.first ? vcm_res_before(v, b->range.first - 1) : NULL, *r;
	uint64_t bytes = 0, n = 0;

	check_object(&b->obj, v->obj.session, OBJECT_BOUND);
	assert(b->vcm == v && range_covers(v->range, b->range));
	assert(is_aligned(b->range.first, PAGE_LEN) && is_aligned(range_len(b->range), PAGE_LEN));
	assert(!before || range_of(before).last < b->range.first);
	for (r = vcm_res_next(v, before); r && r->addr <= b->range.last; r = vcm_res_next(v, r)) {
		assert(r->bound == b); /* ordinary reservations stay out */
		bytes += r->len;
		n++;
	}
	assert(n == b->n_res && bytes == space_used(b->space));
	assert(space_range(b->space).first == b->range.first &&
	       space_range(b->space).last == b->range.last);
	if (v->space)
		check_taken(v->space, b->range);
}

/* Returns the bytes that its bounds have taken. */
static uint64_t check_bounds(struct vcm *v)
{
	struct bound *b, *last = NULL;
	uint64_t bytes = 0, n_res = 0;
	struct res *r;

	RB_FOREACH(b, bound_tree, &v->bounds) {
		check_bound(v, b);
		assert(!last || last->range.last < b->range.first);
		bytes += range_len(b->range);
		n_res += b->n_res;
		last = b;
	}
	VCM_FOREACH_RES(r, v)
		n_res -= r->bound != NULL;
	assert(n_res == 0);
	return bytes;
}

static void check_avcm(struct vcm *v, const struct avcm *a)
{
	const struct avcm *other;
	struct assoc_half half;
	unsigned int listed = 0;

	check_object(&a->obj, v->obj.session, OBJECT_AVCM);
	assert(a->vcm == v && attr_check_assoc(a->attr, &half, NULL) == 0);
	assert(half.split == a->half.split && half.high == a->half.high);
	assert((a->device->kind == DEVICE_IOMMU) == (v->type == VCM_DEVICE));
	assert((a->device->kind == DEVICE_ONE_TO_ONE) == (v->type == VCM_ONE_TO_ONE));
	assert(a->table == (a->device->format ? vcm_table_of(v, a->device->format) : NULL));
	assert(!a->device->format || a->table);
	TAILQ_FOREACH(other, &a->device->active, device_link)
		listed += other == a;
	assert(listed == a->active);
}

static void check_tables(const struct vcm *v)
{
	const struct vcm_table *t;
	const struct avcm *a;

	TAILQ_FOREACH(t, &v->tables, link) {
		unsigned int n = 0;

		assert(t->vcm == v && vcm_table_of(v, t->format) == t); /* one a format */
		TAILQ_FOREACH(a, &v->avcms, vcm_link)
			n += a->table == t;
		assert(n == t->n_avcms && n > 0);
	}
}

static void check_avcms(struct vcm *v)
{
	unsigned int n = 0, n_active = 0;
	const struct avcm *a;

	TAILQ_FOREACH(a, &v->avcms, vcm_link) {
		check_avcm(v, a);
		n++;
		n_active += a->active;
	}
	assert(n == v->n_avcms && n_active == v->n_active);
	check_tables(v);
}

static void check_vcm(struct session *s, struct vcm *v, struct tally *all)
{
	uint64_t bytes = check_reservations(v) + check_bounds(v);

	check_object(&v->obj, s, OBJECT_VCM);
	check_avcms(v);
	all->active += v->n_active;
	switch (v->type) {
	case VCM_DEVICE:
		assert(space_used(v->space) == bytes);
		assert(range_covers(v->range, space_range(v->space)));
		break;
	case VCM_EXT_KERNEL:
		assert(v->space == s->graph->kernel);
		all->kernel_bytes += bytes;
		break;
	case VCM_EXT_USER:
	case VCM_ONE_TO_ONE:
		assert(!v->space);
		break;
	}
}

/* An extent of a root; user: who owns it, NULL when nobody does any more. */
static void check_owned(const struct physmem *m, struct extent *e, const struct user *user)
{
	assert(RB_FIND(extent_tree, &e->arena->pool->graph->extents, e) == e);
	/* No two users share one, but by import. */
	assert(user ? e->arena->user == user : (m->attr & VCM_COHERENT) || !e->arena->disowned);
	assert(!e->arena->disowned || (!user && e->arena->sole));
	assert(range_covers(e->arena->range, e->pa));
	assert(e->arena->pool->memtype == m->memtype && !e->arena->cached);
	assert(e->arena->pool->secure == m->secure);
	assert(!(m->attr & VCM_COHERENT) || e->arena->sole);
}

static void check_extents(const struct physmem *m, const struct user *user)
{
	uint64_t offset = 0;

	assert(m->n_extents > 0);
	for (size_t i = 0; i < m->n_extents; i++) {
		struct extent *e = &m->extents[i];

		assert(e->physmem == (m->extents == m->root->extents ? m->root : m));
		assert(e->offset == offset);
		assert(is_aligned(e->pa.first, PAGE_LEN) && is_aligned(range_len(e->pa), PAGE_LEN));
		offset += range_len(e->pa);
		if (m->root == m)
			check_owned(m, e, user);
	}
	assert(offset == m->len);
}

static size_t check_backings(struct physmem *m)
{
	struct res *r;
	size_t n = 0;

	RB_FOREACH(r, res_backing_tree, &m->backings) {
		assert(r->physmem == m);
		n++;
	}
	assert(n == m->n_backings);
	return n;
}

/* Another user's memory is paid for; its own is by its arena. */
static void check_pay(const struct physmem *m)
{
	const struct arena *a = m->extents[0].arena;

	assert(!m->paid || m->paid == m->root->len);
	assert(!a || m->paid || (a->user == m->obj.session->user && !a->disowned));
	assert(!a || a->user == m->obj.session->user || (m->root->attr & VCM_COHERENT));
}

static void check_alias(const struct physmem *m)
{
	const struct extent *e = graph_extent_of_pa(m->obj.session->graph, m->extents[0].pa.first);

	assert(e && e->physmem == m->root && range_covers(e->pa, m->extents[0].pa));
	assert(m->extents == m->root->extents || m->n_extents == 1);
	assert(m->extents[0].arena == e->arena && m->id == m->root->id);
	assert(m->secure == m->root->secure && !m->aliases.n && !m->orphaned);
	assert(m->is_import || !m->root->memtype || m->root->obj.session == m->obj.session);
	check_pay(m);
	assert(alias_over(m->root, m->obj.session, m->part.first, NULL));
}

static void check_root(struct physmem *m)
{
	size_t n = check_backings(m), n_imports = 0;
	const struct physmem *user;

	aliases_check(m);
	TAILQ_FOREACH(user, &m->aliases.imports, import_link)
		n_imports += user->is_import;
	TAILQ_FOREACH(user, &m->mapped, mapped_link) {
		assert(user->root == m && user->n_backings);
		n += user == m ? 0 : user->n_backings;
	}
	assert(n == m->n_mappings && n_imports == m->aliases.n_imports && m->writable && !m->paid);
	assert(n_imports <= IMPORTS_MAX);
}

/* Nobody's own, but somebody's import; its arena's user pays as long as it is one of those. */
static void check_orphan(struct physmem *m)
{
	const struct arena *a = m->extents[0].arena;
	const struct physmem *alias;
	bool is_shared_by_user = false;

	check_extents(m, NULL);
	check_root(m);
	assert(!m->obj.session && !m->n_backings && m->aliases.n);
	assert(!m->grants[0] && !m->grants[1] && m->root == m);
	TAILQ_FOREACH(alias, &m->aliases.imports, import_link)
		is_shared_by_user |= alias->obj.session->user == a->user && !alias->paid;
	assert(is_shared_by_user || a->disowned);
}

static void check_grants(const struct physmem *m, struct tally *all)
{
	for (int writable = 0; writable < 2; writable++) {
		struct grant *g = m->grants[writable];

		if (!g)
			continue;
		assert(g->physmem == m && g->writable == writable && m->memtype);
		assert(!writable || m->writable);
		assert(RB_FIND(grant_tree, &m->obj.session->graph->grants, g) == g);
		all->grants++;
	}
}

static void check_physmems(struct session *s, struct tally *all)
{
	bool roots = false;
	struct physmem *m;
	uint64_t bytes = 0;

	TAILQ_FOREACH(m, &s->physmems, link) {
		check_object(&m->obj, s, OBJECT_PHYSMEM);
		check_extents(m, s->user);
		check_grants(m, all);
		if (m->root != m) {
			assert(!roots); /* aliases come first */
			check_backings(m);
			check_alias(m);
			continue;
		}
		check_root(m);
		assert(!m->orphaned && !m->is_import);
		roots = true;
		bytes += m->len;
		all->extents += m->n_extents;
	}
	assert(bytes == s->bytes);
}

/* Counts what one half of the handles names. */
static void check_handles(const struct session *s, const struct handles *h, uint32_t half,
			  uint64_t *counts)
{
	size_t n_made = 0, n_roomed = 0, n_rooms = 0;

	for (uint32_t i = 0; i < h->limit; i++) {
		const struct object *o = handles_get(h, i);

		if (!o)
			continue;
		assert(o->session == s && o->handle == (i | half) && o->kind < N_OBJECT_KINDS);
		assert(o->handle != 0);
		counts[o->kind]++;
		n_roomed += o->roomed;
	}
	for (uint32_t i = 0; i < h->n_chunks * HANDLE_CHUNK_PAGES; i++) {
		const struct handle_page *page = handles_page(h, i);

		if (!page)
			continue;
		n_made++;
		n_rooms += (size_t)__builtin_popcount(page->rooms);
		assert(page->listed || page->n_used == HANDLE_PAGE_SLOTS);
	}
	assert(n_made == h->n_made && n_roomed == n_rooms);
}

static uint64_t weight_of(const struct handles *h)
{
	const struct object *o;
	uint64_t weight = 0;

	for (uint32_t i = 0; i < h->limit; i++) {
		o = handles_get(h, i);
		weight += o ? o->weight : 0;
	}
	return weight;
}

static void check_session(struct session *s, struct tally *all)
{
	uint64_t counts[N_OBJECT_KINDS] = { 0 }, active = all->active, n_vcms = 0, n_res = 0;
	const struct avcm *a;
	struct vcm *v;

	assert(RB_FIND(user_tree, &s->graph->users, s->user) == s->user);
	check_handles(s, &s->client, 0, counts);
	check_handles(s, &s->broker, HANDLE_BROKER, counts);
	for (size_t i = 0; i < N_OBJECT_KINDS; i++)
		assert(counts[i] == s->counts[i]);
	TAILQ_FOREACH(v, &s->vcms, link) {
		check_vcm(s, v, all);
		n_vcms++;
		n_res += v->n_res;
	}
	assert(n_vcms == s->counts[OBJECT_VCM] && n_res == s->counts[OBJECT_RES]);
	assert(all->active - active == s->n_active);
	TAILQ_FOREACH(a, &s->active, session_link) {
		assert(a->active && a->obj.session == s);
		active++;
	}
	assert(all->active == active);
	check_physmems(s, all);
}

/* The bytes of an arena's range that physmems have. */
static uint64_t owned_in(struct graph *g, const struct arena *a)
{
	struct extent *e = RB_NFIND(extent_tree, &g->extents, &(struct extent){ .pa = a->range });
	uint64_t n = 0;

	for (; e && e->pa.first <= a->range.last; e = RB_NEXT(extent_tree, &g->extents, e)) {
		assert(e->arena == a);
		n += range_len(e->pa);
	}
	return n;
}

static void check_arena(struct graph *g, struct pool *pool, struct arena *a)
{
	const struct arena *other;
	unsigned int kept = 0;

	assert(a->pool == pool && !a->leaving && !a->closing);
	assert(!a->space == a->sole && a->used == owned_in(g, a));
	assert(a->quarantined || a->cached == !a->used);
	assert(!a->sole || !a->used || a->used == range_len(a->range));
	assert(a->sole || a->quarantined || space_used(a->space) == a->used);
	assert(!a->quarantined || (!a->placed && !a->cached));
	assert(a->placed == (!a->quarantined && (!a->sole || a->cached)));
	if (a->placed) {
		assert(RB_FIND(arena_tree, &a->user->arenas, a) == a);
		assert(a->room ==
		       (a->sole ? range_len(a->range) : space_largest(a->space, PAGE_LEN)));
	}
	TAILQ_FOREACH(other, &pool->arenas, link)
		assert(other == a || !range_meets(other->range, a->range));
	TAILQ_FOREACH(other, &pool->cached, cached_link)
		kept += other == a;
	assert(kept == a->cached);
}

static void check_pool(struct graph *g, struct pool *pool)
{
	uint64_t used = 0, cached = 0, quarantined = 0, n = 0, len = 0, held = 0;
	struct arena *a;

	TAILQ_FOREACH(a, &pool->arenas, link) {
		check_arena(g, pool, a);
		used += a->used;
		cached += a->cached ? range_len(a->range) : 0;
		quarantined += a->quarantined ? range_len(a->range) : 0;
		held += range_len(a->range);
		n++;
	}
	for (size_t i = 0; i < pool->n_ranges; i++)
		len += range_len(pool->ranges[i]);
	assert(used == pool->used && cached == pool->cached_bytes && n == pool->n_arenas);
	assert(quarantined == pool->quarantined && pool->high_water >= used && len == pool->len);
	assert(pool_free_bytes(pool) == len - held);
}

static uint64_t paid_by(const struct session *s)
{
	const struct physmem *m;
	uint64_t n = 0;

	TAILQ_FOREACH(m, &s->physmems, link)
		n += m->paid;
	return n;
}

static uint64_t granted_by(const struct session *s)
{
	const struct physmem *m;
	uint64_t n = 0;

	TAILQ_FOREACH(m, &s->physmems, link)
		n += (m->grants[0] != NULL) + (m->grants[1] != NULL);
	return n;
}

static void check_user(struct graph *g, struct user *u)
{
	uint64_t bytes = 0, cached = 0, sessions = 0, placed = 0, objects = 0, arenas = 0;
	struct session *s;
	struct pool *pool;
	struct arena *a;

	TAILQ_FOREACH(pool, &g->pools, link)
		TAILQ_FOREACH(a, &pool->arenas, link) {
			if (a->user != u)
				continue;
			arenas += !a->cached;
			bytes += a->cached || a->disowned ? 0 : range_len(a->range);
			cached += a->cached ? range_len(a->range) : 0;
			placed += a->placed;
		}
	RB_FOREACH(a, arena_tree, &u->arenas) {
		assert(a->user == u && a->placed);
		placed--;
	}
	RB_FOREACH(s, session_tree, &g->sessions)
		if (s->user == u) {
			sessions++;
			objects += s->pages_charged + weight_of(&s->client) + weight_of(&s->broker);
			bytes += paid_by(s);
			objects += granted_by(s);
		}
	assert(u->graph == g && placed == 0 && sessions == u->n_sessions && objects == u->objects);
	assert(bytes == u->bytes && cached == u->cached_bytes && cached <= ARENA_CACHE_MAX);
	assert(arenas == u->n_arenas);
}

static void check_device(struct graph *g, const struct device *d)
{
	const struct avcm *a, *first = TAILQ_FIRST(&d->active);
	unsigned int n = 0;

	assert(device_by_number(g, d->number) == d && device_by_name(g, d->name) == d);
	assert((d->kind == DEVICE_IOMMU) == (d->format != NULL));
	TAILQ_FOREACH(a, &d->active, device_link) {
		assert(a->active && a->device == d);
		n++;
		/* One vcm on a context, or a low and a high one of the same split and session. */
		if (d->kind == DEVICE_IOMMU && a != first)
			assert(n == 2 && a->half.split && a->half.split == first->half.split &&
			       a->half.high != first->half.high &&
			       a->obj.session == first->obj.session);
	}
	assert(n == d->n_active);
}

static void check_memory(struct graph *g, struct tally *all)
{
	struct extent *e, *last = NULL;
	struct physmem *window;
	struct grant *grant;
	uint64_t n = 0;

	RB_FOREACH(e, extent_tree, &g->extents) {
		assert(!last || last->pa.last < e->pa.first);
		last = e;
		n++;
		if (e->physmem->orphaned && e == e->physmem->extents) {
			check_orphan(e->physmem);
			all->extents += e->physmem->n_extents;
		}
	}
	RB_FOREACH(grant, grant_tree, &g->grants)
		all->grants--;
	assert(all->grants == 0);
	TAILQ_FOREACH(window, &g->windows, link) {
		assert(!window->obj.session && window->root == window && !window->n_backings);
		assert(RB_FIND(extent_tree, &g->extents, &window->extents[0]) == window->extents);
		check_root(window);
		all->extents++;
	}
	assert(n == all->extents);
}

void graph_check(struct graph *g)
{
	struct tally all = { 0 };
	uint64_t n_objects = 0;
	struct session *s;
	struct device *d;
	struct pool *pool;
	struct user *u;

	RB_FOREACH(s, session_tree, &g->sessions) {
		assert(s->graph == g);
		check_session(s, &all);
	}
	TAILQ_FOREACH(d, &g->devices, link)
		check_device(g, d);
	TAILQ_FOREACH(pool, &g->pools, link)
		check_pool(g, pool);
	RB_FOREACH(u, user_tree, &g->users) {
		check_user(g, u);
		n_objects += u->objects;
	}
	assert(n_objects == g->n_objects);
	check_memory(g, &all);
	assert(all.kernel_bytes == space_used(g->kernel) && all.active == g->n_active);
}
