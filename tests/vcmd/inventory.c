// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/inventory.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "graph/arena.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/space.h"
#include "graph/vcm.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/machine.h"

static void put_physmem(FILE *f, struct broker *b, const struct physmem *m)
{
	fprintf(f,
		"physmem id %" PRIu64 " root %" PRIu64 "/%u len %" PRIx64
		" type %u attr %x n %zu back %zu map %zu imports %zu paid %" PRIx64
		" cache %d %d%d%d%d\n",
		m->id, m->root->obj.session ? m->root->obj.session->id : 0, m->root->obj.handle,
		m->len, m->memtype, m->attr, m->n_extents, m->n_backings, m->n_mappings,
		m->aliases.n_imports, m->paid, m->n_mappings ? m->root->cache : -1, m->secure,
		m->writable, m->is_import, m->orphaned);
	for (size_t i = 0; i < m->n_extents; i++) {
		const struct extent *e = &m->extents[i];
		uint8_t bytes[16] = { 0 };

		memory_read(b->memory, e->pa.first, bytes, sizeof(bytes));
		fprintf(f,
			"  extent %" PRIx64 "+%" PRIx64 " at %" PRIx64 " arena %u: %02x%02x%02x\n",
			e->pa.first, range_len(e->pa), e->offset, e->arena ? e->arena->id : 0,
			bytes[0], bytes[1], bytes[15]);
	}
	for (int i = 0; i < 2; i++)
		if (m->grants[i])
			fprintf(f, "  grant %d %" PRIx64 " %" PRIx64 "\n", i,
				m->grants[i]->token.where, m->grants[i]->token.secret);
}

static void put_vcm(FILE *f, const struct vcm *v)
{
	fprintf(f,
		"vcm id %" PRIu64 " type %d %" PRIx64 "-%" PRIx64
		" n_res %zu avcms %u active %u used %" PRIx64 "\n",
		v->id, (int)v->type, v->range.first, v->range.last, v->n_res, v->n_avcms,
		v->n_active, v->type == VCM_DEVICE ? space_used(v->space) : 0);
}

static void put_res(FILE *f, const struct res *r)
{
	fprintf(f, "res vcm %u %" PRIx64 "+%" PRIx64 " attr %x physmem %u bound %u\n",
		r->vcm->obj.handle, r->addr, r->len, r->attr,
		r->physmem ? r->physmem->obj.handle : 0, r->bound ? r->bound->obj.handle : 0);
}

static void put_object(FILE *f, struct broker *b, const struct object *o)
{
	const struct bound *bound;
	const struct avcm *a;

	fprintf(f, "%" PRIu64 "/%x: weight %u ", o->session->id, o->handle, o->weight);
	switch ((enum object_kind)o->kind) {
	case OBJECT_VCM:
		put_vcm(f, (const struct vcm *)o);
		break;
	case OBJECT_RES:
		put_res(f, (const struct res *)o);
		break;
	case OBJECT_BOUND:
		bound = (const struct bound *)o;
		fprintf(f, "bound vcm %u %" PRIx64 "-%" PRIx64 " n %" PRIu64 "\n",
			bound->vcm->obj.handle, bound->range.first, bound->range.last,
			bound->n_res);
		break;
	case OBJECT_AVCM:
		a = (const struct avcm *)o;
		fprintf(f, "avcm vcm %u device %s attr %x active %d\n", a->vcm->obj.handle,
			a->device->name, a->attr, a->active);
		break;
	case OBJECT_PHYSMEM:
		put_physmem(f, b, (const struct physmem *)o);
		break;
	case N_OBJECT_KINDS:
		break;
	}
}

static void put_session(FILE *f, struct broker *b, const struct session *s)
{
	const struct client *c = client_of(s);
	const struct hook *h;

	fprintf(f,
		"session %" PRIu64 " uid %u %s bytes %" PRIx64 " active %" PRIu64 " last %" PRIu64
		"\n",
		s->id, s->user->uid, c->name, s->bytes, s->n_active, c->last_changed);
	for (uint32_t device = 1; device < 32; device++)
		LIST_FOREACH(h, &c->hooks, link)
			if (h->device == device)
				fprintf(f, "hook %u\n", device);
	for (uint32_t i = 0;;) {
		const struct object *o = handles_next(&s->client, i);

		if (!o)
			break;
		put_object(f, b, o);
		i = o->handle + 1;
	}
	for (uint32_t i = 0;;) {
		const struct object *o = handles_next(&s->broker, i);

		if (!o)
			break;
		put_object(f, b, o);
		i = (o->handle & ~HANDLE_BROKER) + 1;
	}
}

static void put_memory(FILE *f, struct broker *b)
{
	const struct pool *pool;
	const struct arena *a;
	struct extent *e;
	struct user *u;

	TAILQ_FOREACH(pool, &b->graph->pools, link) {
		fprintf(f, "pool %u used %" PRIx64 "\n", pool->memtype, pool->used);
		TAILQ_FOREACH(a, &pool->arenas, link)
			if (a->used)
				fprintf(f,
					"arena %u uid %u %" PRIx64 "-%" PRIx64 " used %" PRIx64
					" %d%d%d\n",
					a->id, a->user->uid, a->range.first, a->range.last, a->used,
					a->sole, a->contiguous, a->disowned);
	}
	RB_FOREACH(e, extent_tree, &b->graph->extents)
		if (e->physmem->orphaned && e == e->physmem->extents)
			put_physmem(f, b, e->physmem);
	RB_FOREACH(u, user_tree, &b->graph->users)
		if (u->n_sessions)
			fprintf(f, "user %u bytes %" PRIx64 " sessions %" PRIu64 "\n", u->uid,
				u->bytes, u->n_sessions);
}

/* What devices reach, page by page where tests put their regions. */
static void put_translations(FILE *f, const struct device *d)
{
	const struct machine_device *hw = d->hw;
	uint64_t pa;

	for (uint64_t base = 0x10000000; hw->backend && base <= 0x40000000; base += 0x10000000)
		for (uint64_t at = base; at < base + 4 * SZ_1M; at += SZ_4K)
			if (hw->backend->ops->translate(hw->backend, hw->context, at, &pa) == 0)
				fprintf(f, "%s: %" PRIx64 " -> %" PRIx64 "\n", d->name, at, pa);
}

char *inventory(struct broker *b)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	const struct device *d;
	struct session *s;

	ck_assert(f != NULL);
	put_memory(f, b);
	RB_FOREACH(s, session_tree, &b->graph->sessions)
		put_session(f, b, s);
	TAILQ_FOREACH(d, &b->graph->devices, link)
		put_translations(f, d);
	fclose(f);
	return text;
}

void inventory_equal(char *a, char *b)
{
	size_t at = 0, line = 0;

	while (a[at] && a[at] == b[at]) {
		at++;
		if (a[at - 1] == '\n')
			line = at;
	}
	ck_assert_msg(a[at] == b[at], "was:\n%.*s\nis:\n%.*s", (int)strcspn(a + line, "\n"),
		      a + line, (int)strcspn(b + line, "\n"), b + line);
	free(a);
	free(b);
}
