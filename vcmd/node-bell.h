/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a node is told, and tells us, that there is something in the rings. It knows nothing of what.
 *
 *	eventfd	  through the ivshmem socket, to and from whoever is connected there
 *	uio	  an interrupt comes as a read of the device; a doorbell register goes the other way, if there is one
 *	poll	  nothing comes
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"

struct config_node;
struct loop;
struct node_bell;

struct node_bell_handler {
	void (*rung)(void *ctx);
	/* Of a socket: somebody new, with nobody's past; and nobody any more. */
	void (*joined)(void *ctx);
	void (*left)(void *ctx);
};

/* memory_fd, which a socket hands out, outlives the bell. 0, or a negative errno with the reason. */
int node_bell_new(struct loop *loop, const struct config_node *config, int memory_fd,
		  const struct node_bell_handler *handler, void *ctx, struct node_bell **out,
		  struct reason *why);
struct node_bell *node_bell_free(struct node_bell *b);
void node_bell_ring(struct node_bell *b, unsigned int vector);
/* Whether the node can ring: otherwise it must be looked at. */
bool node_bell_works(const struct node_bell *b);
