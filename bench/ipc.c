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
#include "tests/vcmd/keeper.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "proto/message.h"

#define BATCH 32
#define LIVE 1024
#define KEPT_MAX 16384
#define MAX_ROUNDS 32
#define MAX_SAMPLES 4096

/* All -> median ns of one operation. */
enum what {
	DO_ECHO,
	DO_ECHO_POLLING,
	DO_CALL,  /* a vcm_reserve() and a vcm_unreserve() */
	DO_ASK,   /* a vcm_get_res_len() */
	DO_BATCH, /* a batch of BATCH vcm_reserve() and one of as many vcm_unreserve() */
};

struct client {
	const struct daemon *daemon;
	const struct echo *echo, *polling_echo; /* or NULL */
	bool is_polling;
	struct vcm *vcm;
	struct res *res; /* that DO_ASK asks for */
};

static double samples[MAX_SAMPLES];

/* --- in the worker ------------------------------------------------------------------------------------------------ */

/* A region in use: LIVE reservations, and between them as many holes. */
static int populate(struct client *c)
{
	struct res *res[2 * LIVE];
	int r = 0;

	for (int i = 0; i < 2 * LIVE; i++) {
		res[i] = vcm_reserve(c->vcm, SZ_4K, VCM_READ | VCM_WRITE);
		if (!res[i])
			return -ENOMEM;
	}
	for (int i = 0; i < 2 * LIVE && r == 0; i += 2)
		r = vcm_unreserve(res[i]);
	c->res = res[1];
	return r;
}

