// SPDX-License-Identifier: BSD-3-Clause
/* A broker that goes away and comes back, as the API shows it: not at all, or as the end of the session. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vcm/manage.h>
#include <vcm/sim.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

#define DEVICE 7
#define LONG_GRACE 60000 /* ms; no test takes so long */

static const uint64_t a_device[] = { VCM_DEVICE };
static const uint64_t info[] = { SZ_1M, SZ_16M, VCM_DEVICE, 5 };
static const uint64_t nothing[] = { 0, 0 };

static void begin(struct peer *p, uint32_t grace, peer_script script)
{
	peer_open(p);
	p->welcome.grace = grace;
	p->welcome.session = 42;
	memcpy(p->welcome.token, "sixteen bytes...", PROTO_TOKEN_LEN);
	peer_play(p, peer_welcome);
	ck_assert_int_eq(vcm_sys_init(), 0);
	peer_join(p);
	peer_play(p, script);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The library may have noticed by its event channel, and then asks something of its own. */
static const struct op *expect_after_resume(struct peer *p, uint32_t code)
{
	for (;;) {
		const struct op *op;

		peer_receive(p);
		op = &p->request.ops[0];
		if (op->code == OP_WITHDRAW && !strcmp(op->name, "memtype_cont"))
			peer_refuse(p, -ECANCELED, "not done");
		else if (op->code == OP_MEMTYPE_CONT)
			peer_answer(p, 2, nothing);
		else
			break;
	}
	ck_assert_str_eq(op_name(p->request.ops[0].code), op_name(code));
	return &p->request.ops[0];
}

static void say_goodbye(struct peer *p)
{
	expect_after_resume(p, OP_BYE);
	peer_answer(p, 0, NULL);
}

/* The script is over, and the session goes on: it ends as any other. */
static void end(struct peer *p)
{
	peer_join(p);
	peer_play(p, say_goodbye);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(p);
	peer_close(p);
}

static void lose_a_request(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	ck_assert_uint_eq(p->request.serial, 2);
	peer_hang_up(p);
	peer_resume(p);
	ck_assert_uint_eq(p->request.serial, 1);
	ck_assert_uint_eq(p->request.ack, 0);
	ck_assert_uint_ge(p->request.hello.sent, 2);
	expect_after_resume(p, OP_VCM_CREATE);
	ck_assert_uint_eq(p->request.serial, 2);
	ck_assert_uint_eq(p->request.ops[0].handle, 1);
	ck_assert_uint_eq(p->request.ops[0].addr, SZ_1M);
	peer_answer(p, 1, a_device);
}

START_TEST(what_was_asked_is_asked_again_as_it_was)
{
	struct peer p;

	begin(&p, LONG_GRACE, lose_a_request);
	ck_assert_ptr_nonnull(vcm_create(SZ_1M, SZ_16M));
	end(&p);
}
END_TEST

static void lose_a_batch(struct peer *p)
{
	peer_receive(p);
	ck_assert_uint_eq(p->request.n_ops, 2);
	peer_hang_up(p);
	peer_resume(p);
	expect_after_resume(p, OP_VCM_CREATE);
	ck_assert_uint_eq(p->request.n_ops, 2);
	ck_assert_uint_eq(p->request.ops[1].code, OP_VCM_FREE);
	peer_answer(p, 1, a_device);
}

START_TEST(a_batch_is_asked_again_whole)
{
	struct peer p;

	begin(&p, LONG_GRACE, lose_a_batch);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_free(vcm_create(SZ_1M, SZ_16M)), 0);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	end(&p);
}
END_TEST

/* Whatever ends the broker would end it for ever. */
static void end_over_it(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	for (int i = 0; i < 2; i++) {
		peer_hang_up(p);
		peer_resume(p);
		peer_expect(p, OP_VCM_CREATE); /* the first of all */
		ck_assert_uint_eq(p->request.serial, 2);
	}
	peer_hang_up(p);
	peer_resume(p);
	ck_assert_str_eq(peer_expect(p, OP_WITHDRAW)->name, "vcm_create");
	ck_assert_uint_eq(p->request.serial, 2);
	ck_assert_uint_eq(p->request.n_ops, 1);
	ck_assert_uint_eq(p->request.ops[0].arg, 0);
}

