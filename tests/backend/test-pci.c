// SPDX-License-Identifier: BSD-3-Clause
/*
 * PCI devices in a folder in the form of sysfs: what is read there, and what is refused. That the kernel follows is proven in
 * a virtual machine (tests/e2e/x86).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/vfio/pci.h"
#include "tests/suite.h"

#define EDU "0000:00:03.0"
#define NIC "0000:00:04.0"
#define BARE "0000:01:00.7"

static char root[32];
static struct pci_device d;
static struct reason why;

/* In the folder; $A and $B are the other two. */
static void run(const char *command, const char *a, const char *b)
{
	char all[1024];

	snprintf(all, sizeof(all), "cd %s && %s", root, command);
	setenv("A", a, 1);
	setenv("B", b, 1);
	ck_assert_int_eq(system(all), 0);
}

static void add(const char *address, const char *group, const char *driver)
{
	run("mkdir -p bus/pci/devices/$A && touch bus/pci/drivers_probe bus/pci/devices/$A/driver_override",
	    address, "");
	if (*group)
		run("mkdir -p kernel/iommu_groups/$B/devices && ln -s ../x/dmar0 bus/pci/devices/$A/iommu && "
		    "ln -s ../../../kernel/iommu_groups/$B bus/pci/devices/$A/iommu_group && "
		    "touch kernel/iommu_groups/$B/devices/$A",
		    address, group);
	if (*driver)
		run("mkdir -p bus/pci/drivers/$B && touch bus/pci/drivers/$B/unbind && "
		    "ln -s ../../drivers/$B bus/pci/devices/$A/driver",
		    address, driver);
}

static const char *content(const char *what)
{
	static char text[128];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, what);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

static void setup(void)
{
	snprintf(root, sizeof(root), "/tmp/test-pci-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	run("cd / && rm -r $A", root, "");
}

/* With one device, in a group of its own unless others come into it, and its driver. */
static void setup_edu(const char *driver)
{
	setup();
	add(EDU, "7", driver);
}

START_TEST(addresses_have_one_form)
{
	char address[PCI_ADDRESS_LEN];
	uint16_t rid;

	ck_assert(pci_parse_address("0a:1f.7", address, &rid));
	ck_assert_str_eq(address, "0000:0a:1f.7");
	ck_assert_uint_eq(rid, 0x0aff);
	ck_assert(pci_parse_address("0001:00:03.0", address, &rid));
	ck_assert_str_eq(address, "0001:00:03.0");
	ck_assert_uint_eq(rid, 0x18);
	/* Behind some bridges and hypervisors, as the kernel names them. */
	ck_assert(pci_parse_address("10000:e1:00.0", address, &rid));
	ck_assert_str_eq(address, "10000:e1:00.0");
	ck_assert_uint_eq(rid, 0xe100);
	ck_assert(pci_parse_address("FFFFFFFF:ff:1f.7", address, &rid));
	ck_assert_str_eq(address, "ffffffff:ff:1f.7");
	for (const char *const *p =
		     (const char *const[]){ "", "3", "00:20.0", "00:03.8", "00:03.0 ", " 00: 3.0",
					    "00:03", "../../x", "100000000:00:03.0", NULL };
	     *p; p++)
		ck_assert(!pci_parse_address(*p, address, &rid));
}
END_TEST

START_TEST(a_device_is_what_sysfs_says)
{
	setup_edu("vfio-pci");
	run("printf '%s\\n' '0x00000000fee00000 0x00000000feefffff msi' "
	    "'0x0000000000001000 0x0000000000001fff direct-relaxable' "
	    "'0x00000000000a0000 0x00000000000affff direct' >kernel/iommu_groups/7/reserved_regions",
	    "", "");
	ck_assert_int_eq(pci_look(root, "00:03.0", &d, &why), 0);
	ck_assert_str_eq(d.address, EDU);
	ck_assert_str_eq(d.driver, "vfio-pci");
	ck_assert_str_eq(d.iommu, "dmar0");
	ck_assert_int_eq(d.group, 7);
	ck_assert_uint_eq(d.n_reserved, 2);
	ck_assert_uint_eq(d.reserved[0].first, 0xfee00000);
	ck_assert_uint_eq(d.reserved[1].last, 0xaffff);
	teardown();
}
END_TEST

START_TEST(a_segment_may_have_more_digits)
{
	setup();
	add("10000:e1:00.0", "7", "vfio-pci");
	ck_assert_int_eq(pci_look(root, "00010000:e1:00.0", &d, &why), 0);
	ck_assert_str_eq(d.address, "10000:e1:00.0");
	ck_assert_int_eq(d.group, 7);
	ck_assert_uint_eq(pci_number(&d), UINT64_C(0x10000) << 16 | 0xe100);
	teardown();
}
END_TEST

START_TEST(a_device_may_have_neither_driver_nor_iommu)
{
	setup();
	add(BARE, "", "");
	ck_assert_int_eq(pci_look(root, BARE, &d, &why), 0);
	ck_assert_str_eq(d.driver, "");
	ck_assert_int_eq(d.group, -1);
	ck_assert_int_eq(pci_look(root, EDU, &d, &why), -ENODEV);
	ck_assert_int_eq(pci_look(root, "edu", &d, &why), -EINVAL);
	ck_assert_int_eq(pci_bind(root, BARE, &why), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "has no IOMMU"));
	teardown();
}
END_TEST

