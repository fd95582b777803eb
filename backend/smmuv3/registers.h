/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers, queue entries and in-memory structures of the SMMUv3, as numbers.
 *
 * Sources: register offsets and fields, Arm IHI 0070 section 6.3; STE 5.2; CD 5.4; commands 4; events 7.3; queue and
 * global errors 7.1, 7.2, 7.5. All of them but STALL_TERM and the configuration events are also constants of Linux
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h.
 */
#pragma once

#include <stdint.h>

#define V3_BIT(n) (UINT64_C(1) << (n))
#define V3_FIELD(v, shift, width) ((uint32_t)((v) >> (shift)) & ((UINT32_C(1) << (width)) - 1))

/* --- registers, 32 bits at these offsets; those of 64 bits are written as two ------------------------------------- */

#define V3_IDR0 0x00U
#define IDR0_S1P (1U << 1)
#define IDR0_TTF(v) V3_FIELD(v, 2, 2)
#define TTF_AARCH64 2U /* as a bit of TTF */
#define IDR0_COHACC (1U << 4)
#define IDR0_ATS (1U << 10)
#define IDR0_ASID16 (1U << 12)
#define IDR0_MSI (1U << 13)
#define IDR0_TTENDIAN(v) V3_FIELD(v, 21, 2)
#define TTENDIAN_BIG 3U
#define IDR0_STALL_MODEL(v) V3_FIELD(v, 24, 2)
#define STALL_MODEL_BOTH 0U
#define STALL_MODEL_NEVER 1U
#define STALL_MODEL_FORCED 2U
#define IDR0_ST_LEVEL(v) V3_FIELD(v, 27, 2)
#define V3_IDR1 0x04U
#define IDR1_SIDSIZE(v) V3_FIELD(v, 0, 6)
#define IDR1_EVTQS(v) V3_FIELD(v, 16, 5)
#define IDR1_CMDQS(v) V3_FIELD(v, 21, 5)
#define IDR1_PRESET (3U << 29) /* queues or tables are at places of the hardware's own */
#define V3_IDR3 0x0CU
#define IDR3_BBML(v) V3_FIELD(v, 11, 2)
#define BBML_ANY 2U /* level 2; level 1 needs the nT bit in the block, which is not used here */
#define V3_IDR5 0x14U
#define IDR5_OAS(v) V3_FIELD(v, 0, 3)
#define IDR5_GRAN4K (1U << 4)
#define V3_IIDR 0x18U
#define V3_CR0 0x20U
#define V3_CR0ACK 0x24U
#define CR0_SMMUEN 1U
#define CR0_EVTQEN (1U << 2)
#define CR0_CMDQEN (1U << 3)
#define CR0_ATSCHK (1U << 4)
#define V3_CR1 0x28U
/* Tables and queues: inner shareable, write-back at both levels; or not cached. */
#define CR1_COHERENT (3U << 10 | 1U << 8 | 1U << 6 | 3U << 4 | 1U << 2 | 1U)
#define V3_CR2 0x2CU
#define CR2_RECINVSID (1U << 1) /* record events of stream ids beyond the table */
#define V3_GBPA 0x44U
#define GBPA_ABORT (1U << 20)
#define GBPA_UPDATE (1U << 31)
#define V3_IRQ_CTRL 0x50U
#define V3_IRQ_CTRLACK 0x54U
#define IRQ_GERROR 1U
#define IRQ_EVTQ (1U << 2)
#define V3_GERROR 0x60U
#define V3_GERRORN 0x64U
#define GERROR_CMDQ 1U
#define GERROR_EVTQ_ABT (1U << 2)
#define GERROR_SFM (1U << 8)
#define GERROR_ALL 0x1FDU
#define V3_GERROR_IRQ_CFG0 0x68U /* 64 */
#define V3_STRTAB_BASE 0x80U     /* 64 */
#define V3_STRTAB_BASE_CFG 0x88U
#define STRTAB_TWO_LEVEL (1U << 16)
#define STRTAB_SPLIT_SHIFT 6
#define V3_CMDQ_BASE 0x90U /* 64 */
#define V3_CMDQ_PROD 0x98U
#define V3_CMDQ_CONS 0x9CU
#define CMDQ_CONS_ERR(v) V3_FIELD(v, 24, 7)
#define V3_EVTQ_BASE 0xA0U /* 64 */
#define V3_EVTQ_IRQ_CFG0 0xB0U
#define V3_EVTQ_PROD 0x100A8U /* page 1 */
#define V3_EVTQ_CONS 0x100ACU
#define QUEUE_OVERFLOW                                                                             \
	(1U << 31) /* OVFLG of PROD, OVACKFLG of CONS: different when records were lost */
