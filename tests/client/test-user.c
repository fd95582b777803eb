// SPDX-License-Identifier: BSD-3-Clause
/* The process's own address space, with a broker that is played and has real memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/client/user.h"
#include "tests/suite.h"

#define LEN ((size_t)4 * SZ_4K)

static uint8_t *addr_of_res; /* as the played broker saw it */

static void serve_read_only(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);
	_cleanup_(fd_closep) int read_only = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	user_serve_reserve(p);
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, &read_only, 1);
	peer_expect(p, OP_UNBACK);
	peer_answer(p, 0, NULL);
}

START_TEST(mapping_that_the_kernel_refuses_undoes_the_back)
{
	struct peer p;
	struct res *r;

	peer_start(&p, serve_read_only);
	r = user_reserve(LEN, VCM_READ | VCM_WRITE);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), -EACCES);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void serve_attributes(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, &a, 1);
	for (int i = 0; i < 3; i++) {
		peer_expect(p, OP_RES_SET_ATTR);
		peer_answer(p, 0, NULL);
	}
	peer_expect(p, OP_RES_SET_ATTR);
	peer_refuse(p, -EINVAL, "no");
}

START_TEST(protection_follows_the_attributes)
{
	struct peer p;
	struct res *r;

	peer_start(&p, serve_attributes);
	r = user_reserve(LEN, VCM_READ);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	ck_assert(user_is_readable(addr_of_res) && !user_is_writable(addr_of_res));
	ck_assert_int_eq(vcm_set_res_attr(r, VCM_WRITE), 0);
	ck_assert(user_is_readable(addr_of_res) && user_is_writable(addr_of_res));
	ck_assert_int_eq(vcm_set_res_attr(r, VCM_READ | VCM_USER), 0);
	ck_assert(user_is_readable(addr_of_res) && !user_is_writable(addr_of_res));
	ck_assert_int_eq(vcm_set_res_attr(r, VCM_SUPERVISOR), 0);
	ck_assert(user_is_readable(addr_of_res) && user_is_writable(addr_of_res));
	ck_assert_int_eq(vcm_set_res_attr(r, VCM_READ), -EINVAL);
	ck_assert(user_is_writable(addr_of_res));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static const struct {
	size_t len;
	uint32_t attr;
	uint64_t align;
} alignments[] = {
	{ SZ_4K, 0, SZ_4K },
	{ SZ_64K, 0, SZ_64K },
	{ SZ_1M, 0, SZ_1M },
	{ SZ_2M, 0, SZ_2M },
	{ SZ_16M, 0, SZ_16M },
	{ SZ_4K, VCM_ALIGN_1M, SZ_1M },
	{ SZ_4K, VCM_ALIGN_1GB, UINT64_C(1) << 30 },
	{ 8 * SZ_1M, VCM_ALIGN_4K, SZ_2M },
};

#define N_ALIGNMENTS (sizeof(alignments) / sizeof(*alignments))

static void serve_alignments(struct peer *p)
{
	peer_expect(p, OP_VCM_PREBUILT);
	peer_answer(p, 1, (uint64_t[]){ VCM_EXT_USER });
	for (size_t i = 0; i < N_ALIGNMENTS; i++) {
		const struct op *op = peer_expect(p, OP_RESERVE);

		ck_assert_uint_eq(op->addr % alignments[i].align, 0);
		ck_assert(user_is_mapped(user_at(op->addr)));
		ck_assert(user_is_mapped(user_at(op->addr + op->len - 1)));
		addr_of_res = user_at(op->addr);
		peer_answer(p, 1, &op->addr);
	}
	for (int i = 0; i < 2; i++) {
		addr_of_res = user_at(peer_expect(p, i ? OP_RESERVE_AT : OP_RESERVE)->addr);
		peer_refuse(p, -EINVAL, "no");
	}
}

START_TEST(address_space_is_aligned_and_given_back_when_the_broker_refuses)
{
	struct peer p;
	struct vcm *v;

	peer_start(&p, serve_alignments);
	v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	for (size_t i = 0; i < N_ALIGNMENTS; i++)
		ck_assert_ptr_nonnull(vcm_reserve(v, alignments[i].len, alignments[i].attr));
	ck_assert_ptr_null(vcm_reserve(v, SZ_4K, 5 << VCM_ALIGN_SHIFT));
	ck_assert(!user_is_mapped(addr_of_res));
	ck_assert_ptr_null(vcm_reserve_at(VCM_START, v, SZ_4K, 0));
	ck_assert(!user_is_mapped(addr_of_res));
	ck_assert_ptr_null(vcm_reserve(v, 0, 0));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(vcm_reserve(v, 100, 0));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(vcm_reserve(v, (size_t)1 << 60, 0));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_null(vcm_reserve(v, SIZE_MAX & ~(SZ_4K - 1), 0));
	ck_assert_int_eq(errno, ENOMEM);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static uint64_t bound_at;

static void serve_bound(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);
	const struct op *op;

	peer_expect(p, OP_VCM_PREBUILT);
	peer_answer(p, 1, (uint64_t[]){ VCM_EXT_USER });
	op = peer_expect(p, OP_BOUND_CREATE);
	bound_at = op->addr;
	ck_assert_uint_eq(op->handle, 2);
	ck_assert_uint_eq(bound_at % SZ_1M, 0);
	peer_answer(p, 1, &op->addr);
	op = peer_expect(p, OP_RESERVE_BOUND);
	ck_assert_uint_eq(op->on, 2);
	ck_assert_uint_eq(op->addr, 0);
	peer_answer(p, 1, (uint64_t[]){ bound_at + SZ_64K });
	peer_expect(p, OP_PHYS_ALLOC);
	peer_answer(p, 0, NULL);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, &a, 1);
	for (int i = 0; i < 3; i++) {
		peer_receive(p); /* unback, unreserve, free */
		peer_answer(p, 0, NULL);
	}
}

