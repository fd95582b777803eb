/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that go on while their broker is killed, again and again: what they share with who kills it.
 *
 *	crash.c		rounds: kill, wait until everybody has checked everything, once more; and what is left in the end
 *	client.c	a client: makes, maps, frees, faults, shares, and knows what there should be
 *	caller.c	a client over a message bus, without libvcmclient
 *	call.c		what it calls with
 *	bus.c		a message bus of the test's own; otherwise the system has one
 *	keeper.c	the fd store of a broker of the test's own; otherwise systemd has it
 *	victim.c	the broker, whichever it is, and how it is struck
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_CLIENTS_MAX 60 /* two contexts each, of 127 */

struct crash_shared {
	atomic_uint round; /* of the last kill */
	atomic_bool is_over;
	atomic_uint checked
		[CRASH_CLIENTS_MAX]; /* the round that a client had seen when it began to check all that it has */
	atomic_ullong n_ops[CRASH_CLIENTS_MAX];
	atomic_ullong n_transactions[CRASH_CLIENTS_MAX];
	int news_fd; /* an eventfd: a client has checked */
};

/* The names of the two contexts of a client, which nobody else may use: "crash7" and "crash7_engine". */
#define CRASH_CONTEXT "crash%u"
#define CRASH_ENGINE "crash%u_engine"

/* The client's process: does not return. Status 0: all was as it should be, until it was over. */
_Noreturn void crash_client(struct crash_shared *with, unsigned int number, unsigned int seed);
/* The same over the bus at that address; NULL: the system's. */
_Noreturn void crash_caller(struct crash_shared *with, unsigned int number, unsigned int seed,
			    const char *bus_address);
