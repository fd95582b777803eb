/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order in which another CPU sees what this one does. C11's fences speak of CPUs that run one program: on ARM they end at
 * the inner shareable domain, which the host, or the register that rings at it, need not be in.
 */
#pragma once

#include <stdatomic.h>

#if defined(__aarch64__)
#define VCM_BARRIER(how) __asm__ volatile("dmb " how ::: "memory")
#elif defined(__arm__) && (__ARM_ARCH >= 7 || defined(__ARM_ARCH_6M__))
#define VCM_BARRIER(how) __asm__ volatile("dmb sy" ::: "memory")
#endif

/* What is read after this is no older than what was read before it. */
static inline void vcm_barrier_acquire(void)
{
#ifdef VCM_BARRIER
	VCM_BARRIER("oshld");
#else
	atomic_thread_fence(memory_order_acquire);
#endif
}

/* Whoever sees what is written after this sees what was written before it, and is not seen by what was read before it. */
static inline void vcm_barrier_release(void)
{
#ifdef VCM_BARRIER
	VCM_BARRIER("osh");
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/* What is read, or rung, after this comes after what was written before it. */
static inline void vcm_barrier_full(void)
{
#ifdef VCM_BARRIER
	VCM_BARRIER("osh");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}
