/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time: CLOCK_MONOTONIC, in nanoseconds.
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* A tenth of the price, and some milliseconds old. */
static inline uint64_t clock_coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
