// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/loop.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "vcmd/clock.h"
#include "vcmd/loop-inside.h"

#define NS_PER_MS UINT64_C(1000000)

/* How long only the hottest fd is tried, until all of them are looked at: well below what waking us takes, which is what
 * everybody else is used to. Within these bounds a twentieth of the time goes to looking: where system calls are dear, the
 * hottest would pay for each with a good part of a call. */
#define POLL_ALL_MIN_NS 4000
#define POLL_ALL_MAX_NS 10000
#define POLL_ALL_SHARE 20
/* Tries of the hottest fd for each look at the clock. */
#define POLL_TRIES 8
/* Of the waits that could yield, those that sleep. */
#define YIELD_ALL_EVERY 16
/* How long idle work waits under load until it gets a turn. */
#define IDLE_STARVED_NS (4 * NS_PER_MS)
#define TIMERS_A_TURN 64
/* A spin that lasted this long may have been interrupted by others: worth a getrusage(). */
#define PREEMPTION_SUSPECT_NS (20 * 1000)
#define PREEMPTION_CHECK_EVERY 64

struct loop_timer {
	struct timer timer; /* first: timers.c knows no other part */
	struct loop *loop;
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_idle {
	TAILQ_ENTRY(loop_idle) link;
	struct loop *loop;
	bool pending;
	bool (*fn)(void *ctx);
	void *ctx;
};

struct loop_signal {
	LIST_ENTRY(loop_signal) link;
	struct event event;
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

static unsigned int count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned int)CPU_COUNT(&set);
}

static long count_preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) < 0 ? 0 : usage.ru_nivcsw;
}

/* --- timers */

/* Libevent holds one timer, whose place was reserved in loop_new(): so setting one cannot fail. */
static void clock_update(struct loop *l)
{
	struct timer *first = timers_first(&l->timers);
	uint64_t now, left;
	struct timeval tv;

	if (!first) {
		if (l->clock_set)
			event_del(&l->clock);
		l->clock_set = false;
		return;
	}
	if (l->clock_set && l->clock_due_ms == first->due_ms)
		return;
	now = now_ms();
	left = first->due_ms > now ? first->due_ms - now : 0;
	tv = (struct timeval){ .tv_sec = (time_t)(left / 1000),
			       .tv_usec = (suseconds_t)(left % 1000 * 1000) };
	if (event_add(&l->clock, &tv) < 0)
		log_error("loop: a timer is lost");
	l->clock_set = true;
	l->clock_due_ms = first->due_ms;
}

static void on_clock(_unused_ evutil_socket_t fd, _unused_ short what, void *arg)
{
	struct loop *l = arg;
	uint64_t now = now_ms();
	struct timer *t;

	l->clock_set = false;
	for (int i = 0; i < TIMERS_A_TURN && (t = timers_take_due(&l->timers, now)); i++) {
		struct loop_timer *timer = (struct loop_timer *)t;

		l->n_events++;
		timer->fn(timer->ctx);
	}
	clock_update(l);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct loop_timer *t = mem_new0(struct loop_timer);

	if (!t)
		return NULL;
	t->loop = l;
	t->fn = fn;
	t->ctx = ctx;
	return t;
}

void loop_timer_set(struct loop_timer *t, uint64_t after_ms)
{
	timers_set(&t->loop->timers, &t->timer, now_ms() + after_ms);
	clock_update(t->loop);
}

void loop_timer_clear(struct loop_timer *t)
{
	timers_clear(&t->loop->timers, &t->timer);
	clock_update(t->loop);
}

struct loop_timer *loop_timer_free(struct loop_timer *t)
{
	if (t)
		loop_timer_clear(t);
	return mem_free(t);
}

/* --- idle work */

struct loop_idle *loop_idle_new(struct loop *l, bool (*fn)(void *ctx), void *ctx)
{
	struct loop_idle *i = mem_new0(struct loop_idle);

	if (!i)
		return NULL;
	i->loop = l;
	i->fn = fn;
	i->ctx = ctx;
	TAILQ_INSERT_TAIL(&l->idles, i, link);
	return i;
}

static struct loop_idle *idle_pending(struct loop *l)
{
	struct loop_idle *i;

	TAILQ_FOREACH(i, &l->idles, link)
		if (i->pending)
			return i;
	return NULL;
}

void loop_idle_kick(struct loop_idle *i)
{
	if (!i->pending && !idle_pending(i->loop))
		i->loop->idle_ns = clock_now_ns();
	i->pending = true;
}

