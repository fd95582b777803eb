// SPDX-License-Identifier: BSD-3-Clause
/*
 * The SMMUv3 driver on a model that keeps every stale entry: who reaches what, when.
 * Mutations that it was seen to catch: no CFGI_STE; no TLBI, and TLBI of leaves only, in update_done; no TLBI of an ASID
 * that goes; STE of stream + 1; the descriptor in use rewritten in place; bypass in place of the parking descriptor; SYNC
 * left out; one ASID for all; a second-level table with a span too small; no GBPA.ABORT.
 */
#include "tests/backend/smmuv3.h"

START_TEST(a_context_is_found_by_name_and_capabilities_are_the_hardwares)
{
	struct backend_caps caps;

	setup_with(&(struct v3_model_config){ .oas = 2 });
	ck_assert_int_eq(smmu->ops->context_by_name(smmu, "ctx3"), 3);
	ck_assert_int_eq(smmu->ops->context_by_name(smmu, "ctx4"), -ENOENT);
	ck_assert_uint_eq(smmu->ops->base_addr(smmu), 0x9050000);
	ck_assert_uint_eq(smmu->ops->hw_version(smmu), 0x12345678);
	smmu->ops->caps(smmu, &caps);
	ck_assert_uint_eq(caps.page_sizes, SZ_4K | SZ_64K | SZ_2M | UINT64_C(0x40000000));
	ck_assert_uint_eq(caps.va_bits, 48);
	ck_assert_uint_eq(caps.pa_bits, 40);
	ck_assert_uint_eq(caps.n_contexts, N_CONTEXTS);
	ck_assert_uint_eq(caps.n_banks, N_CONTEXTS);
	ck_assert(!caps.simulated && !caps.split && caps.stall && caps.atomic_switch);
	teardown();
}
END_TEST

START_TEST(nothing_passes_before_a_context_is_active_nor_after)
{
	setup();
	for (unsigned int i = 0; i < 12; i++)
		ck_assert_int_eq(try(i, 0, RAM_PA), -EFAULT);
	ck_assert_int_eq(try(0x7FFFFFFF, 0, RAM_PA), -EFAULT);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert_uint_eq(seen(MASTER(1), VA), 0);
	ck_assert(!deactivate(0));
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert_int_eq(try(MASTER(0), 0, RAM_PA), -EFAULT);
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}
END_TEST

START_TEST(what_says_that_it_is_translated_is_checked)
{
	struct fault fault;

	setup_with(&(struct v3_model_config){ .ats = true });
	ck_assert_int_eq(try(MASTER(0), V3_TRANSLATED | V3_WRITE, RAM_PA), -EFAULT);
	ck_assert_int_eq(try(STRANGER, V3_TRANSLATED, RAM_PA), -EFAULT);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert_int_eq(try(MASTER(0), V3_TRANSLATED, RAM_PA), -EFAULT);
	ck_assert(next_fault(&fault));
	ck_assert_uint_eq(fault.fsr, 0x07);
	smmu->ops->free(smmu);
	smmu = NULL;
	ck_assert_int_eq(try(MASTER(0), V3_TRANSLATED, RAM_PA), -EFAULT);
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}
END_TEST

static void look_for_bypass(void)
{
	for (unsigned int i = 0; i < 12; i++)
		try(i, 0, RAM_PA);
	try(0, V3_TRANSLATED, RAM_PA);
}

/* Before the driver the hardware is as firmware left it; from its first answer on, nothing passes. */
static bool guarded;

static void look_once_guarded(void)
{
	guarded |= (mmio_read32(v3_model_mmio(model), 0x44) & 1U << 20) != 0;
	if (guarded)
		look_for_bypass();
}

