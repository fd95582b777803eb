// SPDX-License-Identifier: BSD-3-Clause
/*
 * The SMMUv3 driver when hardware or memory says no: it is refused, repaired, or everything is aborted.
 * Mutations that it was seen to catch: a refused TLBI taken for done; the bad command left in the queue; GERRORN not
 * written; the old entry not put back; no stop when nothing else helps; table memory freed while hardware may read it; and,
 * under the sanitizers, what the start has allocated not given back; no stop after the second refusal; an incomplete ATC sync
 * taken for done; errors answered that nobody looked at.
 */
#include "tests/backend/smmuv3.h"

#define CFGI_STE 0x03
#define TLBI_ASID 0x11
#define TLBI_VA 0x12
#define TLBI_ALL 0x30

/* Nothing is left of a start that failed. */
static void end_without_driver(void)
{
	ck_assert_ptr_null(smmu);
	ck_assert_uint_eq(machine.tables_live, 0);
	teardown();
}

/* --- the start ---------------------------------------------------------------------------------------------------------- */

START_TEST(hardware_that_is_not_there_is_refused)
{
	setup_hardware(&(struct v3_model_config){ 0 });
	machine.tap.dead = true;
	for (unsigned int i = 0; i < 2; i++) {
		struct a64_config form;

		machine.tap.reads_as = i ? UINT32_MAX : 0;
		ck_assert_int_eq(start_driver(), -EIO);
		ck_assert_int_eq(smmuv3_probe(&machine.tap.io, &form, &why), -EIO);
	}
	ck_assert_uint_eq(machine.tap.n_writes, 0);
	end_without_driver();
}
END_TEST

START_TEST(a_config_that_the_hardware_cannot_serve_is_refused)
{
	struct smmuv3_config config;

	setup_hardware(&(struct v3_model_config){ .sid_bits = 3 });
	ck_assert_int_eq(start_driver(), -EINVAL); /* stream 8 */
	ck_assert_ptr_nonnull(strstr(why.text, "stream 8"));
	end_without_driver();
	setup_hardware(&(struct v3_model_config){ 0 });
	contexts[3].stream = contexts[0].stream;
	ck_assert_int_eq(start_driver(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "ctx3"));
	contexts[3].stream = 5;
	config = driver_config();
	config.queue_log2 = 20;
	ck_assert_int_eq(smmuv3_new(&config, format, &smmu, &why), -EINVAL);
	config = driver_config();
	config.io = NULL;
	ck_assert_int_eq(smmuv3_new(&config, format, &smmu, &why), -EINVAL);
	end_without_driver();
	/* One block is 64 KB, of 1024 entries, or of 8192 tables of 256. */
	for (unsigned int linear = 0; linear < 2; linear++) {
		setup_hardware(&(struct v3_model_config){ .sid_bits = 24, .linear_only = linear });
		contexts[3].stream = linear ? 1U << 10 : 1U << 21;
		ck_assert_int_eq(start_driver(), -EINVAL);
		ck_assert_ptr_nonnull(strstr(why.text, "a stream table of 0x20000 bytes"));
		contexts[3].stream--;
		ck_assert_int_eq(start_driver(), 0);
		smmu->ops->free(smmu);
		smmu = NULL;
		contexts[3].stream = 5;
		end_without_driver();
	}
}
END_TEST

START_TEST(more_contexts_than_a_block_has_descriptors_for_are_refused)
{
	static struct smmuv3_context_config many[512];
	static char names[512][8];
	struct smmuv3_config config;

	setup_hardware(&(struct v3_model_config){ 0 });
	for (unsigned int i = 0; i < 512; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i);
		many[i] = (struct smmuv3_context_config){ .name = names[i], .stream = i };
	}
	config = driver_config();
	config.contexts = many;
	config.n_contexts = 512;
	ck_assert_int_eq(smmuv3_new(&config, format, &smmu, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "512 contexts, and 511 can be had"));
	config.n_contexts = 511;
	ck_assert_int_eq(smmuv3_new(&config, format, &smmu, &why), 0);
	smmu->ops->free(smmu);
	smmu = NULL;
	end_without_driver();
}
END_TEST

