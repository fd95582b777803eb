// SPDX-License-Identifier: BSD-3-Clause
/*
 * Event records of the SMMUv3 become faults; stalled transactions get the verdict that is theirs.
 * Mutations that it was seen to catch: RnW inverted; CONS not written; OVACKFLG not followed; the interrupt acknowledged
 * after the last look; RESUME with the wrong STAG; retry for abort; no STALL_TERM; a stall recorded before a deactivation
 * taken for one of after it; a fault recorded before it, too; EVTQ registers on page 0.
 */
#include <poll.h>

#include "tests/backend/smmuv3.h"

static struct fault expect_fault(unsigned int context, unsigned int event)
{
	struct fault f;

	ck_assert(next_fault(&f));
	ck_assert_uint_eq(f.context, context);
	ck_assert_uint_eq(f.fsr, event);
	ck_assert_uint_eq(f.fsynr0, MASTER(context));
	return f;
}

static bool fd_is_readable(void)
{
	struct pollfd p = { .fd = smmu->ops->fault_fd(smmu), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(a_fault_says_where_and_how)
{
	setup();
	ck_assert(!activate(0, one));
	for (unsigned int how = 0; how < 8; how++) {
		struct fault f;

		ck_assert_int_eq(try(MASTER(0), how, VA + SZ_1M + 0x124), -EFAULT);
		f = expect_fault(0, 0x10);
		ck_assert_uint_eq(f.addr, VA + SZ_1M + 0x124);
		ck_assert_int_eq(f.write, !!(how & V3_WRITE));
		ck_assert_int_eq(f.privileged, !!(how & V3_PRIVILEGED));
		ck_assert_int_eq(f.execute, !!(how & V3_INSTRUCTION));
		ck_assert(!f.permission && !f.stalled);
	}
	ck_assert(!protect(one, VA, SZ_4K, MAP_RO));
	ck_assert_int_eq(try(MASTER(0), V3_WRITE, VA), -EFAULT);
	ck_assert(expect_fault(0, 0x13).permission);
	no_fault();
	teardown();
}
END_TEST

START_TEST(every_kind_of_event_becomes_a_fault_of_its_context)
{
	static const struct {
		unsigned int id;
		bool has_address;
	} kinds[] = {
		{ 0x01, true },  { 0x02, false }, { 0x03, false }, { 0x04, false }, { 0x05, true },
		{ 0x06, false }, { 0x07, true },  { 0x08, false }, { 0x09, false }, { 0x0A, false },
		{ 0x0B, true },  { 0x10, true },  { 0x11, true },  { 0x12, true },  { 0x13, true },
		{ 0x20, true },  { 0x21, false }, { 0x25, false },
	};

	setup();
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t record[4] = { kinds[i].id | UINT64_C(5) << 32, 0, VA + SZ_4K, 0xBAD };
		struct fault f;

		v3_model_record(model, record);
		f = expect_fault(3, kinds[i].id);
		ck_assert_uint_eq(f.addr, kinds[i].has_address ? VA + SZ_4K : 0);
		ck_assert_int_eq(f.write, kinds[i].has_address);
		ck_assert_int_eq(f.permission, kinds[i].id == 0x13);
		ck_assert(!f.stalled);
	}
	/* A page request that is a hint is no fault; one that does not exist yet is, without an address. */
	v3_model_record(model, (uint64_t[]){ 0x24 | UINT64_C(5) << 32, 0, VA, 0 });
	no_fault();
	v3_model_record(model, (uint64_t[]){ 0xE3 | UINT64_C(5) << 32, 0, VA, 0 });
	ck_assert_uint_eq(expect_fault(3, 0xE3).addr, 0);
	teardown();
}
END_TEST

START_TEST(hardware_that_cannot_use_a_table_is_heard)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert_int_eq(try(MASTER(0), 0, UINT64_C(1) << 50), -EFAULT);
	ck_assert_uint_eq(expect_fault(0, 0x10).addr, UINT64_C(1) << 50);
	/* A root that somebody scribbled into: a table that is not in memory, and an address beyond what there is. */
	machine_poke(&machine, a64_ops.root(one) + 8, 0x00001003);
	ck_assert_int_eq(try(MASTER(0), 0, UINT64_C(1) << 39), -EFAULT);
	expect_fault(0, 0x0B);
	machine_poke(&machine, a64_ops.root(one) + 8, 0);
	teardown();
}
END_TEST

