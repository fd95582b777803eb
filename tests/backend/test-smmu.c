// SPDX-License-Identifier: BSD-3-Clause
/* The driver as a backend, on the model: making one, activation, invalidation, translation. */
#include "base/mem.h"
#include "tests/backend/smmu.h"

/* --- making one --------------------------------------------------------------------------------------------------- */

START_TEST(backend_says_what_it_can)
{
	struct backend_caps caps;

	setup();
	smmu->ops->caps(smmu, &caps);
	ck_assert_uint_eq(caps.page_sizes, ALL_SIZES);
	ck_assert_uint_eq(caps.va_bits, 32);
	ck_assert_uint_eq(caps.n_contexts, MACHINE_CONTEXTS);
	ck_assert_uint_eq(caps.n_banks, MACHINE_BANKS - 1);
	ck_assert(caps.split && caps.stall && caps.atomic_switch && caps.simulated);
	ck_assert_int_eq(smmu->ops->context_by_name(smmu, "ctx3"), 3);
	ck_assert_int_eq(smmu->ops->context_by_name(smmu, "ctx9"), -ENOENT);
	ck_assert_uint_eq(smmu->ops->base_addr(smmu), 0x7300000);
	ck_assert_uint_eq(smmu->ops->hw_version(smmu), 0x10);
	ck_assert_str_eq(smmu->ops->name, "smmu");
	ck_assert_ptr_eq(smmu->format, &v7s_ops);
	ck_assert_ptr_eq(smmu->format_ctx, machine.format);
	teardown();
}
END_TEST

START_TEST(wrong_configurations_are_refused_with_a_reason)
{
	struct smmu_context_config twice[] = { { "a", 1 }, { "b", 1 } }, beyond[] = { { "a", 7 } };
	struct smmu_config config = { .name = "s", .contexts = twice, .n_contexts = 2 };
	struct backend *b = NULL;

	machine_init_hardware(&machine, 16, 16);
	config.irq_fd = sim_irq_fd(machine.sim);
	ck_assert_int_eq(smmu_new(&config, machine.format, &b, &why), -EINVAL);
	config.io = sim_mmio(machine.sim);
	ck_assert_int_eq(smmu_new(&config, NULL, &b, &why), -EINVAL);
	ck_assert_int_eq(smmu_new(&config, machine.format, &b, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "mid 1"));
	config.contexts = beyond;
	config.n_contexts = 1;
	ck_assert_int_eq(smmu_new(&config, machine.format, &b, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "mid 7"));
	config.n_contexts = 0;
	ck_assert_int_eq(smmu_new(&config, machine.format, &b, &why), 0);
	b->ops->free(b);
	machine_deinit(&machine);
}
END_TEST

START_TEST(absent_and_broken_hardware_is_an_error_of_hardware)
{
	struct sim_config one_bank = { 1, 4, 16, 16 };
	struct sim *poor;

	machine_init_hardware(&machine, 16, 16);
	machine.tap.dead = true;
	ck_assert_int_eq(machine_init_driver(&machine), -EIO);
	machine.tap.reads_as = 0xFFFFFFFF;
	ck_assert_int_eq(machine_init_driver(&machine), -EIO);
	/* A plausible IDR, and nothing behind it: PAR stays what it reads as. */
	machine.tap.reads_as = 0x00030008;
	ck_assert_int_eq(machine_init_driver(&machine), -EIO);
	machine.tap.dead = false;
	sim_fail_next(machine.sim, SIM_FAIL_ENABLE, 1);
	ck_assert_int_eq(machine_init_driver(&machine), -EIO);
	poor = sim_new(&one_bank, &machine.bus);
	machine.tap.hardware = sim_mmio(poor);
	ck_assert_int_eq(machine_init_driver(&machine), -EIO);
	machine.tap.hardware = sim_mmio(machine.sim);
	ck_assert_int_eq(machine_init_driver(&machine), 0);
	machine_deinit(&machine);
	sim_free(poor);
}
END_TEST

START_TEST(backend_without_memory_fails_at_each_allocation)
{
	int r = -1;

	machine_init_hardware(&machine, 16, 16);
	for (size_t n = 1; r; n++) {
		mem_fail_nth(n);
		r = machine_init_driver(&machine);
		ck_assert_int_eq(mem_fail_fired(), r == -ENOMEM);
		ck_assert(r == 0 || r == -ENOMEM);
	}
	machine_deinit(&machine);
}
END_TEST

/* --- activation --------------------------------------------------------------------------------------------------- */

