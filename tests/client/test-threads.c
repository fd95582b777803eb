// SPDX-License-Identifier: BSD-3-Clause
/*
 * Many threads in one session, against the daemon: each finds its own answers, races have one winner, and what the process
 * sees of memory follows what the broker says.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <vcm/inspect.h>
#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/daemon.h"
#include "tests/suite.h"

#define N_THREADS 8
#define N_ROUNDS 60

static size_t device_named(const char *name)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", name);
	return (size_t)smmu_get_ctx_instance(copy);
}

static void *pointer(size_t addr)
{
	return (void *)addr; /* NOLINT(performance-no-int-to-ptr) */
}

static void run(void *(*fn)(void *), void *ctx)
{
	pthread_t threads[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fn, ctx), 0);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* --- everyone for himself ----------------------------------------------------------------------------------------- */

struct own {
	struct vcm *device, *user;
	size_t dev;
};

/* A buffer that the CPU and the device see, once around. */
static void use_buffer(const struct own *own, size_t len, unsigned char value, int is_batch)
{
	struct physmem *m;
	struct res *d, *u;
	unsigned char got = 0, *p;

	if (is_batch)
		ck_assert_int_eq(vcm_batch_begin(), 0);
	m = vcm_phys_alloc(VCM_MEMTYPE_0, len, 0);
	d = vcm_reserve(own->device, len, 0);
	u = vcm_reserve(own->user, len, 0);
	ck_assert(m && d && u);
	ck_assert_int_eq(vcm_back(d, m), 0);
	ck_assert_int_eq(vcm_back(u, m), 0);
	if (is_batch)
		ck_assert_msg(vcm_batch_commit(NULL) == 0, "%s", vcm_last_error());
	p = pointer(vcm_get_dev_addr(u));
	ck_assert_uint_eq(p[len - 1], 0);
	p[len - 1] = value;
	ck_assert_int_eq(vcm_sim_read(own->dev, vcm_get_dev_addr(d) + len - 1, &got, 1), 0);
	ck_assert_uint_eq(got, value);
	ck_assert_ptr_eq(vcm_get_physmem_from_res(u), m);
	ck_assert_ptr_eq(vcm_get_vcm_from_res(d), own->device);
	ck_assert_int_eq(vcm_unback(u), 0);
	ck_assert_int_eq(vcm_unback(d), 0);
	ck_assert_int_eq(vcm_unreserve(u), 0);
	ck_assert_int_eq(vcm_unreserve(d), 0);
	ck_assert_int_eq(vcm_phys_free(m), 0);
	ck_assert_int_eq(vcm_phys_free(m), -EINVAL);
}

static void *use_buffers(void *arg)
{
	static const size_t lens[] = { SZ_4K, SZ_64K, 3 * SZ_4K, SZ_1M };

	for (int i = 0; i < N_ROUNDS; i++)
		use_buffer(arg, lens[i % 4], (unsigned char)(i + 1), i % 3 == 0);
	return NULL;
}

START_TEST(threads_share_a_session_and_not_their_answers)
{
	struct own own = { .dev = device_named("vcodec_a_stream") };

	own.device = vcm_create(SZ_1M, 16 * SZ_16M);
	own.user = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	ck_assert_int_eq(vcm_activate(vcm_assoc(own.device, own.dev, 0)), 0);
	ck_assert_int_eq(vcm_activate(vcm_assoc(own.user, device_named("cpu"), 0)), 0);
	run(use_buffers, &own);
	ck_assert_uint_eq(vcm_get_num_res(own.device), 0);
	ck_assert_uint_eq(vcm_get_num_res(own.user), 0);
}
END_TEST

/* --- one object, many hands --------------------------------------------------------------------------------------- */

struct shared {
	struct res *res;
	struct physmem *physmem;
	pthread_barrier_t barrier;
	atomic_int n_backed, n_unbacked, n_unreserved;
};

static void *race_for_one(void *arg)
{
	struct shared *s = arg;
	int r;

	for (int i = 0; i < N_ROUNDS; i++) {
		r = vcm_back(s->res, s->physmem);
		ck_assert(r == 0 || r == -EBUSY);
		s->n_backed += r == 0;
		r = vcm_unback(s->res);
		ck_assert(r == 0 || r == -EINVAL);
		s->n_unbacked += r == 0;
	}
	pthread_barrier_wait(&s->barrier);
	r = vcm_unreserve(s->res);
	ck_assert_msg(r == 0 || r == -EINVAL, "%d %s", r, vcm_last_error());
	s->n_unreserved += r == 0;
	return NULL;
}

