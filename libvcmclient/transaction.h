/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations that happen together, and what has to happen on this side when the broker has agreed: handles that come and go,
 * and the process's own mappings. A call is a transaction of one operation, a batch one of many.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "proto/op.h"

struct op;
struct packet;
struct session;
struct mapping;

/* What an operation does to the process's address space. */
enum effect {
	EFFECT_NONE,
	EFFECT_SPACE,   /* the mapping's space was taken for it */
	EFFECT_PLACE,   /* the answer says where in its bound the mapping lies */
	EFFECT_SHOW,    /* memory appears in the mapping */
	EFFECT_HIDE,    /* memory goes from the mapping */
	EFFECT_PROTECT, /* the mapping's protection follows op.attr */
	EFFECT_CLOSE,   /* the mapping ends */
	EFFECT_TRIM,    /* memory was freed: an arena may have ended */
};

/* This side of one operation. */
struct step {
	uint32_t creates; /* the handle that was taken for the object, or 0 */
	bool frees;       /* the object op.on ends */
	enum effect effect;
	struct mapping *mapping; /* a reference, or NULL */
};

#define STEP_NULL ((struct step){ .effect = EFFECT_NONE })

/* The operation will not happen: gives back what was taken for it. Safe on STEP_NULL and twice. */
void step_undo(struct session *s, struct step *step);

/*
 * Sends the operations as one request, waits, and does this side's part of each; the steps are used up, however it ends.
 * Out: the packet with the answers, for connection_put(); on failure the index of the operation that failed (n: none).
 * 0, or a negative errno number: then nothing has happened. The exception are the process's own mappings, when memory for
 * one is short: its operation is undone and reported, the others stand.
 */
int transaction_run(struct session *s, const struct op *ops, struct step *steps, size_t n,
		    struct packet **out, size_t *out_failed, struct reason *why);
