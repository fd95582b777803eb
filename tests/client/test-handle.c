// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include <vcm/vcm.h>

#include "base/mem.h"
#include "tests/suite.h"

static uint32_t take(struct handles *h, enum handle_kind kind)
{
	uint32_t wire = 0;

	ck_assert_int_eq(handles_take(h, kind, &(struct handle_info){ .wire = 0 }, &wire), 0);
	return wire;
}

static int find(struct handles *h, enum handle_kind kind, const void *p)
{
	struct handle_info info;
	struct reason why = { "" };
	int r = handles_find(h, kind, p, &info, &why);

	ck_assert(r == 0 || why.text[0]);
	return r;
}

static void *word(uintptr_t v)
{
	return (void *)v; /* NOLINT(performance-no-int-to-ptr) */
}

START_TEST(handle_comes_back_from_its_pointer)
{
	static const uint32_t wires[] = {
		1, 2, 4095, 0x1fffff, HANDLE_BROKER | 1, HANDLE_BROKER | 77
	};

	for (int kind = HANDLE_VCM; kind < HANDLE_N_KINDS; kind++) {
		for (size_t i = 0; i < sizeof(wires) / sizeof(*wires); i++) {
			struct handle in = { (enum handle_kind)kind, 37, wires[i] }, out;

			ck_assert(handle_decode(handle_encode(in), &out));
			ck_assert_int_eq(out.kind, kind);
			ck_assert_uint_eq(out.generation, 37);
			ck_assert_uint_eq(out.wire, wires[i]);
		}
	}
}
END_TEST

START_TEST(pointers_differ_by_kind_and_generation_and_index)
{
	const void *p = handle_encode((struct handle){ HANDLE_RES, 3, 9 });

	ck_assert_ptr_ne(p, handle_encode((struct handle){ HANDLE_VCM, 3, 9 }));
	ck_assert_ptr_ne(p, handle_encode((struct handle){ HANDLE_RES, 4, 9 }));
	ck_assert_ptr_ne(p, handle_encode((struct handle){ HANDLE_RES, 3, 10 }));
	ck_assert_ptr_ne(p, handle_encode((struct handle){ HANDLE_RES, 3, HANDLE_BROKER | 9 }));
}
END_TEST

START_TEST(garbage_is_no_handle)
{
	static int on_heap;
	int on_stack;
	struct handle out;

	ck_assert(!handle_decode(NULL, &out));
	ck_assert(!handle_decode(word(1), &out));
	ck_assert(!handle_decode(word((uintptr_t)-1), &out));
	ck_assert(!handle_decode(word((uintptr_t)-EINVAL), &out));
	ck_assert(!handle_decode(&on_heap, &out));
	ck_assert(!handle_decode(&on_stack, &out));
	ck_assert(!handle_decode(word((uintptr_t)garbage_is_no_handle), &out));
}
END_TEST

START_TEST(every_random_word_is_refused_or_a_handle_that_the_table_does_not_know)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();

	srand(1);
	for (int i = 0; i < 200000; i++) {
		uintptr_t v = (uintptr_t)rand() << 33 ^ (uintptr_t)rand() << 16 ^ (uintptr_t)rand();

		for (int kind = HANDLE_VCM; kind < HANDLE_N_KINDS; kind++)
			if ((uint32_t)v < HANDLE_BROKER)
				ck_assert_int_eq(find(h, (enum handle_kind)kind, word(v)), -EINVAL);
	}
}
END_TEST

START_TEST(handles_are_dense_and_the_lowest_free_comes_first)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();

	for (uint32_t i = 1; i <= 20000; i++)
		ck_assert_uint_eq(take(h, HANDLE_RES), i);
	handles_release(h, 19000);
	handles_release(h, 64);
	handles_release(h, 63);
	handles_release(h, 1);
	ck_assert_uint_eq(take(h, HANDLE_VCM), 1);
	ck_assert_uint_eq(take(h, HANDLE_VCM), 63);
	ck_assert_uint_eq(take(h, HANDLE_VCM), 64);
	ck_assert_uint_eq(take(h, HANDLE_VCM), 19000);
	ck_assert_uint_eq(take(h, HANDLE_VCM), 20001);
}
END_TEST

