// SPDX-License-Identifier: BSD-3-Clause
/*
 * The VFIO backend on a model of the kernel. What a device can reach is asked of the device, byte by byte.
 * Mutations that it was seen to catch: no unmap on deactivation; bus master left on; a run mapped read-write for read-only;
 * the second piece of a run at the first's address.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/vfio/fault.h"
#include "tests/backend/vfio-stage.h"
#include "tests/suite.h"

static unsigned int faults(unsigned int device)
{
	unsigned int n = m.model.devices[device].n_faults;

	m.model.devices[device].n_faults = 0;
	return n;
}

START_TEST(a_device_reaches_what_is_mapped_while_it_is_active)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K, model_rw), 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	ck_assert_uint_eq(faults(0), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(reaches(0, VA + SZ_64K - 1, MODEL_PA_A + SZ_64K - 1));
	ck_assert(!reaches(0, VA + SZ_64K, MODEL_PA_A + SZ_64K));
	ck_assert_uint_eq(faults(0), 1);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	ck_assert(!m.model.devices[0].bus_master);
	m.model.devices[0].bus_master = true;
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	teardown();
}
END_TEST

START_TEST(what_is_mapped_and_unmapped_later_follows)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + SZ_4K, MODEL_PA_A + SZ_4K, SZ_4K, model_rw), 0);
	ck_assert(reaches(0, VA, MODEL_PA_A) && reaches(0, VA + SZ_4K, MODEL_PA_A + SZ_4K));
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, SZ_4K), 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	ck_assert(reaches(0, VA + SZ_4K, MODEL_PA_A + SZ_4K));
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert(reaches(0, VA, MODEL_PA_B));
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, 2 * SZ_4K), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	teardown();
}
END_TEST

START_TEST(neighbours_are_one_kernel_mapping_as_far_as_they_are_neighbours_here)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, MODEL_ARENA_LEN, model_rw), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, MODEL_ARENA_LEN), 0);
	/* Across two arenas. */
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B - SZ_4K, 3 * SZ_4K, model_rw), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 2);
	ck_assert(reaches(0, VA, MODEL_PA_B - SZ_4K));
	ck_assert(reaches(0, VA + SZ_4K, MODEL_PA_B));
	ck_assert(reaches(0, VA + 3 * SZ_4K - 1, MODEL_PA_B + 2 * SZ_4K - 1));
	teardown();
}
END_TEST

START_TEST(nothing_is_unmapped_in_part)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K, model_rw), 0);
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA, SZ_4K), -EINVAL);
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA + SZ_4K, SZ_64K - SZ_4K), -EINVAL);
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_4K, model_ro), -EINVAL);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert_int_eq(machine_map(t, VA + SZ_4K, MODEL_PA_A, SZ_4K, model_rw), -EEXIST);
	ck_assert_int_eq(vfio_table_ops.unmap(t, VA - SZ_4K, SZ_64K + 2 * SZ_4K), 0);
	teardown();
}
END_TEST

START_TEST(permissions_hold_and_change)
{
	uint8_t byte = 0;

	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	*machine_at(&m, MODEL_PA_A) = 7;
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_ro), 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	ck_assert(model_dma(&m.model, 0, VA, false, &byte, 1));
	ck_assert_uint_eq(byte, 7);
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_4K, model_rw), 0);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert_int_eq(vfio_table_ops.protect(t, VA, SZ_4K, (struct map_attr){ .execute = true }),
			 0);
	ck_assert(!reaches(0, VA, MODEL_PA_A));
	ck_assert(model_dma(&m.model, 0, VA, false, &byte, 1));
	teardown();
}
END_TEST

START_TEST(attributes_that_change_nothing_leave_no_gap)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(vfio_table_ops.protect(
				 t, VA, SZ_4K,
				 (struct map_attr){ .read = true, .write = true, .cache = 4 }),
			 0);
	ck_assert_uint_eq(m.model.n_gaps, 0);
	teardown();
}
END_TEST

START_TEST(a_switch_has_the_one_or_the_other)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(other, VA, MODEL_PA_B, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(reaches(0, VA, MODEL_PA_A));
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, other, HALF_LOW, 0, &why), 0);
	ck_assert(reaches(0, VA, MODEL_PA_B));
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	/* The bus master was off while nothing was mapped. */
	ck_assert_uint_eq(m.model.n_gaps, 0);
	teardown();
}
END_TEST

