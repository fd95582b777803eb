// SPDX-License-Identifier: BSD-3-Clause
#include "memory/piece.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "memory/collapse.h"
#include "memory/place.h"
#include "memory/source.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

#define FILL_STEP_SMALL (SZ_1M / 2)
#define ZERO_STEP SZ_1M
#define ZERO_STEP_STRICT SZ_64K
#define CLOSE_STEP_SMALL SZ_2M
#define CLOSE_STEP_HUGE (4 * SZ_16M)

static void unmap(uint8_t *at, uint64_t len)
{
	if (len > 0)
		munmap(at, len);
}

/* Huge pages need an address that agrees with the offset modulo 2 MB: reserve more, keep the part that does. */
static int map_aligned(struct piece *p, uint64_t len)
{
	const uint64_t slack = SZ_2M - PAGE_LEN;
	uint64_t lead;
	uint8_t *at;

	at = mmap(NULL, len + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	lead = -(uintptr_t)at & (SZ_2M - 1);
	unmap(at, lead);
	at += lead;
	unmap(at + len, slack - lead);
	p->at = mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->fd, 0);
	if (p->at == MAP_FAILED) {
		unmap(at, len);
		return -ENOMEM;
	}
	p->len = len;
	return 0;
}

static int map(struct piece *p, uint64_t len)
{
	if (len >= SZ_2M)
		return map_aligned(p, len);
	p->at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (p->at == MAP_FAILED)
		return -ENOMEM;
	p->len = len;
	return 0;
}

/* A core of the daemon has nobody's bytes in it. */
static int map_undumped(struct piece *p, uint64_t len)
{
	int r = map(p, len);

	if (r == 0)
		madvise(p->at, len, MADV_DONTDUMP);
	return r;
}

int piece_init(struct piece *out, enum memory_source source, uint64_t len)
{
	_cleanup_(piece_deinit) struct piece p = PIECE_NULL;
	int r;

	p.source = source;
	p.fd = source_open(source, len);
	if (p.fd < 0)
		return p.fd;
	r = map_undumped(&p, len);
	if (r < 0)
		return r;
	p.filled = p.huge_len = source == SOURCE_HUGETLB ? len : 0;
	*out = p;
	p = PIECE_NULL;
	return 0;
}

int piece_adopt(struct piece *out, int fd, uint64_t len)
{
	struct piece p = PIECE_NULL;
	int r = source_check(fd, len, &p.source);

	if (r < 0)
		return r;
	p.fd = fd;
	r = map_undumped(&p, len);
	if (r < 0)
		return r;
	p.filled = len;
	p.huge_len = p.source == SOURCE_HUGETLB ? len : 0;
	*out = p;
	return 0;
}

void piece_deinit(struct piece *p)
{
	if (p->fd < 0)
		return;
	if (p->len > 0) {
		munmap(p->at, p->len);
		if (!p->left)
			source_punch(p->fd, 0, p->len);
	}
	fd_closep(&p->read_only_fd);
	fd_closep(&p->fd);
	*p = PIECE_NULL;
}

/* What the kernel's huge pages have cost lately: a matter of the machine, whosever memory it is. */
static struct collapse collapse;

/* The kernel collapses only where a page has been, and early ones (6.1) where one is mapped; it leaves all as it is when it
 * cannot. */
static bool fill_huge(struct piece *p, uint64_t len)
{
	if (!collapse_is_due(&collapse))
		return false;
	for (uint64_t done = 0; done < len; done += SZ_2M) {
		if (source_allocate(p->fd, p->filled + done, PAGE_LEN) < 0)
			return false;
		(void)*(const volatile uint8_t *)(p->at + p->filled + done);
	}
	if (!collapse_pages(&collapse, p->at + p->filled, len))
		return false;
	p->filled += len;
	p->huge_len += len;
	return true;
}

static int fill_small(struct piece *p, uint64_t len)
{
	int r = source_allocate(p->fd, p->filled, len);

	if (r < 0)
		return r;
	/* The pages are there; without this they are found one by one, later. */
	madvise(p->at + p->filled, len, MADV_POPULATE_READ);
	p->filled += len;
	return 0;
}

static int fill_step(struct piece *p)
{
	uint64_t left = p->len - p->filled;

	if (left >= SZ_2M && is_aligned(p->filled, SZ_2M) && fill_huge(p, SZ_2M))
		return 0;
	return fill_small(p, left < FILL_STEP_SMALL ? left : FILL_STEP_SMALL);
}

/* Of a window the pages are there. */
static int zero_step(struct piece *p)
{
	uint64_t left = p->len - p->filled, step = p->strict ? ZERO_STEP_STRICT : ZERO_STEP;
	int r;

	step = left < step ? left : step;
	r = place_zero(PLACE_GUARDED | (p->strict ? PLACE_WORDS : 0), p->at + p->filled, step);
	p->filled += r < 0 ? 0 : step;
	return r;
}

int piece_fill_step(struct piece *p, bool *out_more)
{
	int r = 0;

	if (p->filled < p->len)
		r = p->window ? zero_step(p) : fill_step(p);
	*out_more = p->filled < p->len;
	return r;
}

int piece_fill(struct piece *p)
{
	uint64_t whole = align_down(p->len - p->filled, SZ_2M);
	bool more;
	int r = 0;

	/* One call costs less than many, but it succeeds as a whole only. */
	if (whole > SZ_2M && is_aligned(p->filled, SZ_2M) && !p->window)
		fill_huge(p, whole);
	for (more = p->filled < p->len; r == 0 && more;)
		r = piece_fill_step(p, &more);
	return r;
}

static uint64_t close_step(const struct piece *p)
{
	return p->huge_len == p->len ? CLOSE_STEP_HUGE : CLOSE_STEP_SMALL;
}

bool piece_is_long(const struct piece *p)
{
	if (p->fd < 0)
		return false;
	return p->len - p->huge_len > CLOSE_STEP_SMALL || p->len > CLOSE_STEP_HUGE;
}

void piece_shrink_step(struct piece *p)
{
	uint64_t step = close_step(p), keep;

	keep = p->len > step ? align_down(p->len - 1, step) : 0;
	munmap(p->at + keep, p->len - keep);
	source_punch(p->fd, keep, p->len - keep);
	p->len = keep;
	if (p->huge_len > keep)
		p->huge_len = keep;
}

int piece_read_only(struct piece *p)
{
	if (p->read_only_fd < 0)
		p->read_only_fd = source_open_read_only(p->fd);
	return p->read_only_fd;
}
