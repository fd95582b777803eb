// SPDX-License-Identifier: BSD-3-Clause
/* The connection as the API shows it, with a broker that is played. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vcm/inspect.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

static const uint64_t a_device[] = { VCM_DEVICE };

static void create_two(struct peer *p)
{
	const struct op *op = peer_expect(p, OP_VCM_CREATE);

	ck_assert_uint_eq(op->handle, 1);
	ck_assert_uint_eq(op->addr, SZ_1M);
	ck_assert_uint_eq(op->len, SZ_16M);
	ck_assert_uint_eq(p->request.serial, 2);
	ck_assert_uint_eq(p->request.ack, 1);
	peer_answer(p, 1, a_device);
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 2);
	peer_refuse(p, -ENOMEM, "no room");
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 2);
	ck_assert_uint_eq(p->request.ack, 3);
	peer_answer(p, 1, a_device);
	ck_assert_uint_eq(peer_expect(p, OP_VCM_FREE)->on, 1);
	peer_answer(p, 0, NULL);
	ck_assert_uint_eq(peer_expect(p, OP_VCM_CREATE)->handle, 1);
	peer_answer(p, 1, a_device);
}

START_TEST(handles_go_to_the_wire_dense_and_come_back_when_freed_or_refused)
{
	struct vcm *a, *b;
	struct peer p;

	peer_start(&p, create_two);
	a = vcm_create(SZ_1M, SZ_16M);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(errno, 0);
	ck_assert_str_eq(vcm_last_error(), "");
	ck_assert_ptr_null(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_str_eq(vcm_last_error(), "no room");
	b = vcm_create(SZ_1M, SZ_16M);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_ne(a, b);
	ck_assert_int_eq(vcm_free(a), 0);
	ck_assert_int_eq(vcm_free(a), -EINVAL);
	ck_assert_ptr_ne(vcm_create(SZ_1M, SZ_16M), a);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

#define N_THREADS 8
#define N_ROUNDS 200

/* Collects as many requests as there are threads, and answers them in the opposite order. */
static void answer_backwards(struct peer *p)
{
	for (int round = 0; round < N_ROUNDS; round++) {
		uint64_t serials[N_THREADS], addrs[N_THREADS];

		for (int i = 0; i < N_THREADS; i++) {
			addrs[i] = peer_expect(p, OP_PHYS_NUM_RES)->addr;
			serials[i] = p->request.serial;
			ck_assert_uint_lt(p->request.ack, serials[0]);
		}
		for (int i = N_THREADS; i-- > 0;) {
			p->request.serial = serials[i];
			peer_answer(p, 1, &addrs[i]);
		}
	}
}

static void *ask(void *arg)
{
	for (size_t round = 1; round <= N_ROUNDS; round++) {
		size_t addr = round * 1000 + *(const size_t *)arg;

		ck_assert_uint_eq(vcm_get_phys_num_res(addr), addr);
	}
	return NULL;
}

