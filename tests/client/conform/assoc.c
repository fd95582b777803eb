// SPDX-License-Identifier: BSD-3-Clause
/* vcm_assoc() to vcm_is_active(). */
#include "tests/client/conform/conform.h"

START_TEST(vcm_assoc_gives_an_association)
{
	struct vcm *v = conform_vcm_made();
	struct avcm *a = MADE(vcm_assoc(v, A_STREAM, 0));

	GIVES(vcm_is_active(a), 0, 0);
	GIVES(vcm_get_assoc_attr(a), 0, 0);
	/* One vcm with many devices, and many vcms with one device. */
	MADE(vcm_assoc(v, MDP, 0));
	MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0));
}
END_TEST

static const uint32_t good_attrs[] = { 0, VCM_USE_LOW_BASE, VCM_SPLIT_ATTR(1),
				       VCM_SPLIT_ATTR(7) | VCM_USE_LOW_BASE };
static const uint32_t bad_attrs[] = { VCM_USE_HIGH_BASE,
				      VCM_USE_HIGH_BASE | VCM_USE_LOW_BASE | VCM_SPLIT_ATTR(1),
				      VCM_SPLIT_ATTR(8),
				      VCM_SPLIT_ATTR(31),
				      1,
				      1u << 8,
				      1u << 31 };

START_TEST(vcm_assoc_gives_null_for_invalid_parameters)
{
	struct vcm *v = MADE(vcm_create(SZ_1M, SZ_16M));

	for (size_t i = 0; i < sizeof(good_attrs) / sizeof(*good_attrs); i++)
		MADE(vcm_assoc(v, A_STREAM, good_attrs[i]));
	for (size_t i = 0; i < sizeof(bad_attrs) / sizeof(*bad_attrs); i++)
		REFUSED(vcm_assoc(v, A_STREAM, bad_attrs[i]), EINVAL);
	REFUSED(vcm_assoc(v, 0, 0), EINVAL);
	REFUSED(vcm_assoc(v, NO_DEVICE, 0), EINVAL);
	REFUSED(vcm_assoc(v, (size_t)1 << 32 | A_STREAM, 0), EINVAL);
	ALL_WRONG(A_VCM, vcm_assoc(p, A_STREAM, 0), NULL, EINVAL);
}
END_TEST

START_TEST(vcm_assoc_gives_null_for_a_device_that_cannot_take_the_vcm)
{
	struct vcm *beyond = MADE(vcm_create(SZ_1M, (size_t)1 << 33));
	struct vcm *one_to_one = MADE(vcm_create(vcm_get_cont_memtype_pa(VCM_MEMTYPE_1),
						 vcm_get_cont_memtype_len(VCM_MEMTYPE_1)));

	REFUSED(vcm_assoc(beyond, A_STREAM, 0), EINVAL);
	REFUSED(vcm_assoc(one_to_one, A_STREAM, 0), EINVAL);
	REFUSED(vcm_assoc(conform_vcm_made(), DMA, 0), EINVAL);
	REFUSED(vcm_assoc(conform_vcm_made(), CPU, 0), EINVAL);
	/* It crosses its half of a split. */
	REFUSED(vcm_assoc(MADE(vcm_create(0x7ff00000, SZ_16M)), A_STREAM, VCM_SPLIT_ATTR(1)),
		EINVAL);
}
END_TEST

START_TEST(vcm_deassoc_ends_an_association)
{
	struct avcm *a = MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0));

	DONE(vcm_deassoc(a));
	FAILS(vcm_deassoc(a), EINVAL);
}
END_TEST

START_TEST(vcm_deassoc_is_busy_while_it_is_active)
{
	struct avcm *a = conform_active(conform_vcm_made(), A_STREAM);

	FAILS(vcm_deassoc(a), EBUSY);
	DONE(vcm_deactivate(a));
	DONE(vcm_deassoc(a));
}
END_TEST

