// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/monitor.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <stdio.h>
#include <vcm/manage.h>

#include "base/mem.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "graph/res.h"
#include "graph/vcm.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/fault.h"
#include "vcmd/loop.h"
#include "vcmd/rights.h"

#define N_EVENTS 1024 /* that are kept */
#define PAGE_ROWS 64
/* Events come in crowds: who waits is woken once for those of so long. */
#define GATHER_MS 20

struct event {
	uint64_t n[VCM_EVENT_N];
	char text[PROTO_MAX_NAME + 1];
};

struct asker {
	LIST_ENTRY(asker) link;
	struct client *client;
	uint64_t serial; /* of the request that waits; 0: none does */
	uint64_t since;
};

struct monitor {
	struct broker *broker;
	LIST_HEAD(, asker) askers; /* all who have asked, while they are here */
	struct event *events;      /* NULL: nobody has asked yet */
	uint64_t next;             /* the number of the next event, from 1 on */
	struct loop_timer *gather;
	bool gathering;
};

static void on_gathered(void *ctx);

struct monitor *monitor_new(struct broker *b)
{
	struct monitor *m = mem_new0(struct monitor);

	if (!m)
		return NULL;
	m->broker = b;
	m->next = 1;
	LIST_INIT(&m->askers);
	m->gather = loop_timer_new(b->loop, on_gathered, m);
	return m->gather ? m : monitor_free(m);
}

struct monitor *monitor_free(struct monitor *m)
{
	if (!m)
		return NULL;
	loop_timer_free(m->gather);
	mem_free(m->events);
	return mem_free(m);
}

/* --- noting */

static bool is_watched(const struct monitor *m)
{
	return m && !LIST_EMPTY(&m->askers);
}

static struct event *note(struct monitor *m, enum vcm_event_kind kind, uint64_t session)
{
	struct event *e = &m->events[m->next++ % N_EVENTS];

	*e = (struct event){ .text = "" };
	e->n[VCM_EVENT_KIND] = kind;
	e->n[VCM_EVENT_TIME] = clock_now_ns();
	e->n[VCM_EVENT_SESSION] = session;
	if (!m->gathering)
		loop_timer_set(m->gather, GATHER_MS);
	m->gathering = true;
	return e;
}

static void note_range(struct event *e, uint64_t addr, uint64_t len)
{
	e->n[VCM_EVENT_ADDR] = addr;
	e->n[VCM_EVENT_LEN] = len;
}

static void note_device(struct event *e, const struct device *d)
{
	e->n[VCM_EVENT_DEVICE] = d->number;
	snprintf(e->text, sizeof(e->text), "%s", d->name);
}

/* Memory that nobody's handle names any more is nobody's. */
static struct event *note_object(struct monitor *m, enum vcm_event_kind kind,
				 const struct object *o)
{
	struct event *e = note(m, kind, o->session ? o->session->id : 0);

	e->n[VCM_EVENT_HANDLE] = o->handle;
	return e;
}

static void note_vcm(struct monitor *m, enum vcm_event_kind kind, const struct vcm *v)
{
	struct event *e = note_object(m, kind, &v->obj);

	e->n[VCM_EVENT_VCM] = v->obj.handle;
	note_range(e, v->range.first, range_len(v->range));
}

static void note_res(struct monitor *m, enum vcm_event_kind kind, const struct res *r)
{
	struct event *e = note_object(m, kind, &r->obj);

	e->n[VCM_EVENT_VCM] = r->vcm->obj.handle;
	note_range(e, r->addr, r->len);
}

static void note_bound(struct monitor *m, enum vcm_event_kind kind, const struct bound *b)
{
	struct event *e = note_object(m, kind, &b->obj);

	e->n[VCM_EVENT_VCM] = b->vcm->obj.handle;
	note_range(e, b->range.first, range_len(b->range));
}

static void note_avcm(struct monitor *m, enum vcm_event_kind kind, const struct avcm *a)
{
	struct event *e = note_object(m, kind, &a->obj);

	e->n[VCM_EVENT_VCM] = a->vcm->obj.handle;
	note_device(e, a->device);
}

