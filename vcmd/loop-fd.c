// SPDX-License-Identifier: BSD-3-Clause
#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "base/mem.h"
#include "vcmd/clock.h"
#include "vcmd/loop-inside.h"

/* How long one without an fd, which no look at all fds finds, is looked at after another has become the hottest. */
#define WARM_NS UINT64_C(1000000)

static bool has_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

static void on_fd(evutil_socket_t fd, short events, void *arg)
{
	struct loop_fd *w = arg;
	unsigned int what = 0;

	if (w->what == LOOP_GONE) {
		if (!has_hung_up(fd))
			return;
		what = LOOP_GONE;
	} else {
		if (events & EV_READ)
			what |= LOOP_READ;
		if (events & EV_WRITE)
			what |= LOOP_WRITE;
	}
	w->loop->n_events++;
	w->fn(w->ctx, what);
}

/* Edges for LOOP_GONE: the level of a peer's error or unread packets would keep waking us. */
static short events_of(unsigned int what)
{
	if (what == LOOP_GONE || what == LOOP_EDGE)
		return EV_READ | EV_ET | EV_PERSIST;
	return (short)((what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0) |
		       EV_PERSIST);
}

void loop_fd_spin_begins(struct loop_fd *w)
{
	if (!w->spins || w->is_spun)
		return;
	w->is_spun = true;
	w->spins(w->ctx, true);
}

void loop_fd_spin_ends(struct loop_fd *w)
{
	if (!w || !w->is_spun)
		return;
	w->is_spun = false;
	if (w->spins(w->ctx, false))
		loop_again(w);
}

static void cool(struct loop_fd *w)
{
	if (w->warm_until_ns)
		TAILQ_REMOVE(&w->loop->warms, w, warm);
	w->warm_until_ns = 0;
}

static void set_hot(struct loop *l, struct loop_fd *w)
{
	struct loop_fd *former = l->hot;

	if (former == w)
		return;
	loop_fd_spin_ends(former);
	l->hot = w;
	if (w)
		cool(w);
	if (w && former && former->fd < 0) {
		former->warm_until_ns = clock_now_ns() + WARM_NS;
		TAILQ_INSERT_TAIL(&l->warms, former, warm);
	}
}

/* Each once, and once more when its time is over. Who has something to do becomes the hottest, and the next has its turn
 * next time. */
void loop_fd_look_at_warm(struct loop *l, uint64_t now)
{
	uint64_t served = l->n_served;
	struct loop_fd *w, *last = TAILQ_LAST(&l->warms, loop_fds);

	while (l->n_served == served && !l->stopped && (w = TAILQ_FIRST(&l->warms))) {
		bool is_over = now >= w->warm_until_ns;

		TAILQ_REMOVE(&l->warms, w, warm);
		TAILQ_INSERT_TAIL(&l->warms, w, warm);
		w->fn(w->ctx, LOOP_READ);
		if (is_over && w == TAILQ_LAST(&l->warms, loop_fds))
			cool(w);
		if (w == last)
			return;
	}
}

void loop_watch_spins(struct loop_fd *w, bool (*fn)(void *ctx, bool spins))
{
	w->spins = fn;
}

int loop_watch_set(struct loop_fd *w, unsigned int what)
{
	assert(!(what & (LOOP_GONE | LOOP_EDGE)) || what == LOOP_GONE || what == LOOP_EDGE);
	if (what == w->what)
		return 0;
	if (w->what)
		event_del(&w->event);
	w->what = 0;
	if (w->loop->hot == w)
		set_hot(w->loop, NULL);
	if (!what)
		return 0;
	if (event_assign(&w->event, w->loop->base, w->fd, events_of(what), on_fd, w) < 0 ||
	    event_add(&w->event, NULL) < 0)
		return -ENOMEM;
	w->what = what;
	return 0;
}

struct loop_fd *loop_watch(struct loop *l, int fd, unsigned int what, bool hot, loop_fd_fn fn,
			   void *ctx)
{
	_cleanup_(mem_freep) struct loop_fd *w = mem_new0(struct loop_fd);

	if (!w)
		return NULL;
	w->loop = l;
	w->fd = fd;
	w->hot = hot;
	w->fn = fn;
	w->ctx = ctx;
	return loop_watch_set(w, what) < 0 ? NULL : STEAL_PTR(w);
}

static void again_clear(struct loop_fd *w)
{
	if (!w->again)
		return;
	w->again = false;
	w->loop->n_agains--;
	TAILQ_REMOVE(&w->loop->agains, w, link);
}

struct loop_fd *loop_unwatch(struct loop_fd *w)
{
	if (!w)
		return NULL;
	w->is_spun = false; /* it is not told any more */
	loop_watch_set(w, 0);
	again_clear(w);
	cool(w);
	return mem_free(w);
}

void loop_again(struct loop_fd *w)
{
	if (w->again)
		return;
	w->again = true;
	w->loop->n_agains++;
	TAILQ_INSERT_TAIL(&w->loop->agains, w, link);
}

void loop_served(struct loop_fd *w)
{
	struct loop *l = w->loop;

	if (!w->hot)
		return;
	set_hot(l, w);
	l->n_served++;
	if (l->asleep_since_ns) {
		uint64_t ns = clock_now_ns() - l->asleep_since_ns;

		polling_slept(&l->spins, ns);
		polling_slept(&l->yields, ns);
	}
	l->asleep_since_ns = 0;
}

void loop_served_late(struct loop_fd *w)
{
	struct loop *l = w->loop;

	if (!w->hot)
		return;
	set_hot(l, w);
	l->n_served++;
	polling_was_late(&l->spins);
	polling_was_late(&l->yields);
	l->asleep_since_ns = 0;
}

void loop_fd_run_agains(struct loop *l)
{
	for (unsigned int n = l->n_agains; n && !TAILQ_EMPTY(&l->agains); n--) {
		struct loop_fd *w = TAILQ_FIRST(&l->agains);

		again_clear(w);
		l->n_events++;
		w->fn(w->ctx, LOOP_READ);
	}
}
