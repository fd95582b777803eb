// SPDX-License-Identifier: BSD-3-Clause
#include "bench/ipc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/vcm.h>

#include "base/range.h"
#include "bench/daemon.h"
#include "bench/echo.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "proto/message.h"

#define BATCH 32
#define MAX_ROUNDS 32
#define MAX_SAMPLES 4096

enum what {
	DO_ECHO, /* -> median ns of one */
	DO_CALL, /* a vcm_reserve() or vcm_unreserve(), turn and turn about -> median ns of one */
	DO_ASK,  /* a vcm_get_res_len() -> median ns of one */
	DO_SINGLE, /* n times BATCH calls, one by one: that many reserved, then unreserved -> ns of all */
	DO_BATCH, /* the same calls in batches */
};

struct client {
	const struct daemon *daemon;
	const struct echo *echo; /* or NULL */
	bool is_polling;
	struct vcm *vcm;
	struct res *res; /* that DO_ASK asks for */
};

static double samples[MAX_SAMPLES];

/* --- in the worker ------------------------------------------------------------------------------------------------ */

static int begin(void *ctx)
{
	struct client *c = ctx;

	setenv("VCM_SOCKET", c->daemon->socket, 1);
	setenv("VCM_POLL", c->is_polling ? "1" : "0", 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	c->vcm = vcm_create(0x10000000, 0x10000000);
	c->res = c->vcm ? vcm_reserve(c->vcm, SZ_4K, 0) : NULL;
	return c->res ? 0 : -ENOMEM;
}

static int call(struct client *c, struct res **res)
{
	if (*res) {
		int r = vcm_unreserve(*res);

		*res = NULL;
		return r;
	}
	*res = vcm_reserve(c->vcm, SZ_4K, VCM_READ | VCM_WRITE);
	return *res ? 0 : -ENOMEM;
}

static int one(struct client *c, enum what what, struct res **res)
{
	if (what == DO_ECHO)
		return echo_ask(c->echo);
	if (what == DO_CALL)
		return call(c, res);
	return vcm_get_res_len(c->res) == SZ_4K ? 0 : -EIO;
}

static int run_samples(struct client *c, enum what what, size_t n, double *out)
{
	struct res *res = NULL;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		double start = measure_now_ns();

		r = one(c, what, &res);
		samples[i] = measure_now_ns() - start;
	}
	out[0] = measure_median(samples, n);
	if (res)
		vcm_unreserve(res);
	return r;
}

static int reserve_all(struct client *c, struct res **res)
{
	for (int i = 0; i < BATCH; i++) {
		res[i] = vcm_reserve(c->vcm, SZ_4K, VCM_READ | VCM_WRITE);
		if (!res[i])
			return -ENOMEM;
	}
	return 0;
}

static int unreserve_all(struct res **res)
{
	int r = 0;

	for (int i = 0; i < BATCH && r == 0; i++)
		r = vcm_unreserve(res[i]);
	return r;
}

static int in_batch(struct client *c, struct res **res,
		    int (*fn)(struct client *c, struct res **res))
{
	int r = vcm_batch_begin();

	if (r == 0)
		r = fn(c, res);
	return r == 0 ? vcm_batch_commit(NULL) : r;
}

static int unreserve_of(struct client *c, struct res **res)
{
	(void)c;
	return unreserve_all(res);
}

static int run_throughput(struct client *c, bool batched, size_t n, double *out)
{
	struct res *res[BATCH];
	double start = measure_now_ns();
	int r = 0;

	for (size_t i = 0; i < n / 2 && r == 0; i++) {
		r = batched ? in_batch(c, res, reserve_all) : reserve_all(c, res);
		if (r == 0)
			r = batched ? in_batch(c, res, unreserve_of) : unreserve_all(res);
	}
	out[0] = measure_now_ns() - start;
	return r;
}

static int run(void *ctx, int what, size_t n, double *out)
{
	if (what == DO_SINGLE || what == DO_BATCH)
		return run_throughput(ctx, what == DO_BATCH, n, out);
	return run_samples(ctx, (enum what)what, n < MAX_SAMPLES ? n : MAX_SAMPLES, out);
}

