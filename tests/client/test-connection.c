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
#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

static const uint64_t a_device[] = { VCM_DEVICE };

START_TEST(every_function_before_init_fails_with_its_error_value_and_enotconn)
{
	size_t len;

#define FAILS(call, value)                                                                         \
	do {                                                                                       \
		errno = 0;                                                                         \
		ck_assert_msg((uintptr_t)(call) == (uintptr_t)(value), #call);                     \
		ck_assert_msg(errno == ENOTCONN, #call ": errno %d", errno);                       \
		ck_assert_msg(vcm_last_error()[0], #call);                                         \
	} while (0)
	FAILS(vcm_create(0, SZ_16M), 0);
	FAILS(vcm_create_from_prebuilt(VCM_PREBUILT_USER), 0);
	FAILS(vcm_from_prebuilt(VCM_PREBUILT_USER), 0);
	FAILS(vcm_clone(NULL), 0);
	FAILS(vcm_get_start_addr(NULL), 1);
	FAILS(vcm_get_len(NULL), 0);
	FAILS(vcm_free(NULL), -ENOTCONN);
	FAILS(vcm_reserve(NULL, SZ_4K, 0), 0);
	FAILS(vcm_reserve_at(VCM_START, NULL, SZ_4K, 0), 0);
	FAILS(vcm_get_vcm_from_res(NULL), 0);
	FAILS(vcm_unreserve(NULL), -ENOTCONN);
	FAILS(vcm_get_res_len(NULL), 0);
	FAILS(vcm_set_res_attr(NULL, 0), -ENOTCONN);
	FAILS(vcm_get_res_attr(NULL), 0);
	FAILS(vcm_get_num_res(NULL), 0);
	FAILS(vcm_get_next_res(NULL, NULL), 0);
	FAILS(vcm_res_copy(NULL, 0, NULL, 0, 0), 0);
	FAILS(vcm_back(NULL, NULL), -ENOTCONN);
	FAILS(vcm_unback(NULL), -ENOTCONN);
	FAILS(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0), 0);
	FAILS(vcm_phys_free(NULL), -ENOTCONN);
	FAILS(vcm_get_physmem_from_res(NULL), 0);
	FAILS(vcm_get_memtype_of_physalloc(NULL), VCM_INVALID);
	FAILS(vcm_assoc(NULL, 1, 0), 0);
	FAILS(vcm_deassoc(NULL), -ENOTCONN);
	FAILS(vcm_set_assoc_attr(NULL, 0), -ENOTCONN);
	FAILS(vcm_get_assoc_attr(NULL), 0);
	FAILS(vcm_activate(NULL), -ENOTCONN);
	FAILS(vcm_activate_ex(NULL, 0), -ENOTCONN);
	FAILS(vcm_deactivate(NULL), -ENOTCONN);
	FAILS(vcm_is_active(NULL), -ENOTCONN);
	FAILS(vcm_create_bound(NULL, SZ_4K), 0);
	FAILS(vcm_free_bound(NULL), -ENOTCONN);
	FAILS(vcm_reserve_from_bound(NULL, SZ_4K, 0), 0);
	FAILS(vcm_reserve_bound(NULL, SZ_4K, 0), 0);
	FAILS(vcm_get_bound_start_addr(NULL), 1);
	FAILS(vcm_get_bound_len(NULL), 0);
	FAILS(vcm_get_next_bound(NULL, NULL), 0);
	FAILS(vcm_map_phys_addr(SZ_4K, SZ_4K), 0);
	FAILS(vcm_get_next_phys_addr(NULL, 0, &len), 0);
	FAILS(vcm_get_dev_addr(NULL), 1);
	FAILS(vcm_get_res(0, NULL), 0);
	FAILS(vcm_find_res(0, NULL), 0);
	FAILS(vcm_translate(0, NULL, NULL), 1);
	FAILS(vcm_get_phys_num_res(SZ_4K), 0);
	FAILS(vcm_get_next_phys_res(SZ_4K, NULL, &len), 0);
	FAILS(vcm_get_pgtbl_pa(NULL), 0);
	FAILS(vcm_get_cont_memtype_pa(VCM_MEMTYPE_0), 0);
	FAILS(vcm_get_cont_memtype_len(VCM_MEMTYPE_0), 0);
	FAILS(vcm_dev_addr_to_phys_addr(1, 0), 0);
	FAILS(vcm_hook(1, NULL, NULL), -ENOTCONN);
	FAILS(vcm_hw_ver(1), 0);
	FAILS(vcm_sys_destroy(), -ENOTCONN);
	FAILS(vcm_batch_begin(), -ENOTCONN);
	FAILS(vcm_get_fd(), -ENOTCONN);
	FAILS(vcm_dispatch(0), -ENOTCONN);
	FAILS(vcm_inspect(VCM_TABLE_STATUS, 0, (vcm_row_fn)abort, NULL), -ENOTCONN);
	FAILS(vcm_sim_read(1, 0, &len, sizeof(len)), -ENOTCONN);
	FAILS(vcm_sim_write(1, 0, &len, sizeof(len)), -ENOTCONN);
	FAILS(vcm_sim_fail_next(1, VCM_SIM_FAIL_WALK, 1), -ENOTCONN);
	FAILS(vcm_sim_stats(1, NULL, 0), -ENOTCONN);
	FAILS(smmu_get_ctx_instance((char[]){ "cpu" }), 0);
	FAILS(smmu_free_ctx_instance(NULL), -ENOTCONN);
	FAILS(smmu_get_base_addr(NULL), 0);
#undef FAILS
	ck_assert_uint_eq(vcm_get_min_page_size(), 4096);
	ck_assert_uint_eq(vcm_min(), 4096);
}
END_TEST

START_TEST(init_without_a_broker_says_where_it_looked)
{
	setenv("VCM_SOCKET", "/nonexistent/vcm.sock", 1);
	ck_assert_int_eq(vcm_sys_init(), -ENOENT);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "/nonexistent/vcm.sock"));
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
}
END_TEST

