/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pieces filled ahead of need, so that who asks for one does not wait for the kernel to zero it. Filled by the kernel,
 * never handed out before: not a byte of anybody is in them.
 *
 * Two sizes: 2 MB, the granule of most pools, and 16 MB, the largest block. Of a stock of 32 MB or more, one 16 MB piece
 * for each 32 MB, at most two; the rest is 2 MB pieces.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/piece.h"

struct stock_piece {
	struct piece piece;
	SLIST_ENTRY(stock_piece) next;
};

SLIST_HEAD(stock_list, stock_piece);

struct stock_shelf {
	uint64_t piece_len;
	size_t n_wanted, n_full;
	struct stock_list full;
	struct stock_piece *filling; /* at most one, or NULL */
};

struct stock {
	struct stock_shelf shelves[2]; /* 2 MB, 16 MB */
	bool paused;                   /* the system is short of memory or fds */
};

/* len: bytes to keep ready. */
void stock_init(struct stock *s, uint64_t len);
void stock_deinit(struct stock *s);

/* A filled piece of len bytes, which is the caller's from now on. False when there is none. */
bool stock_take(struct stock *s, uint64_t len, struct piece *out);
/* Whether there is one that is full, or nearly. */
bool stock_has(const struct stock *s, uint64_t len);
/* Whether there is something to fill. */
bool stock_wants(struct stock *s);
/* One step of filling, if there is. It pauses when the system is short. */
void stock_fill_step(struct stock *s);
/* Gives everything back, and pauses: somebody needs it more. False when there was nothing. */
bool stock_drop(struct stock *s);
/* The system has got something back. */
void stock_resume(struct stock *s);
/* Bytes of pieces that are ready. */
uint64_t stock_len(const struct stock *s);
