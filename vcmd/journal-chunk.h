/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chunk of the journal: a sealed file of memory, mapped, and kept in the fd store as "journal-N".
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct store;

struct chunk {
	TAILQ_ENTRY(chunk) link;
	struct store *store;
	uint64_t number;
	int fd;
	uint8_t *at;
	size_t len;
	size_t filled; /* bytes from the start whose pages are there */
	bool stored;
};

TAILQ_HEAD(chunk_list, chunk);

/* A new one, of zeroes, that is being stored: a barrier must follow. NULL with the reason. */
struct chunk *chunk_new(struct store *store, uint64_t number, size_t len, struct reason *why);
/* One that an earlier process has left under that number, to be read. 0, and fd is taken; -EINVAL: it is no such file; or -ENOMEM:
 * there is no memory to see it; with the reason. */
int chunk_adopt(struct store *store, uint64_t number, int fd, struct chunk **out,
		struct reason *why);
/* Unmapped and closed; out of the store too when it is needed no more. Returns NULL; NULL is fine. */
struct chunk *chunk_free(struct chunk *c, bool is_needed);
/* Makes the next 64 KB of its pages be there. False when all are. */
bool chunk_fill_step(struct chunk *c);
