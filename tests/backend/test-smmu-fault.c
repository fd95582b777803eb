// SPDX-License-Identifier: BSD-3-Clause
/* Faults of active and inactive contexts: told, mended, retried, terminated. */
#include <poll.h>

#include "tests/backend/smmu.h"

/* --- faults ------------------------------------------------------------------------------------------------------- */

static bool is_readable(void)
{
	struct pollfd p = { .fd = smmu->ops->fault_fd(smmu), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(a_fault_is_told_waits_and_is_retried_when_mended)
{
	struct waiting w;
	struct fault f;

	setup();
	ck_assert_int_eq(activate(2, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 0);
	ck_assert_int_eq(start(&w, 2, true, VA + SZ_4K + 8), -EINPROGRESS);
	ck_assert(is_readable());
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
	ck_assert(!is_readable());
	ck_assert_uint_eq(f.context, 2);
	ck_assert_uint_eq(f.addr, VA + SZ_4K + 8);
	ck_assert_uint_eq(f.len, 4);
	ck_assert(f.write && f.stalled && !f.permission && !f.execute && !f.privileged);
	ck_assert_uint_eq(f.fsr & 0x40000002, 0x40000002);
	ck_assert_uint_eq(f.fsynr0 & 0xFF, 2);
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 0);
	ck_assert_uint_eq(w.n_calls, 0);
	ck_assert(!machine_map(one, VA + SZ_4K, RAM_PA + 9 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 2, true), 0);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(machine_word(&machine, RAM_PA + 9 * SZ_4K + 8), 0xFEED);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 2, true), -ENOENT);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 99, true), -ENOENT);
	teardown();
}
END_TEST

START_TEST(a_terminated_fault_ends_the_transaction_and_the_context_goes_on)
{
	struct waiting w;
	struct fault f;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert(!machine_protect(one, VA, SZ_4K, MAP_RO));
	ck_assert_int_eq(start(&w, 0, true, VA), -EINPROGRESS);
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
	ck_assert(f.permission);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 0, false), 0);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, -EFAULT);
	ck_assert_uint_eq(seen(0, VA), 1);
	teardown();
}
END_TEST

START_TEST(faults_of_several_contexts_are_all_told_however_often_one_faults)
{
	struct waiting w[3];
	struct fault f;
	unsigned int told = 0;

	setup();
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(activate(i, one, HALF_LOW, 0), 0);
		ck_assert_int_eq(start(&w[i], i, false, 0x1000), -EINPROGRESS);
	}
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert(is_readable());
		ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
		told |= 1U << f.context;
		/* A retry in vain faults at once. */
		ck_assert_int_eq(smmu->ops->fault_resume(smmu, f.context, true), 0);
	}
	ck_assert_uint_eq(told, 7);
	while (smmu->ops->fault_next(smmu, &f))
		ck_assert_int_eq(smmu->ops->fault_resume(smmu, f.context, false), 0);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(w[i].n_calls, 1);
	ck_assert(!is_readable());
	teardown();
}
END_TEST

START_TEST(deactivation_terminates_what_stalls_told_or_not)
{
	struct waiting w;
	struct fault f;

	for (unsigned int told = 0; told < 2; told++) {
		setup();
		ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
		ck_assert_int_eq(start(&w, 0, false, 0x1000), -EINPROGRESS);
		if (told)
			ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
		ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
		ck_assert_uint_eq(w.n_calls, 1);
		ck_assert_int_eq(w.result, -EFAULT);
		ck_assert_int_eq(smmu->ops->fault_resume(smmu, 0, true), -ENOENT);
		ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 0);
		teardown();
	}
}
END_TEST

START_TEST(deactivating_a_half_terminates_what_stalls_in_it_only)
{
	struct waiting w;
	struct fault f;

	for (unsigned int i = 0; i < 4; i++) {
		bool told = i & 1, high = i & 2;

		setup();
		ck_assert_int_eq(activate(0, one, HALF_LOW, 1), 0);
		ck_assert_int_eq(activate(0, two, HALF_HIGH, 1), 0);
		ck_assert_int_eq(start(&w, 0, false, high ? HIGH_VA + SZ_4K : 0x1000),
				 -EINPROGRESS);
		if (told)
			ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
		ck_assert_int_eq(deactivate(0, HALF_HIGH), 0);
		ck_assert_uint_eq(w.n_calls, high);
		if (!high) {
			if (!told)
				ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
			ck_assert_int_eq(smmu->ops->fault_resume(smmu, 0, false), 0);
		}
		ck_assert_uint_eq(w.n_calls, 1);
		teardown();
	}
}
END_TEST

START_TEST(a_stalled_transaction_may_be_mended_by_replacing_the_table)
{
	struct waiting w;
	struct fault f;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert(!machine_map(two, VA + SZ_4K, RAM_PA + 9 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_int_eq(start(&w, 0, false, VA + SZ_4K), -EINPROGRESS);
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), 0);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 0, true), 0);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(w.word, 0xC0DE0009);
	teardown();
}
END_TEST

SUITE_MAIN("smmu-fault", a_fault_is_told_waits_and_is_retried_when_mended,
	   a_terminated_fault_ends_the_transaction_and_the_context_goes_on,
	   faults_of_several_contexts_are_all_told_however_often_one_faults,
	   deactivation_terminates_what_stalls_told_or_not,
	   deactivating_a_half_terminates_what_stalls_in_it_only,
	   a_stalled_transaction_may_be_mended_by_replacing_the_table)