START_TEST(reservation_from_a_bound_uses_the_bound_s_space)
{
	struct bound *b;
	struct peer p;
	struct res *r;
	struct vcm *v;

	peer_start(&p, serve_bound);
	v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	b = vcm_create_bound(v, SZ_1M);
	r = vcm_reserve_from_bound(b, LEN, 0);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	ck_assert_str_eq((char *)user_at(bound_at + SZ_64K + SZ_4K), "a1");
	ck_assert(!user_is_readable(user_at(bound_at)));
	ck_assert_int_eq(vcm_unback(r), 0);
	ck_assert_int_eq(vcm_unreserve(r), 0);
	ck_assert(user_is_mapped(user_at(bound_at + SZ_64K)));
	ck_assert_int_eq(vcm_free_bound(b), 0);
	ck_assert(!user_is_mapped(user_at(bound_at)));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void serve_bound_wrongly(struct peer *p)
{
	const struct op *op;

	peer_expect(p, OP_VCM_PREBUILT);
	peer_answer(p, 1, (uint64_t[]){ VCM_EXT_USER });
	op = peer_expect(p, OP_BOUND_CREATE);
	peer_answer(p, 1, &op->addr);
	bound_at = op->addr;
	peer_expect(p, OP_RESERVE_BOUND);
	peer_answer(p, 1, (uint64_t[]){ bound_at + SZ_1M - SZ_4K });
	peer_expect(p, OP_RESERVE);
	peer_answer(p, 1, (uint64_t[]){ bound_at });
}

START_TEST(addresses_that_are_not_the_process_s_are_refused)
{
	struct bound *b;
	struct peer p;
	struct vcm *v;

	peer_start(&p, serve_bound_wrongly);
	v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	b = vcm_create_bound(v, SZ_1M);
	ck_assert_ptr_null(vcm_reserve_from_bound(b, LEN, 0));
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_ptr_null(vcm_reserve(v, LEN, 0));
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_ptr_null(vcm_reserve(v, LEN, 0));
	ck_assert_int_eq(errno, ENOTCONN);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

/* A batch that makes everything, backs it twice, and takes the first backing away again. */
static void serve_batch(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 16);
	const struct op *ops;

	peer_receive(p);
	ops = p->request.ops;
	ck_assert_uint_eq(p->request.n_ops, 8);
	{
		const uint64_t values[] = { VCM_EXT_USER, ops[1].addr, ops[2].addr };
		const struct piece pieces[] = { { 5, 7, 4 * SZ_4K, LEN, 1 } };
		struct reply reply = {
			.values = values, .n_values = 3, .pieces = pieces, .n_pieces = 1
		};

		addr_of_res = user_at(ops[2].addr);
		reply.serial = p->request.serial;
		peer_send(p, &reply, &a, 1);
	}
}

START_TEST(batch_maps_what_it_backs_when_it_is_committed)
{
	struct physmem *m;
	struct res *r[2];
	struct peer p;
	struct vcm *v;

	peer_start(&p, serve_batch);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	r[0] = vcm_reserve(v, LEN, 0);
	r[1] = vcm_reserve(v, LEN, 0);
	m = vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0);
	ck_assert_int_eq(vcm_back(r[0], m), 0);
	ck_assert_int_eq(vcm_back(r[1], m), 0);
	ck_assert_int_eq(vcm_unback(r[0]), 0);
	ck_assert_int_eq(vcm_unreserve(r[0]), 0);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	ck_assert_str_eq((char *)addr_of_res, "a4");
	ck_assert_int_eq(vcm_unreserve(r[0]), -EINVAL);
	peer_join(&p);
	peer_close(&p);
	ck_assert(!user_is_mapped(addr_of_res));
}
END_TEST

static void refuse_batch(struct peer *p)
{
	peer_receive(p);
	addr_of_res = user_at(p->request.ops[1].addr);
	peer_refuse(p, -EDQUOT, "no");
}