START_TEST(devices_of_one_group_share_one_table_or_wait)
{
	setup();
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert(!reaches(2, VA, MODEL_PA_A));
	ck_assert_int_eq(machine_activate(&m, 2, other, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "shares group 6"));
	ck_assert_int_eq(machine_activate(&m, 2, t, &why), 0);
	ck_assert(reaches(2, VA, MODEL_PA_A));
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 2, other, HALF_LOW, 0, &why), -EBUSY);
	ck_assert_int_eq(machine_deactivate(&m, 1, &why), 0);
	ck_assert(!reaches(1, VA, MODEL_PA_A));
	ck_assert(reaches(2, VA, MODEL_PA_A));
	ck_assert_int_eq(machine_deactivate(&m, 2, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 1), 0);
	ck_assert_int_eq(machine_activate(&m, 2, other, &why), 0);
	teardown();
}
END_TEST

START_TEST(a_table_is_in_every_container_or_in_none)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert(reaches(0, VA, MODEL_PA_A) && reaches(1, VA, MODEL_PA_A));
	m.model.fail_in[MODEL_MAP] = 2;
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_B, SZ_4K, model_rw), -ENOMEM);
	m.model.fail_in[MODEL_MAP] = 0;
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	ck_assert_uint_eq(model_count(&m.model, 1), 1);
	/* The second run of a map of two fails: the first goes too. */
	m.model.fail_in[MODEL_MAP] = 3;
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_B - SZ_4K, 2 * SZ_4K, model_rw),
			 -ENOMEM);
	m.model.fail_in[MODEL_MAP] = 0;
	ck_assert_uint_eq(model_count(&m.model, 0), 1);
	ck_assert_uint_eq(model_count(&m.model, 1), 1);
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_B - SZ_4K, 2 * SZ_4K, model_rw), 0);
	teardown();
}
END_TEST

START_TEST(addresses_that_the_iommu_cannot_map_are_refused)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, 0xfee00000, MODEL_PA_A, SZ_4K, model_rw), -EINVAL);
	vfio_table_ops.explain(t, &why);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot map 0xfee00000 .. 0xfee00fff"));
	ck_assert_int_eq(machine_map(t, 0xfedff000, MODEL_PA_A, 2 * SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, UINT64_C(1) << 39, MODEL_PA_A, SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, UINT64_C(1) << 52, MODEL_PA_A, SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, VA, 0x1000, SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, 0xfef00000, MODEL_PA_A, SZ_4K, model_rw), 0);
	teardown();
}
END_TEST

START_TEST(each_limit_says_which_it_is_and_what_is_left)
{
	setup();
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	m.model.entries = 1;
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_A, SZ_4K, model_rw), -ENOMEM);
	vfio_table_ops.explain(t, &why);
	ck_assert_ptr_nonnull(strstr(why.text, "group 5 has 0 kernel mappings left"));
	m.model.entries = MODEL_MAPPINGS;
	m.model.pin_limit = SZ_64K;
	ck_assert_int_eq(machine_map(t, VA + SZ_64K, MODEL_PA_A, SZ_64K, model_rw), -ENOMEM);
	vfio_table_ops.explain(t, &why);
	ck_assert_ptr_nonnull(
		strstr(why.text, "cannot pin 0x10000 bytes for group 5: 0xf000 are left"));
	ck_assert_uint_eq(vfio_entries_left(m.backend, 0), MODEL_MAPPINGS - 1);
	teardown();
}
END_TEST

START_TEST(a_kernel_that_unmaps_ranges_only_is_asked_for_all_of_them)
{
	setup();
	m.model.ranges_only = true;
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_uint_eq(model_count(&m.model, 0), 0);
	teardown();
}
END_TEST

START_TEST(an_iommu_of_larger_pages_is_asked_for_no_smaller_ones)
{
	struct backend_caps caps;

	setup();
	m.backend->ops->caps(m.backend, &caps);
	ck_assert_uint_eq(caps.page_sizes, 0x40201000);
	machine_crash(&m);
	m.model.page_sizes = SZ_64K | SZ_2M;
	machine_start(&m, false);
	m.backend->ops->caps(m.backend, &caps);
	ck_assert_uint_eq(caps.page_sizes, SZ_64K | SZ_2M);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, VA + SZ_4K, MODEL_PA_A, SZ_64K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_64K, model_rw), 0);
	teardown();
}
END_TEST

