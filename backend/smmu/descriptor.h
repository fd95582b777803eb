/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARMv7 short descriptors as bits. TRE and AFE are 0.
 *
 *	L1 (4096 x 4 B, one a megabyte)			L2 (256 x 4 B, one a page)
 *	  fault		[1:0] = 00			  fault		[1:0] = 00
 *	  table		01, base [31:10]		  large 64K	01, PA [31:16], 16 entries alike
 *	  section 1M	10, PA [31:20], bit 18 = 0	  small 4K	1x (x = XN), PA [31:12]
 *	  super 16M	10, PA [31:24], bit 18 = 1, 16 entries alike
 *
 * One set of attributes sits at three places, so the large page's serves as the neutral form ("attr") and the others
 * are computed from it:
 *
 *	attr, large:	XN 15 | TEX 14:12 | nG 11 | S 10 | AP2 9 | AP 5:4 | C 3 | B 2
 *	small:		XN 0  | TEX 8:6   | the others as above
 *	section:	XN 4  | TEX 14:12 | nG 17 | S 16 | AP2 15 | AP 11:10 | C 3 | B 2
 *
 * Source of the figures: the constants of Linux drivers/iommu/io-pgtable-arm-v7s.c. NS stays 0, as in the MSM drivers:
 * the streams are non-secure (M2VCBR.NSCFG) and their walks ignore it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "base/range.h"

#define L1_N 4096
#define L1_LEN (4 * L1_N)
#define L2_N 256
#define L2_LEN (4 * L2_N)
#define L1_SHIFT 20
#define L2_SHIFT 12
#define GROUP_N 16 /* entries of a supersection or of a large page */

#define ATTR_B (1U << 2)
#define ATTR_C (1U << 3)
#define ATTR_AP_SHIFT 4
#define ATTR_AP2 (1U << 9)
#define ATTR_S (1U << 10)
#define ATTR_NG (1U << 11)
#define ATTR_TEX_SHIFT 12
#define ATTR_XN (1U << 15)
#define ATTR_BITS 0xFE3CU

#define L1_SUPER (1U << 18)
#define L1_TABLE_PA 0xFFFFFC00U

/* The neutral form of attr. False when the cache policy is none of the ten. */
bool descriptor_attr(struct map_attr attr, uint32_t *out);

static inline bool l1_is_table(uint32_t d)
{
	return (d & 3) == 1;
}

static inline bool l1_is_section(uint32_t d)
{
	return (d & 3) == 2;
}

static inline bool l1_is_super(uint32_t d)
{
	return (d & (L1_SUPER | 3)) == (L1_SUPER | 2);
}

static inline bool l2_is_large(uint32_t d)
{
	return (d & 3) == 1;
}

static inline uint32_t l1_table(uint32_t pa)
{
	return pa | 1;
}

static inline uint32_t l1_section(uint32_t pa, uint32_t attr)
{
	return pa | 2 | (attr & 0x700C) | (attr & 0x0E30) << 6 | (attr & ATTR_XN) >> 11;
}

static inline uint32_t l1_super(uint32_t pa, uint32_t attr)
{
	return l1_section(pa, attr) | L1_SUPER;
}

static inline uint32_t l2_large(uint32_t pa, uint32_t attr)
{
	return pa | 1 | attr;
}

static inline uint32_t l2_small(uint32_t pa, uint32_t attr)
{
	return pa | 2 | (attr & 0x0E3C) | (attr & 0x7000) >> 6 | (attr & ATTR_XN) >> 15;
}

/* Back to the neutral form, for splitting. */
static inline uint32_t l1_attr(uint32_t section)
{
	return (section & 0x700C) | (section >> 6 & 0x0E30) | (section & 0x10) << 11;
}

static inline uint32_t l2_large_attr(uint32_t large)
{
	return large & ATTR_BITS;
}
