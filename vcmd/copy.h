/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vcm_res_copy(): bytes from one reservation to another, in slices, so that a long copy holds nobody else up.
 *
 * Each slice looks its reservations up again: when one has gone or is not backed any more, the copy ends there and says
 * how far it came.
 */
#pragma once

#include <stdint.h>

#include "vcmd/call.h"

struct client;
struct res;

/* 0 (done: the answer has the bytes copied), CALL_PARKED, or -EINVAL, -ENOMEM (not backed), -EACCES (secure). */
int copy_start(struct call *c, const struct res *to, uint64_t to_off, const struct res *from,
	       uint64_t from_off, uint64_t len);
/* The client goes. */
void copy_abandon(struct client *c);
