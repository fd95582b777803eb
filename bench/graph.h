/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a reservation costs in the whole graph: plan, handle, attributes, object, space and tree, and undo of all of it.
 *
 * The mix of sizes is that of bench/space.h: naturally aligned 4 KB to 16 MB. The seed is fixed.
 */
#pragma once

#include <stddef.h>

/*
 * Nanoseconds of one unreserve and one reserve (of another length) at random, each in a plan of its own, while one vcm has
 * n_live reservations; the median of rounds. Negative without memory.
 */
double bench_graph_pair_ns(size_t n_live);
/* The same with the loop and its array only: what the bench itself costs. */
double bench_graph_driver_ns(size_t n_live);
/*
 * Nanoseconds to find a reservation from a physical address in a window of which the session has n_aliases aliases of one
 * page each, all of them mapped; the median of rounds. Negative without memory.
 */
double bench_graph_reverse_ns(size_t n_aliases);
/* 0 to 1: how much of a vcm of 1 GB is reserved when the first reserve fails, after rounds of emptying it by half. */
double bench_graph_packing(void);
/* Bytes of the heap for each of n reservations: objects, handles, space, and what malloc adds. */
double bench_graph_bytes_per_res(size_t n);
