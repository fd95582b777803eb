/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs of the arm64 guest share: cases, a region of the device and one of the CPU, buffers that both see, and
 * patterns. memtype 0 is huge pages whose addresses the kernel tells, memtype 1 a window of reserved memory, memtype 2
 * ordinary memory with invented addresses.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "tests/e2e/arm64-edu.h"
#include "tests/e2e/cases.h"

#define START 0x80000000UL /* no memory is at these addresses, should they get out untranslated */
#define LEN 0x10000000UL
#define RW (VCM_READ | VCM_WRITE | VCM_USER)
#define SMALL 64u /* bytes of a transfer that fits the event queue, should it fault */
#define SZ_2M 0x200000UL
#define WINDOW_LEN 0x400000UL
#define TABLES_PA 0x70000000UL
#define TABLES_LEN 0x100000UL

/* --- what everything needs ----------------------------------------------------------------------------------------- */

struct region {
	struct vcm *vcm;
	struct avcm *avcm;
};

/* Memory that is seen through a device's region and by the CPU. */
struct buffer {
	struct physmem *mem;
	struct res *res, *seen;
	size_t len, addr;
	volatile uint8_t *at;
};

static struct region cpu, region;
static size_t dev, sim;

static inline size_t device(const char *name)
{
	char own[32];
	size_t id;

	snprintf(own, sizeof(own), "%s", name);
	id = (size_t)smmu_get_ctx_instance(own);
	need(id);
	return id;
}

static inline struct region region_new(size_t device_id, size_t start, size_t len)
{
	struct region r = { .vcm = vcm_create(start, len) };

	need(r.vcm);
	r.avcm = vcm_assoc(r.vcm, device_id, 0);
	need(r.avcm);
	return r;
}

static inline void region_free(const struct region *r)
{
	if (vcm_is_active(r->avcm) == 1)
		expect(vcm_deactivate(r->avcm) == 0);
	expect(vcm_deassoc(r->avcm) == 0);
	expect(vcm_free(r->vcm) == 0);
}

static inline void open_all(void)
{
	need(vcm_sys_init() == 0);
	need(edu_open() == 0);
	dev = device("edu");
	sim = device("sim0");
	cpu.vcm = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	need(cpu.vcm);
	cpu.avcm = vcm_assoc(cpu.vcm, device("cpu"), 0);
	need(cpu.avcm && vcm_activate(cpu.avcm) == 0);
	region = region_new(dev, START, LEN);
	need(vcm_activate(region.avcm) == 0);
}

static inline void close_all(void)
{
	region_free(&region);
	region_free(&cpu);
	expect(vcm_sys_destroy() == 0);
	end_case("everything goes back");
}

/* Of a reservation in this process's own address space. */
static inline volatile uint8_t *bytes_of(struct res *res)
{
	return (volatile uint8_t *)vcm_get_dev_addr(res); /* NOLINT(performance-no-int-to-ptr) */
}

static inline struct buffer buffer_new(struct vcm *vcm, enum memtype_t memtype, size_t len,
				       uint32_t phys_attr, uint32_t res_attr)
{
	struct buffer b = { .len = len };

	b.mem = vcm_phys_alloc(memtype, len, phys_attr);
	need(b.mem);
	b.seen = vcm_reserve(cpu.vcm, len, VCM_READ | VCM_WRITE);
	need(b.seen && vcm_back(b.seen, b.mem) == 0);
	b.at = bytes_of(b.seen);
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

/* Word by word: a window is mapped as a device's memory, and this machine is emulated. */
#define WORD(at, i) (((volatile uint64_t *)(volatile void *)(at))[(i) / 8])

static inline uint64_t pattern_at(size_t i, uint8_t seed)
{
	return (i / 8 + seed) * 0x9e3779b97f4a7c15;
}

static inline void fill(volatile uint8_t *at, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i += 8)
		WORD(at, i) = byte * 0x0101010101010101UL;
}

static inline void pattern(volatile uint8_t *at, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i += 8)
		WORD(at, i) = pattern_at(i, seed);
}

static inline bool is_all(volatile uint8_t *at, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i += 8)
		if (WORD(at, i) != byte * 0x0101010101010101UL)
			return false;
	return true;
}

/* Of a pattern, what is len bytes from `from` on. */
static inline bool is_part(volatile uint8_t *at, size_t from, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i += 8)
		if (WORD(at, i) != pattern_at(from + i, seed))
			return false;
	return true;
}

static inline bool is_pattern(volatile uint8_t *at, size_t len, uint8_t seed)
{
	return is_part(at, 0, len, seed);
}