struct loop_idle *loop_idle_free(struct loop_idle *i)
{
	if (!i)
		return NULL;
	if (i->loop->idle_running == i)
		i->loop->idle_running = NULL;
	TAILQ_REMOVE(&i->loop->idles, i, link);
	return mem_free(i);
}

static void idle_step(struct loop *l, struct loop_idle *i)
{
	bool more;

	l->idle_running = i;
	i->pending = false;
	more = i->fn(i->ctx);
	l->idle_ns = clock_now_ns();
	if (!l->idle_running) /* it freed itself */
		return;
	l->idle_running = NULL;
	i->pending |= more;
	TAILQ_REMOVE(&l->idles, i, link);
	TAILQ_INSERT_TAIL(&l->idles, i, link);
}

/* --- signals */

static void on_signal(evutil_socket_t signo, _unused_ short what, void *arg)
{
	struct loop_signal *s = arg;

	s->fn(s->ctx, (int)signo);
}

int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	_cleanup_(mem_freep) struct loop_signal *s = mem_new0(struct loop_signal);

	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->ctx = ctx;
	if (event_assign(&s->event, l->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, s) < 0 ||
	    event_add(&s->event, NULL) < 0)
		return -ENOMEM;
	LIST_INSERT_HEAD(&l->signals, s, link);
	STEAL_PTR(s);
	return 0;
}

/* --- the loop itself */

static int pass(struct loop *l, int flags)
{
	if (l->n_agains)
		flags |= EVLOOP_NONBLOCK;
	if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | flags) < 0)
		return errno ? -errno : -EIO;
	loop_fd_run_agains(l);
	return 0;
}

static bool was_preempted(struct loop *l, uint64_t spun_ns)
{
	long n, before = l->n_preempted;

	if (spun_ns < PREEMPTION_SUSPECT_NS && ++l->n_unchecked < PREEMPTION_CHECK_EVERY)
		return false;
	l->n_unchecked = 0;
	n = count_preemptions();
	l->n_preempted = n;
	return n > before;
}

/* took: what a look at all fds takes where there is nothing. */
static void set_pace(struct loop *l, uint64_t took)
{
	uint64_t every = took * POLL_ALL_SHARE;

	if (every > POLL_ALL_MAX_NS)
		every = POLL_ALL_MAX_NS;
	l->look_every_ns = every > POLL_ALL_MIN_NS ? every : POLL_ALL_MIN_NS;
}

/* The hottest fd, a few times; before it, when it is time, all of them, however much the hottest has to do. */
static int try_fds(struct loop *l, uint64_t now, uint64_t events, uint64_t served)
{
	int r = 0;

	if (now - l->looked_ns >= l->look_every_ns) {
		l->looked_ns = now;
		r = pass(l, EVLOOP_NONBLOCK);
		if (l->n_events == events)
			set_pace(l, clock_now_ns() - now);
		loop_fd_look_at_warm(l, now);
	}
	for (int i = 0; i < POLL_TRIES && r == 0 && l->hot && !l->stopped; i++) {
		if (l->n_events != events || l->n_served != served)
			break;
		l->hot->fn(l->hot->ctx, LOOP_READ);
	}
	return r;
}

/* Positive when something was served. */
static int spin(struct loop *l, uint64_t budget_ns)
{
	uint64_t events = l->n_events, served = l->n_served, start = clock_now_ns(), now = start;
	int r;

	loop_fd_spin_begins(l->hot);
	while ((r = try_fds(l, now, events, served)) == 0 && l->hot && !l->stopped) {
		if (l->n_events != events || l->n_served != served)
			break;
		now = clock_now_ns();
		if (now - start >= budget_ns)
			break;
	}
	polling_polled(&l->spins, l->n_served != served, was_preempted(l, now - start));
	if (r < 0)
		return r;
	return l->n_events != events || l->n_served != served;
}

static int poll_hot(struct loop *l)
{
	uint64_t budget = l->hot ? polling_budget(&l->spins) : 0;

	return budget ? spin(l, budget) : 0;
}

/*
 * Gives the CPU away once, and looks again. Where the client was waiting for it, the next request is there when it comes
 * back, and has cost neither an epoll_wait() nor a wake-up of ours. Whoever else was waiting for it keeps it for
 * long: then that is not tried again soon. Every so often it is all fds' turn.
 */
