// SPDX-License-Identifier: BSD-3-Clause
#include "graph/alias.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/grant.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/session.h"

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

static int cmp_part(const struct physmem *m, uint64_t session, struct range part)
{
	int c = CMP(m->obj.session->id, session);

	if (!c)
		c = CMP(m->part.first, part.first);
	return c ? c : CMP(m->part.last, part.last);
}

static int alias_cmp(const struct physmem *a, const struct physmem *b)
{
	int c = cmp_part(a, b->obj.session->id, b->part);

	return c ? c : CMP(a->obj.handle, b->obj.handle);
}

static uint64_t furthest(const struct physmem *m)
{
	return m ? m->furthest : 0;
}

static void measure(struct physmem *m)
{
	uint64_t left = furthest(RB_LEFT(m, by_part)), right = furthest(RB_RIGHT(m, by_part));

	m->furthest = left > right ? left : right;
	if (m->part.last > m->furthest)
		m->furthest = m->part.last;
}

#undef RB_AUGMENT
#define RB_AUGMENT(m) measure(m)
RB_GENERATE(alias_tree, physmem, by_part, alias_cmp)

/* The tree measures those that it turns; those above them are measured here. */
static void measure_up(struct physmem *m)
{
	for (; m; m = RB_PARENT(m, by_part))
		measure(m);
}

void aliases_init(struct aliases *a)
{
	RB_INIT(&a->tree);
	TAILQ_INIT(&a->imports);
}

/* What it is over, in the root's offsets: all of it, or one run inside one extent. */
static struct range part_of(const struct physmem *m)
{
	uint64_t offset = 0;
	bool found = m->extents == m->root->extents ||
		     physmem_offset_of(m->root, m->extents[0].pa.first, &offset);

	assert(found);
	(void)found;
	return (struct range){ offset, offset + (m->len - 1) };
}

void alias_link(struct physmem *m)
{
	struct aliases *a = &m->root->aliases;

	m->part = part_of(m);
	RB_INSERT(alias_tree, &a->tree, m);
	measure_up(m);
	a->n++;
	if (!m->is_import)
		return;
	TAILQ_INSERT_TAIL(&a->imports, m, import_link);
	a->n_imports++;
}

void alias_unlink(struct physmem *m)
{
	struct aliases *a = &m->root->aliases;
	struct physmem *above = RB_PARENT(m, by_part);

	RB_REMOVE(alias_tree, &a->tree, m);
	measure_up(above);
	a->n--;
	if (!m->is_import)
		return;
	TAILQ_REMOVE(&a->imports, m, import_link);
	a->n_imports--;
}

/* --- which are over an offset ------------------------------------------------------------------------------------- */

struct search {
	const struct session *session;
	const struct physmem *after;
	uint64_t offset;
};

static bool is_passed(const struct physmem *m, const struct search *q)
{
	return m->obj.session->id < q->session->id || (q->after && alias_cmp(m, q->after) <= 0);
}

static bool is_beyond(const struct physmem *m, const struct search *q)
{
	return m->obj.session->id > q->session->id || m->part.first > q->offset;
}

/*
 * A subtree that is neither passed nor beyond, and reaches the offset, has what is sought: so only the ways down along
 * those two edges are walked.
 */
static struct physmem *seek(struct physmem *m, const struct search *q)
{
	struct physmem *found;

	if (!m || m->furthest < q->offset)
		return NULL;
	if (is_passed(m, q))
		return seek(RB_RIGHT(m, by_part), q);
	found = seek(RB_LEFT(m, by_part), q);
	if (found || is_beyond(m, q))
		return found;
	return m->part.last >= q->offset ? m : seek(RB_RIGHT(m, by_part), q);
}

/* The first alias that is not before these; NULL. */
static struct physmem *first_from(const struct physmem *root, uint64_t session, struct range part)
{
	struct physmem *m = RB_ROOT(&root->aliases.tree), *best = NULL;

	while (m) {
		bool is_before = cmp_part(m, session, part) < 0;

		if (!is_before)
			best = m;
		m = is_before ? RB_RIGHT(m, by_part) : RB_LEFT(m, by_part);
	}
	return best;
}

static const struct session *session_from(const struct physmem *root, uint64_t id)
{
	const struct physmem *m = first_from(root, id, (struct range){ 0, 0 });

	return m ? m->obj.session : NULL;
}

struct physmem *alias_over(const struct physmem *root, const struct session *s, uint64_t offset,
			   const struct physmem *after)
{
	struct search q = { .session = s, .after = after, .offset = offset };
	struct physmem *found = NULL;

	if (s)
		return seek(RB_ROOT(&root->aliases.tree), &q);
	q.session = after ? after->obj.session : session_from(root, 0);
	while (q.session && !(found = seek(RB_ROOT(&root->aliases.tree), &q)))
		q.session = session_from(root, q.session->id + 1);
	return found;
}

struct physmem *alias_exactly(const struct physmem *root, const struct session *s,
			      struct range part)
{
	struct physmem *m = first_from(root, s->id, part);

	return m && cmp_part(m, s->id, part) == 0 ? m : NULL;
}

struct physmem *alias_of_owner(const struct physmem *root)
{
	const struct session *owner = root->obj.session;
	struct physmem *m = first_from(root, owner->id, (struct range){ 0, 0 });

	return m && m->obj.session == owner ? m : NULL;
}

