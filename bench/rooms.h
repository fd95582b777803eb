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

/* 0, or a negative errno number. quick: ROOMS_MANY stands for ROOMS_MOST. */
int bench_rooms(struct report *r, bool quick);
