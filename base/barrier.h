/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order in which hardware, and CPUs that do not run this program, see what it does. C's fences end on ARM at the inner
 * shareable domain, which they need not be in: this is a matter of the outer one.
 */
#pragma once

#include <stdatomic.h>

#if defined(__aarch64__)
#define BARRIER(arm64, arm, other) __asm__ volatile(arm64 ::: "memory")
#elif defined(__arm__)
#define BARRIER(arm64, arm, other) __asm__ volatile(arm ::: "memory")
#else
#define BARRIER(arm64, arm, other) atomic_thread_fence(other)
#endif

/*
 * What has been stored to memory that hardware walks is seen by it from here on, whoever makes it look: a client may ring its
 * device as soon as it has its reply. Such memory may be mapped as a device's, whose stores take their time.
 */
static inline void barrier_stored(void)
{
	BARRIER("dsb oshst", "dsb", memory_order_release);
}

/* Around registers: a write may hand back memory that has been read, and a read says that memory has been written. */
static inline void barrier_before_write(void)
{
	BARRIER("dmb osh", "dmb", memory_order_seq_cst);
}

static inline void barrier_after_read(void)
{
	BARRIER("dmb oshld", "dmb", memory_order_seq_cst);
}

/* Between CPUs that share memory, each with its own program. What is read after this is no older than what was read before. */
static inline void barrier_acquire(void)
{
	BARRIER("dmb oshld", "dmb", memory_order_acquire);
}

/* Whoever sees what is written after this sees what was written, and has no part in what was read, before. */
static inline void barrier_release(void)
{
	BARRIER("dmb osh", "dmb", memory_order_release);
}

/* What was written before this is seen before what is read after it. */
static inline void barrier_full(void)
{
	BARRIER("dmb osh", "dmb", memory_order_seq_cst);
}