START_TEST(no_moment_of_the_drivers_life_lets_a_transaction_pass)
{
	guarded = false;
	setup_hardware(&(struct v3_model_config){ .ats = true });
	machine.tap.look = look_once_guarded;
	ck_assert(!start_driver());
	ck_assert(guarded);
	one = table_of(1);
	two = table_of(2);
	three = table_of(3);
	ck_assert(!activate(0, one));
	ck_assert(!replace(0, two));
	ck_assert(!deactivate(0));
	smmu->ops->free(smmu);
	smmu = NULL;
	look_for_bypass();
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	machine.tap.look = NULL;
	teardown();
}
END_TEST

START_TEST(what_a_former_life_left_is_aborted_before_its_memory_is_used_again)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	v3_model_fail(model, V3_FAIL_ENABLE, 1);
	ck_assert_int_eq(smmuv3_quiet(v3_model_mmio(model), "smmu0", &why), -EIO);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot be switched off"));
	/* The driver that left it knows nothing of it. */
	ck_assert(!smmuv3_quiet(v3_model_mmio(model), "smmu0", &why));
	ck_assert_int_eq(try(MASTER(0), 0, VA), -EFAULT);
	ck_assert_int_eq(try(STRANGER, V3_WRITE, RAM_PA), -EFAULT);
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}
END_TEST

START_TEST(streams_of_both_table_forms_reach_their_own_table_only)
{
	static const uint32_t far[2][2] = { { 0x3FF, 0x155 }, { 0xFFC7, 0x01C7 } };

	for (unsigned int form = 0; form < 3; form++) {
		struct v3_model_config config = { .linear_only = form == 2 };

		contexts[0].stream = far[form > 0][0];
		contexts[1].stream = far[form > 0][1];
		setup_hardware(&config);
		if (form == 2) {
			/* The machine's bus has no 4 MB for one table. */
			contexts[0].stream = 0x107;
			contexts[1].stream = 0x10F;
		}
		ck_assert_msg(!start_driver(), "%s", why.text);
		one = table_of(1);
		two = table_of(2);
		three = table_of(3);
		ck_assert(!activate(0, one));
		ck_assert(!activate(1, two));
		ck_assert(!activate(2, three));
		ck_assert_uint_eq(seen(contexts[0].stream, VA), 1);
		ck_assert_uint_eq(seen(contexts[1].stream, VA), 2);
		ck_assert_uint_eq(seen(0, VA), 3);
		ck_assert_uint_eq(seen(contexts[0].stream ^ 1, VA), 0);
		ck_assert_uint_eq(seen(contexts[0].stream ^ 0x100, VA), 0);
		ck_assert(!deactivate(1));
		ck_assert_uint_eq(seen(contexts[1].stream, VA), 0);
		ck_assert_uint_eq(seen(contexts[0].stream, VA), 1);
		teardown();
		contexts[0].stream = 8;
		contexts[1].stream = 3;
	}
}
END_TEST

START_TEST(activation_is_refused_for_what_the_state_or_the_hardware_forbids)
{
	setup();
	ck_assert_int_eq(activate(N_CONTEXTS, one), -EINVAL);
	ck_assert_int_eq(deactivate(0), -ENOENT);
	ck_assert_int_eq(deactivate(N_CONTEXTS), -EINVAL);
	ck_assert_int_eq(replace(0, one), -ENOENT);
	ck_assert_int_eq(smmu->ops->activate(smmu, 0, one, HALF_LOW, 1, &why), -EINVAL);
	ck_assert_int_eq(smmu->ops->activate(smmu, 0, one, HALF_HIGH, 0, &why), -EINVAL);
	ck_assert(!activate(0, one));
	ck_assert_int_eq(activate(0, two), -EBUSY);
	ck_assert_int_eq(activate(0, one), -EBUSY);
	ck_assert_int_eq(smmu->ops->replace(smmu, 0, two, HALF_HIGH, 2, &why), -EINVAL);
	ck_assert_int_eq(smmu->ops->deactivate(smmu, 0, HALF_HIGH, &why), -ENOENT);
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	teardown();
}
END_TEST

