/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another configuration in the place of the one in use, all of it or nothing of it: it is checked, what is new is set up,
 * and then it counts, from the next request on. What cannot change is vcmd/config-change.h's to say. The one that was goes,
 * once nobody has a reference to it.
 *
 * Sessions go on: a rule that shuts a user out is for what comes, and in-flight is for sessions that come.
 */
#pragma once

#include "base/reason.h"

struct broker;
struct config;

/* 0: `to` is in use, and the broker has a reference to it. -EINVAL, -ENOMEM, with the reason: nothing has changed. */
int reload(struct broker *b, struct config *to, struct reason *why);
