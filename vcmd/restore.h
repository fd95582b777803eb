/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an earlier broker had, taken up again: the journal is read, its rows become the graph, the fds of the store its
 * memory, and the hardware is made to see what it saw. What cannot be taken up is said, row by row, and nobody gets its
 * memory.
 *
 *	fds by name -> journal -> rows -> sessions, arenas, physmems, regions -> tables, activation -> a new journal
 *
 * Sessions that are back wait for their clients (CLIENT_AWAY).
 */
#pragma once

#include <stdint.h>

#include "base/reason.h"
#include "journal/reader.h"

struct broker;
struct store;

struct restore_report {
	struct journal_report journal;
	uint64_t n_chunks;
	uint64_t n_sessions, n_objects, n_arenas, arena_bytes; /* that are back */
	uint64_t n_lost;                                       /* rows that are not */
	uint64_t n_closed; /* fds of the store that nobody knew */
	uint64_t ns;
};

/*
 * Into a broker whose machine is up and whose graph has no session. Makes its journal. 0; -ENOMEM, -ENOSPC with the reason: the
 * store has everything as it was, and whoever starts the daemon again may have more luck.
 */
int restore(struct broker *b, struct restore_report *out, struct reason *why);

/*
 * The opposite: what an earlier broker has left is given up, by us and by whoever keeps it, so that nobody restores later what is
 * stale by then; how much it was is said. Once the hardware is quiet, before there is memory. Files of devices and windows stay
 * with the store until they are taken.
 */
void restore_give_up(struct store *s);