/* --- one core ----------------------------------------------------------------------------------------------------- */

struct rounds {
	double v[8][MAX_ROUNDS];
	size_t n;
};

/* What a reserve and its answer have on the wire. */
static int message_lens(size_t *out_request, size_t *out_reply)
{
	const struct op op = {
		.code = OP_RESERVE, .handle = 1000, .on = 1, .len = SZ_4K, .attr = 0x300, .name = ""
	};
	const struct request request = { .serial = 100000, .ack = 99999, .ops = &op, .n_ops = 1 };
	const uint64_t value = 0x10001000;
	const struct reply reply = { .serial = 100000, .values = &value, .n_values = 1 };
	struct codec *codec = codec_new();
	char buf[256];
	long n, m;

	if (!codec)
		return -ENOMEM;
	n = request_encode(codec, &request, buf, sizeof(buf));
	m = reply_encode(codec, &reply, buf, sizeof(buf));
	codec_free(codec);
	*out_request = (size_t)n;
	*out_reply = (size_t)m;
	return n < 0 || m < 0 ? -EMSGSIZE : 0;
}

/* Each round has all of them, one after the other; ratios are of one round. */
static int same_core_round(struct worker *w, pid_t daemon, size_t n, struct rounds *all)
{
	size_t i = all->n++;
	double echo[WORKER_VALUES], call[WORKER_VALUES], ask[WORKER_VALUES], cpu;
	int r = worker_ask(w, DO_ECHO, n, echo);

	if (r == 0)
		r = worker_ask(w, DO_CALL, n, call);
	if (r == 0)
		r = worker_ask(w, DO_ASK, n, ask);
	all->v[0][i] = echo[0];
	all->v[1][i] = call[0];
	all->v[2][i] = ask[0];
	all->v[3][i] = call[0] / echo[0];
	if (r == 0)
		r = worker_ask(w, DO_SINGLE, n / BATCH, call);
	cpu = measure_cpu_ns(daemon);
	if (r == 0)
		r = worker_ask(w, DO_BATCH, n / 2, ask);
	cpu = measure_cpu_ns(daemon) - cpu;
	all->v[4][i] = call[0] / (double)(n / BATCH * BATCH);
	all->v[5][i] = ask[0] / (double)(n / 2 * BATCH);
	all->v[6][i] = all->v[4][i] / all->v[5][i];
	all->v[7][i] = cpu / (double)(n / 2 * BATCH);
	return r;
}

static void report_same_core(struct report *r, struct rounds *a, size_t request_len,
			     size_t reply_len)
{
	double m[8];

	for (int i = 0; i < 8; i++)
		m[i] = measure_median(a->v[i], a->n);
	report_add(
		r, "ipc.sync.ratio", m[3], "x", AT_MOST, 1.4,
		"vcm_reserve/vcm_unreserve by a bare SEQPACKET echo of the same size, one core, medians");
	report_note(r,
		    "one core: call %.1f us, question %.1f us, echo of %zu and %zu bytes %.1f us",
		    m[1] / 1e3, m[2] / 1e3, request_len, reply_len, m[0] / 1e3);
	report_add(r, "ipc.batch32.gain", m[6], "x", AT_LEAST, 12,
		   "operations a second in batches of 32 by one by one, one core");
	report_note(r,
		    "one core: %.2f us an operation in batches, %.1f us one by one, both processes",
		    m[5] / 1e3, m[4] / 1e3);
	report_add(r, "ipc.batch32.ops", 1e9 / m[7], "op/s", AT_LEAST, 1e6,
		   "operations by CPU time of vcmd, in batches of 32");
	report_note(r, "%.0f ns of vcmd's CPU time an operation", m[7]);
}