static void race(struct vcm *v)
{
	struct shared s = { .res = vcm_reserve(v, SZ_64K, 0),
			    .physmem = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0) };

	ck_assert(s.res && s.physmem);
	pthread_barrier_init(&s.barrier, NULL, N_THREADS);
	run(race_for_one, &s);
	ck_assert_int_gt(s.n_backed, 0);
	ck_assert_int_eq(s.n_backed, s.n_unbacked);
	ck_assert_int_eq(s.n_unreserved, 1);
	ck_assert_int_eq(vcm_phys_free(s.physmem), 0);
	pthread_barrier_destroy(&s.barrier);
}

START_TEST(races_for_one_reservation_have_one_winner)
{
	struct vcm *v = vcm_create(SZ_1M, SZ_16M);

	ck_assert_int_eq(vcm_activate(vcm_assoc(v, device_named("vcodec_a_stream"), 0)), 0);
	race(v);
}
END_TEST

START_TEST(races_for_one_mapping_of_the_process_have_one_winner)
{
	struct vcm *v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);

	ck_assert_int_eq(vcm_activate(vcm_assoc(v, device_named("cpu"), 0)), 0);
	race(v);
}
END_TEST

struct flipping {
	struct res *res;
	struct physmem *memory;
	atomic_int balance;
	atomic_bool is_over;
};

static void *flip(void *arg)
{
	struct flipping *f = arg;
	int r;

	for (int n = getenv("VCM_UNDER_VALGRIND") ? N_ROUNDS : 20 * N_ROUNDS; n > 0; n--) {
		r = vcm_back(f->res, f->memory);
		ck_assert_msg(r == 0 || r == -EBUSY, "%d: %s", r, vcm_last_error());
		f->balance += r == 0;
		f->balance -= vcm_unback(f->res) == 0;
	}
	return NULL;
}

/* Each time memory is freed the library lets go of large memory that nothing maps. */
static void *trim(void *arg)
{
	struct flipping *f = arg;

	while (!atomic_load(&f->is_over))
		ck_assert_int_eq(vcm_phys_free(vcm_phys_alloc(VCM_MEMTYPE_1, SZ_4K, 0)), 0);
	return NULL;
}

START_TEST(what_a_thread_has_backed_no_other_loses)
{
	struct vcm *v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	struct flipping f = { .memory = vcm_phys_alloc(VCM_MEMTYPE_0, 4 * SZ_1M, 0) };
	pthread_t trimmer;

	ck_assert_int_eq(vcm_activate(vcm_assoc(v, device_named("cpu"), 0)), 0);
	f.res = vcm_reserve(v, 4 * SZ_1M, VCM_READ | VCM_WRITE);
	ck_assert(f.res && f.memory);
	ck_assert_int_eq(pthread_create(&trimmer, NULL, trim, &f), 0);
	run(flip, &f);
	atomic_store(&f.is_over, true);
	pthread_join(trimmer, NULL);
	ck_assert_int_eq(f.balance, vcm_get_physmem_from_res(f.res) != NULL);
}
END_TEST

/* --- faults ------------------------------------------------------------------------------------------------------- */

struct paging {
	struct vcm *v;
	size_t dev, base;
	struct res *page[16];
	struct physmem *memory[16];
	atomic_int n_faults;
	atomic_bool is_over;
};

/* Backs the page that was missing. */
static int page_in(size_t dev_id, void *data, void *fault_data)
{
	const struct vcm_fault *fault = fault_data;
	struct paging *p = data;
	size_t i = (fault->dev_addr - p->base) / SZ_4K;

	ck_assert_uint_eq(dev_id, p->dev);
	ck_assert_uint_lt(i, 16);
	ck_assert_int_eq(vcm_back(p->page[i], p->memory[i]), 0);
	p->n_faults++;
	return VCM_FAULT_RETRY;
}

static void *chatter(void *arg)
{
	struct paging *p = arg;

	while (!atomic_load(&p->is_over))
		ck_assert_uint_eq(vcm_get_len(p->v), SZ_16M);
	return NULL;
}