START_TEST(one_table_serves_many_contexts_and_is_forgotten_with_the_last)
{
	unsigned int n;

	setup();
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!activate(i, one));
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert_uint_eq(seen(MASTER(i), VA), 1);
	n = v3_model_n_commands(model, 0x12);
	ck_assert(!unmap(one, VA, SZ_4K));
	ck_assert_uint_eq(v3_model_n_commands(model, 0x12), n + 1); /* one ASID */
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert_uint_eq(seen(MASTER(i), VA), 0);
	n = v3_model_n_commands(model, 0x11);
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!deactivate(i));
	ck_assert_uint_eq(v3_model_n_commands(model, 0x11), n + 1);
	teardown();
}
END_TEST

START_TEST(an_asid_that_is_used_again_brings_nothing_of_its_last_table)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert(!deactivate(0));
	ck_assert(!activate(1, two));
	ck_assert_uint_eq(seen(MASTER(1), VA), 2);
	ck_assert(!activate(0, three));
	ck_assert_uint_eq(seen(MASTER(0), VA), 3);
	ck_assert(!deactivate(1));
	ck_assert(!activate(1, one));
	ck_assert_uint_eq(seen(MASTER(1), VA), 1);
	ck_assert_uint_eq(seen(MASTER(0), VA), 3);
	teardown();
}
END_TEST

/* --- changes ------------------------------------------------------------------------------------------------------------ */

START_TEST(what_is_unmapped_is_unreachable_when_update_done_returns)
{
	static const uint64_t sizes[] = { SZ_4K, SZ_64K, SZ_2M };

	setup();
	ck_assert(!activate(0, one));
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t va = VA + 0x40000000, last = va + sizes[i] - SZ_4K;

		ck_assert(!map_as(one, va, RAM_PA, sizes[i], sizes[i], MAP_RW));
		for (uint64_t at = va; at <= last; at += SZ_4K)
			ck_assert_int_eq(try(MASTER(0), 0, at), 0);
		ck_assert(!unmap(one, va, sizes[i]));
		for (uint64_t at = va; at <= last; at += SZ_4K)
			ck_assert_int_eq(try(MASTER(0), 0, at), -EFAULT);
		/* Another block size in the same place finds no conflict, and no table that has gone. */
		ck_assert(!map_as(one, va, RAM_PA, SZ_2M, i ? SZ_4K : SZ_2M, MAP_RW));
		for (uint64_t at = va; at <= last; at += SZ_4K)
			ck_assert_int_eq(try(MASTER(0), 0, at), 0);
		ck_assert(!unmap(one, va, SZ_2M));
	}
	teardown();
}
END_TEST

/* The contiguous bit is a hint: each page of a group may be cached alone. The model takes it at every second walk, so that a
 * walk of another group comes between. */
START_TEST(every_page_of_a_group_is_forgotten_with_it)
{
	uint64_t others = VA + 2 * SZ_2M;
	unsigned int n;

	setup();
	ck_assert(!activate(0, one));
	ck_assert(!map_as(one, VA + SZ_2M, RAM_PA, SZ_64K, SZ_64K, MAP_RW));
	/* The table stays: with it everything would go. */
	ck_assert(!map_as(one, VA + SZ_2M + SZ_64K, RAM_PA, SZ_4K, SZ_4K, MAP_RW));
	for (unsigned int i = 1; i < 16; i++) {
		ck_assert(!map_as(one, others + i * SZ_64K, RAM_PA, SZ_64K, SZ_64K, MAP_RW));
		ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + i * SZ_4K), i);
		ck_assert_uint_eq(seen(MASTER(0), others + i * SZ_64K + SZ_4K), 1);
	}
	ck_assert(!unmap(one, VA + SZ_2M, SZ_64K));
	for (unsigned int i = 1; i < 16; i++)
		ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + i * SZ_4K), 0);
	/* So it is when the hint goes, and fifteen pages stay. */
	n = v3_model_n_commands(model, 0x12);
	ck_assert(!unmap(one, others + SZ_64K, SZ_4K));
	ck_assert_uint_ge(v3_model_n_commands(model, 0x12) - n, 16);
	teardown();
}
END_TEST

