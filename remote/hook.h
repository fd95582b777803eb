/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handlers of faults. They run in the caller's context, while it waits or polls, and may call everything; what faults
 * during a handler's calls is handled within them, VCM_NODE_DEPTH deep.
 */
#pragma once

#include <stdint.h>

#include "remote/node.h"

/* What a device has: without, the handler is NULL. */
struct vcm_node_hook vcm_node_get_hook(struct vcm_node *n, uint32_t device);
/* NULL removes. 0, or -VCM_ENOMEM: all places are taken. */
int vcm_node_set_hook(struct vcm_node *n, uint32_t device, vcm_handler handler, void *data);
/* Runs those of the faults that are there, and sends their verdicts. How many there were. */
uint32_t vcm_node_run_hooks(struct vcm_node *n);