START_TEST(vcm_deassoc_is_invalid_for_what_is_no_association)
{
	ALL_WRONG(AN_AVCM, vcm_deassoc(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_set_assoc_attr_sets_and_get_assoc_attr_gives)
{
	struct avcm *a = MADE(vcm_assoc(MADE(vcm_create(SZ_1M, SZ_16M)), A_STREAM, 0));

	for (size_t i = 0; i < sizeof(good_attrs) / sizeof(*good_attrs); i++) {
		DONE(vcm_set_assoc_attr(a, good_attrs[i]));
		GIVES(vcm_get_assoc_attr(a), good_attrs[i], 0);
	}
	for (size_t i = 0; i < sizeof(bad_attrs) / sizeof(*bad_attrs); i++)
		FAILS(vcm_set_assoc_attr(a, bad_attrs[i]), EINVAL);
}
END_TEST

START_TEST(vcm_set_assoc_attr_is_busy_while_it_is_active)
{
	struct avcm *a = conform_active(MADE(vcm_create(SZ_1M, SZ_16M)), A_STREAM);

	FAILS(vcm_set_assoc_attr(a, VCM_USE_LOW_BASE), EBUSY);
	DONE(vcm_deactivate(a));
	DONE(vcm_set_assoc_attr(a, VCM_USE_LOW_BASE));
}
END_TEST

START_TEST(vcm_set_assoc_attr_is_invalid_for_what_is_no_association)
{
	ALL_WRONG(AN_AVCM, vcm_set_assoc_attr(p, 0), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_get_assoc_attr_gives_0_on_error)
{
	ALL_WRONG(AN_AVCM, vcm_get_assoc_attr(p), 0, EINVAL);
}
END_TEST

START_TEST(vcm_activate_lets_the_device_translate)
{
	size_t dev = A_STREAM, addr;
	struct vcm *v = conform_vcm_made();
	struct avcm *a = conform_active(v, dev);
	char byte = 0;

	addr = vcm_get_dev_addr(conform_backed(v, SZ_4K, 0));
	GIVES(vcm_is_active(a), 1, 0);
	DONE(vcm_sim_read(dev, addr, &byte, 1));
	DONE(vcm_deactivate(a));
	FAILS(vcm_sim_read(dev, addr, &byte, 1), EFAULT);
	/* The backing stayed. */
	DONE(vcm_activate(a));
	DONE(vcm_sim_read(dev, addr, &byte, 1));
}
END_TEST

START_TEST(vcm_activate_is_invalid_for_what_is_no_association)
{
	ALL_WRONG(AN_AVCM, vcm_activate(p), -EINVAL, EINVAL);
	ALL_WRONG(AN_AVCM, vcm_activate_ex(p, 0), -EINVAL, EINVAL);
	FAILS(vcm_activate_ex(MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0)), 2), EINVAL);
}
END_TEST

START_TEST(vcm_activate_finds_no_device_when_all_hardware_contexts_are_taken)
{
	struct avcm *a = conform_active(conform_vcm_made(), TINY_A);
	struct avcm *b = MADE(vcm_assoc(conform_vcm_made(), TINY_B, 0));

	FAILS(vcm_activate(b), ENODEV);
	GIVES(vcm_is_active(b), 0, 0);
	DONE(vcm_deactivate(a));
	DONE(vcm_activate(b));
}
END_TEST

START_TEST(vcm_activate_is_busy_when_the_device_is_active)
{
	struct avcm *a = conform_active(conform_vcm_made(), A_STREAM);
	struct avcm *b = MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0));

	FAILS(vcm_activate(a), EBUSY);
	FAILS(vcm_activate(b), EBUSY);
	FAILS(vcm_activate_ex(b, 0), EBUSY);
}
END_TEST

START_TEST(vcm_activate_ex_switches)
{
	struct avcm *a = conform_active(conform_vcm_made(), A_STREAM);
	struct avcm *b = MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0));

	DONE(vcm_activate_ex(b, VCM_ACTIVATE_SWITCH));
	GIVES(vcm_is_active(a), 0, 0);
	GIVES(vcm_is_active(b), 1, 0);
}
END_TEST

START_TEST(vcm_activate_takes_a_low_and_a_high_half_of_one_split)
{
	struct vcm *low = MADE(vcm_create(SZ_1M, SZ_16M)),
		   *high = MADE(vcm_create(0x80000000, SZ_16M));
	struct avcm *a = MADE(vcm_assoc(low, A_STREAM, VCM_SPLIT_ATTR(1) | VCM_USE_LOW_BASE));
	struct avcm *b = MADE(vcm_assoc(high, A_STREAM, VCM_SPLIT_ATTR(1) | VCM_USE_HIGH_BASE));
	size_t dev = A_STREAM, low_addr, high_addr;
	char text[6];

	DONE(vcm_activate(a));
	DONE(vcm_activate(b));
	low_addr = vcm_get_dev_addr(conform_backed(low, SZ_4K, 0));
	high_addr = vcm_get_dev_addr(conform_backed(high, SZ_4K, 0));
	ck_assert_uint_ge(high_addr, 0x80000000);
	DONE(vcm_sim_write(dev, low_addr, "low", 4));
	DONE(vcm_sim_write(dev, high_addr, "high", 5));
	DONE(vcm_sim_read(dev, low_addr, text, 4));
	ck_assert_str_eq(text, "low");
	DONE(vcm_sim_read(dev, high_addr, text, 5));
	ck_assert_str_eq(text, "high");
}
END_TEST

