/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peer's side of an ivshmem server, which vcmd is for a node with a `socket`: memory, and eventfds to ring with, one each
 * way.
 */
#pragma once

struct ivshmem {
	int server; /* hung up when vcmd has gone */
	int kick;   /* rings at vcmd */
	int bell;   /* is rung by vcmd */
};

#define IVSHMEM_NULL ((struct ivshmem){ -1, -1, -1 })

/* The memory's fd, which is the caller's; -1 when the server does not give all of it. */
int ivshmem_join(struct ivshmem *s, const char *path);
