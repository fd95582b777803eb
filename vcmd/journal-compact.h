/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over everything that is live, for the journal to write it again: a bounded number of rows at a time, while the
 * broker goes on. What changes behind the walk writes its own rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct writer;

enum walk_phase {
	WALK_ARENAS,
	WALK_ORPHANS,  /* memory that only imports have */
	WALK_SESSIONS, /* each with its replies and hooks, then its objects by handle */
	WALK_DONE,
};

struct walk {
	enum walk_phase phase;
	size_t pool;      /* whose arenas are under way */
	uint32_t arena;   /* the last one that was written */
	uint64_t orphan;  /* the lowest physical address of the next one */
	uint64_t session; /* the one under way; 0: none */
	uint64_t handle;  /* its next one: HANDLE_BROKER and up are of the broker's half */
};

#define WALK_START ((struct walk){ .phase = WALK_ARENAS })

/* Writes at most about n rows, and moves on. */
void walk_step(struct walk *walk, struct broker *b, struct writer *w, size_t n);