static int begin(void *ctx)
{
	struct client *c = ctx;

	setenv("VCM_SOCKET", c->daemon->socket, 1);
	setenv("VCM_POLL", c->is_polling ? "1" : "0", 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	c->vcm = vcm_create(0x10000000, 0x10000000);
	return c->vcm ? populate(c) : -ENOMEM;
}

static int call(struct client *c)
{
	struct res *res = vcm_reserve(c->vcm, SZ_4K, VCM_READ | VCM_WRITE);

	return res ? vcm_unreserve(res) : -ENOMEM;
}

static int reserve_all(struct client *c, struct res **res)
{
	int r = vcm_batch_begin();

	for (int i = 0; i < BATCH && r == 0; i++) {
		res[i] = vcm_reserve(c->vcm, SZ_4K, VCM_READ | VCM_WRITE);
		r = res[i] ? 0 : -ENOMEM;
	}
	return r == 0 ? vcm_batch_commit(NULL) : r;
}

static int unreserve_all(struct res **res)
{
	int r = vcm_batch_begin();

	for (int i = 0; i < BATCH && r == 0; i++)
		r = vcm_unreserve(res[i]);
	return r == 0 ? vcm_batch_commit(NULL) : r;
}

static int batch(struct client *c)
{
	struct res *res[BATCH];
	int r = reserve_all(c, res);

	return r == 0 ? unreserve_all(res) : r;
}

static int one(struct client *c, enum what what)
{
	switch (what) {
	case DO_ECHO:
		return echo_ask(c->echo);
	case DO_ECHO_POLLING:
		return echo_ask(c->polling_echo);
	case DO_CALL:
		return call(c);
	case DO_ASK:
		return vcm_get_res_len(c->res) == SZ_4K ? 0 : -EIO;
	case DO_BATCH:
		return batch(c);
	}
	return -EINVAL;
}

static double operations(enum what what)
{
	return what == DO_CALL ? 2 : what == DO_BATCH ? 2 * BATCH : 1;
}

static int run(void *ctx, int what, size_t n, double *out)
{
	int r = 0;

	if (n > MAX_SAMPLES)
		n = MAX_SAMPLES;
	for (size_t i = 0; i < n && r == 0; i++) {
		double start = measure_now_ns();

		r = one(ctx, (enum what)what);
		samples[i] = measure_now_ns() - start;
	}
	out[0] = measure_median(samples, n) / operations((enum what)what);
	return r;
}

/* --- one core ----------------------------------------------------------------------------------------------------- */

/* What each round gave; ratios are of one round. */
enum figure { ECHO, CALL, ASK, PACKED, SYNC_RATIO, GAIN, SERVER, N_FIGURES };

struct rounds {
	double v[N_FIGURES][MAX_ROUNDS];
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

static int ask(struct worker *w, enum what what, size_t n, double *out)
{
	double values[WORKER_VALUES] = { 0 };
	int r = worker_ask(w, (int)what, n, values);

	*out = values[0];
	return r;
}

static int same_core_round(struct worker *w, pid_t daemon, size_t n, struct rounds *all)
{
	double v[N_FIGURES] = { 0 }, cpu;
	int r = ask(w, DO_ECHO, n, &v[ECHO]);

	if (r == 0)
		r = ask(w, DO_CALL, n, &v[CALL]);
	if (r == 0)
		r = ask(w, DO_ASK, n, &v[ASK]);
	cpu = measure_cpu_ns(daemon);
	if (r == 0)
		r = ask(w, DO_BATCH, n, &v[PACKED]);
	if (r < 0)
		return r;
	v[SERVER] = (measure_cpu_ns(daemon) - cpu) / ((double)n * operations(DO_BATCH));
	v[SYNC_RATIO] = v[CALL] / v[ECHO];
	v[GAIN] = v[CALL] / v[PACKED];
	for (int i = 0; i < N_FIGURES; i++)
		all->v[i][all->n] = v[i];
	all->n++;
	return 0;
}

static void report_same_core(struct report *r, struct rounds *a, size_t request_len,
			     size_t reply_len)
{
	double m[N_FIGURES];

	for (int i = 0; i < N_FIGURES; i++)
		m[i] = measure_median(a->v[i], a->n);
	report_add(
		r, "ipc.sync.ratio", m[SYNC_RATIO], "x", AT_MOST, 1.4,
		"vcm_reserve and vcm_unreserve by a bare SEQPACKET echo of the same size, one core, medians");
	report_note(r,
		    "one core: call %.2f us, question %.2f us, echo of %zu and %zu bytes %.2f us",
		    m[CALL] / 1e3, m[ASK] / 1e3, request_len, reply_len, m[ECHO] / 1e3);
	report_add(r, "ipc.batch32.gain", m[GAIN], "x", AT_LEAST, 12,
		   "operations a second in batches of 32 by one by one, one core, medians");
	report_note(r,
		    "one core: %.2f us an operation in batches, %.2f us one by one, both processes",
		    m[PACKED] / 1e3, m[CALL] / 1e3);
	report_add(r, "ipc.batch32.ops", 1e9 / m[SERVER], "op/s", AT_LEAST, 1e6,
		   "operations by CPU time of vcmd, in batches of 32");
	report_note(r, "%.0f ns of vcmd's CPU time an operation", m[SERVER]);
}

static void report_journal(struct report *r, struct rounds *a)
{
	report_add(
		r, "journal.sync.ratio", measure_median(a->v[SYNC_RATIO], a->n), "x", AT_MOST, 1.5,
		"the same with a journal that outlives the daemon: vcm_reserve and vcm_unreserve by the echo");
	report_note(r, "one core: call %.2f us, echo %.2f us; in batches %.2f us an operation",
		    measure_median(a->v[CALL], a->n) / 1e3, measure_median(a->v[ECHO], a->n) / 1e3,
		    measure_median(a->v[PACKED], a->n) / 1e3);
}

/* kept: with a journal, for which there is one figure. */
static int same_core(struct report *r, bool quick, int cpu, bool kept)
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
	plan.kept = kept;
	if (ret == 0)
		ret = daemon_start(&daemon, &plan);
	if (ret == 0)
		ret = echo_start(&echo, cpu, false, request_len, reply_len);
	if (ret == 0)
		ret = worker_start(&w, &(struct worker_plan){
					       .cpu = cpu, .begin = begin, .run = run, .ctx = &c });
	for (size_t i = 0; i < (quick ? 3 : 25) && ret == 0; i++)
		ret = same_core_round(&w, daemon.pid, quick ? 256 : 2048, &all);
	if (ret == 0 && kept)
		report_journal(r, &all);
	else if (ret == 0)
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
 * vcmd stays on the first CPU, its client on the second.
 */
static int pair_start(struct pair *p, bool is_polling, const struct echo *echos, const int *cpus)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r;

	plan.bind = cpus[0];
	plan.poll_us = is_polling ? 50 : 0;
	p->client = (struct client){ .daemon = &p->daemon,
				     .echo = &echos[0],
				     .polling_echo = &echos[1],
				     .is_polling = is_polling };
	r = daemon_start(&p->daemon, &plan);
	if (r == 0)
		r = worker_start(&p->worker, &(struct worker_plan){ .cpu = cpus[1],
								    .begin = begin,
								    .run = run,
								    .ctx = &p->client });
	return r;
}

static void pair_stop(struct pair *p)
{
	worker_stop(&p->worker);
	daemon_stop(&p->daemon);
}

/* What is done asleep and polling, in rounds that take turns. */
struct gain {
	double slept[MAX_ROUNDS], polled[MAX_ROUNDS], gain[MAX_ROUNDS];
};

static int gain_round(struct gain *g, size_t i, size_t n, struct worker *slow, enum what slow_what,
		      struct worker *quick, enum what quick_what)
{
	int r = ask(slow, slow_what, n / 2, &g->slept[i]);

	if (r == 0)
		r = ask(quick, quick_what, n, &g->polled[i]);
	g->gain[i] = g->slept[i] / g->polled[i];
	return r;
}

static void report_gain(struct report *r, struct gain *call, struct gain *echo, size_t n)
{
	report_add(r, "ipc.poll.gain", measure_median(call->gain, n), "x", AT_LEAST, 8,
		   "vcm_reserve and vcm_unreserve without polling by with it, two cores, medians");
	report_plain(r, "ipc.poll.echo.gain", measure_median(echo->gain, n), "x",
		     "the same of the bare echo: what polling gains on this machine at most");
	report_note(r, "two cores: call %.1f us asleep, %.1f us polling; echo %.1f and %.1f us",
		    measure_median(call->slept, n) / 1e3, measure_median(call->polled, n) / 1e3,
		    measure_median(echo->slept, n) / 1e3, measure_median(echo->polled, n) / 1e3);
}

static int echos_start(struct echo *echos, int cpu)
{
	size_t request_len = 0, reply_len = 0;
	int r = message_lens(&request_len, &reply_len);

	for (int polls = 0; polls < 2 && r == 0; polls++)
		r = echo_start(&echos[polls], cpu, polls, request_len, reply_len);
	return r;
}

static int two_cores(struct report *r, bool quick, const int *cpus)
{
	static struct gain call, echo;
	struct echo echos[2] = { ECHO_NULL, ECHO_NULL };
	struct pair asleep = { .worker = WORKER_NULL }, polling = { .worker = WORKER_NULL };
	struct worker *bound = &asleep.worker;
	size_t n = quick ? 256 : 2048, n_rounds = quick ? 3 : 15;
	int ret = echos_start(echos, cpus[0]);

	if (ret == 0)
		ret = pair_start(&asleep, false, echos, cpus);
	if (ret == 0)
		ret = pair_start(&polling, true, echos, cpus);
	for (size_t i = 0; i < n_rounds && ret == 0; i++) {
		ret = gain_round(&call, i, n, bound, DO_CALL, &polling.worker, DO_CALL);
		if (ret == 0)
			ret = gain_round(&echo, i, n, bound, DO_ECHO, bound, DO_ECHO_POLLING);
	}
	pair_stop(&polling);
	pair_stop(&asleep);
	echo_stop(&echos[0]);
	echo_stop(&echos[1]);
	if (ret == 0)
		report_gain(r, &call, &echo, n_rounds);
	return ret;
}

static int with_journal(struct report *r, bool quick, int cpu)
{
	struct keeper *k = keeper_new(KEPT_MAX);
	int ret = same_core(r, quick, cpu, true);

	keeper_free(k);
	return ret;
}

int bench_ipc(struct report *r, bool quick)
{
	int cpus[2], ret;
	size_t n = measure_cpus(cpus, 2);

	ret = same_core(r, quick, cpus[n - 1], false);
	if (ret == 0)
		ret = with_journal(r, quick, cpus[n - 1]);
	if (ret < 0)
		return ret;
	if (n == 2)
		return two_cores(r, quick, cpus);
	report_plain(r, "ipc.poll.gain", NAN, "x", "not measured: this machine has one CPU");
	report_plain(r, "ipc.poll.echo.gain", NAN, "x", "not measured: this machine has one CPU");
	return 0;
}