START_TEST(a_group_with_somebody_at_work_is_refused)
{
	setup_edu("");
	add(NIC, "7", "e1000");
	ck_assert_int_eq(pci_bind(root, EDU, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "shares group 7 with " NIC ", which e1000 uses"));
	ck_assert_str_eq(content("bus/pci/devices/" EDU "/driver_override"), "");
	teardown();
}
END_TEST

START_TEST(neighbours_that_move_nothing_do_no_harm)
{
	static const char *const drivers[] = { "", "pcieport", "pci-stub", "vfio-pci" };

	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		setup_edu("");
		add(NIC, "7", drivers[i]);
		/* It comes as far as the kernel, which has no vfio-pci. */
		ck_assert_int_eq(pci_bind(root, EDU, &why), -ENODEV);
		ck_assert_ptr_nonnull(strstr(why.text, "is the module loaded"));
		teardown();
	}
}
END_TEST

START_TEST(a_neighbour_that_is_no_pci_device_is_refused)
{
	setup_edu("");
	run("touch kernel/iommu_groups/7/devices/9050000.dma", "", "");
	ck_assert_int_eq(pci_bind(root, EDU, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "9050000.dma, which is no PCI device"));
	teardown();
}
END_TEST

START_TEST(what_the_kernel_does_not_do_is_taken_back)
{
	setup_edu("edu");
	add(NIC, "8", "e1000");
	ck_assert_int_eq(pci_bind(root, EDU, &why), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "is the module loaded"));
	ck_assert_str_eq(content("bus/pci/drivers/edu/unbind"), EDU);
	ck_assert_str_eq(content("bus/pci/drivers_probe"), EDU);
	/* A file of sysfs holds what was written last; this one holds the rest of what was written first, too. */
	ck_assert_int_eq(content("bus/pci/devices/" EDU "/driver_override")[0], '\n');
	teardown();
}
END_TEST

START_TEST(what_fails_half_way_is_taken_back_too)
{
	setup_edu("edu");
	run("rm bus/pci/drivers_probe", "", "");
	ck_assert_int_eq(pci_bind(root, EDU, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "drivers_probe"));
	ck_assert_int_eq(content("bus/pci/devices/" EDU "/driver_override")[0], '\n');
	teardown();
}
END_TEST

/* As the kernel answers for a group that somebody has open: no file of ours can. */
static const char *busy;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list list;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	if (!busy || !strstr(path, busy))
		return __real_open(path, flags, mode);
	errno = EBUSY;
	return -1;
}

/* The kernel would wait for whoever has it, and could not be stopped. */
START_TEST(what_somebody_has_open_is_not_unbound)
{
	setup_edu("vfio-pci");
	add(NIC, "8", "vfio-pci");
	busy = "/vfio/7";
	ck_assert_int_eq(pci_unbind(root, EDU, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "somebody has " EDU " open"));
	ck_assert_str_eq(content("bus/pci/drivers/vfio-pci/unbind"), "");
	ck_assert_int_eq(pci_unbind(root, NIC, &why), 0);
	busy = NULL;
	ck_assert_int_eq(pci_unbind(root, EDU, &why), 0);
	teardown();
}
END_TEST

START_TEST(only_what_is_bound_is_unbound)
{
	setup_edu("vfio-pci");
	add(NIC, "8", "e1000");
	ck_assert_int_eq(pci_bind(root, EDU, &why), 0);
	ck_assert_str_eq(content("bus/pci/drivers_probe"), "");
	ck_assert_int_eq(pci_unbind(root, NIC, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "it belongs to e1000"));
	ck_assert_int_eq(pci_unbind(root, EDU, &why), 0);
	ck_assert_str_eq(content("bus/pci/drivers/vfio-pci/unbind"), EDU);
	ck_assert_str_eq(content("bus/pci/drivers_probe"), EDU);
	teardown();
}
END_TEST

SUITE_MAIN("pci", addresses_have_one_form, a_device_is_what_sysfs_says,
	   a_segment_may_have_more_digits, a_device_may_have_neither_driver_nor_iommu,
	   a_group_with_somebody_at_work_is_refused, neighbours_that_move_nothing_do_no_harm,
	   a_neighbour_that_is_no_pci_device_is_refused, what_the_kernel_does_not_do_is_taken_back,
	   what_fails_half_way_is_taken_back_too, what_somebody_has_open_is_not_unbound,
	   only_what_is_bound_is_unbound)
