// SPDX-License-Identifier: BSD-3-Clause
/*
 * A node is a process that has nothing but the window: its calls against an echo over bare rings, and against a client of the
 * Unix socket. vcmd, or what answers the echo, is on one CPU, who asks is on the other.
 */
#include "bench/node.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <vcm/vcm.h>

#include "base/range.h"
#include "bench/asker.h"
#include "bench/beside.h"
#include "bench/daemon.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/ring.h"
#include "bench/worker.h"
#include "proto/op.h"
#include "remote/node.h"

#define DEPTH 8 /* requests on their way at a time, or payloads of the echo */
#define MAX_ROUNDS 32
#define MAX_SAMPLES 2048

/* All -> median ns of one operation. */
enum what {
	DO_CALL,  /* a reservation and its end */
	DO_ASK,   /* where a reservation is: a call that changes nothing */
	DO_PIPED, /* DEPTH reservations at once, and their ends */
	DO_ECHO,
	DO_PIPED_ECHO,
};

static double samples[MAX_SAMPLES];

static double median_of(size_t n, double operations)
{
	return measure_median(samples, n) / operations;
}

/* --- the node, in a worker ---------------------------------------------------------------------------------------- */

static int begin_node(void *ctx)
{
	struct asker *a = ctx;
	int r = asker_open(a);

	return r == 0 ? ring_echo_start(&a->echo, a->echo_cpu, a->spinning, a->request_len,
					a->reply_len) :
			r;
}

static struct vcm_op reserve_op(const struct asker *a, uint32_t handle)
{
	return (struct vcm_op){ .code = OP_RESERVE,
				.handle = handle,
				.on = a->vcm,
				.len = SZ_4K,
				.attr = VCM_READ | VCM_WRITE };
}

/* What vcm_get_dev_addr() asks. */
static int question(struct asker *a)
{
	struct vcm_pending p = { .data = NULL };

	return vcm_node_call(&a->node, &p, &(struct vcm_op){ .code = OP_RES_INFO, .on = a->res });
}

/* n reservations on their way at once, then their ends. */
static int call(struct asker *a, size_t n)
{
	struct vcm_pending p[DEPTH];
	uint32_t handles[DEPTH];
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct vcm_op op = reserve_op(a, handles[i] = vcm_node_new_handle(&a->node));

		p[i] = (struct vcm_pending){ .data = NULL };
		r = vcm_node_submit(&a->node, &p[i], &op);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = vcm_node_finish(&a->node, &p[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = vcm_node_submit(&a->node, &p[i],
				    &(struct vcm_op){ .code = OP_UNRESERVE, .on = handles[i] });
	for (size_t i = 0; i < n && r == 0; i++) {
		r = vcm_node_finish(&a->node, &p[i]);
		vcm_node_free_handle(&a->node, handles[i]);
	}
	return r;
}

static int one(struct asker *a, enum what what)
{
	switch (what) {
	case DO_CALL:
		return call(a, 1);
	case DO_ASK:
		return question(a);
	case DO_PIPED:
		return call(a, DEPTH);
	case DO_ECHO:
		return ring_echo_ask(&a->echo, 1);
	case DO_PIPED_ECHO:
		return ring_echo_ask(&a->echo, DEPTH);
	}
	return -EINVAL;
}

static double operations(enum what what)
{
	static const double n[] = {
		[DO_CALL] = 2, [DO_ASK] = 1, [DO_PIPED] = 2 * DEPTH, [DO_ECHO] = 1, [DO_PIPED_ECHO] = DEPTH
	};

	return n[what];
}

static int run_node(void *ctx, int what, size_t n, double *out)
{
	const struct asker *a = ctx;
	bool echoes = what == DO_ECHO || what == DO_PIPED_ECHO;
	int r = 0;

	if (echoes)
		ring_echo_rest(&a->echo, false);
	for (size_t i = 0; i < n && r == 0; i++) {
		double start = measure_now_ns();

		r = one(ctx, (enum what)what);
		samples[i] = measure_now_ns() - start;
	}
	if (echoes)
		ring_echo_rest(&a->echo, true);
	out[0] = median_of(n, operations((enum what)what));
	return r;
}

/* --- the client of the socket, in another --------------------------------------------------------------------------- */

static struct vcm *client_vcm;

static int begin_client(void *ctx)
{
	const struct asker *a = ctx;

	setenv("VCM_SOCKET", a->daemon->socket, 1);
	setenv("VCM_POLL", a->spinning ? "1" : "0", 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	client_vcm = vcm_create(0x10000000, 0x10000000);
	return client_vcm ? 0 : -ENOMEM;
}

static int run_client(void *ctx _unused_, int what _unused_, size_t n, double *out)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		double start = measure_now_ns();
		struct res *res = vcm_reserve(client_vcm, SZ_4K, VCM_READ | VCM_WRITE);

		r = res ? vcm_unreserve(res) : -ENOMEM;
		samples[i] = measure_now_ns() - start;
	}
	out[0] = median_of(n, 2);
	return r;
}

/* --- the comparison ----------------------------------------------------------------------------------------------- */

enum figure {
	CALL,
	ASK,
	PIPED,
	ECHO,
	PIPED_ECHO,
	SOCKET,
	RATIO,
	ASK_RATIO,
	PIPED_RATIO,
	GAIN,
	N_FIGURES
};

struct rounds {
	double v[N_FIGURES][MAX_ROUNDS];
	size_t n;
};

struct setup {
	struct daemon daemon;
	struct worker node, client;
	struct asker asker;
};

static int setup_start(struct setup *s, bool spinning, const int *cpus)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r;

	plan.bind = cpus[0];
	plan.poll_us = spinning ? 50 : 0;
	plan.node = spinning ? DAEMON_POLLED_NODE : DAEMON_SOCKET_NODE;
	/* What a reservation and its answer are on the wire, with a fragment's header. */
	s->asker = (struct asker){ .daemon = &s->daemon,
				   .spinning = spinning,
				   .echo_cpu = cpus[0],
				   .request_len = 28,
				   .reply_len = 17 };
	r = daemon_start(&s->daemon, &plan);
	if (r == 0)
		r = worker_start(&s->node, &(struct worker_plan){ .cpu = cpus[1],
								  .begin = begin_node,
								  .run = run_node,
								  .ctx = &s->asker });
	if (r == 0)
		r = worker_start(&s->client, &(struct worker_plan){ .cpu = cpus[1],
								    .begin = begin_client,
								    .run = run_client,
								    .ctx = &s->asker });
	/* A client polls only where it sees two CPUs. */
	if (r == 0 && spinning)
		r = measure_pin(s->client.pid, -1);
	return r;
}

