// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/journal-compact.h"

#include "graph/graph.h"
#include "journal/writer.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/journal-rows.h"
#include "vcmd/replies.h"

#define HANDLES_END ((uint64_t)UINT32_MAX + 1)

/* The arenas of a pool are in the order of their ids. Returns how many rows are left of n. */
static size_t put_arenas(struct walk *walk, const struct pool *pool, struct writer *w, size_t n)
{
	const struct arena *a;

	TAILQ_FOREACH(a, &pool->arenas, link) {
		if (a->id <= walk->arena)
			continue;
		if (n == 0)
			return 0;
		rows_put_arena(w, a);
		walk->arena = a->id;
		n--;
	}
	walk->pool++;
	walk->arena = 0;
	return n;
}

static size_t step_arenas(struct walk *walk, struct broker *b, struct writer *w, size_t n)
{
	const struct pool *pool;
	size_t i = 0;

	TAILQ_FOREACH(pool, &b->graph->pools, link)
		if (i++ == walk->pool)
			return put_arenas(walk, pool, w, n);
	walk->phase = WALK_ORPHANS;
	return n;
}

/* One extent a step: most are of memory that is somebody's. */
static void step_orphans(struct walk *walk, struct broker *b, struct writer *w)
{
	struct extent key = { .pa.first = walk->orphan };
	const struct extent *e = RB_NFIND(extent_tree, &b->graph->extents, &key);

	if (!e) {
		walk->phase = WALK_SESSIONS;
		return;
	}
	if (e->physmem->orphaned && e == e->physmem->extents)
		rows_put_orphan(w, e->physmem);
	walk->orphan = e->pa.first + 1;
}

static void put_session(struct writer *w, const struct client *c)
{
	struct reply_kept reply = { 0 };
	const struct hook *h;
	size_t cursor = 0;

	rows_put_session(w, c);
	LIST_FOREACH(h, &c->hooks, link)
		rows_put_hook(w, c, device_by_number(c->session->graph, h->device), true);
	while (replies_next(&c->replies, &cursor, &reply))
		rows_put_reply(w, c, &reply);
	if (reply.serial != c->last_changed || cursor == 0)
		rows_put_last(w, c, c->last_changed);
}

static struct session *session_from(struct graph *g, uint64_t id)
{
	struct session probe = { .id = id };

	return RB_NFIND(session_tree, &g->sessions, &probe);
}

static void next_session(struct walk *walk, struct broker *b, struct writer *w)
{
	const struct session *s = session_from(b->graph, walk->session + 1);

	if (!s) {
		walk->phase = WALK_DONE;
		return;
	}
	walk->session = s->id;
	walk->handle = 0;
	put_session(w, client_of(s));
}

/* The object at walk->handle or above, of either half. */
static const struct object *next_object(const struct walk *walk, const struct session *s)
{
	const struct object *o = NULL;

	if (walk->handle < HANDLE_BROKER)
		o = handles_next(&s->client, (uint32_t)walk->handle);
	if (o || walk->handle >= HANDLES_END)
		return o;
	return handles_next(&s->broker, walk->handle < HANDLE_BROKER ?
						0 :
						(uint32_t)walk->handle & ~HANDLE_BROKER);
}

static void put_grants(struct writer *w, const struct physmem *m)
{
	for (int writable = 0; writable < 2; writable++)
		if (m->grants[writable])
			rows_put_grant(w, m->grants[writable]);
}

static void step_session(struct walk *walk, struct broker *b, struct writer *w)
{
	const struct session *s = walk->session ? session_from(b->graph, walk->session) : NULL;
	const struct object *o = s && s->id == walk->session ? next_object(walk, s) : NULL;

	if (!o) {
		next_session(walk, b, w);
		return;
	}
	rows_put(w, o);
	if (o->kind == OBJECT_PHYSMEM)
		put_grants(w, (const struct physmem *)o);
	walk->handle = (uint64_t)o->handle + 1;
}

void walk_step(struct walk *walk, struct broker *b, struct writer *w, size_t n)
{
	while (n > 0 && walk->phase != WALK_DONE) {
		n -= walk->phase != WALK_ARENAS;
		switch (walk->phase) {
		case WALK_ARENAS:
			n = step_arenas(walk, b, w, n);
			break;
		case WALK_ORPHANS:
			step_orphans(walk, b, w);
			break;
		case WALK_SESSIONS:
			step_session(walk, b, w);
			break;
		case WALK_DONE:
			break;
		}
	}
}