static void note_physmem(struct monitor *m, enum vcm_event_kind kind, const struct physmem *p)
{
	struct event *e = note_object(m, kind, &p->obj);

	note_range(e, p->n_extents ? p->extents[0].pa.first : 0, p->len);
}

static void note_change(struct monitor *m, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_VCM_NEW:
		return note_vcm(m, VCM_EVENT_VCM_NEW, c->object);
	case CHANGE_VCM_GONE:
		return note_vcm(m, VCM_EVENT_VCM_GONE, c->object);
	case CHANGE_RES_NEW:
		return note_res(m, VCM_EVENT_RES_NEW, c->object);
	case CHANGE_RES_GONE:
		return note_res(m, VCM_EVENT_RES_GONE, c->object);
	case CHANGE_BACKED:
		return note_res(m, VCM_EVENT_BACKED, c->object);
	case CHANGE_UNBACKED:
		return note_res(m, VCM_EVENT_UNBACKED, c->object);
	case CHANGE_BOUND_NEW:
		return note_bound(m, VCM_EVENT_BOUND_NEW, c->object);
	case CHANGE_BOUND_GONE:
		return note_bound(m, VCM_EVENT_BOUND_GONE, c->object);
	case CHANGE_AVCM_NEW:
		return note_avcm(m, VCM_EVENT_ASSOC_NEW, c->object);
	case CHANGE_AVCM_GONE:
		return note_avcm(m, VCM_EVENT_ASSOC_GONE, c->object);
	case CHANGE_ACTIVE:
		return note_avcm(m, VCM_EVENT_ACTIVE, c->object);
	case CHANGE_INACTIVE:
		return note_avcm(m, VCM_EVENT_INACTIVE, c->object);
	case CHANGE_PHYSMEM_NEW:
		return note_physmem(m, VCM_EVENT_PHYSMEM_NEW, c->object);
	case CHANGE_PHYSMEM_GONE:
		return note_physmem(m, VCM_EVENT_PHYSMEM_GONE, c->object);
	case CHANGE_PHYSMEM_ORPHANED:
	case CHANGE_GRANT_NEW:
	case CHANGE_GRANT_GONE:
	case CHANGE_TABLE_NEW:
	case CHANGE_TABLE_GONE:
	case CHANGE_ARENA_NEW:
	case CHANGE_ARENA_REVIVED:
	case CHANGE_ARENA_GONE:
	case CHANGE_RES_ATTR:
	case CHANGE_AVCM_ATTR:
		return;
	}
}

void monitor_plan(struct monitor *m, const struct plan *p)
{
	if (!is_watched(m))
		return;
	for (size_t i = 0; i < p->n_changes; i++)
		note_change(m, &p->changes[i]);
}

void monitor_session(struct monitor *m, const struct client *c, bool begins)
{
	struct event *e;

	if (!is_watched(m))
		return;
	e = note(m, begins ? VCM_EVENT_SESSION_BEGINS : VCM_EVENT_SESSION_ENDS, c->session->id);
	e->n[VCM_EVENT_UID] = c->uid;
	e->n[VCM_EVENT_PID] = (uint64_t)c->pid;
	snprintf(e->text, sizeof(e->text), "%s", c->name);
}

void monitor_fault(struct monitor *m, const struct fault_record *r, const struct device *d)
{
	struct event *e;

	if (!is_watched(m))
		return;
	e = note(m, VCM_EVENT_FAULT, r->session);
	note_range(e, r->addr, 0);
	note_device(e, d);
	e->n[VCM_EVENT_FLAGS] = r->flags;
}

void monitor_pressure(struct monitor *m, uint32_t memtype)
{
	if (is_watched(m))
		note(m, VCM_EVENT_PRESSURE, 0)->n[VCM_EVENT_MEMTYPE] = memtype;
}

void monitor_reload(struct monitor *m)
{
	if (is_watched(m))
		note(m, VCM_EVENT_RELOAD, 0);
}

/* --- telling */

