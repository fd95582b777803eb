// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct loop *, loop_free)

struct seen {
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_timer *timer;
	struct loop_idle *idle;
	int fd;
	int n, n_stop;
	unsigned int what;
};

static void stop_after(struct seen *s)
{
	if (++s->n >= s->n_stop)
		loop_stop(s->loop);
}

static void on_timer(void *ctx)
{
	stop_after(ctx);
}

static void on_read(void *ctx, unsigned int what)
{
	struct seen *s = ctx;
	char c;

	s->what |= what;
	if (recv(s->fd, &c, 1, MSG_DONTWAIT) <= 0)
		return;
	if (s->watch)
		loop_served(s->watch);
	stop_after(s);
}

static void pair_open(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

/* --- timers */

struct order {
	struct loop *loop;
	char *at;
	char name;
};

static void on_order(void *ctx)
{
	struct order *o = ctx;

	*(*(char **)o->at)++ = o->name;
	if (o->name == '3')
		loop_stop(o->loop);
}

START_TEST(loop_runs_timers_in_order_and_once)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	char names[8] = "", *end = names;
	struct order o[3];
	struct loop_timer *t[3];
	static const int after[] = { 3, 1, 2 };

	for (int i = 0; i < 3; i++) {
		o[i] = (struct order){ l, (char *)&end, (char)('0' + after[i]) };
		t[i] = loop_timer_new(l, on_order, &o[i]);
		loop_timer_set(t[i], (uint64_t)after[i] * 20);
	}
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_str_eq(names, "123");
	for (int i = 0; i < 3; i++)
		loop_timer_free(t[i]);
}
END_TEST

START_TEST(loop_does_not_run_a_timer_that_was_cleared_or_freed)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen dead = { .loop = l, .n_stop = 1 }, live = { .loop = l, .n_stop = 1 };
	struct loop_timer *a = loop_timer_new(l, on_timer, &dead);
	struct loop_timer *b = loop_timer_new(l, on_timer, &dead);
	struct loop_timer *c = loop_timer_new(l, on_timer, &live);

	loop_timer_set(a, 1);
	loop_timer_set(b, 1);
	loop_timer_set(c, 30);
	loop_timer_clear(a);
	loop_timer_free(b);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(dead.n, 0);
	ck_assert_int_eq(live.n, 1);
	loop_timer_free(a);
	loop_timer_free(c);
}
END_TEST

static void on_rearm(void *ctx)
{
	struct seen *s = ctx;

	loop_timer_set(s->timer, 0);
	stop_after(s);
}

START_TEST(loop_timer_of_0_ms_that_sets_itself_starves_nobody)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen greedy = { .loop = l, .n_stop = 1 << 30 }, other = { .loop = l, .n_stop = 1 };
	int pair[2];

	pair_open(pair);
	greedy.timer = loop_timer_new(l, on_rearm, &greedy);
	loop_timer_set(greedy.timer, 0);
	other.fd = pair[0];
	other.watch = loop_watch(l, pair[0], LOOP_READ, false, on_read, &other);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(other.n, 1);
	loop_timer_free(greedy.timer);
	loop_unwatch(other.watch);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* --- fds */

START_TEST(loop_tells_what_an_fd_is_ready_for)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 1 };
	int pair[2];

	pair_open(pair);
	s.fd = pair[0];
	s.watch = loop_watch(l, pair[0], LOOP_READ | LOOP_WRITE, false, on_read, &s);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_uint_eq(s.what, LOOP_READ | LOOP_WRITE);
	loop_unwatch(s.watch);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static void on_gone(void *ctx, unsigned int what)
{
	struct seen *s = ctx;

	s->what |= what;
	stop_after(s);
}