static void page_through(enum vcm_event_mode mode)
{
	struct paging p = { .dev = device_named("vcodec_a_stream"),
			    .v = vcm_create(SZ_1M, SZ_16M) };
	pthread_t threads[3];
	char text[6];

	ck_assert_int_eq(vcm_set_event_mode(mode), 0);
	ck_assert_int_eq(vcm_activate(vcm_assoc(p.v, p.dev, 0)), 0);
	for (size_t i = 0; i < 16; i++) {
		p.page[i] = vcm_reserve(p.v, SZ_4K, VCM_ALIGN_4K);
		p.memory[i] = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0);
		ck_assert(p.page[i] && p.memory[i]);
	}
	p.base = vcm_get_dev_addr(p.page[0]);
	ck_assert_int_eq(vcm_hook(p.dev, page_in, &p), 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, chatter, &p);
	for (size_t i = 0; i < 16; i++) {
		ck_assert_msg(vcm_sim_write(p.dev, p.base + i * SZ_4K, "hello", 6) == 0, "%s",
			      vcm_last_error());
		ck_assert_int_eq(vcm_sim_read(p.dev, p.base + i * SZ_4K, text, 6), 0);
		ck_assert_str_eq(text, "hello");
	}
	atomic_store(&p.is_over, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(p.n_faults, 16);
	ck_assert_int_eq(vcm_hook(p.dev, NULL, NULL), 0);
}

START_TEST(handler_in_the_library_s_thread_pages_in_while_others_call)
{
	page_through(VCM_EVENT_THREAD);
}
END_TEST

START_TEST(handler_in_a_call_that_waits_pages_in_while_others_call)
{
	page_through(VCM_EVENT_LOOP);
}
END_TEST

static int write_elsewhere(size_t dev_id, void *data, void *fault_data)
{
	struct paging *p = data;

	ck_assert_msg(vcm_sim_write(p[1].dev, p[1].base, "hello", 6) == 0, "%s", vcm_last_error());
	return page_in(dev_id, data, fault_data);
}

static void paging_begin(struct paging *p, const char *name, vcm_handler handler)
{
	p->dev = device_named(name);
	p->v = vcm_create(SZ_1M, SZ_16M);
	ck_assert_int_eq(vcm_activate(vcm_assoc(p->v, p->dev, 0)), 0);
	p->page[0] = vcm_reserve(p->v, SZ_4K, VCM_ALIGN_4K);
	p->memory[0] = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0);
	p->base = vcm_get_dev_addr(p->page[0]);
	ck_assert_int_eq(vcm_hook(p->dev, handler, p), 0);
}

/* The handler of one device uses another, which faults too. */
static void page_inside(enum vcm_event_mode mode)
{
	struct paging p[2] = { { .dev = 0 } };
	char text[6];

	ck_assert_int_eq(vcm_set_event_mode(mode), 0);
	paging_begin(&p[1], "vcodec_b_mm2", page_in);
	paging_begin(&p[0], "vcodec_a_stream", write_elsewhere);
	ck_assert_msg(vcm_sim_write(p[0].dev, p[0].base, "world", 6) == 0, "%s", vcm_last_error());
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(vcm_sim_read(p[i].dev, p[i].base, text, 6), 0);
		ck_assert_str_eq(text, i ? "hello" : "world");
		ck_assert_int_eq(p[i].n_faults, 1);
	}
}

START_TEST(handler_in_the_library_s_thread_uses_a_device_that_faults)
{
	page_inside(VCM_EVENT_THREAD);
}
END_TEST

START_TEST(handler_in_a_call_that_waits_uses_a_device_that_faults)
{
	page_inside(VCM_EVENT_LOOP);
}
END_TEST

/* --- ends --------------------------------------------------------------------------------------------------------- */

static void *call_until_the_end(void *arg)
{
	size_t len = 1;

	while (len)
		len = vcm_get_len(arg);
	ck_assert_msg(errno == ENOTCONN || errno == ECONNRESET || errno == EINVAL, "%d %s", errno,
		      vcm_last_error());
	return NULL;
}

START_TEST(session_ends_under_the_calls_of_others)
{
	for (int round = 0; round < 20; round++) {
		struct vcm *v = vcm_create(SZ_1M, SZ_16M);
		pthread_t threads[N_THREADS];

		ck_assert_ptr_nonnull(v);
		for (int i = 0; i < N_THREADS; i++)
			pthread_create(&threads[i], NULL, call_until_the_end, v);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		ck_assert_int_eq(vcm_sys_destroy(), 0);
		ck_assert_int_eq(vcm_sys_init(), 0);
		for (int i = 0; i < N_THREADS; i++)
			pthread_join(threads[i], NULL);
	}
}
END_TEST

static void *connect_and_leave(void *arg)
{
	(void)arg;
	for (int i = 0; i < N_ROUNDS; i++) {
		struct vcm *v;

		ck_assert_msg(vcm_sys_init() == 0, "%s", vcm_last_error());
		v = vcm_create(SZ_1M, SZ_16M);
		ck_assert_ptr_nonnull(v);
		ck_assert_int_eq(vcm_free(v), 0);
		ck_assert_int_eq(vcm_sys_destroy(), 0);
	}
	return NULL;
}

