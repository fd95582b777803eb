/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why the last call of this thread failed: what vcm_last_error() tells.
 */
#pragma once

#include "base/reason.h"

/* The thread's reason, to be passed to refuse(). It stands until the thread's next call begins. */
struct reason *error_reason(void);
/* Forgets the reason: a call begins, or has succeeded. */
void error_clear(void);
/*
 * How a function that returns int ends: returns r, with errno and the reason of a failure, or with the reason forgotten.
 * r must be 0, positive, or a negative errno number.
 */
int error_status(int r);
/* How every other function ends: errno is -r, 0 on success. */
void error_end(int r);