START_TEST(init_with_a_path_that_is_too_long_is_refused)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[199] = '\0';
	setenv("VCM_SOCKET", path, 1);
	ck_assert_int_eq(vcm_sys_init(), -ENAMETOOLONG);
}
END_TEST

static void refuse_hello(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_refuse(p, -EDQUOT, "user 7 has 64 sessions");
}

START_TEST(init_that_the_broker_refuses_says_why)
{
	struct peer p;

	peer_open(&p);
	peer_play(&p, refuse_hello);
	ck_assert_int_eq(vcm_sys_init(), -EDQUOT);
	ck_assert_str_eq(vcm_last_error(), "user 7 has 64 sessions");
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void hang_up_after_hello(struct peer *p)
{
	int fd = accept(p->listen_fd, NULL, NULL);

	close(fd);
}

static void say_nonsense(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_send_garbage(p);
}

static void say_no_welcome(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_answer(p, 0, NULL);
}

static void forget_the_event_channel(struct peer *p)
{
	struct reply reply = { .welcome = &p->welcome };

	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	reply.serial = p->request.serial;
	peer_send(p, &reply, NULL, 0);
}

static void speak_another_version(struct peer *p)
{
	p->welcome.version = PROTO_VERSION + 1;
	peer_welcome(p);
}

static void allow_nothing(struct peer *p)
{
	p->welcome.max_ops = 0;
	peer_welcome(p);
}

START_TEST(init_with_a_broker_that_makes_no_sense_fails_cleanly)
{
	static const struct {
		peer_script script;
		int error;
	} cases[] = {
		{ hang_up_after_hello, -ECONNRESET },
		{ say_nonsense, -EPROTO },
		{ say_no_welcome, -EPROTO },
		{ forget_the_event_channel, -EPROTO },
		{ speak_another_version, -EPROTONOSUPPORT },
		{ allow_nothing, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct peer p;

		peer_open(&p);
		peer_play(&p, cases[i].script);
		ck_assert_int_eq(vcm_sys_init(), cases[i].error);
		ck_assert(vcm_last_error()[0]);
		ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
		peer_join(&p);
		peer_close(&p);
	}
}
END_TEST

START_TEST(init_is_counted_and_the_last_destroy_says_goodbye)
{
	struct peer p;

	peer_start(&p, peer_goodbye);
	ck_assert_int_eq(vcm_sys_init(), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
	peer_close(&p);
}
END_TEST

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

SUITE_MAIN("connection", every_function_before_init_fails_with_its_error_value_and_enotconn,
	   init_without_a_broker_says_where_it_looked, init_with_a_path_that_is_too_long_is_refused,
	   init_that_the_broker_refuses_says_why,
	   init_with_a_broker_that_makes_no_sense_fails_cleanly,
	   init_is_counted_and_the_last_destroy_says_goodbye,
	   handles_go_to_the_wire_dense_and_come_back_when_freed_or_refused,
	   replies_that_overtake_find_who_waits_for_them,
	   death_of_the_broker_frees_everyone_who_waits, last_word_of_the_broker_is_the_reason,
	   sending_to_a_broker_that_went_away_raises_no_signal,
	   malformed_reply_ends_the_connection_and_nothing_else,
	   handles_in_replies_are_checked_and_those_of_the_broker_are_stable,
	   forked_child_is_not_connected_and_may_connect_anew,
	   forked_child_does_not_keep_the_connection_of_a_dead_parent,
	   signal_does_not_disturb_a_call_that_waits,
	   thread_that_is_cancelled_finishes_its_call_first,
	   destroy_ends_the_calls_of_other_threads,
	   inspect_walks_all_pages_and_refuses_a_table_without_an_end)
