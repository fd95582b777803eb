// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/pci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PATH_LEN 512
#define VFIO_PCI "vfio-pci"

bool pci_parse_address(const char *text, char out[PCI_ADDRESS_LEN], uint16_t *out_rid)
{
	unsigned int segment = 0, bus, device, function;
	int end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:.") != strlen(text))
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &segment, &bus, &device, &function, &end) != 4 ||
	    text[end]) {
		segment = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 || text[end])
			return false;
	}
	if (device > 31 || function > 7)
		return false;
	snprintf(out, PCI_ADDRESS_LEN, "%04x:%02x:%02x.%x", segment, bus & 0xff, device & 31,
		 function & 7);
	*out_rid = (uint16_t)(bus << 8 | device << 3 | function);
	return true;
}

uint64_t pci_number(const struct pci_device *d)
{
	return (uint64_t)strtoul(d->address, NULL, 16) << 16 | d->rid;
}

static const char *root(const char *sysfs)
{
	return sysfs ? sysfs : "/sys";
}

/* The last part of what a link points at; "" without one. */
static void link_name(const char *path, char *out, size_t len)
{
	char target[PATH_LEN];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	target[n > 0 ? n : 0] = 0;
	slash = strrchr(target, '/');
	snprintf(out, len, "%.63s", slash ? slash + 1 : target);
}

static void read_reserved(const char *path, struct pci_device *out)
{
	unsigned long long first, last;
	char line[128];
	FILE *f = fopen(path, "re");

	while (f && out->n_reserved < PCI_MAX_RESERVED && fgets(line, sizeof(line), f))
		/* "direct-relaxable" ones may be mapped over. */
		if (sscanf(line, "%llx %llx", &first, &last) == 2 && first <= last &&
		    !strstr(line, "relaxable"))
			out->reserved[out->n_reserved++] = (struct range){ first, last };
	if (f)
		fclose(f);
}

int pci_look(const char *sysfs, const char *address, struct pci_device *out, struct reason *why)
{
	char path[PATH_LEN], name[64];

	*out = (struct pci_device){ .group = -1 };
	if (!pci_parse_address(address, out->address, &out->rid))
		return refuse(why, -EINVAL, "'%.64s' is no PCI address such as 0000:00:03.0",
			      address);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", root(sysfs), out->address);
	if (access(path, F_OK) < 0)
		return refuse(why, -ENODEV, "there is no PCI device %s", out->address);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver", root(sysfs), out->address);
	link_name(path, out->driver, sizeof(out->driver));
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu", root(sysfs), out->address);
	link_name(path, out->iommu, sizeof(out->iommu));
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group", root(sysfs),
		 out->address);
	link_name(path, name, sizeof(name));
	if (!name[0])
		return 0;
	out->group = atoi(name);
	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d/reserved_regions", root(sysfs),
		 out->group);
	read_reserved(path, out);
	return 0;
}

/* --- binding ---------------------------------------------------------------------------------------------------------- */

static int put(const char *sysfs, const char *what, const char *text, struct reason *why)
{
	char path[PATH_LEN];
	_cleanup_(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/bus/pci/%s", root(sysfs), what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int put_device(const char *sysfs, const char *address, const char *file, const char *text,
		      struct reason *why)
{
	char what[64];

	snprintf(what, sizeof(what), "devices/%s/%s", address, file);
	return put(sysfs, what, text, why);
}

/* A bridge is its bus' own: it moves nothing by itself, and VFIO takes its driver for harmless. */
static bool is_harmless(const char *driver)
{
	return !driver[0] || !strncmp(driver, "vfio", 4) || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub");
}

/* Nobody else may be at work where the IOMMU cannot tell the device from others. */
static int check_company(const char *sysfs, const struct pci_device *d, struct reason *why)
{
	char path[PATH_LEN];
	const struct dirent *e;
	DIR *dir;
	int r = 0;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d/devices", root(sysfs), d->group);
	dir = opendir(path);
	if (!dir)
		return refuse(why, -ENODEV, "%s: %s", path, strerror(errno));
	while (r == 0 && (e = readdir(dir))) {
		struct pci_device other;

		if (e->d_name[0] == '.' || !strcmp(e->d_name, d->address))
			continue;
		if (pci_look(sysfs, e->d_name, &other, NULL) < 0)
			r = refuse(why, -EBUSY,
				   "%s shares group %d with %.64s, which is no PCI device",
				   d->address, d->group, e->d_name);
		else if (!is_harmless(other.driver))
			r = refuse(why, -EBUSY, "%s shares group %d with %s, which %s uses",
				   d->address, d->group, other.address, other.driver);
	}
	closedir(dir);
	return r;
}

/* Takes the driver away that it has, and lets the kernel choose again. */
static int rebind(const char *sysfs, const struct pci_device *d, const char *override,
		  struct reason *why)
{
	int r = put_device(sysfs, d->address, "driver_override", override, why);

	if (r == 0 && d->driver[0])
		r = put_device(sysfs, d->address, "driver/unbind", d->address, why);
	return r < 0 ? r : put(sysfs, "drivers_probe", d->address, why);
}

int pci_bind(const char *sysfs, const char *address, struct reason *why)
{
	struct pci_device d, now;
	int r = pci_look(sysfs, address, &d, why);

	if (r < 0)
		return r;
	if (d.group < 0)
		return refuse(
			why, -ENODEV,
			"%s has no IOMMU: none is enabled in the firmware or on the kernel's command line",
			d.address);
	if (!strcmp(d.driver, VFIO_PCI))
		return 0;
	r = check_company(sysfs, &d, why);
	if (r < 0)
		return r;
	r = rebind(sysfs, &d, VFIO_PCI, why);
	if (pci_look(sysfs, address, &now, NULL) < 0)
		return r < 0 ? r : refuse(why, -ENODEV, "%s has gone", d.address);
	if (r == 0 && !strcmp(now.driver, VFIO_PCI))
		return 0;
	/* Nothing is changed by what has not worked. */
	rebind(sysfs, &now, "\n", NULL);
	return r < 0 ? r :
		       refuse(why, -ENODEV,
			      "the kernel does not give %s to vfio-pci: is the module loaded?",
			      d.address);
}

/* A group is opened once; its driver waits in unbind, and cannot be stopped, until it is closed. */
static int check_unused(const char *sysfs, const struct pci_device *d, struct reason *why)
{
	char path[PATH_LEN];
	_cleanup_(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/vfio/%d", sysfs ? sysfs : "/dev", d->group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 || errno != EBUSY)
		return 0;
	return refuse(why, -EBUSY,
		      "somebody has %s open: take it out of the configuration, and restart vcmd",
		      d->address);
}

int pci_unbind(const char *sysfs, const char *address, struct reason *why)
{
	struct pci_device d;
	int r = pci_look(sysfs, address, &d, why);

	if (r < 0)
		return r;
	if (strcmp(d.driver, VFIO_PCI) != 0)
		return refuse(why, -EBUSY, "vfio-pci does not have %s%s%s", d.address,
			      d.driver[0] ? ": it belongs to " : "", d.driver);
	r = check_unused(sysfs, &d, why);
	if (r < 0)
		return r;
	return rebind(sysfs, &d, "\n", why);
}
