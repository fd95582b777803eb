/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions of simulated devices, on behalf of clients. One that stalls waits here, while the daemon goes on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcmd/call.h"

struct client;
struct device;

/*
 * write: data are op->data; read: op->len bytes go into the answer.
 * 0; CALL_PARKED; -EFAULT terminated; -EBUSY (one is waiting already); -ENODEV not simulated; -EACCES the device is active
 * for another session; -EINVAL.
 */
int simulate(struct call *c, struct device *d, bool write, const struct op *op);
/* The client goes: what waits for it is terminated. */
void simulate_abandon(struct client *c);