START_TEST(loop_tells_of_each_edge_once)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 1 }, late = { .loop = l, .n_stop = 1 };
	struct loop_timer *t = loop_timer_new(l, on_timer, &late);
	int pair[2];

	pair_open(pair);
	s.fd = -1;
	s.watch = loop_watch(l, pair[0], LOOP_EDGE, false, on_gone, &s);
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
		ck_assert_int_eq(loop_run(l), 0);
		ck_assert_int_eq(s.n, i);
		ck_assert_uint_eq(s.what, LOOP_READ);
		s.n_stop = i + 1;
		loop_timer_set(t, 5); /* though all of it is there unread */
		late.n_stop = i;
		ck_assert_int_eq(loop_run(l), 0);
		ck_assert_int_eq(s.n, i);
	}
	loop_unwatch(s.watch);
	loop_timer_free(t);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* Both ends of a socket, watched for its end only; packets wait unread. */
static void expect_gone(void (*end)(int fd), bool unread_of_peer)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 1 }, late = { .loop = l, .n_stop = 1 };
	struct loop_timer *t = loop_timer_new(l, on_timer, &late);
	int pair[2];

	pair_open(pair);
	s.watch = loop_watch(l, pair[0], LOOP_GONE, true, on_gone, &s);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	if (unread_of_peer)
		ck_assert_int_eq(send(pair[0], "x", 1, 0), 1);
	loop_timer_set(t, 30);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 0);
	end(pair[1]);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 1);
	ck_assert_uint_eq(s.what, LOOP_GONE);
	loop_unwatch(s.watch);
	loop_timer_free(t);
	close(pair[0]);
}

static void end_by_close(int fd)
{
	close(fd);
}

static int half_open = -1;

static void end_by_half(int fd)
{
	half_open = fd;
	shutdown(fd, SHUT_WR);
}

START_TEST(loop_tells_that_a_peer_has_hung_up_though_packets_wait)
{
	expect_gone(end_by_close, false);
}
END_TEST

START_TEST(loop_tells_that_a_peer_has_hung_up_though_it_left_packets_unread)
{
	expect_gone(end_by_close, true);
}
END_TEST

START_TEST(loop_tells_that_a_peer_will_not_write_any_more)
{
	expect_gone(end_by_half, false);
	close(half_open);
}
END_TEST

static void on_unwatch_both(void *ctx, _unused_ unsigned int what)
{
	struct seen *s = ctx;

	s[0].watch = loop_unwatch(s[0].watch);
	s[1].watch = loop_unwatch(s[1].watch);
	s[0].n++;
	loop_stop(s[0].loop);
}

START_TEST(loop_does_not_call_a_watch_that_ended_in_the_same_turn)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s[2] = { { .loop = l }, { .loop = l } };
	int a[2], b[2];

	pair_open(a);
	pair_open(b);
	s[0].watch = loop_watch(l, a[0], LOOP_READ, true, on_unwatch_both, s);
	s[1].watch = loop_watch(l, b[0], LOOP_READ, true, on_unwatch_both, s);
	ck_assert_int_eq(send(a[1], "x", 1, 0), 1);
	ck_assert_int_eq(send(b[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s[0].n, 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}
END_TEST

/* --- idle work */

static bool on_idle(void *ctx)
{
	struct seen *s = ctx;

	stop_after(s);
	return s->n < s->n_stop;
}

START_TEST(loop_does_idle_work_until_there_is_none)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 5 }, late = { .loop = l, .n_stop = 1 };
	struct loop_timer *t = loop_timer_new(l, on_timer, &late);

	s.idle = loop_idle_new(l, on_idle, &s);
	loop_timer_set(t, 20);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 0); /* nobody kicked it */
	loop_idle_kick(s.idle);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 5);
	loop_timer_set(t, 20);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 5);
	loop_idle_free(s.idle);
	loop_timer_free(t);
}
END_TEST

static bool on_idle_once(void *ctx)
{
	stop_after(ctx);
	return true;
}

START_TEST(loop_gives_idle_work_of_several_their_turns)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen a = { .loop = l, .n_stop = 10 }, b = { .loop = l, .n_stop = 10 };

	a.idle = loop_idle_new(l, on_idle_once, &a);
	b.idle = loop_idle_new(l, on_idle_once, &b);
	loop_idle_kick(a.idle);
	loop_idle_kick(b.idle);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_ge(a.n, 9);
	ck_assert_int_ge(b.n, 9);
	loop_idle_free(a.idle);
	loop_idle_free(b.idle);
}
END_TEST

