/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zeroing and copying of mapped bytes. Long runs go past the caches: nobody reads them soon, and it is twice as fast.
 */
#pragma once

#include <stddef.h>

void zero_bytes(void *at, size_t len);
/* The two may overlap. */
void copy_bytes(void *to, const void *from, size_t len);