START_TEST(replies_that_overtake_find_who_waits_for_them)
{
	pthread_t threads[N_THREADS];
	size_t numbers[N_THREADS];
	struct peer p;

	peer_start(&p, answer_backwards);
	for (size_t i = 0; i < N_THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, ask, &numbers[i]);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

#define N_BATCHES 10
#define BATCH_LEN 1000
#define N_FIT (PROTO_MAX_UNSEEN / (BATCH_LEN + PROTO_ANSWER_HEAD))

static void answer_with_one_value_each(struct peer *p, uint64_t serial)
{
	uint64_t values[BATCH_LEN];

	for (size_t i = 0; i < BATCH_LEN; i++)
		values[i] = SZ_4K;
	p->request.serial = serial;
	peer_answer(p, BATCH_LEN, values);
}

static void let_as_many_be_under_way_as_fit(struct peer *p)
{
	uint64_t serials[N_BATCHES];
	size_t n = 0;
	char byte;

	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
	for (size_t answered = 0; answered < N_BATCHES; answered++) {
		for (; n < N_BATCHES && n < answered + N_FIT; n++) {
			peer_receive(p);
			ck_assert_uint_eq(p->request.n_ops, BATCH_LEN);
			serials[n] = p->request.serial;
		}
		ck_assert_int_lt(recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 0);
		answer_with_one_value_each(p, serials[answered]);
	}
}

static void *commit_a_long_batch(void *vcm)
{
	ck_assert_int_eq(vcm_batch_begin(), 0);
	for (size_t i = 0; i < BATCH_LEN; i++)
		ck_assert_ptr_nonnull(vcm_reserve(vcm, SZ_4K, 0));
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	return NULL;
}

/* What a broker keeps for one that is killed holds them all. */
START_TEST(no_more_answers_are_under_way_than_are_kept)
{
	pthread_t threads[N_BATCHES];
	struct peer p;
	struct vcm *v;

	peer_start(&p, let_as_many_be_under_way_as_fit);
	v = vcm_create(0, SZ_16M);
	for (size_t i = 0; i < N_BATCHES; i++)
		pthread_create(&threads[i], NULL, commit_a_long_batch, v);
	for (size_t i = 0; i < N_BATCHES; i++)
		pthread_join(threads[i], NULL);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void die_with_requests_open(struct peer *p)
{
	for (int i = 0; i < N_THREADS; i++)
		peer_expect(p, OP_PHYS_NUM_RES);
	shutdown(p->fd, SHUT_RDWR);
}

static void *ask_in_vain(void *arg)
{
	(void)arg;
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 0);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert(vcm_last_error()[0]);
	return NULL;
}

START_TEST(death_of_the_broker_frees_everyone_who_waits)
{
	pthread_t threads[N_THREADS];
	struct peer p;

	peer_start(&p, die_with_requests_open);
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, ask_in_vain, NULL);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	peer_join(&p);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "closed"));
	ck_assert_int_eq(vcm_sys_init(), -ENOTCONN);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
	peer_start(&p, peer_goodbye);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void nothing(struct peer *p)
{
	(void)p;
}

START_TEST(sending_to_a_broker_that_went_away_raises_no_signal)
{
	struct peer p;

	signal(SIGPIPE, SIG_DFL);
	peer_start(&p, nothing);
	peer_join(&p);
	shutdown(p.fd, SHUT_RDWR);
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 0);
	ck_assert(errno == ECONNRESET || errno == ENOTCONN);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

static void answer_garbage(struct peer *p)
{
	peer_receive(p);
	peer_send_garbage(p);
}

static void answer_another_serial(struct peer *p)
{
	peer_receive(p);
	p->request.serial += 1;
	peer_answer(p, 1, a_device);
}

static void answer_too_few_values(struct peer *p)
{
	peer_receive(p);
	peer_answer(p, 0, NULL);
}

static void answer_too_many_values(struct peer *p)
{
	peer_receive(p);
	peer_answer(p, 3, (uint64_t[]){ 1, 2, 3 });
}

static void answer_with_an_event(struct peer *p)
{
	const struct fault_event fault = { .id = 1, .device = 1 };
	const struct reply reply = { .serial = 0, .fault = &fault };

	peer_receive(p);
	peer_send(p, &reply, NULL, 0);
}

static void say_a_last_word(struct peer *p)
{
	const struct reply reply = { .serial = 0, .status = -EPROTO, .reason = "you sent garbage" };

	peer_receive(p);
	peer_send(p, &reply, NULL, 0);
}

START_TEST(last_word_of_the_broker_is_the_reason)
{
	struct peer p;

	peer_start(&p, say_a_last_word);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_str_eq(vcm_last_error(), "you sent garbage");
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void answer_too_long(struct peer *p)
{
	static uint8_t bytes[2 * PROTO_MAX_MESSAGE];

	peer_receive(p);
	ck_assert_int_gt(send(p->fd, bytes, sizeof(bytes), 0), 0);
}

START_TEST(malformed_reply_ends_the_connection_and_nothing_else)
{
	static const peer_script scripts[] = { answer_garbage,        answer_another_serial,
					       answer_too_few_values, answer_too_many_values,
					       answer_with_an_event,  answer_too_long };

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct peer p;

		peer_start(&p, scripts[i]);
		ck_assert_ptr_null(vcm_create(0, SZ_16M));
		ck_assert_int_eq(errno, EPROTO);
		ck_assert_ptr_null(vcm_create(0, SZ_16M));
		ck_assert_int_eq(errno, ENOTCONN);
		ck_assert_int_eq(vcm_sys_destroy(), 0);
		peer_join(&p);
		peer_close(&p);
	}
}
END_TEST

