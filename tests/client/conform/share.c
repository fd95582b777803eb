// SPDX-License-Identifier: BSD-3-Clause
/* vcm_export(), vcm_export_fd(), vcm_import(), vcm_import_fd(). */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/conform/conform.h"

#define RW ((uint32_t)(VCM_SHARE_READ | VCM_SHARE_WRITE))

static struct physmem *memory(void)
{
	return MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_COHERENT));
}

/* Where the memory is in this process. */
static unsigned char *shown(struct physmem *m, uint32_t attr)
{
	struct res *r = MADE(vcm_reserve(conform_user(), SZ_64K, attr));

	DONE(vcm_back(r, m));
	return conform_pointer(vcm_get_dev_addr(r));
}

/* Another process, with a session of its own. */
static void in_another(void (*run)(const void *), const void *arg)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		DONE(vcm_sys_init());
		run(arg);
		DONE(vcm_sys_destroy());
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void import_and_add_one(const void *fd)
{
	unsigned char *at = shown(MADE(vcm_import_fd(*(const int *)fd)), 0);

	for (size_t i = 0; i < SZ_64K; i++)
		at[i]++;
}

static void import_and_write_nothing(const void *token)
{
	struct physmem *m = MADE(vcm_import(token));
	struct vcm *v = conform_vcm_on(MDP);
	struct res *rw = MADE(vcm_reserve(v, SZ_64K, 0)),
		   *ro = MADE(vcm_reserve(v, SZ_64K, VCM_READ));
	struct vcm_token another;
	unsigned char *at = shown(m, VCM_READ);

	FAILS(vcm_back(rw, m), EACCES);
	DONE(vcm_back(ro, m));
	FAILS(vcm_set_res_attr(ro, VCM_READ | VCM_WRITE), EACCES);
	DONE(vcm_back(rw, memory()));
	ck_assert_uint_eq(vcm_res_copy(rw, 0, ro, 0, SZ_64K), SZ_64K);
	GIVES(vcm_res_copy(ro, 0, rw, 0, SZ_64K), 0, EACCES);
	FAILS(vcm_export(m, RW, &another), EACCES);
	DONE(vcm_export(m, VCM_SHARE_READ, &another));
	ck_assert_uint_eq(at[SZ_4K], 7);
	ck_assert_int_eq(mprotect(at, SZ_4K, PROT_READ | PROT_WRITE),
			 -1); /* the fd is for reading */
}

/* A device of a one-to-one region writes what it reaches, whatever the reservation says. */
static void import_and_reach_nothing(const void *token)
{
	struct physmem *m = MADE(vcm_import(token));
	struct vcm *v = MADE(vcm_create(vcm_get_cont_memtype_pa(VCM_MEMTYPE_0),
					vcm_get_cont_memtype_len(VCM_MEMTYPE_0)));
	struct res *ro = MADE(vcm_reserve(v, SZ_64K, VCM_READ)),
		   *rw = MADE(vcm_reserve(v, SZ_64K, 0));

	conform_active(v, DMA);
	FAILS(vcm_back(ro, m), EACCES);
	FAILS(vcm_back(rw, m), EACCES);
	GIVES(vcm_get_physmem_from_res(ro), NULL, ENOMEM);
	FAILS(vcm_sim_write(DMA, vcm_get_next_phys_addr(m, 0, NULL), "hello", 6), EFAULT);
}

static void import_and_reach_it(const void *token)
{
	struct vcm *v = MADE(vcm_create(vcm_get_cont_memtype_pa(VCM_MEMTYPE_0),
					vcm_get_cont_memtype_len(VCM_MEMTYPE_0)));
	struct res *r = MADE(vcm_reserve(v, SZ_64K, VCM_READ));

	conform_active(v, DMA);
	DONE(vcm_back(r, MADE(vcm_import(token))));
}

START_TEST(an_export_is_the_same_bytes_elsewhere)
{
	struct physmem *m = memory();
	unsigned char *at = shown(m, 0);
	int fd;

	memset(at, 41, SZ_64K);
	fd = vcm_export_fd(m, RW);
	ck_assert_int_ge(fd, 0);
	in_another(import_and_add_one, &fd);
	ck_assert(at[0] == 42 && at[SZ_64K - 1] == 42);
	close(fd);
}
END_TEST

START_TEST(an_export_to_be_read_is_not_written)
{
	struct physmem *m = memory();
	struct vcm_token token;

	memset(shown(m, 0), 7, SZ_64K);
	DONE(vcm_export(m, VCM_SHARE_READ, &token));
	in_another(import_and_write_nothing, &token);
}
END_TEST

START_TEST(an_export_to_be_read_is_not_reached_one_to_one)
{
	struct physmem *m =
		MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, VCM_COHERENT | VCM_PHYS_CONT));
	struct vcm_token token;
	unsigned char *at = shown(m, 0);

	memset(at, 7, SZ_64K);
	DONE(vcm_export(m, VCM_SHARE_READ, &token));
	in_another(import_and_reach_nothing, &token);
	ck_assert(at[0] == 7 && at[5] == 7);
	DONE(vcm_export(m, RW, &token));
	in_another(import_and_reach_it, &token);
}
END_TEST

START_TEST(vcm_export_refuses_what_is_documented)
{
	struct vcm_token token;

	ALL_WRONG(A_PHYSMEM, vcm_export(p, VCM_SHARE_READ, &token), -EINVAL, EINVAL);
	ALL_WRONG(A_PHYSMEM, vcm_export_fd(p, VCM_SHARE_READ), -EINVAL, EINVAL);
	FAILS(vcm_export(memory(), 4, &token), EINVAL);
	FAILS(vcm_export(memory(), RW, NULL), EINVAL);
	FAILS(vcm_export_fd(memory(), 0), EINVAL);
	FAILS(vcm_export(MADE(vcm_map_phys_addr(WINDOW_AT, SZ_4K)), RW, &token), EINVAL);
}
END_TEST

