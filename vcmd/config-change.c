// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config-change.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define RESTART "restart vcmd for that"

/* Both may be NULL. */
static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_range(struct range a, struct range b)
{
	return a.first == b.first && a.last == b.last;
}

/* --- memory */

static bool same_bytes(const struct config_bytes *a, const struct config_bytes *b)
{
	return same_text(a->file, b->file) && same_text(a->device, b->device) &&
	       a->offset == b->offset && a->region == b->region;
}

static bool same_ranges(const struct config_pool *a, const struct config_pool *b)
{
	if (a->n_ranges != b->n_ranges)
		return false;
	for (size_t i = 0; i < a->n_ranges; i++)
		if (!same_range(a->ranges[i], b->ranges[i]))
			return false;
	return true;
}

/* All but who may use it. */
static bool same_pool(const struct config_pool *a, const struct config_pool *b)
{
	return a->memtype == b->memtype && a->source == b->source && same_ranges(a, b) &&
	       a->cont_len == b->cont_len && a->granule == b->granule && a->secure == b->secure &&
	       a->len == b->len && same_bytes(&a->bytes, &b->bytes);
}

const struct config_pool *config_find_pool(const struct config *c, const struct config_pool *like)
{
	for (size_t i = 0; i < c->n_pools; i++)
		if (same_pool(&c->pools[i], like))
			return &c->pools[i];
	return NULL;
}

static unsigned long long pool_place(const struct config_pool *p)
{
	return p->n_ranges ? (unsigned long long)p->ranges[0].first : 0;
}

static int check_pools(const struct config *from, const struct config *to, struct reason *why)
{
	for (size_t i = 0; i < from->n_pools; i++)
		if (!config_find_pool(to, &from->pools[i]))
			return refuse(why, -EINVAL,
				      "memtype %u: the pool at 0x%llx cannot be changed or removed "
				      "while it is in service: " RESTART,
				      from->pools[i].memtype, pool_place(&from->pools[i]));
	for (size_t i = 0; i < to->n_pools; i++)
		if (!config_find_pool(from, &to->pools[i]) && to->pools[i].source != SOURCE_MEMFD &&
		    to->pools[i].source != SOURCE_HUGETLB)
			return refuse(why, -EINVAL,
				      "memtype %u: the new pool at 0x%llx is neither memfd nor "
				      "hugetlb: " RESTART,
				      to->pools[i].memtype, pool_place(&to->pools[i]));
	return 0;
}

static int check_windows(const struct config *from, const struct config *to, struct reason *why)
{
	size_t n = from->n_windows < to->n_windows ? from->n_windows : to->n_windows, i;

	for (i = 0; i < n; i++)
		if (!same_range(from->windows[i].range, to->windows[i].range))
			break;
	if (i == from->n_windows && i == to->n_windows)
		return 0;
	return refuse(why, -EINVAL,
		      "windows: they cannot be added, changed, moved or removed: " RESTART);
}

/* --- devices */

const struct config_smmu *config_find_smmu(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_smmus; i++)
		if (!strcmp(c->smmus[i].name, name))
			return &c->smmus[i];
	return NULL;
}

const struct config_master *config_find_master(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_masters; i++)
		if (!strcmp(c->masters[i].name, name))
			return &c->masters[i];
	return NULL;
}

static const struct config_context *find_context(const struct config_smmu *s, const char *name)
{
	for (size_t i = 0; i < s->n_contexts; i++)
		if (!strcmp(s->contexts[i].name, name))
			return &s->contexts[i];
	return NULL;
}

const struct config_rule *config_find_device(const struct config *c, const char *name,
					     const char **out_smmu)
{
	const struct config_master *master = config_find_master(c, name);
	const struct config_context *context;

	*out_smmu = "";
	if (master)
		return &master->allow;
	for (size_t i = 0; i < c->n_smmus; i++) {
		context = find_context(&c->smmus[i], name);
		if (context) {
			*out_smmu = c->smmus[i].name;
			return &context->allow;
		}
	}
	return NULL;
}

const struct config_vfio *config_find_vfio(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_vfios; i++)
		if (!strcmp(c->vfios[i].name, name))
			return &c->vfios[i];
	return NULL;
}

static bool same_hardware(const struct config_smmu *a, const struct config_smmu *b)
{
	return a->v3 == b->v3 && a->registers == b->registers && a->base == b->base &&
	       same_text(a->device, b->device) && a->region == b->region &&
	       a->poll_ms == b->poll_ms && a->n_banks == b->n_banks &&
	       a->tlb_entries == b->tlb_entries && a->tlb_ways == b->tlb_ways;
}

static int check_contexts(const struct config_smmu *from, const struct config_smmu *to,
			  struct reason *why)
{
	const struct config_context *c;

	for (size_t i = 0; i < from->n_contexts; i++) {
		c = find_context(to, from->contexts[i].name);
		if (!c || c->mid != from->contexts[i].mid || c->stall != from->contexts[i].stall)
			return refuse(why, -EINVAL,
				      "smmu %s: context %s cannot be changed or removed while it "
				      "is in service: " RESTART,
				      from->name, from->contexts[i].name);
	}
	for (size_t i = 0; i < to->n_contexts; i++)
		if (!find_context(from, to->contexts[i].name))
			return refuse(why, -EINVAL,
				      "smmu %s: context %s cannot be added to an IOMMU that is in "
				      "service: " RESTART,
				      to->name, to->contexts[i].name);
	return 0;
}

