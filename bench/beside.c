// SPDX-License-Identifier: BSD-3-Clause
/*
 * A client of the socket beside a node that keeps vcmd as busy as it can. With two CPUs, of which vcmd has one, a client and a
 * node that run side by side would measure the scheduler: so one process is both. Before each call over the socket, which
 * looks for its answer as vcmd looks for requests, it puts as many requests into the node's ring as that holds. What a flood
 * without an end could do more is nothing: vcmd takes so many of them, and has a look at everybody else.
 */
#include "bench/beside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <vcm/vcm.h>

#include "base/range.h"
#include "bench/asker.h"
#include "bench/daemon.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "proto/op.h"

#define FULL 16 /* requests that the node's ring holds */
#define MAX_ROUNDS 32
#define MAX_SAMPLES 1024

/* Behind nothing, behind one request of the node's, behind as many as there can be. */
enum what { ALONE, BEHIND_ONE, BEHIND_ALL, N_WHATS };

static const size_t depths[] = { [ALONE] = 0, [BEHIND_ONE] = 1, [BEHIND_ALL] = FULL };

static double samples[MAX_SAMPLES];
static struct vcm *client_vcm;

/* --- the node and the client, in a worker --------------------------------------------------------------------------- */

static int begin(void *ctx)
{
	struct asker *a = ctx;
	int r = asker_open(a);

	if (r < 0)
		return r;
	setenv("VCM_SOCKET", a->daemon->socket, 1);
	setenv("VCM_POLL", "1", 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	client_vcm = vcm_create(0x10000000, 0x10000000);
	return client_vcm ? 0 : -ENOMEM;
}

/* The node's requests go first; what they cost the node itself is not counted. */
static int call_behind(struct vcm_node *n, size_t depth, double *out_ns)
{
	struct vcm_pending p[FULL] = { { .data = NULL } };
	struct res *res;
	double start;
	int r = 0;

	for (size_t i = 0; i < depth && r == 0; i++)
		r = vcm_node_submit(n, &p[i], &(struct vcm_op){ .code = OP_PING });
	start = measure_now_ns();
	res = r == 0 ? vcm_reserve(client_vcm, SZ_4K, VCM_READ | VCM_WRITE) : NULL;
	*out_ns = measure_now_ns() - start;
	for (size_t i = 0; i < depth && r == 0; i++)
		r = vcm_node_finish(n, &p[i]);
	if (r == 0)
		r = res ? vcm_unreserve(res) : -ENOMEM;
	return r;
}

static int run(void *ctx, int what, size_t n, double *out)
{
	struct asker *a = ctx;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = call_behind(&a->node, depths[what], &samples[i]);
	out[0] = measure_median(samples, n);
	return r;
}

/* --- the comparison ----------------------------------------------------------------------------------------------- */

struct setup {
	struct daemon daemon;
	struct worker worker;
	struct asker asker;
};

static int setup_start(struct setup *s, const int *cpus)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r;

	plan.bind = cpus[0];
	plan.poll_us = 50;
	plan.node = DAEMON_POLLED_NODE;
	s->asker = (struct asker){ .daemon = &s->daemon, .spinning = true };
	r = daemon_start(&s->daemon, &plan);
	return r == 0 ? worker_start(&s->worker, &(struct worker_plan){ .cpu = cpus[1],
									.begin = begin,
									.run = run,
									.ctx = &s->asker }) :
			r;
}

static int measure(struct setup *s, size_t n_rounds, size_t n, double *m)
{
	double v[N_WHATS + 1][MAX_ROUNDS] = { { 0 } };
	int r = 0;

	for (size_t i = 0; i < n_rounds && r == 0; i++) {
		for (int what = 0; what < N_WHATS && r == 0; what++) {
			double values[WORKER_VALUES] = { 0 };

			r = worker_ask(&s->worker, what, n, values);
			v[what][i] = values[0];
		}
		v[N_WHATS][i] = fmax(v[BEHIND_ONE][i], v[BEHIND_ALL][i]) / v[ALONE][i];
	}
	for (int i = 0; i <= N_WHATS && r == 0; i++)
		m[i] = measure_median(v[i], n_rounds);
	return r;
}

int bench_beside(struct report *r, bool quick)
{
	struct setup s = { .daemon = DAEMON_NULL, .worker = WORKER_NULL };
	double m[N_WHATS + 1] = { NAN, NAN, NAN, NAN };
	int cpus[2], ret = 0;

	if (measure_cpus(cpus, 2) == 2) {
		ret = setup_start(&s, cpus);
		if (ret == 0)
			ret = measure(&s, quick ? 3 : 15, quick ? 64 : MAX_SAMPLES, m);
		worker_stop(&s.worker);
		daemon_stop(&s.daemon);
	}
	if (ret < 0)
		return ret;
	report_add(
		r, "node.beside.ratio", m[N_WHATS], "x", AT_MOST, 2,
		"a call over the socket behind a node's full ring by one alone, both look, medians");
	report_note(r, "alone %.2f us, behind one request of a node %.2f us, behind %d %.2f us",
		    m[ALONE] / 1e3, m[BEHIND_ONE] / 1e3, FULL, m[BEHIND_ALL] / 1e3);
	return 0;
}
