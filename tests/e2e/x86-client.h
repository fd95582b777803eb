/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs of the x86 guest share: cases that say "ok" or "FAIL", and memory that a device and the CPU see.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "tests/e2e/cases.h"
#include "tests/e2e/x86-edu.h"

#define START 0x2000000UL /* edu has 28 bits of address */
#define LEN 0x4000000UL
#define RW (VCM_READ | VCM_WRITE)

/* A region of a device, or of this process, which is active. */
struct region {
	struct vcm *vcm;
	struct avcm *avcm;
};

/* Memory that is seen through both. */
struct buffer {
	struct physmem *mem;
	struct res *res, *seen;
	size_t len, addr;
	uint8_t *at;
};

static struct region cpu;

static inline size_t device(const char *name)
{
	size_t dev = (size_t)smmu_get_ctx_instance((char *)(uintptr_t)name);

	need(dev);
	return dev;
}

static inline void cpu_open(void)
{
	cpu.vcm = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	need(cpu.vcm);
	cpu.avcm = vcm_assoc(cpu.vcm, device("cpu"), 0);
	need(cpu.avcm && vcm_activate(cpu.avcm) == 0);
}

static inline struct buffer buffer_new(struct vcm *vcm, enum memtype_t memtype, size_t len,
				       uint32_t phys_attr, uint32_t res_attr)
{
	struct buffer b = { .len = len };

	b.mem = vcm_phys_alloc(memtype, len, phys_attr);
	need(b.mem);
	b.seen = vcm_reserve(cpu.vcm, len, RW);
	need(b.seen && vcm_back(b.seen, b.mem) == 0);
	b.at = (uint8_t *)vcm_get_dev_addr(b.seen);
	b.res = vcm_reserve(vcm, len, res_attr);
	need(b.res && vcm_back(b.res, b.mem) == 0);
	b.addr = vcm_get_dev_addr(b.res);
	return b;
}

static inline void buffer_free(const struct buffer *b)
{
	if (vcm_get_physmem_from_res(b->res))
		expect(vcm_unback(b->res) == 0);
	expect(vcm_unreserve(b->res) == 0);
	expect(vcm_unback(b->seen) == 0);
	expect(vcm_unreserve(b->seen) == 0);
	expect(vcm_phys_free(b->mem) == 0);
}

static inline void pattern(uint8_t *at, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + seed);
}

static inline bool is_pattern(const uint8_t *at, size_t len, uint8_t seed, size_t from)
{
	for (size_t i = from; i < from + len; i++)
		if (at[i] != (uint8_t)(i * 7 + (i >> 8) * 13 + seed))
			return false;
	return true;
}

static inline bool is_all(const uint8_t *at, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != byte)
			return false;
	return true;
}
