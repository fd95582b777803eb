// SPDX-License-Identifier: BSD-3-Clause
/* Batches, with a broker that is played. */
#include <errno.h>
#include <string.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/mem.h"
#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

static void nothing(struct peer *p)
{
	(void)p;
}

static void take_the_batch(struct peer *p)
{
	static const uint32_t codes[] = { OP_VCM_CREATE, OP_RESERVE, OP_PHYS_ALLOC, OP_BACK };
	const struct op *ops;

	peer_receive(p);
	ops = p->request.ops;
	ck_assert_uint_eq(p->request.n_ops, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(ops[i].code, codes[i]);
	ck_assert_uint_eq(ops[1].on, ops[0].handle);
	ck_assert_uint_eq(ops[3].on, ops[1].handle);
	ck_assert_uint_eq(ops[3].target, ops[2].handle);
	peer_answer(p, 2, (uint64_t[]){ VCM_DEVICE, SZ_4K });
	ck_assert_uint_eq(peer_expect(p, OP_RES_INFO)->on, 2);
	peer_answer(p, 5, (uint64_t[]){ 1, SZ_4K, SZ_64K, 0, 3 });
}

START_TEST(batch_is_one_request_and_its_objects_work_in_it_and_after_it)
{
	struct physmem *m;
	struct peer p;
	struct vcm *v;
	struct res *r;
	size_t failed = 77;

	peer_start(&p, take_the_batch);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create(0, SZ_16M);
	r = vcm_reserve(v, SZ_64K, 0);
	m = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0);
	ck_assert(v && r && m);
	ck_assert_int_eq(vcm_back(r, m), 0);
	ck_assert_uint_eq(vcm_get_dev_addr(r), 1);
	ck_assert_int_eq(errno, EINPROGRESS);
	ck_assert_uint_eq(vcm_get_len(v), 0);
	ck_assert_int_eq(errno, EINPROGRESS);
	ck_assert_int_eq(vcm_batch_commit(&failed), 0);
	ck_assert_uint_eq(failed, 77);
	ck_assert_uint_eq(vcm_get_dev_addr(r), SZ_4K);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void refuse_the_third(struct peer *p)
{
	struct reply reply = { .status = -EDQUOT, .failed = 2, .reason = "too much" };

	peer_receive(p);
	ck_assert_uint_eq(p->request.n_ops, 3);
	reply.serial = p->request.serial;
	peer_send(p, &reply, NULL, 0);
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 1);
	peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
}

START_TEST(batch_that_fails_names_the_call_and_makes_its_pointers_invalid)
{
	struct peer p;
	struct vcm *v;
	struct res *r;
	size_t failed = 77;

	peer_start(&p, refuse_the_third);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create(0, SZ_16M);
	r = vcm_reserve(v, SZ_64K, 0);
	ck_assert_ptr_nonnull(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0));
	ck_assert_int_eq(vcm_batch_commit(&failed), -EDQUOT);
	ck_assert_uint_eq(failed, 2);
	ck_assert_str_eq(vcm_last_error(), "too much");
	ck_assert_int_eq(vcm_free(v), -EINVAL);
	ck_assert_int_eq(vcm_unreserve(r), -EINVAL);
	ck_assert_ptr_ne(vcm_create(0, SZ_16M), v);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void one_create(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
}

START_TEST(aborted_batch_sends_nothing_and_frees_its_handles)
{
	struct peer p;
	struct vcm *v;

	peer_start(&p, one_create);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create(0, SZ_16M);
	ck_assert_ptr_nonnull(vcm_reserve(v, SZ_4K, 0));
	vcm_batch_abort();
	ck_assert_int_eq(vcm_free(v), -EINVAL);
	vcm_batch_abort();
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

START_TEST(begin_twice_is_busy_and_commit_without_begin_is_invalid)
{
	struct peer p;

	peer_start(&p, nothing);
	ck_assert_int_eq(vcm_batch_commit(NULL), -EINVAL);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_batch_begin(), -EBUSY);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	ck_assert_int_eq(vcm_batch_commit(NULL), -EINVAL);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

START_TEST(call_that_cannot_be_collected_dooms_the_batch)
{
	struct peer p;
	size_t failed;

	peer_start(&p, nothing);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_free(NULL), -EINVAL);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(vcm_batch_commit(&failed), -EINVAL);
	ck_assert_uint_eq(failed, 2);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "NULL"));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void welcome_to_four(struct peer *p)
{
	p->welcome.max_ops = 4;
	peer_welcome(p);
}

