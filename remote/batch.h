/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is collected between vcm_batch_begin() and vcm_batch_commit(): it is written into the node's next message as it comes.
 */
#pragma once

#include <stdint.h>

#include "remote/node.h"

/* 0; the batch's first failure, from then on. */
int vcm_batch_add(struct vcm_node *n, const struct vcm_op *op);
/* A handle that the open batch has given, or whose object it ends: final when it is committed. */
void vcm_batch_made(struct vcm_node *n, uint32_t handle);
void vcm_batch_ended(struct vcm_node *n, uint32_t handle);
