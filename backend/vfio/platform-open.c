// SPDX-License-Identifier: BSD-3-Clause
/* The files of a device of the platform. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend/vfio/platform.h"
#include "base/cleanup.h"

#define PATH_LEN 512

void platform_files_deinit(struct platform_files *f)
{
	fd_closep(&f->device);
	fd_closep(&f->group);
	fd_closep(&f->container);
}

/* The last part of what a link of the device's points at; false: it has no such link. */
static bool link_of(const struct platform_config *c, const char *link, char *out, size_t len)
{
	char path[PATH_LEN], target[PATH_LEN];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/bus/platform/devices/%s/%s", c->sysfs ? c->sysfs : "/sys",
		 c->name, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	slash = strrchr(target, '/');
	snprintf(out, len, "%.63s", slash ? slash + 1 : target);
	return true;
}

/* Of groups that VFIO has made for a device without an IOMMU the name says so. */
static bool is_noiommu(const struct platform_config *c, unsigned int number)
{
	char path[PATH_LEN], name[32] = "";
	_cleanup_(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/name", c->sysfs ? c->sysfs : "/sys",
		 number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
	       !strncmp(name, "vfio-noiommu", strlen("vfio-noiommu"));
}

static int find_group(const struct platform_config *c, unsigned int *out, struct reason *why)
{
	char text[64];

	if (!c->name[0] || strchr(c->name, '/') || c->name[0] == '.')
		return refuse(why, -EINVAL, "'%.64s' is no name of a device", c->name);
	if (!link_of(c, "driver", text, sizeof(text)) || strcmp(text, "vfio-platform") != 0)
		return refuse(why, -ENODEV,
			      "vfio-platform does not have a device %s of the platform", c->name);
	if (!link_of(c, "iommu_group", text, sizeof(text)))
		return refuse(why, -ENODEV,
			      "%s has no group: without an IOMMU VFIO makes one only if "
			      "enable_unsafe_noiommu_mode is set",
			      c->name);
	*out = (unsigned int)strtoul(text, NULL, 10);
	return 0;
}

static int open_file(const char *path, int *out, struct reason *why)
{
	*out = open(path, O_RDWR | O_CLOEXEC);
	return *out < 0 ? refuse(why, -errno, "%s: %s", path, strerror(errno)) : 0;
}

static int join(const struct platform_files *f, const char *name, bool noiommu, struct reason *why)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(f->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return refuse(why, -ENODEV, "this kernel's VFIO is another one");
	if (ioctl(f->group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return refuse(why, -EBUSY, "group %u of %s has a device that another driver uses",
			      f->number, name);
	if (ioctl(f->group, VFIO_GROUP_SET_CONTAINER, &f->container) < 0 ||
	    ioctl(f->container, VFIO_SET_IOMMU, noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU) <
		    0)
		return refuse(why, -errno, "group %u of %s cannot be used: %s", f->number, name,
			      strerror(errno));
	return 0;
}

static int open_all(const struct platform_config *c, struct platform_files *f, struct reason *why)
{
	const char *dev = c->dev ? c->dev : "/dev";
	bool noiommu = is_noiommu(c, f->number);
	char path[PATH_LEN];
	int r;

	snprintf(path, sizeof(path), "%s/vfio/vfio", dev);
	r = open_file(path, &f->container, why);
	snprintf(path, sizeof(path), "%s/vfio/%s%u", dev, noiommu ? "noiommu-" : "", f->number);
	if (r == 0)
		r = open_file(path, &f->group, why);
	if (r == 0)
		r = join(f, c->name, noiommu, why);
	if (r < 0)
		return r;
	f->device = ioctl(f->group, VFIO_GROUP_GET_DEVICE_FD, c->name);
	return f->device < 0 ? refuse(why, -errno, "%s: %s", c->name, strerror(errno)) : 0;
}

static void discard(const struct vfio_given *given, enum vfio_file file, unsigned int number,
		    int *fd)
{
	if (*fd >= 0)
		given->discard(given->ctx, file, number);
	fd_closep(fd);
}

/* All three, or none, and nobody keeps them any more: a group is opened once. */
static bool take_all(const struct vfio_given *given, struct platform_files *f)
{
	f->container = given->take(given->ctx, VFIO_FILE_CONTAINER, f->number);
	f->group = given->take(given->ctx, VFIO_FILE_GROUP, f->number);
	f->device = given->take(given->ctx, VFIO_FILE_PLATFORM, f->number);
	f->given = f->container >= 0 && f->group >= 0 && f->device >= 0;
	if (f->given)
		return true;
	discard(given, VFIO_FILE_PLATFORM, f->number, &f->device);
	discard(given, VFIO_FILE_GROUP, f->number, &f->group);
	discard(given, VFIO_FILE_CONTAINER, f->number, &f->container);
	return false;
}

int platform_files_open(const struct platform_config *config, const struct vfio_given *given,
			struct platform_files *out, struct reason *why)
{
	_cleanup_(platform_files_deinit) struct platform_files f = PLATFORM_FILES_NULL;
	int r = find_group(config, &f.number, why);

	if (r == 0 && !(given && take_all(given, &f)))
		r = open_all(config, &f, why);
	if (r < 0)
		return r;
	*out = f;
	f = PLATFORM_FILES_NULL;
	return 0;
}
