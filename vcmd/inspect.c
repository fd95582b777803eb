// SPDX-License-Identifier: BSD-3-Clause
/*
 * The tables of <vcm/inspect.h>, a page at a time. A cursor says where the next page starts: an index, or for objects the
 * session's id and the lowest handle that has not been shown.
 *
 *	 63            32 31             0
 *	|   session id   |    handle     |
 */
#include "vcmd/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <vcm/inspect.h>

#include "backend/vfio/vfio.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/fault.h"
#include "vcmd/find.h"
#include "vcmd/machine.h"
#include "vcmd/node.h"
#include "vcmd/nodes.h"
#include "vcmd/ops.h"

_Static_assert(VCM_ROW_MAX_N == ROW_MAX_N && VCM_ROW_MAX_S == ROW_MAX_S,
	       "the wire and the API have the same rows");

/* A row is at most some 400 bytes, so that a page fits a message whatever it holds. */
#define PAGE_ROWS 128
#define ROW_LEN 440

static void row_init(struct row *row, unsigned int n_n, unsigned int n_s)
{
	*row = (struct row){ .n_n = (uint8_t)n_n, .n_s = (uint8_t)n_s };
	for (unsigned int i = 0; i < n_s; i++)
		row->s[i] = "";
}

static struct row *add_row(struct call *c)
{
	return &c->answer->rows[c->answer->n_rows++];
}

/* Some clients' messages are shorter. A page holds one row at least, or nobody would come to an end. */
static bool is_full(const struct call *c)
{
	size_t n = c->client->max_message / ROW_LEN;

	return c->answer->n_rows >= (n < 1 ? 1 : n < PAGE_ROWS ? n : PAGE_ROWS);
}

static bool may_see(const struct call *c, const struct session *s)
{
	return s->user == c->session->user || rights_inspect(c->client);
}

void inspect_status(const struct broker *b, struct row *row)
{
	struct memory_stats memory;
	const struct pool *pool;

	row_init(row, VCM_STATUS_N, 2);
	memory_get_stats(b->memory, &memory);
	row->n[VCM_STATUS_UPTIME] = clock_now_ns() - b->started_ns;
	row->n[VCM_STATUS_SESSIONS] = b->graph->n_sessions;
	row->n[VCM_STATUS_OBJECTS] = b->graph->n_objects;
	TAILQ_FOREACH(pool, &b->graph->pools, link)
		row->n[VCM_STATUS_USED] += pool->used;
	row->n[VCM_STATUS_TABLES] = memory.table_bytes;
	row->n[VCM_STATUS_REQUESTS] = b->n_requests;
	row->n[VCM_STATUS_REFUSED] = b->n_refused;
	row->n[VCM_STATUS_FAULTS] = faults_count(b->faults);
	row->n[VCM_STATUS_FAILED_HANDLERS] = faults_failed_handlers(b->faults);
	row->n[VCM_STATUS_QUARANTINED] = b->n_quarantined;
	row->n[VCM_STATUS_ACTIVE] = b->graph->n_active;
	row->n[VCM_STATUS_STOCK] = memory.stock_bytes;
	row->s[0] = PACKAGE_VERSION;
	row->s[1] = b->config->path ? b->config->path : "(built in)";
}

static uint64_t show_status(struct call *c)
{
	inspect_status(c->broker, add_row(c));
	return 0;
}

