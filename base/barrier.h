/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order in which hardware, and CPUs that do not run this program, see what it does. C's fences end on ARM at the inner
 * shareable domain, which they need not be in: this is a matter of the outer one.
 */
#pragma once

#include <stdatomic.h>

/*
 * What has been stored to memory that hardware walks is seen by it from here on, whoever makes it look: a client may ring its
 * device as soon as it has its reply. Such memory may be mapped as a device's, whose stores take their time.
 */
static inline void barrier_stored(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dsb oshst" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dsb" ::: "memory");
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/* Around registers: a write may hand back memory that has been read, and a read says that memory has been written. */
static inline void barrier_before_write(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb osh" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dmb" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

static inline void barrier_after_read(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dmb" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Between CPUs that share memory, each with its own program. What is read after this is no older than what was read before. */
static inline void barrier_acquire(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dmb" ::: "memory");
#else
	atomic_thread_fence(memory_order_acquire);
#endif
}

/* Whoever sees what is written after this sees what was written, and has no part in what was read, before. */
static inline void barrier_release(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb osh" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dmb" ::: "memory");
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/* What was written before this is seen before what is read after it. */
static inline void barrier_full(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb osh" ::: "memory");
#elif defined(__arm__)
	__asm__ volatile("dmb" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}