START_TEST(threads_connect_and_leave_as_they_like)
{
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	run(connect_and_leave, NULL);
	ck_assert_int_eq(vcm_sys_init(), 0);
}
END_TEST

/* --- batches that are collected at the same time ------------------------------------------------------------------- */

#define N_COLLECTED 1000

struct collectors {
	struct vcm *vcm;
	pthread_barrier_t collected, goes_on;
};

static void *collect(void *ctx)
{
	static _Thread_local struct res *res[N_COLLECTED];
	struct collectors *c = ctx;

	ck_assert_int_eq(vcm_batch_begin(), 0);
	for (int i = 0; i < N_COLLECTED; i++) {
		res[i] = vcm_reserve(c->vcm, SZ_4K, 0);
		ck_assert_ptr_nonnull(res[i]);
	}
	pthread_barrier_wait(&c->collected);
	pthread_barrier_wait(&c->goes_on);
	ck_assert_msg(vcm_batch_commit(NULL) == 0, "%s", vcm_last_error());
	for (int i = 0; i < N_COLLECTED; i++)
		ck_assert_int_eq(vcm_unreserve(res[i]), 0);
	return NULL;
}

START_TEST(batches_that_wait_keep_nobody_from_calling)
{
	struct collectors c = { .vcm = vcm_create(0x10000000, 256u << 20) };
	pthread_t threads[N_THREADS];
	struct vcm *vcm;

	pthread_barrier_init(&c.collected, NULL, N_THREADS + 1);
	pthread_barrier_init(&c.goes_on, NULL, N_THREADS + 1);
	for (int i = 0; i < N_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, collect, &c), 0);
	pthread_barrier_wait(&c.collected);
	vcm = vcm_create(0x10000000, SZ_1M);
	ck_assert_msg(vcm != NULL, "%s", vcm_last_error());
	pthread_barrier_wait(&c.goes_on);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&c.collected);
	pthread_barrier_destroy(&c.goes_on);
	ck_assert_int_eq(vcm_free(vcm), 0);
	ck_assert_int_eq(vcm_free(c.vcm), 0);
}
END_TEST

START_TEST(forks_do_not_disturb_the_threads)
{
	struct vcm *v = vcm_create(SZ_1M, SZ_16M);
	pthread_t thread;
	int status;

	pthread_create(&thread, NULL, call_until_the_end, v);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		/* Not by exit: what the other threads had is lost in the child, and leak checkers would say so. */
		if (pid == 0) {
			const char *verdict =
				vcm_get_len(v) == 0 && errno == ENOTCONN ? "true" : "false";

			execlp(verdict, verdict, (char *)NULL);
			_exit(2);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(vcm_free(v), 0);
	pthread_join(thread, NULL);
}
END_TEST

static void begin(void)
{
	ck_assert_int_eq(vcm_sys_init(), 0);
}

static int nothing_is_left(void *ctx, const struct vcm_row *row)
{
	(void)ctx;
	ck_assert_uint_eq(row->n[VCM_STATUS_OBJECTS], 0);
	return 0;
}

static void end(void)
{
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	ck_assert_int_eq(vcm_sys_init(), 0);
	ck_assert_int_eq(vcm_inspect(VCM_TABLE_STATUS, 0, nothing_is_left, NULL), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
}

int main(void)
{
	const TTest *const cases[] = { threads_share_a_session_and_not_their_answers,
				       races_for_one_reservation_have_one_winner,
				       races_for_one_mapping_of_the_process_have_one_winner,
				       what_a_thread_has_backed_no_other_loses,
				       handler_in_the_library_s_thread_pages_in_while_others_call,
				       handler_in_a_call_that_waits_pages_in_while_others_call,
				       handler_in_the_library_s_thread_uses_a_device_that_faults,
				       handler_in_a_call_that_waits_uses_a_device_that_faults,
				       session_ends_under_the_calls_of_others,
				       threads_connect_and_leave_as_they_like,
				       batches_that_wait_keep_nobody_from_calling,
				       forks_do_not_disturb_the_threads,
				       NULL };
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");
	struct daemon daemon;
	SRunner *runner;
	int failed;

	daemon_start(&daemon, "stock = 0\nfault-timeout = 20000\n");
	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	tcase_add_checked_fixture(tcase, begin, end);
	for (size_t i = 0; cases[i]; i++)
		tcase_add_test(tcase, cases[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return daemon_stop(&daemon) == 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
