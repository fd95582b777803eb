/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has been stored to memory that hardware walks is seen by it from here on, whoever makes it look: a client may ring its
 * device as soon as it has its reply. On ARM that is a matter of the outer shareable domain, and such memory may be mapped
 * as a device's, whose stores take their time.
 */
#pragma once

#include <stdatomic.h>

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