/* What comes to be read only after another table is active is not about that one. */
START_TEST(a_fault_of_the_table_before_says_so)
{
	setup();
	ck_assert(!activate(0, one));
	ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_1M), -EFAULT);
	ck_assert(!deactivate(0));
	ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_1M), -EFAULT);
	ck_assert(!activate(0, two));
	ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_1M), -EFAULT);
	ck_assert(!replace(0, three));
	ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_1M), -EFAULT);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert(expect_fault(0, 0x10).former);
	ck_assert(!expect_fault(0, 0x10).former);
	no_fault();
	teardown();
}
END_TEST

START_TEST(a_parked_context_reports_what_its_master_does)
{
	setup();
	ck_assert_int_eq(try(MASTER(2), V3_WRITE, VA), -EFAULT);
	ck_assert_uint_eq(expect_fault(2, 0x10).addr, VA);
	ck_assert(!activate(2, one));
	ck_assert(!deactivate(2));
	ck_assert_int_eq(try(MASTER(2), 0, VA), -EFAULT);
	expect_fault(2, 0x10);
	teardown();
}
END_TEST

START_TEST(a_stranger_is_nobodys_fault)
{
	setup();
	ck_assert_int_eq(try(STRANGER, 0, VA), -EFAULT);
	ck_assert_int_eq(try(0x12345, 0, VA), -EFAULT);
	ck_assert_int_eq(try(MASTER(1), 0, VA), -EFAULT);
	expect_fault(1, 0x10);
	no_fault();
	teardown();
}
END_TEST

static void stranger_knocks(void)
{
	try(STRANGER, 0, VA);
}

START_TEST(a_stranger_who_never_stops_does_not_hold_the_caller)
{
	setup();
	stranger_knocks();
	machine.tap.look = stranger_knocks;
	no_fault();
	v3_model_irq(model)->ack(v3_model_irq(model)->ctx);
	ck_assert(fd_is_readable()); /* there is more, and no interrupt to say so */
	machine.tap.look = NULL;
	try(MASTER(1), 0, VA);
	expect_fault(1, 0x10);
	no_fault();
	ck_assert(!fd_is_readable());
	teardown();
}
END_TEST

START_TEST(the_fd_is_readable_when_there_is_something_and_not_after_the_last)
{
	setup();
	ck_assert(!fd_is_readable());
	try(MASTER(0), 0, VA);
	try(MASTER(0), 0, VA);
	ck_assert(fd_is_readable());
	expect_fault(0, 0x10);
	expect_fault(0, 0x10);
	no_fault();
	ck_assert(!fd_is_readable());
	try(MASTER(0), 0, VA);
	ck_assert(fd_is_readable());
	expect_fault(0, 0x10);
	no_fault();
	teardown();
}
END_TEST

static const struct irq *real_irq;

static void fault_during_ack(void *ctx)
{
	real_irq->ack(ctx);
	try(MASTER(1), 0, VA);
	real_irq->ack(ctx); /* an interrupt that is lost: the queue must be looked at again */
}

START_TEST(a_fault_that_comes_while_the_interrupt_is_acknowledged_is_not_lost)
{
	struct smmuv3_config config;
	struct irq irq;

	setup_hardware(&(struct v3_model_config){ 0 });
	real_irq = v3_model_irq(model);
	irq = (struct irq){ real_irq->fd, fault_during_ack, real_irq->ctx };
	config = driver_config();
	config.irq = &irq;
	ck_assert(!smmuv3_new(&config, format, &smmu, &why));
	expect_fault(1, 0x10);
	smmu->ops->free(smmu);
	smmu = NULL;
	teardown();
}
END_TEST

/* --- overflow --------------------------------------------------------------------------------------------------------- */

START_TEST(an_overflow_loses_faults_and_nothing_else)
{
	for (unsigned int way = 0; way < 2; way++) {
		struct fault f;

		setup_with(&(struct v3_model_config){ .queue_bits = 3, .error_when_full = way });
		for (unsigned int round = 0; round < 5; round++) {
			unsigned int n = 0;

			for (unsigned int i = 0; i < 20; i++)
				try(MASTER(0), 0, VA + i * SZ_4K);
			while (next_fault(&f))
				ck_assert_uint_eq(f.addr, VA + n++ * SZ_4K);
			ck_assert_uint_eq(n, 8);
			try(MASTER(1), 0, VA);
			expect_fault(1, 0x10);
			no_fault();
			ck_assert(!fd_is_readable());
			/* Hardware can say so again. */
			ck_assert_uint_eq(mmio_read32(v3_model_mmio(model), 0x100A8) >> 31,
					  mmio_read32(v3_model_mmio(model), 0x100AC) >> 31);
			ck_assert_uint_eq(mmio_read32(v3_model_mmio(model), 0x60),
					  mmio_read32(v3_model_mmio(model), 0x64));
		}
		ck_assert(!activate(0, one));
		ck_assert_uint_eq(seen(MASTER(0), VA), 1);
		teardown();
	}
}
END_TEST

