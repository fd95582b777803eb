// SPDX-License-Identifier: BSD-3-Clause
/* Arenas of hugetlb pages: the suite reserves some where it may, and puts back what was there. */
#include <fcntl.h>

#include "tests/hugepages.h"
#include "tests/memory/fixture.h"

#define NEEDED 3

static unsigned long n_before;

/* The case's own process ends anyhow; main() puts back what was there. */
static bool have_pages(void)
{
	if (hugepages_get(HUGEPAGES_FREE) < NEEDED)
		hugepages_set(n_before + NEEDED);
	return hugepages_get(HUGEPAGES_FREE) >= NEEDED;
}

static int new_huge(struct memory *m, uint32_t id, uint64_t pa, uint64_t len)
{
	return memory_arena_new(m, id, pages_at(pa, len), SOURCE_HUGETLB, NULL);
}

START_TEST(hugetlb_arena_has_its_pages_and_is_zero)
{
	_cleanup_(memory_freep) struct memory *m = NULL;
	_cleanup_(mem_freep) uint8_t *buf = mem_zalloc(2 * SZ_2M);
	struct stat st;

	if (!have_pages())
		SUITE_SKIP("no hugetlb pages can be had");
	m = new_memory(0);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(new_huge(m, i, PA, 2 * SZ_2M), 0);
		ck_assert_uint_eq(stats_of(m).fallbacks, 0);
		ck_assert_uint_eq(stats_of(m).huge_bytes, 2 * SZ_2M);
		ck_assert_int_eq(fstat(memory_arena_fd(m, i, true), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_blksize, SZ_2M);
		ck_assert_uint_eq(count_pages(memory_arena_fd(m, i, true)), 2 * SZ_2M);
		ck_assert_int_eq(ftruncate(memory_arena_fd(m, i, true), 0), -1);
		ck_assert_int_ge(memory_arena_fd(m, i, false), 0);
		ck_assert_int_eq(memory_read(m, PA, buf, 2 * SZ_2M), 0);
		ck_assert(is_all(buf, 0, 2 * SZ_2M));
		memset(buf, 1, 2 * SZ_2M);
		ck_assert_int_eq(memory_write(m, PA, buf, 2 * SZ_2M), 0);
		memory_arena_free(m, i);
	}
}
END_TEST

START_TEST(hole_that_the_kernel_cannot_fill_is_refused_and_changes_nothing)
{
	_cleanup_(memory_freep) struct memory *m = NULL;
	_cleanup_(mem_freep) uint8_t *buf = mem_zalloc(2 * SZ_2M);
	const uint64_t small = PA + 2 * SZ_2M;
	uint8_t byte = 3;
	int fd;

	if (!have_pages())
		SUITE_SKIP("no hugetlb pages can be had");
	m = new_memory(0);
	ck_assert_int_eq(new_huge(m, 1, PA, 2 * SZ_2M), 0);
	ck_assert_uint_eq(stats_of(m).fallbacks, 0);
	ck_assert_int_eq(new_arena(m, 2, small, SZ_2M), 0);
	ck_assert_int_eq(memory_write(m, PA, &byte, 1), 0);
	ck_assert_int_eq(memory_write(m, small, &byte, 1), 0);
	fd = memory_arena_fd(m, 1, true);
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, SZ_2M, SZ_2M),
			 0);
	hugepages_set(0);
	if (hugepages_get(HUGEPAGES_FREE) > 0)
		SUITE_SKIP("the system's free hugetlb pages cannot be taken away");
	memset(buf, 0x55, 2 * SZ_2M);
	ck_assert_int_eq(memory_write(m, PA, buf, 2 * SZ_2M), -EFAULT);
	ck_assert_int_eq(memory_read(m, PA, buf, 2 * SZ_2M), -EFAULT);
	ck_assert(is_all(buf, 0x55, 2 * SZ_2M));
	ck_assert_int_eq(memory_zero(m, PA + SZ_2M, 1), -EFAULT);
	ck_assert_int_eq(memory_zero(m, PA, 3 * SZ_2M), -EFAULT);
	ck_assert_int_eq(memory_copy(m, small, PA + SZ_1M, SZ_2M), -EFAULT);
	ck_assert_int_eq(memory_copy(m, PA + SZ_1M, small, SZ_2M), -EFAULT);
	ck_assert_int_eq(memory_copy(m, PA + SZ_4K, PA, 2 * SZ_2M - SZ_4K), -EFAULT);
	ck_assert_int_eq(memory_read(m, PA, &byte, 1), 0);
	ck_assert_uint_eq(byte, 3);
	ck_assert_int_eq(memory_read(m, small, &byte, 1), 0);
	ck_assert_uint_eq(byte, 3);
	hugepages_set(n_before + NEEDED);
	if (hugepages_get(HUGEPAGES_FREE) > 0)
		ck_assert_int_eq(memory_write(m, PA, buf, 2 * SZ_2M), 0);
}
END_TEST

START_TEST(crooked_length_becomes_a_memfd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	ck_assert_int_eq(new_huge(m, 1, PA, SZ_64K), 0);
	ck_assert_int_eq(new_huge(m, 2, PA + SZ_16M, SZ_2M + SZ_4K), 0);
	ck_assert_uint_eq(stats_of(m).fallbacks, 2);
	ck_assert_uint_eq(count_pages(memory_arena_fd(m, 2, true)), SZ_2M + SZ_4K);
	ck_assert_int_eq(memory_zero(m, PA + SZ_16M, SZ_2M + SZ_4K), 0);
}
END_TEST

START_TEST(without_huge_pages_left_it_becomes_a_memfd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(SZ_2M);
	const uint64_t len = (hugepages_get(HUGEPAGES_FREE) + 1) * SZ_2M;
	struct stat st;

	if (len > 4 * SZ_16M)
		SUITE_SKIP("too many hugetlb pages are free");
	ck_assert_int_eq(new_huge(m, 1, PA, len), 0);
	ck_assert_uint_eq(stats_of(m).fallbacks, 1);
	ck_assert_int_eq(fstat(memory_arena_fd(m, 1, true), &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, len);
	ck_assert_int_eq(memory_zero(m, PA, len), 0);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {
		hugetlb_arena_has_its_pages_and_is_zero,
		hole_that_the_kernel_cannot_fill_is_refused_and_changes_nothing,
		crooked_length_becomes_a_memfd,
		without_huge_pages_left_it_becomes_a_memfd,
		NULL,
	};
	int r;

	n_before = hugepages_begin();
	r = suite_run("hugetlb", cases);
	hugepages_set(n_before);
	return r;
}