static void on_always(void *ctx, _unused_ unsigned int what)
{
	struct seen *s = ctx;

	s->n++;
	loop_served(s->watch);
}

static void expect_idle_under_load(unsigned int poll_us)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(poll_us);
	struct seen busy = { .loop = l }, idle = { .loop = l, .n_stop = 3 };
	int pair[2];

	pair_open(pair);
	busy.watch = loop_watch(l, pair[0], LOOP_READ, true, on_always, &busy);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1); /* stays readable: nobody reads it */
	idle.idle = loop_idle_new(l, on_idle, &idle);
	loop_idle_kick(idle.idle);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(idle.n, 3);
	ck_assert_int_gt(busy.n, 100);
	loop_idle_free(idle.idle);
	loop_unwatch(busy.watch);
	close(pair[0]);
	close(pair[1]);
}

START_TEST(loop_gives_idle_work_a_turn_under_constant_load)
{
	expect_idle_under_load(0);
	expect_idle_under_load(50);
}
END_TEST

static bool on_idle_free(void *ctx)
{
	struct seen *s = ctx;

	s->idle = loop_idle_free(s->idle);
	stop_after(s);
	return true;
}

START_TEST(loop_idle_work_may_free_itself)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 1 };

	s.idle = loop_idle_new(l, on_idle_free, &s);
	loop_idle_kick(s.idle);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(s.n, 1);
}
END_TEST

/* --- polling */

