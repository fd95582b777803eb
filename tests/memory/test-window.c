// SPDX-License-Identifier: BSD-3-Clause
/*
 * Memory at addresses that others know: parts of files, with /dev/zero for a device (mapped shared, it is memory).
 * Mutations that they were seen to catch: an arena that is not zeroed; the file's offset left out; words where bytes are
 * due; table memory that is not zeroed.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "memory/page.h"
#include "memory/zero.h"
#include "tests/hugepages.h"
#include "tests/memory/fixture.h"

#define LEN (16 * PAGE_LEN)
#define SKEW (3 * PAGE_LEN) /* of the window in its file */

/* A file that is larger than the window in it, full of 0xee. */
static int new_file(uint64_t len)
{
	int fd = memfd_create("window", MFD_CLOEXEC);
	_cleanup_(mem_freep) uint8_t *bytes = mem_zalloc(len);

	memset(bytes, 0xee, len);
	ck_assert_int_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
	return fd;
}

static uint8_t byte_at(int fd, uint64_t at)
{
	uint8_t byte = 0;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	return byte;
}

START_TEST(window_arena_is_where_its_address_says_and_zeroed)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int fd = new_file(SKEW + LEN + PAGE_LEN), mine = dup(fd);
	uint8_t bytes[3] = { 1, 2, 3 };

	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), steal_fd(&fd), SKEW, NULL), 0);
	ck_assert_int_eq(
		memory_arena_new(m, 1, pages_at(PA + PAGE_LEN, PAGE_LEN), SOURCE_WINDOW, NULL), 0);
	ck_assert_uint_eq(memory_arena_offset(m, 1), SKEW + PAGE_LEN);
	ck_assert_int_eq(memory_write(m, PA + PAGE_LEN + 5, bytes, 3), 0);
	ck_assert_uint_eq(byte_at(mine, SKEW + PAGE_LEN - 1), 0xee);
	ck_assert_uint_eq(byte_at(mine, SKEW + PAGE_LEN), 0);
	ck_assert_uint_eq(byte_at(mine, SKEW + PAGE_LEN + 6), 2);
	ck_assert_uint_eq(byte_at(mine, SKEW + 2 * PAGE_LEN), 0xee);
	ck_assert_int_eq(memory_write(m, PA + PAGE_LEN - 1, bytes, 3), -EFAULT);
	ck_assert_int_eq(memory_arena_free(m, 1), 0);
	ck_assert_int_eq(memory_read(m, PA + PAGE_LEN, bytes, 1), -EFAULT);
	ck_assert_int_eq(memory_arena_new(m, 2, pages_at(PA, LEN), SOURCE_WINDOW, NULL), 0);
	ck_assert_uint_eq(byte_at(mine, SKEW + PAGE_LEN + 6), 0);
}
END_TEST

START_TEST(windows_that_cannot_be_are_refused)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int fd = new_file(LEN), second = dup(fd);
	size_t n_fds;

	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN + PAGE_LEN), fd, 0, NULL), -EINVAL);
	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), fd, PAGE_LEN, NULL), -EINVAL);
	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), fd, UINT64_MAX & ~0xfffULL, NULL),
			 -EINVAL);
	ck_assert_int_eq(memory_window_add(m, pages_at(TABLES_PA, PAGE_LEN), fd, 0, NULL), -EEXIST);
	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), steal_fd(&fd), 0, NULL), 0);
	n_fds = count_fds();
	ck_assert_int_eq(memory_window_add(m, pages_at(PA + LEN - PAGE_LEN, LEN), second, 0, NULL),
			 -EEXIST);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_int_eq(memory_arena_new(m, 1, pages_at(PA, LEN + PAGE_LEN), SOURCE_WINDOW, NULL),
			 -EFAULT);
	ck_assert_int_eq(memory_arena_new(m, 1, pages_at(PA, LEN), SOURCE_PAGEMAP, NULL), -EFAULT);
	ck_assert_int_eq(new_arena(m, 1, PA, LEN), 0);
	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), second, 0, NULL), -EEXIST);
}
END_TEST

