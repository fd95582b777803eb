/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLB misses of a device that streams 16 MB, through the real vcmd: tlb<8|32|64>.<4k|64k|1m|16m|all>.misses.
 */
#pragma once

struct report;

/* 0, or a negative errno number. */
int bench_tlb(struct report *r);