void inspect_device(const struct device *d, struct row *row)
{
	const struct machine_device *hw = d->hw;
	struct backend_caps caps = { 0 };

	row_init(row, VCM_DEVICE_N, 4);
	if (hw->backend)
		hw->backend->ops->caps(hw->backend, &caps);
	row->n[VCM_DEVICE_NUMBER] = d->number;
	row->n[VCM_DEVICE_KIND] = d->kind;
	row->n[VCM_DEVICE_ACTIVE] = d->n_active;
	row->n[VCM_DEVICE_VA_BITS] = caps.va_bits;
	row->n[VCM_DEVICE_PAGE_SIZES] = caps.page_sizes;
	row->n[VCM_DEVICE_BASE] = hw->base;
	row->n[VCM_DEVICE_HW_VERSION] = hw->backend ? hw->backend->ops->hw_version(hw->backend) : 0;
	row->n[VCM_DEVICE_CAPS] =
		(caps.split ? VCM_CAP_SPLIT : 0u) | (caps.stall ? VCM_CAP_STALL : 0u) |
		(caps.atomic_switch ? VCM_CAP_ATOMIC_SWITCH : 0u) |
		(hw->sim || d->kind == DEVICE_ONE_TO_ONE ? VCM_CAP_SIMULATED : 0u);
	row->n[VCM_DEVICE_FAULTS] = hw->n_faults;
	row->s[0] = d->name;
	row->s[1] = hw->backend ? hw->backend->ops->name : "none";
	row->s[2] = hw->smmu;
	if (!hw->about)
		return;
	row->s[3] = hw->about;
	row->n[VCM_DEVICE_GROUP] = vfio_group(hw->backend, hw->context);
	row->n[VCM_DEVICE_MAPPINGS_LEFT] = vfio_entries_left(hw->backend, hw->context);
}

static uint64_t show_devices(struct call *c, uint64_t cursor)
{
	const struct device *d;

	TAILQ_FOREACH(d, &c->broker->graph->devices, link) {
		if (d->number <= cursor)
			continue;
		if (is_full(c))
			return d->number - 1;
		inspect_device(d, add_row(c));
	}
	return 0;
}

void inspect_pool(const struct pool *p, struct row *row)
{
	const struct config_pool *config = p->hw;
	static const char *const sources[] = { [SOURCE_MEMFD] = "memfd",
					       [SOURCE_HUGETLB] = "hugetlb",
					       [SOURCE_WINDOW] = "window",
					       [SOURCE_PAGEMAP] = "pagemap" };

	row_init(row, VCM_POOL_N, 2);
	row->n[VCM_POOL_MEMTYPE] = p->memtype;
	row->n[VCM_POOL_FIRST] = p->ranges[0].first;
	row->n[VCM_POOL_LAST] = p->ranges[p->n_ranges - 1].last;
	row->n[VCM_POOL_USED] = p->used;
	row->n[VCM_POOL_HIGH_WATER] = p->high_water;
	row->n[VCM_POOL_LARGEST_FREE] = pool_largest_free(p);
	row->n[VCM_POOL_ARENAS] = p->n_arenas;
	row->n[VCM_POOL_CACHED] = p->cached_bytes;
	row->n[VCM_POOL_GRANULE] = p->granule;
	row->n[VCM_POOL_FAILED_SIZE] = p->n_failed_size;
	row->n[VCM_POOL_FAILED_FRAGMENTED] = p->n_failed_fragmented;
	row->n[VCM_POOL_CONT_FIRST] = p->has_cont ? p->cont.first : 0;
	row->n[VCM_POOL_CONT_LEN] = p->has_cont ? range_len(p->cont) : 0;
	row->n[VCM_POOL_QUARANTINED] = p->quarantined;
	row->n[VCM_POOL_SIZE] = p->len;
	row->s[0] = sources[config->source];
	row->s[1] = p->secure ? "secure" : "";
}

static uint64_t show_pools(struct call *c, uint64_t cursor)
{
	const struct pool *p;
	uint64_t i = 0;

	TAILQ_FOREACH(p, &c->broker->graph->pools, link) {
		if (i++ < cursor)
			continue;
		if (is_full(c))
			return i - 1;
		inspect_pool(p, add_row(c));
	}
	return 0;
}

void inspect_session(const struct session *s, struct row *row)
{
	const struct client *client = client_of(s);

	row_init(row, VCM_SESSION_N, 1);
	row->n[VCM_SESSION_ID] = s->id;
	row->n[VCM_SESSION_UID] = client->uid;
	row->n[VCM_SESSION_GID] = client->gid;
	row->n[VCM_SESSION_PID] = (uint64_t)client->pid;
	row->n[VCM_SESSION_VCMS] = s->counts[OBJECT_VCM];
	row->n[VCM_SESSION_RESERVATIONS] = s->counts[OBJECT_RES];
	row->n[VCM_SESSION_PHYSMEMS] = s->counts[OBJECT_PHYSMEM];
	row->n[VCM_SESSION_ASSOCS] = s->counts[OBJECT_AVCM];
	row->n[VCM_SESSION_BYTES] = s->bytes;
	row->n[VCM_SESSION_IN_FLIGHT] = client->in_flight;
	row->n[VCM_SESSION_REQUESTS] = client->n_requests;
	row->n[VCM_SESSION_REFUSED] = client->n_refused;
	row->s[0] = client->name;
}

