// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/platform.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"

/* --- the kernel's part ------------------------------------------------------------------------------------------------ */

static int kernel_info(int fd, unsigned int *out_n_regions, unsigned int *out_n_irqs)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (ioctl(fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return -errno;
	if (!(info.flags & VFIO_DEVICE_FLAGS_PLATFORM))
		return -ENODEV;
	*out_n_regions = info.num_regions;
	*out_n_irqs = info.num_irqs;
	return 0;
}

static int kernel_region(int fd, unsigned int index, struct platform_region *out)
{
	const uint32_t all = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			     VFIO_REGION_INFO_FLAG_MMAP;
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return -errno;
	*out = (struct platform_region){ info.offset, info.size, (info.flags & all) == all };
	return 0;
}

static int kernel_irq(int fd, unsigned int index, struct platform_irq *out)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
		return -errno;
	*out = (struct platform_irq){ info.count && info.flags & VFIO_IRQ_INFO_EVENTFD,
				      info.flags & VFIO_IRQ_INFO_AUTOMASKED };
	return 0;
}

static int kernel_set_irq(int fd, unsigned int index, int eventfd)
{
	const int32_t fds[] = { eventfd };
	union {
		struct vfio_irq_set head;
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(fds)];
	} set = { .head = { .argsz = sizeof(set.bytes),
			    .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			    .index = index,
			    .count = 1 } };

	memcpy(set.bytes + offsetof(struct vfio_irq_set, data), fds, sizeof(fds));
	return ioctl(fd, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

static int kernel_unmask(int fd, unsigned int index)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
				    .index = index,
				    .count = 1 };

	return ioctl(fd, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

const struct platform_ops platform_kernel = { .info = kernel_info,
					      .region = kernel_region,
					      .irq = kernel_irq,
					      .set_irq = kernel_set_irq,
					      .unmask = kernel_unmask };

/* --- registers and interrupts ----------------------------------------------------------------------------------------- */

struct platform_window {
	const struct platform_ops *ops;
	const char *name;
	int device;
	int eventfd;
	bool irqs[PLATFORM_IRQS_MAX], automasked[PLATFORM_IRQS_MAX];
	struct window *window;
};

struct window *platform_window(struct platform_window *p)
{
	return p->window;
}

struct platform_window *platform_window_free(struct platform_window *p)
{
	if (!p)
		return NULL;
	for (unsigned int i = 0; i < PLATFORM_IRQS_MAX; i++)
		if (p->irqs[i] && p->ops->set_irq(p->device, i, -1) < 0)
			log_warning("vfio: interrupt %u stays on", i);
	window_free(p->window);
	fd_closep(&p->eventfd);
	return mem_free(p);
}
CLEANUP_DEFINE(struct platform_window *, platform_window_free)

/* What comes from here on is an event again. */
static void ack(void *ctx)
{
	const struct platform_window *p = ctx;
	eventfd_t n;

	(void)eventfd_read(p->eventfd, &n);
	for (unsigned int i = 0; i < PLATFORM_IRQS_MAX; i++)
		if (p->automasked[i] && p->ops->unmask(p->device, i) < 0)
			log_warning("vfio: interrupt %u cannot be let through again", i);
}

static int listen_to(struct platform_window *p, unsigned int index, struct reason *why)
{
	struct platform_irq irq;
	int r = p->ops->irq(p->device, index, &irq);

	if (r == 0 && irq.eventfd) {
		r = p->ops->set_irq(p->device, index, p->eventfd);
		p->irqs[index] = r == 0;
		p->automasked[index] = r == 0 && irq.automasked;
	}
	return r < 0 ? refuse(why, r, "%s: interrupt %u cannot be waited for: %s", p->name, index,
			      strerror(-r)) :
		       0;
}

static int listen(struct platform_window *p, unsigned int n, struct reason *why)
{
	bool any = false;
	int r = 0;

	p->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->eventfd < 0)
		return refuse(why, -errno, "%s: no file descriptor is left", p->name);
	for (unsigned int i = 0; i < n && i < PLATFORM_IRQS_MAX && r == 0; i++) {
		r = listen_to(p, i, why);
		any |= p->irqs[i];
	}
	if (r == 0 && !any)
		return refuse(why, -ENODEV, "%s has no interrupt that an eventfd could be given",
			      p->name);
	/* They may be masked from a life before. */
	if (r == 0)
		ack(p);
	return r;
}

static int find_region(const struct platform_window *p, const struct platform_window_config *config,
		       unsigned int n, struct platform_region *out, struct reason *why)
{
	int r = config->region < n ? p->ops->region(p->device, config->region, out) : -EINVAL;

	if (r < 0)
		return refuse(why, r, "%s has no region %u", p->name, config->region);
	if (!out->mappable)
		return refuse(why, -EINVAL, "%s: region %u cannot be mapped", p->name,
			      config->region);
	if (out->len < config->len)
		return refuse(why, -EINVAL, "%s: region %u has 0x%llx bytes, 0x%llx are needed",
			      p->name, config->region, (unsigned long long)out->len,
			      (unsigned long long)config->len);
	return 0;
}

static int make_window(struct platform_window *p, const struct platform_window_config *config,
		       struct reason *why)
{
	unsigned int n_regions = 0, n_irqs = 0;
	struct platform_region region = { 0 };
	struct window_file_config file = {
		.name = config->name, .fd = config->device, .len = config->len, .base = config->base
	};
	int r = p->ops->info(p->device, &n_regions, &n_irqs);

	if (r < 0)
		return refuse(why, r, "%s is no device of the platform in VFIO (errno %d)", p->name,
			      -r);
	r = find_region(p, config, n_regions, &region, why);
	if (r == 0)
		r = listen(p, n_irqs, why);
	if (r < 0)
		return r;
	file.offset = region.offset;
	file.irq = (struct irq){ p->eventfd, ack, p };
	return window_open_file(&file, &p->window, why);
}

int platform_window_new(const struct platform_window_config *config, struct platform_window **out,
			struct reason *why)
{
	_cleanup_(platform_window_freep) struct platform_window *p =
		mem_new0(struct platform_window);
	int r;

	if (!p)
		return refuse(why, -ENOMEM, "no memory");
	p->ops = config->ops ? config->ops : &platform_kernel;
	p->name = config->name;
	p->device = config->device;
	p->eventfd = -1;
	r = make_window(p, config, why);
	if (r == 0)
		*out = STEAL_PTR(p);
	return r;
}
