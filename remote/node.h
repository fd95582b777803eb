/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node's session with the broker, over a link.
 *
 *	            vcm_node_attach()                   the link was reset, the host broke the rules
 *	DETACHED ------------------------> ATTACHED ------------------------------------------------> LOST
 *	   ^            hello                  |  vcm_node_detach()                                       |
 *	   +-----------------------------------+---------------------------------------------------------+
 *
 * Everything here, and what the port and the link are called for, happens in the caller's context; one caller at a time.
 * Nothing is allocated: a node is this structure, and what a call keeps on the stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vcm/vcm.h>

#include "remote/fragment.h"
#include "remote/link.h"
#include "remote/message.h"

#ifndef VCM_NODE_OBJECTS
#define VCM_NODE_OBJECTS 256u /* that the node has at a time: a multiple of 32, at most 4096 */
#endif
#ifndef VCM_NODE_HOOKS
#define VCM_NODE_HOOKS 4u /* devices with a fault handler */
#endif
#ifndef VCM_NODE_FAULTS
#define VCM_NODE_FAULTS                                                                            \
	4u /* that wait for their handler; what is more is terminated when its deadline is over */
#endif
#define VCM_NODE_DEPTH 4u /* of handlers within calls of handlers */

enum vcm_node_state { VCM_NODE_DETACHED, VCM_NODE_ATTACHED, VCM_NODE_LOST };

/* A request whose reply is awaited: the caller's, from vcm_node_submit() until it is done or dropped. */
struct vcm_pending {
	struct vcm_pending *next;
	uint64_t serial;
	bool is_done;
	bool gave_up;    /* the wait did: it may happen all the same */
	int status;      /* 0, or a negative errno number */
	uint32_t failed; /* the index of the operation that failed */
	uint32_t n_values;
	uint64_t values[OP_MAX_VALUES];
	void *data; /* where bytes of the answer go: cap of them at most; or NULL */
	size_t cap, n_data;
};

struct vcm_node_hook {
	uint32_t device; /* 0: the place is free */
	vcm_handler handler;
	void *data;
};

struct vcm_node_fault {
	uint64_t id;
	uint32_t device;
	bool is_too_far; /* at an address that is none of this CPU's: no handler can be told */
	struct vcm_fault fault;
};

struct vcm_node {
	const struct vcm_link *link;
	const char *name;
	enum vcm_node_state state;
	bool is_up; /* the link */
	bool in_batch;
	uint32_t max_ops;
	uint32_t epoch;  /* how often the link went up or down */
	uint32_t number; /* of the last message; from 1 in each session */
	uint32_t n_sent,
		n_fragments; /* of what `out` holds: the rest goes before any other message */
	uint64_t serial;     /* of the last request: goes on over sessions */
	uint32_t n_stale;    /* replies that nobody waited for any more */
	uint32_t n_missed;   /* faults that there was no room for */
	uint32_t depth;      /* of handlers */
	struct vcm_pending *pending; /* the newest first */
	int batch_error;
	uint32_t batch_failed;
	uint32_t last_object;
	uint32_t objects[VCM_NODE_OBJECTS / 32];  /* a bit for each handle that is in use */
	uint32_t batched[VCM_NODE_OBJECTS / 32];  /* of these: made by the open batch */
	uint32_t released[VCM_NODE_OBJECTS / 32]; /* and ended by it */
	struct vcm_node_hook hooks[VCM_NODE_HOOKS];
	struct vcm_node_fault faults[VCM_NODE_FAULTS];
	uint32_t n_faults;
	struct vcm_assembly in;
	struct vcm_request out;
	union vcm_scratch scratch;
	char reason[sizeof(((vcm_wire_Reply *)0)->reason)]; /* why the last request was refused */
	uint8_t in_bytes[VCM_MESSAGE_CAP];
};

/* name: what people see, at most 31 bytes; borrowed. link is borrowed, and may be filled in later. */
void vcm_node_init(struct vcm_node *n, const struct vcm_link *link, const char *name);

/* For the link: a payload that came for the endpoint (it may be in shared memory), and that it went up or down. */
void vcm_node_receive(void *node, const volatile void *payload, size_t len);
void vcm_node_reset(void *node, bool is_up);

/*
 * Waits for the link, then for the broker's welcome. 0; -VCM_EBUSY: it is attached; what the port's wait gave up with;
 * what the broker refuses with; -VCM_EPROTO. Objects and handlers of an earlier session are gone.
 */
int vcm_node_attach(struct vcm_node *n);
/* Ends the session: the broker has taken everything back when this returns 0. -VCM_ENOTCONN: there was none, or it was lost. */
int vcm_node_detach(struct vcm_node *n);

/*
 * A call in two halves. vcm_node_submit() sends, and returns before the answer is there; vcm_node_finish() waits for it,
 * and p->is_done says whether it would. Several may be on their way, as many as the host's buffers hold. A pending that
 * nobody finishes must be dropped before it goes.
 *
 * submit: 0; -VCM_ENOTCONN; -VCM_EINVAL, -VCM_E2BIG: it cannot be said; what the port's wait gave up with. finish: p->status;
 * -VCM_ECONNRESET: the session was lost, or ended; what the port's wait gave up with. Then it is dropped, and where
 * p->gave_up is true it may happen all the same.
 */
int vcm_node_submit(struct vcm_node *n, struct vcm_pending *p, const struct vcm_op *op);
int vcm_node_finish(struct vcm_node *n, struct vcm_pending *p);
void vcm_node_drop(struct vcm_node *n, struct vcm_pending *p);
/* Both halves. p->data and p->cap are the caller's to set before; the rest is set here. */
int vcm_node_call(struct vcm_node *n, struct vcm_pending *p, const struct vcm_op *op);

/* Takes what has come and runs the handlers of faults; never waits for the host unless a handler does. How many ran. */
uint32_t vcm_node_poll(struct vcm_node *n);
/* The same, after waiting for something to come. 0, or what the port's wait gave up with. */
int vcm_node_wait(struct vcm_node *n);

/* Tells the broker that this CPU lives, where nothing else is to be said and the node has a `heartbeat`. As vcm_node_call(). */
int vcm_node_ping(struct vcm_node *n);

/* For those who build on the above: a free handle, or 0; and that its object is gone. */
uint32_t vcm_node_new_handle(struct vcm_node *n);
void vcm_node_free_handle(struct vcm_node *n, uint32_t handle);
/* Before anything is written into n->out: what is left there of a message whose sending was given up. As vcm_node_submit(). */
int vcm_node_send_rest(struct vcm_node *n);
/* Sends what n->out holds. As vcm_node_submit(). */
int vcm_node_send(struct vcm_node *n, struct vcm_pending *p);
/* Nobody is answered any more: all that wait get -VCM_ECONNRESET. */
void vcm_node_settle(struct vcm_node *n);
/* Every reply up to this serial has come. */
uint64_t vcm_node_seen(const struct vcm_node *n);
