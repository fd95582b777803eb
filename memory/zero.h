/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zeroing and copying of mapped bytes. Long runs go past the caches: nobody reads them soon, and it is twice as fast.
 */
#pragma once

#include <stddef.h>

void zero_bytes(void *at, size_t len);
/* The two may overlap. */
void copy_bytes(void *to, const void *from, size_t len);

/*
 * The same for memory that is mapped as a device (on ARM, Device-nGnRnE): whoever accesses it does so in aligned words of
 * 64 bits at most, one by one, in order; others fault. Those of to or of from, or of both, may be such.
 */
void zero_words(void *at, size_t len);
void copy_words(void *to, const void *from, size_t len);
