// SPDX-License-Identifier: BSD-3-Clause
#include "graph/session.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/graph.h"

static int session_cmp(const struct session *a, const struct session *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(session_tree, session, by_id, session_cmp)

int session_new(struct graph *g, struct user *user, struct session **out, struct reason *why)
{
	struct session *s;

	if (user->n_sessions >= user->limits.sessions)
		return refuse(why, -EDQUOT, "user %u has %llu sessions and may have no more",
			      user->uid, (unsigned long long)user->n_sessions);
	s = mem_new0(struct session);
	if (!s)
		return refuse(why, -ENOMEM, "the broker is out of memory");
	s->graph = g;
	s->user = user;
	s->id = ++g->next_session;
	TAILQ_INIT(&s->vcms);
	TAILQ_INIT(&s->physmems);
	TAILQ_INIT(&s->active);
	user->n_sessions++;
	RB_INSERT(session_tree, &g->sessions, s);
	g->n_sessions++;
	*out = s;
	return 0;
}

struct session *session_free(struct session *s)
{
	if (!s)
		return NULL;
	assert(TAILQ_EMPTY(&s->vcms) && TAILQ_EMPTY(&s->physmems));
	RB_REMOVE(session_tree, &s->graph->sessions, s);
	s->graph->n_sessions--;
	s->user->n_sessions--;
	user_release_objects(s->user, s->pages_charged);
	handles_deinit(&s->client);
	handles_deinit(&s->broker);
	return mem_free(s);
}

struct object *session_find(const struct session *s, uint32_t handle, enum object_kind kind,
			    struct reason *why)
{
	bool broker = handle >= HANDLE_BROKER;
	struct object *o = handles_get(broker ? &s->broker : &s->client, handle & ~HANDLE_BROKER);

	if (o && o->kind == kind)
		return o;
	if (o)
		refuse(why, 0, "handle %u does not name a %s: it is of kind %s", handle,
		       object_kind_name(kind), object_kind_name(o->kind));
	else
		refuse(why, 0, "there is no %s with handle %u in this session",
		       object_kind_name(kind), handle);
	return NULL;
}

static struct handles *half_of(struct session *s, uint32_t handle)
{
	return handle >= HANDLE_BROKER ? &s->broker : &s->client;
}

/* A page of handles weighs as much as 16 objects. */
#define PAGE_OBJECTS 16

static int charge_pages(struct session *s, struct reason *why)
{
	uint64_t now = (s->client.n_made + s->broker.n_made) * PAGE_OBJECTS;
	int r = user_charge_objects(s->user, now - s->pages_charged, why);

	if (r == 0)
		s->pages_charged = now;
	return r;
}

static int want_client(struct session *s, uint32_t handle, enum object_kind kind,
		       struct reason *why)
{
	int r;

	if (handle == 0)
		return refuse(why, -EINVAL, "a new %s needs a handle", object_kind_name(kind));
	if (handles_get(&s->client, handle))
		return refuse(why, -EINVAL, "handle %u is in use", handle);
	r = handles_want(&s->client, handle);
	if (r == -EINVAL)
		return refuse(why, r, "handle %u is more than %u beyond the highest used", handle,
			      HANDLE_GAP);
	return r < 0 ? refuse(why, r, "the broker is out of memory") : 0;
}

/* An object of an earlier process has the handle that it had. */
static int want_exactly(struct session *s, uint32_t handle, struct reason *why)
{
	struct handles *h = half_of(s, handle);
	uint32_t index = handle & ~HANDLE_BROKER;
	int r;

	if (!handle || handles_get(h, index))
		return refuse(why, -EINVAL, "handle %u is in use, or none", handle);
	if (index > h->limit)
		h->limit = index;
	r = handles_want(h, index);
	if (r == -EINVAL)
		return refuse(why, r, "no table holds handle %u", handle);
	return r < 0 ? refuse(why, r, "the broker is out of memory") : 0;
}

static int want_handle(struct session *s, uint32_t *handle, enum object_kind kind,
		       struct reason *why)
{
	int r;

	if (s->restoring)
		return want_exactly(s, *handle, why);
	if (*handle != HANDLE_BROKER)
		return want_client(s, *handle, kind, why);
	r = handles_pick(&s->broker, handle);
	if (r < 0)
		return refuse(why, r, "the broker is out of memory");
	*handle |= HANDLE_BROKER;
	return 0;
}

int object_admit(struct object *o, struct session *s, uint32_t handle, enum object_kind kind,
		 uint64_t weight, struct reason *why)
{
	size_t n_made = s->client.n_made + s->broker.n_made;
	int r = want_handle(s, &handle, kind, why);

	if (r < 0)
		return r;
	r = charge_pages(s, why);
	if (r < 0 && s->client.n_made + s->broker.n_made > n_made)
		handles_unwant(half_of(s, handle), handle & ~HANDLE_BROKER);
	if (r == 0)
		r = user_charge_objects(s->user, weight, why);
	if (r == 0)
		*o = (struct object){
			.session = s, .handle = handle, .kind = kind, .weight = weight
		};
	return r;
}

void object_name(struct object *o)
{
	struct session *s = o->session;

	handles_set(half_of(s, o->handle), o->handle & ~HANDLE_BROKER, o);
	s->counts[o->kind]++;
}

void object_unname(struct object *o)
{
	struct session *s = o->session;

	handles_clear(half_of(s, o->handle), o->handle & ~HANDLE_BROKER);
	s->counts[o->kind]--;
}

void object_leave(struct object *o)
{
	user_release_objects(o->session->user, o->weight);
}

void *object_settle(const struct object *o, size_t len)
{
	struct object *settled = NULL;
	bool roomed = false;

	if (len <= HANDLE_ROOM_LEN)
		settled = handles_room(half_of(o->session, o->handle), o->handle & ~HANDLE_BROKER);
	if (settled)
		roomed = true;
	else
		settled = mem_zalloc(len);
	if (!settled)
		return NULL;
	*settled = *o;
	settled->roomed = roomed;
	return settled;
}

void object_unsettle(struct object *o)
{
	if (o->roomed)
		handles_leave_room(half_of(o->session, o->handle), o->handle & ~HANDLE_BROKER);
	else
		mem_free(o);
}

struct object *session_next(const struct session *s, uint32_t handle, enum object_kind kind)
{
	struct object *o;

	if (!s->counts[kind])
		return NULL;
	for (;;) {
		bool broker = handle >= HANDLE_BROKER;

		o = handles_next(broker ? &s->broker : &s->client, handle & ~HANDLE_BROKER);
		if (!o && broker)
			return NULL;
		if (o && o->kind == kind)
			return o;
		if (o && o->handle == UINT32_MAX)
			return NULL;
		handle = o ? o->handle + 1 : HANDLE_BROKER;
	}
}
