// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the kernel says of faults, as lines that Linux 6.1 was seen to write; and sources that are files.
 * Mutations that it was seen to catch: read and write exchanged; a record without its F bit told; the rid's halves
 * exchanged; a line cut in two by the end of a read lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/vfio/fault.h"
#include "tests/suite.h"

static struct vfio_fault found[VFIO_FAULT_RECORDS];

START_TEST(a_probe_tells_who_where_what_and_why)
{
	unsigned int n = vfio_fault_parse_probe(
		"          <idle>-0       [000] d.h1.     5.112233: fault: (dmar_fault+0x0/0x2a0) "
		"fsts=0x2 lo0=0x2000000 hi0=0x8000000500000018",
		found);

	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].rid, 0x18);
	ck_assert_uint_eq(found[0].addr, 0x2000000);
	ck_assert_uint_eq(found[0].reason, 5);
	ck_assert(found[0].write);
	n = vfio_fault_parse_probe("x: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 lo0=0x7fffff000 "
				   "hi0=0xc000000600000a11",
				   found);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].rid, 0xa11);
	ck_assert_uint_eq(found[0].addr, 0x7fffff000);
	ck_assert(!found[0].write);
}
END_TEST

START_TEST(every_record_that_holds_a_fault_is_told)
{
	unsigned int n = vfio_fault_parse_probe(
		"x: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 lo0=0x1000 hi0=0x8000000500000018 lo1=0x2000 "
		"hi1=0x0000000500000018 lo2=0x3000 hi2=0xc000000600000020",
		found);

	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(found[0].addr, 0x1000);
	ck_assert_uint_eq(found[1].addr, 0x3000);
	ck_assert_uint_eq(found[1].rid, 0x20);
}
END_TEST

START_TEST(other_lines_tell_nothing)
{
	static const char *const lines[] = {
		"",
		"#",
		"x: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 lo0=0x1000",
		"CPU:0 [LOST 5 EVENTS]",
		"6,1,2,-;DMAR: IOMMU enabled",
		"3,1,2,-;DMAR: [DMA Write NO_PASID] Request device [00:03.0]",
		"3,1,2,-;DMAR: [INTR-REMAP] Request device [00:03.0] fault index 0x0 [fault reason 0x22]",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		ck_assert_uint_eq(vfio_fault_parse_probe(lines[i], found), 0);
		ck_assert(!vfio_fault_parse_log(lines[i], found));
	}
}
END_TEST

START_TEST(a_line_of_the_log_tells_the_same)
{
	ck_assert(vfio_fault_parse_log(
		"3,512,4123456,-;DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr "
		"0x2000000 [fault reason 0x05] PTE Write access is not set",
		found));
	ck_assert_uint_eq(found[0].rid, 0x18);
	ck_assert_uint_eq(found[0].addr, 0x2000000);
	ck_assert_uint_eq(found[0].reason, 5);
	ck_assert(found[0].write);
	/* As older kernels have it. */
	ck_assert(vfio_fault_parse_log("3,5,4,-;DMAR: [DMA Read] Request device [0a:02.1] PASID "
				       "ffffffff fault addr 7fffff000 [fault reason 06] PTE Read",
				       found));
	ck_assert_uint_eq(found[0].rid, 0xa11);
	ck_assert_uint_eq(found[0].addr, 0x7fffff000);
	ck_assert(!found[0].write);
}
END_TEST

static char root[] = "/tmp/test-vfio-fault-XXXXXX";

static void in_root(char *path, size_t len, const char *name)
{
	ck_assert(snprintf(path, len, "%s/%s", root, name) < (int)len);
}

static struct vfio_faults *open_log(const char *log, const char *counts)
{
	struct vfio_faults_config config = {
		.tracing = root, .iommus = root, .log = log, .counts = counts
	};
	struct vfio_faults *f = NULL;
	struct reason why;

	ck_assert_int_eq(vfio_faults_open(&config, &f, &why), 0);
	return f;
}

/* A pipe stands for the log: lines come in pieces, and with others between. */
START_TEST(faults_are_read_as_they_come)
{
	char log[128], counts[128];
	struct vfio_faults *f;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(root));
	in_root(log, sizeof(log), "kmsg");
	in_root(counts, sizeof(counts), "interrupts");
	ck_assert(!mkfifo(log, 0600));
	f = open_log(log, counts);
	fd = open(log, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(vfio_faults_source(f), VFIO_FAULTS_LOG);
	ck_assert(!vfio_faults_next(f, found));
	dprintf(fd, "6,1,2,-;something else\n3,1,2,-;DMAR: [DMA Write NO_PASID] Request ");
	ck_assert(!vfio_faults_next(f, found));
	dprintf(fd, "device [00:03.0] fault addr 0x5000 [fault reason 0x05] x\n"
		    "3,1,2,-;DMAR: [DMA Read NO_PASID] Request device [00:04.0] fault addr 0x6000 "
		    "[fault reason 0x06] x\n");
	ck_assert_int_eq(poll(&(struct pollfd){ vfio_faults_fd(f), POLLIN, 0 }, 1, 0), 1);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_eq(found[0].addr, 0x5000);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_eq(found[0].addr, 0x6000);
	ck_assert(!vfio_faults_next(f, found));
	ck_assert_int_eq(poll(&(struct pollfd){ vfio_faults_fd(f), POLLIN, 0 }, 1, 0), 0);
	close(fd);
	vfio_faults_free(f);
	unlink(log);
	rmdir(root);
}
END_TEST

START_TEST(without_any_source_the_reasons_are_told)
{
	struct vfio_faults_config config = { .tracing = "/nowhere",
					     .iommus = "/nowhere",
					     .log = "/nowhere/kmsg" };
	struct vfio_faults *f = NULL;
	struct reason why;

	ck_assert_int_eq(vfio_faults_open(&config, &f, &why), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(why.text, "no Intel IOMMU"));
	ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/kmsg"));
	ck_assert_ptr_null(f);
}
END_TEST

SUITE_MAIN("vfio-fault", a_probe_tells_who_where_what_and_why,
	   every_record_that_holds_a_fault_is_told, other_lines_tell_nothing,
	   a_line_of_the_log_tells_the_same, faults_are_read_as_they_come,
	   without_any_source_the_reasons_are_told)