START_TEST(traffic_of_a_context_that_was_never_activated_faults)
{
	struct fault f;

	setup();
	for (unsigned int mid = 0; mid <= MACHINE_CONTEXTS; mid++) {
		ck_assert_uint_eq(seen(mid, VA), 0);
		ck_assert_uint_eq(seen(mid, RAM_PA + SZ_4K), 0); /* nor does it bypass */
		if (mid == MACHINE_CONTEXTS)
			break;
		ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 1);
		ck_assert_uint_eq(f.context, mid);
		ck_assert(!f.stalled);
		ck_assert_uint_eq(f.addr, VA);
		ck_assert_uint_eq(f.fsr, 0x80000002); /* a translation fault, and one more */
		ck_assert_int_eq(smmu->ops->fault_resume(smmu, mid, true), -ENOENT);
	}
	/* The master that nobody knows is logged, and does not stay in the registers. */
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 0);
	ck_assert_int_eq(smmu->ops->fault_next(smmu, &f), 0);
	teardown();
}
END_TEST

START_TEST(an_active_context_reads_and_writes_through_its_table)
{
	uint32_t word = 0xC0DE0009;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(1, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_uint_eq(seen(0, HIGH_VA), 2);
	ck_assert_uint_eq(seen(1, VA), 3);
	ck_assert_uint_eq(seen(2, VA), 0);
	ck_assert_int_eq(machine_write(&machine, 1, VA, &word, 4), 0);
	ck_assert_uint_eq(machine_word(&machine, RAM_PA + 3 * SZ_4K), word);
	ck_assert_uint_eq(seen(0, VA), 1);
	teardown();
}
END_TEST

START_TEST(activation_checks_half_split_and_state)
{
	setup();
	ck_assert_int_eq(activate(99, one, HALF_LOW, 0), -EINVAL);
	ck_assert_int_eq(deactivate(99, HALF_LOW), -EINVAL);
	ck_assert_int_eq(replace(99, one, HALF_LOW, 0), -EINVAL);
	ck_assert_int_eq(activate(0, one, HALF_HIGH, 0), -EINVAL);
	ck_assert_int_eq(activate(0, one, HALF_LOW, 8), -EINVAL);
	ck_assert_int_eq(deactivate(0, HALF_LOW), -ENOENT);
	ck_assert_int_eq(replace(0, one, HALF_LOW, 0), -ENOENT);
	ck_assert_int_eq(activate(0, one, HALF_LOW, 1), 0);
	ck_assert_int_eq(activate(0, two, HALF_LOW, 1), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "ctx0"));
	ck_assert_int_eq(activate(0, two, HALF_HIGH, 2), -EBUSY);
	ck_assert_int_eq(replace(0, two, HALF_LOW, 0), -EBUSY);
	ck_assert_int_eq(replace(0, two, HALF_HIGH, 1), -ENOENT);
	ck_assert_int_eq(deactivate(0, HALF_HIGH), -ENOENT);
	ck_assert_uint_eq(seen(0, VA), 1);
	teardown();
}
END_TEST

