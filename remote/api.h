/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * <vcm/vcm.h> on a node: the functions of the specification, for the node that vcm_node_use() names. A pointer of the API is
 * the handle itself; what the broker does not know by it, it refuses.
 *
 * What differs from the host, where <vcm/vcm.h> says otherwise:
 *	- there is one caller, not threads; errno is vcm_errno()
 *	- a value that does not fit into size_t is the error value with VCM_EOVERFLOW
 *	- in a batch a question has no answer: the error value with VCM_EINPROGRESS; at most 16 calls make a batch
 *	- VCM_PREBUILT_USER is -EINVAL: a node has no process. Its memory is where vcm_get_next_phys_addr() says
 *	- faults come while a call waits, and in vcm_dispatch(), which without a clock either polls (0) or waits until the
 *	  port gives up. vcm_set_event_mode() and vcm_get_fd() do not exist
 *	- vcm_sys_init() waits for the host, and is not counted: where there is a session it is -EBUSY. After a reset all calls
 *	  are -ENOTCONN until it is called again
 *	- what was given up, as the port's wait was, may have happened: its objects' names stay taken until the session ends
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vcm/vcm.h>

#include "remote/node.h"

/* The node that the API speaks for: borrowed. */
void vcm_node_use(struct vcm_node *n);
struct vcm_node *vcm_node_used(void);

/* Why the last call failed: a positive number of error.h, or 0. vcm_last_error() has the broker's words. */
int vcm_errno(void);

/* --- for the files that implement it ------------------------------------------------------------------------------ */

static inline uint32_t vcm_handle_of(const void *p)
{
	return (uintptr_t)p > UINT32_MAX ? 0 : (uint32_t)(uintptr_t)p;
}

/* Notes how a call ended, and gives it back. */
int vcm_end(int status);
/* A change: done, or collected. 0 or a negative errno number. */
int vcm_do(const struct vcm_op *op);
/* The same for one that creates: op->handle is filled in. NULL when it failed. */
void *vcm_make(struct vcm_op *op);
/* The same for one that ends op->on. */
int vcm_undo(const struct vcm_op *op);
/* A question, with at least n_values answers. False when it failed. */
bool vcm_ask(const struct vcm_op *op, struct vcm_pending *answer, uint32_t n_values);
/* The ith answer to a question; error_value when there is none. */
uint64_t vcm_ask_value(const struct vcm_op *op, uint32_t i, uint64_t error_value);
size_t vcm_ask_size(const struct vcm_op *op, uint32_t i, size_t error_value);
void *vcm_ask_object(const struct vcm_op *op, uint32_t i);
/* A value as a size, which it may be too large for: then error_value. */
size_t vcm_size_of(uint64_t v, size_t error_value);
/* An answer as an object: NULL when it is none. */
void *vcm_object_of(uint64_t handle);
