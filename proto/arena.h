/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of one codec call: a fixed extent that is handed out from its start and taken back as a whole. Fixed, so
 * that no packet, however hostile, makes it grow; pages that were never needed are never touched.
 *
 *	0            used                      CODEC_MEMORY
 *	| a | gap | b |        untouched            |		gap: under ASan only, unreadable
 */
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

#define ARENA_ALIGN 8

struct arena {
	size_t used;
	bool is_full; /* an allocation did not fit since the reset */
	alignas(ARENA_ALIGN) uint8_t bytes[CODEC_MEMORY];
};

/* Takes everything back. An arena of zeroes is ready for use. */
void arena_reset(struct arena *a);
/* Not initialised; NULL when it does not fit, as it is from then on. len 0 gives a pointer too. */
void *arena_alloc(struct arena *a, size_t len);
/* As arena_alloc(), for n elements. */
void *arena_alloc_n(struct arena *a, size_t n, size_t size);
/* Before the memory goes back to the heap. */
void arena_deinit(struct arena *a);
