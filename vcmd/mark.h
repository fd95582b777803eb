/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether what the kernel keeps for devices may differ from the journal: one word in a file that outlives the process.
 *
 *	set -> program -> journal -> retire -> clear
 *
 * The kernel hands mappings to the next process by address and length. That they are of the memory that the journal says,
 * with its rights, is true only if nobody died on the way from set to clear.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

struct store;

struct mark {
	uint32_t *word; /* NULL: there is none */
	bool sticks;    /* it is set, and clear changes nothing */
};

#define MARK_NULL ((struct mark){ 0 })

/*
 * store NULL: it ends with the process. *out_was_set: the process before this one died on the way, or has left no mark; then
 * it is set until mark_settle(). 0, -ENOMEM, or what the system says.
 */
int mark_init(struct mark *m, struct store *store, bool *out_was_set, struct reason *why);
void mark_deinit(struct mark *m);

void mark_set(struct mark *m);
void mark_clear(struct mark *m);
/* Set for good: something could not be taken back. */
void mark_stick(struct mark *m);
/* What was left is known to be as the journal says. */
void mark_settle(struct mark *m);