START_TEST(hardware_that_does_not_snoop_needs_uncached_tables)
{
	struct smmuv3_config config;

	setup_hardware(&(struct v3_model_config){ .incoherent = true });
	ck_assert_int_eq(start_driver(), -EINVAL);
	config = driver_config();
	config.uncached_tables = true;
	ck_assert(!smmuv3_new(&config, format, &smmu, &why));
	/* Nothing is fetched as if it were cached. */
	ck_assert_uint_eq(mmio_read32(v3_model_mmio(model), 0x28), 0);
	one = table_of(1);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	teardown();
}
END_TEST

START_TEST(tables_for_more_address_bits_than_the_hardware_has_are_refused)
{
	struct a64_config wide = { .pa_bits = 48 };
	struct smmuv3_config config;
	struct a64 *other;

	setup_hardware(&(struct v3_model_config){ .oas = 1 });
	config = driver_config();
	other = a64_new(&machine.bus, &wide);
	ck_assert_int_eq(smmuv3_new(&config, other, &smmu, &why), -EINVAL);
	a64_free(other);
	end_without_driver();
}
END_TEST

START_TEST(what_a_former_life_left_in_registers_is_over)
{
	const struct mmio *io;

	setup_hardware(&(struct v3_model_config){ 0 });
	io = v3_model_mmio(model);
	v3_model_raise(model, 0x1);         /* with it no command is taken */
	mmio_write32(io, 0x68, 0xDEAD0000); /* messages in place of wires */
	mmio_write32(io, 0xB0, 0xDEAD0000);
	ck_assert_msg(!start_driver(), "%s", why.text);
	ck_assert_uint_eq(mmio_read32(io, 0x68), 0);
	ck_assert_uint_eq(mmio_read32(io, 0xB0), 0);
	ck_assert_uint_eq(mmio_read32(io, 0x60), mmio_read32(io, 0x64));
	/* Tables and queues are cached memory here: inner shareable, write-back. Events of any stream id are recorded. */
	ck_assert_uint_eq(mmio_read32(io, 0x28), 0xD75);
	ck_assert_uint_eq(mmio_read32(io, 0x2C), 0x2);
	one = table_of(1);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	teardown();
}
END_TEST

START_TEST(hardware_that_does_not_start_is_refused_and_gives_everything_back)
{
	/* GBPA never takes an update; it cannot be switched off; it cannot be switched on; it consumes no command. */
	for (unsigned int i = 0; i < 4; i++) {
		setup_hardware(&(struct v3_model_config){ 0 });
		if (i == 1)
			mmio_write32(v3_model_mmio(model), 0x20, 1); /* left on by firmware */
		if (i == 0)
			v3_model_fail(model, V3_FAIL_GBPA, 1);
		else if (i == 3)
			v3_model_fail(model, V3_FAIL_HANG, 2); /* PROD is reset first */
		else
			v3_model_fail(model, V3_FAIL_ENABLE, i == 1 ? 1 : 2);
		ck_assert_int_eq(start_driver(), -EIO);
		end_without_driver();
	}
}
END_TEST

START_TEST(a_start_without_memory_fails_at_each_allocation_and_leaves_nothing)
{
	size_t n = 0;
	int r;

	contexts[0].stream = 0xFF08; /* two levels */
	setup_hardware(&(struct v3_model_config){ 0 });
	do {
		mem_fail_nth(++n);
		r = start_driver();
		if (r) {
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_uint_eq(machine.tables_live, 0);
		}
	} while (r);
	mem_fail_nth(0);
	ck_assert_uint_eq(n, 4 + N_CONTEXTS + 1);
	smmu->ops->free(smmu);
	n = 0;
	do {
		smmu = NULL;
		machine.table_fails_at = ++n;
		r = start_driver();
		if (r) {
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_uint_eq(machine.tables_live, 0);
		}
	} while (r);
	machine.table_fails_at = 0;
	ck_assert_uint_eq(n, 7); /* two queues, descriptors, stream table of three */
	contexts[0].stream = 8;
	teardown();
}
END_TEST

