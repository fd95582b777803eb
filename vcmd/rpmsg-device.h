/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An endpoint of the kernel's RPMsg, where remoteproc owns the rings: made through /dev/rpmsg_ctrlN, and then a device
 * of its own, /dev/rpmsgM, of which a read is one message and a write another. The only file that knows these.
 */
#pragma once

#include <stdint.h>

#include "base/reason.h"

struct rpmsg_device_config {
	const char *control; /* /dev/rpmsg_ctrlN */
	const char *name;    /* of the service */
	uint32_t address;    /* ours */
	uint32_t remote;     /* the node's */
};

/* The caller's non-blocking fd of the endpoint, or a negative errno with the reason. */
int rpmsg_device_open(const struct rpmsg_device_config *config, struct reason *why);
/* The endpoint is no more, and fd is closed. */
void rpmsg_device_close(int fd);
