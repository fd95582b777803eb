/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server of QEMU's ivshmem-doorbell: a Unix stream socket, on which the one peer, a virtual machine or any process that
 * speaks the protocol, is given the shared memory and eventfds to ring with. It knows nothing of what is in the memory.
 *
 *	to the peer, each a little endian int64, some with an fd:
 *	0 (the protocol's version) | its id | -1 + memory | our id + eventfd for each vector | its id + eventfd for each vector
 *
 * The connection lives as long as the peer does. A second one is turned away, until the first has gone.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"

struct ivshmem;
struct loop;

#define IVSHMEM_MAX_VECTORS 2

struct ivshmem_config {
	const char *path;
	int memory_fd; /* outlives the server */
	unsigned int n_vectors;
};

struct ivshmem_handler {
	/* Before it is given anything: what lies in the memory is to be ready for somebody new. */
	void (*joined)(void *ctx);
	void (*left)(void *ctx);
	/* A vector of ours was rung, once or more. */
	void (*rung)(void *ctx);
};

/* 0, or a negative errno with the reason. */
int ivshmem_new(struct loop *loop, const struct ivshmem_config *config,
		const struct ivshmem_handler *handler, void *ctx, struct ivshmem **out,
		struct reason *why);
struct ivshmem *ivshmem_free(struct ivshmem *s);
/* Rings the peer, if there is one. Vectors beyond the last are the last. */
void ivshmem_ring(struct ivshmem *s, unsigned int vector);
bool ivshmem_has_peer(const struct ivshmem *s);
