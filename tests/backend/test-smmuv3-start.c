// SPDX-License-Identifier: BSD-3-Clause
/*
 * What an SMMUv3 is told when its driver starts, as numbers of the architecture (IHI 0070: registers 6.3, STE 5.2, CD 5.4),
 * and what it may have been left with by then.
 * Mutations that it was seen to catch: CR1, STE and CD without attributes on coherent hardware; IPS always 32 or 48 bits; no
 * A or ASET; a Span one too large; GBPA after CR0; no wait for GBPA or IRQ_CTRLACK; GERRORN left behind; no CFGI_ALL; messages
 * of a former life; memory beyond the hardware's address bits; BBML 1 taken for 2.
 */
#include "tests/backend/smmuv3-inside.h"
#include "tests/backend/smmuv3.h"

/* --- forms -------------------------------------------------------------------------------------------------------------- */

static const uint64_t *words(uint64_t pa, size_t len)
{
	const uint64_t *at = machine.bus.ops->view(machine.bus.ctx, pa, len);

	ck_assert_ptr_nonnull(at);
	return at;
}

static const uint64_t *ste_of(uint32_t stream)
{
	uint64_t table = v3_model_reg64(model, 0x80) & UINT64_C(0xFFFFFFFFFFFC0);

	return words(table + (uint64_t)stream * 64, 64);
}

static const uint64_t *cd_of(uint32_t stream)
{
	return words(ste_of(stream)[0] & UINT64_C(0xFFFFFFFFFFFC0), 64);
}

/* Both ways: hardware that could snoop does not where the CPU goes past its caches. */
START_TEST(tables_and_queues_are_fetched_as_the_cpu_writes_them)
{
	static const struct {
		bool incoherent, uncached;
	} cases[] = { { false, false }, { true, true }, { false, true } };

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		bool uncached = cases[n].uncached;
		struct smmuv3_config config;

		setup_hardware(&(struct v3_model_config){ .incoherent = cases[n].incoherent });
		config = driver_config();
		config.uncached_tables = uncached;
		ck_assert(!smmuv3_new(&config, format, &smmu, &why));
		one = table_of(1);
		ck_assert(!activate(0, one));
		/* Inner shareable, write-back in both; or not cached, and without a hint. */
		ck_assert_uint_eq(*v3_model_reg(model, 0x28), uncached ? 0 : 0xD75);
		for (unsigned int i = 0; i < N_CONTEXTS; i++) {
			ck_assert_uint_eq(ste_of(MASTER(i))[1] & 0xFF, uncached ? 0 : 0xD4);
			ck_assert_uint_eq(cd_of(MASTER(i))[0] >> 8 & 0x3F, uncached ? 0 : 0x35);
		}
		teardown();
	}
}
END_TEST

START_TEST(entries_say_what_becomes_of_a_transaction)
{
	setup();
	ck_assert(!activate(0, one));
	for (unsigned int i = 0; i < N_CONTEXTS; i++) {
		ck_assert_uint_eq(ste_of(MASTER(i))[1] >> 44 & 3, 1); /* SHCFG: as it comes */
		ck_assert_uint_eq(cd_of(MASTER(i))[0] >> 45 & 7, 7);  /* R, A, ASET */
	}
	ck_assert_uint_eq(*v3_model_reg(model, 0x2C), 2); /* RECINVSID */
	teardown();
}
END_TEST

START_TEST(a_descriptor_has_the_address_bits_of_the_hardware)
{
	static const uint64_t far = UINT64_C(1) << 35;

	for (unsigned int oas = 1; oas < 6; oas++) {
		setup_hardware(&(struct v3_model_config){ .oas = oas });
		ck_assert(!start_driver());
		one = table_of(1);
		ck_assert(!map_as(one, VA + SZ_2M, far, SZ_4K, SZ_4K, MAP_RW));
		ck_assert(!activate(0, one));
		ck_assert_uint_eq(cd_of(MASTER(0))[0] >> 32 & 7, oas);
		/* There is no memory: that is the bus's word, and no fault of translation. */
		ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_2M), -EFAULT);
		no_fault();
		teardown();
	}
}
END_TEST

