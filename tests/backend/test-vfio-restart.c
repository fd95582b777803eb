// SPDX-License-Identifier: BSD-3-Clause
/*
 * A process that has mapped memory for devices dies, and the next one finds its containers: what is to be mapped again stays
 * mapped all the time, and what is not goes.
 * Mutations that it was seen to catch: everything unmapped first; no sweep; no settle.
 */
#include <errno.h>
#include <string.h>

#include "tests/backend/vfio-model.h"
#include "tests/suite.h"

#define VA UINT64_C(0x1000000)

static struct vfio_machine m;
static struct table *t;
static struct reason why;

static void map_two(void)
{
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + SZ_1M, MODEL_PA_B, SZ_4K, model_rw), 0);
}

/* Two mappings are there and the device is at work when the process goes. The next one has a table of its own. */
static void crash_before(bool doubtful)
{
	machine_init(&m);
	t = machine_table(&m);
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	machine_crash(&m);
	vfio_table_ops.free(t);
	m.doubtful = doubtful;
	machine_start(&m, true);
	t = machine_table(&m);
}

static void crash(void)
{
	crash_before(false);
}

static void end(void)
{
	machine_deactivate(&m, 0, NULL);
	vfio_table_ops.free(t);
	machine_deinit(&m);
}

static bool reaches(uint64_t va)
{
	uint8_t byte = 1;

	return model_dma(&m.model, 0, va, true, &byte, 1);
}

START_TEST(what_is_wanted_again_has_no_gap)
{
	crash();
	ck_assert(reaches(VA) && reaches(VA + SZ_1M));
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(m.backend->ops->settle(m.backend, &why), 0);
	ck_assert_uint_eq(m.model.n_gaps, 0);
	ck_assert(reaches(VA + SZ_64K - 1) && reaches(VA + SZ_1M));
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	ck_assert(!model_find(&m.model, 0, VA)->given_up);
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, SZ_64K), 0);
	ck_assert(!reaches(VA));
	end();
}
END_TEST

START_TEST(what_is_not_wanted_goes_and_what_was_not_there_comes)
{
	crash();
	ck_assert_int_eq(machine_map(t, VA + SZ_1M, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + 2 * SZ_1M, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(!reaches(VA));
	ck_assert(reaches(VA + SZ_1M) && reaches(VA + 2 * SZ_1M));
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	end();
}
END_TEST

START_TEST(another_length_is_mapped_anew)
{
	crash();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K + SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(reaches(VA + SZ_64K));
	ck_assert_uint_eq(model_find(&m.model, 0, VA)->dma.len, SZ_64K + SZ_4K);
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	end();
}
END_TEST

START_TEST(a_mapping_in_the_way_goes)
{
	crash();
	/* The old one begins before the new one, and would be cut: it cannot stay. */
	ck_assert_int_eq(machine_map(t, VA + SZ_4K, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	ck_assert(!reaches(VA));
	ck_assert(reaches(VA + SZ_4K));
	end();
}
END_TEST

/* The kernel would hand over mappings of the same addresses and lengths, whatever they are of. */
/* It is at its limit with what is taken over, which needs no more. */
START_TEST(a_full_container_is_taken_over)
{
	crash();
	m.model.entries = 2;
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_uint_eq(m.model.n_gaps, 0);
	ck_assert(reaches(VA) && reaches(VA + SZ_1M));
	/* From then on it is a container like any other: what is mapped again is new. */
	m.model.entries = MODEL_MAPPINGS;
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	m.model.entries = 1;
	ck_assert_int_ne(machine_activate(&m, 0, t, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "2 kernel mappings"));
	m.model.entries = MODEL_MAPPINGS;
	end();
}
END_TEST

START_TEST(what_may_be_of_other_memory_is_mapped_anew)
{
	uint8_t byte = 0xA5;

	crash_before(true);
	memset(machine_at(&m, MODEL_PA_A), 0x5A, SZ_64K);
	memset(machine_at(&m, MODEL_PA_B), 0x5A, SZ_64K);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B, SZ_64K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + SZ_1M, MODEL_PA_A, SZ_4K, model_ro), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(model_dma(&m.model, 0, VA, true, &byte, 1));
	ck_assert_uint_eq(*machine_at(&m, MODEL_PA_A), 0x5A);
	ck_assert_uint_eq(*machine_at(&m, MODEL_PA_B), 0xA5);
	ck_assert(!model_dma(&m.model, 0, VA + SZ_1M, true, &byte, 1));
	end();
}
END_TEST

START_TEST(a_device_that_nobody_wants_is_quiet_after_the_restart)
{
	crash();
	ck_assert(reaches(VA));
	ck_assert_int_eq(m.backend->ops->settle(m.backend, &why), 0);
	ck_assert(!m.model.devices[0].bus_master);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	end();
}
END_TEST

/* As systemctl restart: the old process says good-bye, and touches nothing. */
START_TEST(what_is_left_goes_on)
{
	machine_init(&m);
	t = machine_table(&m);
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.backend->ops->leave(m.backend);
	m.backend->ops->free(m.backend);
	vfio_format_free(m.format);
	ck_assert(reaches(VA) && reaches(VA + SZ_1M));
	ck_assert_uint_eq(m.model.n_gaps, 0);
	m.format = NULL;
	m.backend = NULL;
	machine_deinit(&m);
}
END_TEST

START_TEST(a_device_that_does_not_become_quiet_is_reported)
{
	crash();
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(m.backend->ops->settle(m.backend, &why), -EIO);
	ck_assert_ptr_nonnull(strstr(why.text, "group"));
	m.model.fail_in[MODEL_UNMAP] = 0;
	end();
}
END_TEST

/* The process between has taken over one mapping of two, and has died: that one costs a gap, and the other none. */
START_TEST(what_a_process_had_not_taken_over_yet_has_no_gap)
{
	crash();
	m.model.containers[0].mappings[0].given_up = true;
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_uint_eq(m.model.n_gaps, 1);
	ck_assert(reaches(VA) && reaches(VA + SZ_1M));
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	end();
}
END_TEST

START_TEST(a_kernel_that_hands_nothing_over_costs_a_gap)
{
	machine_init(&m);
	m.model.can_take_over = false;
	t = machine_table(&m);
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	machine_crash(&m);
	vfio_table_ops.free(t);
	machine_start(&m, true);
	t = machine_table(&m);
	map_two();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_uint_eq(m.model.n_gaps, 2);
	ck_assert(reaches(VA) && reaches(VA + SZ_1M));
	end();
}
END_TEST

SUITE_MAIN("vfio-restart", what_a_process_had_not_taken_over_yet_has_no_gap,
	   what_is_wanted_again_has_no_gap, what_is_not_wanted_goes_and_what_was_not_there_comes,
	   another_length_is_mapped_anew, a_mapping_in_the_way_goes, a_full_container_is_taken_over,
	   what_may_be_of_other_memory_is_mapped_anew,
	   a_device_that_nobody_wants_is_quiet_after_the_restart, what_is_left_goes_on,
	   a_device_that_does_not_become_quiet_is_reported,
	   a_kernel_that_hands_nothing_over_costs_a_gap)
