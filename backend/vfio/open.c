// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/mem.h"

void vfio_files_deinit(struct vfio_files *f)
{
	for (size_t i = 0; i < f->n_devices; i++)
		fd_closep(&f->devices[i].fd);
	for (size_t i = 0; i < f->n_groups; i++) {
		fd_closep(&f->groups[i].group);
		fd_closep(&f->groups[i].container);
	}
	mem_free(f->devices);
	mem_free(f->groups);
	*f = VFIO_FILES_NULL;
}

static int open_container(struct vfio_open_group *g, struct reason *why)
{
	g->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (g->container < 0)
		return refuse(why, -errno, "/dev/vfio/vfio: %s", strerror(errno));
	if (ioctl(g->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(g->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		return refuse(
			why, -ENODEV,
			"this kernel's VFIO has no type 1 IOMMU: is vfio_iommu_type1 loaded?");
	return 0;
}

static int open_group(struct vfio_open_group *g, struct reason *why)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int r = open_container(g, why);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/dev/vfio/%u", g->number);
	g->group = open(path, O_RDWR | O_CLOEXEC);
	if (g->group < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	if (ioctl(g->group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return refuse(
			why, -EBUSY,
			"group %u has a device that another driver uses: all of a group go to vfio-pci, or none",
			g->number);
	if (ioctl(g->group, VFIO_GROUP_SET_CONTAINER, &g->container) < 0 ||
	    ioctl(g->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return refuse(why, -errno, "group %u gets no address space: %s", g->number,
			      errno == EPERM ? "its interrupts are not isolated (intremap)" :
					       strerror(errno));
	return 0;
}

static int find_group(struct vfio_files *f, unsigned int number, size_t *out, struct reason *why)
{
	struct vfio_open_group *g = &f->groups[f->n_groups];

	for (*out = 0; *out < f->n_groups; ++*out)
		if (f->groups[*out].number == number)
			return 0;
	*g = (struct vfio_open_group){ .number = number, .container = -1, .group = -1 };
	f->n_groups++;
	return open_group(g, why);
}

static int open_device(struct vfio_files *f, const char *address, struct reason *why)
{
	struct vfio_open_device *d = &f->devices[f->n_devices];
	int r = pci_look(NULL, address, &d->pci, why);

	d->fd = -1;
	f->n_devices++;
	if (r < 0)
		return r;
	if (d->pci.group < 0)
		return refuse(why, -ENODEV, "%s has no IOMMU", d->pci.address);
	if (strcmp(d->pci.driver, "vfio-pci") != 0)
		return refuse(why, -ENODEV, "vfio-pci does not have %s: vcmctl device bind %s",
			      d->pci.address, d->pci.address);
	r = find_group(f, (unsigned int)d->pci.group, &d->group, why);
	if (r < 0)
		return r;
	d->fd = ioctl(f->groups[d->group].group, VFIO_GROUP_GET_DEVICE_FD, d->pci.address);
	return d->fd < 0 ? refuse(why, -errno, "%s: %s", d->pci.address, strerror(errno)) : 0;
}

int vfio_files_open(const char *const *addresses, size_t n, struct vfio_files *out,
		    struct reason *why)
{
	_cleanup_(vfio_files_deinit) struct vfio_files f = VFIO_FILES_NULL;
	int r = 0;

	f.groups = mem_zalloc_n(n + 1, sizeof(*f.groups));
	f.devices = mem_zalloc_n(n + 1, sizeof(*f.devices));
	if (!f.groups || !f.devices)
		return refuse(why, -ENOMEM, "no memory");
	for (size_t i = 0; i < n && r == 0; i++)
		r = open_device(&f, addresses[i], why);
	if (r < 0)
		return r;
	*out = f;
	f = VFIO_FILES_NULL;
	return 0;
}
