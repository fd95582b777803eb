/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The batch of a thread: calls that wait to become one transaction.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "libvcmclient/transaction.h"

struct batch;
struct op;
struct session;

bool batch_is_open(void);
/*
 * The open batch takes a call: its operation, and its step, which is STEP_NULL afterwards. err < 0: the call has failed
 * already, and the batch with it.
 * 0, or why the call cannot be part of it; then neither will the batch be committed.
 */
int batch_collect(struct session *s, const struct op *op, struct step *step, int err,
		  struct reason *why);

/* Takes the open batch away from the thread (NULL: none), and gives it back. */
struct batch *batch_park(void);
void batch_unpark(struct batch *batch);
/* In a forked child: there is no batch. */
void batch_forked(void);