static void end_before_it_is_done(struct peer *p)
{
	end_over_it(p);
	peer_refuse(p, -ECANCELED, "not done");
	/* The object was not made: its handle is free. */
	ck_assert_uint_eq(expect_after_resume(p, OP_VCM_CREATE)->handle, 1);
	peer_answer(p, 1, a_device);
}

START_TEST(what_ends_the_broker_each_time_is_not_done)
{
	struct peer p;

	begin(&p, LONG_GRACE, end_before_it_is_done);
	ck_assert_ptr_null(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(errno, ECANCELED);
	ck_assert_str_eq(vcm_last_error(), "not done");
	ck_assert_ptr_nonnull(vcm_create(SZ_1M, SZ_16M));
	end(&p);
}
END_TEST

static void end_after_it_is_done(struct peer *p)
{
	end_over_it(p);
	peer_answer(p, 1, a_device);
	ck_assert_uint_eq(expect_after_resume(p, OP_VCM_INFO)->on, 1);
	peer_answer(p, 4, info);
}

START_TEST(what_ends_the_broker_each_time_but_was_done_is_done)
{
	struct vcm *v;
	struct peer p;

	begin(&p, LONG_GRACE, end_after_it_is_done);
	v = vcm_create(SZ_1M, SZ_16M);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(vcm_get_len(v), SZ_16M);
	end(&p);
}
END_TEST

/* Of what the journal knows nothing of: no more than that. */
static void end_over_a_copy(struct peer *p)
{
	peer_expect(p, OP_SIM_WRITE);
	for (int i = 0; i < 3; i++) {
		peer_hang_up(p);
		peer_resume(p);
		peer_expect(p, i < 2 ? OP_SIM_WRITE : OP_WITHDRAW);
	}
	ck_assert_uint_eq(p->request.ops[0].arg, 1);
	peer_refuse(p, -ECONNRESET, "done in part");
}

START_TEST(what_may_be_done_in_part_says_so)
{
	struct peer p;

	begin(&p, LONG_GRACE, end_over_a_copy);
	ck_assert_int_eq(vcm_sim_write(DEVICE, SZ_4K, "hello", 5), -ECONNRESET);
	end(&p);
}
END_TEST

static int stop_at_once(void *ctx, const struct vcm_row *row, uint64_t n_lost)
{
	(void)ctx;
	(void)row;
	(void)n_lost;
	return 1;
}

static sem_t many_have_ended;

/* Many brokers may come and go while somebody waits for what happens; and what others ask meanwhile has met one end only. */
static void end_while_somebody_waits(struct peer *p)
{
	const struct row row = { .n_n = 1 };
	uint64_t serial;

	peer_expect(p, OP_MONITOR);
	for (int i = 0; i < 5; i++) {
		peer_hang_up(p);
		peer_resume(p);
		peer_expect(p, OP_MONITOR);
	}
	serial = p->request.serial;
	sem_post(&many_have_ended);
	ck_assert_uint_eq(expect_after_resume(p, OP_VCM_CREATE)->handle, 1);
	peer_hang_up(p);
	peer_resume(p);
	peer_expect(p, OP_MONITOR);
	ck_assert_uint_eq(expect_after_resume(p, OP_VCM_CREATE)->handle, 1);
	peer_answer(p, 1, a_device);
	peer_send(p,
		  &(struct reply){ .serial = serial,
				   .values = nothing,
				   .n_values = 2,
				   .rows = &row,
				   .n_rows = 1 },
		  NULL, 0);
}

static void *monitor(void *out)
{
	*(int *)out = vcm_monitor(stop_at_once, NULL);
	return NULL;
}

START_TEST(what_waits_is_not_what_ends_the_broker)
{
	pthread_t thread;
	struct peer p;
	int r = 0;

	sem_init(&many_have_ended, 0, 0);
	begin(&p, LONG_GRACE, end_while_somebody_waits);
	pthread_create(&thread, NULL, monitor, &r);
	sem_wait(&many_have_ended);
	ck_assert_ptr_nonnull(vcm_create(SZ_1M, SZ_16M));
	pthread_join(thread, NULL);
	ck_assert_int_eq(r, 1);
	end(&p);
}
END_TEST

/* The answer is there, behind the news that the broker went away without reading what came next. */
static void answer_and_go(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
	peer_hang_up(p);
	peer_resume(p);
	ck_assert_uint_ge(p->request.serial, 2);
	ck_assert_uint_eq(expect_after_resume(p, OP_VCM_INFO)->on, 1);
	peer_answer(p, 4, info);
}

START_TEST(what_was_answered_is_not_asked_again)
{
	struct vcm *v;
	struct peer p;

	begin(&p, LONG_GRACE, answer_and_go);
	v = vcm_create(SZ_1M, SZ_16M);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(vcm_get_num_res(v), 5);
	end(&p);
}
END_TEST

#define N_THREADS 8
#define N_CALLS 60
#define N_LIVES 12

/* Each serial is answered once; what comes again comes in its order, and was not answered. */
static void live_many_lives(struct peer *p)
{
	static bool is_answered[2 * N_THREADS * N_CALLS + 64];
	unsigned int n_answered = 0, life = 0;
	unsigned int n_ends =
		2; /* since an answer: after one more of them what is asked would be withdrawn */
	uint64_t last = 1;

	while (n_answered < N_THREADS * N_CALLS) {
		peer_receive(p);
		ck_assert_uint_gt(p->request.serial, last);
		last = p->request.serial;
		ck_assert_uint_lt(last, sizeof(is_answered));
		if (life < N_LIVES && n_ends < 2 && last % 41 > 35) {
			peer_hang_up(p);
			peer_resume(p);
			last = p->request.serial;
			n_ends++;
			life++;
			continue;
		}
		ck_assert(!is_answered[last]);
		is_answered[last] = true;
		n_ends = 0;
		if (p->request.ops[0].code == OP_MEMTYPE_CONT)
			peer_answer(p, 2, nothing);
		else
			n_answered++, peer_answer(p, 4, info);
	}
	ck_assert_uint_eq(life, N_LIVES);
}

static void *call_often(void *v)
{
	for (int i = 0; i < N_CALLS; i++)
		ck_assert_uint_eq(vcm_get_num_res(v), 5);
	return NULL;
}

static void create_one(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
	live_many_lives(p);
}

START_TEST(all_threads_go_on_through_many_lives_of_the_broker)
{
	pthread_t threads[N_THREADS];
	struct vcm *v;
	struct peer p;

	begin(&p, LONG_GRACE, create_one);
	v = vcm_create(SZ_1M, SZ_16M);
	for (size_t i = 0; i < N_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, v), 0);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	end(&p);
}
END_TEST

