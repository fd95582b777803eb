/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A method call that is under way: the operations that it became, and the message that is to be answered.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "proto/message.h"

struct bus;
struct bus_method;
struct bus_session;

struct bus_call_op {
	const struct bus_method *method;
	uint32_t handle, on, target;
};

struct bus_call {
	TAILQ_ENTRY(bus_call) link; /* of the session, while it waits */
	struct bus *bus;
	sd_bus_message *m;
	uint64_t serial;      /* 0: the next one will be */
	unsigned int granted; /* rights, for this once: rights_bit() */
	bool batch;           /* answered as an array of dictionaries */
	struct op *
		ops_held; /* of a call that is held: n_ops; what they point to is the message's. NULL otherwise */
	size_t n_ops;
	struct bus_call_op ops[];
};

/* The handlers of the interface's methods, of Batch, and of Once. userdata: the bus. */
int bus_call_method(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_call_batch(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_call_once(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* NULL without memory. m is referenced. */
struct bus_call *bus_call_new(struct bus *bus, sd_bus_message *m, size_t n_ops);
/* What it asked for has been taken from it: only its answer is still to be given. */
void bus_call_let_go(struct bus_call *c);
/* It waits before these are taken from it: what none of them needs of it goes now. */
void bus_call_keep(struct bus_call *c, const struct op *ops, size_t n_ops);
/* Returns NULL; NULL is fine. */
struct bus_call *bus_call_free(struct bus_call *c);
/* Answers with what the reply says. fds are the reply's pieces'. */
void bus_call_reply(const struct bus_call *c, const struct reply *reply, const int *fds,
		    size_t n_fds);
