/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Huge pages of the kernel's, whose addresses devices know, over the end of the process: their files are in the fd store, each
 * page under its own address.
 *
 *	page-SET-N	the file of the page at N * 2 MB; SET: 0 table memory, else the memtype of the pool that it is in
 *	page-pin-N	what keeps it there (memory/page.h)
 *	page-whole-1	all that an SMMUv3 of this process could ever reach is kept: it may go on
 *
 * A page that is not where its name says, as a client has made a hole in its file, is nobody's memory any more. What its pin
 * holds is given back when no device can reach it.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct memory;
struct store;

#define MACHINE_PAGES_TABLES 0

struct machine_page; /* what is left of one, and nobody's */

struct machine_pages {
	struct store *store; /* NULL: nothing is kept */
	struct memory *memory;
	SLIST_HEAD(, machine_page) stale;
	bool were_whole; /* of the process before this one */
	bool are_whole;
	bool marked; /* page-whole-1 is in the store */
	bool unsafe; /* something was put since the last machine_pages_sync() */
};

/* What is left of an earlier process. */
void machine_pages_init(struct machine_pages *p, struct store *store, struct memory *memory);
void machine_pages_deinit(struct machine_pages *p);
/* A page for that set: one that was left, or a new one. 0, or what memory_page_add() says. */
int machine_pages_get(struct machine_pages *p, unsigned int set, struct range *out,
		      struct reason *why);
/* All that were asked for are there: they are safe when it returns, or are_whole says that they are not. watched: there are
 * SMMUv3s, which the next process is told of. */
void machine_pages_sync(struct machine_pages *p, bool watched);
/* The page at pa has other files: memory_arena_free() has said so. */
void machine_pages_renew(struct machine_pages *p, unsigned int set, uint64_t pa);
/* The page at pa has no files any more. */
void machine_pages_lose(struct machine_pages *p, unsigned int set, uint64_t pa);
/* No device reaches what is left and nobody's. */
void machine_pages_settle(struct machine_pages *p);
