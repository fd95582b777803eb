// SPDX-License-Identifier: BSD-3-Clause
/*
 * Registers and interrupts through VFIO: on files in place of the device's, with the kernel's answers made up. That the kernel
 * answers so is proven in a virtual machine (tests/e2e/arm64).
 * Mutations that it was seen to catch: the region's offset ignored; an AUTOMASKED interrupt not let through; interrupts left
 * on at the end; one of the files of a group taken without the others.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/vfio/platform.h"
#include "base/mem.h"
#include "tests/suite.h"

#define N_IRQS 4
#define REGION_AT 0x10000u
#define REGION_LEN 0x20000u

static struct reason why;

/* --- the device ----------------------------------------------------------------------------------------------------------- */

enum call { INFO, REGION, IRQ, SET_IRQ, UNMASK, CALLS };

static struct {
	int fd;
	unsigned int n_regions, n_irqs;
	struct platform_region region; /* number 1; number 0 is empty */
	struct platform_irq irqs[N_IRQS];
	int eventfds[N_IRQS]; /* as set; -1 */
	bool masked[N_IRQS];
	unsigned int n_unmasks;
	bool fails[CALLS];
} device;

static int op_info(int fd, unsigned int *out_n_regions, unsigned int *out_n_irqs)
{
	ck_assert_int_eq(fd, device.fd);
	*out_n_regions = device.n_regions;
	*out_n_irqs = device.n_irqs;
	return device.fails[INFO] ? -ENODEV : 0;
}

static int op_region(int fd, unsigned int index, struct platform_region *out)
{
	ck_assert_int_eq(fd, device.fd);
	ck_assert_uint_lt(index, device.n_regions);
	*out = index == 1 ? device.region : (struct platform_region){ 0 };
	return device.fails[REGION] ? -EINVAL : 0;
}

static int op_irq(int fd, unsigned int index, struct platform_irq *out)
{
	ck_assert_int_eq(fd, device.fd);
	*out = device.irqs[index];
	return device.fails[IRQ] ? -EINVAL : 0;
}

static int op_set_irq(int fd, unsigned int index, int eventfd)
{
	ck_assert_int_eq(fd, device.fd);
	/* The first one is taken, and the next is not. */
	if (device.fails[SET_IRQ] && index && eventfd >= 0)
		return -EBUSY;
	device.eventfds[index] = eventfd;
	return 0;
}

static int op_unmask(int fd, unsigned int index)
{
	ck_assert_int_eq(fd, device.fd);
	ck_assert(device.irqs[index].automasked);
	device.masked[index] = false;
	device.n_unmasks++;
	return device.fails[UNMASK] ? -EIO : 0;
}

static const struct platform_ops ops = { .info = op_info,
					 .region = op_region,
					 .irq = op_irq,
					 .set_irq = op_set_irq,
					 .unmask = op_unmask };

/* As the kernel does it: a level is masked, and one that is masked does not come. */
static void interrupt(unsigned int index)
{
	if (device.eventfds[index] < 0 || device.masked[index])
		return;
	device.masked[index] = device.irqs[index].automasked;
	ck_assert_int_eq(eventfd_write(device.eventfds[index], 1), 0);
}

static void setup(void)
{
	memset(&device, 0, sizeof(device));
	device.fd = memfd_create("device", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(device.fd, REGION_AT + REGION_LEN), 0);
	device.n_regions = 2;
	device.n_irqs = N_IRQS;
	device.region = (struct platform_region){ REGION_AT, REGION_LEN, true };
	for (unsigned int i = 0; i < N_IRQS; i++) {
		device.irqs[i] = (struct platform_irq){ i != 2, i == 1 };
		device.eventfds[i] = -1;
	}
}

static void teardown(void)
{
	for (unsigned int i = 0; i < N_IRQS; i++)
		ck_assert_int_eq(device.eventfds[i], -1);
	close(device.fd);
}

static int open_region(unsigned int region, uint64_t len, struct platform_window **out)
{
	struct platform_window_config config = { .name = "smmu",
						 .device = device.fd,
						 .region = region,
						 .len = len,
						 .base = 0x9050000,
						 .ops = &ops };

	return platform_window_new(&config, out, &why);
}