static int same_core(struct report *r, bool quick, int cpu)
{
	struct daemon daemon = DAEMON_NULL;
	struct echo echo = ECHO_NULL;
	struct worker w = WORKER_NULL;
	struct client c = { .daemon = &daemon, .echo = &echo };
	struct daemon_plan plan = DAEMON_PLAN;
	struct rounds all = { .n = 0 };
	size_t request_len = 0, reply_len = 0;
	int ret = message_lens(&request_len, &reply_len);

	plan.cpu = cpu;
	if (ret == 0)
		ret = daemon_start(&daemon, &plan);
	if (ret == 0)
		ret = echo_start(&echo, cpu, request_len, reply_len);
	if (ret == 0)
		ret = worker_start(&w, &(struct worker_plan){
					       .cpu = cpu, .begin = begin, .run = run, .ctx = &c });
	for (size_t i = 0; i < (quick ? 3 : 25) && ret == 0; i++)
		ret = same_core_round(&w, daemon.pid, quick ? 256 : 2048, &all);
	if (ret == 0)
		report_same_core(r, &all, request_len, reply_len);
	worker_stop(&w);
	echo_stop(&echo);
	daemon_stop(&daemon);
	return ret;
}

/* --- two cores ---------------------------------------------------------------------------------------------------- */

struct pair {
	struct daemon daemon;
	struct worker worker;
	struct client client;
};

/*
 * vcmd stays on the first CPU. Asleep, its client is bound to the second; a polling one must see two CPUs, or it does not
 * poll, and stays where it is by itself, since the other is never free.
 */
static int pair_start(struct pair *p, bool is_polling, const int *cpus)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r;

	plan.bind = cpus[0];
	plan.poll_us = is_polling ? 50 : 0;
	p->client = (struct client){ .daemon = &p->daemon, .is_polling = is_polling };
	r = daemon_start(&p->daemon, &plan);
	if (r == 0)
		r = worker_start(&p->worker, &(struct worker_plan){ .cpu = cpus[1],
								    .begin = begin,
								    .run = run,
								    .ctx = &p->client });
	if (r == 0 && is_polling)
		r = measure_pin(p->worker.pid, -1);
	return r;
}

static void pair_stop(struct pair *p)
{
	worker_stop(&p->worker);
	daemon_stop(&p->daemon);
}

static int two_cores(struct report *r, bool quick, const int *cpus)
{
	struct pair asleep = { .worker = WORKER_NULL }, polling = { .worker = WORKER_NULL };
	double a[WORKER_VALUES], b[WORKER_VALUES];
	struct rounds all = { .n = 0 };
	size_t n = quick ? 256 : 2048;
	int ret = pair_start(&asleep, false, cpus);

	if (ret == 0)
		ret = pair_start(&polling, true, cpus);
	for (size_t i = 0; i < (quick ? 3 : 15) && ret == 0; i++, all.n++) {
		ret = worker_ask(&asleep.worker, DO_CALL, n, a);
		if (ret == 0)
			ret = worker_ask(&polling.worker, DO_CALL, n, b);
		all.v[0][i] = a[0];
		all.v[1][i] = b[0];
		all.v[2][i] = a[0] / b[0];
	}
	pair_stop(&polling);
	pair_stop(&asleep);
	if (ret < 0)
		return ret;
	report_add(r, "ipc.poll.gain", measure_median(all.v[2], all.n), "x", AT_LEAST, 8,
		   "vcm_reserve/vcm_unreserve without polling by with it, two cores, medians");
	report_note(r, "two cores: call %.1f us asleep, %.1f us polling",
		    measure_median(all.v[0], all.n) / 1e3, measure_median(all.v[1], all.n) / 1e3);
	return 0;
}

int bench_ipc(struct report *r, bool quick)
{
	int cpus[2], ret;
	size_t n = measure_cpus(cpus, 2);

	ret = same_core(r, quick, cpus[n - 1]);
	if (ret < 0)
		return ret;
	if (n == 2)
		return two_cores(r, quick, cpus);
	report_plain(r, "ipc.poll.gain", NAN, "x", "not measured: this machine has one CPU");
	return 0;
}
