// SPDX-License-Identifier: BSD-3-Clause
/* The pieces that the broker says memory is made of, with a broker that is played and has real memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/client/user.h"
#include "tests/suite.h"

#define LEN ((size_t)4 * SZ_4K)

static uint8_t *addr_of_res; /* as the played broker saw it */

static void serve_back_in_three_runs(struct peer *p)
{
	int a = user_arena_fd('a', 8), b = user_arena_fd('b', 8);
	const int fds[] = { a, b };

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	ck_assert_uint_eq(peer_expect(p, OP_BACK)->target, 3);
	user_answer_pieces(p,
			   (struct piece[]){ { 0, 7, SZ_4K, SZ_4K, 1 },
					     { 0, 7, 2 * SZ_4K, SZ_4K, 0 },
					     { 0, 9, 5 * SZ_4K, SZ_4K, 2 },
					     { 0, 7, 0, SZ_4K, 0 } },
			   4, fds, 2);
	peer_expect(p, OP_UNBACK);
	peer_answer(p, 0, NULL);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 9, 0, LEN, 0 } }, 1, NULL, 0);
	peer_expect(p, OP_UNBACK);
	peer_answer(p, 0, NULL);
	peer_expect(p, OP_UNRESERVE);
	peer_answer(p, 0, NULL);
	close(a);
	close(b);
}

START_TEST(pieces_lie_one_after_the_other_at_the_pointer)
{
	struct physmem *m;
	struct peer p;
	struct res *r;

	peer_start(&p, serve_back_in_three_runs);
	r = user_reserve(LEN, VCM_READ | VCM_WRITE);
	ck_assert(!user_is_readable(addr_of_res));
	m = vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0);
	ck_assert_int_eq(vcm_back(r, m), 0);
	ck_assert_str_eq((char *)addr_of_res, "a1");
	ck_assert_str_eq((char *)addr_of_res + SZ_4K, "a2");
	ck_assert_str_eq((char *)addr_of_res + 2 * SZ_4K, "b5");
	ck_assert_str_eq((char *)addr_of_res + 3 * SZ_4K, "a0");
	memcpy(addr_of_res + 2 * SZ_4K, "mine", 5);
	ck_assert_int_eq(vcm_unback(r), 0);
	ck_assert(!user_is_readable(addr_of_res));
	ck_assert(user_is_mapped(addr_of_res));
	/* The fd that was given once is still here. */
	ck_assert_int_eq(vcm_back(r, m), 0);
	ck_assert_str_eq((char *)addr_of_res + 3 * SZ_4K, "b3");
	ck_assert_int_eq(vcm_unback(r), 0);
	ck_assert_int_eq(vcm_unreserve(r), 0);
	ck_assert(!user_is_mapped(addr_of_res));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void serve_pieces_in_parts(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);
	const struct op *op;

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, SZ_4K, 1 } }, 1, &a, 1);
	op = peer_expect(p, OP_PIECES);
	ck_assert_uint_eq(op->on, 2);
	ck_assert_uint_eq(op->addr, SZ_4K);
	ck_assert_uint_eq(op->attr, 0);
	/* An arena that the library has never seen: it asks for the fds. */
	user_answer_pieces(p,
			   (struct piece[]){ { 0, 7, SZ_4K, SZ_4K, 0 }, { 0, 8, 0, 2 * SZ_4K, 0 } },
			   2, NULL, 0);
	op = peer_expect(p, OP_PIECES);
	ck_assert_uint_eq(op->addr, 2 * SZ_4K);
	ck_assert_uint_eq(op->attr, 1);
	user_answer_pieces(p, (struct piece[]){ { 0, 8, 6 * SZ_4K, 2 * SZ_4K, 1 } }, 1, &a, 1);
}

START_TEST(pieces_and_fds_that_are_missing_are_asked_for)
{
	struct peer p;
	struct res *r;

	peer_start(&p, serve_pieces_in_parts);
	r = user_reserve(LEN, 0);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	ck_assert_str_eq((char *)addr_of_res, "a0");
	ck_assert_str_eq((char *)addr_of_res + SZ_4K, "a1");
	ck_assert_str_eq((char *)addr_of_res + 2 * SZ_4K, "a6");
	ck_assert_str_eq((char *)addr_of_res + 3 * SZ_4K, "a7");
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void serve_what_is_gone(struct peer *p)
{
	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 0 } }, 1, NULL, 0);
	peer_expect(p, OP_PIECES);
	peer_refuse(p, -EINVAL, "another thread's vcm_unback() came in between");
	peer_expect(p, OP_RES_INFO);
	peer_answer(p, 5, (uint64_t[]){ 1, (uintptr_t)addr_of_res, LEN, 0, 0 });
}

