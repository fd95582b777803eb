// SPDX-License-Identifier: BSD-3-Clause
/*
 * Sessions and memory of an earlier process, put back. Regions and what is in them: restore-region.c.
 */
#include "graph/restore.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/attr.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "graph/space.h"

#define NO_MEMORY(why) refuse((why), -ENOMEM, "the broker is out of memory")

int restore_session(struct graph *g, struct user *u, uint64_t id, uint32_t n_handles,
		    struct session **out, struct reason *why)
{
	struct session key = { .id = id }, *s;
	int r;

	if (!id || n_handles >= HANDLE_BROKER || RB_FIND(session_tree, &g->sessions, &key))
		return refuse(why, -EINVAL, "it cannot be a session's number, or is there already");
	g->next_session = id - 1;
	r = session_new(g, u, &s, why);
	if (r < 0)
		return r;
	s->client.limit = n_handles;
	s->restoring = true;
	*out = s;
	return 0;
}

/* --- arenas */

static bool is_pages(struct range r)
{
	return r.first <= r.last && r.first > 0 && is_aligned(r.first, PAGE_LEN) &&
	       is_aligned(r.last + 1, PAGE_LEN);
}

static struct pool *pool_of(const struct graph *g, uint32_t memtype, struct range r)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &g->pools, link)
		for (size_t i = 0; pool->memtype == memtype && i < pool->n_ranges; i++)
			if (range_covers(pool->ranges[i], r))
				return pool;
	return NULL;
}

int restore_arena(struct user *u, const struct restored_arena *was, struct arena **out,
		  struct reason *why)
{
	struct pool *pool =
		is_pages(was->range) ? pool_of(u->graph, was->memtype, was->range) : NULL;
	int r;

	if (!was->id || !pool)
		return refuse(why, -EINVAL, "the configuration has no such memory any more");
	r = pool_take_at(pool, was->range);
	if (r < 0)
		return refuse(why, r == -ENOMEM ? r : -EINVAL,
			      r == -ENOMEM ? "the broker is out of memory" :
					     "its addresses are another arena's");
	u->graph->next_arena = was->id - 1;
	*out = arena_new(u, pool, was->range, was->contiguous, was->sole);
	if (!*out) {
		pool_put(pool, was->range);
		return NO_MEMORY(why);
	}
	(*out)->stored = was->stored;
	if (was->quarantined)
		arena_quarantine(*out);
	return 0;
}

void restore_no_arena(struct arena *a)
{
	a->quarantined = false;
	arena_end(a);
}

/* --- physmems that own memory */

static int check_extent(const struct physmem *m, const struct restored_extent *e,
			const struct user *owner, struct reason *why)
{
	const struct arena *a = e->arena;

	if (!a || !is_pages(e->range) || !range_covers(a->range, e->range))
		return refuse(why, -EINVAL, "its memory is in no arena that is there");
	if (a->pool->memtype != m->memtype || (owner && a->user != owner))
		return refuse(why, -EINVAL, "arena %u is of another kind, or of another user",
			      a->id);
	if (a->sole ? a->used || !range_covers(e->range, a->range) : (m->attr & VCM_COHERENT) != 0)
		return refuse(why, -EINVAL, "it is not what arena %u can hold", a->id);
	return 0;
}

static int take_extent(struct physmem *m, const struct restored_extent *was, struct reason *why)
{
	struct extent *e = &m->extents[m->n_extents];
	int r = 0;

	if (was->arena->sole)
		arena_fill(was->arena);
	else
		r = arena_take_at(was->arena, was->range);
	if (r < 0)
		return refuse(why, r == -ENOMEM ? r : -EINVAL,
			      r == -ENOMEM ? "the broker is out of memory" :
					     "its memory is another's already");
	*e = (struct extent){
		.physmem = m, .arena = was->arena, .pa = was->range, .offset = m->len
	};
	m->secure = was->arena->pool->secure;
	m->n_extents++;
	m->len += range_len(was->range);
	return 0;
}

