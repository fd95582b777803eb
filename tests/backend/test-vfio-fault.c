// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the kernel says of faults, as lines that Linux 6.1 was seen to write; and sources that are files.
 * Mutations that it was seen to catch: read and write exchanged; a record without its F bit told; the rid's halves
 * exchanged; a line cut in two by the end of a read lost; what a process calls itself taken for the line's; a mark that forgets
 * what is unread.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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
	ck_assert_uint_eq(found[0].at, 5112233);
	n = vfio_fault_parse_probe("x: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 lo0=0x7fffff000 "
				   "hi0=0xc000000600000a11",
				   found);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].rid, 0xa11);
	ck_assert_uint_eq(found[0].addr, 0x7fffff000);
	ck_assert(!found[0].write);
}
END_TEST

/* It is the process' that the interrupt came upon, and that has nothing to do with it. */
START_TEST(a_name_that_looks_like_a_line_is_a_name)
{
	unsigned int n = vfio_fault_parse_probe(
		" 9.9: fault: (x -7       [000] d.h1.  1234.000005: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 "
		"lo0=0x3000 hi0=0x8000000500000018",
		found);

	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].at, 1234000005);
	n = vfio_fault_parse_probe(
		" lo0=0x666000 -7       [000] d.h1.     5.112233: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 "
		"lo0=0x3000 hi0=0x8000000500000018",
		found);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].addr, 0x3000);
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

/* A pipe stands for the log. */
static struct vfio_faults *begin_log(int *out_fd)
{
	char log[128], counts[128];
	struct vfio_faults *f;

	ck_assert_ptr_nonnull(mkdtemp(root));
	in_root(log, sizeof(log), "kmsg");
	in_root(counts, sizeof(counts), "interrupts");
	ck_assert(!mkfifo(log, 0600));
	f = open_log(log, counts);
	*out_fd = open(log, O_WRONLY | O_CLOEXEC);
	return f;
}

static void end_log(struct vfio_faults *f, int fd)
{
	char log[128];

	close(fd);
	vfio_faults_free(f);
	in_root(log, sizeof(log), "kmsg");
	unlink(log);
	rmdir(root);
}

/* Lines come in pieces, and with others between. */
START_TEST(faults_are_read_as_they_come)
{
	struct vfio_faults *f;
	int fd;

	f = begin_log(&fd);
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
	end_log(f, fd);
}
END_TEST

static const char fault_line[] =
	"3,1,2,-;DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr "
	"0x5000 [fault reason 0x05] x\n";

/* What is unread is of before, as is what comes until it has been read; what comes when all has been is of after. */
START_TEST(a_mark_in_the_log_is_behind_what_is_unread)
{
	struct vfio_faults *f;
	uint64_t mark;
	int fd;

	f = begin_log(&fd);
	dprintf(fd, "%s", fault_line);
	mark = vfio_faults_mark(f);
	dprintf(fd, "%s%s", fault_line, fault_line);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_le(found[0].at, mark);
	/* The others are in the buffer now. */
	mark = vfio_faults_mark(f);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert(vfio_faults_next(f, found));
		ck_assert_uint_le(found[0].at, mark);
	}
	ck_assert(!vfio_faults_next(f, found));
	ck_assert_uint_ge(vfio_faults_mark(f), mark);
	mark = vfio_faults_mark(f);
	dprintf(fd, "%s", fault_line);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_gt(found[0].at, mark);
	ck_assert(!vfio_faults_next(f, found));
	end_log(f, fd);
}
END_TEST

/* --- a folder stands for the kernel's tracing, where our instance and its files are there already */

/* Of that name below the folder. */
static const char *ours(const char *name)
{
	static char path[256];

	ck_assert(snprintf(path, sizeof(path), "%s/instances/vcm_%d/%s", root, (int)getpid(),
			   name) < (int)sizeof(path));
	return path;
}

static const char *beside(const char *name)
{
	static char path[128];

	in_root(path, sizeof(path), name);
	return path;
}

