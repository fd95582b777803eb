/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What graph/space costs and how well it packs.
 *
 * The mix of sizes: 4 KB << k with k from 0 to 12 (16 MB), each 0.62 times as likely as the one before, at a multiple of
 * its own length up to 16M as the default alignment demands it: the coarsest of 4K, 64K, 1M, 16M that is not above the
 * length. Mean 98 KB, median 8 KB. The seed is fixed.
 */
#pragma once

#include <stddef.h>

/* Nanoseconds of one put and one take (of another length) at random while n_live are taken; the median of rounds. */
double bench_space_pair_ns(size_t n_live);
/* The same with the loop and its array of live ranges, without the space: what the bench itself costs. */
double bench_space_driver_ns(size_t n_live);
/* 0 to 1: how much of 1 GB is taken when the first take fails, after rounds of emptying it by half and filling it. */
double bench_space_packing(void);
/* The same with any number of pages: 4 KB << k to just below 4 KB << (k + 1), not only powers of two. */
double bench_space_packing_odd(void);
/* Time of 4 KB take and put in a space of 1 GB that is 95 % full, by the time in an empty one. */
double bench_space_full_ratio(void);
/* Bytes the space holds for each of n_live after as many puts and takes. */
double bench_space_bytes(size_t n_live);