static void setup_stop(struct setup *s)
{
	worker_stop(&s->client);
	worker_stop(&s->node);
	daemon_stop(&s->daemon);
}

static int ask(struct worker *w, enum what what, size_t n, double *out)
{
	double values[WORKER_VALUES] = { 0 };
	int r = worker_ask(w, (int)what, n, values);

	*out = values[0];
	return r;
}

static int round_of(struct setup *s, size_t n, struct rounds *all)
{
	double v[N_FIGURES] = { 0 };
	int r = ask(&s->node, DO_ECHO, n, &v[ECHO]);

	if (r == 0)
		r = ask(&s->node, DO_CALL, n, &v[CALL]);
	if (r == 0)
		r = ask(&s->node, DO_ASK, n, &v[ASK]);
	if (r == 0)
		r = ask(&s->node, DO_PIPED_ECHO, n / DEPTH, &v[PIPED_ECHO]);
	if (r == 0)
		r = ask(&s->node, DO_PIPED, n / DEPTH, &v[PIPED]);
	if (r == 0)
		r = ask(&s->client, DO_CALL, n, &v[SOCKET]);
	if (r < 0)
		return r;
	v[RATIO] = v[CALL] / v[ECHO];
	v[ASK_RATIO] = v[ASK] / v[ECHO];
	v[PIPED_RATIO] = v[PIPED] / v[PIPED_ECHO];
	v[GAIN] = v[SOCKET] / v[CALL];
	for (int i = 0; i < N_FIGURES; i++)
		all->v[i][all->n] = v[i];
	all->n++;
	return 0;
}

static int measure(bool spinning, bool quick, const int *cpus, double *m)
{
	struct setup s = { .daemon = DAEMON_NULL, .node = WORKER_NULL, .client = WORKER_NULL };
	struct rounds all = { .n = 0 };
	int r = setup_start(&s, spinning, cpus);

	for (size_t i = 0; i < (quick ? 3 : 15) && r == 0; i++)
		r = round_of(&s, quick ? 256 : MAX_SAMPLES, &all);
	setup_stop(&s);
	for (int i = 0; i < N_FIGURES; i++)
		m[i] = measure_median(all.v[i], all.n);
	return r;
}

static void report(struct report *r, const double *spun, const double *slept)
{
	report_add(
		r, "node.rtt.ratio", spun[RATIO], "x", AT_MOST, 1.5,
		"a reservation from a node by an echo over bare rings, both look, two cores, medians");
	report_add(r, "node.rtt.ask.ratio", spun[ASK_RATIO], "x", AT_MOST, 1.5,
		   "the same of a call that changes nothing (vcm_get_dev_addr)");
	report_note(
		r,
		"looking: reservation %.2f us, question %.2f us, echo %.2f us, over the socket %.2f us",
		spun[CALL] / 1e3, spun[ASK] / 1e3, spun[ECHO] / 1e3, spun[SOCKET] / 1e3);
	report_add(r, "node.rtt.asleep.ratio", slept[RATIO], "x", AT_MOST, 1.5,
		   "a reservation, both asleep until an eventfd rings");
	report_note(r, "asleep: reservation %.2f us, echo %.2f us, over the socket %.2f us",
		    slept[CALL] / 1e3, slept[ECHO] / 1e3, slept[SOCKET] / 1e3);
	report_plain(r, "node.pipelined.ops", 1e9 / spun[PIPED], "op/s",
		     "operations a second, eight requests on their way at a time, both look");
	report_plain(r, "node.pipelined.ratio", spun[PIPED_RATIO], "x",
		     "the same by the echo, eight payloads at a time");
	report_plain(r, "node.socket.gain", spun[GAIN], "x",
		     "a reservation over the Unix socket, polling, by one from a node");
}

int bench_node(struct report *r, bool quick)
{
	double spun[N_FIGURES] = { 0 }, slept[N_FIGURES] = { 0 };
	int cpus[2], ret;

	if (measure_cpus(cpus, 2) < 2) {
		for (int i = 0; i < N_FIGURES; i++)
			spun[i] = slept[i] = NAN;
		report(r, spun, slept);
		return bench_beside(r, quick);
	}
	ret = measure(true, quick, cpus, spun);
	if (ret == 0)
		ret = measure(false, quick, cpus, slept);
	if (ret < 0)
		return ret;
	report(r, spun, slept);
	return bench_beside(r, quick);
}
