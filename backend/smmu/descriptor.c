// SPDX-License-Identifier: BSD-3-Clause
#include "backend/smmu/descriptor.h"

/* Two bits a cache level, as TEX = 1BB and C,B = AA encode them. */
enum level {
	NC = 0,
	WB_WA = 1,
	WT = 2,
	WB_NWA = 3,
};

/* By VCM_CACHE_POLICY of <vcm/attr.h>. */
static const struct {
	uint8_t outer, inner;
} policies[] = {
	{ NC, NC },         /* VCM_NOTCACHED */
	{ WB_WA, WB_WA },   /* VCM_WB_WA */
	{ WB_NWA, WB_NWA }, /* VCM_WB_NWA */
	{ WT, WT },         /* VCM_WT */
	{ NC, WB_WA },      /* VCM_INNER_WB_WA */
	{ NC, WT },         /* VCM_INNER_WT_NWA */
	{ NC, WB_NWA },     /* VCM_INNER_WB_NWA */
	{ WB_WA, NC },      /* VCM_OUTER_WB_WA */
	{ WT, NC },         /* VCM_OUTER_WT_NWA */
	{ WB_NWA, NC },     /* VCM_OUTER_WB_NWA */
};

/*
 * AP[2:0]: 000 nobody, 001 privileged read and write, 011 everybody, 101 privileged read, 111 everybody reads.
 * There is no write without read, and no execute without read.
 */
static uint32_t access_bits(struct map_attr attr)
{
	uint32_t ap;

	if (!attr.read && !attr.write && !attr.execute)
		return 0;
	ap = attr.user ? 3U : 1U;
	return ap << ATTR_AP_SHIFT | (attr.write ? 0 : ATTR_AP2);
}

bool descriptor_attr(struct map_attr attr, uint32_t *out)
{
	uint32_t v;

	if (attr.cache >= sizeof(policies) / sizeof(policies[0]))
		return false;
	v = (uint32_t)(4 | policies[attr.cache].outer) << ATTR_TEX_SHIFT;
	v |= (uint32_t)policies[attr.cache].inner << 2;
	v |= access_bits(attr);
	/* An entry that is global would serve every context of the SMMU, whatever its ASID. */
	v |= ATTR_NG;
	if (attr.shareable)
		v |= ATTR_S;
	if (!attr.execute)
		v |= ATTR_XN;
	*out = v;
	return true;
}
