/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The attributes of <vcm/attr.h>, checked. Each check says in `why` which bit is wrong.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

/* Reservation attributes: 0 or -EINVAL. */
int attr_check_res(uint32_t attr, struct reason *why);
/* Bytes: the alignment that attr asks for, or the default for len. attr has been checked. */
uint64_t attr_res_align(uint32_t attr, uint64_t len);
/* What the access bits mean once their defaults are filled in: VCM_READ, VCM_WRITE, VCM_EXECUTE, VCM_USER, VCM_SECURE. */
uint32_t attr_res_access(uint32_t attr);
uint8_t attr_res_cache(uint32_t attr);

/* Physical attributes, and len against them: 0 or -EINVAL. */
int attr_check_phys(uint32_t attr, uint64_t len, struct reason *why);
/* Block sizes as a mask of powers of two (bit 12: 4 KB, ...): everything above 4 KB when attr does not restrict them. */
uint64_t attr_phys_sizes(uint32_t attr);
uint64_t attr_phys_align(uint32_t attr);
/* True when attr does not restrict the block sizes. */
bool attr_phys_any_size(uint32_t attr);

/* Association attributes. */
struct assoc_half {
	unsigned int split; /* TTBCR.N, 0: one table */
	bool high;
};
/* 0 or -EINVAL. */
int attr_check_assoc(uint32_t attr, struct assoc_half *out, struct reason *why);