static void on_one_cpu(void)
{
	cpu_set_t set, one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &set))
			CPU_SET(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void serve_hot_and_cold(void)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(50);
	struct seen hot = { .loop = l, .n_stop = 1 }, cold = { .loop = l, .n_stop = 1 };
	int a[2], b[2];

	pair_open(a);
	pair_open(b);
	hot.fd = a[0];
	cold.fd = b[0];
	hot.watch = loop_watch(l, a[0], LOOP_READ, true, on_read, &hot);
	cold.watch = loop_watch(l, b[0], LOOP_READ, false, on_read, &cold);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(send(a[1], "x", 1, 0), 1);
		ck_assert_int_eq(loop_run(l), 0);
	}
	ck_assert_int_eq(hot.n, 500);
	ck_assert_int_eq(send(b[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(cold.n, 1);
	/* Now that the hot one is always ready, the cold one has its turn all the same. */
	hot.n_stop = 1 << 30;
	hot.watch = loop_unwatch(hot.watch);
	hot.watch = loop_watch(l, a[0], LOOP_READ, true, on_always, &hot);
	ck_assert_int_eq(send(a[1], "x", 1, 0), 1);
	ck_assert_int_eq(send(b[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(cold.n, 2);
	loop_unwatch(hot.watch);
	loop_unwatch(cold.watch);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

START_TEST(loop_that_polls_serves_hot_and_cold_fds)
{
	serve_hot_and_cold();
}
END_TEST

START_TEST(loop_on_one_cpu_serves_hot_and_cold_fds)
{
	on_one_cpu();
	serve_hot_and_cold();
	expect_idle_under_load(50);
}
END_TEST

static void on_hot(void *ctx, unsigned int what _unused_)
{
	struct seen *s = ctx;

	loop_served_late(s->watch);
	stop_after(s);
}

/* No look at all fds finds them: each is looked at for a while after the other has become the hottest, and always has
 * something to do. */
START_TEST(loop_that_polls_looks_at_several_without_an_fd)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(50);
	struct seen s[3] = { { .loop = l }, { .loop = l }, { .loop = l } };
	cpu_set_t cpus;

	for (int i = 0; i < 3; i++) {
		s[i].n_stop = 1;
		s[i].watch = loop_watch(l, -1, LOOP_READ, true, on_hot, &s[i]);
		loop_again(s[i].watch);
		ck_assert_int_eq(loop_run(l), 0);
	}
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(s[i].n, CPU_COUNT(&cpus) > 1 ? 2 : 0);
		loop_unwatch(s[i].watch);
	}
}
END_TEST

static void on_again(void *ctx, unsigned int what)
{
	struct seen *s = ctx;

	s->what |= what;
	if (s->n < 1000)
		loop_again(s->watch);
	stop_after(s);
}

START_TEST(loop_calls_who_asks_again_without_an_fd)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen again = { .loop = l, .n_stop = 5 };

	again.watch = loop_watch(l, -1, LOOP_READ, true, on_again, &again);
	loop_again(again.watch);
	loop_again(again.watch); /* once all the same */
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(again.n, 5);
	ck_assert_uint_eq(again.what, LOOP_READ);
	loop_unwatch(again.watch); /* while it asks */
}
END_TEST

START_TEST(loop_lets_others_go_before_who_asks_again)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen again = { .loop = l, .n_stop = 1 << 30 }, reader = { .loop = l, .n_stop = 1 };
	struct loop_timer *t = loop_timer_new(l, on_timer, &reader);
	int pair[2];

	pair_open(pair);
	reader.fd = pair[0];
	again.watch = loop_watch(l, -1, LOOP_READ, true, on_again, &again);
	reader.watch = loop_watch(l, pair[0], LOOP_READ, false, on_read, &reader);
	loop_again(again.watch);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_le(again.n, 1);
	loop_timer_set(t, 0);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_lt(again.n, 1000);
	loop_unwatch(again.watch);
	loop_unwatch(reader.watch);
	loop_timer_free(t);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static uint64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

START_TEST(loop_that_polled_burns_no_cpu_when_nobody_comes)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(50);
	struct seen hot = { .loop = l, .n_stop = 1 }, late = { .loop = l, .n_stop = 1 };
	struct loop_timer *t = loop_timer_new(l, on_timer, &late);
	uint64_t before;
	int pair[2];

	pair_open(pair);
	hot.fd = pair[0];
	hot.watch = loop_watch(l, pair[0], LOOP_READ, true, on_read, &hot);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
		ck_assert_int_eq(loop_run(l), 0);
	}
	loop_timer_set(t, 300);
	before = cpu_us();
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_uint_lt(cpu_us() - before, 100000);
	loop_unwatch(hot.watch);
	loop_timer_free(t);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* A peer that rings only when it is asked to, as over rings. */
struct quiet_peer {
	struct loop *loop;
	struct loop_fd *watch;
	atomic_uint sent, taken;
	atomic_bool quiet;
	unsigned int n_rings;
	int bell;
};

#define QUIET_ROUNDS 4000

static void on_quiet(void *ctx, unsigned int what _unused_)
{
	struct quiet_peer *q = ctx;

	if (atomic_load(&q->taken) == atomic_load(&q->sent))
		return;
	loop_served(q->watch);
	if (atomic_fetch_add(&q->taken, 1) + 1 == QUIET_ROUNDS)
		loop_stop(q->loop);
}

static bool on_quiet_spins(void *ctx, bool spins)
{
	struct quiet_peer *q = ctx;

	atomic_store(&q->quiet, spins);
	return !spins && atomic_load(&q->taken) != atomic_load(&q->sent);
}

/* Sometimes it sends at once, and sometimes when the loop may be about to sleep. */
static void *send_quietly(void *arg)
{
	struct quiet_peer *q = arg;

	for (unsigned int i = 1; i <= QUIET_ROUNDS; i++) {
		atomic_store(&q->sent, i);
		if (!atomic_load(&q->quiet)) {
			q->n_rings++;
			eventfd_write(q->bell, 1);
		}
		while (atomic_load(&q->taken) < i)
			sched_yield();
		for (volatile unsigned int k = 0; i % 64 == 0 && k < 500 * (i / 64); k++)
			;
	}
	return NULL;
}

static void ring_when_asked(void)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(50);
	struct quiet_peer q = { .loop = l, .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct loop_fd *bell = loop_watch(l, q.bell, LOOP_EDGE, false, on_quiet, &q);
	pthread_t thread;

	q.watch = loop_watch(l, -1, LOOP_READ, true, on_quiet, &q);
	loop_watch_spins(q.watch, on_quiet_spins);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_quietly, &q), 0);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(!q.quiet);
	ck_assert_uint_ge(q.n_rings, 1);
	loop_unwatch(bell);
	loop_unwatch(q.watch);
	close(q.bell);
}

