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

#define SCRATCH_ALIGN 8

struct scratch {
	size_t used;
	bool is_full; /* an allocation did not fit since the reset */
	alignas(SCRATCH_ALIGN) uint8_t bytes[CODEC_MEMORY];
};

/* Takes everything back. A scratch of zeroes is ready for use. */
void scratch_reset(struct scratch *a);
/* Not initialised; NULL when it does not fit, as it is from then on. len 0 gives a pointer too. */
void *scratch_alloc(struct scratch *a, size_t len);
/* As scratch_alloc(), for n elements. */
void *scratch_alloc_n(struct scratch *a, size_t n, size_t size);
/* Before the memory goes back to the heap. */
void scratch_deinit(struct scratch *a);