/* The first session from id on that the caller may see. */
static struct session *next_session(const struct call *c, uint64_t id)
{
	struct session probe = { .id = id };
	struct session *s = RB_NFIND(session_tree, &c->broker->graph->sessions, &probe);

	while (s && !may_see(c, s))
		s = RB_NEXT(session_tree, &c->broker->graph->sessions, s);
	return s;
}

static uint64_t show_sessions(struct call *c, uint64_t cursor)
{
	struct session *s = next_session(c, cursor);

	for (; s; s = next_session(c, s->id + 1)) {
		if (is_full(c))
			return s->id;
		inspect_session(s, add_row(c));
	}
	return 0;
}

static uint64_t sharing_of(const struct physmem *m)
{
	uint64_t bits = 0;

	if (m->grants[0] || m->grants[1])
		bits |= VCM_SHARING_EXPORTED;
	if (m->grants[1])
		bits |= VCM_SHARING_EXPORTED_WRITABLE;
	if (m->is_import)
		bits |= VCM_SHARING_IMPORTED;
	if (!m->writable)
		bits |= VCM_SHARING_READ_ONLY;
	if (m->root->orphaned)
		bits |= VCM_SHARING_ORPHANED;
	return bits;
}

static void who_row(struct call *c, const struct res *r, const struct avcm *a)
{
	const struct client *client = client_of(r->obj.session);
	struct row *row = add_row(c);

	row_init(row, VCM_WHO_N, 2);
	row->n[VCM_WHO_SESSION] = r->obj.session->id;
	row->n[VCM_WHO_UID] = client->uid;
	row->n[VCM_WHO_PID] = (uint64_t)client->pid;
	row->n[VCM_WHO_VCM] = r->vcm->obj.handle;
	row->n[VCM_WHO_RES] = r->obj.handle;
	row->n[VCM_WHO_ADDR] = r->addr;
	row->n[VCM_WHO_LEN] = r->len;
	row->n[VCM_WHO_ATTR] = r->attr;
	row->n[VCM_WHO_DEVICE] = a ? a->device->number : 0;
	row->n[VCM_WHO_IS_ACTIVE] = a && a->active;
	row->n[VCM_WHO_SHARING] = sharing_of(r->physmem);
	row->s[0] = client->name;
	row->s[1] = a ? a->device->name : "";
}

/* The cursor counts rows: one a reservation and association, or one for a reservation without any. */
static uint64_t show_who(struct call *c, uint64_t cursor, uint64_t pa)
{
	struct res *r = NULL;
	uint64_t i = 0;

	while ((r = graph_next_res_of_pa(c->broker->graph, NULL, pa, r))) {
		const struct avcm *a = TAILQ_FIRST(&r->vcm->avcms);

		do {
			if (i++ >= cursor) {
				if (is_full(c))
					return i - 1;
				who_row(c, r, a);
			}
			a = a ? TAILQ_NEXT(a, vcm_link) : NULL;
		} while (a);
	}
	return 0;
}

static void vcm_row(const struct object *o, struct row *row)
{
	const struct vcm *v = (const struct vcm *)o;
	const struct vcm_table *t = TAILQ_FIRST(&v->tables);

	row_init(row, VCM_VCM_N, 0);
	row->n[VCM_VCM_SESSION] = o->session->id;
	row->n[VCM_VCM_HANDLE] = o->handle;
	row->n[VCM_VCM_TYPE] = v->type;
	row->n[VCM_VCM_START] = v->range.first;
	row->n[VCM_VCM_LEN] = range_len(v->range);
	row->n[VCM_VCM_RESERVATIONS] = v->n_res;
	row->n[VCM_VCM_TABLE] =
		t && t->hw ? ((const struct backend *)t->format->hw)->format->root(t->hw) : 0;
}

