/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions that go on with another connection: those that outlived the broker before this one wait for their clients, for as
 * long as the configuration says, and end like any other when nobody comes.
 *
 * Who comes shows the session's token, and is the same user. Then what was asked before and was not seen to be answered is
 * asked again, with the serials that it had: what has been carried out is answered and not done again (vcmd/replies.h).
 */
#pragma once

#include "base/reason.h"

struct client;
struct hello;

/* The session of c, which has no link, waits from now on. 0, -ENOMEM. */
int resume_wait(struct client *c);
/* Who has the session that c, which is new, may take. NULL: there is no such session, or it is not c's to have; which of them,
 * nobody is told. One that was not restored whole ends when its client comes, which is told that. */
struct client *resume_find(const struct client *c, const struct hello *hello, struct reason *why);
/* c has the session from now on; old, waiting or not, is no client any more. */
void resume_take(struct client *c, struct client *old, const struct hello *hello);
