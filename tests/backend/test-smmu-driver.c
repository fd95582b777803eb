// SPDX-License-Identifier: BSD-3-Clause
/* The posting's smmu_* functions: the tree of contexts, a context's own table, handlers. */
#include "backend/smmu/driver.h"

#include <errno.h>
#include <string.h>
#include <vcm/attr.h>

#include "base/log.h"
#include "base/mem.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define VA 0x10000000UL
#define PA ((unsigned long)RAM_PA)

static struct machine machine;
static struct smmu_driver drv;
static struct smmu_dev *dev;

static struct smmu_dev *new_dev(int mid, const char *name)
{
	struct smmu_dev *d = smmu_ctx_init(mid);

	ck_assert_ptr_nonnull(d);
	ck_assert_int_eq(smmu_ctx_set_name(d, name), 0);
	ck_assert_int_eq(smmu_ctx_bind(d, &drv), 0);
	return d;
}

static void setup(void)
{
	log_set_level(LOG_L_ERROR);
	machine_init_hardware(&machine, 16, 16);
	drv = (struct smmu_driver){ .name = "smmu1",
				    .io = &machine.tap.io,
				    .format = machine.format };
	ck_assert_int_eq(smmu_drvdata_init(&drv, 0x7500000, sim_irq_fd(machine.sim)), 0);
	dev = new_dev(3, "vcodec_a_mm1");
}

static void teardown(void)
{
	if (smmu_is_active(dev))
		ck_assert_int_eq(smmu_deactivate(dev), 0);
	ck_assert_int_eq(smmu_ctx_deinit(dev), 0);
	smmu_drvdata_deinit(&drv);
	machine_deinit(&machine);
}

static int map(unsigned long pa, unsigned long va, unsigned long len, unsigned int attr)
{
	int r;

	ck_assert_int_eq(smmu_update_start(dev), 0);
	r = smmu_map(dev, pa, va, len, attr);
	ck_assert_int_eq(smmu_update_done(dev), 0);
	return r;
}

static int unmap(unsigned long va, unsigned long len)
{
	int r;

	ck_assert_int_eq(smmu_update_start(dev), 0);
	r = smmu_unmap(dev, va, len);
	ck_assert_int_eq(smmu_update_done(dev), 0);
	return r;
}

START_TEST(driver_refuses_what_is_not_set)
{
	struct smmu_driver d = { 0 };

	setup();
	ck_assert_int_eq(smmu_drvdata_init(NULL, 0, -1), -EINVAL);
	ck_assert_int_eq(smmu_drvdata_init(&d, 0, -1), -EINVAL);
	d.io = &machine.tap.io;
	ck_assert_int_eq(smmu_drvdata_init(&d, 0, -1), -EINVAL);
	ck_assert_ptr_null(smmu_ctx_init(-1));
	ck_assert_ptr_null(smmu_ctx_init(128));
	mem_fail_nth(1);
	ck_assert_ptr_null(smmu_ctx_init(1));
	ck_assert_int_eq(smmu_ctx_deinit(NULL), -EINVAL);
	ck_assert_int_eq(smmu_activate(NULL), -EINVAL);
	ck_assert_int_eq(smmu_deactivate(NULL), -EINVAL);
	ck_assert_int_eq(smmu_is_active(NULL), 0);
	ck_assert_int_eq(smmu_map(NULL, PA, VA, SZ_4K, 0), -EINVAL);
	ck_assert_int_eq(smmu_unmap(NULL, VA, SZ_4K), -EINVAL);
	ck_assert_int_eq(smmu_update_start(NULL), -EINVAL);
	ck_assert_int_eq(smmu_update_done(NULL), -EINVAL);
	ck_assert_int_eq(smmu_hook_irpt(NULL, NULL, NULL), -EINVAL);
	ck_assert_uint_eq(smmu_translate(NULL, VA), 0);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(smmu_free_ctx_instance(NULL), -EINVAL);
	ck_assert_uint_eq(smmu_get_base_addr(NULL), 0);
	teardown();
}
END_TEST

START_TEST(contexts_are_found_by_name_and_held_while_in_use)
{
	struct smmu_driver other = { .name = "smmu2", .io = NULL };
	char name[] = "vcodec_a_mm1", unknown[] = "vcodec_z";
	struct smmu_dev *d, *second;

	setup();
	second = new_dev(4, "mdp_port0");
	d = smmu_get_ctx_instance(name);
	ck_assert_ptr_eq(d, dev);
	ck_assert_ptr_null(smmu_get_ctx_instance(unknown));
	ck_assert_ptr_null(smmu_get_ctx_instance(NULL));
	ck_assert_uint_eq(smmu_get_base_addr(d), 0x7500000);
	ck_assert_int_eq(smmu_ctx_deinit(dev), -EBUSY);
	ck_assert_int_eq(smmu_free_ctx_instance(d), 0);
	ck_assert_int_eq(smmu_free_ctx_instance(d), -EINVAL);
	ck_assert_int_eq(smmu_ctx_deinit(second), 0);
	smmu_drvdata_deinit(&other);
	teardown();
}
END_TEST

