// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a program of 2010 relies on: every prototype and every value of the posting, written down here once more, and the
 * order of its enumerations. That the prototypes agree is proved by compiling this.
 */
#include <vcm/vcm.h>

#include "tests/suite.h"

#define SAME(function, type)                                                                       \
	_Static_assert(__builtin_types_compatible_p(__typeof__(&(function)), type), #function)

/* clang-format off */
SAME(vcm_create, struct vcm * (*)(size_t, size_t));
SAME(vcm_create_from_prebuilt, struct vcm * (*)(size_t));
SAME(vcm_clone, struct vcm * (*)(struct vcm *));
SAME(vcm_get_start_addr, size_t (*)(struct vcm *));
SAME(vcm_get_len, size_t (*)(struct vcm *));
SAME(vcm_free, int (*)(struct vcm *));
SAME(vcm_reserve, struct res * (*)(struct vcm *, size_t, uint32_t));
SAME(vcm_reserve_at, struct res * (*)(enum memtarget_t, struct vcm *, size_t, uint32_t));
SAME(vcm_get_vcm_from_res, struct vcm * (*)(struct res *));
SAME(vcm_unreserve, int (*)(struct res *));
SAME(vcm_get_res_len, size_t (*)(struct res *));
SAME(vcm_set_res_attr, int (*)(struct res *, uint32_t));
SAME(vcm_get_res_attr, uint32_t (*)(struct res *));
SAME(vcm_get_num_res, size_t (*)(struct vcm *));
SAME(vcm_get_next_res, struct res * (*)(struct vcm *, struct res *));
SAME(vcm_res_copy, size_t (*)(struct res *, size_t, struct res *, size_t, size_t));
SAME(vcm_get_min_page_size, size_t (*)(void));
SAME(vcm_back, int (*)(struct res *, struct physmem *));
SAME(vcm_unback, int (*)(struct res *));
SAME(vcm_phys_alloc, struct physmem * (*)(enum memtype_t, size_t, uint32_t));
SAME(vcm_phys_free, int (*)(struct physmem *));
SAME(vcm_get_physmem_from_res, struct physmem * (*)(struct res *));
SAME(vcm_get_memtype_of_physalloc, enum memtype_t (*)(struct physmem *));
SAME(vcm_assoc, struct avcm * (*)(struct vcm *, size_t, uint32_t));
SAME(vcm_deassoc, int (*)(struct avcm *));
SAME(vcm_set_assoc_attr, int (*)(struct avcm *, uint32_t));
SAME(vcm_get_assoc_attr, uint32_t (*)(struct avcm *));
SAME(vcm_activate, int (*)(struct avcm *));
SAME(vcm_deactivate, int (*)(struct avcm *));
SAME(vcm_is_active, int (*)(struct avcm *));
SAME(vcm_create_bound, struct bound * (*)(struct vcm *, size_t));
SAME(vcm_free_bound, int (*)(struct bound *));
SAME(vcm_reserve_from_bound, struct res * (*)(struct bound *, size_t, uint32_t));
SAME(vcm_get_bound_start_addr, size_t (*)(struct bound *));
SAME(vcm_get_bound_len, size_t (*)(struct bound *));
SAME(vcm_map_phys_addr, struct physmem * (*)(size_t, size_t));
SAME(vcm_get_next_phys_addr, size_t (*)(struct physmem *, size_t, size_t *));
SAME(vcm_get_dev_addr, size_t (*)(struct res *));
SAME(vcm_get_res, struct res * (*)(size_t, struct vcm *));
SAME(vcm_translate, size_t (*)(size_t, struct vcm *, struct vcm *));
SAME(vcm_get_phys_num_res, size_t (*)(size_t));
SAME(vcm_get_next_phys_res, struct res * (*)(size_t, struct res *, size_t *));
SAME(vcm_get_pgtbl_pa, size_t (*)(struct vcm *));
SAME(vcm_get_cont_memtype_pa, size_t (*)(enum memtype_t));
SAME(vcm_get_cont_memtype_len, size_t (*)(enum memtype_t));
SAME(vcm_dev_addr_to_phys_addr, size_t (*)(size_t, size_t));
SAME(vcm_hook, int (*)(size_t, vcm_handler, void *));
SAME(vcm_hw_ver, size_t (*)(size_t));
SAME(vcm_sys_init, int (*)(void));
SAME(vcm_sys_destroy, int (*)(void));
/* clang-format on */

START_TEST(constants_have_the_values_of_the_posting)
{
	static const struct {
		const char *name;
		unsigned long value, posted;
	} table[] = {
		{ "VCM_ALIGN_SHIFT", VCM_ALIGN_SHIFT, 0xa },
		{ "VCM_ALIGN_MASK", VCM_ALIGN_MASK, 0x1f },
		{ "VCM_ALIGN_DEFAULT", VCM_ALIGN_DEFAULT, 0x0 },
		{ "VCM_ALIGN_4K", VCM_ALIGN_4K, 0x3000 },
		{ "VCM_ALIGN_8K", VCM_ALIGN_8K, 0x3400 },
		{ "VCM_ALIGN_16K", VCM_ALIGN_16K, 0x3800 },
		{ "VCM_ALIGN_32K", VCM_ALIGN_32K, 0x3c00 },
		{ "VCM_ALIGN_64K", VCM_ALIGN_64K, 0x4000 },
		{ "VCM_ALIGN_128K", VCM_ALIGN_128K, 0x4400 },
		{ "VCM_ALIGN_256K", VCM_ALIGN_256K, 0x4800 },
		{ "VCM_ALIGN_512K", VCM_ALIGN_512K, 0x4c00 },
		{ "VCM_ALIGN_1M", VCM_ALIGN_1M, 0x5000 },
		{ "VCM_ALIGN_2M", VCM_ALIGN_2M, 0x5400 },
		{ "VCM_ALIGN_4M", VCM_ALIGN_4M, 0x5800 },
		{ "VCM_ALIGN_8M", VCM_ALIGN_8M, 0x5c00 },
		{ "VCM_ALIGN_16M", VCM_ALIGN_16M, 0x6000 },
		{ "VCM_ALIGN_32M", VCM_ALIGN_32M, 0x6400 },
		{ "VCM_ALIGN_64M", VCM_ALIGN_64M, 0x6800 },
		{ "VCM_ALIGN_128M", VCM_ALIGN_128M, 0x6c00 },
		{ "VCM_ALIGN_256M", VCM_ALIGN_256M, 0x7000 },
		{ "VCM_ALIGN_512M", VCM_ALIGN_512M, 0x7400 },
		{ "VCM_ALIGN_1GB", VCM_ALIGN_1GB, 0x7800 },
		{ "VCM_CACHE_POLICY", VCM_CACHE_POLICY, 0xf },
		{ "VCM_READ", VCM_READ, 0x200 },
		{ "VCM_WRITE", VCM_WRITE, 0x100 },
		{ "VCM_EXECUTE", VCM_EXECUTE, 0x80 },
		{ "VCM_USER", VCM_USER, 0x40 },
		{ "VCM_SUPERVISOR", VCM_SUPERVISOR, 0x20 },
		{ "VCM_SECURE", VCM_SECURE, 0x10 },
		{ "VCM_NOTCACHED", VCM_NOTCACHED, 0x0 },
		{ "VCM_WB_WA", VCM_WB_WA, 0x1 },
		{ "VCM_WB_NWA", VCM_WB_NWA, 0x2 },
		{ "VCM_WT", VCM_WT, 0x3 },
		{ "VCM_4KB", VCM_4KB, 0x20 },
		{ "VCM_64KB", VCM_64KB, 0x10 },
		{ "VCM_1MB", VCM_1MB, 0x8 },
		{ "VCM_ALL", VCM_ALL, 0x4 },
		{ "VCM_PAGE_SEL_MASK", VCM_PAGE_SEL_MASK, 0x3c },
		{ "VCM_PHYS_CONT", VCM_PHYS_CONT, 0x2 },
		{ "VCM_COHERENT", VCM_COHERENT, 0x1 },
		{ "SHIFT_4KB", SHIFT_4KB, 0xc },
		{ "VCM_SPLIT", VCM_SPLIT, 0x8 },
		{ "VCM_USE_LOW_BASE", VCM_USE_LOW_BASE, 0x4 },
		{ "VCM_USE_HIGH_BASE", VCM_USE_HIGH_BASE, 0x2 },
		{ "VCM_PREBUILT_KERNEL", VCM_PREBUILT_KERNEL, 0x1 },
		{ "VCM_PREBUILT_USER", VCM_PREBUILT_USER, 0x2 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		ck_assert_msg(table[i].value == table[i].posted, "%s", table[i].name);
}
END_TEST

START_TEST(enumerations_have_the_order_of_the_posting)
{
	ck_assert_int_eq(VCM_START, 0);
	ck_assert_int_eq(VCM_INVALID, 0);
	ck_assert_int_eq(VCM_MEMTYPE_0, 1);
	ck_assert_int_eq(VCM_MEMTYPE_1, 2);
	ck_assert_int_eq(VCM_MEMTYPE_2, 3);
	ck_assert_int_eq(VCM_DEVICE, 0);
	ck_assert_int_eq(VCM_EXT_KERNEL, 1);
	ck_assert_int_eq(VCM_EXT_USER, 2);
	ck_assert_int_eq(VCM_ONE_TO_ONE, 3);
}
END_TEST

START_TEST(macros_compute_what_the_posting_says)
{
	const unsigned long none = 0;

	ck_assert_uint_eq(VCM_ALIGN_ATTR(21), 21 << 10);
	ck_assert_uint_eq(VCM_ALIGN_ATTR(33), 1 << 10);
	ck_assert_uint_eq(ALIGN_REQ_BYTES(none), 4096);
	ck_assert_uint_eq(SET_ALIGN_REQ_BYTES(VCM_PHYS_CONT, 4), VCM_PHYS_CONT | 4 << 6);
	ck_assert_uint_eq(ALIGN_REQ_BYTES(SET_ALIGN_REQ_BYTES(VCM_1MB | VCM_PHYS_CONT, 8)),
			  1 << 20);
	ck_assert_uint_eq(ALIGN_REQ_BYTES(SET_ALIGN_REQ_BYTES(31 << 6, 0)), 4096);
}
END_TEST

/* The block size that a program of 2010 chooses for a length, and what it asks for then. */
START_TEST(chunk_sizes_are_those_of_the_blocks_that_can_be_asked_for)
{
	static const unsigned long selects[NUM_CHUNK_SIZES] = { VCM_1MB, VCM_64KB, VCM_4KB };
	unsigned long all = 0;

	ck_assert_uint_eq(sizeof(chunk_sizes) / sizeof(*chunk_sizes), NUM_CHUNK_SIZES);
	for (int i = 0; i < NUM_CHUNK_SIZES; i++) {
		all |= selects[i];
		ck_assert_uint_eq(selects[i] & VCM_PAGE_SEL_MASK, selects[i]);
		ck_assert(i == 0 || chunk_sizes[i] == chunk_sizes[i - 1] / 16);
	}
	ck_assert_int_eq(chunk_sizes[NUM_CHUNK_SIZES - 1], 1 << SHIFT_4KB);
	ck_assert_uint_eq(all | VCM_ALL, VCM_PAGE_SEL_MASK);
}
END_TEST

SUITE_MAIN("posting", constants_have_the_values_of_the_posting,
	   enumerations_have_the_order_of_the_posting, macros_compute_what_the_posting_says,
	   chunk_sizes_are_those_of_the_blocks_that_can_be_asked_for)