START_TEST(device_memory_is_read_and_written_at_any_address)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	uint8_t model[LEN] = { 0 }, buf[LEN];

	ck_assert_int_eq(memory_window_add(m, pages_at(PA, LEN), steal_fd(&fd), 0, NULL), 0);
	ck_assert_int_eq(memory_arena_new(m, 1, pages_at(PA, LEN), SOURCE_WINDOW, NULL), 0);
	ck_assert_int_eq(new_arena(m, 2, PA + LEN, PAGE_LEN), 0);
	srand(1);
	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t at = (uint64_t)rand() % LEN, to = (uint64_t)rand() % LEN,
			 len = (uint64_t)rand() % (LEN - (at > to ? at : to)) % 300;

		for (uint64_t j = 0; j < len; j++)
			buf[j] = (uint8_t)rand();
		ck_assert_int_eq(memory_write(m, PA + at, buf, len), 0);
		memcpy(model + at, buf, len);
		ck_assert_int_eq(memory_copy(m, PA + to, PA + at, len), 0);
		memmove(model + to, model + at, len);
		if (i % 7 == 0) {
			ck_assert_int_eq(memory_zero(m, PA + at, len), 0);
			memset(model + at, 0, len);
		}
	}
	ck_assert_int_eq(memory_read(m, PA, buf, LEN), 0);
	ck_assert_mem_eq(buf, model, LEN);
	ck_assert_int_eq(memory_copy(m, PA + LEN + 3, PA + 2, 1000), 0);
	ck_assert_int_eq(memory_read(m, PA + LEN + 3, buf, 1000), 0);
	ck_assert_mem_eq(buf, model + 2, 1000);
}
END_TEST

START_TEST(table_memory_of_hardware_comes_from_a_window)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int fd = new_file(SZ_1M);
	uint64_t own = 0, real = 0, again = 0;
	bool uncached = true;

	ck_assert_int_eq(memory_bus_table_alloc(m, PAGE_LEN, &real), -ENOMEM);
	ck_assert_int_eq(memory_bus_tables_add(m, pages_at(PA, SZ_64K), &uncached, NULL), -EFAULT);
	ck_assert_int_eq(memory_window_add(m, pages_at(PA, SZ_1M), steal_fd(&fd), 0, NULL), 0);
	ck_assert_int_eq(memory_bus_tables_add(m, pages_at(PA, SZ_64K), &uncached, NULL), 0);
	ck_assert(!uncached);
	ck_assert_int_eq(memory_table_alloc(m, PAGE_LEN, &own), 0);
	ck_assert(range_has(pages_at(TABLES_PA, TABLES_LEN), own));
	ck_assert_int_eq(memory_bus_table_alloc(m, SZ_64K, &real), 0);
	ck_assert_uint_eq(real, PA);
	ck_assert(is_all(memory_table_view(m, real, SZ_64K), 0, SZ_64K));
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &again), -ENOMEM);
	ck_assert_uint_eq(stats_of(m).table_bytes, PAGE_LEN + SZ_64K);
	memset(memory_table_view(m, real, SZ_64K), 5, SZ_64K);
	/* Nobody gets an arena there, but beside it. */
	ck_assert_int_eq(memory_arena_new(m, 1, pages_at(PA, PAGE_LEN), SOURCE_WINDOW, NULL),
			 -EEXIST);
	ck_assert_int_eq(
		memory_arena_new(m, 1, pages_at(PA + SZ_64K, PAGE_LEN), SOURCE_WINDOW, NULL), 0);
	memory_table_free(m, real, SZ_64K);
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &again), 0);
	ck_assert(is_all(memory_table_view(m, again, 1024), 0, 1024));
	memory_table_free(m, again, 1024);
	memory_table_free(m, own, PAGE_LEN);
}
END_TEST

START_TEST(what_hardware_may_still_walk_is_given_to_nobody_and_not_touched)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int fd = new_file(SZ_1M), file = dup(fd);
	uint64_t pa, n = 0;
	bool uncached;

	ck_assert_int_eq(memory_window_add(m, pages_at(PA, SZ_1M), steal_fd(&fd), 0, NULL), 0);
	ck_assert_int_eq(memory_bus_tables_add(m, pages_at(PA, 2 * SZ_64K), &uncached, NULL), 0);
	ck_assert_int_eq(memory_bus_table_hold(m, PA + SZ_64K + 1024, 2048), 0);
	ck_assert_int_eq(memory_bus_table_hold(m, PA + SZ_64K + 2048, 1024), 1);
	ck_assert_int_eq(memory_bus_table_hold(m, PA + SZ_64K + 2048, 2048), 0);
	ck_assert_int_eq(memory_bus_table_hold(m, PA + 512, 1024), -EFAULT);
	ck_assert_int_eq(memory_bus_table_hold(m, PA + 2 * SZ_64K - 1024, 2048), -EFAULT);
	ck_assert_int_eq(memory_bus_table_hold(m, PA - 1024, 1024), -EFAULT);
	ck_assert_int_eq(memory_bus_table_hold(m, TABLES_PA, 1024), -EFAULT);
	ck_assert_uint_eq(stats_of(m).table_bytes, 3 * 1024);
	for (; memory_bus_table_alloc(m, 1024, &pa) == 0; n++) {
		ck_assert(pa < PA + SZ_64K + 1024 || pa >= PA + SZ_64K + 4096);
		ck_assert(is_all(memory_table_view(m, pa, 1024), 0, 1024));
	}
	ck_assert_uint_eq(n, 128 - 3);
	for (size_t i = 0; i < 3 * 1024; i++)
		ck_assert_uint_eq(byte_at(file, SZ_64K + 1024 + i), 0xee);
	memory_bus_table_take(m, PA + SZ_64K + 2048, 1024);
	memory_bus_tables_release(m);
	ck_assert_uint_eq(stats_of(m).table_bytes, SZ_64K * 2 - 2048);
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &pa), 0);
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &pa), 0);
	ck_assert(is_all(memory_table_view(m, pa, 1024), 0, 1024));
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &pa), -ENOMEM);
	ck_assert_uint_eq(byte_at(file, SZ_64K + 2048), 0xee);
	memory_table_free(m, PA + SZ_64K + 2048, 1024);
	ck_assert_int_eq(memory_bus_table_alloc(m, 1024, &pa), 0);
	ck_assert_uint_eq(pa, PA + SZ_64K + 2048);
}
END_TEST

