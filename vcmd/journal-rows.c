// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/journal-rows.h"

#include <stdio.h>
#include <string.h>

#include "graph/arena.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/grant.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/pool.h"
#include "graph/res.h"
#include "graph/session.h"
#include "graph/user.h"
#include "graph/vcm.h"
#include "journal/writer.h"
#include "vcmd/client.h"
#include "vcmd/replies.h"

static void *row_of(struct writer *w, enum row_kind kind, const struct object *o, size_t len)
{
	return writer_row(w, kind, o->session->id, o->handle, len);
}

static void put_vcm(struct writer *w, const struct vcm *v)
{
	struct row_vcm *row = row_of(w, ROW_VCM, &v->obj, sizeof(*row));

	if (row)
		*row = (struct row_vcm){
			.id = v->id, .first = v->range.first, .last = v->range.last, .type = v->type
		};
}

static void put_bound(struct writer *w, const struct bound *b)
{
	struct row_bound *row = row_of(w, ROW_BOUND, &b->obj, sizeof(*row));

	if (row)
		*row = (struct row_bound){ .first = b->range.first,
					   .last = b->range.last,
					   .vcm = b->vcm->obj.handle };
}

static void put_res(struct writer *w, const struct res *r)
{
	struct row_res *row = row_of(w, ROW_RES, &r->obj, sizeof(*row));

	if (row)
		*row = (struct row_res){ .addr = r->addr,
					 .len = r->len,
					 .vcm = r->vcm->obj.handle,
					 .bound = r->bound ? r->bound->obj.handle : 0,
					 .physmem = r->physmem ? r->physmem->obj.handle : 0,
					 .attr = r->attr };
}

static void put_physmem(struct writer *w, const struct physmem *m, uint64_t session, uint64_t key)
{
	bool whole = m->root != m && m->extents == m->root->extents;
	size_t n = whole ? 0 : m->n_extents;
	struct row_physmem *row = writer_row(w, ROW_PHYSMEM, session, key,
					     sizeof(*row) + n * sizeof(struct row_extent));

	if (!row)
		return;
	*row = (struct row_physmem){ .id = m->id,
				     .len = m->len,
				     .memtype = m->memtype,
				     .attr = m->attr,
				     .flags = (m->root != m ? ROW_PHYSMEM_ALIAS : 0u) |
					      (m->is_import ? ROW_PHYSMEM_IMPORT : 0u) |
					      (m->writable ? 0u : ROW_PHYSMEM_READ_ONLY) |
					      (whole ? ROW_PHYSMEM_WHOLE : 0u),
				     .paid = m->paid,
				     .n_extents = (uint32_t)n };
	for (size_t i = 0; i < n; i++) {
		const struct extent *e = &m->extents[i];

		row->extents[i] = (struct row_extent){ .first = e->pa.first,
						       .len = range_len(e->pa),
						       .arena = e->arena ? e->arena->id : 0 };
	}
}

static void put_avcm(struct writer *w, const struct avcm *a)
{
	struct row_avcm *row = row_of(w, ROW_AVCM, &a->obj, sizeof(*row));

	if (!row)
		return;
	row->vcm = a->vcm->obj.handle;
	row->attr = a->attr;
	row->is_active = a->active;
	snprintf(row->device, sizeof(row->device), "%s", a->device->name);
}

static enum row_kind row_kind_of(const struct object *o)
{
	static const enum row_kind kinds[N_OBJECT_KINDS] = {
		[OBJECT_VCM] = ROW_VCM,         [OBJECT_RES] = ROW_RES,
		[OBJECT_BOUND] = ROW_BOUND,     [OBJECT_AVCM] = ROW_AVCM,
		[OBJECT_PHYSMEM] = ROW_PHYSMEM,
	};

	return kinds[o->kind];
}

void rows_put(struct writer *w, const struct object *o)
{
	switch ((enum object_kind)o->kind) {
	case OBJECT_VCM:
		put_vcm(w, (const struct vcm *)o);
		break;
	case OBJECT_RES:
		put_res(w, (const struct res *)o);
		break;
	case OBJECT_BOUND:
		put_bound(w, (const struct bound *)o);
		break;
	case OBJECT_AVCM:
		put_avcm(w, (const struct avcm *)o);
		break;
	case OBJECT_PHYSMEM:
		put_physmem(w, (const struct physmem *)o, o->session->id, o->handle);
		break;
	case N_OBJECT_KINDS:
		break;
	}
}

void rows_put_arena(struct writer *w, const struct arena *a)
{
	struct row_arena *row = writer_row(w, ROW_ARENA, 0, a->id, sizeof(*row));

	if (row)
		*row = (struct row_arena){
			.uid = a->user->uid,
			.memtype = a->pool->memtype,
			.first = a->range.first,
			.last = a->range.last,
			.stored = a->stored,
			.flags = (a->sole ? ROW_ARENA_SOLE : 0u) |
				 (a->contiguous ? ROW_ARENA_CONTIGUOUS : 0u) |
				 (a->quarantined ? ROW_ARENA_QUARANTINED : 0u),
		};
}