#define QUEUE_INDEX 0xFFFFFU
#define BASE_ALLOCATE V3_BIT(62) /* RA, WA of the *_BASE */
#define V3_WINDOW 0x20000U

/* --- stream table and context descriptors, little-endian words of 64 bits ------------------------------------------ */

#define STE_WORDS 8U
#define STE_LEN 64U
#define STRTAB_SPLIT 8U /* stream id bits of a second-level table */
#define STE0_V V3_BIT(0)
#define STE0_CONFIG(w) V3_FIELD(w, 1, 3)
#define STE0_S1 (UINT64_C(5) << 1)
#define STE_CONFIG_ABORT 0U
#define STE_CONFIG_BYPASS 4U
#define STE_CONFIG_S1 5U
#define STE0_CD UINT64_C(0x000FFFFFFFFFFFC0)
#define STE1_COHERENT                                                                              \
	(UINT64_C(1) << 2 | UINT64_C(1) << 4 | UINT64_C(3) << 6) /* fetches of the CD */
#define STE1_SHCFG_INCOMING (UINT64_C(1) << 44)
#define L1STD_L2 UINT64_C(0x000FFFFFFFFFFFC0)

#define CD_WORDS 8U
#define CD_LEN 64U
#define CD0_T0SZ(va_bits) ((uint64_t)(64 - (va_bits)))
#define CD0_COHERENT (UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12) /* walks */
#define CD0_EPD0 V3_BIT(14)
#define CD0_EPD1 V3_BIT(30)
#define CD0_V V3_BIT(31)
#define CD0_IPS_SHIFT 32
#define CD0_AA64 V3_BIT(41)
#define CD0_S V3_BIT(44) /* a fault stalls */
#define CD0_R V3_BIT(45) /* faults are recorded */
#define CD0_A V3_BIT(46) /* a terminated transaction is an abort to its master */
#define CD0_ASET V3_BIT(47)
#define CD0_ASID_SHIFT 48

/* --- commands, two words -------------------------------------------------------------------------------------------- */

#define CMD_OP(w) V3_FIELD(w, 0, 8)
#define CMD_CFGI_STE 0x03U
#define CMD_CFGI_ALL 0x04U /* CFGI_STE_RANGE of 2^32 streams */
#define CMD_TLBI_NH_ASID 0x11U
#define CMD_TLBI_NH_VA 0x12U
#define CMD_TLBI_NSNH_ALL 0x30U
#define CMD_RESUME 0x44U
#define CMD_STALL_TERM 0x45U
#define CMD_SYNC 0x46U
#define CMD_SID_SHIFT 32
#define CMD_ASID_SHIFT 48
#define CMD1_LEAF 1U
#define CMD1_RANGE_ALL 31U
#define RESUME_ABORT (UINT64_C(2) << 12)
#define RESUME_RETRY (UINT64_C(1) << 12)
enum cerror {
	CERROR_NONE = 0,
	CERROR_ILL = 1,
	CERROR_ABT = 2,
	CERROR_ATC_INV_SYNC = 3,
};

/* --- events, four words ----------------------------------------------------------------------------------------------- */

#define EVENT_WORDS 4U
enum event_id {
	F_UUT = 0x01,
	C_BAD_STREAMID = 0x02,
	F_STE_FETCH = 0x03,
	C_BAD_STE = 0x04,
	F_BAD_ATS_TREQ = 0x05,
	F_STREAM_DISABLED = 0x06,
	F_TRANSL_FORBIDDEN = 0x07,
	C_BAD_SUBSTREAMID = 0x08,
	F_CD_FETCH = 0x09,
	C_BAD_CD = 0x0A,
	F_WALK_EABT = 0x0B,
	F_TRANSLATION = 0x10,
	F_ADDR_SIZE = 0x11,
	F_ACCESS = 0x12,
	F_PERMISSION = 0x13,
	F_TLB_CONFLICT = 0x20,
	F_CFG_CONFLICT = 0x21,
	E_PAGE_REQUEST = 0x24,
	F_VMS_FETCH = 0x25,
};
#define EVENT_ID(w0) V3_FIELD(w0, 0, 8)
#define EVENT_SID(w0) ((uint32_t)((w0) >> 32))
#define EVENT_STAG(w1) V3_FIELD(w1, 0, 16)
#define EVENT1_STALL V3_BIT(31)
#define EVENT1_PNU V3_BIT(33) /* privileged */
#define EVENT1_IND V3_BIT(34) /* instruction */
#define EVENT1_RNW V3_BIT(35) /* read */
