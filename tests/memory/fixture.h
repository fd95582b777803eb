/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the suites of memory share: a memory with a small table window, arenas by number, and the counts that show a leak.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "memory/memory.h"
#include "tests/suite.h"

#define TABLES_PA UINT64_C(0x10000000)
#define TABLES_LEN SZ_1M
#define PA UINT64_C(0x40000000)

CLEANUP_DEFINE(struct memory *, memory_free)
CLEANUP_DEFINE(DIR *, closedir)
CLEANUP_DEFINE(FILE *, fclose)

static inline struct memory *new_memory(uint64_t stock_len)
{
	struct memory_config config = { .tables = { TABLES_PA, TABLES_PA + TABLES_LEN - 1 },
					.stock_len = stock_len };

	return memory_new(&config);
}

static inline struct range pages_at(uint64_t pa, uint64_t len)
{
	return (struct range){ pa, pa + len - 1 };
}

static inline int new_arena(struct memory *m, uint32_t id, uint64_t pa, uint64_t len)
{
	return memory_arena_new(m, id, pages_at(pa, len), SOURCE_MEMFD, NULL);
}

static inline struct memory_stats stats_of(const struct memory *m)
{
	struct memory_stats s;

	memory_get_stats(m, &s);
	return s;
}

static inline size_t count_fds(void)
{
	_cleanup_(closedirp) DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	/* cppcheck-suppress readdirCalled; the stream is this function's own */
	while (readdir(dir))
		n++;
	return n;
}

/* Bytes of arena files that this process has mapped. */
static inline uint64_t count_mapped(void)
{
	_cleanup_(fclosep) FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long first, end;
	uint64_t len = 0;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "memfd:vcm") && sscanf(line, "%lx-%lx", &first, &end) == 2)
			len += end - first;
	return len;
}

/* Bytes of the file that are in memory. */
static inline uint64_t count_pages(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* From now on the kernel refuses this process huge pages (but for hugetlb's). */
static inline void refuse_huge_pages(void)
{
	ck_assert_int_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
}

static inline bool is_all(const void *at, uint8_t value, size_t len)
{
	const uint8_t *p = at;

	return len == 0 || (p[0] == value && memcmp(p, p + 1, len - 1) == 0);
}

static inline void idle_until_done(struct memory *m)
{
	size_t n = 0;

	while (memory_idle(m))
		ck_assert_uint_lt(n++, 100000);
}