START_TEST(a_queue_that_wraps_many_times_loses_nothing)
{
	setup_with(&(struct v3_model_config){ .queue_bits = 2 });
	for (unsigned int i = 0; i < 50; i++) {
		for (unsigned int j = 0; j < i % 5; j++)
			try(MASTER(0), 0, VA + (i * 8 + j) * SZ_4K);
		for (unsigned int j = 0; j < i % 5; j++)
			ck_assert_uint_eq(expect_fault(0, 0x10).addr, VA + (i * 8 + j) * SZ_4K);
		no_fault();
	}
	teardown();
}
END_TEST

START_TEST(a_record_that_cannot_be_written_is_a_global_error_that_is_answered)
{
	setup();
	v3_model_fail(model, V3_FAIL_EVENT_WRITE, 1);
	try(MASTER(0), 0, VA);
	ck_assert(fd_is_readable());
	no_fault();
	ck_assert_uint_eq(mmio_read32(v3_model_mmio(model), 0x60),
			  mmio_read32(v3_model_mmio(model), 0x64));
	try(MASTER(0), 0, VA);
	expect_fault(0, 0x10);
	teardown();
}
END_TEST

/* --- stalls ----------------------------------------------------------------------------------------------------------- */

START_TEST(a_stalled_transaction_waits_and_is_retried)
{
	uint32_t word = 0;
	struct fault f;

	setup();
	ck_assert(!activate(1, one));
	ck_assert_int_eq(get(MASTER(1), VA + SZ_4K, &word), -EINPROGRESS);
	f = expect_fault(1, 0x10);
	ck_assert(f.stalled);
	ck_assert_uint_eq(f.addr, VA + SZ_4K);
	no_fault();
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), -EINPROGRESS);
	ck_assert(!map_as(one, VA + SZ_4K, RAM_PA + 5 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!smmu->ops->fault_resume(smmu, 1, true));
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), 0);
	ck_assert_uint_eq(word, 0xC0DE0005);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 1, true), -ENOENT);
	teardown();
}
END_TEST

START_TEST(a_stalled_transaction_is_terminated_when_that_is_the_verdict)
{
	uint32_t word = 0;

	setup();
	ck_assert(!activate(1, one));
	ck_assert_int_eq(get(MASTER(1), VA + SZ_4K, &word), -EINPROGRESS);
	expect_fault(1, 0x10);
	ck_assert(!map_as(one, VA + SZ_4K, RAM_PA, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!smmu->ops->fault_resume(smmu, 1, false));
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), -EFAULT);
	ck_assert_uint_eq(word, 0);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 0, false), -ENOENT);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, N_CONTEXTS, false), -ENOENT);
	teardown();
}
END_TEST

START_TEST(of_several_stalls_one_is_asked_about_at_a_time)
{
	uint32_t words[3] = { 0 };

	setup();
	ck_assert(!activate(1, one));
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(get(MASTER(1), VA + (i + 1) * SZ_4K, &words[i]), -EINPROGRESS);
	ck_assert_uint_eq(expect_fault(1, 0x10).addr, VA + SZ_4K);
	no_fault();
	ck_assert_uint_eq(v3_model_n_stalled(model), 3);
	ck_assert(!smmu->ops->fault_resume(smmu, 1, false));
	/* The others have faulted again. */
	ck_assert_uint_eq(v3_model_n_stalled(model), 2);
	ck_assert_uint_eq(expect_fault(1, 0x10).addr, VA + 2 * SZ_4K);
	ck_assert(!map_as(one, VA + SZ_4K, RAM_PA + 5 * SZ_4K, 4 * SZ_4K, SZ_4K, MAP_RW));
	no_fault();
	ck_assert(!smmu->ops->fault_resume(smmu, 1, true));
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert_uint_eq(words[0], 0);
	ck_assert_uint_eq(words[1], 0xC0DE0006);
	ck_assert_uint_eq(words[2], 0xC0DE0007);
	no_fault();
	teardown();
}
END_TEST

START_TEST(more_stalls_than_can_wait_are_terminated)
{
	uint32_t words[20];
	unsigned int n_final = 0;
	struct fault f;

	setup();
	ck_assert(!activate(1, one));
	for (unsigned int i = 0; i < 20; i++)
		ck_assert_int_eq(get(MASTER(1), VA + (i + 1) * SZ_4K, &words[i]), -EINPROGRESS);
	ck_assert(expect_fault(1, 0x10).stalled);
	while (next_fault(&f)) {
		ck_assert(!f.stalled);
		n_final++;
	}
	ck_assert_uint_eq(n_final, 4);
	ck_assert_uint_eq(v3_model_n_stalled(model), 16);
	ck_assert(!deactivate(1));
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	teardown();
}
END_TEST

