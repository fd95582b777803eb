/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function of the API, as a value: what it names is looked up, then it is sent or collected, then it answers.
 *
 *	_cleanup_(call_deinit) struct call c = call_begin(OP_UNRESERVE);
 *
 *	call_on(&c, HANDLE_RES, res_id);
 *	call_frees(&c);
 *	return call_do(&c);
 *
 * The first failure counts, and what comes after it does nothing: no step needs a check.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvcmclient/handle.h"
#include "libvcmclient/session.h"
#include "libvcmclient/transaction.h"
#include "proto/message.h"

struct call {
	struct entry entry;
	int err; /* of the first failure */
	struct op op;
	struct step step;
	struct handle_info on, target;
	void *made;            /* the pointer of what it creates */
	struct packet *packet; /* with the answer */
};

struct call call_begin(uint32_t code);
/* Keeps errno. */
void call_deinit(struct call *c);

/* Notes a failure, whose reason is error_reason()'s. */
void call_fail(struct call *c, int err);

/* The objects that the operation is about. The second form leaves out a NULL. */
void call_on(struct call *c, enum handle_kind kind, const void *p);
void call_target(struct call *c, enum handle_kind kind, const void *p);
void call_target_if(struct call *c, enum handle_kind kind, const void *p);
/* A dev_id of the API; what does not fit is no device, as 0. */
void call_device(struct call *c, size_t dev_id);

/* The object that it creates. is_user: a vcm of the process's own address space. */
void call_creates(struct call *c, enum handle_kind kind, bool is_user);
/* The object op.on ends. */
void call_frees(struct call *c);
/*
 * The process's own address space, for a reservation or a bound: new space, whose address goes into the operation, or a part of
 * the bound's (op.on). -EINVAL when len is not of whole pages; -ENOMEM.
 */
void call_takes_space(struct call *c, uint64_t len, uint32_t attr);
void call_takes_part(struct call *c, uint64_t len, uint32_t attr);
/* What it does to the mapping of op.on, if that has one. */
void call_affects(struct call *c, enum effect effect);

/* Sends what changes something, or leaves it to the thread's batch. 0 or the failure, with errno set. */
int call_do(struct call *c);
/* Sends a question, whose answer is in c->packet. 0 or the failure. */
int call_ask(struct call *c);

/* How a function ends that creates: the new object, or NULL. */
void *call_made(struct call *c);
/* How a function ends that answers the ith value: error_value, with errno, when there is none. */
uint64_t call_value(struct call *c, size_t i, uint64_t error_value);
/* How a function ends that answers an object: NULL with errno 0 where the value is 0. */
void *call_object(struct call *c, enum handle_kind kind, size_t i);