START_TEST(a_context_is_bound_once_and_a_master_has_one_context)
{
	struct smmu_dev *d;

	setup();
	ck_assert_int_eq(smmu_ctx_bind(dev, &drv), -EBUSY);
	d = smmu_ctx_init(3);
	ck_assert_int_eq(smmu_ctx_bind(d, &drv), -EBUSY);
	ck_assert_int_eq(smmu_activate(d), -ENODEV);
	ck_assert_int_eq(smmu_update_start(d), -ENODEV);
	ck_assert_uint_eq(smmu_get_base_addr(d), 0);
	ck_assert_int_eq(smmu_ctx_deinit(d), 0);
	d = smmu_ctx_init(MACHINE_CONTEXTS + 1);
	ck_assert_int_eq(smmu_ctx_bind(d, &drv), -EINVAL);
	ck_assert_int_eq(smmu_ctx_bind(d, NULL), -EINVAL);
	ck_assert_int_eq(smmu_ctx_deinit(d), 0);
	teardown();
}
END_TEST

START_TEST(mapping_activating_and_translating_work_in_either_order)
{
	setup();
	ck_assert_int_eq(map(PA, VA, SZ_4K, VCM_READ | VCM_WRITE), 0);
	ck_assert_int_eq(smmu_is_active(dev), 0);
	ck_assert_uint_eq(smmu_translate(dev, VA), 0);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(smmu_activate(dev), -EBUSY);
	ck_assert_int_eq(smmu_ctx_deinit(dev), -EBUSY);
	ck_assert_int_eq(smmu_is_active(dev), 1);
	ck_assert_uint_eq(smmu_translate(dev, VA + 0x123), PA + 0x123);
	ck_assert_int_eq(errno, 0);
	ck_assert_int_eq(map(PA, VA + SZ_16M, SZ_16M, 0), 0);
	ck_assert_uint_eq(smmu_translate(dev, VA + SZ_16M + 0x765432), PA + 0x765432);
	ck_assert_int_eq(unmap(VA + SZ_16M, SZ_16M), 0);
	ck_assert_uint_eq(smmu_translate(dev, VA + SZ_16M), 0);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(smmu_deactivate(dev), 0);
	ck_assert_int_eq(smmu_deactivate(dev), -ENOENT);
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_uint_eq(smmu_translate(dev, VA), PA);
	teardown();
}
END_TEST

START_TEST(only_whole_aligned_blocks_are_mapped_and_unmapped)
{
	static const unsigned long wrong[] = {
		0, 1, 0x800, 0x2000, 0x200000, 0x2000000, 0x100000000
	};

	setup();
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(map(0, 0, wrong[i], 0), -EINVAL);
		ck_assert_int_eq(unmap(0, wrong[i]), -EINVAL);
	}
	ck_assert_int_eq(map(PA, VA + SZ_4K, SZ_64K, 0), -EINVAL);
	ck_assert_int_eq(map(PA + SZ_4K, VA, SZ_64K, 0), -EINVAL);
	ck_assert_int_eq(map(PA, VA, SZ_4K, 10), -EINVAL); /* no such cache policy */
	ck_assert_int_eq(map(PA, VA, SZ_64K, 0), 0);
	ck_assert_int_eq(unmap(VA, SZ_4K), -ENOENT);
	ck_assert_int_eq(unmap(VA + SZ_64K, SZ_64K), -ENOENT);
	ck_assert_int_eq(unmap(VA, SZ_1M), -ENOENT);
	ck_assert_int_eq(unmap(VA, SZ_64K), 0);
	ck_assert_int_eq(smmu_map(dev, PA, VA, SZ_4K, 0), -EPERM);
	ck_assert_int_eq(smmu_unmap(dev, VA, SZ_4K), -EPERM);
	ck_assert_int_eq(smmu_update_done(dev), -EPERM);
	ck_assert_int_eq(smmu_update_start(dev), 0);
	ck_assert_int_eq(smmu_update_start(dev), -EPERM);
	ck_assert_int_eq(smmu_update_done(dev), 0);
	teardown();
}
END_TEST

