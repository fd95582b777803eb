/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stacks of others have in common, in a process of its own: rings that it looks at by itself, messages in one or two
 * fragments, calls. How it begins, and with whom, is the suite's.
 */
#pragma once

#include "tests/vcmd/scene.h"

#define STACK_PAYLOAD 496
#define STACK_OURS 1024 /* where vcmd is, when nobody says so */
#define STACK_WAIT_MS 5000
#define STACK_FEW 31 /* from length to length, where not all are needed: STACK_PAYLOAD is one */

struct stack {
	struct relay node; /* its window, its eventfds, its rings; not its life */
	struct codec *codec;
	uint32_t addr, host;
	uint32_t n_sent;
	uint64_t serial;
};

/* What the platform header of rpmsg-lite says. */
struct stack_platform {
	uint32_t vring_size, align, buffer_count;
};

extern struct stack stack;

/* Kicks vcmd, where there is something to kick it with. */
void stack_ring(void *ctx, uint32_t id);
void stack_await_bell(void);
const struct firmware_message *stack_next_message(void);
void stack_send_packet(const struct request *request);
const struct reply *stack_await_reply(void);
void stack_say_hello(void);
/* Payloads that are none first; then a call in each length that one buffer holds, and in some that take two: by step. */
void stack_call_in_lengths(size_t step);
/* As rpmsg-lite: no table, no status, no features; rings where they are known to be, and a kick. */
void stack_lite_init(const struct stack_platform *p, bool has_missed_it);
/* For world_until(): the process of *(pid_t *)pid has ended, as it should. */
bool stack_is_dead(struct world *w, void *pid);