START_TEST(activation_takes_no_memory)
{
	setup();
	mem_fail_nth(1);
	machine.table_fails_at = 1;
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!activate(i, i % 2 ? one : two));
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!replace(i, three));
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		ck_assert(!deactivate(i));
	ck_assert(!mem_fail_fired());
	ck_assert_uint_eq(machine.table_fails_at, 1);
	teardown();
}
END_TEST

START_TEST(asids_run_out_before_contexts_do)
{
	static struct smmuv3_context_config many[260];
	struct table *tables[260];
	struct smmuv3_config config;
	char names[260][8];

	setup_hardware(&(struct v3_model_config){ .asid8 = true });
	for (unsigned int i = 0; i < 260; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i);
		many[i] = (struct smmuv3_context_config){ names[i], i, false };
	}
	config = driver_config();
	config.contexts = many;
	config.n_contexts = 260;
	ck_assert(!smmuv3_new(&config, format, &smmu, &why));
	for (unsigned int i = 0; i < 255; i++) {
		tables[i] = a64_ops.new(format);
		ck_assert(!activate(i, tables[i]));
	}
	one = table_of(1);
	ck_assert_int_eq(activate(255, one), -ENODEV);
	ck_assert(!activate(256, tables[7])); /* shares one */
	ck_assert(!deactivate(3));
	ck_assert(!activate(255, one));
	ck_assert_uint_eq(seen(255, VA), 1);
	smmu->ops->free(smmu);
	smmu = NULL;
	for (unsigned int i = 0; i < 255; i++)
		a64_ops.free(tables[i]);
	teardown();
}
END_TEST

/* --- commands ----------------------------------------------------------------------------------------------------------- */

static bool is_stopped(void)
{
	return mmio_read32(v3_model_mmio(model), 0x24) == 0 &&
	       (mmio_read32(v3_model_mmio(model), 0x44) & 1U << 20);
}

START_TEST(an_aborted_fetch_of_a_command_is_tried_again)
{
	setup();
	v3_model_fail(model, V3_FAIL_FETCH, 3);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert(!is_stopped());
	/* A fourth time in a row is one too many. */
	v3_model_fail(model, V3_FAIL_FETCH, 4);
	ck_assert_int_eq(activate(1, two), -EIO);
	ck_assert(is_stopped());
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert_uint_eq(seen(MASTER(1), VA), 0);
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}
END_TEST

START_TEST(a_queue_that_refuses_everything_is_given_up)
{
	setup();
	v3_model_refuse(model, 0x46, UINT32_MAX);
	ck_assert_int_eq(activate(0, one), -EIO);
	ck_assert(is_stopped());
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	teardown();
}
END_TEST

START_TEST(a_refused_invalidation_is_replaced_by_a_larger_one)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	v3_model_refuse(model, TLBI_VA, 1);
	ck_assert(!unmap(one, VA, SZ_4K));
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert_uint_eq(v3_model_n_commands(model, TLBI_ALL), 2); /* one at the start */
	ck_assert(!is_stopped());
	v3_model_refuse(model, TLBI_ASID, 1);
	ck_assert(!deactivate(0));
	ck_assert_uint_eq(v3_model_n_commands(model, TLBI_ALL), 3);
	ck_assert(!activate(0, two));
	ck_assert_uint_eq(seen(MASTER(0), VA), 2);
	teardown();
}
END_TEST