static int check_smmus(const struct config *from, const struct config *to, struct reason *why)
{
	const struct config_smmu *s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n_smmus; i++) {
		s = config_find_smmu(to, from->smmus[i].name);
		if (!s || !same_hardware(&from->smmus[i], s))
			return refuse(why, -EINVAL,
				      "smmu %s cannot be changed or removed while it is in "
				      "service: " RESTART,
				      from->smmus[i].name);
		r = check_contexts(&from->smmus[i], s, why);
	}
	for (size_t i = 0; r == 0 && i < to->n_smmus; i++)
		if (!config_find_smmu(from, to->smmus[i].name) &&
		    (to->smmus[i].v3 || to->smmus[i].registers != REGISTERS_MODEL))
			return refuse(why, -EINVAL,
				      "smmu %s: hardware is taken over at start only: " RESTART,
				      to->smmus[i].name);
	return r;
}

/* A device file that is open, and its container, stay with the process. */
static int check_vfios(const struct config *from, const struct config *to, struct reason *why)
{
	for (size_t i = 0; i < from->n_vfios; i++) {
		const struct config_vfio *v = config_find_vfio(to, from->vfios[i].name);

		if (!v || !same_text(v->address, from->vfios[i].address))
			return refuse(why, -EINVAL,
				      "vfio %s cannot be changed or removed while it is in "
				      "service: " RESTART,
				      from->vfios[i].name);
	}
	for (size_t i = 0; i < to->n_vfios; i++)
		if (!config_find_vfio(from, to->vfios[i].name))
			return refuse(why, -EINVAL,
				      "vfio %s: hardware is taken over at start only: " RESTART,
				      to->vfios[i].name);
	return 0;
}

static int check_masters(const struct config *from, const struct config *to, struct reason *why)
{
	for (size_t i = 0; i < from->n_masters; i++)
		if (!config_find_master(to, from->masters[i].name))
			return refuse(
				why, -EINVAL,
				"master %s cannot be removed while it is in service: " RESTART,
				from->masters[i].name);
	return 0;
}

/* --- the rest */

static int check_table_memory(const struct config *from, const struct config *to,
			      struct reason *why)
{
	const struct config_pool *a = from->table_memory, *b = to->table_memory;

	if (a && b ? same_pool(a, b) : a == b)
		return 0;
	return refuse(why, -EINVAL, "table-memory cannot be changed: " RESTART);
}

static int check_rest(const struct config *from, const struct config *to, struct reason *why)
{
	const struct {
		const char *name;
		bool same;
	} settings[] = {
		{ "socket", same_text(from->socket, to->socket) },
		{ "socket-mode", from->socket_mode == to->socket_mode },
		{ "socket-group", same_text(from->socket_group, to->socket_group) },
		{ "dbus", same_text(from->dbus, to->dbus) },
		{ "stock", from->memory.stock_len == to->memory.stock_len },
		{ "tables", same_range(from->memory.tables, to->memory.tables) },
		{ "kernel-window", same_range(from->kernel_window, to->kernel_window) },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (!settings[i].same)
			return refuse(why, -EINVAL, "%s cannot be changed: " RESTART,
				      settings[i].name);
	return 0;
}

static bool same_geometry(const struct geometry *a, const struct geometry *b)
{
	return a->table == b->table && !memcmp(a->rings, b->rings, sizeof(a->rings)) &&
	       a->buffers == b->buffers && a->num == b->num && a->align == b->align &&
	       a->buffer_len == b->buffer_len &&
	       !memcmp(a->notify_ids, b->notify_ids, sizeof(a->notify_ids)) && a->ns == b->ns;
}

/* All but what it may have. */
static bool same_node(const struct config_node *a, const struct config_node *b)
{
	return same_text(a->name, b->name) && same_text(a->rpmsg, b->rpmsg) &&
	       a->remote_address == b->remote_address && same_text(a->file, b->file) &&
	       same_text(a->uio, b->uio) && same_text(a->socket, b->socket) && a->map == b->map &&
	       a->vectors == b->vectors && same_text(a->doorbell, b->doorbell) &&
	       a->doorbell_map == b->doorbell_map && a->doorbell_value == b->doorbell_value &&
	       a->doorbell_offset == b->doorbell_offset && a->offset == b->offset &&
	       a->len == b->len && a->base == b->base && a->address == b->address &&
	       a->kick == b->kick && a->heartbeat_ms == b->heartbeat_ms &&
	       a->reset_timeout_ms == b->reset_timeout_ms && a->uid == b->uid &&
	       same_geometry(&a->geometry, &b->geometry);
}

static int check_nodes(const struct config *from, const struct config *to, struct reason *why)
{
	for (size_t i = 0; i < from->n_nodes || i < to->n_nodes; i++)
		if (i >= from->n_nodes || i >= to->n_nodes ||
		    !same_node(&from->nodes[i], &to->nodes[i]))
			return refuse(why, -EINVAL,
				      "node %s cannot be added, changed or removed: " RESTART,
				      i < to->n_nodes ? to->nodes[i].name : from->nodes[i].name);
	return 0;
}

int config_check_change(const struct config *from, const struct config *to, struct reason *why)
{
	int r = check_rest(from, to, why);

	if (r == 0)
		r = check_table_memory(from, to, why);
	if (r == 0)
		r = check_pools(from, to, why);
	if (r == 0)
		r = check_windows(from, to, why);
	if (r == 0)
		r = check_smmus(from, to, why);
	if (r == 0)
		r = check_masters(from, to, why);
	if (r == 0)
		r = check_vfios(from, to, why);
	return r ? r : check_nodes(from, to, why);
}
