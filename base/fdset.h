/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fds that travel with one message. A set owns what is in it.
 */
#pragma once

#include <stddef.h>

#define FDSET_MAX 64 /* fds a message; the kernel's SCM_MAX_FD is 253 */

struct fdset {
	int fds[FDSET_MAX];
	size_t n_fds;
};

#define FDSET_NULL ((struct fdset){ .n_fds = 0 })

/* Closes what is left. Safe on FDSET_NULL and twice. */
void fdset_deinit(struct fdset *set);
/* Takes fd. -ENOSPC when the set is full: then fd stays the caller's. */
int fdset_add(struct fdset *set, int fd);
/* The fd at i, which is the caller's from now on, or -1 when there is none (left). */
int fdset_take(struct fdset *set, size_t i);
