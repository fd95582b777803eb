// SPDX-License-Identifier: BSD-3-Clause
/*
 * bench/state N...: how long a broker takes to take up N reservations of an earlier one, by what reading the bytes of their
 * journal and inserting as many into an empty graph takes: "restore NS", "read NS", "insert NS" and "bytes N" in a line for
 * each N, medians of rounds. A program of its own for the reason that bench/rooms is one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/range.h"
#include "tests/vcmd/keeper.h"
#include "bench/measure.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "graph/res.h"
#include "graph/vcm.h"
#include "journal/reader.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/journal.h"
#include "vcmd/loop.h"
#include "vcmd/store.h"

#define MAX_ROUNDS 15
#define STORE_MAX 16384
#define REGION_AT UINT64_C(0x10000000)
#define REGION_LEN (UINT64_C(1) << 31)

static struct reason why;

struct run {
	struct loop *loop;
	struct store *store;
	struct broker *broker;
};

static void stop(struct run *r)
{
	broker_free(r->broker);
	store_free(r->store);
	loop_free(r->loop);
	*r = (struct run){ NULL };
}

static int start(struct run *r, struct config *config, struct keeper *k)
{
	r->loop = loop_new(0);
	r->store = r->loop ? store_new(r->loop, true) : NULL;
	if (r->store)
		keeper_hand_over(k, r->store);
	r->broker = r->store ? broker_new(r->loop, config, r->store, &why) : NULL;
	return r->broker ? 0 : -ENOMEM;
}

static struct vcm *region(struct plan *p, struct session *s)
{
	struct vcm *v = NULL;

	plan_begin(p, s->graph, &why);
	if (plan_vcm_create(p, s, 1, REGION_AT, REGION_LEN, &v) < 0) {
		plan_abort(p);
		return NULL;
	}
	return v;
}

/* One vcm and n reservations, a plan each, as requests make them; j NULL: not written down. */
static int reserve_all(struct plan *p, struct session *s, struct journal *j, size_t n)
{
	struct vcm *v = region(p, s);
	struct res *res;
	int r = v ? 0 : -ENOMEM;

	if (r == 0)
		r = journal_plan(j, p, NULL, &why);
	if (v)
		plan_commit(p);
	for (size_t i = 0; i < n && r == 0; i++) {
		plan_begin(p, s->graph, &why);
		r = plan_res_reserve(p, v, (uint32_t)i + 2, SZ_4K, 0, 0, &res);
		if (r < 0) {
			plan_abort(p);
			return r;
		}
		r = journal_plan(j, p, NULL, &why);
		plan_commit(p);
	}
	return r;
}

static int fill(struct broker *b, size_t n)
{
	const struct limits none = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct user *u = user_get(b->graph, 0, &none);
	struct session *s;
	struct client *c;

	if (!u || session_new(b->graph, u, &s, &why) < 0)
		return -ENOMEM;
	c = client_restore(b, s);
	if (!c || journal_session(b->journal, c, &why) < 0)
		return -ENOMEM;
	return reserve_all(&b->plan, s, b->journal, n);
}

/* As fast as they can be read. */
static double read_ns(const struct journal *j, size_t *out_bytes)
{
	size_t n;
	struct journal_chunk *chunks _cleanup_(mem_freep) = journal_chunks(j, &n);
	volatile uint64_t sink;
	uint64_t sum = 0;
	double from = measure_now_ns();

	*out_bytes = 0;
	for (size_t i = 0; chunks && i < n; i++) {
		const uint64_t *words = chunks[i].at;
		size_t end = ((const struct chunk_head *)chunks[i].at)->end[0];

		for (size_t at = 0; at < end / sizeof(*words); at++)
			sum += words[at];
		*out_bytes += end;
	}
	sink = sum;
	(void)sink;
	return measure_now_ns() - from;
}

static void reclaim(struct plan *p, struct session *s)
{
	int more;

	do {
		plan_begin(p, s->graph, &why);
		more = plan_reclaim(p, s, 4096);
		plan_commit(p);
	} while (more > 0);
}

static double insert_ns(size_t n)
{
	const struct limits none = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct graph *g = graph_new((struct range){ SZ_1M, 2 * SZ_1M - 1 });
	struct user *u = g ? user_get(g, 0, &none) : NULL;
	struct plan p = PLAN_NULL;
	struct session *s = NULL;
	double ns = -1, from;

	if (u && session_new(g, u, &s, &why) == 0) {
		from = measure_now_ns();
		if (reserve_all(&p, s, NULL, n) == 0)
			ns = measure_now_ns() - from;
		reclaim(&p, s);
		session_free(s);
	}
	plan_deinit(&p);
	graph_free(g);
	return ns;
}

static int measure(struct config *config, size_t n)
{
	double restore[MAX_ROUNDS], read[MAX_ROUNDS], insert[MAX_ROUNDS];
	size_t rounds = n > 10000 ? 5 : MAX_ROUNDS;
	struct keeper *k = keeper_new(STORE_MAX);
	struct run run = { NULL };
	size_t bytes = 0;
	int r = start(&run, config, k);

	if (r == 0)
		r = fill(run.broker, n);
	for (size_t i = 0; i < rounds && r == 0; i++) {
		read[i] = read_ns(run.broker->journal, &bytes);
		insert[i] = insert_ns(n);
		stop(&run);
		r = start(&run, config, k);
		if (r == 0)
			restore[i] = (double)run.broker->restored.ns;
		if (r == 0 && run.broker->restored.n_objects < n)
			r = -EIO;
	}
	stop(&run);
	keeper_free(k);
	if (r == 0)
		printf("%zu restore %.0f read %.0f insert %.0f bytes %zu\n", n,
		       measure_median(restore, rounds), measure_median(read, rounds),
		       measure_median(insert, rounds), bytes);
	return r;
}

int main(int argc, char **argv)
{
	struct config *config = config_default();
	int r = config ? 0 : -ENOMEM;

	if (config)
		config->memory.stock_len = 0;
	for (int i = 1; i < argc && r == 0; i++)
		r = measure(config, strtoul(argv[i], NULL, 10));
	if (r < 0)
		fprintf(stderr, "bench/state: %d: %s\n", r, why.text);
	config_free(config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