START_TEST(a_second_level_table_has_the_span_that_the_split_allows)
{
	uint64_t table;

	contexts[0].stream = 0x1308;
	setup();
	table = v3_model_reg64(model, 0x80) & UINT64_C(0xFFFFFFFFFFFC0);
	ck_assert_uint_eq(*v3_model_reg(model, 0x88) >> 6 & 31, 8);
	ck_assert_uint_eq(words(table, 1024)[0x13] & 31, 9); /* 2^(9 - 1) entries */
	contexts[0].stream = 8;
	teardown();
}
END_TEST

START_TEST(blocks_are_split_live_where_hardware_says_that_it_takes_it_only)
{
	struct a64_config form;

	setup_hardware(&(struct v3_model_config){ 0 });
	for (unsigned int level = 0; level < 3; level++) {
		*v3_model_reg(model, 0x0C) = level << 11;
		ck_assert(!smmuv3_probe(v3_model_mmio(model), &form, &why));
		ck_assert_int_eq(form.live_split, level == 2);
	}
	teardown();
}
END_TEST

/* --- what it may not be -------------------------------------------------------------------------------------------------- */

static void is_refused(uint32_t reg, uint32_t value)
{
	struct a64_config form;

	setup_hardware(&(struct v3_model_config){ 0 });
	*v3_model_reg(model, reg) = value;
	ck_assert_int_eq(smmuv3_probe(v3_model_mmio(model), &form, &why), -EIO);
	ck_assert_int_eq(start_driver(), -EIO);
	teardown();
}

START_TEST(hardware_that_this_driver_cannot_drive_is_refused)
{
	struct a64_config form;

	is_refused(0x00, 2 | 2U << 2 | 1U << 4 | 3U << 21); /* tables are big-endian */
	is_refused(0x00, 1 | 2U << 2 | 1U << 4 | 2U << 21); /* stage 2 only */
	is_refused(0x14, 1U << 6 | 5);                      /* granules of 64 KB only */
	is_refused(0x14, 1U << 4 | 7);                      /* a width that there is not */
	is_refused(0x04, 8U << 21 | 8U << 16 | 16 | 1U << 29);
	is_refused(0x04, 8U << 21 | 8U << 16 | 16 | 1U << 30);
	/* Wider than tables of four levels is no harm. */
	setup_hardware(&(struct v3_model_config){ 0 });
	*v3_model_reg(model, 0x14) = 1U << 4 | 6;
	ck_assert(!smmuv3_probe(v3_model_mmio(model), &form, &why));
	ck_assert_uint_eq(form.pa_bits, 48);
	teardown();
}
END_TEST

#define FAR (UINT64_C(1) << 40)

static struct bus_ops far_ops;
static struct bus far_bus;

static int far_alloc(void *ctx, size_t len, uint64_t *out_pa)
{
	int r = machine.bus.ops->table_alloc(ctx, len, out_pa);

	*out_pa |= FAR;
	return r;
}

static void far_free(void *ctx, uint64_t pa, size_t len)
{
	machine.bus.ops->table_free(ctx, pa & ~FAR, len);
}

static void *far_view(void *ctx, uint64_t pa, size_t len)
{
	return machine.bus.ops->view(ctx, pa & ~FAR, len);
}

START_TEST(table_memory_that_the_hardware_cannot_address_is_none)
{
	const struct a64_config narrow = { .pa_bits = 36 };
	struct smmuv3_config config;
	struct a64 *far;

	setup_hardware(&(struct v3_model_config){ .oas = 1 });
	far_ops = *machine.bus.ops;
	far_ops.table_alloc = far_alloc;
	far_ops.table_free = far_free;
	far_ops.view = far_view;
	far_bus = (struct bus){ &far_ops, machine.bus.ctx };
	config = driver_config();
	config.bus = &far_bus;
	ck_assert_int_eq(smmuv3_new(&config, format, &smmu, &why), -ENOMEM);
	ck_assert_uint_eq(machine.tables_live, 0);
	far = a64_new(&far_bus, &narrow);
	ck_assert_ptr_nonnull(far);
	ck_assert_ptr_null(a64_ops.new(far));
	ck_assert_uint_eq(machine.tables_live, 0);
	a64_free(far);
	teardown();
}
END_TEST

