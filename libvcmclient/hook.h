/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fault handlers of the program, one a device, and those that run right now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <vcm/vcm.h>

#include "base/cleanup.h"

struct hooks;

/* NULL without memory. */
struct hooks *hooks_new(void);
/* No handler runs any more. Returns NULL; NULL is fine. */
struct hooks *hooks_free(struct hooks *h);
CLEANUP_DEFINE(struct hooks *, hooks_free)

struct hook {
	vcm_handler handler; /* NULL: none */
	void *data;
};

/* Puts the hook in the place of the device's, which comes back in *out_old. 0, -ENOMEM. Removing one does not fail. */
int hooks_set(struct hooks *h, uint32_t device, struct hook hook, struct hook *out_old);
bool hooks_is_empty(struct hooks *h);
/* Waits until the device's handlers that run now have returned; not inside a handler, where it could be for itself. */
void hooks_wait(struct hooks *h, uint32_t device);

/* Runs the device's handler. What it returned, or VCM_FAULT_TERMINATE when there is none. */
int hooks_run(struct hooks *h, uint32_t device, struct vcm_fault *fault);
/* How many handlers this thread is inside of. */
unsigned int hooks_depth(void);
