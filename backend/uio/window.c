// SPDX-License-Identifier: BSD-3-Clause
#include "backend/uio/window.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/barrier.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"

#define POLL_MS 10
#define PATH_LEN 512
#define TEXT_LEN 128

struct window {
	struct mmio io;
	struct irq irq;
	int fd;       /* the device */
	int timer_fd; /* -1: it has an interrupt */
	uint8_t *map;
	size_t map_len;
	volatile uint32_t *regs;
	uint64_t len, base;
};

/* --- access ----------------------------------------------------------------------------------------------------------- */

static uint32_t window_read32(void *ctx, uint32_t offset)
{
	const struct window *w = ctx;
	uint32_t value;

	assert(offset % 4 == 0 && offset < w->len);
	value = w->regs[offset / 4];
	barrier_after_read();
	return value;
}

static void window_write32(void *ctx, uint32_t offset, uint32_t value)
{
	const struct window *w = ctx;

	assert(offset % 4 == 0 && offset < w->len);
	barrier_before_write();
	w->regs[offset / 4] = value;
}

/* --- interrupts --------------------------------------------------------------------------------------------------------- */

/* UIO counts interrupts, and masks the line after each until 1 is written. */
static void ack_uio(void *ctx)
{
	const struct window *w = ctx;
	uint32_t word;

	if (read(w->fd, &word, sizeof(word)) != sizeof(word) && errno != EAGAIN)
		log_warning("uio: the interrupt cannot be read: %s", strerror(errno));
	word = 1;
	/* EIO, ENOSYS: a driver whose interrupts need no such thing (uio_write() of Linux). */
	if (write(w->fd, &word, sizeof(word)) != sizeof(word) && errno != EIO && errno != ENOSYS)
		log_warning("uio: the interrupt cannot be enabled: %s", strerror(errno));
}

static void ack_timer(void *ctx)
{
	const struct window *w = ctx;
	uint64_t n;

	if (read(w->timer_fd, &n, sizeof(n)) != sizeof(n) && errno != EAGAIN)
		log_warning("mem: the timer cannot be read: %s", strerror(errno));
}

static int start_timer(struct window *w, unsigned int ms)
{
	struct itimerspec every = { { ms / 1000, (long)(ms % 1000) * 1000000 },
				    { ms / 1000, (long)(ms % 1000) * 1000000 } };

	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->timer_fd < 0 || timerfd_settime(w->timer_fd, 0, &every, NULL))
		return -errno;
	return 0;
}

/* --- mapping ------------------------------------------------------------------------------------------------------------ */

static struct window *window_new(void)
{
	static const struct mmio_ops ops = { window_read32, window_write32 };
	struct window *w = mem_new0(struct window);

	if (!w)
		return NULL;
	w->io = (struct mmio){ &ops, w };
	w->fd = w->timer_fd = -1;
	return w;
}

struct window *window_free(struct window *w)
{
	if (!w)
		return NULL;
	if (w->map)
		munmap(w->map, w->map_len);
	fd_closep(&w->timer_fd);
	fd_closep(&w->fd);
	return mem_free(w);
}
CLEANUP_DEFINE(struct window *, window_free)

static size_t page_len(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* len bytes of registers, `into` bytes into the mapping. */
static int map_file(struct window *w, const char *path, int fd, uint64_t offset, uint64_t into,
		    uint64_t len, struct reason *why)
{
	void *map = mmap(NULL, into + len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	int r = -errno;

	if (map == MAP_FAILED)
		return refuse(why, r, "%s: its registers cannot be mapped: %s", path, strerror(-r));
	w->map = map;
	w->map_len = into + len;
	w->regs = (volatile uint32_t *)(void *)(w->map + into);
	w->len = len;
	return 0;
}

static int map_registers(struct window *w, const char *path, int flags, uint64_t offset,
			 uint64_t into, uint64_t len, struct reason *why)
{
	w->fd = open(path, O_RDWR | O_CLOEXEC | flags);
	if (w->fd < 0) {
		int r = -errno;

		return refuse(why, r, "%s: %s", path, strerror(-r));
	}
	return map_file(w, path, w->fd, offset, into, len, why);
}

/* --- UIO: Linux Documentation/driver-api/uio-howto.rst ------------------------------------------------------------------ */

static bool read_text(const char *path, char *text, size_t len)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, len - 1);

	if (n < 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return true;
}

static bool read_number(const char *sysfs, const char *device, unsigned int map, const char *what,
			uint64_t *out)
{
	char path[PATH_LEN], text[TEXT_LEN], *end;

	if (snprintf(path, sizeof(path), "%s/%s/maps/map%u/%s", sysfs, device, map, what) >=
		    (int)sizeof(path) ||
	    !read_text(path, text, sizeof(text)))
		return false;
	*out = strtoull(text, &end, 0);
	return end != text && !*end;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The devices that have the name; the last one's own, "uio3". */
static unsigned int find_device(const struct window_uio_config *config, const char *sysfs,
				char *device, size_t len)
{
	_cleanup_(closedirp) DIR *dir = opendir(sysfs);
	char path[PATH_LEN], text[TEXT_LEN];
	const struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "uio", 3) != 0 || strlen(e->d_name) >= len ||
		    snprintf(path, sizeof(path), "%s/%s/name", sysfs, e->d_name) >=
			    (int)sizeof(path) ||
		    !read_text(path, text, sizeof(text)) || strcmp(text, config->name) != 0)
			continue;
		memcpy(device, e->d_name, strlen(e->d_name) + 1);
		n++;
	}
	return n;
}

