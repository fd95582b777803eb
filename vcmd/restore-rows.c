// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/restore-rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/arena.h"
#include "graph/avcm.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/restore.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/program.h"
#include "vcmd/store.h"

/* Lost rows that are logged one by one; what is more is counted. */
#define LOST_SAID 200

static struct client *client_of_row(const struct restoring *r, const struct row_head *row);
static struct arena *arena_of(const struct restoring *r, uint64_t id);

/* --- what is lost */

static void say_lost(struct restoring *r, const struct row_head *row, const char *why)
{
	if (++r->report->n_lost > LOST_SAID)
		return;
	if (row->session)
		log_error("restore: session %" PRIu64 ": %s %" PRIu64 " is lost: %s", row->session,
			  row_kind_name(row->kind), row->key, why);
	else
		log_error("restore: %s %" PRIu64 " is lost: %s", row_kind_name(row->kind), row->key,
			  why);
}

/* Of memory that is lost it is known who may still reach it: nobody gets what is near it. */
static void bar(struct restoring *r, const struct row_physmem *lost)
{
	for (size_t i = 0; i < lost->n_extents; i++) {
		struct arena *a = arena_of(r, lost->extents[i].arena);

		if (a)
			arena_quarantine(a);
	}
}

/* What came of a row: want of memory is no loss, but the end of the attempt. */
static void account(struct restoring *r, const struct row_head *row, int ret,
		    const struct reason *why)
{
	struct client *c;

	if (ret == 0) {
		r->report->n_objects++;
		return;
	}
	if (ret == -ENOMEM) {
		r->no_memory = true;
		return;
	}
	c = client_of_row(r, row);
	if (c)
		c->incomplete = true;
	if (row->kind == ROW_PHYSMEM)
		bar(r, row_body(row, sizeof(struct row_physmem)));
	say_lost(r, row, why->text);
}

/* --- whose */

static struct session *session_of(const struct restoring *r, uint64_t id)
{
	struct session key = { .id = id };

	return RB_FIND(session_tree, &r->broker->graph->sessions, &key);
}

static struct client *client_of_row(const struct restoring *r, const struct row_head *row)
{
	const struct session *s = session_of(r, row->session);

	return s ? client_of(s) : NULL;
}

/* Quotas come back with restore_end(): what was there is not refused. */
static struct user *user_of(const struct restoring *r, uint32_t uid)
{
	const struct limits none = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

	return user_get(r->broker->graph, uid, &none);
}

/* --- sessions */

/* Where the rows of a session begin, or would, among rows that are sorted by it. */
static size_t first_of(const struct row_head *const *rows, size_t n, uint64_t session)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rows[mid]->session < session)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint32_t handles_of(const struct restoring *r, uint64_t session)
{
	size_t n;
	const struct row_head *const *rows = fold_rows(r->fold, ROW_REPLY, &n);
	uint32_t highest = 0;

	for (size_t i = first_of(rows, n, session); i < n && rows[i]->session == session; i++) {
		const struct row_reply *reply = row_body(rows[i], sizeof(*reply));

		if (reply->n_handles > highest)
			highest = reply->n_handles;
	}
	return highest;
}

static int take_session(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_session *was = row_body(row, sizeof(*was));
	struct user *u = user_of(r, was->uid);
	struct session *s;
	struct client *c;
	int ret;

	if (!u)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	ret = restore_session(r->broker->graph, u, row->session, handles_of(r, row->session), &s,
			      why);
	if (ret < 0)
		return ret;
	c = client_restore(r->broker, s);
	if (!c) {
		session_free(s);
		return refuse(why, -ENOMEM, "the broker is out of memory");
	}
	c->pid = (pid_t)was->pid;
	c->is_nodes = was->flags & ROW_SESSION_NODE || (!was->flags && !was->pid);
	c->gid = was->gid;
	memcpy(c->token, was->token, sizeof(c->token));
	snprintf(c->name, sizeof(c->name), "%s", was->name);
	c->over = row->flags & ROW_OVER;
	c->incomplete = row->flags & ROW_PART;
	r->report->n_sessions++;
	return 0;
}

