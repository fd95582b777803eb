/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arenas whose fds the session was given: what pieces of memory are mapped from.
 *
 * The broker passes an arena's fd once and names the arena by its number afterwards. An fd that is kept keeps the arena's
 * bytes, also when the broker has ended the arena; so one that no mapping uses is only kept while it is small and among the
 * last few used, and what is not there can be asked for again.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define ARENAS_IDLE_MAX 16 /* fds that no mapping uses, at most */
#define ARENAS_IDLE_LEN                                                                            \
	(2u << 20) /* bytes; larger ones go as soon as arenas_trim() finds them unused */

struct arena;

struct arenas {
	pthread_mutex_t lock;
	struct arena *list;
	size_t n, cap;
	uint64_t clock; /* counts uses, to find the one that was used longest ago */
};

void arenas_init(struct arenas *a);
void arenas_deinit(struct arenas *a);

/*
 * Takes fd, the arena's, on success, and begins a use of it, so that it stays until arenas_put(); another one that was there is
 * closed when nobody uses it. 0; -ENOMEM; -EPROTO when it is no memory.
 */
int arenas_add(struct arenas *a, uint32_t id, int fd, struct reason *why);
/*
 * Begins a use of bytes [offset, offset + len) of an arena. Out: its fd, which stays open until arenas_put().
 * 0; -ENOENT when the arena is not here; -EPROTO when it has no such bytes.
 */
int arenas_get(struct arenas *a, uint32_t id, uint64_t offset, uint64_t len, int *out_fd,
	       struct reason *why);
/* Ends a use. */
void arenas_put(struct arenas *a, uint32_t id);
/* Memory was freed: closes the large ones that nobody uses. */
void arenas_trim(struct arenas *a);