START_TEST(mapping_the_same_block_again_changes_its_attributes_only)
{
	uint32_t word;

	setup();
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(map(PA, VA, SZ_64K, VCM_READ | VCM_WRITE), 0);
	ck_assert_int_eq(machine_write(&machine, 3, VA, &word, 4), 0);
	ck_assert_int_eq(map(PA, VA, SZ_64K, VCM_READ), 0);
	ck_assert_int_eq(sim_access(machine.sim, 3, true, VA, &word, 4, NULL, NULL), -EINPROGRESS);
	sim_abandon(machine.sim, 3);
	ck_assert_int_eq(map(PA + SZ_64K, VA, SZ_64K, VCM_READ), -EEXIST);
	ck_assert_int_eq(map(PA, VA, SZ_4K, VCM_READ), -EEXIST);
	ck_assert_int_eq(map(PA & ~(SZ_1M - 1), VA, SZ_1M, VCM_READ), -EEXIST);
	teardown();
}
END_TEST

START_TEST(attributes_of_reservations_become_permissions)
{
	/* attr, signals, and whether reading, writing and fetching are allowed. */
	static const struct {
		unsigned int attr;
		bool read, write, privileged_read, privileged_write, fetch;
	} rows[] = {
		{ 0, 1, 1, 1, 1, 0 },
		{ VCM_READ, 1, 0, 1, 0, 0 },
		{ VCM_WRITE, 1, 1, 1, 1, 0 },
		{ VCM_EXECUTE, 1, 0, 1, 0, 1 },
		{ VCM_READ | VCM_WRITE | VCM_EXECUTE, 1, 1, 1, 1, 1 },
		{ VCM_SUPERVISOR, 0, 0, 1, 1, 0 },
		{ VCM_READ | VCM_SUPERVISOR, 0, 0, 1, 0, 0 },
		{ VCM_USER, 1, 1, 1, 1, 0 },
		{ VCM_READ | VCM_USER | VCM_SUPERVISOR, 1, 0, 1, 0, 0 },
	};

	setup();
	ck_assert_int_eq(smmu_activate(dev), 0);
	/* Terminating instead of stalling, so that each access ends. */
	mmio_write32(sim_mmio(machine.sim), 0x004, 0x33002);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t word;

		ck_assert_int_eq(map(PA, VA, SZ_4K, rows[i].attr), 0);
		sim_set_signals(machine.sim, 3, 0);
		ck_assert_int_eq(!machine_read(&machine, 3, VA, &word, 4), rows[i].read);
		ck_assert_int_eq(!machine_write(&machine, 3, VA, &word, 4), rows[i].write);
		sim_set_signals(machine.sim, 3, SIM_PRIVILEGED);
		ck_assert_int_eq(!machine_read(&machine, 3, VA, &word, 4), rows[i].privileged_read);
		ck_assert_int_eq(!machine_write(&machine, 3, VA, &word, 4),
				 rows[i].privileged_write);
		sim_set_signals(machine.sim, 3, SIM_PRIVILEGED | SIM_INSTRUCTION);
		ck_assert_int_eq(!machine_read(&machine, 3, VA, &word, 4), rows[i].fetch);
		ck_assert_int_eq(unmap(VA, SZ_4K), 0);
	}
	teardown();
}
END_TEST

START_TEST(failures_of_memory_leave_a_context_as_it_was)
{
	setup();
	machine.table_fails_at = 1;
	ck_assert_int_eq(smmu_activate(dev), -ENOMEM);
	machine.table_fails_at = 1;
	ck_assert_int_eq(smmu_update_start(dev), -ENOMEM);
	ck_assert_int_eq(smmu_update_start(dev), 0);
	machine.table_fails_at = 1;
	ck_assert_int_eq(smmu_map(dev, PA, VA, SZ_4K, 0), -ENOMEM);
	ck_assert_int_eq(smmu_map(dev, PA, VA, SZ_4K, 0), 0);
	/* An update that is left open ends with the context. */
	ck_assert_int_eq(smmu_ctx_deinit(dev), 0);
	dev = new_dev(3, "again");
	mem_fail_nth(1);
	ck_assert_int_eq(smmu_ctx_set_name(dev, "other"), -ENOMEM);
	ck_assert_str_eq(smmu_ctx_name(dev), "again");
	ck_assert_uint_eq(smmu_ctx_mid(dev), 3);
	teardown();
}
END_TEST

START_TEST(hardware_failures_are_told)
{
	setup();
	sim_fail_next(machine.sim, SIM_FAIL_ENABLE, 1);
	ck_assert_int_eq(smmu_activate(dev), -EIO);
	ck_assert_int_eq(smmu_is_active(dev), 0);
	ck_assert_int_eq(smmu_activate(dev), 0);
	sim_fail_next(machine.sim, SIM_FAIL_DISABLE, 1);
	ck_assert_int_eq(smmu_deactivate(dev), -EIO);
	ck_assert_int_eq(smmu_is_active(dev), 1);
	teardown();
}
END_TEST

/* --- handlers ----------------------------------------------------------------------------------------------------- */

