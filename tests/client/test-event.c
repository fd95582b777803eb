// SPDX-License-Identifier: BSD-3-Clause
/* Faults and their handlers, in both modes, with a broker that is played. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <vcm/sim.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

#define DEVICE 3

static const struct fault_event a_fault = { .id = 41,
					    .device = DEVICE,
					    .addr = 0x5000,
					    .len = 64,
					    .flags = FAULT_F_WRITE | FAULT_F_STALLED,
					    .context = 2,
					    .fsr = 0x40000002,
					    .fsynr0 = 7,
					    .fsynr1 = 0x100,
					    .time_ns = 123456789 };

struct seen {
	sem_t done;
	int n, verdict;
	pthread_t thread;
	struct vcm_fault fault;
};

static int note(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;

	ck_assert_uint_eq(dev_id, DEVICE);
	seen->n++;
	seen->thread = pthread_self();
	seen->fault = *(struct vcm_fault *)fault_data;
	sem_post(&seen->done);
	return seen->verdict;
}

static void seen_init(struct seen *seen, int verdict)
{
	memset(seen, 0, sizeof(*seen));
	sem_init(&seen->done, 0, 0);
	seen->verdict = verdict;
}

static void expect_hook(struct peer *p, bool is_set)
{
	const struct op *op = peer_expect(p, OP_HOOK);

	ck_assert_uint_eq(op->target, DEVICE);
	ck_assert_uint_eq(op->arg, is_set);
	peer_answer(p, 0, NULL);
}

static void expect_verdict(struct peer *p, uint64_t verdict)
{
	const struct op *op = peer_expect(p, OP_FAULT_REPLY);

	ck_assert_uint_eq(op->addr, a_fault.id);
	ck_assert_uint_eq(op->arg, verdict);
	peer_answer(p, 0, NULL);
}

static void nothing_yet(struct peer *p)
{
	(void)p;
}

static void hook_and_fault(struct peer *p)
{
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	expect_verdict(p, *(uint64_t *)p->ctx);
	peer_goodbye(p);
}

START_TEST(handler_runs_in_the_library_s_thread_and_its_verdict_goes_back)
{
	static const struct {
		int verdict;
		uint64_t wire;
	} cases[] = { { VCM_FAULT_RETRY, 1 },
		      { VCM_FAULT_TERMINATE, 0 },
		      { -EIO, 2 + EIO },
		      { 2, 2 + EINVAL } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t wire = cases[i].wire;
		struct seen seen;
		struct peer p;

		seen_init(&seen, cases[i].verdict);
		peer_start(&p, nothing_yet);
		peer_join(&p);
		p.ctx = &wire;
		peer_play(&p, hook_and_fault);
		ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), 0);
		sem_wait(&seen.done);
		ck_assert_int_eq(vcm_sys_destroy(), 0);
		peer_join(&p);
		ck_assert(!pthread_equal(seen.thread, pthread_self()));
		ck_assert_uint_eq(seen.fault.size, sizeof(struct vcm_fault));
		ck_assert_uint_eq(seen.fault.dev_addr, 0x5000);
		ck_assert_uint_eq(seen.fault.len, 64);
		ck_assert_uint_eq(seen.fault.flags, VCM_FAULT_F_WRITE | VCM_FAULT_F_STALLED);
		ck_assert_uint_eq(seen.fault.context, 2);
		ck_assert_uint_eq(seen.fault.fsr, 0x40000002);
		ck_assert_uint_eq(seen.fault.fsynr0, 7);
		ck_assert_uint_eq(seen.fault.fsynr1, 0x100);
		ck_assert_uint_eq(seen.fault.time_ns, 123456789);
		peer_close(&p);
	}
}
END_TEST

static void refuse_hook(struct peer *p)
{
	peer_expect(p, OP_HOOK);
	peer_refuse(p, -EACCES, "not yours");
}

static void fault_without_a_hook(struct peer *p)
{
	peer_fault(p, &a_fault);
	expect_verdict(p, 0);
}

START_TEST(hook_that_the_broker_refuses_is_not_set)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, VCM_FAULT_RETRY);
	peer_start(&p, refuse_hook);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), -EACCES);
	ck_assert_str_eq(vcm_last_error(), "not yours");
	peer_join(&p);
	peer_play(&p, fault_without_a_hook);
	peer_join(&p);
	ck_assert_int_eq(seen.n, 0);
	ck_assert_int_eq(vcm_hook(0, note, &seen), -EINVAL);
	ck_assert_int_eq(vcm_hook((size_t)1 << 40, note, &seen), -EINVAL);
	peer_close(&p);
}
END_TEST

static void set_and_replace(struct peer *p)
{
	expect_hook(p, true);
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	expect_verdict(p, 1);
}

static void set_only(struct peer *p)
{
	expect_hook(p, true);
}

static void remove_only(struct peer *p)
{
	expect_hook(p, false);
}

START_TEST(one_handler_a_device_and_null_removes_it)
{
	struct seen first, second;
	struct peer p;

	seen_init(&first, VCM_FAULT_TERMINATE);
	seen_init(&second, VCM_FAULT_RETRY);
	peer_start(&p, set_and_replace);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &first), 0);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &second), 0);
	sem_wait(&second.done);
	peer_join(&p);
	peer_play(&p, remove_only);
	ck_assert_int_eq(vcm_hook(DEVICE, NULL, NULL), 0);
	peer_join(&p);
	peer_play(&p, fault_without_a_hook);
	peer_join(&p);
	ck_assert_int_eq(first.n, 0);
	ck_assert_int_eq(second.n, 1);
	peer_close(&p);
}
END_TEST

static sem_t hook_is_asked_for, second_is_done;

/* Two requests, of two threads. */
static void answer_the_later_hook_first(struct peer *p)
{
	const uint64_t *is_second_set = p->ctx;
	struct reply first = { 0 }, second = { 0 };

	ck_assert_uint_eq(peer_expect(p, OP_HOOK)->arg, !*is_second_set);
	first.serial = p->request.serial;
	sem_post(&hook_is_asked_for);
	ck_assert_uint_eq(peer_expect(p, OP_HOOK)->arg, *is_second_set);
	second.serial = p->request.serial;
	peer_send(p, &second, NULL, 0);
	sem_wait(&second_is_done);
	peer_send(p, &first, NULL, 0);
}

