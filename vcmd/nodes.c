// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/nodes.h"

#include <errno.h>

#include "base/mem.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/node-char.h"
#include "vcmd/node-ring.h"

/* One of the two. */
struct carried {
	struct node_ring *ring;
	struct node_char *device;
};

struct nodes {
	struct config *
		config; /* that they are made of: no other says anything else of them but their limits */
	size_t n_nodes;
	struct carried nodes[];
};

static const struct node_char_ops kernel_ops = {
	.open = rpmsg_device_open,
	.close = rpmsg_device_close,
};

static int carry(struct broker *b, const struct config_node *config, struct carried *out,
		 struct reason *why)
{
	if (!config->rpmsg) {
		out->ring = node_ring_new(b, config, why);
		return out->ring ? 0 : -EINVAL;
	}
	out->device = node_char_new(b, config, &kernel_ops);
	return out->device ? 0 : refuse(why, -ENOMEM, "out of memory");
}

CLEANUP_DEFINE(struct nodes *, nodes_free)

struct nodes *nodes_new(struct broker *b, struct reason *why)
{
	struct config *c = b->config;
	_cleanup_(nodes_freep) struct nodes *n = NULL;

	n = mem_zalloc(sizeof(*n) + c->n_nodes * sizeof(*n->nodes));
	if (!n) {
		refuse(why, -ENOMEM, "out of memory");
		return NULL;
	}
	n->config = config_ref(c);
	for (; n->n_nodes < c->n_nodes; n->n_nodes++)
		if (carry(b, &c->nodes[n->n_nodes], &n->nodes[n->n_nodes], why) < 0)
			return NULL;
	return STEAL_PTR(n);
}

struct carried *nodes_get(struct nodes *n, size_t i)
{
	return i < n->n_nodes ? &n->nodes[i] : NULL;
}

void nodes_report(const struct carried *c, struct node_report *out)
{
	if (c->ring)
		node_ring_report(c->ring, out);
	else
		node_char_report(c->device, out);
}

void nodes_set_limits(struct nodes *n, const struct config *to)
{
	for (size_t i = 0; i < n->n_nodes; i++)
		n->config->nodes[i].limits = to->nodes[i].limits;
}

struct nodes *nodes_free(struct nodes *n)
{
	if (!n)
		return NULL;
	for (size_t i = 0; i < n->n_nodes; i++) {
		node_ring_free(n->nodes[i].ring);
		node_char_free(n->nodes[i].device);
	}
	config_free(n->config);
	return mem_free(n);
}
