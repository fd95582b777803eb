// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-guard.h"

#include "base/log.h"
#include "memory/guard.h"
#include "vcmd/clock.h"

/* How long one call looks where nothing has come, and how often at most: to be called once more takes as long as some looks at
 * memory that is cached. A look at memory that is not may take that long by itself. */
#define LOOK_NS 250
#define MAX_LOOKS 256
/* Of so many trials the quickest counts: the others were interrupted. */
#define LOOK_TRIALS 4
#define TRIAL_LOOKS 64

/* What goes to a call of the driver, and what comes of it. */
struct args {
	struct driver *driver;
	bool flag, found;
	enum driver_look look;
	enum driver_event event;
	enum stray_state state;
	struct driver_message *message;
	uint32_t src, dst;
	const void *data;
	size_t len;
	unsigned int looks;
	int r;
};

static bool run(struct node_guard *g, void (*body)(void *arg), struct args *a)
{
	a->driver = &g->driver;
	if (!g->lost && guard_run(body, a) == 0)
		return true;
	if (!g->lost) {
		log_error("node %s: its window is not there any more", g->name);
		g->lost = true;
		g->on_lost(g->ctx);
	}
	return false;
}

static void do_prepare(void *arg)
{
	const struct args *a = arg;

	driver_prepare(a->driver);
}

bool node_guard_prepare(struct node_guard *g)
{
	return run(g, do_prepare, &(struct args){ .r = 0 });
}

static unsigned int count_looks(const struct driver *d)
{
	uint64_t best = UINT64_MAX, n;

	for (int trial = 0; trial < LOOK_TRIALS; trial++) {
		uint64_t start = clock_now_ns(), took;

		for (int i = 0; i < TRIAL_LOOKS; i++)
			driver_has_work(d);
		took = clock_now_ns() - start;
		best = took < best ? took : best;
	}
	n = best ? (uint64_t)LOOK_NS * TRIAL_LOOKS / best : MAX_LOOKS;
	if (n > MAX_LOOKS)
		return MAX_LOOKS;
	return n ? (unsigned int)n : 1;
}

static void begin(struct args *a)
{
	driver_set_polled(a->driver, a->flag);
	a->looks = count_looks(a->driver);
}

static void do_probe(void *arg)
{
	struct args *a = arg;

	a->flag = driver_probe(a->driver);
}

bool node_guard_probe(struct node_guard *g)
{
	struct args a = { .r = 0 };
	bool there = run(g, do_probe, &a);

	g->stay = there && a.flag ? NODE_STAY_FORMER : NODE_STAY_NO;
	return there;
}

static void do_doubt(void *arg)
{
	const struct args *a = arg;

	stray_doubt(a->driver);
}

bool node_guard_doubt(struct node_guard *g)
{
	bool there = run(g, do_doubt, &(struct args){ .r = 0 });

	g->stay = there ? NODE_STAY_DOUBTED : NODE_STAY_NO;
	return there;
}

static void do_settles(void *arg)
{
	struct args *a = arg;

	a->state = stray_settles(a->driver);
}

bool node_guard_settles(struct node_guard *g)
{
	struct args a = { .state = STRAY_ABSENT };

	if (g->stay != NODE_STAY_DOUBTED)
		return true;
	run(g, do_settles, &a);
	if (a.state == STRAY_ABSENT)
		g->stay = NODE_STAY_NO;
	return a.state != STRAY_MOVES;
}

static void do_start(void *arg)
{
	struct args *a = arg;

	driver_start(a->driver);
	begin(a);
	a->found = false;
}

static void do_resume(void *arg)
{
	struct args *a = arg;

	if (!driver_resume(a->driver)) {
		do_start(a);
		return;
	}
	a->src = driver_last_peer(a->driver, a->dst);
	begin(a);
	a->found = true;
}

static void do_rejoin(void *arg)
{
	struct args *a = arg;

	if (!stray_rejoin(a->driver, a->dst, &a->src)) {
		do_start(a);
		return;
	}
	begin(a);
	a->found = true;
}

bool node_guard_start(struct node_guard *g, bool polled, uint32_t addr, uint32_t *peer)
{
	static void (*const bodies[])(void *arg) = {
		[NODE_STAY_NO] = do_start,
		[NODE_STAY_FORMER] = do_resume,
		[NODE_STAY_DOUBTED] = do_rejoin,
	};
	struct args a = { .flag = polled, .src = RPMSG_ADDR_ANY, .dst = addr };
	bool went_on;

	g->lost = false;
	went_on = run(g, bodies[g->stay], &a) && a.found;
	g->stay = NODE_STAY_NO;
	g->looks = a.looks;
	*peer = went_on ? a.src : RPMSG_ADDR_ANY;
	return went_on;
}