static void *remove_hook(void *unused)
{
	(void)unused;
	ck_assert_int_eq(vcm_hook(DEVICE, NULL, NULL), 0);
	return NULL;
}

static void *set_hook(void *seen)
{
	ck_assert_int_eq(vcm_hook(DEVICE, note, seen), 0);
	return NULL;
}

static void fault_and_verdict(struct peer *p)
{
	peer_fault(p, &a_fault);
	expect_verdict(p, *(uint64_t *)p->ctx);
}

/* One thread removes it while another sets it, or the other way round: is_set says which the broker was told last. */
static void change_hook_twice(uint64_t is_set)
{
	struct seen seen;
	pthread_t first;
	struct peer p;

	seen_init(&seen, VCM_FAULT_RETRY);
	sem_init(&hook_is_asked_for, 0, 0);
	sem_init(&second_is_done, 0, 0);
	peer_start(&p, set_only);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), 0);
	peer_join(&p);
	p.ctx = &is_set;
	peer_play(&p, answer_the_later_hook_first);
	ck_assert_int_eq(pthread_create(&first, NULL, is_set ? remove_hook : set_hook, &seen), 0);
	sem_wait(&hook_is_asked_for);
	(is_set ? set_hook : remove_hook)(&seen);
	sem_post(&second_is_done);
	pthread_join(first, NULL);
	peer_join(&p);
	peer_play(&p, fault_and_verdict);
	peer_join(&p);
	ck_assert_int_eq(seen.n, (int)is_set);
	peer_close(&p);
}

START_TEST(hook_that_the_broker_was_told_last_stands)
{
	change_hook_twice(true);
}
END_TEST

START_TEST(hook_whose_end_the_broker_was_told_last_is_gone)
{
	change_hook_twice(false);
}
END_TEST

static int count_eventfds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char link[sizeof("anon_inode:[eventfd]")];
	const struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (readlinkat(dirfd(dir), entry->d_name, link, sizeof(link)) == sizeof(link) - 1 &&
		    memcmp(link, "anon_inode:[eventfd]", sizeof(link) - 1) == 0)
			n++;
	closedir(dir);
	return n;
}

