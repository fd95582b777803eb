/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Huge pages where there are small ones, by MADV_COLLAPSE (Linux 6.1), as long as that is quick. The kernel first has every CPU
 * empty its lists of pages, and waits: a moment on a quiet machine (0.3 ms for 2 MB, the zeroing included; 3 to 5 in a virtual
 * machine whose host has to find the memory first, where small pages take 11), and on one where a CPU is kept busy by others, or
 * by a real-time task, as long as that lasts. Nobody is served meanwhile. So after a slow one there are small pages for a while,
 * and for longer each time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct collapse {
	unsigned int n_skip;  /* times that it is not due */
	unsigned int backoff; /* the next n_skip */
};

#define COLLAPSE_SLOW_NS UINT64_C(10000000)
#define COLLAPSE_BACKOFF_MIN 64
#define COLLAPSE_BACKOFF_MAX 65536

/* Whether to try now. */
bool collapse_is_due(struct collapse *c);
/* It was tried, and took that long. */
void collapse_took(struct collapse *c, uint64_t ns);

/* Tries. False: the pages are what they were. */
bool collapse_pages(struct collapse *c, void *at, uint64_t len);