START_TEST(refused_batch_gives_its_address_space_back)
{
	struct peer p;
	struct vcm *v;

	peer_start(&p, refuse_batch);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	ck_assert_ptr_nonnull(vcm_reserve(v, LEN, 0));
	ck_assert_int_eq(vcm_batch_commit(NULL), -EDQUOT);
	ck_assert(!user_is_mapped(addr_of_res));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void serve_until_goodbye(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, &a, 1);
	peer_expect(p, OP_BYE);
	ck_assert(user_is_readable(addr_of_res));
	peer_answer(p, 0, NULL);
}

static size_t n_fds(void)
{
	size_t n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

START_TEST(destroy_unmaps_and_closes_everything)
{
	struct peer p;
	struct res *r;
	size_t before;

	peer_open(&p);
	before = n_fds();
	peer_play(&p, peer_welcome);
	ck_assert_int_eq(vcm_sys_init(), 0);
	peer_join(&p);
	peer_play(&p, serve_until_goodbye);
	r = user_reserve(LEN, 0);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	ck_assert(!user_is_mapped(addr_of_res));
	peer_join(&p);
	ck_assert_uint_eq(n_fds(), before + 2); /* the test's ends of the two sockets */
	peer_close(&p);
}
END_TEST

static void serve_a_back_and_go(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);

	addr_of_res = user_at(user_serve_reserve(p));
	user_serve_physmem(p);
	peer_expect(p, OP_BACK);
	user_answer_pieces(p, (struct piece[]){ { 0, 7, 0, LEN, 1 } }, 1, &a, 1);
	peer_hang_up(p);
}

START_TEST(address_and_bytes_are_there_until_destroy_also_without_the_broker)
{
	struct peer p;
	struct res *r;

	peer_start(&p, serve_a_back_and_go);
	r = user_reserve(LEN, 0);
	ck_assert_int_eq(vcm_back(r, vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0)), 0);
	peer_join(&p);
	ck_assert_uint_eq(vcm_get_res_len(r), 0);
	ck_assert_int_ne(errno, 0);
	ck_assert_int_eq(vcm_unback(r), -ENOTCONN);
	ck_assert_ptr_eq(user_at(vcm_get_dev_addr(r)), addr_of_res);
	ck_assert_int_eq(errno, 0);
	ck_assert_str_eq(vcm_last_error(), "");
	ck_assert_str_eq((char *)addr_of_res, "a0");
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	ck_assert_uint_eq(vcm_get_dev_addr(r), 1);
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert(!user_is_mapped(addr_of_res));
	peer_close(&p);
}
END_TEST

/* Plays until the library hangs up. */
static void serve_anything(struct peer *p)
{
	_cleanup_(fd_closep) int a = user_arena_fd('a', 8);

	for (;;) {
		uint64_t addr;

		peer_receive(p);
		addr = p->request.ops[0].addr;
		switch (p->request.ops[0].code) {
		case OP_VCM_PREBUILT:
		case OP_RESERVE:
			peer_answer(p, 1, &addr);
			break;
		case OP_BACK:
			user_answer_pieces(p,
					   (struct piece[]){ { 0, 7, 0, SZ_4K, 1 },
							     { 0, 7, 2 * SZ_4K, 3 * SZ_4K, 0 } },
					   2, &a, 1);
			break;
		case OP_BYE:
			peer_answer(p, 0, NULL);
			return;
		default:
			peer_answer(p, 0, NULL);
		}
	}
}

/* -ENOMEM or nothing. True when it went all the way. */
static bool try_all(void)
{
	struct vcm *v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	struct res *r = v ? vcm_reserve(v, LEN, 0) : NULL;
	struct physmem *m = r ? vcm_phys_alloc(VCM_MEMTYPE_0, LEN, 0) : NULL;
	int e = m ? vcm_back(r, m) : -errno;

	ck_assert(e == 0 || e == -ENOMEM);
	if (e == 0)
		ck_assert_int_eq(vcm_unback(r), 0);
	if (m)
		ck_assert_int_eq(vcm_phys_free(m), 0);
	if (r)
		ck_assert_int_eq(vcm_unreserve(r), 0);
	if (v)
		ck_assert_int_eq(vcm_free(v), 0);
	return e == 0;
}

START_TEST(user_space_survives_the_failure_of_each_allocation)
{
	struct peer p;
	bool is_done;

	peer_start(&p, serve_anything);
	for (size_t nth = 1;; nth++) {
		mem_fail_nth(nth);
		is_done = try_all();
		if (!mem_fail_fired())
			break;
	}
	ck_assert(is_done);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("user", mapping_that_the_kernel_refuses_undoes_the_back,
	   protection_follows_the_attributes,
	   address_space_is_aligned_and_given_back_when_the_broker_refuses,
	   reservation_from_a_bound_uses_the_bound_s_space,
	   addresses_that_are_not_the_process_s_are_refused,
	   batch_maps_what_it_backs_when_it_is_committed,
	   refused_batch_gives_its_address_space_back, destroy_unmaps_and_closes_everything,
	   address_and_bytes_are_there_until_destroy_also_without_the_broker,
	   user_space_survives_the_failure_of_each_allocation)
