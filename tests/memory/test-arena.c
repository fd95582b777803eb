// SPDX-License-Identifier: BSD-3-Clause
#include "tests/memory/fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

#define NOBODY 65534

static void *map_shared(int fd, uint64_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, 0);
}

START_TEST(arena_is_a_file_of_its_exact_length_present_and_zero)
{
	static const uint64_t lens[] = {
		SZ_4K, SZ_64K, SZ_2M - SZ_4K, SZ_2M, SZ_2M + SZ_4K, SZ_16M
	};
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	for (uint32_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct stat st;
		uint8_t *at;
		int fd;

		ck_assert_int_eq(new_arena(m, i, PA, lens[i]), 0);
		fd = memory_arena_fd(m, i, true);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, lens[i]);
		ck_assert_uint_eq(count_pages(fd), lens[i]);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		at = map_shared(fd, lens[i], PROT_READ | PROT_WRITE);
		ck_assert_ptr_ne(at, MAP_FAILED);
		ck_assert(is_all(at, 0, lens[i]));
		munmap(at, lens[i]);
		memory_arena_free(m, i);
	}
}
END_TEST

START_TEST(client_cannot_change_the_length_nor_the_seals)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	int fd;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_64K), 0);
	fd = memory_arena_fd(m, 1, true);
	ck_assert_int_eq(ftruncate(fd, SZ_4K), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, SZ_1M), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fallocate(fd, 0, SZ_64K, SZ_4K), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(client_sees_what_the_broker_writes_and_the_reverse)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint8_t *at, byte;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	at = map_shared(memory_arena_fd(m, 1, true), SZ_2M, PROT_READ | PROT_WRITE);
	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(memory_write(m, PA + 0x12345, "x", 1), 0);
	ck_assert_uint_eq(at[0x12345], 'x');
	at[SZ_2M - 1] = 'y';
	ck_assert_int_eq(memory_read(m, PA + SZ_2M - 1, &byte, 1), 0);
	ck_assert_uint_eq(byte, 'y');
	munmap(at, SZ_2M);
}
END_TEST

START_TEST(arena_that_meets_another_is_refused_and_nothing_changes)
{
	static const struct range taken[] = {
		{ PA + SZ_1M, PA + SZ_1M + SZ_4K - 1 },
		{ PA + SZ_1M - SZ_4K, PA + SZ_1M + SZ_4K - 1 },
		{ PA + SZ_2M - SZ_4K, PA + SZ_2M + SZ_4K - 1 },
		{ PA, PA + SZ_16M - 1 },
		{ PA + SZ_1M, PA + SZ_2M - 1 },
		{ TABLES_PA, TABLES_PA + SZ_4K - 1 },
		{ TABLES_PA - SZ_4K, TABLES_PA + SZ_16M - 1 },
	};
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	struct reason why;
	size_t n_fds;

	ck_assert_int_eq(memory_arena_new(m, 1, (struct range){ PA + SZ_1M, PA + SZ_2M - 1 },
					  SOURCE_MEMFD, NULL),
			 0);
	n_fds = count_fds();
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		why.text[0] = 0;
		ck_assert_int_eq(memory_arena_new(m, 2, taken[i], SOURCE_MEMFD, &why), -EEXIST);
		ck_assert_str_ne(why.text, "");
	}
	ck_assert_int_eq(memory_arena_new(m, 1, pages_at(0, SZ_4K), SOURCE_MEMFD, &why), -EEXIST);
	ck_assert_str_eq(why.text, "arena 1 exists");
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_uint_eq(stats_of(m).n_arenas, 1);
	ck_assert_int_eq(new_arena(m, 2, PA, SZ_1M), 0);
	ck_assert_int_eq(new_arena(m, 3, PA + SZ_2M, SZ_1M), 0);
}
END_TEST