static bool yield_hot(struct loop *l)
{
	uint64_t served = l->n_served, start, away;

	if (!l->hot || ++l->n_waits % YIELD_ALL_EVERY == 0 || !polling_budget(&l->yields))
		return false;
	start = clock_now_ns();
	sched_yield();
	away = clock_now_ns() - start;
	l->hot->fn(l->hot->ctx, LOOP_READ);
	polling_polled(&l->yields, l->n_served != served, away > l->yields.max_ns);
	return l->n_served != served;
}

/* Positive when something was served. */
static int look(struct loop *l)
{
	uint64_t events = l->n_events;
	int r = pass(l, EVLOOP_NONBLOCK);

	return r < 0 ? r : l->n_events != events;
}

/* On one CPU the client whom we just answered has not run yet: it goes first. Not before each step: on a CPU that somebody
 * else keeps busy, each would wait for as long as he may run. */
static int turn_idle(struct loop *l, struct loop_idle *i)
{
	int r = look(l);

	if (!r)
		r = poll_hot(l);
	if (!r && l->n_yielded != l->n_events) {
		sched_yield();
		l->n_yielded = l->n_events;
		r = look(l);
	}
	if (r < 0)
		return r;
	if (r > 0 && clock_now_ns() - l->idle_ns < IDLE_STARVED_NS)
		return 0;
	/* What ran may have freed it. */
	i = idle_pending(l);
	if (i && !l->stopped)
		idle_step(l, i);
	return 0;
}

static int turn(struct loop *l)
{
	struct loop_idle *i = idle_pending(l);
	int r;

	if (i || l->n_agains)
		loop_fd_spin_ends(l->hot);
	if (i)
		return turn_idle(l, i);
	if (l->n_agains)
		return pass(l, 0);
	r = poll_hot(l);
	if (r || l->stopped || idle_pending(l) || l->n_agains)
		return r < 0 ? r : 0;
	loop_fd_spin_ends(l->hot);
	if (l->n_agains)
		return 0;
	if (yield_hot(l))
		return 0;
	if (l->hot && l->yields.max_ns)
		l->asleep_since_ns = clock_now_ns();
	r = pass(l, 0);
	l->asleep_since_ns = 0;
	return r;
}

int loop_run(struct loop *l)
{
	int r = 0;

	while (!r && !l->stopped)
		r = turn(l);
	loop_fd_spin_ends(l->hot);
	l->stopped = false;
	return r;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

void *loop_scratch(struct loop *l)
{
	return l->scratch;
}

/* One thread: no locks. The first event_add() makes room for the one timer. */
static int base_init(struct loop *l)
{
	const struct timeval far = { .tv_sec = 3600 };
	struct event_config *config = event_config_new();

	if (!config)
		return -ENOMEM;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	/* It would look at the clock in every turn, for timeouts that it does not have. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	event_config_require_features(config, EV_FEATURE_ET);
	l->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!l->base || event_assign(&l->clock, l->base, -1, 0, on_clock, l) < 0 ||
	    event_add(&l->clock, &far) < 0)
		return -ENOMEM;
	event_del(&l->clock);
	return 0;
}

void loop_set_poll(struct loop *l, unsigned int poll_us)
{
	polling_init(&l->spins, poll_us, count_cpus());
	polling_init(&l->yields, poll_us, 2); /* it wants no CPU for itself */
}

CLEANUP_DEFINE(struct loop *, loop_free)

struct loop *loop_new(unsigned int poll_us)
{
	_cleanup_(loop_freep) struct loop *l = mem_new0(struct loop);

	if (!l)
		return NULL;
	TAILQ_INIT(&l->timers);
	TAILQ_INIT(&l->agains);
	TAILQ_INIT(&l->warms);
	TAILQ_INIT(&l->idles);
	LIST_INIT(&l->signals);
	l->look_every_ns = POLL_ALL_MIN_NS;
	loop_set_poll(l, poll_us);
	l->scratch = mem_zalloc(LOOP_SCRATCH_LEN);
	if (!l->scratch || base_init(l) < 0)
		return NULL;
	return STEAL_PTR(l);
}

struct loop *loop_free(struct loop *l)
{
	struct loop_signal *s;

	if (!l)
		return NULL;
	assert(!timers_first(&l->timers) && TAILQ_EMPTY(&l->idles) && !l->hot && !l->n_agains &&
	       TAILQ_EMPTY(&l->warms));
	while ((s = LIST_FIRST(&l->signals))) {
		event_del(&s->event);
		LIST_REMOVE(s, link);
		mem_free(s);
	}
	if (l->base)
		event_base_free(l->base);
	mem_free(l->scratch);
	return mem_free(l);
}