START_TEST(forked_child_has_nothing_of_the_library_s_thread)
{
	const int before = count_eventfds();
	struct seen seen;
	struct peer p;
	int status;
	pid_t pid;

	seen_init(&seen, VCM_FAULT_RETRY);
	peer_start(&p, set_only);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), 0);
	peer_join(&p);
	ck_assert_int_gt(count_eventfds(), before);
	pid = fork();
	if (pid == 0)
		_exit(count_eventfds() - before);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	peer_close(&p);
}
END_TEST

static sem_t slow_began;
static atomic_int slow_ended;

static int slow(size_t dev_id, void *data, void *fault_data)
{
	(void)dev_id, (void)data, (void)fault_data;
	sem_post(&slow_began);
	nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	atomic_store(&slow_ended, 1);
	return VCM_FAULT_RETRY;
}

static void fault_then_remove(struct peer *p)
{
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	expect_hook(p, false);
	expect_verdict(p, 1);
}

START_TEST(removed_handler_has_returned_when_hook_returns)
{
	struct peer p;

	sem_init(&slow_began, 0, 0);
	peer_start(&p, fault_then_remove);
	ck_assert_int_eq(vcm_hook(DEVICE, slow, NULL), 0);
	sem_wait(&slow_began);
	ck_assert_int_eq(vcm_hook(DEVICE, NULL, NULL), 0);
	ck_assert(atomic_load(&slow_ended));
	peer_join(&p);
	peer_close(&p);
}
END_TEST

/* A handler that calls back: it asks, changes, and removes itself. */
static int busy(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;

	(void)fault_data;
	ck_assert_uint_eq(vcm_get_phys_num_res(SZ_4K), 5);
	ck_assert_ptr_nonnull(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_batch_begin(), 0);
	vcm_batch_abort();
	ck_assert_int_eq(vcm_hook(dev_id, NULL, NULL), 0);
	seen->n++;
	sem_post(&seen->done);
	return VCM_FAULT_RETRY;
}

static void serve_busy(struct peer *p)
{
	peer_expect(p, OP_PHYS_NUM_RES);
	peer_answer(p, 1, (uint64_t[]){ 5 });
	peer_expect(p, OP_VCM_CREATE);
	peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
	expect_hook(p, false);
	expect_verdict(p, 1);
}

static void fault_and_serve_busy(struct peer *p)
{
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	serve_busy(p);
}

START_TEST(handler_may_call_the_api_and_remove_itself)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, 0);
	peer_start(&p, fault_and_serve_busy);
	ck_assert_int_eq(vcm_hook(DEVICE, busy, &seen), 0);
	sem_wait(&seen.done);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static int destroy(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;

	(void)dev_id, (void)fault_data;
	seen->verdict = vcm_sys_destroy();
	sem_post(&seen->done);
	return VCM_FAULT_TERMINATE;
}

static void fault_and_goodbye(struct peer *p)
{
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	peer_goodbye(p);
}

START_TEST(handler_may_end_the_session)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, -1);
	peer_start(&p, fault_and_goodbye);
	ck_assert_int_eq(vcm_hook(DEVICE, destroy, &seen), 0);
	sem_wait(&seen.done);
	ck_assert_int_eq(seen.verdict, 0);
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
	peer_join(&p);
	peer_close(&p);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
}
END_TEST

static int leave(_unused_ size_t dev_id, void *data, _unused_ void *fault)
{
	struct seen *seen = data;

	sem_post(&seen->done);
	pthread_exit(NULL);
}

static void fault_and_no_verdict(struct peer *p)
{
	expect_hook(p, true);
	peer_fault(p, &a_fault);
	expect_hook(p, false);
	peer_goodbye(p);
}