static void answer_wrong_handles(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
	peer_expect(p, OP_RES_GET);
	peer_answer(p, 1, (uint64_t[]){ UINT64_C(1) << 40 });
	peer_expect(p, OP_RES_GET); /* a vcm's handle where a res's belongs */
	peer_answer(p, 1, (uint64_t[]){ 1 });
	peer_expect(p, OP_RES_GET);
	peer_answer(p, 1, (uint64_t[]){ 0x80000001 });
	peer_expect(p, OP_RES_GET);
	peer_answer(p, 1, (uint64_t[]){ 0x80000001 });
}

START_TEST(handles_in_replies_are_checked_and_those_of_the_broker_are_stable)
{
	struct peer p;
	struct res *res;
	struct vcm *v;

	peer_start(&p, answer_wrong_handles);
	v = vcm_create(0, SZ_16M);
	ck_assert_ptr_null(vcm_get_res(0, v));
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_ptr_null(vcm_get_res(0, v));
	ck_assert_int_eq(errno, EINVAL);
	res = vcm_get_res(0, v);
	ck_assert_ptr_nonnull(res);
	ck_assert_ptr_eq(vcm_get_res(0, v), res);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void one_create(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
}

static void child_of_a_fork(struct vcm *v)
{
	struct peer p;

	errno = 0;
	ck_assert_uint_eq(vcm_get_len(v), 0);
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
	peer_start(&p, one_create);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	peer_join(&p);
	ck_assert_int_eq(vcm_free(v), -EINVAL);
	peer_close(&p);
}

static void answer_after_the_fork(struct peer *p)
{
	one_create(p);
	peer_expect(p, OP_VCM_INFO);
	peer_answer(p, 4, (uint64_t[]){ 0, SZ_16M, VCM_DEVICE, 0 });
	peer_goodbye(p);
}

START_TEST(forked_child_is_not_connected_and_may_connect_anew)
{
	struct peer p;
	struct vcm *v;
	int status;
	pid_t pid;

	peer_start(&p, answer_after_the_fork);
	v = vcm_create(0, SZ_16M);
	pid = fork();
	if (pid == 0) {
		child_of_a_fork(v);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(vcm_get_len(v), SZ_16M);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

/* Connects, leaves a child behind that waits for the end of the gate, and dies. */
static void die_with_a_child(int gate)
{
	char c;

	if (vcm_sys_init() != 0)
		_exit(1);
	if (fork() == 0 && read(gate, &c, 1) != 0)
		_exit(1);
	_exit(0);
}

START_TEST(forked_child_does_not_keep_the_connection_of_a_dead_parent)
{
	struct peer p;
	int gate[2], status;
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(gate), 0);
	peer_open(&p);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		die_with_a_child(gate[0]);
	}
	peer_welcome(&p);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(recv(p.fd, &c, 1, 0), 0);
	ck_assert_int_eq(recv(p.event_fd, &c, 1, 0), 0);
	close(gate[1]);
	peer_close(&p);
}
END_TEST

static void delay_the_answer(struct peer *p)
{
	peer_expect(p, OP_PHYS_NUM_RES);
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	peer_answer(p, 1, (uint64_t[]){ 5 });
	peer_expect(p, OP_PHYS_NUM_RES);
	peer_answer(p, 1, (uint64_t[]){ 6 });
}

static void on_alarm(int sig)
{
	(void)sig;
}

START_TEST(signal_does_not_disturb_a_call_that_waits)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	struct peer p;

	sigaction(SIGALRM, &action, NULL);
	peer_start(&p, delay_the_answer);
	ualarm(20000, 20000);
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 5);
	ualarm(0, 0);
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 6);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void *ask_once(void *arg)
{
	*(size_t *)arg = vcm_get_phys_num_res(SZ_4K);
	pthread_testcancel();
	return NULL;
}

