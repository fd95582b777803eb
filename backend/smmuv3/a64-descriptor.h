/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AArch64 stage 1 descriptors as bits (DDI 0487, "VMSAv8-64 descriptor formats").
 *
 *	invalid		bit 0 = 0, the rest ignored
 *	table		[1:0] = 11 at levels 0 to 2, address [47:12]
 *	block		[1:0] = 01 at level 1 (1 GB) and 2 (2 MB)
 *	page		[1:0] = 11 at level 3
 *	block and page:	UXN 54 | PXN 53 | contiguous 52 | PA [47:12] | nG 11 | AF 10 | SH 9:8 | AP[2:1] 7:6 | NS 5 | AttrIndx 4:2
 *
 * A mapping that permits no access is stored with bit 0 clear and something else set: invalid to hardware, an entry to us.
 *
 * MAIR has eight places for ten cache policies. The two that only one cache level knows and that differ in the write
 * allocation hint alone share a place, because a hint is all that it is: VCM_INNER_WB_NWA is VCM_INNER_WB_WA here, and
 * VCM_OUTER_WB_NWA is VCM_OUTER_WB_WA.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"

#define A64_N 512U
#define A64_LEN UINT64_C(4096)
#define A64_ROOT 0U /* levels */
#define A64_LEAF 3U
#define A64_VA_BITS 48
#define A64_GROUP 16U /* entries of a contiguous group */

#define A64_VALID UINT64_C(1)
#define A64_TABLE UINT64_C(2) /* at level 3: page */
#define A64_INDX_SHIFT 2
#define A64_INDX (UINT64_C(7) << A64_INDX_SHIFT)
#define A64_USER (UINT64_C(1) << 6)     /* AP[1]: unprivileged too */
#define A64_READONLY (UINT64_C(1) << 7) /* AP[2] */
#define A64_SH_INNER (UINT64_C(3) << 8)
#define A64_AF (UINT64_C(1) << 10)
#define A64_NG (UINT64_C(1) << 11)
#define A64_CONTIGUOUS (UINT64_C(1) << 52)
#define A64_PXN (UINT64_C(1) << 53)
#define A64_UXN (UINT64_C(1) << 54)

#define A64_PA UINT64_C(0x0000FFFFFFFFF000)
/* What changes only through an invalid entry. */
#define A64_TYPE (A64_INDX | A64_SH_INNER)
/* What of a block or page is not its address, nor its form. */
#define A64_ATTR (~(A64_PA | A64_TABLE | A64_CONTIGUOUS))

/* The eight places, as CD.MAIR0 and MAIR1 have them. */
uint64_t a64_mair(void);

/* The A64_ATTR bits of attr. False when the cache policy is none of the ten. */
bool a64_attr(struct map_attr attr, uint64_t *out);

/* An unprivileged read of data. */
static inline bool a64_allows_read(uint64_t d)
{
	return (d & (A64_VALID | A64_USER)) == (A64_VALID | A64_USER);
}

static inline unsigned int a64_shift(unsigned int level)
{
	return 39 - 9 * level;
}

/* Bytes of address space of an entry. */
static inline uint64_t a64_span(unsigned int level)
{
	return UINT64_C(1) << a64_shift(level);
}

static inline unsigned int a64_index(uint64_t va, unsigned int level)
{
	return va >> a64_shift(level) & (A64_N - 1);
}

static inline bool a64_is_table(uint64_t d, unsigned int level)
{
	return level < A64_LEAF && (d & (A64_TABLE | A64_VALID)) == (A64_TABLE | A64_VALID);
}

static inline bool a64_is_leaf(uint64_t d, unsigned int level)
{
	return d && !a64_is_table(d, level);
}