/* Nobody waits for a verdict that will not come. */
START_TEST(handler_may_end_its_thread)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, -1);
	peer_start(&p, fault_and_no_verdict);
	ck_assert_int_eq(vcm_hook(DEVICE, leave, &seen), 0);
	sem_wait(&seen.done);
	ck_assert_int_eq(vcm_hook(DEVICE, NULL, NULL), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void hook_only(struct peer *p)
{
	expect_hook(p, true);
}

static void one_fault(struct peer *p)
{
	peer_fault(p, &a_fault);
	expect_verdict(p, 1);
}

START_TEST(loop_mode_runs_handlers_in_dispatch)
{
	struct pollfd fd = { .events = POLLIN };
	struct seen seen;
	struct peer p;

	seen_init(&seen, VCM_FAULT_RETRY);
	ck_assert_int_eq(vcm_set_event_mode((enum vcm_event_mode)7), -EINVAL);
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	peer_start(&p, hook_only);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), 0);
	peer_join(&p);
	fd.fd = vcm_get_fd();
	ck_assert_int_ge(fd.fd, 0);
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	ck_assert_int_eq(vcm_dispatch(0), 0);
	ck_assert_int_eq(vcm_dispatch(10), 0);
	peer_play(&p, one_fault);
	ck_assert_int_eq(poll(&fd, 1, 5000), 1);
	ck_assert_int_eq(seen.n, 0);
	ck_assert_int_eq(vcm_dispatch(-1), 1);
	ck_assert_int_eq(seen.n, 1);
	ck_assert(pthread_equal(seen.thread, pthread_self()));
	peer_join(&p);
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_THREAD), 0);
	ck_assert_int_eq(vcm_get_fd(), -EINVAL);
	ck_assert_int_eq(vcm_dispatch(0), -EINVAL);
	peer_play(&p, one_fault);
	sem_wait(&seen.done);
	sem_wait(&seen.done);
	peer_join(&p);
	ck_assert(!pthread_equal(seen.thread, pthread_self()));
	peer_close(&p);
}
END_TEST

/* A simulated transaction that stalls until the handler has answered, as the daemon parks it. */
static void stall_a_read(struct peer *p)
{
	struct reply reply = { .data = "abcd", .n_data = 4 };

	expect_hook(p, true);
	peer_expect(p, OP_SIM_READ);
	reply.serial = p->request.serial;
	peer_fault(p, &a_fault);
	serve_busy(p);
	peer_send(p, &reply, NULL, 0);
}