START_TEST(a_kernel_that_tells_of_no_apertures_maps_what_the_format_has)
{
	setup();
	machine_crash(&m);
	m.model.n_apertures = 0;
	machine_start(&m, false);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, 0xfee00000, MODEL_PA_A, SZ_4K, model_rw), 0);
	ck_assert_int_eq(machine_map(t, (UINT64_C(1) << 52) - SZ_4K, MODEL_PA_B, SZ_4K, model_rw),
			 0);
	ck_assert_int_eq(machine_map(t, UINT64_C(1) << 52, MODEL_PA_B, SZ_4K, model_rw), -EINVAL);
	teardown();
}
END_TEST

START_TEST(a_device_is_no_bus_master_before_nor_after)
{
	setup();
	machine_crash(&m);
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		m.model.devices[i].bus_master = true;
	machine_start(&m, false);
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		ck_assert(!m.model.devices[i].bus_master);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(m.model.devices[0].bus_master);
	m.backend->ops->free(m.backend);
	m.backend = NULL;
	ck_assert(!m.model.devices[0].bus_master);
	vfio_table_ops.free(t);
	vfio_table_ops.free(other);
	machine_deinit(&m);
}
END_TEST

/* --- faults --- */

/* A pipe stands for the kernel's log. */
static int machine_with_faults(bool inherited)
{
	char root[] = "/tmp/test-vfio-XXXXXX", log[64];
	struct vfio_faults_config config = { .tracing = "/nowhere", .iommus = root, .log = log };
	int fd;

	setup();
	machine_crash(&m);
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(log, sizeof(log), "%s/kmsg", root);
	ck_assert_int_eq(mkfifo(log, 0600), 0);
	ck_assert_int_eq(vfio_faults_open(&config, &m.faults, &why), 0);
	fd = open(log, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	machine_start(&m, inherited);
	ck_assert_int_eq(unlink(log), 0);
	ck_assert_int_eq(rmdir(root), 0);
	return fd;
}

static void log_fault(int fd, const char *how, unsigned int rid, uint64_t addr)
{
	dprintf(fd,
		"3,1,2,-;DMAR: [DMA %s NO_PASID] Request device [%02x:%02x.%x] fault addr 0x%" PRIx64
		" [fault reason 0x05] x\n",
		how, rid >> 8, rid >> 3 & 31, rid & 7, addr);
}

START_TEST(a_fault_is_told_of_whose_it_is_and_says_whether_it_was_mapped)
{
	int fd = machine_with_faults(false);
	struct fault fault;

	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, SZ_4K, model_ro), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 0);
	log_fault(fd, "Write", 0x777, VA); /* a stranger's */
	log_fault(fd, "Write", 0x19, VA);
	log_fault(fd, "Read", 0x19, VA + SZ_4K);
	log_fault(fd, "Read", 0x18, VA);
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 1);
	ck_assert(fault.context == 1 && fault.addr == VA && fault.write && fault.permission);
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 1);
	ck_assert(fault.context == 1 && fault.addr == VA + SZ_4K && !fault.write);
	ck_assert(!fault.permission);
	/* Nothing is mapped for a device that is not active. */
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 1);
	ck_assert(fault.context == 0 && !fault.permission && fault.fsr == 5);
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 0);
	close(fd);
	teardown();
}
END_TEST

static struct fault next_fault(void)
{
	struct fault fault;

	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 1);
	return fault;
}

START_TEST(a_fault_of_the_one_before_is_not_told_as_the_next_ones)
{
	int fd = machine_with_faults(false);
	struct fault fault;

	ck_assert_int_eq(machine_map(other, VA, MODEL_PA_A, SZ_4K, model_ro), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	log_fault(fd, "Write", 0x18, VA);
	log_fault(fd, "Write", 0x19, VA);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 0, other, &why), 0);
	fault = next_fault();
	ck_assert(fault.context == 0 && fault.former && !fault.permission && fault.addr == VA);
	/* That one is where it was. */
	fault = next_fault();
	ck_assert(fault.context == 1 && !fault.former);
	ck_assert_int_eq(m.backend->ops->fault_next(m.backend, &fault), 0);
	log_fault(fd, "Write", 0x18, VA);
	fault = next_fault();
	ck_assert(fault.context == 0 && !fault.former && fault.permission);
	log_fault(fd, "Write", 0x18, VA);
	ck_assert_int_eq(m.backend->ops->replace(m.backend, 0, t, HALF_LOW, 0, &why), 0);
	ck_assert(next_fault().former);
	close(fd);
	teardown();
}
END_TEST

