/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to ask the broker: ipc.sync.ratio, ipc.poll.gain, ipc.batch32.gain, ipc.batch32.ops; and with a journal, journal.sync.ratio.
 */
#pragma once

#include <stdbool.h>

struct report;

/* 0, or a negative errno number. quick: just enough to have a number. */
int bench_ipc(struct report *r, bool quick);