static void do_stop(void *arg)
{
	const struct args *a = arg;

	driver_stop(a->driver, a->flag);
}

bool node_guard_stop(struct node_guard *g, bool ask)
{
	return run(g, do_stop, &(struct args){ .flag = ask });
}

static void do_announced(void *arg)
{
	struct args *a = arg;

	a->flag = stray_announced(a->driver);
}

bool node_guard_announced(struct node_guard *g)
{
	struct args a = { .r = 0 };

	return run(g, do_announced, &a) && a.flag;
}

static void do_look(void *arg)
{
	struct args *a = arg;

	a->look = driver_look(a->driver);
}

bool node_guard_look(struct node_guard *g, enum driver_look *out)
{
	struct args a = { .r = 0 };
	bool there = run(g, do_look, &a);

	*out = a.look;
	return there;
}

static void do_find(void *arg)
{
	struct args *a = arg;

	a->flag = driver_is_ours(a->driver) && driver_look(a->driver) != DRIVER_GONE;
}

bool node_guard_find(struct node_guard *g, bool *out)
{
	struct args a = { .r = 0 };
	bool there = run(g, do_find, &a);

	*out = a.flag;
	return there;
}

static void do_next(void *arg)
{
	struct args *a = arg;

	for (unsigned int i = 0; i < a->looks && a->flag && !driver_has_work(a->driver); i++)
		;
	a->look = driver_look(a->driver);
	if (a->look == DRIVER_FINE && a->flag)
		a->event = driver_receive(a->driver, a->message);
	if (!a->driver->stray.took && a->event != DRIVER_NOTHING && a->event != DRIVER_ANNOUNCED)
		stray_heard(a->driver);
	if (a->look == DRIVER_FINE && a->event == DRIVER_NOTHING)
		driver_flush(a->driver);
}

bool node_guard_next(struct node_guard *g, bool wanted, enum driver_look *look,
		     enum driver_event *event, struct driver_message *out)
{
	struct args a = {
		.flag = wanted, .event = DRIVER_NOTHING, .message = out, .looks = g->looks
	};
	bool there = run(g, do_next, &a);

	*look = a.look;
	*event = a.event;
	return there;
}

static void do_send(void *arg)
{
	struct args *a = arg;

	a->r = driver_send(a->driver, a->src, a->dst, a->data, a->len);
	if (a->r == 0 && a->flag && !driver_has_work(a->driver))
		driver_flush(a->driver);
}

bool node_guard_send(struct node_guard *g, uint32_t src, uint32_t dst, const void *data, size_t len,
		     bool show, int *r)
{
	struct args a = { .flag = show, .src = src, .dst = dst, .data = data, .len = len };
	bool there = run(g, do_send, &a);

	*r = a.r;
	return there;
}

static void do_announce(void *arg)
{
	struct args *a = arg;

	a->r = driver_announce(a->driver, a->data, a->src, false);
}

bool node_guard_announce(struct node_guard *g, const char *name, uint32_t addr, int *r)
{
	struct args a = { .data = name, .src = addr };
	bool there = run(g, do_announce, &a);

	*r = a.r;
	return there;
}

static void do_flush(void *arg)
{
	const struct args *a = arg;

	driver_flush(a->driver);
}

bool node_guard_flush(struct node_guard *g)
{
	return run(g, do_flush, &(struct args){ .r = 0 });
}

static void do_set_polled(void *arg)
{
	struct args *a = arg;

	a->flag = driver_set_polled(a->driver, a->flag);
}

bool node_guard_set_polled(struct node_guard *g, bool polled, bool *has_come)
{
	struct args a = { .flag = polled };
	bool there = run(g, do_set_polled, &a);

	*has_come = a.flag;
	return there;
}

static void do_want_room(void *arg)
{
	struct args *a = arg;

	a->flag = driver_want_room(a->driver, a->flag);
}

bool node_guard_want_room(struct node_guard *g, bool want, bool *has_come)
{
	struct args a = { .flag = want };
	bool there = run(g, do_want_room, &a);

	*has_come = a.flag;
	return there;
}