static void res_row(const struct object *o, struct row *row)
{
	const struct res *r = (const struct res *)o;

	row_init(row, VCM_RES_N, 0);
	row->n[VCM_RES_SESSION] = o->session->id;
	row->n[VCM_RES_VCM] = r->vcm->obj.handle;
	row->n[VCM_RES_HANDLE] = o->handle;
	row->n[VCM_RES_ADDR] = r->addr;
	row->n[VCM_RES_LEN] = r->len;
	row->n[VCM_RES_ATTR] = r->attr;
	row->n[VCM_RES_PHYSMEM] = r->physmem ? r->physmem->obj.handle : 0;
	row->n[VCM_RES_MEMORY] = r->physmem ? r->physmem->id : 0;
	row->n[VCM_RES_BOUND] = r->bound ? r->bound->obj.handle : 0;
}

static void physmem_row(const struct object *o, struct row *row)
{
	const struct physmem *m = (const struct physmem *)o;

	row_init(row, VCM_PHYSMEM_N, 0);
	row->n[VCM_PHYSMEM_SESSION] = o->session->id;
	row->n[VCM_PHYSMEM_HANDLE] = o->handle;
	row->n[VCM_PHYSMEM_MEMORY] = m->id;
	row->n[VCM_PHYSMEM_MEMTYPE] = m->memtype;
	row->n[VCM_PHYSMEM_LEN] = m->len;
	row->n[VCM_PHYSMEM_ATTR] = m->attr;
	row->n[VCM_PHYSMEM_FIRST] = m->extents[0].pa.first;
	row->n[VCM_PHYSMEM_SEGMENTS] = m->n_extents;
	row->n[VCM_PHYSMEM_MAPPINGS] = m->n_backings;
	row->n[VCM_PHYSMEM_SHARING] = sharing_of(m);
}

static void assoc_row(const struct object *o, struct row *row)
{
	const struct avcm *a = (const struct avcm *)o;

	row_init(row, VCM_ASSOC_N, 1);
	row->n[VCM_ASSOC_SESSION] = o->session->id;
	row->n[VCM_ASSOC_HANDLE] = o->handle;
	row->n[VCM_ASSOC_VCM] = a->vcm->obj.handle;
	row->n[VCM_ASSOC_DEVICE] = a->device->number;
	row->n[VCM_ASSOC_ATTR] = a->attr;
	row->n[VCM_ASSOC_IS_ACTIVE] = a->active;
	row->s[0] = a->device->name;
}

static void bound_row(const struct object *o, struct row *row)
{
	const struct bound *b = (const struct bound *)o;

	row_init(row, VCM_BOUND_N, 0);
	row->n[VCM_BOUND_SESSION] = o->session->id;
	row->n[VCM_BOUND_HANDLE] = o->handle;
	row->n[VCM_BOUND_VCM] = b->vcm->obj.handle;
	row->n[VCM_BOUND_START] = b->range.first;
	row->n[VCM_BOUND_LEN] = range_len(b->range);
}

void inspect_object(const struct object *o, struct row *row)
{
	static void (*const fill[N_OBJECT_KINDS])(const struct object *, struct row *) = {
		[OBJECT_VCM] = vcm_row,         [OBJECT_RES] = res_row,
		[OBJECT_BOUND] = bound_row,     [OBJECT_AVCM] = assoc_row,
		[OBJECT_PHYSMEM] = physmem_row,
	};

	fill[o->kind](o, row);
}

static uint64_t show_objects(struct call *c, uint64_t cursor, enum object_kind kind)
{
	uint64_t id = cursor >> 32;
	struct session *s = next_session(c, id);
	uint32_t handle = s && s->id == id ? (uint32_t)cursor : 0;

	for (; s; s = next_session(c, s->id + 1), handle = 0) {
		const struct object *o;

		while ((o = session_next(s, handle, kind))) {
			if (is_full(c))
				return s->id << 32 | o->handle;
			inspect_object(o, add_row(c));
			if (o->handle == UINT32_MAX)
				break;
			handle = o->handle + 1;
		}
	}
	return 0;
}

