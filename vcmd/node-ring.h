/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node that shares a window with us: its rings, its kicks, and its life.
 *
 *	         a peer comes                              the node answers, or its time is up
 *	ABSENT --------------> CLEARING <------------------------------------------- ASKED
 *	  ^                      |   ^                                                 ^
 *	  | the peer has gone    |   | status 0, a new peer                            | status NEEDS_RESET, a broken
 *	  |                      v   |                                                 | ring, no sign of life
 *	  +--------------------- UP -+-------------------------------------------------+
 *
 * CLEARING lasts until everything of the former session has been taken back. Only then are the rings made anew, and
 * only then does the node see that the driver is ready.
 */
#pragma once

#include "base/reason.h"

struct broker;
struct config_node;
struct node_report;
struct node_ring;

/* NULL with the reason. */
struct node_ring *node_ring_new(struct broker *b, const struct config_node *config,
				struct reason *why);
/* After all clients; the node is asked to reset, as nobody is there any more. NULL is fine. */
struct node_ring *node_ring_free(struct node_ring *r);
void node_ring_report(const struct node_ring *r, struct node_report *out);