START_TEST(words_are_what_bytes_are)
{
	uint8_t a[96], b[96], c[96];

	for (size_t from = 0; from < 17; from++)
		for (size_t to = 0; to < 17; to++)
			for (size_t len = 0; len < 40; len++) {
				for (size_t i = 0; i < sizeof(a); i++)
					a[i] = b[i] = (uint8_t)(i * 7 + len);
				memset(c, 9, sizeof(c));
				copy_words(a + to, a + from, len);
				memmove(b + to, b + from, len);
				ck_assert_mem_eq(a, b, sizeof(a));
				copy_words(c + to, a + from, len);
				ck_assert_mem_eq(c + to, a + from, len);
				ck_assert_uint_eq(c[to + len], 9);
				zero_words(c + to, len);
				ck_assert(is_all(c, 9, to) && is_all(c + to, 0, len) &&
					  is_all(c + to + len, 9, sizeof(c) - to - len));
			}
}
END_TEST

/* --- huge pages -------------------------------------------------------------------------------------------------------- */

static bool add_page(struct memory *m, struct range *pa)
{
	struct reason why = { "" };
	int r = memory_page_add(m, pa, &why);

	if (r == 0)
		return true;
	ck_assert_msg(r == -ENOMEM || r == -EPERM, "%d: %s", r, why.text);
	return false;
}

START_TEST(page_is_shown_to_who_has_all_of_it)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	struct range page = { 0 }, half;

	if (!add_page(m, &page))
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	ck_assert(is_aligned(page.first, SZ_2M) && range_len(page) == SZ_2M);
	half = pages_at(page.first, SZ_1M);
	ck_assert_int_eq(memory_arena_new(m, 1, half, SOURCE_PAGEMAP, NULL), 0);
	ck_assert_int_eq(memory_arena_fd(m, 1, true), -1);
	ck_assert_int_eq(memory_arena_fd(m, 1, false), -1);
	ck_assert_int_eq(memory_arena_free(m, 1), 0);
	ck_assert_int_eq(memory_arena_new(m, 2, page, SOURCE_PAGEMAP, NULL), 0);
	ck_assert_int_ge(memory_arena_fd(m, 2, true), 0);
	ck_assert_uint_eq(memory_arena_offset(m, 2), 0);
}
END_TEST

START_TEST(page_that_was_shown_comes_back_as_another_file)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int kept = -1;
	struct range page = { 0 };
	uint8_t byte = 7, *old;

	if (!add_page(m, &page))
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	ck_assert_int_eq(memory_arena_new(m, 1, page, SOURCE_PAGEMAP, NULL), 0);
	kept = dup(memory_arena_fd(m, 1, true));
	old = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE, MAP_SHARED, kept, 0);
	ck_assert(old != MAP_FAILED);
	old[0] = 1;
	ck_assert_int_eq(memory_arena_free(m, 1), 1);
	ck_assert_int_eq(memory_arena_new(m, 2, page, SOURCE_PAGEMAP, NULL), 0);
	ck_assert_int_eq(memory_write(m, page.first, &byte, 1), 0);
	ck_assert_uint_eq(count_pages(kept), 0);
	munmap(old, SZ_2M);
}
END_TEST

START_TEST(page_with_a_hole_is_lost_and_nobody_gets_it)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	struct range page = { 0 };
	int fd;

	if (!add_page(m, &page))
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	ck_assert_int_eq(memory_arena_new(m, 1, page, SOURCE_PAGEMAP, NULL), 0);
	fd = memory_arena_fd(m, 1, true);
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SZ_2M), 0);
	ck_assert_int_eq(memory_arena_free(m, 1), -ESTALE);
	ck_assert_int_eq(memory_arena_new(m, 2, page, SOURCE_PAGEMAP, NULL), -EFAULT);
}
END_TEST

