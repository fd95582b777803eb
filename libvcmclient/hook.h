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

/*
 * A change is asked for and answered, and answers may be dealt with by several threads in any order: stamps, which are those of
 * the requests, say which is the last.
 *
 *	set:	hooks_set_begin()	hooks_set_end() or _undo()	there before the broker sends faults for it
 *	remove:				hooks_remove_end()		and until it sends none any more
 */
struct hook_change {
	uint32_t device;
	uint64_t number;
	struct hook old;
};

/* Puts a hook (with a handler) in the place of the device's. 0, -ENOMEM. */
int hooks_set_begin(struct hooks *h, uint32_t device, struct hook hook, struct hook_change *out);
/* The broker has agreed. */
void hooks_set_end(struct hooks *h, const struct hook_change *change, uint64_t stamp);
/* It has not: the old one is there again, unless something else is by now. */
void hooks_set_undo(struct hooks *h, const struct hook_change *change);
/* The broker has forgotten the device's hook: it goes, unless one was set later. */
void hooks_remove_end(struct hooks *h, uint32_t device, uint64_t stamp);

bool hooks_is_empty(struct hooks *h);
/* Waits until the device's handlers that run now have returned; not inside a handler, where it could be for itself. */
void hooks_wait(struct hooks *h, uint32_t device);

/* Runs the device's handler. What it returned, or VCM_FAULT_TERMINATE when there is none. */
int hooks_run(struct hooks *h, uint32_t device, struct vcm_fault *fault);
/* How many handlers this thread is inside of. */
unsigned int hooks_depth(void);
