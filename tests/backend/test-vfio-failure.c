// SPDX-License-Identifier: BSD-3-Clause
/*
 * The VFIO backend when the kernel refuses: what the container may hold, and what the backend takes it to have, is the same at
 * every moment.
 * Mutations that it was seen to catch: the old table not given back after a failed switch; a table taken from the container
 * whose mappings do not go.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "tests/backend/vfio-stage.h"

START_TEST(old_attributes_come_back_when_new_ones_are_refused)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_4K, model_ro), -EIO);
	m.model.fail_in[MODEL_UNMAP] = 0;
	ck_assert(reaches(0, VA, MODEL_PA_A));
	teardown();
}
END_TEST

START_TEST(a_switch_that_fails_leaves_the_old_one)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_int_eq(machine_map(other, VA + i * SZ_64K, MODEL_PA_B, SZ_4K, model_rw),
				 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.entries = 4;
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(why.text, "8 kernel mappings, and group 5 has 4 left"));
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert(!reaches(0, VA + SZ_64K, MODEL_PA_B));
	m.model.entries = MODEL_MAPPINGS;
	m.model.pin_limit = SZ_4K;
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), -ENOMEM);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	teardown();
}
END_TEST

START_TEST(an_unmap_that_fails_keeps_the_address_for_ever)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, SZ_4K), -EIO);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B, SZ_4K, model_rw), -EEXIST);
	/* Nor is the device let go, which may reach it: but it is quiet. */
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), -EIO);
	ck_assert(!m.model.devices[0].bus_master);
	m.model.fail_in[MODEL_UNMAP] = 0;
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	teardown();
}
END_TEST

START_TEST(a_device_that_is_not_quiet_is_not_let_go)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = 1;
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), -EIO);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = 0;
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = 1;
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), -EIO);
	m.model.fail_in[MODEL_BUS_MASTER] = 0;
	ck_assert(reaches(0, VA, MODEL_PA_A));
	teardown();
}
END_TEST

START_TEST(a_switch_that_leaves_no_bus_master_is_taken_back)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(other, VA, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = 2;
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), -EIO);
	m.model.fail_in[MODEL_BUS_MASTER] = 0;
	m.model.devices[0].bus_master = true;
	ck_assert(reaches(0, VA, MODEL_PA_A));
	teardown();
}
END_TEST

/* It has been pulled out, or has lost its link; its group has been given back all the same. */
START_TEST(a_device_that_does_not_answer_is_let_go_without_its_mappings)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 2, t, &why), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = 1;
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	/* As long as another of its group is at work, it cannot be told from that. */
	ck_assert_int_eq(machine_deactivate(&m, 1, &why), -EIO);
	m.model.fail_in[MODEL_BUS_MASTER] = 0;
	teardown();
}
END_TEST

/* Two groups; the second refuses the map, and the first does not let go of it. */
START_TEST(a_mapping_that_cannot_be_taken_back_is_known)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	m.model.fail_in[MODEL_MAP] = 2;
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), -EIO);
	m.model.fail_in[MODEL_MAP] = m.model.fail_in[MODEL_UNMAP] = 0;
	ck_assert_ptr_nonnull(vfio_table_find((struct vfio_table *)(void *)t, VA));
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B, SZ_4K, model_rw), -EEXIST);
	/* The first piece of two does not go. */
	m.model.fail_in[MODEL_MAP] = 3;
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_B - SZ_4K, 2 * SZ_4K, model_rw),
			 -EIO);
	m.model.fail_in[MODEL_MAP] = m.model.fail_in[MODEL_UNMAP] = 0;
	teardown();
}
END_TEST

START_TEST(old_attributes_come_back_when_the_new_mapping_is_refused)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.fails_once[MODEL_MAP] = 1;
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_64K, model_ro), -ENOMEM);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_64K, model_ro), 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	teardown();
}
END_TEST

START_TEST(a_switch_that_fails_there_and_back_leaves_nothing_in_reach)
{
	uint64_t pa;

	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(other, VA, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.fail_in[MODEL_MAP] = 1;
	ck_assert_int_lt(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), 0);
	m.model.fail_in[MODEL_MAP] = 0;
	ck_assert(!reaches(0, VA, MODEL_PA_A) && !reaches(0, VA, MODEL_PA_B));
	/* It is active on the old one still, as far as that is known. */
	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, VA, &pa), 0);
	ck_assert_uint_eq(pa, MODEL_PA_A);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 0, other, &why), 0);
	ck_assert(reaches(0, VA, MODEL_PA_B));
	teardown();
}
END_TEST

