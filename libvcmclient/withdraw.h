/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request that ends the broker ends the next one, too, when it is asked again: for ever. So after some times it is withdrawn
 * instead: under its serial an operation is sent that does nothing. A broker that has carried out the request, and has written
 * so before it ended, answers what it would have answered; one that has not refuses, and then it is not done.
 */
#pragma once

#include <stdbool.h>

#include "proto/message.h"

/* How often a request is asked: each time it was the first, and the connection ended before any answer. */
#define WITHDRAW_AFTER 3

/* False for what waits for as long as it likes: brokers may come and go meanwhile. */
bool withdraw_may(const struct request *r);
/* What to send for it: *op, which is valid as long as r. Its serial is left as it is. */
void withdraw_make(struct request *r, struct op *op);
