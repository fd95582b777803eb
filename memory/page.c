// SPDX-License-Identifier: BSD-3-Clause
#include "memory/page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "memory/memory.h"
#include "memory/place.h"
#include "memory/source.h"

#define PRESENT (UINT64_C(1) << 63)
#define FRAME ((UINT64_C(1) << 55) - 1)

/* How many pages are looked at for one that was given back. */
#define TRIES 8

/* 0: it is not told, or not there. Page 0 is nobody's. */
static uint64_t pa_of(const void *at)
{
	_cleanup_(fd_closep) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	long len = sysconf(_SC_PAGESIZE);

	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry),
		  (off_t)((uintptr_t)at / (uintptr_t)len * sizeof(entry))) != sizeof(entry))
		return 0;
	return entry & PRESENT ? (entry & FRAME) * (uint64_t)len : 0;
}

/* It reads the page, so that one is there for sure. */
static void touch(const uint8_t *at)
{
	(void)*(const volatile uint8_t *)at;
}

static int pin(struct page *p)
{
	struct iovec piece = { p->at, 1 };
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return source_error(errno);
	n = vmsplice(ends[1], &piece, 1, SPLICE_F_NONBLOCK);
	close(ends[1]);
	p->pin_fd = ends[0];
	return n == 1 ? 0 : -ENOMEM;
}

/* Also where another process has the pipe. */
static void unpin(struct page *p)
{
	uint8_t byte;

	if (p->pin_fd >= 0)
		(void)!read(p->pin_fd, &byte, 1);
	fd_closep(&p->pin_fd);
}

/* A page, wherever it is. */
static int take(struct page *out)
{
	_cleanup_(page_deinit) struct page p = PAGE_NULL;
	void *at;
	int r;

	p.fd = source_open(SOURCE_HUGETLB, SZ_2M);
	if (p.fd < 0)
		return p.fd;
	at = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	p.at = at;
	touch(p.at);
	p.pa = pa_of(p.at);
	if (!p.pa)
		return -EPERM;
	r = pin(&p);
	if (r < 0)
		return r;
	*out = p;
	p = PAGE_NULL;
	return 0;
}

/* Who maps a hole reserves another page for it, and who looks into it has that, or a SIGBUS. */
static bool has_page(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_blocks > 0;
}

static int look(struct page *p, uint64_t pa, struct reason *why)
{
	uint8_t byte;
	void *at = MAP_FAILED;

	if (has_page(p->fd)) {
		at = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
		if (at == MAP_FAILED)
			return refuse(why, -ENOMEM,
				      "the huge page at 0x%" PRIx64 " cannot be mapped", pa);
		p->at = at;
		if (place_copy(PLACE_GUARDED, &byte, p->at, 1) == 0)
			p->pa = pa_of(p->at);
	}
	if (p->pa == pa)
		return 0;
	return refuse(why, -ESTALE,
		      "the huge page at 0x%" PRIx64
		      " is not in its file any more, or the kernel does not tell that it is",
		      pa);
}

int page_adopt(struct page *out, uint64_t pa, int fd, int pin_fd, struct reason *why)
{
	struct page p = { .fd = fd, .pin_fd = pin_fd };
	enum memory_source source;
	int r;

	if (source_check(fd, SZ_2M, &source) < 0 || source != SOURCE_HUGETLB)
		return refuse(why, -EINVAL,
			      "what was left of the page at 0x%" PRIx64 " is no huge page", pa);
	r = look(&p, pa, why);
	if (r == 0 && p.pin_fd < 0)
		r = pin(&p);
	if (r == 0)
		*out = p;
	else if (p.at)
		munmap(p.at, SZ_2M);
	return r;
}

int page_init(struct page *out, struct reason *why)
{
	int r = take(out);

	switch (r) {
	case 0:
		return 0;
	case -EPERM:
		return refuse(why, r,
			      "the kernel does not say where a page is: /proc/self/pagemap needs "
			      "CAP_SYS_ADMIN");
	case -ENOMEM:
		return refuse(why, r,
			      "no huge page of 2 MB is left, see /proc/sys/vm/nr_hugepages");
	default:
		return refuse(why, r, "no huge page: %s", strerror(-r));
	}
}

void page_deinit(struct page *p)
{
	if (p->at)
		munmap(p->at, SZ_2M);
	fd_closep(&p->pin_fd);
	fd_closep(&p->fd);
	*p = PAGE_NULL;
}

/* The one at pa, among the next that the kernel gives. */
static bool find(uint64_t pa, struct page *out)
{
	struct page tried[TRIES];
	bool found = false;
	unsigned int n = 0;

	while (n < TRIES && !found) {
		if (take(&tried[n]) < 0)
			break;
		found = tried[n].pa == pa;
		n++;
	}
	if (found)
		*out = tried[--n];
	while (n > 0)
		page_deinit(&tried[--n]);
	return found;
}

int page_renew(struct page *p)
{
	struct page again;

	/* Its user has made a hole: the page is not in the file any more. */
	if (pa_of(p->at) != p->pa)
		return -ESTALE;
	source_punch(p->fd, 0, SZ_2M);
	unpin(p);
	if (!find(p->pa, &again))
		return -ESTALE;
	page_deinit(p);
	*p = again;
	return 0;
}
