/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A keeper of fds for a daemon of the bench, as systemd's fd store is one: a thread that keeps by name what it is sent, and
 * answers barriers.
 */
#pragma once

#include <stddef.h>

struct keeper;

/* $NOTIFY_SOCKET and $FDSTORE are set. NULL without memory. */
struct keeper *keeper_start(void);
/* Closes everything. Returns NULL; NULL is fine. */
struct keeper *keeper_stop(struct keeper *k);
/* The nth fd that is kept, and its name, until something is sent; -1 at the end. */
int keeper_nth(struct keeper *k, size_t n, const char **out_name);