static int take_reply(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_reply *was = row_body(row, sizeof(*was));
	struct client *c = client_of_row(r, row);

	if (!c)
		return refuse(why, -EINVAL, "its session is lost");
	if (row->key > c->last_changed)
		c->last_changed = c->last_serial = row->key;
	replies_seen(&c->replies, was->ack);
	if (row->key <= c->replies.ack || (row->flags & ROW_OVER))
		return 0;
	if (replies_want(&c->replies, was->n_values, REPLIES_KEEP_LATEST) < 0)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	replies_add(&c->replies, row->key, was->values, was->n_values);
	return 0;
}

static int take_hook(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_hook *was = row_body(row, sizeof(*was));
	const struct device *d = device_by_name(r->broker->graph, was->device);
	struct client *c = client_of_row(r, row);

	if (!was->set || !c) /* it went with its session, which says so */
		return 0;
	if (!d)
		return refuse(why, -EINVAL, "there is no device %s any more", was->device);
	return client_set_hook(c, d->number, true) < 0 ?
		       refuse(why, -ENOMEM, "the broker is out of memory") :
		       0;
}

/* --- memory */

static int adopt(struct restoring *r, const struct arena *a, struct reason *why)
{
	_cleanup_(fd_closep) int fd = -1;
	int ret;

	if (a->stored) {
		fd = store_take(r->broker->store, STORE_ARENA, a->stored);
		if (fd < 0)
			return refuse(why, -EINVAL, "the fd store does not have it");
	}
	ret = memory_arena_adopt(r->broker->memory, a->id, a->range, fd, why);
	if (ret == 0)
		steal_fd(&fd);
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	if (a->stored)
		store_remove(r->broker->store, STORE_ARENA, a->stored);
	return -EINVAL;
}

static int take_arena(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_arena *was = row_body(row, sizeof(*was));
	struct restored_arena arena = { .id = (uint32_t)row->key,
					.memtype = was->memtype,
					.range = { was->first, was->last },
					.sole = was->flags & ROW_ARENA_SOLE,
					.contiguous = was->flags & ROW_ARENA_CONTIGUOUS,
					.quarantined = was->flags & ROW_ARENA_QUARANTINED,
					.stored = was->stored };
	struct user *u = user_of(r, was->uid);
	struct arena *a;
	int ret;

	if (!u)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	ret = row->key > UINT32_MAX ? refuse(why, -EINVAL, "it cannot be an arena's number") :
				      restore_arena(u, &arena, &a, why);
	if (ret < 0)
		return ret;
	ret = adopt(r, a, why);
	if (ret < 0) {
		restore_no_arena(a);
		return ret;
	}
	r->arenas[r->n_arenas++] = a;
	r->report->arena_bytes += range_len(a->range);
	return 0;
}