static void new_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static bool is_in(const char *text, const char *path)
{
	char all[2048];
	FILE *f = fopen(path, "re");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(all, 1, sizeof(all) - 1, f);
	all[n] = 0;
	fclose(f);
	return strstr(all, text);
}

static void new_tracing(void)
{
	char events[64], fault[96], enable[128];

	snprintf(events, sizeof(events), "events/vcm_%d", (int)getpid());
	snprintf(fault, sizeof(fault), "%s/fault", events);
	snprintf(enable, sizeof(enable), "%s/enable", fault);
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert(!mkdir(beside("dmar0"), 0700) && !mkdir(beside("dmar0/intel-iommu"), 0700));
	new_file(beside("dmar0/intel-iommu/cap"), "d2008c222f0686\n");
	new_file(beside("kprobe_events"), "");
	ck_assert(!mkdir(beside("instances"), 0700) && !mkdir(ours(""), 0700));
	ck_assert(!mkdir(ours("events"), 0700) && !mkdir(ours(events), 0700));
	ck_assert(!mkdir(ours(fault), 0700));
	new_file(ours(enable), "");
	new_file(ours("trace_clock"), "");
	ck_assert(!mkfifo(ours("trace_pipe"), 0600));
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void trace(int fd, uint64_t us)
{
	dprintf(fd,
		"          <idle>-0       [000] d.h1. %5llu.%06llu: fault: (dmar_fault+0x0/0x2a0) fsts=0x2 "
		"lo0=0x2000000 hi0=0x8000000500000018\n",
		(unsigned long long)us / 1000000, (unsigned long long)us % 1000000);
}

START_TEST(a_probe_has_the_clock_of_its_marks)
{
	struct vfio_faults_config config = { .tracing = root, .iommus = root, .log = "/nowhere" };
	struct vfio_faults *f = NULL;
	struct timespec now;
	struct reason why;
	uint64_t mark;
	int fd;

	new_tracing();
	ck_assert_int_eq(vfio_faults_open(&config, &f, &why), 0);
	ck_assert_int_eq(vfio_faults_source(f), VFIO_FAULTS_PROBE);
	ck_assert(is_in("mono", ours("trace_clock")));
	ck_assert(is_in("/fault dmar_fault fsts=", beside("kprobe_events")));
	fd = open(ours("trace_pipe"), O_WRONLY | O_CLOEXEC);
	clock_gettime(CLOCK_MONOTONIC, &now);
	mark = vfio_faults_mark(f);
	ck_assert_uint_ge(mark, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ck_assert_uint_le(mark, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + 1);
	/* Late, and not of after. */
	trace(fd, mark);
	trace(fd, mark + 1);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_eq(found[0].at, mark);
	ck_assert(vfio_faults_next(f, found));
	ck_assert_uint_eq(found[0].at, mark + 1);
	ck_assert(!vfio_faults_next(f, found));
	close(fd);
	vfio_faults_free(f);
	ck_assert(is_in("-:vcm_", beside("kprobe_events")));
	ck_assert_int_eq(nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}
END_TEST

/* Without it nobody could tell what is late: then it is the log. */
START_TEST(a_probe_without_that_clock_is_none)
{
	struct vfio_faults_config config = { .tracing = root, .iommus = root, .log = "/nowhere" };
	struct vfio_faults *f = NULL;
	struct reason why;

	new_tracing();
	unlink(ours("trace_clock"));
	ck_assert_int_eq(vfio_faults_open(&config, &f, &why), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(why.text, "trace_clock"));
	ck_assert(is_in("-:vcm_", beside("kprobe_events")));
	ck_assert_int_eq(nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
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
	   a_name_that_looks_like_a_line_is_a_name, a_mark_in_the_log_is_behind_what_is_unread,
	   a_probe_has_the_clock_of_its_marks, a_probe_without_that_clock_is_none,
	   every_record_that_holds_a_fault_is_told, other_lines_tell_nothing,
	   a_line_of_the_log_tells_the_same, faults_are_read_as_they_come,
	   without_any_source_the_reasons_are_told)
