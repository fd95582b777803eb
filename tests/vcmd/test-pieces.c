// SPDX-License-Identifier: BSD-3-Clause
/* What a client gets to map: fds, and runs of them. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/suite.h"
#include "tests/vcmd/stage.h"

#define PART 50 /* the first of the handles of parts */

static uint64_t sum_pieces(const struct peer *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->reply.n_pieces; i++)
		n += p->reply.pieces[i].len;
	return n;
}

START_TEST(a_pointer_sees_what_a_device_writes)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	struct stage_devices d = stage_set(p);
	const struct piece *piece;
	char *at;

	ck_ok(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K + 4097,
		   .data = "dma", .n_data = 3));
	ck_ok(CALL(p, BACK, .on = USER_RES, .target = MEM));
	ck_assert_uint_eq(p->reply.n_pieces, 1);
	ck_assert_uint_eq(p->fds.n_fds, 1);
	piece = &p->reply.pieces[0];
	ck_assert_uint_eq(piece->len, SZ_64K);
	ck_assert_uint_eq(piece->fd, 1);
	at = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, p->fds.fds[0],
		  (off_t)piece->offset);
	ck_assert(at != MAP_FAILED);
	ck_assert_mem_eq(at + 4097, "dma", 3);
	memcpy(at, "cpu", sizeof("cpu"));
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 3));
	ck_assert_mem_eq(p->reply.data, "cpu", 3);
	munmap(at, SZ_64K);
	world_free(w);
}
END_TEST

START_TEST(an_arena_is_given_once_and_again_when_asked)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);

	stage_set(p);
	ck_ok(CALL(p, BACK, .on = USER_RES, .target = MEM));
	ck_assert_uint_eq(p->fds.n_fds, 1);
	ck_ok(CALL(p, UNBACK, .on = USER_RES));
	ck_ok(CALL(p, BACK, .on = USER_RES, .target = MEM));
	ck_assert_uint_eq(p->fds.n_fds, 0);
	ck_assert_uint_eq(p->reply.pieces[0].fd, 0);
	ck_ok(CALL(p, PIECES, .on = USER_RES, .attr = 1));
	ck_assert_uint_eq(p->fds.n_fds, 1);
	ck_assert_uint_eq(p->reply.pieces[0].fd, 1);
	world_free(w);
}
END_TEST

START_TEST(a_batch_that_fails_gives_nothing)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	const struct op ops[] = { { .code = OP_BACK, .on = USER_RES, .target = MEM },
				  { .code = OP_VCM_FREE, .on = USER } };

	stage_set(p);
	ck_status(BATCH(p, ops), -EBUSY);
	ck_assert_uint_eq(p->reply.n_pieces, 0);
	ck_assert_uint_eq(p->fds.n_fds, 0);
	ck_ok(CALL(p, BACK, .on = USER_RES, .target = MEM));
	ck_assert_uint_eq(p->fds.n_fds, 1);
	world_free(w);
}
END_TEST

START_TEST(a_batch_that_unbacks_again_gives_nothing)
{
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	const struct op ops[] = { { .code = OP_BACK, .on = USER_RES, .target = MEM },
				  { .code = OP_UNBACK, .on = USER_RES },
				  { .code = OP_UNRESERVE, .on = USER_RES } };

	stage_set(p);
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(p->reply.n_pieces, 0);
	world_free(w);
}
END_TEST

