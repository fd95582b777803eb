// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/rpmsg-device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rpmsg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CLASS "/sys/class/rpmsg"
#define MAX_TEXT 64
#define MAX_PATH 320

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* An attribute without its end of line. False when there is none. */
static bool read_attribute(const char *device, const char *attribute, char out[static MAX_TEXT])
{
	_cleanup_(fd_closep) int fd = -1;
	char path[MAX_PATH];
	ssize_t n;

	snprintf(path, sizeof(path), CLASS "/%s/%s", device, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, MAX_TEXT - 1);
	if (n < 0)
		return false;
	out[n] = 0;
	out[strcspn(out, "\n")] = 0;
	return true;
}

static bool is_endpoint(const char *device, const struct rpmsg_device_config *c)
{
	char name[MAX_TEXT], address[MAX_TEXT];

	return read_attribute(device, "name", name) && !strcmp(name, c->name) &&
	       read_attribute(device, "src", address) && strtoul(address, NULL, 10) == c->address;
}

/* Which of the class's devices it has become. */
static int find_and_open(const struct rpmsg_device_config *c)
{
	_cleanup_(dir_closep) DIR *class = opendir(CLASS);
	const struct dirent *e;
	char path[MAX_PATH];

	while (class && (e = readdir(class))) {
		if (strncmp(e->d_name, "rpmsg", 5) != 0 || !is_endpoint(e->d_name, c))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	errno = ENXIO;
	return -1;
}

int rpmsg_device_open(const struct rpmsg_device_config *c, struct reason *why)
{
	_cleanup_(fd_closep) int control = open(c->control, O_RDWR | O_CLOEXEC);
	struct rpmsg_endpoint_info info = { .src = c->address, .dst = c->remote };
	int fd;

	if (control < 0)
		return refuse(why, -errno, "%s: %s", c->control, strerror(errno));
	snprintf(info.name, sizeof(info.name), "%s", c->name);
	/* One that is there already is an earlier broker's; or ours, and its file was not for us to open yet. */
	fd = find_and_open(c);
	if (fd < 0 && errno == ENXIO) {
		if (ioctl(control, RPMSG_CREATE_EPT_IOCTL, &info) < 0)
			return refuse(why, -errno, "%s makes no endpoint: %s", c->control,
				      strerror(errno));
		fd = find_and_open(c);
	}
	return fd < 0 ? refuse(why, -errno, "%s: the endpoint is no device: %s", c->control,
			       strerror(errno)) :
			fd;
}

void rpmsg_device_close(int fd)
{
	ioctl(fd, RPMSG_DESTROY_EPT_IOCTL);
	close(fd);
}
