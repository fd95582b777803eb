/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers of the Qualcomm MSM System MMU, version 1, as numbers: offsets in its 1 MB window and bits.
 * The driver writes them and the model answers to them.
 *
 * Source of the figures: Linux drivers/iommu/msm_iommu_hw-8xxx.h. [K]: not in that header as such, but the ARMv7 layout.
 *
 *	0x00000  bank 0 | 0x01000  bank 1 | ... | 0xFE000 bank 254 | 0xFF000 global page
 *
 * Fields are NAME_SHIFT and NAME_MASK (the mask is that of the value, not shifted); single bits are their value.
 */
#pragma once

#include <stdint.h>

#define SMMU_BANKS_MAX 255
#define SMMU_MIDS_MAX 128
#define SMMU_WINDOW UINT32_C(0x100000)

#define SMMU_BANK_SHIFT 12
#define SMMU_BANK_REG(bank, reg) (((uint32_t)(bank) << SMMU_BANK_SHIFT) | (reg))

#define SMMU_FIELD(value, name) (((value) >> name##_SHIFT) & name##_MASK)
#define SMMU_PUT(value, name) (((uint32_t)(value)&name##_MASK) << name##_SHIFT)

/* The global page. */
#define SMMU_GLOBAL UINT32_C(0xFF000)

#define SMMU_M2VCBR(mid) (SMMU_GLOBAL + 4 * (uint32_t)(mid))
#define M2VCBR_VMID_SHIFT 0
#define M2VCBR_VMID_MASK 0x1FU
#define M2VCBR_CBNDX_SHIFT 8
#define M2VCBR_CBNDX_MASK 0xFFU
#define M2VCBR_BYPASSD (1U << 16)
#define M2VCBR_NSCFG_SHIFT 22
#define M2VCBR_NSCFG_MASK 3U
#define M2VCBR_NSCFG_NONSECURE 3U
#define M2VCBR_WRITABLE 0x0FFFFF1FU

#define SMMU_CBACR(bank) (UINT32_C(0xFF800) + 4 * (uint32_t)(bank))
#define CBACR_CBVMID_SHIFT 16
#define CBACR_CBVMID_MASK 0x1FU
#define CBACR_WRITABLE 0xFF1F031FU

#define SMMU_TLBRSW UINT32_C(0xFFE00)
#define SMMU_TLBTR0 UINT32_C(0xFFE80)
#define SMMU_TLBTR1 UINT32_C(0xFFE84)
#define SMMU_TLBTR2 UINT32_C(0xFFE88)
#define TLBRSW_INDEX_MASK 0xFFU
#define TLBTR0_PR (1U << 0)
#define TLBTR0_PW (1U << 1)
#define TLBTR0_UR (1U << 2)
#define TLBTR0_UW (1U << 3)
#define TLBTR0_XN (1U << 4)
#define TLBTR0_SH (1U << 8)
#define TLBTR0_MT_SHIFT 9
#define TLBTR0_MT_MASK 7U
#define TLBTR2_V (1U << 8)
#define TLBTR2_NV (1U << 10)

#define SMMU_TESTBUSCR UINT32_C(0xFFE8C)
#define SMMU_GLOBAL_TLBIALL UINT32_C(0xFFF00)
#define SMMU_TLBIVMID UINT32_C(0xFFF04)
#define SMMU_CR UINT32_C(0xFFF80)
#define CR_RPUE (1U << 0)
#define CR_RPUEIE (1U << 2)
#define CR_CLIENTPD (1U << 4)
#define CR_STALLD (1U << 5)
#define CR_TLBLKCRWE (1U << 6)
#define CR_WRITABLE 0x3FFU
#define SMMU_EAR UINT32_C(0xFFF84)
#define SMMU_ESR UINT32_C(0xFFF88)
#define SMMU_ESRRESTORE UINT32_C(0xFFF8C)
#define SMMU_ESYNR0 UINT32_C(0xFFF90)
#define SMMU_ESYNR1 UINT32_C(0xFFF94)
#define ESR_CFG (1U << 0)
#define ESR_BYPASS (1U << 1)
#define ESR_MULTI (1U << 31)
#define ESR_BITS (ESR_CFG | ESR_BYPASS | ESR_MULTI)
#define SMMU_REV UINT32_C(0xFFFF4)
#define SMMU_IDR UINT32_C(0xFFFF8)
#define IDR_NM2VCBMT_SHIFT 0 /* how many M2VCBR there are [K] */
#define IDR_NM2VCBMT_MASK 0x1FFU
#define IDR_HTW (1U << 9)
#define IDR_TLBSIZE_SHIFT 12 /* log2 of the entries [K] */
#define IDR_TLBSIZE_MASK 0xFU
#define IDR_NCB_SHIFT 16 /* banks - 1 */
#define IDR_NCB_MASK 0xFFU
#define SMMU_RPU_ACR UINT32_C(0xFFFFC)