static int take_extents(struct physmem *m, const struct restored_physmem *was,
			const struct user *owner, struct reason *why)
{
	int r = 0;

	m->extents = mem_zalloc_n(was->n_extents, sizeof(*m->extents));
	if (!m->extents)
		return NO_MEMORY(why);
	for (size_t i = 0; i < was->n_extents && r == 0; i++) {
		r = check_extent(m, &was->extents[i], owner, why);
		if (r == 0)
			r = take_extent(m, &was->extents[i], why);
	}
	if (r == 0 && m->len != was->len)
		r = refuse(why, -EINVAL, "its parts do not add up to its length");
	return r;
}

static struct physmem *drop(struct physmem *m)
{
	for (size_t i = 0; m->root == m && i < m->n_extents; i++)
		arena_put(m->extents[i].arena, m->extents[i].pa);
	m->n_extents = 0;
	physmem_destroy(m);
	return NULL;
}

/* Of no session. */
static struct physmem *orphan_make(void)
{
	struct physmem *m = mem_new0(struct physmem);

	if (!m)
		return NULL;
	physmem_init(m);
	m->orphaned = true;
	return m;
}

static int make(struct graph *g, struct session *s, uint32_t handle, struct physmem **out,
		struct reason *why)
{
	struct plan p = { .graph = g, .why = why };

	if (s)
		return physmem_make(&p, s, handle, out);
	*out = orphan_make();
	return *out ? 0 : NO_MEMORY(why);
}

static int charge_extents(struct physmem *m, struct reason *why)
{
	uint64_t weight = m->n_extents / 3; /* as when it was allocated */
	int r = 0;

	if (!m->obj.session)
		return 0;
	r = user_charge_objects(m->obj.session->user, weight, why);
	if (r == 0)
		m->obj.weight += weight & 0x7ffffff;
	return r;
}

static int restore_root(struct physmem *m, const struct restored_physmem *was, struct reason *why)
{
	int r = attr_check_phys(was->attr, was->len, why);

	m->id = was->id;
	m->memtype = was->memtype;
	m->attr = was->attr;
	if (r == 0)
		r = take_extents(m, was, m->obj.session ? m->obj.session->user : NULL, why);
	return r == 0 ? charge_extents(m, why) : r;
}

/* --- aliases and imports */

static const struct extent *extent_around(const struct physmem *root, struct range r)
{
	for (size_t i = 0; i < root->n_extents; i++)
		if (range_covers(root->extents[i].pa, r))
			return &root->extents[i];
	return NULL;
}

/* All of the root's extents, or one inside one of them. */
static int take_part(struct physmem *m, const struct restored_physmem *was, struct reason *why)
{
	const struct physmem *root = was->root;
	const struct extent *e;

	if (!was->n_extents) {
		m->extents = root->extents;
		m->n_extents = root->n_extents;
		m->len = root->len;
		return 0;
	}
	e = was->n_extents == 1 ? extent_around(root, was->extents[0].range) : NULL;
	if (!e || !is_pages(was->extents[0].range))
		return refuse(why, -EINVAL, "it is no part of the memory that it names");
	m->extents = mem_new0(struct extent);
	if (!m->extents)
		return NO_MEMORY(why);
	m->n_extents = 1;
	m->extents[0] =
		(struct extent){ .physmem = m, .arena = e->arena, .pa = was->extents[0].range };
	m->len = range_len(m->extents[0].pa);
	return 0;
}

static int check_share(const struct physmem *m, const struct restored_physmem *was,
		       struct reason *why)
{
	const struct physmem *root = was->root;
	const struct arena *a = root->extents[0].arena;
	bool is_foreign = a && a->user != m->obj.session->user;

	if (is_foreign && !(root->attr & VCM_COHERENT))
		return refuse(why, -EINVAL, "the memory is another user's");
	if ((was->paid && was->paid != root->len) || (is_foreign && !was->paid))
		return refuse(why, -EINVAL, "what it pays is not what the memory costs");
	if (m->is_import && root->aliases.n_imports >= IMPORTS_MAX)
		return refuse(why, -EINVAL, "the memory has too many imports");
	return 0;
}