static unsigned int n_asked;
static struct fault last;

static int mend(size_t dev_id, void *data, void *fault_data)
{
	last = *(struct fault *)fault_data;
	n_asked++;
	ck_assert_uint_eq(dev_id, (size_t)dev);
	ck_assert_int_eq(map(PA, last.addr & ~0xFFFUL, SZ_4K, 0), 0);
	return *(int *)data;
}

static int answer(size_t dev_id _unused_, void *data, void *fault_data)
{
	last = *(struct fault *)fault_data;
	n_asked++;
	return *(int *)data;
}

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

static void start(struct waiting *w, uint64_t va)
{
	*w = (struct waiting){ 0 };
	ck_assert_int_eq(sim_access(machine.sim, 3, false, va, &w->word, 4, on_done, w),
			 -EINPROGRESS);
}

START_TEST(a_handler_that_mends_and_answers_one_gets_a_retry)
{
	struct waiting w;
	int retry = 1;

	setup();
	n_asked = 0;
	machine_poke(&machine, PA + 0x10, 0x5151);
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(smmu_hook_irpt(dev, mend, &retry), 0);
	start(&w, VA + 0x10);
	smmu_irpt(&drv);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert_uint_eq(last.addr, VA + 0x10);
	ck_assert_uint_eq(last.context, 3);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(w.word, 0x5151);
	teardown();
}
END_TEST

START_TEST(zero_a_failure_and_no_handler_terminate)
{
	static int answers[] = { 0, -EINVAL, 3 };
	struct waiting w;

	setup();
	ck_assert_int_eq(smmu_activate(dev), 0);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(smmu_hook_irpt(dev, answer, &answers[i]), 0);
		start(&w, VA);
		smmu_irpt(&drv);
		ck_assert_int_eq(w.result, -EFAULT);
	}
	ck_assert_int_eq(smmu_hook_irpt(dev, NULL, NULL), 0);
	start(&w, VA);
	smmu_irpt(&drv);
	ck_assert_int_eq(w.result, -EFAULT);
	smmu_irpt(&drv);
	ck_assert_uint_eq(w.n_calls, 1);
	teardown();
}
END_TEST

START_TEST(a_handler_may_answer_later)
{
	struct waiting w;
	int later = SMMU_FAULT_LATER;

	setup();
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(smmu_hook_irpt(dev, answer, &later), 0);
	start(&w, VA);
	smmu_irpt(&drv);
	smmu_irpt(&drv);
	ck_assert_uint_eq(w.n_calls, 0);
	ck_assert_int_eq(map(PA, VA, SZ_4K, 0), 0);
	ck_assert_int_eq(smmu_fault_resume(dev, true), 0);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(smmu_fault_resume(dev, true), -ENOENT);
	teardown();
}
END_TEST

START_TEST(a_handler_that_retries_in_vain_is_not_asked_for_ever_in_one_interrupt)
{
	struct waiting w;
	int retry = 1;

	setup();
	n_asked = 0;
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(smmu_hook_irpt(dev, answer, &retry), 0);
	start(&w, VA);
	smmu_irpt(&drv);
	ck_assert_uint_eq(w.n_calls, 0);
	ck_assert_uint_ge(n_asked, 1);
	ck_assert_uint_le(n_asked, MACHINE_BANKS);
	retry = 0;
	smmu_irpt(&drv);
	ck_assert_uint_eq(w.n_calls, 1);
	teardown();
}
END_TEST

START_TEST(faults_of_an_inactive_context_reach_its_handler_too)
{
	uint32_t word;
	int retry = 1;

	setup();
	n_asked = 0;
	ck_assert_int_eq(smmu_hook_irpt(dev, answer, &retry), 0);
	ck_assert_int_eq(machine_read(&machine, 3, VA, &word, 4), -EFAULT);
	smmu_irpt(&drv);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert(!last.stalled);
	teardown();
}
END_TEST

SUITE_MAIN("smmu-driver", driver_refuses_what_is_not_set,
	   contexts_are_found_by_name_and_held_while_in_use,
	   a_context_is_bound_once_and_a_master_has_one_context,
	   mapping_activating_and_translating_work_in_either_order,
	   only_whole_aligned_blocks_are_mapped_and_unmapped,
	   mapping_the_same_block_again_changes_its_attributes_only,
	   attributes_of_reservations_become_permissions,
	   failures_of_memory_leave_a_context_as_it_was, hardware_failures_are_told,
	   a_handler_that_mends_and_answers_one_gets_a_retry,
	   zero_a_failure_and_no_handler_terminate, a_handler_may_answer_later,
	   a_handler_that_retries_in_vain_is_not_asked_for_ever_in_one_interrupt,
	   faults_of_an_inactive_context_reach_its_handler_too)