START_TEST(arena_may_end_at_the_last_address)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint8_t byte = 7;

	ck_assert_int_eq(new_arena(m, 1, UINT64_MAX - SZ_64K + 1, SZ_64K), 0);
	ck_assert_int_eq(memory_write(m, UINT64_MAX, &byte, 1), 0);
	ck_assert_int_eq(memory_read(m, UINT64_MAX, &byte, 1), 0);
	ck_assert_uint_eq(byte, 7);
	ck_assert_int_eq(memory_zero(m, UINT64_MAX - SZ_64K + 1, SZ_64K), 0);
	ck_assert_int_eq(memory_read(m, UINT64_MAX, &byte, 2), -EFAULT);
	ck_assert_int_eq(memory_copy(m, UINT64_MAX - 9, UINT64_MAX - 19, 10), 0);
	ck_assert_int_eq(memory_copy(m, UINT64_MAX - 9, UINT64_MAX - 14, 10), 0);
}
END_TEST

START_TEST(unknown_arena_has_no_fd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	ck_assert_int_eq(memory_arena_fd(m, 1, true), -1);
	ck_assert_int_eq(memory_arena_fd(m, 1, false), -1);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	ck_assert_int_eq(memory_arena_fd(m, 2, true), -1);
	memory_arena_free(m, 1);
	ck_assert_int_eq(memory_arena_fd(m, 1, true), -1);
}
END_TEST

START_TEST(read_only_fd_reads_the_same_bytes_and_changes_none)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint8_t *at;
	int fd;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_64K), 0);
	fd = memory_arena_fd(m, 1, false);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(memory_arena_fd(m, 1, false), fd);
	ck_assert_int_ne(memory_arena_fd(m, 1, true), fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_ptr_eq(map_shared(fd, SZ_64K, PROT_READ | PROT_WRITE), MAP_FAILED);
	at = map_shared(fd, SZ_64K, PROT_READ);
	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(mprotect(at, SZ_64K, PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(memory_write(m, PA + 9, "x", 1), 0);
	ck_assert_uint_eq(at[9], 'x');
	ck_assert_int_eq(pwrite(fd, "y", 1, 9), -1);
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SZ_4K), -1);
	ck_assert_uint_eq(at[9], 'x');
	munmap(at, SZ_64K);
}
END_TEST

/* As another user: 0 when the file of fd cannot be opened again. */
static int reopen_as_nobody(int fd, int flags)
{
	_cleanup_(fd_closep) int again = -1;
	char path[32];

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		return 2;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags);
	if (again < 0)
		return errno == EACCES ? 0 : 3;
	fd_closep(&again);
	return 1;
}

static int in_child(int (*f)(int fd, int flags), int fd, int flags)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(f(fd, flags));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(reader_of_another_user_cannot_make_itself_a_writer)
{
	_cleanup_(fd_closep) int open_to_all = memfd_create("control", MFD_CLOEXEC);
	_cleanup_(memory_freep) struct memory *m = NULL;

	if (geteuid() != 0)
		SUITE_SKIP("needs root, to be another user");
	m = new_memory(0);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_64K), 0);
	ck_assert_int_eq(fchmod(open_to_all, 0666), 0);
	ck_assert_int_eq(in_child(reopen_as_nobody, open_to_all, O_RDWR), 1);
	ck_assert_int_eq(in_child(reopen_as_nobody, memory_arena_fd(m, 1, false), O_RDWR), 0);
}
END_TEST

START_TEST(reused_address_shows_nothing_of_the_arena_before)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(4 * SZ_2M);
	uint8_t *buf = malloc(SZ_2M);

	for (uint32_t i = 0; i < 16; i++) {
		ck_assert_int_eq(new_arena(m, i, PA, SZ_2M), 0);
		ck_assert_int_eq(memory_read(m, PA, buf, SZ_2M), 0);
		ck_assert(is_all(buf, 0, SZ_2M));
		memset(buf, 0xa5, SZ_2M);
		ck_assert_int_eq(memory_write(m, PA, buf, SZ_2M), 0);
		memory_arena_free(m, i);
		ck_assert_int_eq(memory_read(m, PA, buf, 1), -EFAULT);
		idle_until_done(m);
	}
	free(buf);
}
END_TEST

START_TEST(ended_arena_gives_its_bytes_back_though_a_client_keeps_its_fd)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	_cleanup_(fd_closep) int kept = -1;
	uint8_t *at;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M), 0);
	kept = dup(memory_arena_fd(m, 1, true));
	at = map_shared(kept, SZ_16M, PROT_READ | PROT_WRITE);
	memset(at, 1, SZ_16M);
	memory_arena_free(m, 1);
	idle_until_done(m);
	ck_assert_uint_eq(count_pages(kept), 0);
	ck_assert_int_eq(new_arena(m, 2, PA, SZ_16M), 0);
	ck_assert_int_eq(memory_write(m, PA, "secret", 6), 0);
	ck_assert(is_all(at, 0, SZ_64K));
	munmap(at, SZ_16M);
}
END_TEST

