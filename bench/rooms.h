/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The figures of single rooms, without a daemon: graph.* and map16m.*, as bench/rooms measures them.
 */
#pragma once

#include <stdbool.h>

struct report;

/* Live reservations. */
#define ROOMS_FEW 1000
#define ROOMS_MANY 100000
#define ROOMS_MOST 1000000
#define ROOMS_QUICK 10000 /* instead of the last two */

/* 0, or a negative errno number. quick: just enough to have a number. */
int bench_rooms(struct report *r, bool quick);