START_TEST(call_that_waits_runs_the_handler_it_waits_for)
{
	struct seen seen;
	struct peer p;
	char buf[5] = "";

	seen_init(&seen, 0);
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	peer_start(&p, stall_a_read);
	ck_assert_int_eq(vcm_hook(DEVICE, busy, &seen), 0);
	ck_assert_int_eq(vcm_sim_read(DEVICE, 0x5000, buf, 4), 0);
	ck_assert_str_eq(buf, "abcd");
	ck_assert_int_eq(seen.n, 1);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

#define DEEPEST 16

static int read_again(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;
	char buf[4];

	(void)fault_data;
	if (seen->n++ < DEEPEST)
		ck_assert_int_eq(vcm_sim_read(dev_id + 1, 0x5000, buf, 4), -EFAULT);
	return VCM_FAULT_TERMINATE;
}

/* Each handler waits in turn, until the last one's call waits alone: then its answer is read, and not another fault. */
static void stall_deeper(struct peer *p)
{
	uint64_t serials[DEEPEST + 1];

	expect_hook(p, true);
	for (int i = 0; i <= DEEPEST; i++) {
		peer_expect(p, OP_SIM_READ);
		serials[i] = p->request.serial;
		peer_fault(p, &a_fault);
	}
	for (int i = DEEPEST; i >= 0; i--) {
		const struct reply reply = { .serial = serials[i],
					     .status = -EFAULT,
					     .reason = "terminated" };

		peer_send(p, &reply, NULL, 0);
	}
	for (int i = 0; i <= DEEPEST; i++)
		expect_verdict(p, 0);
}

START_TEST(handlers_inside_of_handlers_have_an_end)
{
	struct seen seen;
	struct peer p;
	char buf[4];

	seen_init(&seen, 0);
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	peer_start(&p, stall_deeper);
	ck_assert_int_eq(vcm_hook(DEVICE, read_again, &seen), 0);
	ck_assert_int_eq(vcm_sim_read(DEVICE, 0x5000, buf, 4), -EFAULT);
	while (seen.n <= DEEPEST)
		ck_assert_int_ge(vcm_dispatch(-1), 0);
	peer_join(&p);
	peer_close(&p);
}
END_TEST

/* Every other time, it does itself what faults. */
static int read_inside(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;
	pthread_t thread = pthread_self();
	char buf[5] = "";

	(void)fault_data;
	if (seen->n++ % 2) {
		seen->thread = thread;
		return VCM_FAULT_RETRY;
	}
	ck_assert_int_eq(vcm_sim_read(dev_id, 0x5000, buf, 4), 0);
	ck_assert_str_eq(buf, "abcd");
	ck_assert(pthread_equal(seen->thread, thread));
	sem_post(&seen->done);
	return VCM_FAULT_RETRY;
}

static void stall_inside(struct peer *p)
{
	struct reply outer = { .data = "abcd", .n_data = 4 }, inner = outer;

	peer_expect(p, OP_SIM_READ);
	outer.serial = p->request.serial;
	peer_fault(p, &a_fault);
	peer_expect(p, OP_SIM_READ);
	inner.serial = p->request.serial;
	peer_fault(p, &a_fault);
	expect_verdict(p, 1);
	peer_send(p, &inner, NULL, 0);
	expect_verdict(p, 1);
	peer_send(p, &outer, NULL, 0);
}

/* Beside a leader, who waits for what the handler is for. */
START_TEST(handler_deals_with_the_fault_that_it_causes)
{
	struct seen seen;
	struct peer p;
	char buf[5] = "";

	seen_init(&seen, 0);
	peer_start(&p, hook_only);
	ck_assert_int_eq(vcm_hook(DEVICE, read_inside, &seen), 0);
	peer_join(&p);
	for (int i = 0; i < 20; i++) {
		peer_play(&p, stall_inside);
		ck_assert_int_eq(vcm_sim_read(DEVICE, 0x5000, buf, 4), 0);
		ck_assert_str_eq(buf, "abcd");
		sem_wait(&seen.done);
		peer_join(&p);
	}
	ck_assert_int_eq(seen.n, 2 * 20);
	ck_assert(!pthread_equal(seen.thread, pthread_self()));
	peer_close(&p);
}
END_TEST

static void fault_and_stall(struct peer *p)
{
	struct reply reply = { .data = "abcd", .n_data = 4 };

	expect_hook(p, true);
	peer_fault(p, &a_fault);
	peer_expect(p, OP_SIM_READ);
	reply.serial = p->request.serial;
	peer_fault(p, &a_fault);
	expect_verdict(p, 1);
	peer_send(p, &reply, NULL, 0);
	expect_verdict(p, 1);
}

START_TEST(handler_that_nobody_waits_for_deals_with_the_fault_that_it_causes)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, 0);
	peer_start(&p, fault_and_stall);
	ck_assert_int_eq(vcm_hook(DEVICE, read_inside, &seen), 0);
	sem_wait(&seen.done);
	peer_join(&p);
	ck_assert_int_eq(seen.n, 2);
	peer_close(&p);
}
END_TEST

static void close_the_channel(struct peer *p)
{
	expect_hook(p, true);
	close(p->event_fd);
	p->event_fd = -1;
}

START_TEST(end_of_the_event_channel_is_the_end_of_the_connection)
{
	struct seen seen;
	struct peer p;

	seen_init(&seen, 0);
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_LOOP), 0);
	peer_start(&p, close_the_channel);
	ck_assert_int_eq(vcm_hook(DEVICE, note, &seen), 0);
	peer_join(&p);
	ck_assert_int_eq(vcm_dispatch(-1), -ENOTCONN);
	ck_assert_int_eq(vcm_dispatch(-1), -ENOTCONN);
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("event", handler_runs_in_the_library_s_thread_and_its_verdict_goes_back,
	   hook_that_the_broker_refuses_is_not_set, one_handler_a_device_and_null_removes_it,
	   hook_that_the_broker_was_told_last_stands,
	   hook_whose_end_the_broker_was_told_last_is_gone,
	   forked_child_has_nothing_of_the_library_s_thread,
	   removed_handler_has_returned_when_hook_returns,
	   handler_may_call_the_api_and_remove_itself, handler_may_end_the_session,
	   handler_may_end_its_thread, loop_mode_runs_handlers_in_dispatch,
	   call_that_waits_runs_the_handler_it_waits_for, handlers_inside_of_handlers_have_an_end,
	   handler_deals_with_the_fault_that_it_causes,
	   handler_that_nobody_waits_for_deals_with_the_fault_that_it_causes,
	   end_of_the_event_channel_is_the_end_of_the_connection)
