/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a plan, carried out on memory and hardware.
 */
#pragma once

#include "base/reason.h"

struct broker;
struct plan;

/*
 * Carries out the steps that may fail. 0; otherwise everything is as it was, and the status for the client:
 * -ENOMEM, -EDQUOT (table memory), -ENODEV, -EBUSY, or -1 for a hardware failure.
 */
int program_run(struct broker *b, struct plan *p, struct reason *why);
/* Takes back what program_run() did: the journal refused. */
void program_undo(struct broker *b, struct plan *p);
/* Carries out the late steps: nothing that they take away can be reached any more when it returns. Cannot fail. */
void program_retire(struct broker *b, struct plan *p);