START_TEST(object_is_found_by_its_pointer_until_it_goes)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	uint32_t wire = take(h, HANDLE_RES);
	void *p = handles_pointer(h, HANDLE_RES, wire), *again;
	struct handle_info info;

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(handles_find(h, HANDLE_RES, p, &info, NULL), 0);
	ck_assert_uint_eq(info.wire, wire);
	ck_assert(!info.is_pending && !info.is_user && !info.mapping);
	handles_release(h, wire);
	ck_assert_int_eq(find(h, HANDLE_RES, p), -EINVAL);
	ck_assert_uint_eq(take(h, HANDLE_RES), wire);
	ck_assert_int_eq(find(h, HANDLE_RES, p), -EINVAL);
	again = handles_pointer(h, HANDLE_RES, wire);
	ck_assert_ptr_ne(again, p);
	ck_assert_int_eq(find(h, HANDLE_RES, again), 0);
}
END_TEST

START_TEST(pointer_of_another_kind_is_refused)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	uint32_t wire = take(h, HANDLE_PHYSMEM);
	const void *p = handles_pointer(h, HANDLE_PHYSMEM, wire);

	for (int kind = HANDLE_VCM; kind < HANDLE_PHYSMEM; kind++) {
		ck_assert_int_eq(find(h, (enum handle_kind)kind, p), -EINVAL);
		ck_assert_ptr_null(handles_pointer(h, (enum handle_kind)kind, wire));
	}
	ck_assert_int_eq(find(h, HANDLE_PHYSMEM, p), 0);
}
END_TEST

START_TEST(what_the_broker_makes_has_the_same_pointer_until_it_goes)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	void *p = handles_pointer(h, HANDLE_RES, HANDLE_BROKER | 5), *next;

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_eq(handles_pointer(h, HANDLE_RES, HANDLE_BROKER | 5), p);
	ck_assert_int_eq(find(h, HANDLE_RES, p), 0);
	handles_free_begin(h, HANDLE_BROKER | 5);
	handles_release(h, HANDLE_BROKER | 5);
	ck_assert_int_eq(find(h, HANDLE_RES, p), -EINVAL);
	next = handles_pointer(h, HANDLE_RES, HANDLE_BROKER | 5);
	ck_assert_ptr_ne(next, p);
	ck_assert_int_eq(find(h, HANDLE_RES, next), 0);
	ck_assert_int_eq(find(h, HANDLE_RES, p), -EINVAL);
	ck_assert_int_eq(find(h, HANDLE_RES, handles_pointer(h, HANDLE_RES, HANDLE_BROKER)), 0);
	ck_assert_ptr_null(handles_pointer(h, HANDLE_RES, 0));
}
END_TEST

START_TEST(what_was_not_freed_keeps_its_pointer)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	const uint32_t wire = HANDLE_BROKER | 300;
	void *p = handles_pointer(h, HANDLE_BOUND, wire);

	handles_free_begin(h, wire);
	ck_assert_ptr_eq(handles_pointer(h, HANDLE_BOUND, wire), p);
	handles_free_undo(h, wire);
	ck_assert_ptr_eq(handles_pointer(h, HANDLE_BOUND, wire), p);
	ck_assert_int_eq(find(h, HANDLE_BOUND, p), 0);
	handles_free_begin(h, wire);
	handles_release(h, wire);
	ck_assert_int_eq(find(h, HANDLE_BOUND, p), -EINVAL);
}
END_TEST

START_TEST(pointer_that_is_given_while_its_index_is_being_freed_stays_valid)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	const uint32_t wire = HANDLE_BROKER | 1;
	void *p = handles_pointer(h, HANDLE_RES, wire), *next;

	handles_free_begin(h, wire);
	next = handles_pointer(h, HANDLE_RES, wire);
	handles_release(h, wire);
	ck_assert_int_eq(find(h, HANDLE_RES, next), 0);
	ck_assert_ptr_eq(handles_pointer(h, HANDLE_RES, wire), next);
	handles_free_begin(h, wire);
	handles_release(h, wire);
	ck_assert_int_eq(find(h, HANDLE_RES, next), -EINVAL);
	ck_assert_int_eq(find(h, HANDLE_RES, p), -EINVAL);
}
END_TEST

