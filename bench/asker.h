/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node that is a process: it has nothing of vcmd's but the window, and a session over it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/daemon.h"
#include "bench/ring.h"
#include "examples/node/ivshmem.h"
#include "remote/node.h"
#include "remote/rpmsg.h"

struct asker {
	const struct daemon *daemon;
	bool spinning; /* looks at the window; or comes by the socket, and sleeps until it is rung at */
	int echo_cpu;
	struct board board;
	struct ivshmem ivshmem;
	struct vcm_rpmsg rpmsg;
	struct vcm_node node;
	struct ring_echo echo;
	uint32_t vcm, res;
	size_t request_len, reply_len; /* payloads of a reservation */
};

/* In the node's process: a session, with a vcm and a reservation in it. 0, or a negative errno number. */
int asker_open(struct asker *a);