START_TEST(a_refusal_in_a_batch_longer_than_the_queue_is_noticed)
{
	struct smmuv3_config config;

	setup_hardware(&(struct v3_model_config){ 0 });
	config = driver_config();
	config.queue_log2 = 3;
	ck_assert(!smmuv3_new(&config, format, &smmu, &why));
	one = a64_ops.new(format);
	two = table_of(2);
	three = table_of(3);
	ck_assert(!map_as(one, VA, RAM_PA + SZ_4K, 15 * SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!activate(0, one));
	for (unsigned int i = 0; i < 15; i++)
		ck_assert_uint_eq(seen(MASTER(0), VA + i * SZ_4K), i + 1);
	v3_model_refuse(model, TLBI_VA, 1);
	ck_assert(!unmap(one, VA, 15 * SZ_4K));
	for (unsigned int i = 0; i < 15; i++)
		ck_assert_uint_eq(seen(MASTER(0), VA + i * SZ_4K), 0);
	teardown();
}
END_TEST

START_TEST(a_sync_that_has_not_seen_all_it_waits_for_is_no_success)
{
	setup();
	ck_assert(!activate(0, one));
	v3_model_fail(model, V3_FAIL_ATC_SYNC, 1);
	ck_assert(!unmap(one, VA, SZ_4K));
	ck_assert_uint_eq(v3_model_n_commands(model, TLBI_ALL), 2);
	ck_assert(!is_stopped());
	teardown();
}
END_TEST

/* Refuses one SYNC of each batch. */
static bool refuse_a_sync(uint32_t offset, uint32_t value)
{
	(void)value;
	if (offset == 0x98)
		v3_model_refuse(model, 0x46, 1);
	return false;
}

START_TEST(an_invalidation_that_is_refused_twice_stops_everything)
{
	setup();
	ck_assert(!activate(0, one));
	machine.tap.swallow = refuse_a_sync;
	ck_assert(!unmap(one, VA, SZ_4K));
	machine.tap.swallow = NULL;
	ck_assert(is_stopped());
	ck_assert_int_eq(try(MASTER(0), 0, VA), -EFAULT);
	teardown();
}
END_TEST

/* Errors that nobody has looked at yet. */
static uint32_t unanswered(void)
{
	return mmio_read32(v3_model_mmio(model), 0x60) ^ mmio_read32(v3_model_mmio(model), 0x64);
}

START_TEST(each_error_is_answered_by_whoever_looks_at_it)
{
	setup();
	v3_model_raise(model, 4);
	v3_model_refuse(model, CFGI_STE, 1);
	ck_assert_int_eq(activate(0, one), -EIO);
	ck_assert_uint_eq(unanswered(), 4);
	v3_model_raise(model, 1);
	no_fault();
	ck_assert_uint_eq(unanswered(), 1);
	teardown();
}
END_TEST

START_TEST(an_invalidation_that_never_happens_stops_everything)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert(!activate(1, two));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	v3_model_fail(model, V3_FAIL_HANG, 1);
	ck_assert(!unmap(one, VA, SZ_4K));
	ck_assert(is_stopped());
	ck_assert_int_eq(try(MASTER(0), 0, VA), -EFAULT);
	ck_assert_int_eq(try(MASTER(1), 0, VA), -EFAULT);
	ck_assert_int_eq(activate(2, two), -EIO);
	ck_assert_int_eq(replace(1, one), -EIO);
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}
END_TEST

START_TEST(a_switch_that_is_refused_leaves_the_stream_where_it_was)
{
	setup();
	v3_model_refuse(model, CFGI_STE, 1);
	ck_assert_int_eq(activate(0, one), -EIO);
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	v3_model_refuse(model, CFGI_STE, 1);
	ck_assert_int_eq(replace(0, two), -EIO);
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	v3_model_refuse(model, CFGI_STE, 1);
	ck_assert_int_eq(deactivate(0), -EIO);
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	/* It is not the ASID that has gone. */
	ck_assert(!unmap(one, VA, SZ_4K));
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert(!replace(0, two));
	ck_assert(!deactivate(0));
	ck_assert(!is_stopped());
	teardown();
}
END_TEST

START_TEST(a_switch_that_goes_neither_there_nor_back_stops_everything)
{
	setup();
	ck_assert(!activate(1, two));
	v3_model_refuse(model, CFGI_STE, 2);
	ck_assert_int_eq(activate(0, one), -EIO);
	ck_assert(is_stopped());
	ck_assert_ptr_nonnull(strstr(why.text, "stopped"));
	ck_assert_uint_eq(seen(MASTER(1), VA), 0);
	/* It has what a deactivated context has, and its session can be taken back. */
	ck_assert(!deactivate(1));
	ck_assert_int_eq(activate(1, two), -EIO);
	no_fault();
	teardown();
}
END_TEST

