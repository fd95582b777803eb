/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole node: firmware that offers no service of its own, but carries the packets of a peer (tests/vcmd/peer.h) between
 * a socket pair and the rings, in fragments.
 *
 *	peer <--socket pair--> relay <--rings--> vcmd
 *
 * It never blocks: relay_pump() does what there is to do. In a process of its own it is relay_run().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rpmsg/assembly.h"
#include "tests/rpmsg/firmware.h"

#define RELAY_ADDR 1024
#define RELAY_MAX 65536

struct relay {
	uint8_t *base;
	uint64_t len, da;
	struct firmware firmware;
	bool attached;
	bool asks;      /* it wrote NEEDS_RESET, and waits for vcmd to start it anew */
	uint32_t vcmd;  /* its address; 0: not known yet */
	int pair;       /* our end; -1: no peer */
	int listener;   /* where peers connect, one after another; -1 */
	int kick, bell; /* eventfds, to vcmd and from it; -1: none */
	int server;     /* the ivshmem server; -1 */
	uint32_t n_sent;
	struct assembly in;
	size_t n_out; /* bytes of a packet under way */
	uint16_t next;
	unsigned int n_starts, n_teardowns;
	uint8_t in_buf[RELAY_MAX], out_buf[RELAY_MAX];
};

/* Maps the window that lies in a file, which is vcmd's. */
void relay_open(struct relay *r, const char *path, uint64_t len, uint64_t da);
/* Takes memory and eventfds from an ivshmem server. False when it turns us away. */
bool relay_join(struct relay *r, const char *path, uint64_t da, unsigned int n_vectors);
void relay_close(struct relay *r);
/* The other end of a new socket pair: a peer. The service is announced for it. */
int relay_connect(struct relay *r);
/* True when there was something to do. */
bool relay_pump(struct relay *r);
/* The node resets, by one convention or the other; the peer sees its end. */
void relay_reset(struct relay *r, uint8_t status);
/*
 * A node that is a process of its own, until it is killed or its parent ends: in the window that lies in a file, or, with
 * n_vectors, behind an ivshmem socket, where it comes again when vcmd does. peer: the relay's end of a peer's connection,
 * or a socket that listens for them; taken.
 */
pid_t relay_spawn(int peer, const char *path, unsigned int n_vectors, uint64_t da);
