// SPDX-License-Identifier: BSD-3-Clause
/* The names that a node gives to its objects: a bit for each that is in use. */
#include "remote/node.h"

#define BITS 32u

_Static_assert(VCM_NODE_OBJECTS % BITS == 0 && VCM_NODE_OBJECTS <= 4096,
	       "the broker takes handles up to 4096 beyond the highest");

static bool is_used(const struct vcm_node *n, uint32_t i)
{
	return n->objects[i / BITS] >> i % BITS & 1;
}

/* Round and round, so that a handle that is used after its object has gone seldom finds another. */
uint32_t vcm_node_new_handle(struct vcm_node *n)
{
	for (uint32_t i = 1; i <= VCM_NODE_OBJECTS; i++) {
		uint32_t at = (n->last_object + i) % VCM_NODE_OBJECTS;

		if (is_used(n, at))
			continue;
		n->objects[at / BITS] |= 1u << at % BITS;
		n->last_object = at;
		return at + 1;
	}
	return 0;
}

/* What the broker itself has named is none of ours. */
void vcm_node_free_handle(struct vcm_node *n, uint32_t handle)
{
	if (handle - 1 < VCM_NODE_OBJECTS)
		n->objects[(handle - 1) / BITS] &= ~(1u << (handle - 1) % BITS);
}