START_TEST(more_contexts_than_banks_can_wait_but_not_be_active)
{
	setup();
	for (unsigned int i = 0; i < MACHINE_BANKS - 1; i++)
		ck_assert_int_eq(activate(i, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(MACHINE_BANKS - 1, one, HALF_LOW, 0), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "all 3 hardware contexts"));
	ck_assert_int_eq(deactivate(1, HALF_LOW), 0);
	ck_assert_int_eq(activate(5, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(5, VA), 3);
	ck_assert_uint_eq(seen(1, VA), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	teardown();
}
END_TEST

START_TEST(both_halves_serve_their_addresses_and_go_one_by_one)
{
	for (unsigned int split = 1; split <= 7; split++) {
		uint64_t low = (UINT64_C(1) << (32 - split)) - SZ_4K;

		setup();
		ck_assert(!machine_map(one, low, RAM_PA + 8 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
		ck_assert(!machine_map(two, low, RAM_PA + 9 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
		ck_assert_int_eq(activate(0, two, HALF_HIGH, split), 0);
		ck_assert_uint_eq(seen(0, HIGH_VA), 4);
		ck_assert_int_eq(activate(0, one, HALF_LOW, split), 0);
		ck_assert_uint_eq(seen(0, low), 8);
		ck_assert_uint_eq(seen(0, HIGH_VA), 4);
		ck_assert_int_eq(deactivate(0, HALF_HIGH), 0);
		ck_assert_uint_eq(seen(0, low), 8);
		ck_assert_int_eq(smmu->ops->translate(smmu, 0, HIGH_VA, &(uint64_t){ 0 }), -EFAULT);
		ck_assert_int_eq(activate(0, one, HALF_HIGH, split), 0);
		ck_assert_uint_eq(seen(0, HIGH_VA), 2);
		ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
		ck_assert_int_eq(smmu->ops->translate(smmu, 0, low, &(uint64_t){ 0 }), -EFAULT);
		ck_assert_uint_eq(seen(0, HIGH_VA), 2);
		ck_assert_int_eq(deactivate(0, HALF_HIGH), 0);
		ck_assert_uint_eq(seen(0, HIGH_VA), 0);
		teardown();
	}
}
END_TEST

START_TEST(a_deactivated_context_reaches_nothing_and_comes_back_with_its_table)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
	ck_assert_uint_eq(seen(0, VA), 0);
	ck_assert_uint_eq(seen(0, RAM_PA), 0);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &(uint64_t){ 0 }), -ENOENT);
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	/* What changes while it is away is not seen from the TLB later. */
	ck_assert_int_eq(deactivate(0, HALF_LOW), 0);
	ck_assert(!machine_unmap(one, VA, SZ_4K));
	ck_assert(!machine_map(one, VA, RAM_PA + 7 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 7);
	teardown();
}
END_TEST

static uint32_t asid(unsigned int bank)
{
	return mmio_read32(sim_mmio(machine.sim), bank << 12 | 0x008) & 0xFF;
}

START_TEST(banks_share_an_asid_only_with_the_same_tables)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(1, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(2, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(asid(0), asid(1));
	ck_assert_uint_ne(asid(0), asid(2));
	ck_assert_uint_ne(asid(0), 0);
	ck_assert_int_eq(deactivate(1, HALF_LOW), 0);
	ck_assert_int_eq(activate(1, one, HALF_LOW, 1), 0); /* another split is another space */
	ck_assert_uint_ne(asid(0), asid(1));
	ck_assert_uint_ne(asid(2), asid(1));
	ck_assert_int_eq(replace(2, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(asid(0), asid(2));
	ck_assert_uint_eq(seen(2, VA), 1);
	teardown();
}
END_TEST

START_TEST(an_asid_comes_back_without_what_it_stood_for)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(1, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(2, two, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(2, VA), 3);
	ck_assert_int_eq(deactivate(2, HALF_LOW), 0);
	ck_assert_int_eq(replace(0, three, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 5);
	teardown();
}
END_TEST

/* --- invalidation ------------------------------------------------------------------------------------------------- */

START_TEST(unmap_is_seen_by_every_active_context_at_once)
{
	/* One page, and so many that all goes. */
	static const uint64_t lens[] = { SZ_4K, 64 * SZ_4K };

	for (unsigned int i = 0; i < 2; i++) {
		setup();
		ck_assert(!machine_map(one, VA + SZ_1M, RAM_PA, lens[i], SZ_4K, MAP_RW));
		ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
		ck_assert_int_eq(activate(1, one, HALF_LOW, 1), 0); /* an ASID of its own */
		ck_assert_int_eq(activate(2, two, HALF_LOW, 0), 0);
		for (unsigned int mid = 0; mid < 2; mid++)
			ck_assert_int_eq(
				machine_read(&machine, mid, VA + SZ_1M, &(uint32_t){ 0 }, 4), 0);
		ck_assert_uint_eq(seen(2, VA), 3);
		ck_assert(!machine_unmap(one, VA + SZ_1M, lens[i]));
		ck_assert_uint_eq(seen(2, VA), 3);
		for (unsigned int mid = 0; mid < 2; mid++)
			ck_assert_int_eq(smmu->ops->translate(smmu, mid, VA + SZ_1M,
							      &(uint64_t){ 0 }),
					 -EFAULT);
		teardown();
	}
}
END_TEST

static bool is_invalidation(uint32_t offset, uint32_t value _unused_)
{
	uint32_t reg = offset & 0xFFF;

	return offset < 0xFF000 && reg >= 0x800 && reg <= 0x80C;
}

START_TEST(without_the_invalidation_the_device_would_go_on)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	machine.tap.swallow = is_invalidation;
	ck_assert(!machine_unmap(one, VA, SZ_4K));
	ck_assert_uint_eq(seen(0, VA), 1);
	machine.tap.swallow = NULL;
	ck_assert(!machine_map(one, VA, RAM_PA + 8 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert(!machine_protect(one, VA, SZ_4K, MAP_RO));
	ck_assert_uint_eq(seen(0, VA), 8);
	teardown();
}
END_TEST

START_TEST(a_few_pages_are_invalidated_without_losing_the_others)
{
	setup();
	ck_assert(!machine_map(one, VA + SZ_4K, RAM_PA + 9 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_uint_eq(seen(0, VA + SZ_4K), 9);
	ck_assert(!machine_unmap(one, VA + SZ_4K, SZ_4K));
	sim_reset_counters(machine.sim);
	ck_assert_uint_eq(seen(0, VA), 1);
	ck_assert_uint_eq(({
				  struct sim_counters c;
				  sim_get_counters(machine.sim, &c);
				  c.tlb_hits;
			  }),
			  1);
	teardown();
}
END_TEST

/* No master reaches the page whose L2 table is given back. */
static bool is_unreachable(void *ctx _unused_)
{
	uint64_t pa;

	return smmu->ops->translate(smmu, 0, VA, &pa) == -EFAULT;
}

START_TEST(table_memory_comes_back_when_nothing_can_use_it)
{
	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_uint_eq(seen(0, VA), 1);
	machine.on_free = is_unreachable;
	ck_assert(!machine_unmap(one, VA, SZ_4K));
	machine.on_free = NULL;
	teardown();
}
END_TEST

/* --- translation -------------------------------------------------------------------------------------------------- */

START_TEST(translation_finds_every_byte_of_every_block_size)
{
	static const uint64_t sizes[] = { SZ_4K, SZ_64K, SZ_1M, SZ_16M };
	uint64_t pa;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t va = 0x20000000 + i * SZ_16M;

		ck_assert(!machine_map(one, va, 0x80000000, sizes[i], sizes[i], MAP_RO));
		for (uint64_t at = 1; at < sizes[i]; at = at * 2 + 1) {
			ck_assert_int_eq(smmu->ops->translate(smmu, 0, va + at, &pa), 0);
			ck_assert_uint_eq(pa, 0x80000000 + at);
		}
		ck_assert_int_eq(smmu->ops->translate(smmu, 0, va + sizes[i], &pa), -EFAULT);
	}
	/* Privileged only: not for an unprivileged read. */
	ck_assert(!machine_map(one, 0, 0, SZ_4K, SZ_4K, (struct map_attr){ .read = true }));
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, 0, &pa), -EFAULT);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, UINT64_C(0x100000000) + VA, &pa), -EFAULT);
	ck_assert_int_eq(smmu->ops->translate(smmu, 1, VA, &pa), -ENOENT);
	ck_assert_int_eq(smmu->ops->translate(smmu, 99, VA, &pa), -ENOENT);
	sim_fail_next(machine.sim, SIM_FAIL_TRANSLATE, 1);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), -EFAULT);
	ck_assert_int_eq(smmu->ops->translate(smmu, 0, VA, &pa), 0);
	teardown();
}
END_TEST

START_TEST(permissions_of_a_mapping_hold_for_the_master)
{
	struct map_attr supervisor = { .read = true, .write = true };
	uint32_t word = 5;

	setup();
	ck_assert_int_eq(activate(0, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(activate(1, one, HALF_LOW, 0), 0);
	ck_assert_int_eq(machine_write(&machine, 0, VA, &word, 4), 0);
	ck_assert(!machine_protect(one, VA, SZ_4K, MAP_RO));
	ck_assert_int_eq(machine_read(&machine, 0, VA, &word, 4), 0);
	ck_assert_int_eq(sim_access(machine.sim, 0, true, VA, &word, 4, NULL, NULL), -EINPROGRESS);
	sim_abandon(machine.sim, 0);
	ck_assert(!machine_protect(one, VA, SZ_4K, supervisor));
	sim_set_signals(machine.sim, 1, SIM_PRIVILEGED);
	ck_assert_int_eq(machine_write(&machine, 1, VA, &word, 4), 0);
	sim_set_signals(machine.sim, 1, SIM_PRIVILEGED | SIM_INSTRUCTION);
	ck_assert_int_eq(sim_access(machine.sim, 1, false, VA, &word, 4, NULL, NULL), -EINPROGRESS);
	sim_abandon(machine.sim, 1);
	teardown();
}
END_TEST

SUITE_MAIN("smmu", backend_says_what_it_can, wrong_configurations_are_refused_with_a_reason,
	   absent_and_broken_hardware_is_an_error_of_hardware,
	   backend_without_memory_fails_at_each_allocation,
	   traffic_of_a_context_that_was_never_activated_faults,
	   an_active_context_reads_and_writes_through_its_table,
	   activation_checks_half_split_and_state,
	   more_contexts_than_banks_can_wait_but_not_be_active,
	   both_halves_serve_their_addresses_and_go_one_by_one,
	   a_deactivated_context_reaches_nothing_and_comes_back_with_its_table,
	   banks_share_an_asid_only_with_the_same_tables,
	   an_asid_comes_back_without_what_it_stood_for,
	   unmap_is_seen_by_every_active_context_at_once,
	   without_the_invalidation_the_device_would_go_on,
	   a_few_pages_are_invalidated_without_losing_the_others,
	   table_memory_comes_back_when_nothing_can_use_it,
	   translation_finds_every_byte_of_every_block_size,
	   permissions_of_a_mapping_hold_for_the_master)
