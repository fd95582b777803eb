// SPDX-License-Identifier: BSD-3-Clause
/* The driver as a backend, on the model: activation, both halves, switching, what never happens in between, faults. */
#include "backend/smmu/smmu.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backend/smmu/v7s.h"
#include "base/mem.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define VA UINT64_C(0x10000000)      /* in the low half of every split up to 3 */
#define HIGH_VA UINT64_C(0xF0000000) /* in the high half of every split */

static struct machine machine;
static struct backend *smmu;
/* VA and HIGH_VA are pages 1 and 2 of RAM in the first, 3 and 4 in the second, 5 and 6 in the third. */
static struct table *one, *two, *three;
static struct reason why;

static void mark(unsigned int n_page)
{
	machine_poke(&machine, RAM_PA + n_page * SZ_4K, 0xC0DE0000 | n_page);
}

/* The page of RAM that a master sees, 0 when it faults. */
static unsigned int seen(unsigned int mid, uint64_t va)
{
	uint32_t word;

	if (machine_read(&machine, mid, va, &word, sizeof(word)))
		return 0;
	ck_assert_uint_eq(word & 0xFFFF0000, 0xC0DE0000);
	return word & 0xFFFF;
}

static struct table *table_of(unsigned int n_page)
{
	struct table *t = v7s_ops.new(machine.format);

	ck_assert_ptr_nonnull(t);
	ck_assert(!machine_map(t, VA, RAM_PA + n_page * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!machine_map(t, HIGH_VA, RAM_PA + (n_page + 1) * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	return t;
}

static void setup(void)
{
	machine_init(&machine, 16, 16);
	smmu = machine.smmu;
	for (unsigned int i = 0; i < 16; i++)
		mark(i);
	one = table_of(1);
	two = table_of(3);
	three = table_of(5);
}

static void teardown(void)
{
	if (smmu)
		smmu->ops->free(smmu);
	machine.smmu = NULL;
	v7s_ops.free(one);
	v7s_ops.free(two);
	v7s_ops.free(three);
	machine_deinit(&machine);
}

static int activate(unsigned int context, struct table *t, enum half half, unsigned int split)
{
	return smmu->ops->activate(smmu, context, t, half, split, &why);
}

static int deactivate(unsigned int context, enum half half)
{
	return smmu->ops->deactivate(smmu, context, half, &why);
}

static int replace(unsigned int context, struct table *t, enum half half, unsigned int split)
{
	return smmu->ops->replace(smmu, context, t, half, split, &why);
}

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

/* --- faults ------------------------------------------------------------------------------------------------------- */

struct waiting {
	int result;
	unsigned int n_calls;
	uint32_t word;
};

static void on_done(void *ctx, int result)
{
	struct waiting *w = ctx;

	w->result = result;
	w->n_calls++;
}

static int start(struct waiting *w, unsigned int mid, bool write, uint64_t va)
{
	*w = (struct waiting){ .word = 0xFEED };
	return sim_access(machine.sim, mid, write, va, &w->word, sizeof(w->word), on_done, w);
}

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
	   replacing_leaves_no_moment_without_a_table_and_mixes_nothing,
	   what_one_bank_leaves_on_its_way_is_not_met_by_the_next,
	   coming_and_going_of_one_half_never_disturbs_the_other,
	   no_step_of_activation_or_deactivation_lets_traffic_pass_untranslated,
	   a_bank_that_cannot_be_enabled_is_an_error_and_free_again,
	   a_bank_that_cannot_be_disabled_is_an_error_and_still_active,
	   a_bank_that_keeps_its_table_is_an_error_and_keeps_it_whole,
	   freeing_the_backend_stops_what_is_active_whatever_the_hardware_says,
	   translation_finds_every_byte_of_every_block_size,
	   permissions_of_a_mapping_hold_for_the_master,
	   a_fault_is_told_waits_and_is_retried_when_mended,
	   a_terminated_fault_ends_the_transaction_and_the_context_goes_on,
	   faults_of_several_contexts_are_all_told_however_often_one_faults,
	   deactivation_terminates_what_stalls_told_or_not,
	   deactivating_a_half_terminates_what_stalls_in_it_only,
	   a_stalled_transaction_may_be_mended_by_replacing_the_table)
