// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/rights.h"

#include <errno.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/machine.h"
#include "vcmd/transport.h"

static bool allows(const struct client *c, const struct config_rule *rule)
{
	const struct transport_peer *peer = client_peer(c);

	return config_rule_allows(rule, peer->uid, peer->gids, peer->n_gids);
}

bool rights_access(const struct broker *b, const struct transport_peer *peer)
{
	return config_rule_allows(&b->config->access, peer->uid, peer->gids, peer->n_gids);
}

bool rights_inspect(const struct client *c)
{
	return c->granted & rights_bit(RIGHT_TABLE) || allows(c, &c->broker->config->inspect);
}

bool rights_simulate(const struct client *c)
{
	return allows(c, &c->broker->config->simulate);
}

bool rights_map(const struct client *c, const struct config_pool *pool)
{
	return allows(c, &pool->map);
}

static int check_device(const struct client *c, uint32_t number, struct reason *why)
{
	const struct device *d = device_by_number(c->broker->graph, number);
	const struct machine_device *hw = d ? d->hw : NULL;

	if (!hw || !hw->allow || allows(c, hw->allow))
		return 0;
	return refuse(why, -EACCES,
		      "user %u may not use device %s: its allow-users and allow-groups say who may",
		      c->uid, d->name);
}

static int check_device_file(const struct client *c, uint32_t number, struct reason *why)
{
	const struct device *d = device_by_number(c->broker->graph, number);
	const struct machine_device *hw = d ? d->hw : NULL;

	if (!hw || !hw->open || allows(c, hw->open))
		return check_device(c, number, why);
	return refuse(why, -EACCES,
		      "user %u may not drive %s: its open-users and open-groups say who may",
		      c->uid, d->name);
}

static int check_memtype(const struct client *c, uint64_t memtype, struct reason *why)
{
	const struct pool *pool;

	TAILQ_FOREACH(pool, &c->broker->graph->pools, link) {
		const struct config_pool *config = pool->hw;

		if (pool->memtype == memtype && !allows(c, &config->allow))
			return refuse(why, -EACCES, "user %u may not use memtype %u", c->uid,
				      pool->memtype - 1);
	}
	return 0;
}

static int check_window(const struct client *c, uint64_t pa, struct reason *why)
{
	const struct config *config = c->broker->config;

	for (size_t i = 0; i < config->n_windows; i++)
		if (range_has(config->windows[i].range, pa) &&
		    !allows(c, &config->windows[i].allow))
			return refuse(why, -EACCES, "user %u may not use the window at 0x%llx",
				      c->uid, (unsigned long long)config->windows[i].range.first);
	return 0;
}

int rights_check(const struct client *c, enum right right, const struct op *op, struct reason *why)
{
	if (c->granted & rights_bit(right))
		return 0;
	switch (right) {
	case RIGHT_NONE:
		return 0;
	case RIGHT_DEVICE:
		return check_device(c, op->target, why);
	case RIGHT_DEVICE_FILE:
		return check_device_file(c, op->target, why);
	case RIGHT_MEMTYPE:
		return check_memtype(c, op->arg, why);
	case RIGHT_WINDOW:
		return check_window(c, op->addr, why);
	case RIGHT_PREBUILT:
		if (op->arg != VCM_PREBUILT_KERNEL || allows(c, &c->broker->config->kernel))
			return 0;
		return refuse(
			why, -EACCES,
			"user %u may not use the broker's own address space: that is the right `kernel`",
			c->uid);
	case RIGHT_SIMULATE:
		if (rights_simulate(c))
			return 0;
		return refuse(
			why, -EACCES,
			"user %u may not break simulated hardware: that is the right `simulate`",
			c->uid);
	case RIGHT_MANAGE:
		if (allows(c, &c->broker->config->manage))
			return 0;
		return refuse(
			why, -EACCES,
			"user %u may neither end others' sessions nor reload: that is the right `manage`",
			c->uid);
	case RIGHT_INSPECT:
		if (rights_inspect(c))
			return 0;
		return refuse(why, -EACCES,
			      "user %u may not see what is others': that is the right `inspect`",
			      c->uid);
	case RIGHT_TABLE:
		if (op->arg != VCM_TABLE_WHO || rights_inspect(c))
			return 0;
		return refuse(why, -EACCES,
			      "user %u may not see who maps what: that is the right `inspect`",
			      c->uid);
	}
	return -EACCES;
}