/* Returns how many there are. */
static size_t check_below(const struct physmem *root, const struct physmem *m)
{
	const struct physmem *left, *right;
	size_t n = 1;

	if (!m)
		return 0;
	left = RB_LEFT(m, by_part);
	right = RB_RIGHT(m, by_part);
	assert(m->root == root && m->part.last < root->len);
	assert(range_len(m->part) == m->len);
	assert(!left || alias_cmp(left, m) < 0);
	assert(!right || alias_cmp(m, right) < 0);
	assert(m->furthest >= m->part.last && m->furthest >= furthest(left) &&
	       m->furthest >= furthest(right));
	assert(m->furthest == m->part.last || m->furthest == furthest(left) ||
	       m->furthest == furthest(right));
	n += check_below(root, left);
	return n + check_below(root, right);
}

void aliases_check(const struct physmem *root)
{
	size_t n = check_below(root, RB_ROOT(&root->aliases.tree));

	assert(n == root->aliases.n);
	(void)n;
}

/* --- making them -------------------------------------------------------------------------------------------------- */

static bool is_window(const struct physmem *root)
{
	return !root->memtype;
}

static bool is_owned_by(const struct physmem *root, const struct session *s)
{
	return !root->orphaned && root->obj.session == s;
}

void alias_take_nature(struct physmem *m, struct physmem *root)
{
	m->root = root;
	m->id = root->id;
	m->memtype = root->memtype;
	m->attr = root->attr;
	m->secure = root->secure;
	m->is_import = !is_window(root) && !is_owned_by(root, m->obj.session);
}

/* It pays for its user what the arena's user does not. */
static int pay(struct plan *p, struct physmem *m)
{
	const struct arena *a = m->root->extents[0].arena;
	struct user *u = m->obj.session->user;
	int r;

	if (!a || (a->user == u && !a->disowned))
		return 0;
	r = user_check_bytes(u, m->root->len, p->why);
	if (r < 0)
		return r;
	m->paid = m->root->len;
	u->bytes += m->paid;
	return 0;
}

int alias_admit(struct plan *p, struct physmem *m)
{
	if (m->is_import && m->root->aliases.n_imports >= IMPORTS_MAX)
		return refuse(p->why, -EDQUOT, "the memory has %u imports and may have no more",
			      IMPORTS_MAX);
	if (!is_window(m->root) && m->root->aliases.n >= ALIASES_MAX)
		return refuse(p->why, -EDQUOT, "the memory has %u aliases and may have no more",
			      ALIASES_MAX);
	return pay(p, m);
}

/*
 * Whether the session may name a part of the root: it owns it, has an alias over all of the part, or the configuration opens
 * it. Out: whether it may be written.
 */
static bool may_name(const struct session *s, const struct physmem *root, struct range part,
		     bool *out_writable)
{
	bool named = is_window(root) || is_owned_by(root, s);
	struct physmem *alias;

	*out_writable = named;
	if (named)
		return true;
	TAILQ_FOREACH(alias, &root->aliases.imports, import_link)
		if (alias->obj.session == s && range_covers(alias->part, part)) {
			named = true;
			*out_writable |= alias->writable;
		}
	return named;
}

static int make(struct plan *p, struct session *s, uint32_t handle, struct physmem *root,
		const struct extent *e, struct range pages, struct physmem **out)
{
	struct physmem *m = NULL;
	int r = physmem_make(p, s, handle, &m);

	if (r < 0)
		return r;
	assert(m);
	alias_take_nature(m, root);
	m->len = range_len(pages);
	*out = m;
	m->extents = mem_new0(struct extent);
	if (!m->extents)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	m->n_extents = 1;
	m->extents[0] = (struct extent){ .physmem = m, .arena = e->arena, .pa = pages };
	return alias_admit(p, m);
}

static int add(struct plan *p, struct session *s, uint32_t handle, struct physmem *root,
	       const struct extent *e, struct range pages, bool writable)
{
	struct physmem *m = NULL;
	int r = plan_want(p, 1, 0);

	if (r == 0)
		r = make(p, s, handle, root, e, pages, &m);
	if (r < 0) {
		if (m)
			physmem_destroy(m);
		return r;
	}
	assert(m);
	m->writable = writable;
	physmem_link(m);
	plan_change(p, CHANGE_PHYSMEM_NEW, m, NULL, 0);
	return 0;
}

int plan_physmem_map(struct plan *p, struct session *s, uint32_t handle, uint64_t pa, uint64_t len)
{
	struct extent *e = graph_extent_of_pa(s->graph, pa);
	struct range pages, part;
	bool writable;

	if (!range_make(pa, len, &pages) || !is_aligned(pa, PAGE_LEN) || !is_aligned(len, PAGE_LEN))
		return refuse(p->why, -EINVAL, "0x%llx bytes at 0x%llx are not whole pages of 4096",
			      (unsigned long long)len, (unsigned long long)pa);
	if (e)
		part = (struct range){
			e->offset + (pa - e->pa.first),
			e->offset +
				((pages.last < e->pa.last ? pages.last : e->pa.last) - e->pa.first)
		};
	if (!e || !may_name(s, e->physmem, part, &writable))
		return refuse(p->why, -EINVAL,
			      "0x%llx is in no physmem of this session and in no window",
			      (unsigned long long)pa);
	if (!range_covers(e->pa, pages))
		return refuse(p->why, -EINVAL,
			      "0x%llx bytes at 0x%llx go beyond the segment that holds them",
			      (unsigned long long)len, (unsigned long long)pa);
	return add(p, s, handle, e->physmem, e, pages, writable);
}