START_TEST(batch_of_more_calls_than_a_request_holds_is_too_big)
{
	struct peer p;
	size_t failed;

	peer_open(&p);
	peer_play(&p, welcome_to_four);
	ck_assert_int_eq(vcm_sys_init(), 0);
	peer_join(&p);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, E2BIG);
	ck_assert_int_eq(vcm_batch_commit(&failed), -E2BIG);
	ck_assert_uint_eq(failed, 4);
	peer_close(&p);
}
END_TEST

static void welcome_to_short_messages(struct peer *p)
{
	p->welcome.max_message = 100;
	peer_welcome(p);
}

START_TEST(batch_longer_than_a_message_is_too_big)
{
	struct peer p;
	size_t failed;

	peer_open(&p);
	peer_play(&p, welcome_to_short_messages);
	ck_assert_int_eq(vcm_sys_init(), 0);
	peer_join(&p);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_batch_commit(&failed), -E2BIG);
	ck_assert_uint_eq(failed, 20);
	peer_play(&p, one_create);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void answer_while_the_batch_is_open(struct peer *p)
{
	one_create(p);
	ck_assert_uint_eq(peer_expect(p, OP_VCM_INFO)->on, 1);
	peer_answer(p, 4, (uint64_t[]){ 0, SZ_16M, VCM_DEVICE, 0 });
	peer_expect(p, OP_DEV_GET);
	peer_answer(p, 2, (uint64_t[]){ 9, 0 });
	peer_expect(p, OP_SIM_STATS);
	peer_answer(p, 5, (uint64_t[]){ 1, 2, 3, 4, 5 });
	ck_assert_uint_eq(peer_expect(p, OP_VCM_FREE)->on, 1);
	peer_answer(p, 0, NULL);
}

START_TEST(questions_are_answered_at_once_inside_a_batch)
{
	struct vcm_sim_counters counters;
	struct smmu_dev *dev;
	struct peer p;
	struct vcm *v;

	peer_start(&p, answer_while_the_batch_is_open);
	v = vcm_create(0, SZ_16M);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_free(v), 0);
	ck_assert_uint_eq(vcm_get_len(v), SZ_16M);
	dev = smmu_get_ctx_instance((char[]){ "cpu" });
	ck_assert_uint_eq((uintptr_t)dev, 9);
	ck_assert_int_eq(vcm_sim_stats(9, &counters, 0), 0);
	ck_assert_uint_eq(counters.invalidations, 5);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	ck_assert_int_eq(vcm_free(v), -EINVAL);
	ck_assert_int_eq(smmu_free_ctx_instance(dev), 0);
	ck_assert_int_eq(smmu_free_ctx_instance(dev), -EINVAL);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void *use_pending(void *arg)
{
	ck_assert_int_eq(vcm_free(arg), -EINPROGRESS);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	return NULL;
}

static void second_handle_then_batch(struct peer *p)
{
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 2);
	peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 1);
	peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
}