static int restore_alias(struct physmem *m, const struct restored_physmem *was, struct reason *why)
{
	int r;

	alias_take_nature(m, was->root);
	m->writable = was->writable;
	r = take_part(m, was, why);
	if (r == 0 && m->len != was->len)
		r = refuse(why, -EINVAL, "its part is not of its length");
	if (r == 0)
		r = check_share(m, was, why);
	if (r < 0)
		return r;
	m->paid = was->paid;
	m->obj.session->user->bytes += m->paid;
	return 0;
}

int restore_physmem(struct graph *g, struct session *s, uint32_t handle,
		    const struct restored_physmem *was, struct physmem **out, struct reason *why)
{
	struct physmem *m = NULL;
	int r;

	if (was->root ? was->root->root != was->root || !s : !was->n_extents)
		return refuse(why, -EINVAL, "it has no memory");
	r = make(g, s, handle, &m, why);
	if (r < 0)
		return r;
	assert(m);
	r = was->root ? restore_alias(m, was, why) : restore_root(m, was, why);
	if (r < 0) {
		drop(m);
		return r;
	}
	physmem_link(m);
	physmem_settle(m);
	*out = m;
	return 0;
}

int restore_grant(struct physmem *m, struct token token, bool writable, struct reason *why)
{
	struct graph *g = m->obj.session->graph;
	struct grant key = { .token = token }, *grant;
	int r;

	if (!m->memtype || (writable && !m->writable) || m->grants[writable] ||
	    RB_FIND(grant_tree, &g->grants, &key))
		return refuse(why, -EINVAL, "physmem %u cannot be granted so", m->obj.handle);
	r = user_charge_objects(m->obj.session->user, 1, why);
	if (r < 0)
		return r;
	grant = mem_new0(struct grant);
	if (!grant) {
		user_release_objects(m->obj.session->user, 1);
		return NO_MEMORY(why);
	}
	*grant = (struct grant){ .physmem = m, .token = token, .writable = writable };
	grant_link(grant);
	return 0;
}

/* --- the end */

/* A user of the arena who has a part in it pays for it; else the imports alone do. */
static bool is_paid_for(const struct physmem *orphan)
{
	const struct physmem *import;

	TAILQ_FOREACH(import, &orphan->aliases.imports, import_link)
		if (import->obj.session->user == orphan->extents[0].arena->user && !import->paid)
			return true;
	return false;
}

static void settle_orphan(struct physmem *m)
{
	if (!m->aliases.n) {
		physmem_unlink(m);
		drop(m);
		return;
	}
	for (size_t i = 0; i < m->n_extents && !is_paid_for(m); i++)
		if (m->extents[i].arena->sole)
			arena_disown(m->extents[i].arena);
}

static void settle_orphans(struct graph *g)
{
	struct extent *e = RB_MIN(extent_tree, &g->extents), *next;

	for (; e; e = next) {
		struct physmem *m = e->physmem;

		next = RB_NEXT(extent_tree, &g->extents, e);
		if (!m->orphaned || e != m->extents)
			continue;
		while (next && next->physmem == m) /* its own extents go with it */
			next = RB_NEXT(extent_tree, &g->extents, next);
		settle_orphan(m);
	}
}

static void settle_arena(struct arena *a, bool suspect,
			 void (*on_empty)(void *ctx, struct arena *a), void *ctx)
{
	if (a->quarantined)
		return;
	if (suspect && !a->sole)
		arena_quarantine(a);
	else if (!a->used)
		on_empty(ctx, a);
}

void restore_end(struct graph *g, const struct restored_ids *ids, bool suspect,
		 void (*on_empty)(void *ctx, struct arena *a), void *ctx)
{
	struct arena *a, *next;
	struct pool *pool;
	struct session *s;

	settle_orphans(g);
	TAILQ_FOREACH(pool, &g->pools, link)
		TAILQ_FOREACH_SAFE(a, &pool->arenas, link, next)
			settle_arena(a, suspect, on_empty, ctx);
	RB_FOREACH(s, session_tree, &g->sessions)
		s->restoring = false;
	g->next_session = ids->session;
	g->next_id = ids->object;
	g->next_arena = ids->arena;
}