START_TEST(holes_that_a_client_punches_are_zeroes_to_the_broker)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint8_t *buf = malloc(SZ_2M);
	int fd;

	memset(buf, 0x77, SZ_2M);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	ck_assert_int_eq(memory_write(m, PA, buf, SZ_2M), 0);
	fd = memory_arena_fd(m, 1, true);
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, SZ_64K, SZ_1M),
			 0);
	ck_assert_int_eq(memory_read(m, PA, buf, SZ_2M), 0);
	ck_assert(is_all(buf, 0x77, SZ_64K));
	ck_assert(is_all(buf + SZ_64K, 0, SZ_1M));
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SZ_2M), 0);
	ck_assert_int_eq(memory_write(m, PA, buf, SZ_2M), 0);
	ck_assert_int_eq(memory_copy(m, PA + SZ_1M, PA, SZ_1M), 0);
	ck_assert_int_eq(memory_zero(m, PA, SZ_2M), 0);
	free(buf);
}
END_TEST

/* Whether the kernel has huge pages for a file at all. */
static bool kernel_collapses(void)
{
	_cleanup_(fd_closep) int fd = memfd_create("probe", MFD_CLOEXEC);
	uint8_t *all = mmap(NULL, 2 * SZ_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at = all + (-(uintptr_t)all & (SZ_2M - 1));
	int r;

	ck_assert_int_eq(ftruncate(fd, SZ_2M), 0);
	ck_assert_ptr_eq(mmap(at, SZ_2M, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
			 at);
	*at = 1;
	r = madvise(at, SZ_2M, 25 /* MADV_COLLAPSE */);
	munmap(all, 2 * SZ_2M);
	return r == 0;
}

/* The first is always tried for; a kernel that was slow with one is left alone for a while (memory/collapse.h). */
START_TEST(arena_is_of_huge_pages_where_the_kernel_allows)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(2 * SZ_16M);
	const uint64_t huge = kernel_collapses() ? SZ_2M : 0;
	uint64_t all, rest;

	ck_assert_int_eq(new_arena(m, 1, PA, SZ_2M), 0);
	ck_assert_uint_eq(stats_of(m).huge_bytes, huge);
	ck_assert_int_eq(new_arena(m, 2, PA + SZ_16M, 2 * SZ_2M + SZ_4K), 0);
	idle_until_done(m);
	ck_assert_int_eq(new_arena(m, 3, 0, SZ_2M), 0);
	all = stats_of(m).huge_bytes;
	ck_assert(all >= huge && all <= 4 * huge && all % SZ_2M == 0);
	memory_arena_free(m, 2);
	rest = stats_of(m).huge_bytes;
	ck_assert(rest >= huge && rest <= 2 * huge && all - rest <= 2 * huge);
	memory_arena_free(m, 1);
	ck_assert_uint_eq(stats_of(m).huge_bytes, rest - huge);
}
END_TEST

START_TEST(arena_is_whole_where_the_kernel_refuses_huge_pages)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);

	refuse_huge_pages();
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M + SZ_64K), 0);
	ck_assert_uint_eq(count_pages(memory_arena_fd(m, 1, true)), SZ_16M + SZ_64K);
	ck_assert_uint_eq(stats_of(m).huge_bytes, 0);
	ck_assert_uint_eq(stats_of(m).arena_bytes, SZ_16M + SZ_64K);
}
END_TEST

START_TEST(long_arena_of_small_pages_is_closed_in_steps)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	uint64_t before = SZ_16M;
	size_t n_fds = count_fds(), n_steps = 0;

	refuse_huge_pages();
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_16M), 0);
	memory_arena_free(m, 1);
	ck_assert_uint_eq(stats_of(m).n_arenas, 0);
	ck_assert_uint_eq(stats_of(m).arena_bytes, 0);
	ck_assert_uint_eq(stats_of(m).closing_bytes, SZ_16M);
	ck_assert_int_eq(new_arena(m, 1, PA, SZ_4K), 0);
	for (bool more = true; more; n_steps++) {
		more = memory_idle(m);
		ck_assert_uint_lt(stats_of(m).closing_bytes, before);
		before = stats_of(m).closing_bytes;
		ck_assert_uint_eq(more, before > 0);
	}
	ck_assert_uint_ge(n_steps, 8);
	memory_arena_free(m, 1);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_uint_eq(count_mapped(), 0);
}
END_TEST

