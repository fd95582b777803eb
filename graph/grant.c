// SPDX-License-Identifier: BSD-3-Clause
#include "graph/grant.h"

#include <assert.h>
#include <errno.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/plan.h"

/* What a grant counts for in its user's quota. */
#define GRANT_WEIGHT 1

static int grant_cmp(const struct grant *a, const struct grant *b)
{
	return a->token.where < b->token.where ? -1 : a->token.where > b->token.where;
}

RB_GENERATE(grant_tree, grant, by_token, grant_cmp)

static struct graph *graph_of(const struct grant *g)
{
	return g->physmem->obj.session->graph;
}

void grant_link(struct grant *g)
{
	RB_INSERT(grant_tree, &graph_of(g)->grants, g);
	g->physmem->grants[g->writable] = g;
}

void grant_unlink(struct grant *g)
{
	RB_REMOVE(grant_tree, &graph_of(g)->grants, g);
	g->physmem->grants[g->writable] = NULL;
}

void grant_destroy(struct grant *g)
{
	user_release_objects(g->physmem->obj.session->user, GRANT_WEIGHT);
	mem_free(g);
}

static struct grant *grant_at(struct graph *g, uint64_t where)
{
	struct grant key = { .token.where = where };

	return RB_FIND(grant_tree, &g->grants, &key);
}

static int check_export(struct plan *p, const struct physmem *m, bool writable)
{
	if (!m->memtype)
		return refuse(p->why, -EINVAL,
			      "physmem %u is a window: the configuration says who may name it",
			      m->obj.handle);
	if (writable && !m->writable)
		return refuse(
			p->why, -EACCES,
			"physmem %u was imported to be read: it cannot be given to be written",
			m->obj.handle);
	return 0;
}

static int grant_make(struct plan *p, struct physmem *m, bool writable, struct token token,
		      struct grant **out)
{
	struct grant *g;
	int r = plan_want(p, 1, 0);

	if (r == 0 && grant_at(p->graph, token.where))
		r = refuse(p->why, -EAGAIN, "the token is in use: try again");
	if (r == 0)
		r = user_charge_objects(m->obj.session->user, GRANT_WEIGHT, p->why);
	if (r < 0)
		return r;
	g = mem_new0(struct grant);
	if (!g) {
		user_release_objects(m->obj.session->user, GRANT_WEIGHT);
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	}
	*g = (struct grant){ .physmem = m, .token = token, .writable = writable };
	*out = g;
	return 0;
}

int plan_export(struct plan *p, struct physmem *m, bool writable, struct token fresh,
		const struct grant **out)
{
	struct grant *g;
	int r = check_export(p, m, writable);

	if (r < 0)
		return r;
	*out = m->grants[writable];
	if (*out)
		return 0;
	r = grant_make(p, m, writable, fresh, &g);
	if (r < 0)
		return r;
	grant_link(g);
	plan_change(p, CHANGE_GRANT_NEW, g, NULL, 0);
	*out = g;
	return 0;
}

int plan_revoke(struct plan *p, struct physmem *m)
{
	int r = plan_want(p, 2, 0);

	for (int writable = 0; r == 0 && writable < 2; writable++) {
		struct grant *g = m->grants[writable];

		if (!g)
			continue;
		grant_unlink(g);
		plan_change(p, CHANGE_GRANT_GONE, g, NULL, 0);
	}
	return r;
}

/* NULL when the token stands for nothing. Takes as long for a wrong secret as for the right one. */
static struct grant *find(struct graph *g, struct token token)
{
	struct grant *found = grant_at(g, token.where);
	volatile uint64_t differs = found ? found->token.secret ^ token.secret : 1;

	return differs ? NULL : found;
}

static bool is_foreign(const struct session *s, const struct physmem *root)
{
	return root->extents[0].arena->user != s->user;
}

static int check_import(struct plan *p, const struct session *s, const struct physmem *m)
{
	const struct physmem *root = m->root;

	if (is_foreign(s, root) && !(root->attr & VCM_COHERENT))
		return refuse(
			p->why, -EACCES,
			"the memory is another user's, and was not allocated VCM_COHERENT to be shared");
	if (is_foreign(s, root) && m->len != root->len)
		return refuse(
			p->why, -EACCES,
			"the token is for a part of another user's memory, which is shared whole");
	return 0;
}

/* Over all of the memory, the extents are the root's; over a part of it, which is one run, an extent of its own. */
static int take_extents(struct plan *p, struct physmem *m, const struct physmem *from)
{
	m->extents = from->extents;
	m->n_extents = from->n_extents;
	if (from->extents == from->root->extents)
		return 0;
	m->extents = mem_new0(struct extent);
	if (!m->extents)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	m->extents[0] = from->extents[0];
	m->extents[0].physmem = m;
	return 0;
}

int plan_import(struct plan *p, struct session *s, uint32_t handle, struct token token)
{
	const struct grant *g = find(p->graph, token);
	struct physmem *m = NULL;
	int r = plan_want(p, 1, 0);

	if (r == 0 && !g)
		r = refuse(
			p->why, -EACCES,
			"the token gives no right: it is wrong, or was revoked, or the memory is gone");
	if (r == 0)
		r = check_import(p, s, g->physmem);
	if (r == 0)
		r = physmem_make(p, s, handle, &m);
	if (r < 0)
		return r;
	assert(m);
	alias_take_nature(m, g->physmem->root);
	m->len = g->physmem->len;
	m->writable = g->writable;
	r = take_extents(p, m, g->physmem);
	if (r == 0)
		r = alias_admit(p, m);
	if (r < 0) {
		physmem_destroy(m);
		return r;
	}
	physmem_link(m);
	plan_change(p, CHANGE_PHYSMEM_NEW, m, NULL, 0);
	return 0;
}