/* --- what a former life has left ------------------------------------------------------------------------------------------ */

static void look(void)
{
	try(MASTER(0), 0, VA);
	try(STRANGER, V3_WRITE, RAM_PA);
}

START_TEST(no_moment_between_on_and_off_lets_a_transaction_pass)
{
	setup();
	ck_assert(!activate(0, one));
	*v3_model_reg(model, 0x44) = 0; /* firmware had it pass while it was off */
	machine.tap.look = look;
	ck_assert(!smmuv3_quiet(&machine.tap.io, "smmu0", &why));
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	machine.tap.look = NULL;
	teardown();
}
END_TEST

/* IHI 0070, 6.3.15: a write of GBPA while an update is under way is lost, or worse. */
START_TEST(an_update_of_gbpa_that_is_under_way_is_awaited)
{
	setup_hardware(&(struct v3_model_config){ 0 });
	*v3_model_reg(model, 0x44) = 1U << 31;
	machine.tap.n_writes = 0;
	ck_assert_int_eq(start_driver(), -EIO);
	ck_assert_uint_eq(machine.tap.n_writes, 0);
	*v3_model_reg(model, 0x44) = 0;
	teardown();
}
END_TEST

START_TEST(an_error_of_before_does_not_keep_the_queue_from_starting)
{
	setup_hardware(&(struct v3_model_config){ 0 });
	v3_model_raise(model, 1 | 4);
	ck_assert_msg(!start_driver(), "%s", why.text);
	ck_assert_uint_eq(*v3_model_reg(model, 0x60), *v3_model_reg(model, 0x64));
	teardown();
}
END_TEST

START_TEST(messages_to_places_of_before_are_not_sent)
{
	static const uint32_t regs[] = { 0x68, 0x6C, 0xB0, 0xB4 };

	setup_hardware(&(struct v3_model_config){ 0 });
	for (unsigned int i = 0; i < 4; i++)
		*v3_model_reg(model, regs[i]) = 0xFEE00000;
	ck_assert(!start_driver());
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_uint_eq(*v3_model_reg(model, regs[i]), 0);
	teardown();
}
END_TEST

static bool loses_irq_enable(uint32_t offset, uint32_t value)
{
	return offset == 0x50 && value;
}

START_TEST(interrupts_that_are_not_acknowledged_are_an_error)
{
	setup_hardware(&(struct v3_model_config){ 0 });
	machine.tap.swallow = loses_irq_enable;
	ck_assert_int_eq(start_driver(), -EIO);
	machine.tap.swallow = NULL;
	ck_assert(!start_driver());
	teardown();
}
END_TEST

START_TEST(entries_that_are_cached_from_before_are_forgotten)
{
	struct a64_config form;
	size_t n_left;

	setup();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	smmu->ops->leave(smmu);
	smmu->ops->free(smmu);
	smmu = NULL;
	one = two = three = NULL;
	a64_free(format);
	n_left = machine.tables_live;
	ck_assert(!smmuv3_quiet(v3_model_mmio(model), "smmu0", &why));
	ck_assert(!smmuv3_probe(v3_model_mmio(model), &form, &why));
	format = a64_new(&machine.bus, &form);
	ck_assert(!start_driver());
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	machine.tables_live -= n_left;
	teardown();
}
END_TEST

SUITE_MAIN("smmuv3-start", tables_and_queues_are_fetched_as_the_cpu_writes_them,
	   entries_say_what_becomes_of_a_transaction,
	   a_descriptor_has_the_address_bits_of_the_hardware,
	   a_second_level_table_has_the_span_that_the_split_allows,
	   blocks_are_split_live_where_hardware_says_that_it_takes_it_only,
	   hardware_that_this_driver_cannot_drive_is_refused,
	   table_memory_that_the_hardware_cannot_address_is_none,
	   no_moment_between_on_and_off_lets_a_transaction_pass,
	   an_update_of_gbpa_that_is_under_way_is_awaited,
	   an_error_of_before_does_not_keep_the_queue_from_starting,
	   messages_to_places_of_before_are_not_sent,
	   interrupts_that_are_not_acknowledged_are_an_error,
	   entries_that_are_cached_from_before_are_forgotten)