/* As of two segments. */
START_TEST(a_fault_that_may_be_anothers_is_told_to_nobody)
{
	int fd;

	m.same_rid = true;
	fd = machine_with_faults(false);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 0, other, &why), 0);
	log_fault(fd, "Write", 0x18, VA);
	log_fault(fd, "Write", 0x19, VA);
	ck_assert_int_eq(next_fault().former, true);
	ck_assert_int_eq(next_fault().former, false);
	m.same_rid = false;
	close(fd);
	teardown();
}
END_TEST

/* The device has been at work all the while, for what is activated again. */
START_TEST(a_fault_of_a_device_that_goes_on_is_told_to_whom_it_goes_on_for)
{
	int fd = machine_with_faults(true);

	log_fault(fd, "Write", 0x18, VA);
	log_fault(fd, "Write", 0x19, VA);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(m.backend->ops->settle(m.backend, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 1, t, &why), 0);
	ck_assert(!next_fault().former);
	ck_assert(next_fault().former);
	log_fault(fd, "Write", 0x18, VA);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert(next_fault().former);
	close(fd);
	teardown();
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	const struct backend_ops *ops;

	setup();
	ops = m.backend->ops;
	ck_assert_int_eq(machine_activate(&m, MODEL_DEVICES, t, &why), -EINVAL);
	ck_assert_int_eq(ops->activate(m.backend, 0, t, HALF_HIGH, 0, &why), -EINVAL);
	ck_assert_int_eq(ops->activate(m.backend, 0, t, HALF_LOW, 1, &why), -EINVAL);
	ck_assert_int_eq(machine_deactivate(&m, 0, &why), -ENOENT);
	ck_assert_int_eq(ops->replace(m.backend, 0, t, HALF_LOW, 0, &why), -ENOENT);
	ck_assert_int_eq(ops->fault_resume(m.backend, 0, true), -ENOENT);
	ck_assert_int_eq(ops->context_by_name(m.backend, "nobody"), -ENOENT);
	ck_assert_int_eq(ops->context_by_name(m.backend, "right"), 2);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_activate(&m, 0, other, &why), -EBUSY);
	ck_assert_int_eq(machine_map(t, VA + 1, MODEL_PA_A, SZ_4K, model_rw), -EINVAL);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_A, 0, model_rw), -EINVAL);
	teardown();
}
END_TEST

START_TEST(translate_says_what_the_device_would_read)
{
	uint64_t pa = 0;

	setup();
	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, VA, &pa), -ENOENT);
	ck_assert_int_eq(machine_activate(&m, 0, t, &why), 0);
	ck_assert_int_eq(machine_map(t, VA, MODEL_PA_B - SZ_4K, 2 * SZ_4K, model_rw), 0);
	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, VA + SZ_4K + 5, &pa), 0);
	ck_assert_uint_eq(pa, MODEL_PA_B + 5);
	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, VA + 2 * SZ_4K, &pa), -EFAULT);
	ck_assert_int_eq(machine_map(t, VA + SZ_1M, MODEL_PA_A, SZ_4K,
				     (struct map_attr){ .write = true, .user = true }),
			 0);
	ck_assert_int_eq(m.backend->ops->translate(m.backend, 0, VA + SZ_1M, &pa), -EFAULT);
	teardown();
}
END_TEST

SUITE_MAIN("vfio", a_device_reaches_what_is_mapped_while_it_is_active,
	   what_is_mapped_and_unmapped_later_follows,
	   neighbours_are_one_kernel_mapping_as_far_as_they_are_neighbours_here,
	   nothing_is_unmapped_in_part, permissions_hold_and_change,
	   attributes_that_change_nothing_leave_no_gap, a_switch_has_the_one_or_the_other,
	   devices_of_one_group_share_one_table_or_wait, a_table_is_in_every_container_or_in_none,
	   addresses_that_the_iommu_cannot_map_are_refused,
	   each_limit_says_which_it_is_and_what_is_left,
	   an_iommu_of_larger_pages_is_asked_for_no_smaller_ones,
	   a_kernel_that_tells_of_no_apertures_maps_what_the_format_has,
	   a_device_is_no_bus_master_before_nor_after,
	   a_fault_is_told_of_whose_it_is_and_says_whether_it_was_mapped,
	   a_fault_of_the_one_before_is_not_told_as_the_next_ones,
	   a_fault_that_may_be_anothers_is_told_to_nobody,
	   a_fault_of_a_device_that_goes_on_is_told_to_whom_it_goes_on_for,
	   what_makes_no_sense_is_refused, translate_says_what_the_device_would_read,
	   a_kernel_that_unmaps_ranges_only_is_asked_for_all_of_them)