START_TEST(vcm_export_gives_the_same_token_until_it_is_revoked)
{
	struct vcm_token first, second, read;
	struct physmem *m = memory(), *import;

	DONE(vcm_export(m, RW, &first));
	DONE(vcm_export(m, VCM_SHARE_WRITE, &second));
	DONE(vcm_export(m, VCM_SHARE_READ, &read));
	ck_assert_mem_eq(&first, &second, sizeof(first));
	ck_assert_mem_ne(&first, &read, sizeof(first));
	import = MADE(vcm_import(&first));
	DONE(vcm_export(m, 0, NULL));
	REFUSED(vcm_import(&first), EACCES);
	REFUSED(vcm_import(&read), EACCES);
	DONE(vcm_export(m, RW, &second));
	ck_assert_mem_ne(&first, &second, sizeof(first));
	GIVES(vcm_get_memtype_of_physalloc(import), VCM_MEMTYPE_0, 0);
}
END_TEST

START_TEST(vcm_import_refuses_what_is_documented)
{
	struct physmem *m = memory();
	struct vcm_token token;

	REFUSED(vcm_import(NULL), EINVAL);
	DONE(vcm_export(m, RW, &token));
	token.bytes[15] ^= 1;
	REFUSED(vcm_import(&token), EACCES);
	token.bytes[15] ^= 1;
	token.bytes[0] ^= 1;
	REFUSED(vcm_import(&token), EACCES);
	token.bytes[0] ^= 1;
	DONE(vcm_phys_free(m));
	REFUSED(vcm_import(&token), EACCES);
}
END_TEST

START_TEST(vcm_import_says_when_it_was_wrong_too_often)
{
	struct vcm_token token = { { 1 } };
	int n = 0;

	errno = EACCES;
	while (errno == EACCES && n++ < 100000)
		ck_assert_ptr_null(vcm_import(&token));
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_gt(n, 32);
}
END_TEST

START_TEST(vcm_import_fd_takes_nothing_but_a_sealed_token)
{
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING), ends[2];
	char bytes[24] = "vcmtoken";

	REFUSED(vcm_import_fd(-1), EBADF);
	ck_assert_int_eq(pipe(ends), 0);
	REFUSED(vcm_import_fd(ends[0]), EINVAL);
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	REFUSED(vcm_import_fd(fd), EINVAL);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
			       F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
			 0);
	REFUSED(vcm_import_fd(fd), EACCES); /* well made, of a token that there is not */
	close(fd);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_descriptor_holds_a_token_and_no_memory)
{
	int fd = vcm_export_fd(memory(), RW);

	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 24);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}
END_TEST

START_TEST(vcm_import_can_be_part_of_a_batch)
{
	struct vcm *v = conform_vcm_on(MDP);
	struct physmem *m = memory(), *import;
	struct vcm_token token;
	struct res *r;

	DONE(vcm_export(m, RW, &token));
	DONE(vcm_batch_begin());
	import = MADE(vcm_import(&token));
	r = MADE(vcm_reserve(v, SZ_64K, 0));
	DONE(vcm_back(r, import));
	FAILS(vcm_export(import, RW, &token), EINPROGRESS);
	DONE(vcm_export(m, RW, &token));
	DONE(vcm_batch_commit(NULL));
	GIVES(vcm_dev_addr_to_phys_addr(MDP, vcm_get_dev_addr(r)),
	      vcm_get_next_phys_addr(m, 0, NULL), 0);
	GIVES(vcm_get_phys_num_res(vcm_get_next_phys_addr(m, 0, NULL)), 1, 0);
	DONE(vcm_unback(r));
	DONE(vcm_phys_free(import));
}
END_TEST

/* Tells the token of what it has, and lives until it is killed. */
static _Noreturn void be_exporter(int fd)
{
	struct vcm_token token;
	struct physmem *m;

	DONE(vcm_sys_init());
	m = memory();
	memset(shown(m, 0), 9, SZ_64K);
	DONE(vcm_export(m, RW, &token));
	ck_assert_int_eq(write(fd, &token, sizeof(token)), sizeof(token));
	for (;;)
		pause();
}

START_TEST(an_exporter_that_dies_takes_nothing_from_an_importer)
{
	struct vcm_token token;
	struct physmem *import;
	unsigned char *at;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		be_exporter(ends[1]);
	ck_assert_int_eq(read(ends[0], &token, sizeof(token)), sizeof(token));
	import = MADE(vcm_import(&token));
	at = shown(import, 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (struct physmem *more; (more = vcm_import(&token));) /* until the broker has seen it */
		DONE(vcm_phys_free(more));
	ck_assert_int_eq(errno, EACCES);
	ck_assert_uint_eq(at[0] + at[SZ_64K - 1], 18);
	GIVES(vcm_get_memtype_of_physalloc(import), VCM_MEMTYPE_0, 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

CONFORM_CASES(conform_share, an_export_is_the_same_bytes_elsewhere,
	      an_export_to_be_read_is_not_written, an_export_to_be_read_is_not_reached_one_to_one,
	      vcm_export_refuses_what_is_documented,
	      vcm_export_gives_the_same_token_until_it_is_revoked,
	      vcm_import_refuses_what_is_documented, vcm_import_fd_takes_nothing_but_a_sealed_token,
	      a_descriptor_holds_a_token_and_no_memory, vcm_import_can_be_part_of_a_batch,
	      an_exporter_that_dies_takes_nothing_from_an_importer,
	      vcm_import_says_when_it_was_wrong_too_often)
