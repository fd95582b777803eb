// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/nodes.h"

#include <errno.h>

#include "base/mem.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/node-ring.h"

struct nodes {
	size_t n_rings;
	struct node_ring *rings[];
};

CLEANUP_DEFINE(struct nodes *, nodes_free)

struct nodes *nodes_new(struct broker *b, struct reason *why)
{
	const struct config *c = b->config;
	_cleanup_(nodes_freep) struct nodes *n = NULL;

	n = mem_zalloc(sizeof(*n) + c->n_nodes * sizeof(*n->rings));
	if (!n) {
		refuse(why, -ENOMEM, "out of memory");
		return NULL;
	}
	for (; n->n_rings < c->n_nodes; n->n_rings++) {
		n->rings[n->n_rings] = node_ring_new(b, &c->nodes[n->n_rings], why);
		if (!n->rings[n->n_rings])
			return NULL;
	}
	return STEAL_PTR(n);
}

struct nodes *nodes_free(struct nodes *n)
{
	if (!n)
		return NULL;
	for (size_t i = 0; i < n->n_rings; i++)
		node_ring_free(n->rings[i]);
	return mem_free(n);
}
