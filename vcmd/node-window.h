/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that a node shares with us: opened, mapped, and nothing more.
 *
 *	file	one that exists, or is made as long as it must be; or a device that can be mapped (/dev/mem, DAX)
 *	uio	a map of a UIO device
 *	neither	a sealed memfd, which a socket hands out, and the fd store keeps: window-NAME-1
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

struct config_node;
struct store;

struct node_window {
	void *base;
	uint64_t len;
	int fd;      /* of the memory */
	bool is_new; /* nobody can have been at work in it */
};

#define NODE_WINDOW_NULL ((struct node_window){ .fd = -1 })

/* store: NULL, where nothing is kept. 0, or a negative errno with the reason. */
int node_window_open(struct node_window *w, const struct config_node *config, struct store *store,
		     struct reason *why);
void node_window_deinit(struct node_window *w);
