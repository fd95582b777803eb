/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fds that the service manager hands over: listening sockets, and what an earlier run left in its fd store. They come
 * in no certain order, so that only their names say what they are. It knows nothing of what is behind them.
 */
#pragma once

#include "base/reason.h"

/* The listening socket, as vcmd.socket calls it. */
#define HANDED_LISTEN "listen"

struct handed;

/* Takes all that there are, once in a process: they are CLOEXEC from now on, and nobody else looks for them. 0, or a
 * negative errno with the reason. */
int handed_new(struct handed **out, struct reason *why);
/* Closes what nobody has taken, and says so. Returns NULL; NULL is fine. */
struct handed *handed_free(struct handed *h);
/* One fd of that name, which is the caller's from now on; -1 when there is none (any more). */
int handed_take(struct handed *h, const char *name);
/* One fd that nobody has taken, and its name, which lives as long as h does; -1 at the end. */
int handed_take_any(struct handed *h, const char **out_name);
