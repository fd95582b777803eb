// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void rule_deinit(struct config_rule *r)
{
	mem_free(r->uids);
	mem_free(r->gids);
}

static void pool_deinit(struct config_pool *p)
{
	rule_deinit(&p->allow);
	rule_deinit(&p->map);
	mem_free(p->bytes.file);
	mem_free(p->bytes.device);
	mem_free(p->ranges);
}

static void pools_free(struct config *c)
{
	for (size_t i = 0; i < c->n_pools; i++)
		pool_deinit(&c->pools[i]);
	mem_free(c->pools);
	if (c->table_memory)
		pool_deinit(c->table_memory);
	mem_free(c->table_memory);
}

static void smmu_deinit(struct config_smmu *s)
{
	for (size_t i = 0; i < s->n_contexts; i++) {
		rule_deinit(&s->contexts[i].allow);
		mem_free(s->contexts[i].name);
	}
	mem_free(s->contexts);
	mem_free(s->device);
	mem_free(s->name);
}

static void devices_free(struct config *c)
{
	for (size_t i = 0; i < c->n_smmus; i++)
		smmu_deinit(&c->smmus[i]);
	mem_free(c->smmus);
	for (size_t i = 0; i < c->n_vfios; i++) {
		rule_deinit(&c->vfios[i].allow);
		rule_deinit(&c->vfios[i].open);
		mem_free(c->vfios[i].address);
		mem_free(c->vfios[i].name);
	}
	mem_free(c->vfios);
	for (size_t i = 0; i < c->n_masters; i++) {
		rule_deinit(&c->masters[i].allow);
		mem_free(c->masters[i].name);
	}
	mem_free(c->masters);
	for (size_t i = 0; i < c->n_windows; i++)
		rule_deinit(&c->windows[i].allow);
	mem_free(c->windows);
}

static void nodes_free(struct config *c)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		mem_free(c->nodes[i].name);
		mem_free(c->nodes[i].file);
		mem_free(c->nodes[i].uio);
		mem_free(c->nodes[i].doorbell);
		mem_free(c->nodes[i].rpmsg);
		mem_free(c->nodes[i].socket);
	}
	mem_free(c->nodes);
}

struct config *config_ref(struct config *c)
{
	c->n_more++;
	return c;
}

struct config *config_free(struct config *c)
{
	if (!c || c->n_more--)
		return NULL;
	devices_free(c);
	nodes_free(c);
	pools_free(c);
	rule_deinit(&c->access);
	rule_deinit(&c->kernel);
	rule_deinit(&c->inspect);
	rule_deinit(&c->simulate);
	rule_deinit(&c->manage);
	mem_free(c->socket_group);
	mem_free(c->dbus);
	mem_free(c->socket);
	mem_free(c->path);
	return mem_free(c);
}

bool config_pool_is_physical(const struct config_pool *p)
{
	return p->source == SOURCE_WINDOW || p->source == SOURCE_PAGEMAP;
}

/* DAX gives what it has as a file of its own; where that is, is for who writes the configuration to know. */
static bool shows_the_bus(const struct config_pool *p)
{
	const struct config_bytes *b = &p->bytes;

	if (b->device)
		return true;
	return b->file && ((!strcmp(b->file, "/dev/mem") && b->offset == p->ranges[0].first) ||
			   !strncmp(b->file, "/dev/dax", strlen("/dev/dax")));
}

bool config_pool_has_bus_addresses(const struct config_pool *p)
{
	return p->source == SOURCE_PAGEMAP || (p->source == SOURCE_WINDOW && shows_the_bus(p));
}

const struct config_limits *config_limits_of(const struct config *c, uid_t uid)
{
	for (size_t i = 0; i < c->n_nodes && uid >= CONFIG_NODE_UID; i++)
		if (c->nodes[i].uid == uid)
			return &c->nodes[i].limits;
	return &c->limits;
}

static bool names_group(const struct config_rule *rule, gid_t gid)
{
	for (size_t i = 0; i < rule->n_gids; i++)
		if (rule->gids[i] == gid)
			return true;
	return false;
}

bool config_rule_allows(const struct config_rule *rule, uid_t uid, const gid_t *gids, size_t n_gids)
{
	if (rule->everybody || uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < rule->n_uids; i++)
		if (rule->uids[i] == uid)
			return true;
	for (size_t i = 0; i < n_gids; i++)
		if (names_group(rule, gids[i]))
			return true;
	return false;
}
