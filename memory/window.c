// SPDX-License-Identifier: BSD-3-Clause
#include "memory/window.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "memory/page.h"
#include "memory/source.h"

/* Ranges that meet are equal, as windows never meet. */
static int compare(const struct window *a, const struct window *b)
{
	return a->pa.last < b->pa.first ? -1 : a->pa.first > b->pa.last;
}

RB_GENERATE_INTERNAL(windows, window, by_pa, compare, static _unused_)

static struct window *window_free(struct window *w)
{
	if (!w)
		return NULL;
	if (w->at)
		munmap(w->at, range_len(w->pa));
	fd_closep(&w->pin_fd);
	fd_closep(&w->read_only_fd);
	fd_closep(&w->fd);
	return mem_free(w);
}
CLEANUP_DEFINE(struct window *, window_free)

static struct window *window_new(void)
{
	struct window *w = mem_new0(struct window);

	if (w)
		w->fd = w->read_only_fd = w->pin_fd = -1;
	return w;
}

void windows_deinit(struct windows *all)
{
	struct window *w;

	while ((w = RB_MIN(windows, all))) {
		RB_REMOVE(windows, all, w);
		window_free(w);
	}
}

struct window *windows_meeting(struct windows *all, struct range pa)
{
	struct window key = { .pa = pa };

	return RB_FIND(windows, all, &key);
}

struct window *windows_at(struct windows *all, struct range pa)
{
	struct window *w = windows_meeting(all, pa);

	return w && range_covers(w->pa, pa) ? w : NULL;
}

static int link_window(struct windows *all, struct window *w, struct reason *why)
{
	const struct window *met = RB_INSERT(windows, all, w);

	if (met)
		return refuse(why, -EEXIST,
			      "memory at 0x%" PRIx64 " meets other memory at 0x%" PRIx64,
			      w->pa.first, met->pa.first);
	return 0;
}

/* Whether a character device is one of that kind. */
static bool is_of(dev_t device, const char *subsystem)
{
	char path[64], to[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/subsystem", major(device), minor(device));
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return false;
	to[n] = 0;
	name = strrchr(to, '/');
	return name && strcmp(name + 1, subsystem) == 0;
}

/* /dev/mem, which is opened with O_SYNC, and what a UIO driver shows of its device's. DAX is memory, and cached. */
static bool is_uncached(dev_t device)
{
	return device == makedev(1, 1) || is_of(device, "uio");
}

/* A file that ends early, or is no file of memory, would be found by whoever touches it. */
static int check_file(struct window *w, int fd, uint64_t offset, struct reason *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(why, -errno, "memory at 0x%" PRIx64 ": %s", w->pa.first,
			      strerror(errno));
	w->uncached = S_ISCHR(st.st_mode) && is_uncached(st.st_rdev);
	w->strict = S_ISCHR(st.st_mode) && !is_of(st.st_rdev, "dax");
	if (S_ISREG(st.st_mode) &&
	    ((uint64_t)st.st_size < offset || (uint64_t)st.st_size - offset < range_len(w->pa)))
		return refuse(why, -EINVAL, "memory at 0x%" PRIx64 ": its file ends before it does",
			      w->pa.first);
	return 0;
}

int windows_add(struct windows *all, struct range pa, int fd, uint64_t offset, struct reason *why)
{
	_cleanup_(window_freep) struct window *w = window_new();
	void *at;
	int r;

	if (!w)
		return refuse(why, -ENOMEM, "the broker has no memory left");
	w->pa = pa;
	w->offset = offset;
	r = check_file(w, fd, offset, why);
	if (r < 0)
		return r;
	at = mmap(NULL, range_len(pa), PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (at == MAP_FAILED)
		return refuse(why, -errno, "memory at 0x%" PRIx64 " cannot be mapped: %s", pa.first,
			      strerror(errno));
	w->at = at;
	r = link_window(all, w, why);
	if (r < 0)
		return r;
	w->fd = fd;
	STEAL_PTR(w);
	return 0;
}

/* Takes the page on success. */
static int link_page(struct windows *all, struct page *page, struct window **out,
		     struct reason *why)
{
	_cleanup_(window_freep) struct window *w = window_new();
	int r;

	if (!w)
		return refuse(why, -ENOMEM, "the broker has no memory left");
	w->pa = (struct range){ page->pa, page->pa + (SZ_2M - 1) };
	r = link_window(all, w, why);
	if (r < 0)
		return r;
	w->page = true;
	w->at = STEAL_PTR(page->at);
	w->fd = steal_fd(&page->fd);
	w->pin_fd = steal_fd(&page->pin_fd);
	*out = STEAL_PTR(w);
	return 0;
}

int windows_add_page(struct windows *all, struct window **out, struct reason *why)
{
	_cleanup_(page_deinit) struct page page = PAGE_NULL;
	int r = page_init(&page, why);

	return r < 0 ? r : link_page(all, &page, out, why);
}

int windows_adopt_page(struct windows *all, uint64_t pa, int fd, int pin_fd, struct reason *why)
{
	_cleanup_(page_deinit) struct page page = PAGE_NULL;
	struct window *w = NULL;
	int r = page_adopt(&page, pa, fd, pin_fd, why);

	if (r < 0)
		return r;
	r = link_page(all, &page, &w, why);
	if (r == 0) {
		w->given = true;
		return 0;
	}
	/* The files stay the caller's. */
	page.fd = -1;
	if (page.pin_fd == pin_fd)
		page.pin_fd = -1;
	return r;
}

int window_renew(struct window *w)
{
	_cleanup_(page_deinit) struct page old = {
		.pa = w->pa.first, .at = w->at, .fd = w->fd, .pin_fd = w->pin_fd
	};
	int r = page_renew(&old);

	fd_closep(&w->read_only_fd);
	w->at = STEAL_PTR(old.at);
	w->fd = steal_fd(&old.fd);
	w->pin_fd = steal_fd(&old.pin_fd);
	w->lost = r < 0;
	w->given = w->lost;
	return r;
}

int window_fd(struct window *w, bool writable)
{
	w->given = true;
	if (writable)
		return w->fd;
	if (w->read_only_fd < 0)
		w->read_only_fd = source_open_read_only(w->fd);
	return w->read_only_fd < 0 ? -1 : w->read_only_fd;
}
