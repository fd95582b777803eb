/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of a journal as objects of the broker again. Used by restore.c only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "journal/fold.h"
#include "vcmd/restore.h"

struct arena;
struct broker;
struct physmem;

struct restoring {
	struct broker *broker;
	struct fold *fold;
	struct restore_report *report;
	struct arena **arenas; /* by id */
	size_t n_arenas;
	struct physmem **roots; /* by id, for aliases */
	size_t n_roots;
	bool suspect;   /* something is known to be missing */
	bool no_memory; /* a row could not be taken up for want of it: all is to be tried again */
	struct reason *why;
};

/* Everything. What is lost is logged. -ENOMEM with the reason. */
int restore_rows(struct restoring *r);