static bool is_readable(const struct irq *irq)
{
	struct pollfd p = { .fd = irq->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(registers_are_where_the_region_is)
{
	struct platform_window *p = NULL;
	const struct mmio *io;
	uint32_t word = 0x1234;

	setup();
	ck_assert_msg(!open_region(1, REGION_LEN, &p), "%s", why.text);
	io = window_mmio(platform_window(p));
	ck_assert_int_eq(pwrite(device.fd, &word, sizeof(word), REGION_AT + 0x20), sizeof(word));
	ck_assert_uint_eq(mmio_read32(io, 0x20), 0x1234);
	mmio_write32(io, REGION_LEN - 4, 0x5678);
	ck_assert_int_eq(pread(device.fd, &word, sizeof(word), REGION_AT + REGION_LEN - 4),
			 sizeof(word));
	ck_assert_uint_eq(word, 0x5678);
	ck_assert_uint_eq(window_base(platform_window(p)), 0x9050000);
	platform_window_free(p);
	/* The file is not its own. */
	ck_assert_int_ge(fcntl(device.fd, F_GETFD), 0);
	teardown();
}
END_TEST

START_TEST(every_interrupt_comes_and_comes_again)
{
	struct platform_window *p = NULL;
	const struct irq *irq;

	setup();
	device.masked[1] = true; /* from a life before */
	ck_assert_msg(!open_region(1, REGION_LEN, &p), "%s", why.text);
	irq = window_irq(platform_window(p));
	ck_assert(!is_readable(irq));
	ck_assert_int_eq(device.eventfds[2], -1); /* it knows no eventfd */
	for (unsigned int i = 0; i < 6; i++) {
		interrupt(i % 2 ? 1 : 3);
		ck_assert(is_readable(irq));
		irq->ack(irq->ctx);
		ck_assert(!is_readable(irq));
	}
	/* Only what masks itself is let through, each time, and at the start. */
	ck_assert_uint_eq(device.n_unmasks, 7);
	device.fails[UNMASK] = true;
	irq->ack(irq->ctx);
	platform_window_free(p);
	teardown();
}
END_TEST

START_TEST(what_the_kernel_refuses_is_said_and_leaves_nothing_on)
{
	static const struct {
		enum call call;
		int r;
		const char *why;
	} rejects[] = {
		{ INFO, -ENODEV, "no device of the platform" },
		{ REGION, -EINVAL, "no region 1" },
		{ IRQ, -EINVAL, "interrupt 0 cannot be waited for" },
		{ SET_IRQ, -EBUSY, "interrupt 1 cannot be waited for" },
	};
	struct platform_window *p = NULL;

	setup();
	for (size_t i = 0; i < sizeof(rejects) / sizeof(*rejects); i++) {
		device.fails[rejects[i].call] = true;
		ck_assert_int_eq(open_region(1, REGION_LEN, &p), rejects[i].r);
		ck_assert_msg(strstr(why.text, rejects[i].why), "%s", why.text);
		ck_assert_int_eq(device.eventfds[0], -1);
		device.fails[rejects[i].call] = false;
	}
	ck_assert_ptr_null(p);
	teardown();
}
END_TEST

START_TEST(a_region_that_does_not_do_is_refused)
{
	struct platform_window *p = NULL;

	setup();
	ck_assert_int_eq(open_region(0, REGION_LEN, &p), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot be mapped"));
	ck_assert_int_eq(open_region(2, REGION_LEN, &p), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "no region 2"));
	ck_assert_int_eq(open_region(1, REGION_LEN + 1, &p), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "0x20001 are needed"));
	device.region.offset = 1; /* of no page */
	ck_assert_int_eq(open_region(1, REGION_LEN, &p), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot be mapped"));
	device.region.offset = REGION_AT;
	for (unsigned int i = 0; i < N_IRQS; i++)
		device.irqs[i].eventfd = false;
	ck_assert_int_eq(open_region(1, REGION_LEN, &p), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "no interrupt"));
	teardown();
}
END_TEST

START_TEST(a_window_without_memory_fails_at_each_allocation)
{
	struct platform_window *p = NULL;
	size_t n = 0;
	int r;

	setup();
	do {
		mem_fail_nth(++n);
		r = open_region(1, REGION_LEN, &p);
		ck_assert(!r || r == -ENOMEM);
		if (r)
			ck_assert_int_eq(device.eventfds[0], -1);
	} while (r);
	mem_fail_nth(0);
	ck_assert_uint_eq(n, 3);
	platform_window_free(p);
	teardown();
}
END_TEST

START_TEST(a_file_that_is_no_device_is_refused_by_the_kernel)
{
	struct platform_window_config config = { .name = "null", .len = 4 };
	struct platform_window *p = NULL;

	config.device = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(platform_window_new(&config, &p, &why), -ENOTTY);
	ck_assert_int_lt(platform_kernel.region(config.device, 0, &(struct platform_region){ 0 }),
			 0);
	ck_assert_int_lt(platform_kernel.irq(config.device, 0, &(struct platform_irq){ 0 }), 0);
	ck_assert_int_lt(platform_kernel.set_irq(config.device, 0, -1), 0);
	ck_assert_int_lt(platform_kernel.unmask(config.device, 0), 0);
	close(config.device);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------------------------------------ */

#define NAME "9050000.smmuv3"

static char root[40], dev[48];

static void run(const char *command)
{
	char all[512];

	snprintf(all, sizeof(all), "cd %s && %s", root, command);
	ck_assert_int_eq(system(all), 0);
}

static void setup_sysfs(void)
{
	snprintf(root, sizeof(root), "/tmp/test-platform-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(dev, sizeof(dev), "%s/dev", root);
	run("mkdir -p bus/platform/devices/" NAME " kernel/iommu_groups/7 dev/vfio");
}

static void teardown_sysfs(void)
{
	run("rm -r ../\"$(basename \"$PWD\")\"");
}

/* What a process before this one has left, by kind. */
static struct {
	bool there[4];
	unsigned int n_taken, n_discarded;
} left;

static int take(void *ctx _unused_, enum vfio_file file, uint64_t number)
{
	ck_assert_uint_eq(number, 7);
	if (!left.there[file])
		return -1;
	left.n_taken++;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void discard(void *ctx _unused_, enum vfio_file file, uint64_t number)
{
	ck_assert_uint_eq(number, 7);
	ck_assert(left.there[file]);
	left.n_discarded++;
}

static int open_files(const char *name, bool given, struct platform_files *out)
{
	static const struct vfio_given before = { .take = take, .discard = discard };
	struct platform_config config = { .name = name, .sysfs = root, .dev = dev };

	*out = PLATFORM_FILES_NULL;
	return platform_files_open(&config, given ? &before : NULL, out, &why);
}

static void refused(const char *name, int r, const char *text)
{
	struct platform_files f;

	ck_assert_int_eq(open_files(name, false, &f), r);
	ck_assert_msg(strstr(why.text, text), "%s", why.text);
	ck_assert_int_eq(f.device, -1);
}

START_TEST(each_step_to_the_device_says_what_it_lacks)
{
	setup_sysfs();
	refused("../x", -EINVAL, "is no name");
	refused("", -EINVAL, "is no name");
	refused("none", -ENODEV, "does not have a device none");
	run("ln -s ../../drivers/arm-smmu-v3 bus/platform/devices/" NAME "/driver");
	refused(NAME, -ENODEV, "vfio-platform does not have");
	run("ln -sfn ../../drivers/vfio-platform bus/platform/devices/" NAME "/driver");
	refused(NAME, -ENODEV, "enable_unsafe_noiommu_mode");
	run("ln -s ../../../kernel/iommu_groups/7 bus/platform/devices/" NAME "/iommu_group");
	refused(NAME, -ENOENT, "/vfio/vfio");
	run("touch dev/vfio/vfio");
	refused(NAME, -ENOENT, "/vfio/7");
	/* A group that VFIO has made has another name. */
	run("echo vfio-noiommu >kernel/iommu_groups/7/name && touch dev/vfio/7");
	refused(NAME, -ENOENT, "/vfio/noiommu-7");
	run("touch dev/vfio/noiommu-7");
	refused(NAME, -ENODEV, "another one");
	teardown_sysfs();
}
END_TEST

START_TEST(files_of_a_process_before_are_taken_together_or_not_at_all)
{
	struct platform_files f;

	setup_sysfs();
	run("ln -s ../../drivers/vfio-platform bus/platform/devices/" NAME "/driver && "
	    "ln -s ../../../kernel/iommu_groups/7 bus/platform/devices/" NAME "/iommu_group");
	memset(&left, 0, sizeof(left));
	left.there[VFIO_FILE_CONTAINER] = left.there[VFIO_FILE_GROUP] = true;
	ck_assert_int_eq(open_files(NAME, true, &f), -ENOENT);
	ck_assert_uint_eq(left.n_taken, 2);
	ck_assert_uint_eq(left.n_discarded, 2);
	left.there[VFIO_FILE_PLATFORM] = true;
	ck_assert_int_eq(open_files(NAME, true, &f), 0);
	ck_assert(f.given && f.number == 7);
	ck_assert(f.container >= 0 && f.group >= 0 && f.device >= 0);
	ck_assert_uint_eq(left.n_discarded, 2);
	platform_files_deinit(&f);
	ck_assert_int_eq(f.device, -1);
	platform_files_deinit(&f);
	teardown_sysfs();
}
END_TEST

SUITE_MAIN("platform", registers_are_where_the_region_is, every_interrupt_comes_and_comes_again,
	   what_the_kernel_refuses_is_said_and_leaves_nothing_on,
	   a_region_that_does_not_do_is_refused, a_window_without_memory_fails_at_each_allocation,
	   a_file_that_is_no_device_is_refused_by_the_kernel,
	   each_step_to_the_device_says_what_it_lacks,
	   files_of_a_process_before_are_taken_together_or_not_at_all)