/* A bank. */
#define SMMU_SCTLR 0x000U
#define SCTLR_M (1U << 0)
#define SCTLR_TRE (1U << 1)
#define SCTLR_AFE (1U << 2)
#define SCTLR_BE (1U << 4)
#define SCTLR_WRITABLE 0x3FU
#define SMMU_ACTLR 0x004U
#define ACTLR_CFERE (1U << 0)
#define ACTLR_CFEIE (1U << 1) /* a fault raises the interrupt */
#define ACTLR_RCOSH (1U << 4)
#define ACTLR_RCISH (1U << 5)
#define ACTLR_RCNSH (1U << 6)
#define ACTLR_TLBMCFG_SHIFT 12
#define ACTLR_TLBMCFG_MASK 3U
#define ACTLR_CFCFG (1U << 14) /* a fault stalls */
#define ACTLR_V2PCFG_SHIFT 16
#define ACTLR_V2PCFG_MASK 3U
#define ACTLR_ON_MISS_WALK 3U /* TLBMCFG and V2PCFG */
#define SMMU_CONTEXTIDR 0x008U
#define CONTEXTIDR_ASID_SHIFT 0
#define CONTEXTIDR_ASID_MASK 0xFFU
#define SMMU_TTBR0 0x010U
#define SMMU_TTBR1 0x014U
#define TTBR_PA 0xFFFFC000U
#define SMMU_TTBCR 0x018U
#define TTBCR_N_SHIFT 0 /* [K]: the header's shift of 3 overlaps itself */
#define TTBCR_N_MASK 7U
#define TTBCR_PD0 (1U << 4)
#define TTBCR_PD1 (1U << 5)
#define TTBCR_WRITABLE 0x37U
#define SMMU_PAR 0x01CU
#define PAR_F (1U << 0)
#define PAR_SS (1U << 1)
#define PAR_MT_SHIFT 4
#define PAR_MT_MASK 7U
#define PAR_SH (1U << 7)
#define PAR_PA 0xFFFFF000U
#define PAR_PA_SS 0xFF000000U
#define SMMU_FSR 0x020U
#define SMMU_FSRRESTORE 0x024U
#define FSR_TF (1U << 1)
#define FSR_AFF (1U << 2)
#define FSR_APF (1U << 3)
#define FSR_TLBMF (1U << 4)
#define FSR_HTWDEEF (1U << 5)
#define FSR_HTWSEEF (1U << 6)
#define FSR_MHF (1U << 7)
#define FSR_SL (1U << 16)
#define FSR_SS (1U << 30)
#define FSR_MULTI (1U << 31)
#define FSR_BITS                                                                                   \
	(FSR_TF | FSR_AFF | FSR_APF | FSR_TLBMF | FSR_HTWDEEF | FSR_HTWSEEF | FSR_MHF | FSR_SL |   \
	 FSR_SS | FSR_MULTI)
#define SMMU_FAR 0x028U
#define SMMU_FSYNR0 0x02CU
#define FSYNR0_AMID_SHIFT 0
#define FSYNR0_AMID_MASK 0xFFU
#define SMMU_FSYNR1 0x030U
#define FSYNR1_APRIV (1U << 5)
#define FSYNR1_APROTNS (1U << 6)
#define FSYNR1_AINST (1U << 7)
#define FSYNR1_AWRITE (1U << 8)
#define FSYNR1_ALEN_SHIFT 12
#define FSYNR1_ALEN_MASK 0xFU
#define FSYNR1_ASIZE_SHIFT 16
#define FSYNR1_ASIZE_MASK 7U
#define SMMU_PRRR 0x034U
#define SMMU_NMRR 0x038U
#define SMMU_TLBLCKR 0x03CU
#define SMMU_V2PSR 0x040U
#define V2PSR_HIT (1U << 0)
#define SMMU_TLBFLPTER 0x044U
#define SMMU_TLBSLPTER 0x048U
#define SMMU_BFBCR 0x04CU
#define BFBCR_BFBDFE (1U << 0)
#define BFBCR_WRITABLE 0xFF7U
#define SMMU_BANK_REGS_END 0x050U /* the stored registers end here; from 0x800 come commands */
#define SMMU_CTX_TLBIALL 0x800U
#define SMMU_TLBIASID 0x804U
#define SMMU_TLBIVA 0x808U
#define SMMU_TLBIVAA 0x80CU
#define SMMU_V2PPR 0x810U
#define SMMU_V2PPW 0x814U
#define SMMU_V2PUR 0x818U
#define SMMU_V2PUW 0x81CU
#define SMMU_VA 0xFFFFF000U /* of the TLBIVA and V2P commands */
#define SMMU_RESUME 0x820U
#define RESUME_RETRY 0U
#define RESUME_TERMINATE 1U