static struct arena *arena_of(const struct restoring *r, uint64_t id)
{
	size_t low = 0, high = r->n_arenas;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->arenas[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n_arenas && r->arenas[low]->id == id ? r->arenas[low] : NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct physmem *x = *(struct physmem *const *)a, *y = *(struct physmem *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The memory that an alias is of: by its id, or a window by its address. */
static struct physmem *root_of(const struct restoring *r, const struct row_physmem *was)
{
	struct physmem key = { .id = was->id }, *p = &key, **found;

	if (was->n_extents && !was->extents[0].arena) {
		struct physmem *window =
			graph_physmem_of_pa(r->broker->graph, was->extents[0].first);

		return window && !window->memtype ? window : NULL;
	}
	found = r->n_roots ? bsearch(&p, r->roots, r->n_roots, sizeof(struct physmem *), by_id) :
			     NULL;
	return found ? *found : NULL;
}

static int extents_of(const struct restoring *r, const struct row_physmem *was,
		      struct restored_extent *out, struct reason *why)
{
	for (size_t i = 0; i < was->n_extents; i++) {
		const struct row_extent *e = &was->extents[i];

		if (!range_make(e->first, e->len, &out[i].range))
			return refuse(why, -EINVAL, "its memory is no range of addresses");
		out[i].arena = arena_of(r, e->arena);
	}
	return 0;
}

static int take_physmem(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_physmem *was = row_body(row, sizeof(*was));
	struct restored_extent *extents _cleanup_(mem_freep) =
		mem_zalloc_n(was->n_extents + 1, sizeof(*extents));
	struct restored_physmem memory = { .id = was->id,
					   .len = was->len,
					   .memtype = was->memtype,
					   .attr = was->attr,
					   .extents = extents,
					   .n_extents = was->n_extents,
					   .paid = was->paid,
					   .writable = !(was->flags & ROW_PHYSMEM_READ_ONLY) };
	struct session *s = row->session ? session_of(r, row->session) : NULL;
	struct physmem *m;
	int ret;

	if (!extents)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	if (row->session && !s)
		return refuse(why, -EINVAL, "its session is lost");
	if (was->flags & ROW_PHYSMEM_ALIAS) {
		memory.root = root_of(r, was);
		if (!memory.root)
			return refuse(why, -EINVAL, "the memory that it is a part of is lost");
	}
	ret = extents_of(r, was, extents, why);
	if (ret == 0)
		ret = restore_physmem(r->broker->graph, s, (uint32_t)row->key, &memory, &m, why);
	if (ret == 0 && !memory.root)
		r->roots[r->n_roots++] = m;
	return ret;
}

static bool is_alias(const struct row_head *row)
{
	return ((const struct row_physmem *)row_body(row, sizeof(struct row_physmem)))->flags &
	       ROW_PHYSMEM_ALIAS;
}

static int take_root(struct restoring *r, const struct row_head *row, struct reason *why)
{
	return is_alias(row) ? 1 : take_physmem(r, row, why);
}

static int take_alias(struct restoring *r, const struct row_head *row, struct reason *why)
{
	return is_alias(row) ? take_physmem(r, row, why) : 1;
}

static int take_grant(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_grant *was = row_body(row, sizeof(*was));
	struct session *s = session_of(r, row->session);
	struct object *m = s ? session_find(s, was->physmem, OBJECT_PHYSMEM, why) : NULL;

	if (!m)
		return refuse(why, -EINVAL, "the memory that it stands for is lost");
	return restore_grant((struct physmem *)m, (struct token){ row->key, was->secret },
			     was->writable, why);
}

/* --- regions */

static int take_vcm(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_vcm *was = row_body(row, sizeof(*was));
	struct session *s = session_of(r, row->session);
	struct restored_vcm vcm = { was->id, (enum vcm_type)was->type, { was->first, was->last } };

	return s ? restore_vcm(s, (uint32_t)row->key, &vcm, why) :
		   refuse(why, -EINVAL, "its session is lost");
}

static int take_bound(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_bound *was = row_body(row, sizeof(*was));
	struct session *s = session_of(r, row->session);

	return s ? restore_bound(s, (uint32_t)row->key, was->vcm,
				 (struct range){ was->first, was->last }, why) :
		   refuse(why, -EINVAL, "its session is lost");
}

static int take_res(struct restoring *r, const struct row_head *row, struct reason *why)
{
	const struct row_res *was = row_body(row, sizeof(*was));
	struct session *s = session_of(r, row->session);
	struct restored_res res = { .addr = was->addr,
				    .len = was->len,
				    .attr = was->attr,
				    .vcm = was->vcm,
				    .bound = was->bound,
				    .physmem = was->physmem };

	return s ? restore_res(s, (uint32_t)row->key, &res, why) :
		   refuse(why, -EINVAL, "its session is lost");
}

/* --- associations: plans like any other, that the hardware follows, and that are in the journal already */

static int plan_avcm(struct restoring *r, struct session *s, const struct row_head *row,
		     const struct row_avcm *was)
{
	struct plan *p = &r->broker->plan;
	struct object *v = session_find(s, was->vcm, OBJECT_VCM, p->why);
	struct device *d = device_by_name(r->broker->graph, was->device);
	struct object *a;
	int ret;

	if (!v)
		return -EINVAL;
	if (!d)
		return refuse(p->why, -EINVAL, "there is no device %s any more", was->device);
	ret = plan_avcm_assoc(p, (struct vcm *)v, (uint32_t)row->key, d, was->attr);
	if (ret < 0 || !was->is_active)
		return ret;
	a = session_find(s, (uint32_t)row->key, OBJECT_AVCM, p->why);
	return a ? plan_avcm_activate(p, (struct avcm *)a, 0) : -EINVAL;
}

static int take_avcm(struct restoring *r, const struct row_head *row, struct reason *why)
{
	struct broker *b = r->broker;
	struct session *s = session_of(r, row->session);
	int ret;

	if (!s)
		return refuse(why, -EINVAL, "its session is lost");
	plan_begin(&b->plan, b->graph, why);
	ret = plan_avcm(r, s, row, row_body(row, sizeof(struct row_avcm)));
	/* A limit of the device's is this association's, not the broker's. */
	if (ret == 0 && program_run(b, &b->plan, why) < 0)
		ret = -EINVAL;
	if (ret < 0) {
		plan_abort(&b->plan);
		return ret == -ENOMEM ? ret : -EINVAL;
	}
	program_retire(b, &b->plan);
	plan_commit(&b->plan);
	return 0;
}

/* --- all of it, what others need first */

typedef int (*take_fn)(struct restoring *r, const struct row_head *row, struct reason *why);

static void take_all(struct restoring *r, enum row_kind kind, take_fn take)
{
	size_t n;
	const struct row_head *const *rows = fold_rows(r->fold, kind, &n);

	for (size_t i = 0; i < n && !r->no_memory; i++) {
		struct reason why = { "" };
		int ret = take(r, rows[i], &why);

		if (ret <= 0)
			account(r, rows[i], ret, &why);
	}
}

static void take_memory(struct restoring *r)
{
	take_all(r, ROW_ARENA, take_arena);
	r->report->n_arenas = r->n_arenas;
	take_all(r, ROW_PHYSMEM, take_root);
	if (r->n_roots > 0)
		qsort(r->roots, r->n_roots, sizeof(struct physmem *), by_id);
	take_all(r, ROW_PHYSMEM, take_alias);
	take_all(r, ROW_GRANT, take_grant);
}

static void take_regions(struct restoring *r)
{
	take_all(r, ROW_VCM, take_vcm);
	take_all(r, ROW_BOUND, take_bound);
	take_all(r, ROW_RES, take_res);
	take_all(r, ROW_AVCM, take_avcm);
}

static int make_room(struct restoring *r)
{
	size_t n_arenas, n_physmems;

	fold_rows(r->fold, ROW_ARENA, &n_arenas);
	fold_rows(r->fold, ROW_PHYSMEM, &n_physmems);
	r->arenas = mem_zalloc_n(n_arenas + 1, sizeof(struct arena *));
	r->roots = mem_zalloc_n(n_physmems + 1, sizeof(struct physmem *));
	return r->arenas && r->roots ? 0 : -ENOMEM;
}

int restore_rows(struct restoring *r)
{
	if (make_room(r) < 0)
		return refuse(r->why, -ENOMEM, "no memory to restore what there was");
	take_all(r, ROW_SESSION, take_session);
	take_all(r, ROW_REPLY, take_reply);
	take_all(r, ROW_HOOK, take_hook);
	take_memory(r);
	take_regions(r);
	if (r->report->n_lost > LOST_SAID)
		log_error("restore: %" PRIu64 " more rows are lost", r->report->n_lost - LOST_SAID);
	if (r->no_memory)
		return refuse(r->why, -ENOMEM, "no memory to restore what there was");
	return 0;
}
