// SPDX-License-Identifier: BSD-3-Clause
/* Pools in windows: a file that stands for memory whose addresses are known. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "tests/suite.h"
#include "tests/vcmd/stage.h"

#define WINDOW_LEN (4 * SZ_1M)
#define POOL_AT UINT64_C(0xa0000000)
#define OFFSET SZ_64K /* of the pool in the file */

static int file = -1;

/* A world whose only memory is in the file; more: further options of the pool. */
static struct world *windowed(const char *more)
{
	char text[512];

	file = memfd_create("window", 0);
	ck_assert_int_eq(ftruncate(file, WINDOW_LEN), 0);
	snprintf(text, sizeof(text),
		 "stock = 0\nsocket-mode = 0666\naccess { allow-users = {\"*\"} }\n"
		 "memtype 0 { pool { source = window file = \"/proc/%d/fd/%d\" offset = 64K\n"
		 "ranges = {\"0xa0000000+2M\"} %s } }\n"
		 "smmu smmu0 { base = 0x07300000 context vcodec_a_mm1 { mid = 0 } }\n",
		 getpid(), file, more);
	return world_new(text);
}

static struct world *close_file(struct world *w)
{
	world_free(w);
	close(file);
	return NULL;
}

START_TEST(a_device_reaches_the_file_at_the_address_that_the_pool_has)
{
	struct world *w = windowed("");
	struct peer *p = world_peer(w);
	uint32_t dev = peer_device(p, "vcodec_a_mm1");
	uint64_t pa, addr;
	char got[4] = "";

	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M));
	ck_ok(CALL(p, ASSOC, .handle = AVCM, .on = REGION, .target = dev));
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	ck_ok(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_64K));
	addr = peer_value(p, 0);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = MEM, .arg = VCM_MEMTYPE_0, .len = SZ_64K));
	ck_ok(CALL(p, BACK, .on = RES, .target = MEM));
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	pa = peer_value(p, 0);
	ck_assert(pa >= POOL_AT && pa < POOL_AT + SZ_2M);
	ck_ok(CALL(p, SIM_WRITE, .target = dev, .addr = addr + 5, .data = "dma", .n_data = 3));
	ck_assert_int_eq(pread(file, got, 3, (off_t)(pa - POOL_AT + OFFSET + 5)), 3);
	ck_assert_str_eq(got, "dma");
	close_file(w);
}
END_TEST

/* The user's part: its own address space, backed by memory of the window. */
static int back_user(struct peer *p)
{
	ck_ok(CALL(p, VCM_PREBUILT, .handle = USER, .arg = VCM_PREBUILT_USER));
	ck_ok(CALL(p, ASSOC, .handle = USER_AVCM, .on = USER, .target = peer_device(p, "cpu")));
	ck_ok(CALL(p, ACTIVATE, .on = USER_AVCM));
	ck_ok(CALL(p, RESERVE, .handle = USER_RES, .on = USER, .len = SZ_64K, .addr = USER_AT));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = MEM, .arg = VCM_MEMTYPE_0, .len = SZ_64K));
	return CALL(p, BACK, .on = USER_RES, .target = MEM);
}

START_TEST(nobody_maps_a_window_without_the_right)
{
	struct world *w;
	struct peer *p;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	w = windowed("map-users = {61002}");
	p = world_peer_as(w, ALICE);
	ck_status(back_user(p), -EACCES);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "map-users"));
	ck_assert_uint_eq(p->fds.n_fds, 0);
	close_file(w);
}
END_TEST

START_TEST(with_the_right_the_pieces_are_where_the_window_is_in_its_file)
{
	struct world *w;
	struct peer *p;
	const struct piece *piece;
	uint64_t pa;
	char *at;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	w = windowed("map-users = {61002}");
	p = world_peer_as(w, BOB);
	ck_ok(back_user(p));
	ck_assert_uint_eq(p->reply.n_pieces, 1);
	ck_assert_uint_eq(p->fds.n_fds, 1);
	piece = &p->reply.pieces[0];
	at = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, p->fds.fds[0],
		  (off_t)piece->offset);
	ck_assert(at != MAP_FAILED);
	at[9] = 'x';
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	pa = peer_value(p, 0);
	ck_assert_int_eq(pread(file, &(char){ 0 }, 1, 0), 1);
	ck_assert_int_eq(pread(file, at, 1, (off_t)(pa - POOL_AT + OFFSET + 9)), 1);
	ck_assert_int_eq(at[0], 'x');
	munmap(at, SZ_64K);
	close_file(w);
}
END_TEST

START_TEST(pools_say_where_their_bytes_are)
{
	struct world *w = windowed("");
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_POOLS));
	ck_assert_str_eq(p->reply.rows[0].s[0], "window");
	close_file(w);
}
END_TEST

SUITE_MAIN("window", a_device_reaches_the_file_at_the_address_that_the_pool_has,
	   nobody_maps_a_window_without_the_right,
	   with_the_right_the_pieces_are_where_the_window_is_in_its_file,
	   pools_say_where_their_bytes_are)
