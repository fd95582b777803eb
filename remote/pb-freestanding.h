/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nanopb needs of a C library, where there is none: -DPB_SYSTEM_HEADER='"remote/pb-freestanding.h"'. Of functions only
 * memcpy(), memset() and memmove() are called, which every freestanding compiler wants to be there anyway.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* <limits.h> is not the compiler's own everywhere. */
#ifndef CHAR_BIT
#define CHAR_BIT __CHAR_BIT__
#endif
#ifndef INT_MAX
#define INT_MAX __INT_MAX__
#endif
#ifndef UINT_MAX
#define UINT_MAX (INT_MAX * 2u + 1u)
#endif

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *at, int c, size_t len);

static inline size_t vcm_strlen(const char *s)
{
	const volatile char *p = s; /* so that no compiler finds strlen() in it */
	size_t n = 0;

	while (p[n])
		n++;
	return n;
}
#define strlen vcm_strlen