/* A session that has ended is its user's no more: those who may see all see it. */
static bool may_see(const struct monitor *m, const struct client *c, const struct event *e)
{
	struct session key = { .id = e->n[VCM_EVENT_SESSION] };
	const struct session *s;

	if (rights_inspect(c))
		return true;
	s = RB_FIND(session_tree, &m->broker->graph->sessions, &key);
	return s && s->user == c->session->user;
}

/* Events from *since on, as many as go into an answer; *since is where the next ones begin. How many were lost before. */
static uint64_t give_events(const struct monitor *m, const struct client *c, struct answer *a,
			    uint64_t *since)
{
	uint64_t oldest = m->next > N_EVENTS ? m->next - N_EVENTS : 1, lost = 0;

	if (*since < oldest) {
		lost = oldest - *since;
		*since = oldest;
	}
	for (; *since < m->next && a->n_rows < PAGE_ROWS; ++*since) {
		const struct event *e = &m->events[*since % N_EVENTS];
		struct row *row = &a->rows[a->n_rows];

		if (!may_see(m, c, e))
			continue;
		*row = (struct row){ .n_n = VCM_EVENT_N, .n_s = 1, .s = { e->text } };
		for (size_t i = 0; i < VCM_EVENT_N; i++)
			row->n[i] = e->n[i];
		a->n_rows++;
	}
	return lost;
}

static void put_values(struct answer *a, uint64_t next, uint64_t lost)
{
	a->values[0] = next;
	a->values[1] = lost;
	a->n_values = 2;
}

static void tell(struct monitor *m, struct asker *k)
{
	struct answer *a = m->broker->answer; /* no request is under way */
	uint64_t lost, serial = k->serial;

	a->status = 0;
	a->n_values = a->n_pieces = a->n_fds = a->n_data = a->n_rows = 0;
	lost = give_events(m, k->client, a, &k->since);
	if (!a->n_rows && !lost)
		return; /* nothing for this one's eyes */
	put_values(a, k->since, lost);
	k->serial = 0;
	client_unpark(k->client, false);
	client_reply(k->client, serial, a);
}

static void on_gathered(void *ctx)
{
	struct monitor *m = ctx;
	struct asker *k, *next;

	m->gathering = false;
	LIST_FOREACH_SAFE(k, &m->askers, link, next)
		if (k->serial)
			tell(m, k);
}

/* --- asking */

static struct asker *find_asker(const struct monitor *m, const struct client *c)
{
	struct asker *k;

	LIST_FOREACH(k, &m->askers, link)
		if (k->client == c)
			return k;
	return NULL;
}

static struct asker *add_asker(struct monitor *m, struct client *c)
{
	struct asker *k;

	if (!m->events)
		m->events = mem_zalloc_n(N_EVENTS, sizeof(*m->events));
	k = m->events ? mem_new0(struct asker) : NULL;
	if (!k)
		return NULL;
	k->client = c;
	LIST_INSERT_HEAD(&m->askers, k, link);
	return k;
}

int monitor_ask(struct monitor *m, struct call *c, uint64_t since)
{
	struct asker *k = find_asker(m, c->client);
	uint64_t lost;

	if (k && k->serial)
		return refuse(c->why, -EBUSY, "a request for events waits already");
	if (!k)
		k = add_asker(m, c->client);
	if (!k)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	/* From now on; or it was another broker's number. */
	if (!since || since > m->next) {
		put_values(c->answer, m->next, 0);
		return 0;
	}
	lost = give_events(m, c->client, c->answer, &since);
	if (c->answer->n_rows || lost) {
		put_values(c->answer, since, lost);
		return 0;
	}
	k->serial = c->serial;
	k->since = since;
	client_park(c->client, false);
	return CALL_PARKED;
}

void monitor_abandon(struct monitor *m, struct client *c)
{
	struct asker *k = m ? find_asker(m, c) : NULL;

	if (!k)
		return;
	if (k->serial)
		client_unpark(c, false);
	LIST_REMOVE(k, link);
	mem_free(k);
}
