// SPDX-License-Identifier: BSD-3-Clause
/* What never happens between one state of a context and the next, and what does when hardware is broken. */
#include "tests/backend/smmu.h"

/* --- nothing in between ------------------------------------------------------------------------------------------- */

/* What the looks at every register write saw, as sets of pages (bit 0: a fault), and what was in FSR. */
static unsigned int saw_zero, saw_zero_high, saw_one, saw_identity;
static uint32_t saw_fsr;
static bool keep_tlb;

static void try_all(void)
{
	saw_zero |= 1U << seen(0, VA);
	saw_zero_high |= 1U << seen(0, HIGH_VA);
	saw_one |= 1U << seen(1, VA);
	saw_identity |= 1U << seen(0, RAM_PA + SZ_4K);
}

/* Hardware may lose a TLB entry at any moment, and load it again at the next: with what the TLB holds, and without. */
static void look(void)
{
	void (*again)(void) = machine.tap.look;
	const struct mmio *hardware = machine.tap.hardware;

	machine.tap.look = NULL;
	try_all();
	if (!keep_tlb) {
		mmio_write32(hardware, 0xFFF00, 0);
		try_all();
	}
	for (unsigned int bank = 0; bank < MACHINE_BANKS; bank++) {
		saw_fsr |= mmio_read32(hardware, bank << 12 | 0x020);
		mmio_write32(hardware, bank << 12 | 0x020, 0xFFFFFFFF);
	}
	machine.tap.look = again;
}

static bool is_cfcfg(uint32_t offset, uint32_t value)
{
	if ((offset & 0xFFF) != 0x004 || offset >= 0xFF000 || !(value & 1 << 14))
		return false;
	mmio_write32(machine.tap.hardware, offset, value & ~(1U << 14));
	return true;
}

static void look_setup(void)
{
	setup();
	machine.tap.swallow =
		is_cfcfg; /* banks terminate instead of stalling, so that a look always ends */
	machine.tap.look = look;
	saw_zero = saw_zero_high = saw_one = saw_identity = saw_fsr = 0;
}

START_TEST(replacing_leaves_no_moment_without_a_table_and_mixes_nothing)
{
	look_setup();
	ck_assert_int_eq(activate(1, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	saw_zero = saw_one = 0;
	/* From a shared ASID to one of its own, within it, and to a shared one. */
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(saw_zero, 1 << 1 | 1 << 3);
	ck_assert_uint_eq(saw_one, 1 << 1);
	ck_assert_uint_eq(seen(0, VA), 3);
	ck_assert_uint_eq(seen(1, VA), 1);
	ck_assert_int_eq(replace(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(saw_zero, 1 << 1 | 1 << 3);
	ck_assert_uint_eq(saw_one, 1 << 1);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_int_eq(deactivate(1, HALF_LOW), 0);
	saw_zero = 0;
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(saw_zero, 1 << 1 | 1 << 3);
	ck_assert_uint_eq(seen(0, VA), 3);
	machine.tap.look = NULL;
	teardown();
}
END_TEST

START_TEST(what_one_bank_leaves_on_its_way_is_not_met_by_the_next)
{
	look_setup();
	keep_tlb = true;
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(1, three, HALF_LOW, 0), 0);
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), 0);
	saw_zero = saw_one = 0;
	ck_assert_int_eq(replace(1, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(saw_zero, 1 << 3);
	ck_assert_uint_eq(saw_one, 1 << 5 | 1 << 3);
	machine.tap.look = NULL;
	keep_tlb = false;
	teardown();
}
END_TEST

START_TEST(coming_and_going_of_one_half_never_disturbs_the_other)
{
	look_setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 1), 0);
	saw_zero = 0;
	ck_assert_int_eq(activate(0, two, HALF_HIGH, 1), 0);
	ck_assert_int_eq(replace(0, one, HALF_HIGH, 1), 0);
	ck_assert_int_eq(deactivate(0, HALF_HIGH), 0);
	ck_assert_uint_eq(saw_zero, 1 << 1);
	ck_assert_uint_eq(saw_zero_high, 1 << 0 | 1 << 2 | 1 << 4);
	/* Never was a base walked that holds no table: all faults are translation faults. */
	ck_assert_uint_eq(saw_fsr & 0x7E, 2);
	machine.tap.look = NULL;
	teardown();
}
END_TEST

START_TEST(no_step_of_activation_or_deactivation_lets_traffic_pass_untranslated)
{
	look_setup();
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(activate(0, one, HALF_LOW, i % 2), 0);
		ck_assert_int_eq(activate(1, two, HALF_LOW, 0), 0);
		if (i == 2)
			sim_fail_next(machine.sim, SIM_FAIL_DISABLE, 1);
		ck_assert_int_eq(deactivate(0, HALF_LOW), i == 2 ? -EIO : 0);
		if (i == 2)
			ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
		ck_assert_int_eq(deactivate(1, HALF_LOW), 0);
		sim_fail_next(machine.sim, SIM_FAIL_ENABLE, 1);
		ck_assert_int_eq(activate(0, one, HALF_LOW, 0), -EIO);
	}
	ck_assert_uint_eq(saw_identity, 1 << 0);
	ck_assert_uint_eq(saw_zero, 1 << 0 | 1 << 1);
	ck_assert_uint_eq(saw_one, 1 << 0 | 1 << 3);
	machine.tap.look = NULL;
	teardown();
}
END_TEST

