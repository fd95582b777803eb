/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings eventfds that a peer has too, which must not stop us: it shares their file description, and so may fill the count
 * and clear O_NONBLOCK at any moment, after which a write() would last for ever. The kernel has a way to signal an eventfd
 * that never waits, when an asynchronous read has ended: one of nothing, from memory of our own, has ended at once.
 */
#pragma once

#include "base/reason.h"

struct ringer;

/* 0, or a negative errno with the reason: a kernel without CONFIG_AIO has none. */
int ringer_new(struct ringer **out, struct reason *why);
struct ringer *ringer_free(struct ringer *r);
/* eventfd becomes readable, and whoever waits for it is woken, also where its count cannot grow any more. 0, or an errno. */
int ringer_ring(struct ringer *r, int eventfd);
