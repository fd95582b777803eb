/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hardware may still hold of a page table that has changed, and who is to drop it: those that have the table active.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#define STALE_MAX 32

struct stale_user;

struct stale {
	unsigned int
		max; /* as many entries are named one by one; when there are more, it is everything */
	bool all;
	unsigned int n;
	uint64_t at[STALE_MAX]; /* one address of each entry that changed */
	uint64_t first, end;    /* around all of it; nothing is stale when they are equal */
	LIST_HEAD(, stale_user) users;
};

struct stale_user {
	LIST_ENTRY(stale_user) link;
	/* Returns when no cached entry, cached table address or walk can use what is stale; -EIO: it never will. */
	int (*invalidate)(struct stale_user *user, const struct stale *stale);
};

/* max: up to STALE_MAX. */
void stale_init(struct stale *s, unsigned int max);
/* A user is told of everything that becomes stale from now on. */
void stale_attach(struct stale *s, struct stale_user *user);
void stale_detach(struct stale_user *user);
/* An entry that changed, by an address in it. Each needs an extent around it, too. */
void stale_entry(struct stale *s, uint64_t at);
void stale_around(struct stale *s, uint64_t first, uint64_t end);
/* Whether something in [first, end) may be. */
bool stale_touches(const struct stale *s, uint64_t first, uint64_t end);
/* Has everything that is stale invalidated by every user. 0; -EIO: one of them cannot. */
int stale_flush(struct stale *s);