START_TEST(batch_belongs_to_its_thread)
{
	pthread_t thread;
	struct peer p;
	void *v;

	peer_start(&p, second_handle_then_batch);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create(0, SZ_16M);
	pthread_create(&thread, NULL, use_pending, v);
	pthread_join(thread, NULL);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void *leave_a_batch_open(void *arg)
{
	(void)arg;
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	return NULL;
}

START_TEST(batch_of_a_thread_that_ends_is_forgotten)
{
	pthread_t thread;
	struct peer p;

	peer_start(&p, one_create);
	pthread_create(&thread, NULL, leave_a_batch_open, NULL);
	pthread_join(thread, NULL);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

START_TEST(batch_of_an_ended_session_does_not_reach_the_next)
{
	struct peer p;

	peer_start(&p, peer_goodbye);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, ENOTCONN);
	peer_start(&p, one_create);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_int_eq(vcm_batch_commit(NULL), -ENOTCONN);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void die(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

START_TEST(batch_of_a_broken_connection_does_not_begin_and_does_not_end_well)
{
	struct peer p;

	peer_start(&p, nothing);
	peer_join(&p);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	peer_play(&p, die);
	peer_join(&p);
	ck_assert_int_eq(vcm_batch_commit(NULL), -ENOTCONN);
	ck_assert(vcm_last_error()[0]);
	ck_assert_int_eq(vcm_batch_begin(), -ENOTCONN);
	ck_assert(vcm_last_error()[0]);
	/* And when it is known. */
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_batch_begin(), -ENOTCONN);
	ck_assert_int_eq(vcm_batch_commit(NULL), -EINVAL);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

static void die_on_commit(struct peer *p)
{
	peer_receive(p);
	close(p->fd);
	p->fd = -1;
}

START_TEST(death_of_the_broker_during_commit_invalidates_the_batch)
{
	struct peer p;
	struct vcm *v;
	size_t failed;

	peer_start(&p, die_on_commit);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	v = vcm_create(0, SZ_16M);
	ck_assert_int_eq(vcm_batch_commit(&failed), -ECONNRESET);
	ck_assert_uint_eq(failed, 1);
	ck_assert_int_eq(vcm_free(v), -EINVAL);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void accept_any_batch(struct peer *p)
{
	uint64_t values[64] = { 0 };

	peer_receive(p);
	peer_answer(p, p->request.n_ops, values);
}

/* One try: a batch of 40 creations with the nth allocation failing. True when nothing failed any more. */
static bool try_batch(size_t nth)
{
	struct vcm *v[40];
	size_t n = 0, failed;
	int r;

	mem_fail_nth(nth);
	r = vcm_batch_begin();
	while (r == 0 && n < 40) {
		v[n] = vcm_create(0, SZ_16M);
		if (!v[n])
			r = -errno;
		else
			n++;
	}
	ck_assert(r == 0 || r == -ENOMEM);
	if (r < 0) {
		ck_assert(mem_fail_fired());
		r = vcm_batch_commit(&failed);
		ck_assert(r == -ENOMEM || r == -EINVAL);
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(vcm_free(v[i]), -EINVAL);
		return false;
	}
	r = vcm_batch_commit(&failed);
	ck_assert(!mem_fail_fired());
	ck_assert_int_eq(r, 0);
	return true;
}

START_TEST(batch_survives_the_failure_of_each_allocation)
{
	struct peer p;
	size_t nth = 1;

	peer_start(&p, accept_any_batch);
	while (!try_batch(nth))
		nth++;
	ck_assert_uint_gt(nth, 3);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("batch", batch_is_one_request_and_its_objects_work_in_it_and_after_it,
	   batch_that_fails_names_the_call_and_makes_its_pointers_invalid,
	   aborted_batch_sends_nothing_and_frees_its_handles,
	   begin_twice_is_busy_and_commit_without_begin_is_invalid,
	   call_that_cannot_be_collected_dooms_the_batch,
	   batch_of_more_calls_than_a_request_holds_is_too_big,
	   batch_longer_than_a_message_is_too_big, questions_are_answered_at_once_inside_a_batch,
	   batch_belongs_to_its_thread, batch_of_a_thread_that_ends_is_forgotten,
	   batch_of_an_ended_session_does_not_reach_the_next,
	   batch_of_a_broken_connection_does_not_begin_and_does_not_end_well,
	   death_of_the_broker_during_commit_invalidates_the_batch,
	   batch_survives_the_failure_of_each_allocation)