START_TEST(a_split_leaves_no_conflict_in_the_tlb)
{
	for (unsigned int bbm = 0; bbm < 2; bbm++) {
		setup_with(&(struct v3_model_config){ .bbm_needed = bbm });
		ck_assert(!activate(0, one));
		ck_assert(!map_as(one, VA + SZ_2M, RAM_PA, SZ_2M, SZ_2M, MAP_RW));
		ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + 5 * SZ_4K), 5);
		ck_assert(!unmap(one, VA + SZ_2M + 7 * SZ_4K, SZ_4K));
		for (unsigned int i = 1; i < 16; i++)
			ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + i * SZ_4K), i == 7 ? 0 : i);
		teardown();
	}
}
END_TEST

START_TEST(a_replaced_table_is_gone_at_once_and_was_there_until_then)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert(!activate(1, one));
	for (unsigned int i = 0; i < 6; i++) {
		ck_assert_uint_eq(seen(MASTER(0), VA), i % 3 + 1);
		ck_assert(!replace(0, i % 3 == 0 ? two : i % 3 == 1 ? three : one));
	}
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert(!replace(0, one)); /* by itself */
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert_uint_eq(seen(MASTER(1), VA), 1);
	teardown();
}
END_TEST

static void look_at_both(void)
{
	unsigned int page = seen(MASTER(0), VA);

	ck_assert(page == 1 || page == 2);
}

/* The descriptor that a stream's entry names. */
static uint32_t descriptor_of(uint32_t stream)
{
	return machine_word(&machine, (mmio_read32(v3_model_mmio(model), 0x80) & ~63U) +
					      stream * UINT64_C(64)) &
	       ~63U;
}

START_TEST(a_descriptor_in_use_is_not_written)
{
	uint32_t before;

	setup();
	ck_assert(!activate(0, one));
	before = descriptor_of(MASTER(0));
	ck_assert(!replace(0, two));
	ck_assert_uint_ne(descriptor_of(MASTER(0)), before);
	ck_assert(!replace(0, three));
	ck_assert_uint_eq(descriptor_of(MASTER(0)), before);
	teardown();
}
END_TEST

START_TEST(no_moment_of_a_replacement_lacks_a_table)
{
	setup();
	ck_assert(!activate(0, one));
	machine.tap.look = look_at_both;
	ck_assert(!replace(0, two));
	ck_assert(!replace(0, one));
	ck_assert(!replace(0, two));
	machine.tap.look = NULL;
	no_fault();
	teardown();
}
END_TEST

/* --- rights and attributes -------------------------------------------------------------------------------------------- */

START_TEST(hardware_enforces_the_rights_of_a_mapping)
{
	setup();
	ck_assert(!activate(0, one));
	for (unsigned int i = 0; i < 8; i++) {
		bool write = i & 1, execute = i & 2, user = i & 4;
		struct map_attr attr = {
			.read = true, .write = write, .execute = execute, .user = user, .cache = 1
		};

		ck_assert(!protect(one, VA, SZ_4K, attr));
		ck_assert_int_eq(try(8, 0, VA), user ? 0 : -EFAULT);
		ck_assert_int_eq(try(8, V3_WRITE, VA), user && write ? 0 : -EFAULT);
		ck_assert_int_eq(try(8, V3_INSTRUCTION, VA), user && execute ? 0 : -EFAULT);
		ck_assert_int_eq(try(8, V3_PRIVILEGED, VA), 0);
		ck_assert_int_eq(try(8, V3_PRIVILEGED | V3_WRITE, VA), write ? 0 : -EFAULT);
		ck_assert_int_eq(try(8, V3_PRIVILEGED | V3_INSTRUCTION, VA),
				 execute && !(user && write) ? 0 : -EFAULT);
	}
	teardown();
}
END_TEST

