// SPDX-License-Identifier: BSD-3-Clause
#include "proto/scratch.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define SCRATCH_GAP SCRATCH_ALIGN
#define hide(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define show(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
#else
#define SCRATCH_GAP 0
#define hide(p, len) ((void)(p), (void)(len))
#define show(p, len) ((void)(p), (void)(len))
#endif

void scratch_reset(struct scratch *a)
{
	hide(a->bytes, a->used);
	a->used = 0;
	a->is_full = false;
}

void *scratch_alloc(struct scratch *a, size_t len)
{
	size_t left = sizeof(a->bytes) - a->used;
	size_t whole = (len + SCRATCH_GAP + SCRATCH_ALIGN - 1) & ~(size_t)(SCRATCH_ALIGN - 1);
	void *p = a->bytes + a->used;

	if (len > left || whole > left || a->is_full) {
		a->is_full = true;
		return NULL;
	}
	hide(p, whole);
	show(p, len);
	a->used += whole;
	return p;
}

void *scratch_alloc_n(struct scratch *a, size_t n, size_t size)
{
	size_t len;

	if (__builtin_mul_overflow(n, size, &len))
		len = SIZE_MAX;
	return scratch_alloc(a, len);
}

void scratch_deinit(struct scratch *a)
{
	show(a->bytes, sizeof(a->bytes));
}
