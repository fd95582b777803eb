// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/mapping.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include <vcm/attr.h>

#include "base/mem.h"
#include "base/range.h"

struct mapping {
	atomic_uint n_refs;
	struct arenas *arenas;
	struct mapping *outer; /* whose space it is; NULL: its own */
	size_t len;

	pthread_mutex_t lock; /* for what follows */
	uint8_t *addr;        /* NULL: not placed yet */
	uint32_t attr;
	uint64_t attr_stamp;  /* of what set them last */
	uint64_t shown_stamp; /* of what showed or hid last */
	bool is_closed;
	uint32_t *used; /* the arenas of what is shown, once for each run */
	size_t n_used;
};

/* None of read, write, execute is read and write; a CPU cannot write without reading. */
static int protection(uint32_t attr)
{
	int prot = 0;

	if (!(attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE)))
		return PROT_READ | PROT_WRITE;
	if (attr & VCM_READ)
		prot |= PROT_READ;
	if (attr & VCM_WRITE)
		prot |= PROT_READ | PROT_WRITE;
	if (attr & VCM_EXECUTE)
		prot |= PROT_EXEC;
	return prot;
}

static void *map_nothing(void *at, size_t len)
{
	return mmap(at, len, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
}

/* Cuts len bytes at a multiple of align out of space that is larger by align. */
static uint8_t *cut(uint8_t *space, size_t space_len, size_t len, size_t align)
{
	size_t before = (align - (uintptr_t)space % align) % align;
	size_t after = space_len - before - len;
	uint8_t *kept = space + before;

	if (before)
		munmap(space, before);
	if (after)
		munmap(kept + len, after);
	return kept;
}

/* Where one lay that has ended: there is room, aligned as somebody wanted it. */
static _Atomic(uint8_t *) freed;

/* At a hint the kernel gives what lies there, if it is free, and something else otherwise. NULL: not aligned. */
static uint8_t *take_near(uint8_t *at, size_t len, size_t align, uint8_t **out_near)
{
	uint8_t *hint = at ? at - (uintptr_t)at % align : NULL;
	void *space =
		mmap(hint, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		return NULL;
	if ((uintptr_t)space % align == 0)
		return space;
	*out_near = space;
	munmap(space, len);
	return NULL;
}

/* NULL when the process has no such space. Below the kernel's first choice there mostly is more. */
static uint8_t *take_space(uint64_t len, uint64_t align)
{
	uint8_t *space, *near = NULL;
	void *larger;

	if (len == 0 || len > SIZE_MAX / 2 || align > SIZE_MAX / 2)
		return NULL;
	space = take_near(atomic_exchange(&freed, NULL), (size_t)len, (size_t)align, &near);
	if (!space && near)
		space = take_near(near, (size_t)len, (size_t)align, &near);
	if (space || !near)
		return space;
	larger = map_nothing(NULL, (size_t)(len + align));
	if (larger == MAP_FAILED)
		return NULL;
	return cut(larger, (size_t)(len + align), (size_t)len, (size_t)align);
}

static struct mapping *mapping_alloc(struct arenas *arenas, uint64_t len, uint32_t attr)
{
	struct mapping *m = mem_new0(struct mapping);

	if (!m)
		return NULL;
	atomic_init(&m->n_refs, 1);
	pthread_mutex_init(&m->lock, NULL);
	m->arenas = arenas;
	m->len = (size_t)len;
	m->attr = attr;
	return m;
}

/* An order that is none is the broker's to refuse. */
static uint64_t alignment(uint64_t len, uint32_t attr)
{
	static const uint64_t defaults[] = { SZ_16M, SZ_1M, SZ_64K };
	unsigned int order = attr >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK;
	uint64_t align = SZ_4K;

	if (order >= PAGE_SHIFT && order <= 30) {
		align = UINT64_C(1) << order;
	} else {
		for (size_t i = 0; i < 3 && align == SZ_4K; i++)
			if (len >= defaults[i])
				align = defaults[i];
	}
	return len >= SZ_2M && align < SZ_2M ? SZ_2M : align;
}

int mapping_new(struct arenas *arenas, uint64_t len, uint32_t attr, struct mapping **out,
		struct reason *why)
{
	_cleanup_(mapping_unrefp) struct mapping *m = mapping_alloc(arenas, len, attr);

	if (!m)
		return refuse(why, -ENOMEM, "no memory");
	m->addr = take_space(len, alignment(len, attr));
	if (!m->addr)
		return refuse(why, -ENOMEM,
			      "the process has no room for %llu bytes in its address space",
			      (unsigned long long)len);
	*out = STEAL_PTR(m);
	return 0;
}

struct mapping *mapping_new_inside(struct mapping *outer, uint64_t len, uint32_t attr)
{
	struct mapping *m = mapping_alloc(outer->arenas, len, attr);

	if (m)
		m->outer = mapping_ref(outer);
	return m;
}

struct mapping *mapping_ref(struct mapping *m)
{
	if (m)
		atomic_fetch_add(&m->n_refs, 1);
	return m;
}

struct mapping *mapping_unref(struct mapping *m)
{
	if (!m || atomic_fetch_sub(&m->n_refs, 1) != 1)
		return NULL;
	mapping_close(m);
	pthread_mutex_destroy(&m->lock);
	mapping_unref(m->outer);
	return mem_free(m);
}

uint64_t mapping_addr(struct mapping *m)
{
	uint64_t addr;

	pthread_mutex_lock(&m->lock);
	addr = (uintptr_t)m->addr;
	pthread_mutex_unlock(&m->lock);
	return addr;
}

bool mapping_is_part(const struct mapping *m)
{
	return m->outer;
}

uint64_t mapping_len(const struct mapping *m)
{
	return m->len;
}

static int place(struct mapping *m, uint64_t addr)
{
	struct range in, outer;

	if (!range_make((uintptr_t)m->outer->addr, m->outer->len, &outer) ||
	    !range_make(addr, m->len, &in) || !range_covers(outer, in) ||
	    !is_aligned(addr, PAGE_LEN))
		return -EPROTO;
	m->addr = m->outer->addr + (addr - outer.first);
	return 0;
}

int mapping_place(struct mapping *m, uint64_t addr, struct reason *why)
{
	int r;

	assert(m->outer);
	pthread_mutex_lock(&m->lock);
	r = place(m, addr);
	pthread_mutex_unlock(&m->lock);
	if (r < 0)
		return refuse(why, r, "the broker answered with an address outside of the bound");
	return 0;
}

static void end_uses(struct mapping *m)
{
	for (size_t i = 0; i < m->n_used; i++)
		arenas_put(m->arenas, m->used[i]);
	m->used = mem_free(m->used);
	m->n_used = 0;
}

/* The old pages must not stay reachable: without room for the mapping itself, they lose their protection bits. */
static void hide(struct mapping *m)
{
	/* cppcheck-suppress leakReturnValNotUsed ; it lies where it shall */
	if (m->addr && map_nothing(m->addr, m->len) == MAP_FAILED)
		mprotect(m->addr, m->len, PROT_NONE);
	end_uses(m);
}

/* Whether something newer of the kind was done; if not, this is the newest now. */
static bool is_late(const struct mapping *m, uint64_t stamp, uint64_t *newest)
{
	if (m->is_closed || stamp <= *newest)
		return true;
	*newest = stamp;
	return false;
}

static int map_run(struct mapping *m, size_t at, const struct piece_run *run, struct reason *why)
{
	/* cppcheck-suppress leakReturnValNotUsed ; it lies where it shall */
	if (mmap(m->addr + at, (size_t)run->len, protection(m->attr),
		 MAP_SHARED | MAP_FIXED | MAP_POPULATE, run->fd, (off_t)run->offset) != MAP_FAILED)
		return 0;
	return refuse(why, -errno, "this process cannot map %llu bytes of memory: %s",
		      (unsigned long long)run->len, strerrordesc_np(errno));
}

static int map_runs(struct mapping *m, const struct piece_run *runs, size_t n_runs,
		    struct reason *why)
{
	size_t at = 0;
	int r;

	for (size_t i = 0; i < n_runs; i++) {
		assert(runs[i].len <= m->len - at);
		r = map_run(m, at, &runs[i], why);
		if (r < 0)
			return r;
		at += (size_t)runs[i].len;
	}
	assert(at == m->len);
	return 0;
}

static int show(struct mapping *m, const struct piece_run *runs, size_t n_runs, struct reason *why)
{
	_cleanup_(mem_freep) uint32_t *used = mem_zalloc_n(n_runs, sizeof(*used));
	int r;

	if (!used)
		return refuse(why, -ENOMEM, "no memory");
	r = map_runs(m, runs, n_runs, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_runs; i++)
		used[i] = runs[i].arena;
	m->used = STEAL_PTR(used);
	m->n_used = n_runs;
	return 0;
}

static void skip(struct mapping *m, const struct piece_run *runs, size_t n_runs)
{
	for (size_t i = 0; i < n_runs; i++)
		arenas_put(m->arenas, runs[i].arena);
}

int mapping_show(struct mapping *m, uint64_t stamp, const struct piece_run *runs, size_t n_runs,
		 struct reason *why)
{
	int r = 0;

	pthread_mutex_lock(&m->lock);
	if (is_late(m, stamp, &m->shown_stamp)) {
		skip(m, runs, n_runs);
	} else {
		if (m->n_used)
			hide(m);
		r = show(m, runs, n_runs, why);
		if (r < 0)
			hide(m);
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

bool mapping_is_past(struct mapping *m, uint64_t stamp)
{
	bool is_past;

	pthread_mutex_lock(&m->lock);
	is_past = m->is_closed || m->shown_stamp > stamp;
	pthread_mutex_unlock(&m->lock);
	return is_past;
}

void mapping_hide(struct mapping *m, uint64_t stamp)
{
	pthread_mutex_lock(&m->lock);
	if (!is_late(m, stamp, &m->shown_stamp))
		hide(m);
	pthread_mutex_unlock(&m->lock);
}

static int protect(struct mapping *m, uint64_t stamp, uint32_t attr)
{
	if (is_late(m, stamp, &m->attr_stamp))
		return 0;
	if (m->n_used && mprotect(m->addr, m->len, protection(attr)) < 0) {
		int r = -errno;

		mprotect(m->addr, m->len, protection(m->attr));
		return r;
	}
	m->attr = attr;
	return 0;
}

int mapping_protect(struct mapping *m, uint64_t stamp, uint32_t attr, uint32_t *out_old,
		    struct reason *why)
{
	int r;

	pthread_mutex_lock(&m->lock);
	*out_old = m->attr;
	r = protect(m, stamp, attr);
	pthread_mutex_unlock(&m->lock);
	if (r < 0)
		return refuse(why, r,
			      "this process cannot change the protection of its mapping: %s",
			      strerrordesc_np(-r));
	return 0;
}

void mapping_close(struct mapping *m)
{
	pthread_mutex_lock(&m->lock);
	if (!m->is_closed && m->addr && !m->outer) {
		munmap(m->addr, m->len);
		atomic_store(&freed, m->addr);
	}
	m->is_closed = true;
	end_uses(m);
	pthread_mutex_unlock(&m->lock);
}
