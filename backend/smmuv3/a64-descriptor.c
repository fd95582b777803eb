// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmuv3/a64-descriptor.h"

/* A cache level in MAIR, with read allocation wherever it is cached. */
#define NC UINT64_C(0x4)
#define WT UINT64_C(0xA)
#define WB_NWA UINT64_C(0xE)
#define WB_WA UINT64_C(0xF)

#define PLACE(n, outer, inner) (((outer) << 4 | (inner)) << 8 * (n))

/* By VCM_CACHE_POLICY of <vcm/attr.h>. */
static const uint8_t places[] = {
	0, /* VCM_NOTCACHED */
	1, /* VCM_WB_WA */
	2, /* VCM_WB_NWA */
	3, /* VCM_WT */
	4, /* VCM_INNER_WB_WA */
	5, /* VCM_INNER_WT_NWA */
	4, /* VCM_INNER_WB_NWA */
	6, /* VCM_OUTER_WB_WA */
	7, /* VCM_OUTER_WT_NWA */
	6, /* VCM_OUTER_WB_NWA */
};

uint64_t a64_mair(void)
{
	return PLACE(0, NC, NC) | PLACE(1, WB_WA, WB_WA) | PLACE(2, WB_NWA, WB_NWA) |
	       PLACE(3, WT, WT) | PLACE(4, NC, WB_WA) | PLACE(5, NC, WT) | PLACE(6, WB_WA, NC) |
	       PLACE(7, WT, NC);
}

/* There is no write without read, and no execute without read. Who may not access may not execute either. */
static uint64_t access_bits(struct map_attr attr)
{
	uint64_t v = 0;

	if (attr.read || attr.write || attr.execute)
		v |= A64_VALID;
	if (attr.user)
		v |= A64_USER;
	if (!attr.write)
		v |= A64_READONLY;
	if (!attr.execute)
		v |= A64_PXN | A64_UXN;
	else if (!attr.user)
		v |= A64_UXN;
	return v;
}

bool a64_attr(struct map_attr attr, uint64_t *out)
{
	if (attr.cache >= sizeof(places))
		return false;
	/* An entry that is global would serve every context of the SMMU, whatever its ASID. */
	*out = access_bits(attr) | A64_NG | A64_AF |
	       (uint64_t)places[attr.cache] << A64_INDX_SHIFT | (attr.shareable ? A64_SH_INNER : 0);
	return true;
}