/*
 * Region N is mapped at offset N pages; `size` is made of whole pages or not, `offset` is where in its first page the
 * registers begin, `addr` the address of that page or, in older kernels, of the registers.
 */
static int find_region(const struct window_uio_config *config, const char *sysfs,
		       const char *device, struct window_place *out, uint64_t *out_into,
		       struct reason *why)
{
	uint64_t addr, into = 0;

	if (!read_number(sysfs, device, config->map, "addr", &addr) ||
	    !read_number(sysfs, device, config->map, "size", &out->len))
		return refuse(why, -EINVAL, "%s (%s) has no region %u", config->name, device,
			      config->map);
	if (!read_number(sysfs, device, config->map, "offset", &into))
		into = 0; /* kernels before 2.6.32 have none */
	if (into >= page_len() || into % 4)
		return refuse(why, -EINVAL, "%s (%s): region %u does not begin in its page",
			      config->name, device, config->map);
	if (config->len == 0 || out->len < config->len)
		return refuse(why, -EINVAL,
			      "%s (%s): region %u has 0x%" PRIx64 " bytes, 0x%" PRIx64
			      " are needed",
			      config->name, device, config->map, out->len, config->len);
	out->base = (addr & ~(uint64_t)(page_len() - 1)) + into;
	out->offset = config->map * page_len();
	if (snprintf(out->path, sizeof(out->path), "%s/%s", config->dev ? config->dev : "/dev",
		     device) >= (int)sizeof(out->path))
		return refuse(why, -EINVAL, "%s: the path is too long", device);
	*out_into = into;
	return 0;
}

static int find(const struct window_uio_config *config, struct window_place *out,
		uint64_t *out_into, struct reason *why)
{
	const char *sysfs = config->sysfs ? config->sysfs : "/sys/class/uio";
	char device[32];
	unsigned int n = find_device(config, sysfs, device, sizeof(device));

	if (n != 1)
		return refuse(why, -ENODEV, "%s UIO device is named '%s'",
			      n ? "more than one" : "no", config->name);
	return find_region(config, sysfs, device, out, out_into, why);
}

int window_find_uio(const struct window_uio_config *config, struct window_place *out,
		    struct reason *why)
{
	uint64_t into;
	int r = find(config, out, &into, why);

	if (r < 0)
		return r;
	if (into || out->len % page_len())
		return refuse(why, -EINVAL, "%s: region %u is not made of pages", config->name,
			      config->map);
	return 0;
}

int window_open_uio(const struct window_uio_config *config, struct window **out, struct reason *why)
{
	_cleanup_(window_freep) struct window *w = window_new();
	struct window_place place;
	uint64_t into;
	int r;

	if (!w)
		return refuse(why, -ENOMEM, "no memory");
	r = find(config, &place, &into, why);
	if (!r)
		r = map_registers(w, place.path, O_NONBLOCK, place.offset, into, config->len, why);
	if (r)
		return r;
	w->base = place.base;
	w->irq = (struct irq){ w->fd, ack_uio, w };
	/* It may be masked from a life before. */
	ack_uio(w);
	*out = STEAL_PTR(w);
	return 0;
}

/* --- /dev/mem ------------------------------------------------------------------------------------------------------------- */

int window_open_mem(const struct window_mem_config *config, struct window **out, struct reason *why)
{
	const char *path = config->path ? config->path : "/dev/mem";
	_cleanup_(window_freep) struct window *w = NULL;
	int r;

	if (!config->len || (config->base | config->len) & (page_len() - 1) ||
	    config->base > INT64_MAX - config->len)
		return refuse(why, -EINVAL, "registers at 0x%" PRIx64 " are not made of pages",
			      config->base);
	w = window_new();
	if (!w)
		return refuse(why, -ENOMEM, "no memory");
	w->base = config->base;
	/* O_SYNC: not cached, whatever the kernel would make of the address (phys_mem_access_prot() of Linux). */
	r = map_registers(w, path, O_SYNC, config->base, 0, config->len, why);
	if (r)
		return r;
	r = start_timer(w, config->poll_ms ? config->poll_ms : POLL_MS);
	if (r)
		return refuse(why, r, "%s: no timer: %s", path, strerror(-r));
	w->irq = (struct irq){ w->timer_fd, ack_timer, w };
	*out = STEAL_PTR(w);
	return 0;
}

/* --- files of others ------------------------------------------------------------------------------------------------------ */

int window_open_file(const struct window_file_config *config, struct window **out,
		     struct reason *why)
{
	_cleanup_(window_freep) struct window *w = window_new();
	int r;

	if (!w)
		return refuse(why, -ENOMEM, "no memory");
	w->base = config->base;
	w->irq = config->irq;
	r = map_file(w, config->name, config->fd, config->offset, 0, config->len, why);
	if (r == 0)
		*out = STEAL_PTR(w);
	return r;
}

const struct mmio *window_mmio(struct window *w)
{
	return &w->io;
}

const struct irq *window_irq(struct window *w)
{
	return &w->irq;
}

uint64_t window_base(const struct window *w)
{
	return w->base;
}
