// SPDX-License-Identifier: BSD-3-Clause
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Counts down to the allocation that fails: 0 off, 1 the next one. */
static atomic_size_t fail_in;
static atomic_int fail_fired;

static int fails(void)
{
	if (atomic_load_explicit(&fail_in, memory_order_relaxed) == 0)
		return 0;
	if (atomic_fetch_sub(&fail_in, 1) != 1)
		return 0;
	atomic_store(&fail_fired, 1);
	return 1;
}

void mem_fail_nth(size_t n)
{
	atomic_store(&fail_fired, 0);
	atomic_store(&fail_in, n);
}

int mem_fail_fired(void)
{
	atomic_store(&fail_in, 0);
	return atomic_exchange(&fail_fired, 0);
}

void *mem_zalloc(size_t size)
{
	return mem_zalloc_n(1, size);
}

void *mem_zalloc_n(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *mem_realloc_n(void *p, size_t n, size_t size)
{
	return fails() ? NULL : reallocarray(p, n, size);
}

char *mem_strdup(const char *s)
{
	return fails() ? NULL : strdup(s);
}

void *mem_free(void *p)
{
	free(p);
	return NULL;
}
