/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node behind the kernel's RPMsg: remoteproc owns its rings and its life, and we have one endpoint of it. While there
 * is none, because the node is down or being started again, it is tried for again and again.
 */
#pragma once

#include "base/reason.h"
#include "vcmd/rpmsg-device.h"

struct broker;
struct config_node;
struct node_char;
struct node_report;

/* How an endpoint is opened and closed: rpmsg-device.c's way, or a test's. */
struct node_char_ops {
	int (*open)(const struct rpmsg_device_config *config, struct reason *why);
	void (*close)(int fd);
};

/* NULL without memory. An endpoint that is not there yet is no error. */
struct node_char *node_char_new(struct broker *b, const struct config_node *config,
				const struct node_char_ops *ops);
/* After all clients. NULL is fine. */
struct node_char *node_char_free(struct node_char *c);
void node_char_report(const struct node_char *c, struct node_report *out);