START_TEST(pointers_of_an_ended_session_are_stale_in_the_next)
{
	struct handles *h = handles_new();
	uint32_t wire = take(h, HANDLE_VCM);
	const void *p, *broker;

	for (int i = 0; i < 10; i++) {
		handles_release(h, wire);
		ck_assert_uint_eq(take(h, HANDLE_VCM), wire);
	}
	p = handles_pointer(h, HANDLE_VCM, wire);
	for (int i = 0; i < 20; i++) {
		handles_pointer(h, HANDLE_VCM, HANDLE_BROKER | 1);
		handles_release(h, HANDLE_BROKER | 1);
	}
	broker = handles_pointer(h, HANDLE_VCM, HANDLE_BROKER | 1);
	handles_free(h);
	h = handles_new();
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_eq(take(h, HANDLE_VCM), wire);
		ck_assert_int_eq(find(h, HANDLE_VCM, p), -EINVAL);
		handles_release(h, wire);
	}
	for (int i = 0; i < 30; i++) {
		handles_pointer(h, HANDLE_VCM, HANDLE_BROKER | 1);
		ck_assert_int_eq(find(h, HANDLE_VCM, broker), -EINVAL);
		handles_release(h, HANDLE_BROKER | 1);
	}
	handles_free(h);
}
END_TEST

START_TEST(pending_object_is_pending_until_it_is_settled)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	struct handle_info info = { .is_pending = true, .is_user = true };
	uint32_t wire;

	ck_assert_int_eq(handles_take(h, HANDLE_VCM, &info, &wire), 0);
	ck_assert_int_eq(
		handles_find(h, HANDLE_VCM, handles_pointer(h, HANDLE_VCM, wire), &info, NULL), 0);
	ck_assert(info.is_pending && info.is_user);
	handles_settle(h, wire);
	ck_assert_int_eq(
		handles_find(h, HANDLE_VCM, handles_pointer(h, HANDLE_VCM, wire), &info, NULL), 0);
	ck_assert(!info.is_pending && info.is_user);
}
END_TEST

START_TEST(closed_table_gives_no_handles)
{
	_cleanup_(handles_freep) struct handles *h = handles_new();
	uint32_t wire;

	take(h, HANDLE_VCM);
	handles_close(h);
	ck_assert_int_eq(handles_take(h, HANDLE_VCM, &(struct handle_info){ .wire = 0 }, &wire),
			 -ENOTCONN);
}
END_TEST

START_TEST(taking_survives_the_failure_of_each_allocation)
{
	for (size_t nth = 1;; nth++) {
		struct handles *h;
		uint32_t wire, n = 0;
		int r = 0;

		mem_fail_nth(nth);
		h = handles_new();
		while (h && n < 5000) {
			r = handles_take(h, HANDLE_RES, &(struct handle_info){ .wire = 0 }, &wire);
			ck_assert(r == 0 || r == -ENOMEM);
			if (r == 0)
				ck_assert_uint_eq(wire, ++n);
		}
		handles_free(h);
		if (!mem_fail_fired())
			break;
	}
}
END_TEST

static atomic_bool is_over;

static void *begin_and_end(void *unused)
{
	(void)unused;
	while (!atomic_load(&is_over))
		handles_free(handles_new());
	return NULL;
}

START_TEST(child_forked_while_sessions_begin_and_end_can_begin_one)
{
	pthread_t threads[2];
	int status;

	/* Nobody is there; but from now on forks are watched. */
	setenv("VCM_SOCKET", "/nonexistent/vcm", 1);
	ck_assert_int_eq(vcm_sys_init(), -ENOENT);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, begin_and_end, NULL), 0);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		/* Not by exit: what the other threads had is lost in the child, and leak checkers would say so. */
		if (pid == 0) {
			alarm(SUITE_TIMEOUT / 2);
			handles_free(handles_new());
			execlp("true", "true", (char *)NULL);
			_exit(2);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

SUITE_MAIN("handle", handle_comes_back_from_its_pointer,
	   pointers_differ_by_kind_and_generation_and_index, garbage_is_no_handle,
	   every_random_word_is_refused_or_a_handle_that_the_table_does_not_know,
	   handles_are_dense_and_the_lowest_free_comes_first,
	   object_is_found_by_its_pointer_until_it_goes, pointer_of_another_kind_is_refused,
	   what_the_broker_makes_has_the_same_pointer_until_it_goes,
	   what_was_not_freed_keeps_its_pointer,
	   pointer_that_is_given_while_its_index_is_being_freed_stays_valid,
	   pointers_of_an_ended_session_are_stale_in_the_next,
	   pending_object_is_pending_until_it_is_settled, closed_table_gives_no_handles,
	   taking_survives_the_failure_of_each_allocation,
	   child_forked_while_sessions_begin_and_end_can_begin_one)