START_TEST(thread_that_is_cancelled_finishes_its_call_first)
{
	pthread_t thread;
	size_t n = 0;
	struct peer p;
	void *result;

	peer_start(&p, delay_the_answer);
	pthread_create(&thread, NULL, ask_once, &n);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	ck_assert_uint_eq(n, 5);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 6);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void keep_one_waiting_until_goodbye(struct peer *p)
{
	uint64_t waiting;

	peer_expect(p, OP_PHYS_NUM_RES);
	waiting = p->request.serial;
	peer_goodbye(p);
	(void)waiting;
}

static void *ask_until_the_end(void *arg)
{
	*(int *)arg = vcm_get_phys_num_res(SZ_4K) == 0 ? errno : 0;
	return NULL;
}

START_TEST(destroy_ends_the_calls_of_other_threads)
{
	pthread_t thread;
	struct peer p;
	int error = 0;

	peer_start(&p, keep_one_waiting_until_goodbye);
	pthread_create(&thread, NULL, ask_until_the_end, &error);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(error, ENOTCONN);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void play_inspect(struct peer *p)
{
	const struct row rows[] = { { .n = { 1, 2 }, .n_n = 2, .s = { "a" }, .n_s = 1 },
				    { .n = { 3, 4 }, .n_n = 2, .s = { "b" }, .n_s = 1 } };
	const uint64_t cursors[] = { 17, 0 };

	for (int page = 0; page < 2; page++) {
		const struct op *op = peer_expect(p, OP_INSPECT);
		struct reply reply = {
			.values = &cursors[page], .n_values = 1, .rows = rows, .n_rows = 2
		};

		ck_assert_uint_eq(op->arg, VCM_TABLE_WHO);
		ck_assert_uint_eq(op->addr, page ? 17 : 0);
		ck_assert_uint_eq(op->len, 0x40000000);
		reply.serial = p->request.serial;
		peer_send(p, &reply, NULL, 0);
	}
	for (int page = 0; page < 2; page++) {
		peer_expect(p, OP_INSPECT);
		peer_answer(p, 1, &cursors[0]);
	}
}

static int count_rows(void *ctx, const struct vcm_row *row)
{
	ck_assert_uint_eq(row->n_n, 2);
	ck_assert_uint_eq(row->n[2], 0);
	ck_assert_uint_eq(strlen(row->s[0]), 1);
	ck_assert_str_eq(row->s[VCM_ROW_MAX_S - 1], "");
	++*(int *)ctx;
	return 0;
}

START_TEST(inspect_walks_all_pages_and_refuses_a_table_without_an_end)
{
	struct peer p;
	int n = 0;

	peer_start(&p, play_inspect);
	ck_assert_int_eq(vcm_inspect(VCM_TABLE_WHO, 0x40000000, NULL, NULL), -EINVAL);
	ck_assert_int_eq(vcm_inspect(VCM_TABLE_WHO, 0x40000000, count_rows, &n), 0);
	ck_assert_int_eq(n, 4);
	ck_assert_int_eq(vcm_inspect(VCM_TABLE_WHO, 0x40000000, count_rows, &n), -EPROTO);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("connection", handles_go_to_the_wire_dense_and_come_back_when_freed_or_refused,
	   replies_that_overtake_find_who_waits_for_them,
	   no_more_answers_are_under_way_than_are_kept,
	   death_of_the_broker_frees_everyone_who_waits,
	   sending_to_a_broker_that_went_away_raises_no_signal,
	   last_word_of_the_broker_is_the_reason,
	   malformed_reply_ends_the_connection_and_nothing_else,
	   handles_in_replies_are_checked_and_those_of_the_broker_are_stable,
	   forked_child_is_not_connected_and_may_connect_anew,
	   forked_child_does_not_keep_the_connection_of_a_dead_parent,
	   signal_does_not_disturb_a_call_that_waits,
	   thread_that_is_cancelled_finishes_its_call_first,
	   destroy_ends_the_calls_of_other_threads,
	   inspect_walks_all_pages_and_refuses_a_table_without_an_end)