static void be_away(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_leave(p);
	peer_hang_up(p);
	poll(NULL, 0, 100); /* what does not look any more will not come */
	peer_listen(p);
	peer_accept_again(p);
	peer_hang_up(p); /* and dies again */
	peer_resume(p);
	expect_after_resume(p, OP_VCM_CREATE);
	peer_answer(p, 1, a_device);
}

START_TEST(a_broker_is_waited_for_that_is_not_there)
{
	struct peer p;

	begin(&p, LONG_GRACE, be_away);
	ck_assert_ptr_nonnull(vcm_create(SZ_1M, SZ_16M));
	end(&p);
}
END_TEST

static void forget_the_session(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_hang_up(p);
	peer_accept_again(p);
	peer_refuse(p, -ESTALE, "session 42 was not resumed in time");
}

START_TEST(a_session_that_the_broker_does_not_know_has_ended)
{
	struct peer p;

	begin(&p, LONG_GRACE, forget_the_session);
	ck_assert_ptr_null(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_str_eq(vcm_last_error(), "session 42 was not resumed in time");
	peer_join(&p);
	ck_assert_ptr_null(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "not resumed in time"));
	ck_assert_int_eq(vcm_sys_init(), -ENOTCONN);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

static void go_for_good(struct peer *p)
{
	peer_expect(p, OP_VCM_CREATE);
	peer_leave(p);
	peer_hang_up(p);
}

START_TEST(a_broker_that_stays_away_is_given_up)
{
	int64_t start = now_ms();
	struct peer p;

	begin(&p, 200, go_for_good);
	ck_assert_ptr_null(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "within 200 ms"));
	ck_assert_int_ge(now_ms() - start, 200);
	peer_join(&p);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

static void go_at_once(struct peer *p)
{
	peer_leave(p);
	peer_hang_up(p);
}

START_TEST(the_end_of_a_session_waits_for_its_broker_but_not_for_long)
{
	struct peer p;

	begin(&p, LONG_GRACE, go_at_once);
	peer_join(&p);
	ck_assert_int_eq(vcm_sys_destroy(), 0); /* the suite's timeout is shorter than the grace */
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
	peer_close(&p);
}
END_TEST

static void come_back_without_memory(struct peer *p)
{
	peer_listen(p);
	peer_accept_again(p);
	peer_refuse(p, -ESTALE, "session 42 was not resumed in time");
}

START_TEST(a_child_of_a_process_without_broker_is_not_connected)
{
	struct peer p;
	pid_t pid;
	int status;

	begin(&p, LONG_GRACE, go_at_once);
	peer_join(&p);
	pid = fork();
	if (pid == 0) {
		bool is_right = vcm_sys_destroy() == -ENOTCONN && !vcm_create(0, SZ_16M);

		/* Another program: what threads that are not here have allocated is nobody's. */
		execl(is_right ? "/bin/true" : "/bin/false", "child", (char *)NULL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	peer_play(&p, come_back_without_memory);
	peer_join(&p);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

/* --- events */

static int count(size_t dev_id, void *data, void *fault_data)
{
	(void)dev_id;
	(void)fault_data;
	++*(int *)data;
	return VCM_FAULT_RETRY;
}

static void fault_and_verdict(struct peer *p)
{
	const struct fault_event fault = { .id = 9, .device = DEVICE, .flags = FAULT_F_STALLED };

	peer_fault(p, &fault);
	ck_assert_uint_eq(expect_after_resume(p, OP_FAULT_REPLY)->addr, 9);
	peer_answer(p, 0, NULL);
}

static void die_while_nobody_calls(struct peer *p)
{
	peer_expect(p, OP_HOOK);
	peer_answer(p, 0, NULL);
	for (int i = 0; i < 3; i++) {
		fault_and_verdict(p);
		peer_hang_up(p);
		peer_resume(p);
	}
	fault_and_verdict(p);
}

START_TEST(a_session_that_does_nothing_is_resumed_and_has_its_handlers)
{
	struct peer p;
	int n = 0;

	begin(&p, LONG_GRACE, die_while_nobody_calls);
	ck_assert_int_eq(vcm_hook(DEVICE, count, &n), 0);
	end(&p);
	ck_assert_int_eq(n, 4);
}
END_TEST

static void just_come_back(struct peer *p)
{
	peer_hang_up(p);
	peer_resume(p);
}

START_TEST(a_session_without_handlers_is_resumed_as_well)
{
	struct peer p;

	begin(&p, LONG_GRACE, just_come_back);
	end(&p);
}
END_TEST

START_TEST(a_loop_goes_on_with_the_descriptor_that_it_has)
{
	struct epoll_event event = { .events = EPOLLIN };
	int n = 0, fd, set = epoll_create1(EPOLL_CLOEXEC);
	struct peer p;

	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	begin(&p, LONG_GRACE, die_while_nobody_calls);
	ck_assert_int_eq(vcm_hook(DEVICE, count, &n), 0);
	fd = vcm_get_fd();
	ck_assert_int_eq(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	while (n < 4) {
		ck_assert_int_eq(epoll_wait(set, &event, 1, -1), 1);
		ck_assert_int_ge(vcm_dispatch(0), 0);
		ck_assert_int_eq(vcm_get_fd(), fd);
	}
	end(&p);
	close(set);
}
END_TEST

static void die_under_dispatch(struct peer *p)
{
	die_while_nobody_calls(p);
}

START_TEST(a_dispatch_that_waits_without_end_does_not_end)
{
	struct peer p;
	int n = 0;

	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	begin(&p, LONG_GRACE, die_under_dispatch);
	ck_assert_int_eq(vcm_hook(DEVICE, count, &n), 0);
	while (n < 4)
		ck_assert_int_gt(vcm_dispatch(-1), 0);
	end(&p);
}
END_TEST

static void stall_over_a_restart(struct peer *p)
{
	peer_expect(p, OP_HOOK);
	peer_answer(p, 0, NULL);
	peer_expect(p, OP_VCM_CREATE);
	peer_hang_up(p);
	peer_resume(p);
	expect_after_resume(p, OP_VCM_CREATE);
	{
		const uint64_t serial = p->request.serial;
		const struct reply late = { .serial = serial, .values = a_device, .n_values = 1 };

		fault_and_verdict(p);
		peer_send(p, &late, NULL, 0);
	}
}

START_TEST(a_call_that_is_asked_again_runs_the_handler_it_waits_for)
{
	struct peer p;
	int n = 0;

	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	begin(&p, LONG_GRACE, stall_over_a_restart);
	ck_assert_int_eq(vcm_hook(DEVICE, count, &n), 0);
	ck_assert_ptr_nonnull(vcm_create(SZ_1M, SZ_16M));
	ck_assert_int_eq(n, 1);
	end(&p);
}
END_TEST

static void close_the_channel(struct peer *p)
{
	peer_expect(p, OP_HOOK);
	peer_answer(p, 0, NULL);
	close(p->event_fd);
	p->event_fd = -1;
	peer_expect(p, OP_MEMTYPE_CONT);
	peer_answer(p, 2, nothing);
}

START_TEST(the_end_of_the_event_channel_alone_is_the_end)
{
	struct peer p;
	int n = 0;

	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	begin(&p, LONG_GRACE, close_the_channel);
	ck_assert_int_eq(vcm_hook(DEVICE, count, &n), 0);
	ck_assert_int_eq(vcm_dispatch(-1), -ENOTCONN);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("resume", what_was_asked_is_asked_again_as_it_was, a_batch_is_asked_again_whole,
	   what_ends_the_broker_each_time_is_not_done,
	   what_ends_the_broker_each_time_but_was_done_is_done, what_may_be_done_in_part_says_so,
	   what_waits_is_not_what_ends_the_broker, what_was_answered_is_not_asked_again,
	   all_threads_go_on_through_many_lives_of_the_broker,
	   a_broker_is_waited_for_that_is_not_there,
	   a_session_that_the_broker_does_not_know_has_ended, a_broker_that_stays_away_is_given_up,
	   the_end_of_a_session_waits_for_its_broker_but_not_for_long,
	   a_child_of_a_process_without_broker_is_not_connected,
	   a_session_that_does_nothing_is_resumed_and_has_its_handlers,
	   a_session_without_handlers_is_resumed_as_well,
	   a_loop_goes_on_with_the_descriptor_that_it_has,
	   a_dispatch_that_waits_without_end_does_not_end,
	   a_call_that_is_asked_again_runs_the_handler_it_waits_for,
	   the_end_of_the_event_channel_alone_is_the_end)
