/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What graph/space costs and how well it packs.
 *
 * The mix of sizes: 4 KB << k with k from 0 to 12 (16 MB), each 0.6145 times as likely as the one before: mean 92 KB, half
 * of them 4 KB or 8 KB, one in 900 is of 16 MB. At the default alignment of reservations: the coarsest of 4K, 64K, 1M
 * and 16M that is not above the length. The seeds are fixed. Times are of the thread, not of the wall; a function that
 * could not run returns -1.
 */
#pragma once

#include <stddef.h>

/* Nanoseconds of one put and one take (of another length) at random while n_live are taken; the median of rounds. */
double bench_space_pair_ns(size_t n_live);
/* The same with the loop and its array of live ranges, without the space: what the bench itself costs. */
double bench_space_driver_ns(size_t n_live);
/*
 * 0 to 1: how much of 1 GB is taken when the first take fails, after rounds of emptying it at random to one half and
 * filling it. The mean of several seeds; it depends on the mix more than on anything else.
 */
double bench_space_packing(unsigned rounds);
/* The same with any number of pages: from 4 KB << k to just below the double, not only powers of two. */
double bench_space_packing_odd(unsigned rounds);
/* Time of 4 KB take and put in a space of 1 GB that is 95 % full, by the time in an empty one. */
double bench_space_full_ratio(void);
/* Bytes the space holds for each of n_live after as many puts and takes. */
double bench_space_bytes(size_t n_live);
