/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory behind a reservation, as the broker tells it: pieces of arenas, in as many messages as it takes, checked and
 * joined where one follows the other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "libvcmclient/mapping.h"

struct arenas;
struct connection;
struct packet;

/* Runs in the order of their addresses, each with a use of its arena. */
struct pieces {
	struct arenas *arenas;
	struct piece_run *runs;
	size_t n, cap;
	uint64_t len; /* bytes that they cover so far */
};

#define PIECES_NULL(a) ((struct pieces){ .arenas = (a) })

/* Ends the uses. A caller that has handed the runs on sets n to 0 first. */
void pieces_deinit(struct pieces *p);

/*
 * Gathers what covers len bytes of the reservation res: from the reply to its OP_BACK, which was operation `index` of the
 * request, and with further requests for what is not there. Takes the packet's fds.
 * 0; -ESTALE: the reservation is not backed any more; -EMFILE this process has no room for fds; -ENOMEM; -EPROTO; or what the
 * broker says.
 */
int pieces_gather(struct pieces *p, struct connection *c, struct packet *packet, uint32_t index,
		  uint32_t res, uint64_t len, struct reason *why);