START_TEST(each_of_many_arenas_is_found)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	const uint32_t n = 600;
	uint32_t got;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t pa = PA + (uint64_t)(i * 7 % n) * 2 * SZ_4K;

		ck_assert_int_eq(new_arena(m, i, pa, SZ_4K), 0);
		ck_assert_int_eq(memory_write(m, pa + 8, &i, sizeof(i)), 0);
	}
	ck_assert_uint_eq(stats_of(m).n_arenas, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t pa = PA + (uint64_t)(i * 7 % n) * 2 * SZ_4K;

		ck_assert_int_eq(memory_read(m, pa + 8, &got, sizeof(got)), 0);
		ck_assert_uint_eq(got, i);
		ck_assert_int_eq(memory_read(m, pa + SZ_4K, &got, 1), -EFAULT);
		memory_arena_free(m, i);
		ck_assert_int_eq(memory_read(m, pa + 8, &got, sizeof(got)), -EFAULT);
	}
	ck_assert_uint_eq(stats_of(m).arena_bytes, 0);
}
END_TEST

START_TEST(memory_that_ends_closes_all_that_is_left)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(4 * SZ_16M);
	size_t n_fds = count_fds();

	refuse_huge_pages();
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_int_eq(new_arena(m, i, PA + i * SZ_16M, SZ_4K << (i * 2 % 12)), 0);
	for (int i = 0; i < 5; i++)
		memory_idle(m);
	ck_assert_int_ge(memory_arena_fd(m, 3, false), 0);
	ck_assert_int_eq(new_arena(m, 8, 0, SZ_16M), 0);
	memory_arena_free(m, 8);
	m = memory_free(m);
	ck_assert_ptr_null(m);
	ck_assert_uint_eq(count_fds(), n_fds);
	ck_assert_uint_eq(count_mapped(), 0);
	ck_assert_ptr_null(memory_free(NULL));
}
END_TEST

/* Each takes the kernel its time: those that are many end in idle moments. */
START_TEST(many_arenas_do_not_end_in_one_turn)
{
	_cleanup_(memory_freep) struct memory *m = new_memory(0);
	const uint32_t n = 70;

	for (uint32_t i = 0; i < n; i++)
		ck_assert_int_eq(memory_arena_new(m, i + 1, pages_at(PA + i * SZ_4K, SZ_4K),
						  SOURCE_MEMFD, NULL),
				 0);
	for (uint32_t i = 0; i < n; i++)
		memory_arena_free(m, i + 1);
	ck_assert_uint_eq(stats_of(m).n_arenas, 0);
	ck_assert_uint_eq(stats_of(m).closing_bytes, 6 * SZ_4K);
	while (memory_idle(m))
		;
	ck_assert_uint_eq(stats_of(m).closing_bytes, 0);
}
END_TEST

SUITE_MAIN("arena", many_arenas_do_not_end_in_one_turn,
	   arena_is_a_file_of_its_exact_length_present_and_zero,
	   client_cannot_change_the_length_nor_the_seals,
	   client_sees_what_the_broker_writes_and_the_reverse,
	   arena_that_meets_another_is_refused_and_nothing_changes,
	   arena_may_end_at_the_last_address, unknown_arena_has_no_fd,
	   read_only_fd_reads_the_same_bytes_and_changes_none,
	   reader_of_another_user_cannot_make_itself_a_writer,
	   reused_address_shows_nothing_of_the_arena_before,
	   ended_arena_gives_its_bytes_back_though_a_client_keeps_its_fd,
	   holes_that_a_client_punches_are_zeroes_to_the_broker,
	   arena_is_of_huge_pages_where_the_kernel_allows,
	   arena_is_whole_where_the_kernel_refuses_huge_pages,
	   long_arena_of_small_pages_is_closed_in_steps, each_of_many_arenas_is_found,
	   memory_that_ends_closes_all_that_is_left)