void rows_put_session(struct writer *w, const struct client *c)
{
	struct row_session *row = writer_row(w, ROW_SESSION, c->session->id, 0, sizeof(*row));

	if (!row)
		return;
	row->uid = c->uid;
	row->gid = c->gid;
	row->pid = (uint64_t)c->pid;
	row->flags = c->is_nodes ? ROW_SESSION_NODE : ROW_SESSION_LOCAL;
	memcpy(row->token, c->token, sizeof(row->token));
	snprintf(row->name, sizeof(row->name), "%s", c->name);
	if (c->state == CLIENT_ENDING || c->over)
		writer_flag(row, ROW_OVER);
	if (c->incomplete)
		writer_flag(row, ROW_PART);
}

void rows_put_hook(struct writer *w, const struct client *c, const struct device *d, bool set)
{
	struct row_hook *row = writer_row(w, ROW_HOOK, c->session->id, d->number, sizeof(*row));

	if (!row)
		return;
	row->set = set;
	snprintf(row->device, sizeof(row->device), "%s", d->name);
}

static struct row_reply *put_reply(struct writer *w, const struct client *c, uint64_t serial,
				   size_t n_values)
{
	struct row_reply *row = writer_row(w, ROW_REPLY, c->session->id, serial,
					   sizeof(*row) + n_values * sizeof(uint64_t));

	if (!row)
		return NULL;
	row->ack = c->replies.ack;
	row->n_handles = c->session->client.limit;
	row->n_values = (uint32_t)n_values;
	return row;
}

void rows_put_last(struct writer *w, const struct client *c, uint64_t serial)
{
	writer_flag(put_reply(w, c, serial, 0), ROW_OVER);
}

void rows_put_reply(struct writer *w, const struct client *c, const struct reply_kept *reply)
{
	struct row_reply *row = put_reply(w, c, reply->serial, reply->n_values);
	size_t len = reply->n_values * sizeof(uint64_t);

	if (row && len > 0)
		memcpy(row->values, reply->values, len);
}

static void gone(struct writer *w, const struct object *o)
{
	writer_gone(w, row_kind_of(o), o->session->id, o->handle);
}

void rows_put_orphan(struct writer *w, const struct physmem *m)
{
	put_physmem(w, m, 0, m->id);
}

void rows_put_grant(struct writer *w, const struct grant *g)
{
	const struct object *o = &g->physmem->obj;
	struct row_grant *row =
		writer_row(w, ROW_GRANT, o->session->id, g->token.where, sizeof(*row));

	if (row)
		*row = (struct row_grant){ .secret = g->token.secret,
					   .physmem = o->handle,
					   .writable = g->writable };
}

static void physmem_gone(struct writer *w, const struct physmem *m)
{
	if (m->orphaned)
		writer_gone(w, ROW_PHYSMEM, 0, m->id);
	else
		gone(w, &m->obj);
}

static void grant_gone(struct writer *w, const struct grant *g)
{
	writer_gone(w, ROW_GRANT, g->physmem->obj.session->id, g->token.where);
}

static void put_change(struct writer *w, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_VCM_NEW:
	case CHANGE_RES_NEW:
	case CHANGE_BOUND_NEW:
	case CHANGE_AVCM_NEW:
	case CHANGE_PHYSMEM_NEW:
	case CHANGE_BACKED:
	case CHANGE_UNBACKED:
	case CHANGE_RES_ATTR:
	case CHANGE_AVCM_ATTR:
	case CHANGE_ACTIVE:
	case CHANGE_INACTIVE:
		rows_put(w, c->object);
		break;
	case CHANGE_VCM_GONE:
	case CHANGE_RES_GONE:
	case CHANGE_BOUND_GONE:
	case CHANGE_AVCM_GONE:
		gone(w, c->object);
		break;
	case CHANGE_PHYSMEM_GONE:
		physmem_gone(w, c->object);
		break;
	case CHANGE_PHYSMEM_ORPHANED:
		gone(w, c->object);
		rows_put_orphan(w, c->object);
		break;
	case CHANGE_GRANT_NEW:
		rows_put_grant(w, c->object);
		break;
	case CHANGE_GRANT_GONE:
		grant_gone(w, c->object);
		break;
	case CHANGE_ARENA_NEW:
		rows_put_arena(w, c->object);
		break;
	case CHANGE_ARENA_GONE:
		if (!((const struct arena *)c->object)->quarantined)
			writer_gone(w, ROW_ARENA, 0, ((const struct arena *)c->object)->id);
		break;
	case CHANGE_TABLE_NEW:
	case CHANGE_TABLE_GONE:
	case CHANGE_ARENA_REVIVED:
		break;
	}
}

/* A reservation that is made and backed at once is one row: the object, as it is when all is done. */
void rows_of_plan(struct writer *w, const struct plan *p)
{
	for (size_t i = 0; i < p->n_changes; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_RES_NEW && i + 1 < p->n_changes &&
		    c[1].kind == CHANGE_BACKED && c[1].object == c->object)
			continue;
		put_change(w, c);
	}
}