static uint64_t show_faults(struct call *c, uint64_t cursor)
{
	const struct fault_record *r;

	for (; (r = faults_record(c->broker->faults, cursor)); cursor++) {
		const struct device *d = device_by_number(c->broker->graph, r->device);
		struct session probe = { .id = r->session };
		const struct session *s =
			RB_FIND(session_tree, &c->broker->graph->sessions, &probe);
		struct row *row;

		if (!(s ? may_see(c, s) : rights_inspect(c->client)))
			continue;
		row = add_row(c);
		row_init(row, VCM_FAULTS_N, 1);
		row->n[VCM_FAULTS_TIME] = r->time_ns;
		row->n[VCM_FAULTS_DEVICE] = r->device;
		row->n[VCM_FAULTS_SESSION] = r->session;
		row->n[VCM_FAULTS_ADDR] = r->addr;
		row->n[VCM_FAULTS_FLAGS] = r->flags;
		row->n[VCM_FAULTS_VERDICT] = (uint64_t)(int64_t)r->verdict;
		row->s[0] = d->name;
	}
	return 0;
}

void inspect_node(const struct carried *node, struct row *row)
{
	struct node_report n;

	nodes_report(node, &n);
	row_init(row, VCM_NODE_N, 4);
	row->n[VCM_NODE_EPOCH] = n.epoch;
	row->n[VCM_NODE_SESSION] = n.session ? n.session->id : 0;
	row->n[VCM_NODE_DESCRIPTORS] = n.descriptors;
	row->n[VCM_NODE_BUFFER] = n.buffer_len;
	row->n[VCM_NODE_IN] = n.n_in;
	row->n[VCM_NODE_OUT] = n.n_out;
	row->n[VCM_NODE_BYTES_IN] = n.bytes_in;
	row->n[VCM_NODE_BYTES_OUT] = n.bytes_out;
	row->n[VCM_NODE_DROPPED] = n.n_dropped;
	row->n[VCM_NODE_RESETS] = n.n_resets;
	row->n[VCM_NODE_KICKS] = n.n_kicks;
	row->n[VCM_NODE_HEARD] = n.heard_ns;
	row->s[0] = n.name;
	row->s[1] = n.carrier;
	row->s[2] = n.kick;
	row->s[3] = n.state;
}

/* Sessions of others are not for everybody, nodes are. */
static void hide_session(const struct call *c, struct row *row)
{
	struct session probe = { .id = row->n[VCM_NODE_SESSION] };
	const struct session *s = RB_FIND(session_tree, &c->broker->graph->sessions, &probe);

	if (s && !may_see(c, s))
		row->n[VCM_NODE_SESSION] = 0;
}

static uint64_t show_nodes(struct call *c, uint64_t cursor)
{
	const struct carried *node;

	for (; (node = nodes_get(c->broker->nodes, cursor)); cursor++) {
		struct row *row;

		if (is_full(c))
			return cursor;
		row = add_row(c);
		inspect_node(node, row);
		hide_session(c, row);
	}
	return 0;
}

static uint64_t show(struct call *c, const struct op *op)
{
	switch ((enum vcm_table_kind)op->arg) {
	case VCM_TABLE_STATUS:
		return show_status(c);
	case VCM_TABLE_DEVICES:
		return show_devices(c, op->addr);
	case VCM_TABLE_POOLS:
		return show_pools(c, op->addr);
	case VCM_TABLE_SESSIONS:
		return show_sessions(c, op->addr);
	case VCM_TABLE_WHO:
		return show_who(c, op->addr, op->len);
	case VCM_TABLE_VCMS:
		return show_objects(c, op->addr, OBJECT_VCM);
	case VCM_TABLE_RESERVATIONS:
		return show_objects(c, op->addr, OBJECT_RES);
	case VCM_TABLE_PHYSMEMS:
		return show_objects(c, op->addr, OBJECT_PHYSMEM);
	case VCM_TABLE_ASSOCS:
		return show_objects(c, op->addr, OBJECT_AVCM);
	case VCM_TABLE_BOUNDS:
		return show_objects(c, op->addr, OBJECT_BOUND);
	case VCM_TABLE_FAULTS:
		return show_faults(c, op->addr);
	case VCM_TABLE_NODES:
		return show_nodes(c, op->addr);
	}
	return 0;
}

int op_inspect(struct call *c, const struct op *op)
{
	if (op->arg < VCM_TABLE_STATUS || op->arg > VCM_TABLE_NODES)
		return refuse(c->why, -EINVAL, "there is no table %" PRIu64, op->arg);
	call_value(c, show(c, op));
	return 0;
}