START_TEST(vcm_activate_gives_minus_1_when_the_hardware_fails)
{
	size_t dev = A_STREAM;
	struct avcm *a = MADE(vcm_assoc(conform_vcm_made(), dev, 0));

	DONE(vcm_sim_fail_next(dev, VCM_SIM_FAIL_ACTIVATE, 1));
	GIVES(vcm_activate(a), -1, EPERM);
	GIVES(vcm_is_active(a), 0, 0);
	DONE(vcm_activate(a));
}
END_TEST

START_TEST(vcm_deactivate_deactivates)
{
	struct avcm *a = conform_active(conform_vcm_made(), A_STREAM);

	DONE(vcm_deactivate(a));
	GIVES(vcm_is_active(a), 0, 0);
}
END_TEST

START_TEST(vcm_deactivate_finds_no_entry_when_it_is_not_active)
{
	struct avcm *a = MADE(vcm_assoc(conform_vcm_made(), A_STREAM, 0));

	FAILS(vcm_deactivate(a), ENOENT);
}
END_TEST

START_TEST(vcm_deactivate_is_invalid_for_what_is_no_association)
{
	ALL_WRONG(AN_AVCM, vcm_deactivate(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vcm_deactivate_gives_minus_1_when_the_hardware_fails)
{
	size_t dev = A_STREAM;
	struct avcm *a = conform_active(conform_vcm_made(), dev);

	DONE(vcm_sim_fail_next(dev, VCM_SIM_FAIL_DEACTIVATE, 1));
	GIVES(vcm_deactivate(a), -1, EPERM);
	GIVES(vcm_is_active(a), 1, 0);
	DONE(vcm_deactivate(a));
}
END_TEST

START_TEST(vcm_is_active_is_invalid_for_what_is_no_association)
{
	ALL_WRONG(AN_AVCM, vcm_is_active(p), -EINVAL, EINVAL);
}
END_TEST

START_TEST(vmm_and_one_to_one_associations_need_activation_too)
{
	struct vcm *u = MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER));
	struct avcm *a = MADE(vcm_assoc(u, CPU, 0));

	GIVES(vcm_is_active(a), 0, 0);
	DONE(vcm_activate(a));
	FAILS(vcm_activate(a), EBUSY);
	DONE(vcm_deactivate(a));
	FAILS(vcm_deactivate(a), ENOENT);
}
END_TEST

CONFORM_CASES(conform_assoc, vcm_assoc_gives_an_association,
	      vcm_assoc_gives_null_for_invalid_parameters,
	      vcm_assoc_gives_null_for_a_device_that_cannot_take_the_vcm,
	      vcm_deassoc_ends_an_association, vcm_deassoc_is_busy_while_it_is_active,
	      vcm_deassoc_is_invalid_for_what_is_no_association,
	      vcm_set_assoc_attr_sets_and_get_assoc_attr_gives,
	      vcm_set_assoc_attr_is_busy_while_it_is_active,
	      vcm_set_assoc_attr_is_invalid_for_what_is_no_association,
	      vcm_get_assoc_attr_gives_0_on_error, vcm_activate_lets_the_device_translate,
	      vcm_activate_is_invalid_for_what_is_no_association,
	      vcm_activate_finds_no_device_when_all_hardware_contexts_are_taken,
	      vcm_activate_is_busy_when_the_device_is_active, vcm_activate_ex_switches,
	      vcm_activate_takes_a_low_and_a_high_half_of_one_split,
	      vcm_activate_gives_minus_1_when_the_hardware_fails, vcm_deactivate_deactivates,
	      vcm_deactivate_finds_no_entry_when_it_is_not_active,
	      vcm_deactivate_is_invalid_for_what_is_no_association,
	      vcm_deactivate_gives_minus_1_when_the_hardware_fails,
	      vcm_is_active_is_invalid_for_what_is_no_association,
	      vmm_and_one_to_one_associations_need_activation_too)