START_TEST(loop_that_polls_need_not_be_rung_and_is_when_it_sleeps)
{
	ring_when_asked();
}
END_TEST

START_TEST(loop_on_one_cpu_is_rung)
{
	on_one_cpu();
	ring_when_asked();
}
END_TEST

/* --- the rest */

static void on_signal(void *ctx, int signo)
{
	struct seen *s = ctx;

	s->what = (unsigned int)signo;
	stop_after(s);
}

START_TEST(loop_calls_for_a_signal)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);
	struct seen s = { .loop = l, .n_stop = 1 };

	ck_assert_int_eq(loop_signal(l, SIGUSR1, on_signal, &s), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_uint_eq(s.what, SIGUSR1);
}
END_TEST

START_TEST(loop_that_was_stopped_before_it_runs_returns_at_once)
{
	_cleanup_(loop_freep) struct loop *l = loop_new(0);

	loop_stop(l);
	ck_assert_int_eq(loop_run(l), 0);
}
END_TEST

START_TEST(loop_parts_are_made_whole_or_not_at_all)
{
	struct seen s = { .n = 0 };
	int pair[2];
	bool done = false;

	pair_open(pair);
	for (size_t nth = 1; !done; nth++) {
		_cleanup_(loop_freep) struct loop *l = NULL;
		struct loop_fd *w = NULL;
		struct loop_timer *t = NULL;
		struct loop_idle *i = NULL;

		mem_fail_nth(nth);
		l = loop_new(50);
		if (l) {
			w = loop_watch(l, pair[0], LOOP_READ, true, on_read, &s);
			t = loop_timer_new(l, on_timer, &s);
			i = loop_idle_new(l, on_idle, &s);
			done = !loop_signal(l, SIGUSR1, on_signal, &s) && w && t && i;
		}
		ck_assert(mem_fail_fired() ? !done : done);
		loop_unwatch(w);
		loop_timer_free(t);
		loop_idle_free(i);
	}
	close(pair[0]);
	close(pair[1]);
}
END_TEST

SUITE_MAIN("loop", loop_runs_timers_in_order_and_once,
	   loop_does_not_run_a_timer_that_was_cleared_or_freed,
	   loop_timer_of_0_ms_that_sets_itself_starves_nobody, loop_tells_what_an_fd_is_ready_for,
	   loop_tells_of_each_edge_once, loop_tells_that_a_peer_has_hung_up_though_packets_wait,
	   loop_tells_that_a_peer_has_hung_up_though_it_left_packets_unread,
	   loop_tells_that_a_peer_will_not_write_any_more,
	   loop_does_not_call_a_watch_that_ended_in_the_same_turn,
	   loop_does_idle_work_until_there_is_none, loop_gives_idle_work_of_several_their_turns,
	   loop_gives_idle_work_a_turn_under_constant_load, loop_idle_work_may_free_itself,
	   loop_that_polls_serves_hot_and_cold_fds, loop_on_one_cpu_serves_hot_and_cold_fds,
	   loop_that_polls_need_not_be_rung_and_is_when_it_sleeps, loop_on_one_cpu_is_rung,
	   loop_that_polls_looks_at_several_without_an_fd, loop_calls_who_asks_again_without_an_fd,
	   loop_lets_others_go_before_who_asks_again,
	   loop_that_polled_burns_no_cpu_when_nobody_comes, loop_calls_for_a_signal,
	   loop_that_was_stopped_before_it_runs_returns_at_once,
	   loop_parts_are_made_whole_or_not_at_all)