/* One physmem of pages scattered over all that others have left: more pieces than a reply takes. */
START_TEST(more_pieces_than_a_reply_takes_come_in_turns)
{
	const uint64_t len = 2048 * SZ_4K;
	struct world *w = world_new(
		"stock = 0\nmemtype 0 { pool { ranges = {\"0x40000000+16M\"} granule = 4M } }\n");
	struct peer *p = world_peer(w);
	uint64_t done = 0;

	for (uint32_t i = 0; i < 4096; i++)
		ck_ok(CALL(p, PHYS_ALLOC, .handle = PART + i, .arg = 1, .len = SZ_4K));
	for (uint32_t i = 0; i < 4096; i += 2)
		ck_ok(CALL(p, PHYS_FREE, .on = PART + i));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 1, .arg = 1, .len = len));
	ck_ok(CALL(p, VCM_PREBUILT, .handle = USER, .arg = VCM_PREBUILT_USER));
	ck_ok(CALL(p, ASSOC, .handle = USER_AVCM, .on = USER, .target = peer_device(p, "cpu")));
	ck_ok(CALL(p, ACTIVATE, .on = USER_AVCM));
	ck_ok(CALL(p, RESERVE, .handle = USER_RES, .on = USER, .len = len, .addr = USER_AT));
	ck_ok(CALL(p, BACK, .on = USER_RES, .target = 1));
	ck_assert_uint_gt(p->reply.n_pieces, 0);
	done = sum_pieces(p);
	ck_assert_uint_lt(done, len);
	while (done < len) {
		ck_ok(CALL(p, PIECES, .on = USER_RES, .addr = done));
		ck_assert_uint_gt(p->reply.n_pieces, 0);
		done += sum_pieces(p);
	}
	ck_assert_uint_eq(done, len);
	world_free(w);
}
END_TEST

/* Each its own arena: more fds than a packet takes. */
START_TEST(more_arenas_than_a_packet_takes_come_in_turns)
{
	enum { N = 100 };
	struct world *w = world_new(NULL);
	struct peer *p = world_peer(w);
	static struct op ops[3 * N];
	bool given[2048] = { false };
	uint64_t done[N] = { 0 };

	stage_set(p);
	for (uint32_t i = 0; i < N; i++) {
		ops[3 * i] = (struct op){ .code = OP_PHYS_ALLOC,
					  .handle = PART + 2 * i,
					  .arg = 1,
					  .len = SZ_4K,
					  .attr = VCM_COHERENT };
		ops[3 * i + 1] = (struct op){ .code = OP_RESERVE,
					      .handle = PART + 2 * i + 1,
					      .on = USER,
					      .len = SZ_4K,
					      .addr = USER_AT + SZ_1M + i * SZ_4K };
		ops[3 * i + 2] = (struct op){ .code = OP_BACK,
					      .on = PART + 2 * i + 1,
					      .target = PART + 2 * i };
	}
	ck_ok(peer_call(p, ops, 3 * N));
	ck_assert_uint_lt(p->reply.n_pieces, N);
	for (size_t i = 0; i < p->reply.n_pieces; i++) {
		const struct piece *piece = &p->reply.pieces[i];

		done[piece->op / 3] += piece->len;
		ck_assert(piece->fd || given[piece->arena % 2048]);
		given[piece->arena % 2048] = true;
	}
	for (uint32_t i = 0; i < N; i++)
		if (!done[i]) {
			ck_ok(CALL(p, PIECES, .on = PART + 2 * i + 1));
			ck_assert_uint_eq(p->reply.n_pieces, 1);
			ck_assert_uint_eq(p->fds.n_fds, 1);
		}
	world_free(w);
}
END_TEST

START_TEST(a_window_has_no_bytes_to_give)
{
	struct world *w =
		world_new("stock = 0\nmemtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n"
			  "window \"0xa0000000+1M\" {}\n");
	struct peer *p = world_peer(w);

	ck_ok(CALL(p, VCM_PREBUILT, .handle = USER, .arg = VCM_PREBUILT_USER));
	ck_ok(CALL(p, ASSOC, .handle = USER_AVCM, .on = USER, .target = peer_device(p, "cpu")));
	ck_ok(CALL(p, ACTIVATE, .on = USER_AVCM));
	ck_ok(CALL(p, RESERVE, .handle = USER_RES, .on = USER, .len = SZ_4K, .addr = USER_AT));
	ck_ok(CALL(p, PHYS_MAP, .handle = MEM, .addr = 0xa0001000, .len = SZ_4K));
	ck_status(CALL(p, BACK, .on = USER_RES, .target = MEM), -EINVAL);
	world_free(w);
}
END_TEST

SUITE_MAIN("pieces", a_pointer_sees_what_a_device_writes,
	   an_arena_is_given_once_and_again_when_asked, a_batch_that_fails_gives_nothing,
	   a_batch_that_unbacks_again_gives_nothing, more_pieces_than_a_reply_takes_come_in_turns,
	   more_arenas_than_a_packet_takes_come_in_turns, a_window_has_no_bytes_to_give)