START_TEST(deactivation_ends_what_stalls_whether_it_was_reported_or_not)
{
	uint32_t word = 0;
	struct fault f;

	setup();
	ck_assert(!activate(1, one));
	ck_assert_int_eq(get(MASTER(1), VA + SZ_4K, &word), -EINPROGRESS);
	ck_assert(expect_fault(1, 0x10).stalled);
	ck_assert_int_eq(get(MASTER(1), VA + 2 * SZ_4K, &word), -EINPROGRESS);
	ck_assert(!deactivate(1));
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), -EFAULT);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 1, true), -ENOENT);
	ck_assert(!activate(1, two));
	/* It is told of, and does not wait. */
	ck_assert(next_fault(&f));
	ck_assert(!f.stalled);
	ck_assert_int_eq(get(MASTER(1), VA + 2 * SZ_4K, &word), -EINPROGRESS);
	ck_assert(expect_fault(1, 0x10).stalled);
	teardown();
}
END_TEST

START_TEST(replacement_terminates_what_was_reported_of_the_old_table)
{
	uint32_t word = 0;

	setup();
	ck_assert(!activate(1, one));
	ck_assert_int_eq(get(MASTER(1), VA + SZ_4K, &word), -EINPROGRESS);
	expect_fault(1, 0x10);
	ck_assert(!replace(1, two));
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), -EFAULT);
	ck_assert_int_eq(smmu->ops->fault_resume(smmu, 1, true), -ENOENT);
	teardown();
}
END_TEST

START_TEST(who_may_not_stall_does_not_and_capabilities_say_so)
{
	struct backend_caps caps;

	setup_with(&(struct v3_model_config){ .stall_model = V3_STALL_NEVER });
	smmu->ops->caps(smmu, &caps);
	ck_assert(!caps.stall);
	ck_assert(!activate(1, one));
	ck_assert_int_eq(try(MASTER(1), 0, VA + SZ_4K), -EFAULT);
	ck_assert(!expect_fault(1, 0x10).stalled);
	ck_assert(!deactivate(1));
	teardown();
	setup();
	ck_assert(!activate(0, one)); /* its config says so */
	ck_assert_int_eq(try(MASTER(0), 0, VA + SZ_4K), -EFAULT);
	teardown();
}
END_TEST

START_TEST(hardware_that_must_stall_is_answered_for_parked_masters_too)
{
	struct backend_caps caps;
	uint32_t word;

	setup_with(&(struct v3_model_config){ .stall_model = V3_STALL_FORCED });
	smmu->ops->caps(smmu, &caps);
	ck_assert(caps.stall);
	ck_assert_int_eq(get(MASTER(0), VA, &word), -EINPROGRESS);
	ck_assert(!expect_fault(0, 0x10).stalled);
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert(!activate(0, one));
	ck_assert_int_eq(get(MASTER(0), VA + SZ_4K, &word), -EINPROGRESS);
	ck_assert(expect_fault(0, 0x10).stalled);
	ck_assert(!smmu->ops->fault_resume(smmu, 0, false));
	teardown();
}
END_TEST

SUITE_MAIN("smmuv3-fault", a_fault_of_the_table_before_says_so, a_fault_says_where_and_how,
	   every_kind_of_event_becomes_a_fault_of_its_context,
	   hardware_that_cannot_use_a_table_is_heard, a_parked_context_reports_what_its_master_does,
	   a_stranger_is_nobodys_fault, a_stranger_who_never_stops_does_not_hold_the_caller,
	   the_fd_is_readable_when_there_is_something_and_not_after_the_last,
	   a_fault_that_comes_while_the_interrupt_is_acknowledged_is_not_lost,
	   an_overflow_loses_faults_and_nothing_else, a_queue_that_wraps_many_times_loses_nothing,
	   a_record_that_cannot_be_written_is_a_global_error_that_is_answered,
	   a_stalled_transaction_waits_and_is_retried,
	   a_stalled_transaction_is_terminated_when_that_is_the_verdict,
	   of_several_stalls_one_is_asked_about_at_a_time, more_stalls_than_can_wait_are_terminated,
	   deactivation_ends_what_stalls_whether_it_was_reported_or_not,
	   replacement_terminates_what_was_reported_of_the_old_table,
	   who_may_not_stall_does_not_and_capabilities_say_so,
	   hardware_that_must_stall_is_answered_for_parked_masters_too)