START_TEST(service_failure_mode_stops_everything)
{
	setup();
	ck_assert(!activate(0, one));
	v3_model_raise(model, 1U << 8);
	no_fault();
	ck_assert(is_stopped());
	ck_assert_int_eq(activate(1, one), -EIO);
	teardown();
}
END_TEST

START_TEST(other_global_errors_are_answered_and_the_work_goes_on)
{
	setup();
	ck_assert(!activate(0, one));
	v3_model_raise(model, 0xFC);
	no_fault();
	ck_assert_uint_eq(mmio_read32(v3_model_mmio(model), 0x60),
			  mmio_read32(v3_model_mmio(model), 0x64));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	teardown();
}
END_TEST

START_TEST(table_memory_is_kept_from_hardware_that_does_not_let_go)
{
	setup();
	ck_assert(!activate(0, one));
	/* The one write of CR0 in free(). */
	v3_model_fail(model, V3_FAIL_ENABLE, 1);
	smmu->ops->free(smmu);
	smmu = NULL;
	a64_ops.free(one);
	a64_ops.free(two);
	a64_ops.free(three);
	one = two = three = NULL;
	ck_assert_uint_eq(machine.tables_live, 4); /* queues, descriptors, stream table */
	machine.tables_live = 0;
	teardown();
}
END_TEST

/* It takes no command, and cannot be switched off: what its caches hold is in reach for ever. */
START_TEST(what_hardware_that_does_not_stop_may_use_is_never_given_back)
{
	uint64_t before;

	setup();
	ck_assert(!map_as(one, VA + SZ_2M, RAM_PA, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!activate(0, one));
	before = machine.tables_live;
	v3_model_fail(model, V3_FAIL_HANG, 1);
	v3_model_fail(model, V3_FAIL_ENABLE, 1);
	a64_ops.update_start(one);
	ck_assert(!a64_ops.unmap(one, VA + SZ_2M, SZ_4K));
	ck_assert_int_eq(a64_ops.update_done(one), -EIO);
	/* The table that has become empty, too. */
	ck_assert_uint_eq(machine.tables_live, before);
	ck_assert_int_eq(deactivate(0), -EIO);
	a64_ops.update_start(one);
	ck_assert_int_eq(a64_ops.update_done(one), -EIO);
	/* Hardware lets go at the end: what was lost stays lost. */
	smmu->ops->free(smmu);
	smmu = NULL;
	before = machine.tables_live;
	a64_ops.free(one);
	one = NULL;
	ck_assert_uint_eq(machine.tables_live, before);
	machine.tables_live -= 5; /* the root and four below it */
	teardown();
}
END_TEST

SUITE_MAIN("smmuv3-errors", hardware_that_is_not_there_is_refused,
	   more_contexts_than_a_block_has_descriptors_for_are_refused,
	   a_config_that_the_hardware_cannot_serve_is_refused,
	   hardware_that_does_not_snoop_needs_uncached_tables,
	   tables_for_more_address_bits_than_the_hardware_has_are_refused,
	   what_a_former_life_left_in_registers_is_over,
	   hardware_that_does_not_start_is_refused_and_gives_everything_back,
	   a_start_without_memory_fails_at_each_allocation_and_leaves_nothing,
	   activation_takes_no_memory, asids_run_out_before_contexts_do,
	   an_aborted_fetch_of_a_command_is_tried_again,
	   a_queue_that_refuses_everything_is_given_up,
	   a_refused_invalidation_is_replaced_by_a_larger_one,
	   a_refusal_in_a_batch_longer_than_the_queue_is_noticed,
	   a_sync_that_has_not_seen_all_it_waits_for_is_no_success,
	   an_invalidation_that_is_refused_twice_stops_everything,
	   each_error_is_answered_by_whoever_looks_at_it,
	   an_invalidation_that_never_happens_stops_everything,
	   a_switch_that_is_refused_leaves_the_stream_where_it_was,
	   a_switch_that_goes_neither_there_nor_back_stops_everything,
	   service_failure_mode_stops_everything,
	   other_global_errors_are_answered_and_the_work_goes_on,
	   table_memory_is_kept_from_hardware_that_does_not_let_go,
	   what_hardware_that_does_not_stop_may_use_is_never_given_back)
