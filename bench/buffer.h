/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long it takes until a program has a zeroed buffer, every page of it touched: through the broker, and with a memfd of
 * its own. buffer.<64k|1m|16m|16m_fresh>.gain
 *
 *	broker	one batch: reserve in VCM_PREBUILT_USER, allocate, back; the pointer; touch
 *	memfd	memfd_create, ftruncate, mmap; touch
 *
 * Both in the same process, turn and turn about; each buffer is written to all over and given back before the next, which is
 * not in the figures (the table says how long that takes). So the broker's memory is recycled, and must be zeroed, or
 * fetched anew, in between. 16m_fresh: the memory that comes back belonged to another user, who asked just before.
 *
 * Small ones are zeroed when they are given back, and measured with both processes on one core. Arenas of 16 MB are closed,
 * and new ones are filled when the daemon is idle: these are measured where the kernel puts the processes, with a pause of 20 ms
 * before each round, so that this work is not in the figures of the other side either.
 */
#pragma once

#include <stdbool.h>

struct report;

/* 0, or a negative errno number. */
int bench_buffer(struct report *r, bool quick);