/* It was backed, and it is over: nothing is taken back that is another's by now. */
START_TEST(pieces_that_are_gone_by_now_are_no_failure)
{
	struct peer p;
	struct res *r;

	peer_start(&p, serve_what_is_gone);
	r = user_reserve(LEN, 0);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	ck_assert(!user_is_readable(addr_of_res) && user_is_mapped(addr_of_res));
	ck_assert_uint_eq(vcm_get_res_len(r), LEN);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

struct bad_pieces {
	struct piece pieces[2];
	size_t n;
	int error;
	bool is_asked_again; /* the library asks once for the rest, in vain */
	bool is_no_memory;   /* the fd is a pipe */
};

static void serve_bad_pieces(struct peer *p)
{
	const struct bad_pieces *bad = p->ctx;
	int a = user_arena_fd('a', 8), pair[2];

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	ck_assert_int_eq(pipe(pair), 0);
	user_answer_pieces(p, bad->pieces, bad->n, bad->is_no_memory ? &pair[0] : &a, 1);
	if (bad->is_asked_again) {
		peer_expect(p, OP_PIECES);
		user_answer_pieces(p, NULL, 0, NULL, 0);
	}
	ck_assert_uint_eq(peer_expect(p, OP_UNBACK)->on, 2);
	peer_answer(p, 0, NULL);
	close(a);
	close(pair[0]);
	close(pair[1]);
}

START_TEST(pieces_that_make_no_sense_undo_the_back)
{
	static struct bad_pieces cases[] = {
		{ { { 0, 7, 0, LEN + SZ_4K, 1 } }, 1, -EPROTO, false, false }, /* too long */
		{ { { 0, 7, 100, SZ_4K, 1 } }, 1, -EPROTO, false, false },     /* not on a page */
		{ { { 0, 7, 0, 100, 1 } }, 1, -EPROTO, false, false },         /* not of pages */
		{ { { 0, 7, 7 * SZ_4K, 2 * SZ_4K, 1 } },
		  1,
		  -EPROTO,
		  false,
		  false }, /* beyond the arena */
		{ { { 0, 7, 0, SZ_4K, 1 } },
		  1,
		  -EPROTO,
		  true,
		  false }, /* too short, and no more comes */
		{ { { 0, 7, 0, LEN, 2 } }, 1, -EPROTO, true, false }, /* an fd that did not come */
		{ { { 1, 7, 0, LEN, 1 } }, 1, -EPROTO, true, false }, /* another operation's */
		{ { { 0, 7, 0, LEN, 1 } }, 1, -EPROTO, false, true }, /* no memory */
		{ { { 0, 7, 0, SZ_4K, 1 }, { 0, 7, UINT64_C(1) << 62, SZ_4K, 0 } },
		  2,
		  -EPROTO,
		  false,
		  false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct peer p;
		struct res *r;

		peer_open(&p);
		p.ctx = &cases[i];
		peer_play(&p, peer_welcome);
		ck_assert_int_eq(vcm_sys_init(), 0);
		peer_join(&p);
		peer_play(&p, serve_bad_pieces);
		r = user_reserve(LEN, 0);
		ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)),
				 cases[i].error);
		ck_assert(vcm_last_error()[0]);
		ck_assert(!user_is_readable(addr_of_res) && user_is_mapped(addr_of_res));
		peer_join(&p);
		peer_close(&p);
	}
}
END_TEST

static void serve_without_room_for_fds(struct peer *p)
{
	int fds[] = { user_arena_fd('a', 8) };

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	for (int i = 0; i < 2; i++) {
		const struct op *op = peer_expect(p, i ? OP_PIECES : OP_BACK);

		if (i)
			ck_assert_uint_eq(op->attr, 1);
		user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, fds, 1);
	}
	peer_expect(p, OP_UNBACK);
	peer_answer(p, 0, NULL);
	close(fds[0]);
}

START_TEST(process_without_room_for_fds_is_told_so)
{
	struct rlimit limit;
	struct peer p;
	struct physmem *m;
	struct res *r;
	int last, fds[64], n = 0;

	if (getenv("VCM_UNDER_VALGRIND"))
		return; /* it does not keep the limit of descriptors for messages */
	peer_start(&p, serve_without_room_for_fds);
	r = user_reserve(LEN, 0);
	m = vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0);
	/* Every number below the limit is taken. */
	getrlimit(RLIMIT_NOFILE, &limit);
	last = dup(0);
	for (int i = 0; i < last; i++)
		if (fcntl(i, F_GETFD) < 0)
			fds[n++] = dup2(0, i);
	limit.rlim_cur = (rlim_t)last + 1;
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_int_eq(vcm_back(r, m), -EMFILE);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "descriptors"));
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (n > 0)
		close(fds[--n]);
	close(last);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("pieces", pieces_lie_one_after_the_other_at_the_pointer,
	   pieces_and_fds_that_are_missing_are_asked_for, pieces_that_make_no_sense_undo_the_back,
	   pieces_that_are_gone_by_now_are_no_failure, process_without_room_for_fds_is_told_so)
