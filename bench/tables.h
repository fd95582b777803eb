/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What page tables cost: the driver against bare stores, and the model's TLB under a streaming device.
 */
#pragma once

#include <stdint.h>

/*
 * Backing and unbacking 16 MB in blocks of that many bytes (4K, 64K, 1M, 16M) through the driver, on a table that is
 * active, update_start and update_done around each: its time divided by that of storing and clearing as many descriptors.
 * Medians of the same run. 0.0 when the machine has no memory for it.
 */
double bench_map16m_ratio(uint64_t block);
/* The same for the SMMUv3 (4K, 64K, 2M), whose driver works on a model of its registers and queues. */
double bench_smmuv3_map16m_ratio(uint64_t block);
/* The absolute figures behind the last ratio, in ns for the pair. */
double bench_map16m_ns(void);
double bench_map16m_stores_ns(void);

/* TLB misses of a master that reads 16 MB once, mapped in such blocks, with so many entries (fully associative). */
uint64_t bench_tlb_misses(unsigned int entries, uint64_t block);