/* --- hardware failures -------------------------------------------------------------------------------------------- */

START_TEST(a_bank_that_cannot_be_enabled_is_an_error_and_free_again)
{
	setup();
	sim_fail_next(machine.sim, SIM_FAIL_ENABLE, 1);
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), -EIO);
	ck_assert_uint_eq(seen(0, VA), 0);
	for (unsigned int i = 0; i < MACHINE_BANKS - 1; i++)
		ck_assert_int_eq(activate(i, one, HALF_LOW, 0), 0);
	teardown();
}
END_TEST

START_TEST(a_bank_that_cannot_be_disabled_is_an_error_and_still_active)
{
	uint64_t pa;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	sim_fail_next(machine.sim, SIM_FAIL_DISABLE, 1);
	ck_assert_int_eq(deactivate(0, HALF_LOW), -EIO);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), 0);
	/* And is still told of what changes. */
	ck_assert(!machine_unmap(one, VA, SZ_4K));
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), -EFAULT);
	ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
	teardown();
}
END_TEST

static bool is_ttbr0(uint32_t offset, uint32_t value _unused_)
{
	return offset < 0xFF000 && (offset & 0xFFF) == 0x010;
}

START_TEST(a_bank_that_keeps_its_table_is_an_error_and_keeps_it_whole)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	machine.tap.swallow = is_ttbr0;
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), -EIO);
	machine.tap.swallow = NULL;
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert(!machine_unmap(one, VA, SZ_4K));
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &(uint64_t){ 0 }), -EFAULT);
	teardown();
}
END_TEST

START_TEST(freeing_the_backend_stops_what_is_active_whatever_the_hardware_says)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 1), 0);
	ck_assert_int_eq(activate(0, two, HALF_HIGH, 1), 0);
	ck_assert_int_eq(activate(1, two, HALF_LOW, 0), 0);
	sim_fail_next(machine.sim, SIM_FAIL_DISABLE, 100);
	smmu->ops->free(smmu);
	smmu = NULL;
	for (unsigned int mid = 0; mid < 3; mid++) {
		ck_assert_uint_eq(seen(mid, VA), 0);
		ck_assert_uint_eq(seen(mid, RAM_PA), 0);
	}
	teardown();
}
END_TEST

SUITE_MAIN("smmu-switch", replacing_leaves_no_moment_without_a_table_and_mixes_nothing,
	   what_one_bank_leaves_on_its_way_is_not_met_by_the_next,
	   coming_and_going_of_one_half_never_disturbs_the_other,
	   no_step_of_activation_or_deactivation_lets_traffic_pass_untranslated,
	   a_bank_that_cannot_be_enabled_is_an_error_and_free_again,
	   a_bank_that_cannot_be_disabled_is_an_error_and_still_active,
	   a_bank_that_keeps_its_table_is_an_error_and_keeps_it_whole,
	   freeing_the_backend_stops_what_is_active_whatever_the_hardware_says)