/* The files of a page, as a keeper has them. */
struct left {
	int fd, pin_fd;
};

static struct left left_of(struct memory *m, struct range page)
{
	struct left l;

	ck_assert_int_eq(memory_page_files(m, page.first, &l.fd, &l.pin_fd), 0);
	l.fd = dup(l.fd);
	l.pin_fd = dup(l.pin_fd);
	ck_assert(l.fd >= 0 && l.pin_fd >= 0);
	return l;
}

static void close_left(struct left *l)
{
	close(l->fd);
	close(l->pin_fd);
}

START_TEST(page_that_was_left_is_where_it_was_with_what_is_in_it)
{
	struct memory *m = new_memory(0);
	struct range page = { 0 };
	uint8_t byte = 7;
	struct left l;

	if (!add_page(m, &page)) {
		memory_free(m);
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	}
	ck_assert_int_eq(memory_arena_new(m, 1, page, SOURCE_PAGEMAP, NULL), 0);
	ck_assert_int_eq(memory_write(m, page.first + 5, &byte, 1), 0);
	l = left_of(m, page);
	memory_free(m);
	m = new_memory(0);
	/* A wrong address, and a file that is no page's, are not taken; nothing is taken twice. */
	ck_assert_int_eq(memory_page_adopt(m, page.first + SZ_2M, l.fd, l.pin_fd, NULL), -ESTALE);
	ck_assert_int_eq(memory_page_adopt(m, page.first, l.pin_fd, l.pin_fd, NULL), -EINVAL);
	ck_assert_int_eq(memory_page_adopt(m, page.first, l.fd, l.pin_fd, NULL), 0);
	l = left_of(m, page);
	ck_assert_int_eq(memory_page_adopt(m, page.first, l.fd, l.pin_fd, NULL), -EEXIST);
	ck_assert_int_eq(memory_arena_adopt(m, 1, page, -1, NULL), 0);
	byte = 0;
	ck_assert_int_eq(memory_read(m, page.first + 5, &byte, 1), 0);
	ck_assert_uint_eq(byte, 7);
	/* Who knows who has its file: it comes back as another, though the keeper has the pin, too. */
	ck_assert_int_eq(memory_arena_free(m, 1), 1);
	ck_assert_uint_eq(count_pages(l.fd), 0);
	close_left(&l);
	memory_free(m);
}
END_TEST

START_TEST(page_that_was_left_without_a_pin_gets_one)
{
	struct memory *m = new_memory(0);
	struct range page = { 0 };
	struct left l;

	if (!add_page(m, &page)) {
		memory_free(m);
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	}
	l = left_of(m, page);
	memory_free(m);
	close(l.pin_fd);
	m = new_memory(0);
	ck_assert_int_eq(memory_page_adopt(m, page.first, l.fd, -1, NULL), 0);
	l = left_of(m, page);
	close_left(&l);
	memory_free(m);
}
END_TEST

/* The pin holds the page, so that a hole is filled with another, if there is one. */
START_TEST(page_that_was_left_with_a_hole_is_not_taken)
{
	struct memory *m = new_memory(0);
	struct range page = { 0 };
	struct left l;

	if (!add_page(m, &page)) {
		memory_free(m);
		SUITE_SKIP("no hugetlb page whose address is told can be had");
	}
	l = left_of(m, page);
	memory_free(m);
	ck_assert_int_eq(fallocate(l.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SZ_2M), 0);
	m = new_memory(0);
	ck_assert_int_eq(memory_page_adopt(m, page.first, l.fd, l.pin_fd, NULL), -ESTALE);
	ck_assert_int_eq(memory_page_files(m, page.first, &l.fd, &l.pin_fd), -ENOENT);
	close_left(&l);
	memory_free(m);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {
		window_arena_is_where_its_address_says_and_zeroed,
		windows_that_cannot_be_are_refused,
		device_memory_is_read_and_written_at_any_address,
		table_memory_of_hardware_comes_from_a_window,
		what_hardware_may_still_walk_is_given_to_nobody_and_not_touched,
		words_are_what_bytes_are,
		page_is_shown_to_who_has_all_of_it,
		page_that_was_shown_comes_back_as_another_file,
		page_with_a_hole_is_lost_and_nobody_gets_it,
		page_that_was_left_is_where_it_was_with_what_is_in_it,
		page_that_was_left_without_a_pin_gets_one,
		page_that_was_left_with_a_hole_is_not_taken,
		NULL,
	};
	unsigned long n_before = hugepages_begin();
	int r;

	hugepages_set(n_before + 2);
	r = suite_run("window", cases);
	hugepages_set(n_before);
	return r;
}
