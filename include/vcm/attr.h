/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The constants of the VCM API: attributes, memory types, limits. <vcm/vcm.h> includes this header; the broker's own
 * rooms include it alone.
 *
 * The values up to VCM_PREBUILT_USER are those of the posting of June 2010. What the posting names without a value,
 * or uses without defining, is marked (added).
 */
#ifndef VCM_ATTR_H
#define VCM_ATTR_H

/*
 * Reservation attributes
 *
 *	 31          15 14      10   9     8     7     6     5     4    3      0
 *	+--------------+----------+-----+-----+-----+-----+-----+-----+---------+
 *	|       0      |  align   |  R  |  W  |  X  |  U  |  S  | SEC |  cache  |
 *	+--------------+----------+-----+-----+-----+-----+-----+-----+---------+
 *
 * align: an order, 12 (4 KB) to 30 (1 GB), or 0: the largest of 16M, 1M, 64K, 4K that is not above the length.
 * None of R, W, X means read and write. Neither of U, S means both; S alone is privileged only; U implies S.
 */
#define VCM_ALIGN_SHIFT		10
#define VCM_ALIGN_MASK		0x1F
#define VCM_ALIGN_ATTR(order)	(((order) & VCM_ALIGN_MASK) << VCM_ALIGN_SHIFT)

#define VCM_ALIGN_DEFAULT	0
#define VCM_ALIGN_4K		(VCM_ALIGN_ATTR(12))
#define VCM_ALIGN_8K		(VCM_ALIGN_ATTR(13))
#define VCM_ALIGN_16K		(VCM_ALIGN_ATTR(14))
#define VCM_ALIGN_32K		(VCM_ALIGN_ATTR(15))
#define VCM_ALIGN_64K		(VCM_ALIGN_ATTR(16))
#define VCM_ALIGN_128K		(VCM_ALIGN_ATTR(17))
#define VCM_ALIGN_256K		(VCM_ALIGN_ATTR(18))
#define VCM_ALIGN_512K		(VCM_ALIGN_ATTR(19))
#define VCM_ALIGN_1M		(VCM_ALIGN_ATTR(20))
#define VCM_ALIGN_2M		(VCM_ALIGN_ATTR(21))
#define VCM_ALIGN_4M		(VCM_ALIGN_ATTR(22))
#define VCM_ALIGN_8M		(VCM_ALIGN_ATTR(23))
#define VCM_ALIGN_16M		(VCM_ALIGN_ATTR(24))
#define VCM_ALIGN_32M		(VCM_ALIGN_ATTR(25))
#define VCM_ALIGN_64M		(VCM_ALIGN_ATTR(26))
#define VCM_ALIGN_128M		(VCM_ALIGN_ATTR(27))
#define VCM_ALIGN_256M		(VCM_ALIGN_ATTR(28))
#define VCM_ALIGN_512M		(VCM_ALIGN_ATTR(29))
#define VCM_ALIGN_1GB		(VCM_ALIGN_ATTR(30))

#define VCM_CACHE_POLICY	(0xF << 0)
#define VCM_READ		(1UL << 9)
#define VCM_WRITE		(1UL << 8)
#define VCM_EXECUTE		(1UL << 7)
#define VCM_USER		(1UL << 6)
#define VCM_SUPERVISOR		(1UL << 5)
#define VCM_SECURE		(1UL << 4)
#define VCM_NOTCACHED		(0UL << 0)
#define VCM_WB_WA		(1UL << 0)
#define VCM_WB_NWA		(2UL << 0)
#define VCM_WT			(3UL << 0)
#define VCM_WT_NWA		VCM_WT		/* (added) */
/* (added) The other level is not cached. 10 to 15 are refused. */
#define VCM_INNER_WB_WA		(4UL << 0)
#define VCM_INNER_WT_NWA	(5UL << 0)
#define VCM_INNER_WB_NWA	(6UL << 0)
#define VCM_OUTER_WB_WA		(7UL << 0)
#define VCM_OUTER_WT_NWA	(8UL << 0)
#define VCM_OUTER_WB_NWA	(9UL << 0)

/*
 * Physical allocation attributes
 *
 *	 31          11 10       6   5     4     3     2     1      0
 *	+--------------+----------+-----+-----+-----+-----+------+------+
 *	|       0      |  align v | 4K  | 64K | 1M  | ALL | CONT | COH  |
 *	+--------------+----------+-----+-----+-----+-----+------+------+
 *
 * align v: 4 KB << v. The block sizes are a union; none means all.
 */
#define VCM_4KB			(1UL << 5)
#define VCM_64KB		(1UL << 4)
#define VCM_1MB			(1UL << 3)
#define VCM_ALL			(1UL << 2)
#define VCM_PAGE_SEL_MASK	(0xFUL << 2)
#define VCM_PHYS_CONT		(1UL << 1)
#define VCM_COHERENT		(1UL << 0)

#define VCM_ALIGNMENT_MASK	(0x1FUL << 6)	/* (added) */

#define SHIFT_4KB		(12)

#define ALIGN_REQ_BYTES(attr) (1UL << ((((attr) & VCM_ALIGNMENT_MASK) >> 6) + 12))
/* set the alignment in pow 2, 0 = 4KB */
#define SET_ALIGN_REQ_BYTES(attr, align) \
	(((attr) & ~VCM_ALIGNMENT_MASK) | (((align) << 6) & VCM_ALIGNMENT_MASK))

/*
 * Association attributes
 *
 *	 31           8 7        3   2      1      0
 *	+--------------+----------+------+------+-----+
 *	|       0      |  split N | LOW  | HIGH |  0  |
 *	+--------------+----------+------+------+-----+
 *
 * split N (TTBCR.N, 0 to 7): addresses whose N top bits (of 32) are 0 use the low base, all others the high one.
 */
#define VCM_SPLIT		(1UL << 3)	/* the field's lowest bit: VCM_SPLIT * N */
#define VCM_SPLIT_SHIFT		3		/* (added) */
#define VCM_SPLIT_MASK		(0x1FUL << VCM_SPLIT_SHIFT)	/* (added) */
#define VCM_SPLIT_ATTR(n)	(((n) << VCM_SPLIT_SHIFT) & VCM_SPLIT_MASK)	/* (added) */
#define VCM_USE_LOW_BASE	(1UL << 2)
#define VCM_USE_HIGH_BASE	(1UL << 1)

/* External VCMs, for vcm_create_from_prebuilt(): the broker's own address space, and the calling process's. */
#define VCM_PREBUILT_KERNEL	1
#define VCM_PREBUILT_USER	2

/* Flags of vcm_activate_ex() (added): swap with what the session has active on the device. */
#define VCM_ACTIVATE_SWITCH	(1U << 0)

enum memtarget_t {
	VCM_START
};

enum memtype_t {
	VCM_INVALID,
	VCM_MEMTYPE_0,
	VCM_MEMTYPE_1,
	VCM_MEMTYPE_2
};

enum vcm_type {
	VCM_DEVICE,
	VCM_EXT_KERNEL,
	VCM_EXT_USER,
	VCM_ONE_TO_ONE
};

/* What a fault handler returns (added). A negative errno means that it failed: terminate, log, count. */
enum vcm_fault_verdict {
	VCM_FAULT_TERMINATE = 0,
	VCM_FAULT_RETRY = 1
};

#endif
