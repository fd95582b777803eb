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

/* Both files of a group that somebody has kept; or none, and nobody keeps them any more. */
static bool take_group(const struct vfio_given *given, struct vfio_open_group *g)
{
	g->container = given->take(given->ctx, VFIO_FILE_CONTAINER, g->number);
	g->group = given->take(given->ctx, VFIO_FILE_GROUP, g->number);
	g->given = g->container >= 0 && g->group >= 0;
	if (g->given)
		return true;
	if (g->container >= 0)
		given->discard(given->ctx, VFIO_FILE_CONTAINER, g->number);
	if (g->group >= 0)
		given->discard(given->ctx, VFIO_FILE_GROUP, g->number);
	fd_closep(&g->container);
	fd_closep(&g->group);
	return false;
}

/* d's file keeps its group in use: without the group it is of no use. */
static void give_device_back(const struct vfio_given *given, struct vfio_open_device *d)
{
	if (d->fd < 0)
		return;
	fd_closep(&d->fd);
	given->discard(given->ctx, VFIO_FILE_DEVICE, pci_number(&d->pci));
}

static int find_group(struct vfio_files *f, const struct vfio_given *given,
		      struct vfio_open_device *d, struct reason *why)
{
	struct vfio_open_group *g = &f->groups[f->n_groups];

	for (d->group = 0; d->group < f->n_groups; d->group++)
		if (f->groups[d->group].number == (unsigned int)d->pci.group)
			return 0;
	*g = (struct vfio_open_group){ .number = (unsigned int)d->pci.group,
				       .container = -1,
				       .group = -1 };
	f->n_groups++;
	if (take_group(given, g))
		return 0;
	give_device_back(given, d);
	return open_group(g, why);
}

static int check_device(const struct pci_device *pci, struct reason *why)
{
	if (pci->group < 0)
		return refuse(why, -ENODEV, "%s has no IOMMU", pci->address);
	if (strcmp(pci->driver, "vfio-pci") != 0)
		return refuse(why, -ENODEV, "vfio-pci does not have %s: vcmctl device bind %s",
			      pci->address, pci->address);
	return 0;
}

static int open_device(struct vfio_files *f, const char *address, const struct vfio_given *given,
		       struct reason *why)
{
	struct vfio_open_device *d = &f->devices[f->n_devices];
	int r = pci_look(NULL, address, &d->pci, why);

	d->fd = -1;
	f->n_devices++;
	if (r == 0)
		r = check_device(&d->pci, why);
	if (r < 0)
		return r;
	/* Before its group: that is in use as long as a device of it is. */
	d->fd = given->take(given->ctx, VFIO_FILE_DEVICE, pci_number(&d->pci));
	r = find_group(f, given, d, why);
	if (r < 0)
		return r;
	d->given = d->fd >= 0;
	if (!d->given)
		d->fd = ioctl(f->groups[d->group].group, VFIO_GROUP_GET_DEVICE_FD, d->pci.address);
	return d->fd < 0 ? refuse(why, -errno, "%s: %s", d->pci.address, strerror(errno)) : 0;
}

static int take_nothing(void *ctx _unused_, enum vfio_file file _unused_, uint64_t number _unused_)
{
	return -1;
}

int vfio_files_open(const char *const *addresses, size_t n, const struct vfio_given *given,
		    struct vfio_files *out, struct reason *why)
{
	static const struct vfio_given nothing = { .take = take_nothing };
	_cleanup_(vfio_files_deinit) struct vfio_files f = VFIO_FILES_NULL;
	int r = 0;

	f.groups = mem_zalloc_n(n + 1, sizeof(*f.groups));
	f.devices = mem_zalloc_n(n + 1, sizeof(*f.devices));
	if (!f.groups || !f.devices)
		return refuse(why, -ENOMEM, "no memory");
	for (size_t i = 0; i < n && r == 0; i++)
		r = open_device(&f, addresses[i], given ? given : &nothing, why);
	if (r < 0)
		return r;
	*out = f;
	f = VFIO_FILES_NULL;
	return 0;
}
