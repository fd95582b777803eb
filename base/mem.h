/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heap allocation, with one place where a test makes it fail.
 *
 * Every room allocates through these, so that a test can repeat an operation with a failure at the first, the second,
 * the third... allocation, until it succeeds: the operation must have happened, or not at all.
 */
#pragma once

#include <stddef.h>
#include "base/cleanup.h"

/* All return NULL when memory is short; none aborts. Zeroed. */
void *mem_zalloc(size_t size);
void *mem_zalloc_n(size_t n, size_t size);
/* As realloc; bytes beyond the old size are not initialised. The old block stays on failure. */
void *mem_realloc_n(void *p, size_t n, size_t size);
char *mem_strdup(const char *s);
/* Returns NULL; NULL is fine. */
void *mem_free(void *p);

#define mem_new0(type) ((type *)mem_zalloc(sizeof(type)))

static inline void mem_freep(void *p)
{
	mem_free(*(void **)p);
}

/* Tests: the nth allocation from now (1 = the next) of this process fails, once. 0 switches it off. */
void mem_fail_nth(size_t n);
/* Tests: whether the failure that was asked for has come, and switches it off. */
int mem_fail_fired(void);
