// SPDX-License-Identifier: BSD-3-Clause
#include "graph/attr.h"

#include <errno.h>
#include <vcm/attr.h>

#include "base/range.h"

#define RES_BITS 0x7fffu
#define PHYS_BITS 0x7ffu
#define ASSOC_BITS 0xfeu
#define CACHE_POLICIES 10u
#define ALIGN_MIN 12u
#define ALIGN_MAX 30u
#define SPLIT_MAX 7u

static unsigned int res_order(uint32_t attr)
{
	return (attr >> VCM_ALIGN_SHIFT) & VCM_ALIGN_MASK;
}

int attr_check_res(uint32_t attr, struct reason *why)
{
	unsigned int order = res_order(attr);

	if (attr & ~RES_BITS)
		return refuse(why, -EINVAL, "reservation attributes 0x%x: bits 0x%x mean nothing",
			      attr, attr & ~RES_BITS);
	if (order && (order < ALIGN_MIN || order > ALIGN_MAX))
		return refuse(
			why, -EINVAL,
			"reservation attributes 0x%x: alignment order %u is not 0 or %u to %u",
			attr, order, ALIGN_MIN, ALIGN_MAX);
	if ((attr & VCM_CACHE_POLICY) >= CACHE_POLICIES)
		return refuse(why, -EINVAL,
			      "reservation attributes 0x%x: there is no cache policy %u", attr,
			      attr & VCM_CACHE_POLICY);
	return 0;
}

uint64_t attr_res_align(uint32_t attr, uint64_t len)
{
	static const uint64_t usual[] = { SZ_16M, SZ_1M, SZ_64K };

	if (res_order(attr))
		return UINT64_C(1) << res_order(attr);
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (usual[i] <= len)
			return usual[i];
	return SZ_4K;
}

uint32_t attr_res_access(uint32_t attr)
{
	uint32_t access = attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE | VCM_SECURE);

	if (!(attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE)))
		access |= VCM_READ | VCM_WRITE;
	if (access & VCM_WRITE)
		access |= VCM_READ;
	if ((attr & VCM_USER) || !(attr & VCM_SUPERVISOR))
		access |= VCM_USER;
	return access;
}

uint8_t attr_res_cache(uint32_t attr)
{
	return attr & VCM_CACHE_POLICY;
}

bool attr_phys_any_size(uint32_t attr)
{
	return (attr & VCM_ALL) || !(attr & VCM_PAGE_SEL_MASK);
}

uint64_t attr_phys_sizes(uint32_t attr)
{
	uint64_t sizes = 0;

	if (attr_phys_any_size(attr))
		return ~(SZ_4K - 1);
	if (attr & VCM_4KB)
		sizes |= SZ_4K;
	if (attr & VCM_64KB)
		sizes |= SZ_64K;
	if (attr & VCM_1MB)
		sizes |= SZ_1M;
	return sizes;
}

uint64_t attr_phys_align(uint32_t attr)
{
	return SZ_4K << ((attr & VCM_ALIGNMENT_MASK) >> 6);
}

int attr_check_phys(uint32_t attr, uint64_t len, struct reason *why)
{
	uint64_t sizes = attr_phys_sizes(attr), smallest = sizes & -sizes;

	if (attr & ~PHYS_BITS)
		return refuse(why, -EINVAL, "physical attributes 0x%x: bits 0x%x mean nothing",
			      attr, attr & ~PHYS_BITS);
	if (!len || !is_aligned(len, smallest))
		return refuse(why, -EINVAL,
			      "length 0x%llx is not a multiple of the block size 0x%llx",
			      (unsigned long long)len, (unsigned long long)smallest);
	return 0;
}

int attr_check_assoc(uint32_t attr, struct assoc_half *out, struct reason *why)
{
	unsigned int split = (attr & VCM_SPLIT_MASK) >> VCM_SPLIT_SHIFT;
	bool high = attr & VCM_USE_HIGH_BASE;

	if (attr & ~ASSOC_BITS)
		return refuse(why, -EINVAL, "association attributes 0x%x: bits 0x%x mean nothing",
			      attr, attr & ~ASSOC_BITS);
	if (split > SPLIT_MAX)
		return refuse(why, -EINVAL, "association attributes 0x%x: split %u is not 0 to %u",
			      attr, split, SPLIT_MAX);
	if (high && (attr & VCM_USE_LOW_BASE))
		return refuse(why, -EINVAL,
			      "association attributes 0x%x: both the low and the high base", attr);
	if (high && !split)
		return refuse(why, -EINVAL,
			      "association attributes 0x%x: the high base needs a split", attr);
	*out = (struct assoc_half){ split, high };
	return 0;
}