/* An activation and a map, each with a failure at its first, second... allocation: all of it, or nothing. */
START_TEST(a_map_without_memory_changes_nothing)
{
	bool done = false;

	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	for (size_t n = 1; !done; n++) {
		int r;

		mem_fail_nth(n);
		r = machine_map(t, VA, MODEL_PA_B - SZ_4K, 2 * SZ_4K, model_rw);
		done = !mem_fail_fired();
		ck_assert_int_eq(r, done ? 0 : -ENOMEM);
		ck_assert_uint_eq(model_count(&m.model, 0), done ? 2 : 0);
	}
	teardown();
}
END_TEST

/* The device becomes no bus master again after the switch: what is the number of that call. */
#define NO_BUS_MASTER_AFTER 2

static int switch_in_vain(void)
{
	m.model.fail_in[MODEL_BUS_MASTER] = NO_BUS_MASTER_AFTER;
	return m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why);
}

static void active_on_one_of_two(void)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(other, VA, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(other, VA + SZ_64K, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
}

static uint64_t active_at(uint64_t va)
{
	uint64_t pa = 0;

	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, va, &pa), 0);
	return pa;
}

static void heal(void)
{
	for (int call = 0; call < MODEL_CALLS; call++)
		m.model.fail_in[call] = m.model.fails_once[call] = 0;
}

/* Then it is let go, and nothing is left. */
static void is_held_and_quiet(uint64_t pa)
{
	ck_assert(!m.model.devices[0].bus_master);
	ck_assert_uint_eq(active_at(VA), pa);
	heal();
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	teardown();
}

/* The container has the new vcm's mappings: so the new vcm is what is active, and its memory is held. */
START_TEST(a_switch_that_cannot_be_taken_back_has_been_made)
{
	active_on_one_of_two();
	m.model.fail_in[MODEL_UNMAP] = 2;
	ck_assert_int_eq(switch_in_vain(), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), -EIO);
	is_held_and_quiet(MODEL_PA_B);
}
END_TEST

START_TEST(a_switch_back_that_finds_no_room_leaves_the_new_one)
{
	active_on_one_of_two();
	m.model.fails_once[MODEL_MAP] = 3;
	ck_assert_int_eq(switch_in_vain(), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	is_held_and_quiet(MODEL_PA_B);
}
END_TEST

/* One mapping of two was made and does not go. */
START_TEST(a_switch_that_stops_half_way_has_been_made)
{
	active_on_one_of_two();
	m.model.fail_in[MODEL_MAP] = 2;
	m.model.fail_in[MODEL_UNMAP] = 2;
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	is_held_and_quiet(MODEL_PA_B);
}
END_TEST

START_TEST(an_activation_that_cannot_be_taken_back_has_been_made)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	m.model.fail_in[MODEL_BUS_MASTER] = m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	is_held_and_quiet(MODEL_PA_A);
}
END_TEST

START_TEST(an_activation_that_stops_half_way_has_been_made)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_B, SZ_4K, model_rw), 0);
	m.model.fail_in[MODEL_MAP] = 2;
	m.model.fail_in[MODEL_UNMAP] = 1;
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	is_held_and_quiet(MODEL_PA_A);
}
END_TEST

SUITE_MAIN("vfio-failure", old_attributes_come_back_when_new_ones_are_refused,
	   a_switch_that_fails_leaves_the_old_one, an_unmap_that_fails_keeps_the_address_for_ever,
	   a_device_that_is_not_quiet_is_not_let_go,
	   a_switch_that_leaves_no_bus_master_is_taken_back,
	   a_device_that_does_not_answer_is_let_go_without_its_mappings,
	   a_mapping_that_cannot_be_taken_back_is_known,
	   old_attributes_come_back_when_the_new_mapping_is_refused,
	   a_switch_that_fails_there_and_back_leaves_nothing_in_reach,
	   a_map_without_memory_changes_nothing, a_switch_that_cannot_be_taken_back_has_been_made,
	   a_switch_back_that_finds_no_room_leaves_the_new_one,
	   a_switch_that_stops_half_way_has_been_made,
	   an_activation_that_cannot_be_taken_back_has_been_made,
	   an_activation_that_stops_half_way_has_been_made)