START_TEST(the_ten_cache_policies_arrive_as_mair_bytes)
{
	/* Outer and inner: 4 not cached, A write-through, E write-back, F write-back with write allocation. The last of
	 * inner and of outer have the write allocation hint of their neighbour. */
	static const unsigned int bytes[] = { 0x44, 0xFF, 0xEE, 0xAA, 0x4F,
					      0x4A, 0x4F, 0xF4, 0xA4, 0xF4 };

	setup();
	ck_assert(!activate(0, one));
	for (uint8_t i = 0; i < 10; i++) {
		struct map_attr attr = {
			.read = true, .user = true, .cache = i, .shareable = i & 1
		};

		ck_assert(!protect(one, VA, SZ_4K, attr));
		ck_assert_int_eq(try(MASTER(0), 0, VA), 0);
		ck_assert_uint_eq(v3_model_mair(model), bytes[i]);
		ck_assert_uint_eq(v3_model_sh(model), i & 1 ? 3 : 0);
	}
	teardown();
}
END_TEST

START_TEST(translate_says_what_an_unprivileged_read_would_find)
{
	uint64_t pa;

	setup();
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), -ENOENT);
	ck_assert_int_eq(smmu->ops->translate(smmu, N_CONTEXTS, VA, &pa), -ENOENT);
	ck_assert(!activate(0, one));
	ck_assert(!map_as(one, VA + SZ_2M, SZ_2M, SZ_2M, SZ_2M, MAP_RO));
	ck_assert(!smmu->ops->translate(smmu, 0, VA + 0x123, &pa));
	ck_assert_uint_eq(pa, RAM_PA + SZ_4K + 0x123);
	ck_assert(!smmu->ops->translate(smmu, 0, VA + SZ_2M + 0x12345, &pa));
	ck_assert_uint_eq(pa, SZ_2M + 0x12345);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA + SZ_4K, &pa), -EFAULT);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, UINT64_MAX, &pa), -EFAULT);
	ck_assert(!protect(one, VA, SZ_4K, (struct map_attr){ .read = true }));
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), -EFAULT);
	no_fault();
	teardown();
}
END_TEST

START_TEST(many_changes_go_through_a_small_queue)
{
	setup_hardware(&(struct v3_model_config){ .queue_bits = 1 });
	ck_assert(!start_driver());
	one = table_of(1);
	two = table_of(2);
	three = table_of(3);
	ck_assert(!activate(0, one));
	ck_assert(!map_as(one, VA + SZ_2M, RAM_PA, 16 * SZ_4K, SZ_4K, MAP_RW));
	for (unsigned int i = 1; i < 16; i++)
		ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + i * SZ_4K), i);
	ck_assert(!unmap(one, VA + SZ_2M, 16 * SZ_4K));
	for (unsigned int i = 1; i < 16; i++)
		ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M + i * SZ_4K), 0);
	for (unsigned int i = 0; i < 50; i++)
		ck_assert(!replace(0, i % 2 ? one : two));
	teardown();
}
END_TEST

SUITE_MAIN("smmuv3", a_context_is_found_by_name_and_capabilities_are_the_hardwares,
	   nothing_passes_before_a_context_is_active_nor_after,
	   what_says_that_it_is_translated_is_checked,
	   no_moment_of_the_drivers_life_lets_a_transaction_pass,
	   what_a_former_life_left_is_aborted_before_its_memory_is_used_again,
	   streams_of_both_table_forms_reach_their_own_table_only,
	   activation_is_refused_for_what_the_state_or_the_hardware_forbids,
	   one_table_serves_many_contexts_and_is_forgotten_with_the_last,
	   an_asid_that_is_used_again_brings_nothing_of_its_last_table,
	   what_is_unmapped_is_unreachable_when_update_done_returns,
	   every_page_of_a_group_is_forgotten_with_it, a_split_leaves_no_conflict_in_the_tlb,
	   a_replaced_table_is_gone_at_once_and_was_there_until_then,
	   a_descriptor_in_use_is_not_written, no_moment_of_a_replacement_lacks_a_table,
	   hardware_enforces_the_rights_of_a_mapping, the_ten_cache_policies_arrive_as_mair_bytes,
	   translate_says_what_an_unprivileged_read_would_find,
	   many_changes_go_through_a_small_queue)
