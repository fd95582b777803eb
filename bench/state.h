/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to outlive a crash: restore.1k.ratio, restore.10k.ratio, restore.100k.ratio, as bench/state measures them.
 */
#pragma once

#include <stdbool.h>

struct report;

/* 0, or a negative errno number. quick: just enough to have a number. */
int bench_state(struct report *r, bool quick);
