// SPDX-License-Identifier: BSD-3-Clause
#include "bench/graph.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "graph/alias.h"
#include "graph/avcm.h"
#include "graph/device.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/vcm.h"

#define ROUNDS 9
#define ROUND_PAIRS 50000
#define FILLS 101 /* the first failure is a matter of luck */
#define SZ_1G (UINT64_C(1) << 30)
#define WINDOW (UINT64_C(1) << 40)
#define VCM_HANDLE 1
#define FIRST_HANDLE 2
#define AVCM_HANDLE 2

struct churn {
	struct graph *graph;
	struct session *session;
	struct vcm *vcm;
	struct plan plan;
	size_t n_live; /* reservations, whose handles are FIRST_HANDLE and those after it */
	uint64_t rng, bytes;
	bool fake;
};

static uint64_t rnd(struct churn *c)
{
	c->rng ^= c->rng << 13;
	c->rng ^= c->rng >> 7;
	c->rng ^= c->rng << 17;
	return c->rng;
}

static size_t rnd_below(struct churn *c, size_t n)
{
	return (size_t)(((rnd(c) >> 32) * n) >> 32);
}

static uint64_t rnd_len(struct churn *c)
{
	/* one minus the sums of the geometric series, of 2^16 */
	static const uint16_t above[] = { 40587, 25119, 15528, 9582, 5896, 3610,
					  2193,  1314,  769,   432,  222,  92 };
	uint64_t r = (rnd(c) >> 16) & 0xffff;
	unsigned int k = 0;

	while (k < 12 && r < above[k])
		k++;
	return SZ_4K << k;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may run in between */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool finish(struct churn *c, int r)
{
	if (r == 0)
		plan_commit(&c->plan);
	else
		plan_abort(&c->plan);
	return r == 0;
}

static bool reserve(struct churn *c, uint32_t handle)
{
	uint64_t len = rnd_len(c);
	struct res *r;

	if (c->fake)
		return true;
	plan_begin(&c->plan, c->graph, NULL);
	if (!finish(c, plan_res_reserve(&c->plan, c->vcm, handle, len, 0, 0, &r)))
		return false;
	c->bytes += len;
	return true;
}

static void unreserve(struct churn *c, uint32_t handle)
{
	struct res *r;

	if (c->fake)
		return;
	r = (struct res *)session_find(c->session, handle, OBJECT_RES, NULL);
	c->bytes -= r->len;
	plan_begin(&c->plan, c->graph, NULL);
	if (!finish(c, plan_res_unreserve(&c->plan, r)))
		abort();
}

static bool churn_init(struct churn *c, uint64_t start, uint64_t len)
{
	static const struct limits limits = { UINT64_MAX, UINT64_MAX, 1, 0, UINT64_MAX };
	struct user *user;

	*c = (struct churn){ .rng = UINT64_C(0x2545f4914f6cdd1d) };
	c->graph = graph_new((struct range){ SZ_1G, 2 * SZ_1G - 1 });
	user = c->graph ? user_get(c->graph, 0, &limits) : NULL;
	if (!user || session_new(c->graph, user, &c->session, NULL) < 0)
		return false;
	plan_begin(&c->plan, c->graph, NULL);
	return finish(c, plan_vcm_create(&c->plan, c->session, VCM_HANDLE, start, len, &c->vcm));
}

static void churn_deinit(struct churn *c)
{
	int r;

	for (r = c->session ? 1 : 0; r == 1;) {
		plan_begin(&c->plan, c->graph, NULL);
		r = plan_reclaim(&c->plan, c->session, 1000);
		if (!finish(c, r < 0 ? r : 0))
			abort();
	}
	session_free(c->session);
	graph_free(c->graph);
	plan_deinit(&c->plan);
}

static bool churn_pairs(struct churn *c, size_t n)
{
	for (; n; n--) {
		uint32_t handle = FIRST_HANDLE + (uint32_t)rnd_below(c, c->n_live);

		unreserve(c, handle);
		if (!reserve(c, handle))
			return false;
	}
	return true;
}

/* Filled to n_live and mixed, so that holes are where they are in the long run. */
static bool churn_settle(struct churn *c, size_t n_live)
{
	for (; c->n_live < n_live; c->n_live++)
		if (!reserve(c, FIRST_HANDLE + (uint32_t)c->n_live))
			return false;
	return churn_pairs(c, 2 * n_live);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static double pair_ns(size_t n_live, bool fake)
{
	struct churn c;
	double ns[ROUNDS], r = -1;

	if (churn_init(&c, SZ_4K, (UINT64_C(1) << 47) - SZ_4K)) {
		c.fake = fake;
		if (churn_settle(&c, n_live)) {
			for (size_t i = 0; i < ROUNDS; i++) {
				uint64_t start = now_ns();

				if (!churn_pairs(&c, ROUND_PAIRS))
					abort();
				ns[i] = (double)(now_ns() - start) / ROUND_PAIRS;
			}
			r = median(ns, ROUNDS);
		}
	}
	churn_deinit(&c);
	return r;
}

double bench_graph_pair_ns(size_t n_live)
{
	return pair_ns(n_live, false);
}

double bench_graph_driver_ns(size_t n_live)
{
	return pair_ns(n_live, true);
}

/* Page i of the window, mapped at a reservation of its own. */
static bool map_page(struct churn *c, size_t i)
{
	uint32_t handle = 3 + 2 * (uint32_t)i;
	struct physmem *m;
	struct res *r;
	int ret;

	plan_begin(&c->plan, c->graph, NULL);
	ret = plan_physmem_map(&c->plan, c->session, handle, WINDOW + i * SZ_4K, SZ_4K);
	if (ret == 0)
		ret = plan_res_reserve(&c->plan, c->vcm, handle + 1, SZ_4K, 0, 0, &r);
	m = (struct physmem *)session_find(c->session, handle, OBJECT_PHYSMEM, NULL);
	if (ret == 0)
		ret = plan_res_back(&c->plan, r, m);
	return finish(c, ret);
}

static bool map_window(struct churn *c, size_t n)
{
	static const struct format format = { .name = "4k", .page_sizes = SZ_4K, .va_bits = 47 };
	const struct device_config config = { .name = "context",
					      .kind = DEVICE_IOMMU,
					      .format = &format };
	struct range window = { WINDOW, WINDOW + n * SZ_4K - 1 };
	struct device *d;
	int r;

	if (graph_add_window(c->graph, window) < 0 || device_new(c->graph, &config, &d) < 0)
		return false;
	plan_begin(&c->plan, c->graph, NULL);
	r = plan_avcm_assoc(&c->plan, c->vcm, AVCM_HANDLE, d, 0);
	if (r == 0)
		r = plan_avcm_activate(
			&c->plan,
			(struct avcm *)session_find(c->session, AVCM_HANDLE, OBJECT_AVCM, NULL), 0);
	if (!finish(c, r))
		return false;
	for (c->n_live = 0; c->n_live < n; c->n_live++)
		if (!map_page(c, c->n_live))
			return false;
	return true;
}

static double look_ups(struct churn *c)
{
	uint64_t start = now_ns(), addr;

	for (size_t i = 0; i < ROUND_PAIRS; i++) {
		uint64_t pa = WINDOW + rnd_below(c, c->n_live) * SZ_4K;

		if (!graph_next_res_of_pa(c->graph, c->session, pa, NULL) ||
		    vcm_addr_of_pa(c->graph, c->vcm, pa, &addr) < 0)
			abort();
	}
	return (double)(now_ns() - start) / ROUND_PAIRS;
}

double bench_graph_reverse_ns(size_t n_aliases)
{
	double ns[ROUNDS], r = -1;
	struct churn c;

	if (churn_init(&c, SZ_1G, SZ_1G) && map_window(&c, n_aliases)) {
		for (size_t i = 0; i < ROUNDS; i++)
			ns[i] = look_ups(&c);
		r = median(ns, ROUNDS);
	}
	churn_deinit(&c);
	return r;
}

/* handles: those of the n_live reservations, then free ones. */
static void fill(struct churn *c, const uint32_t *handles)
{
	while (reserve(c, handles[c->n_live]))
		c->n_live++;
}

static void empty_half(struct churn *c, uint32_t *handles)
{
	while (c->bytes > SZ_1G / 2) {
		size_t i = rnd_below(c, c->n_live--);
		uint32_t handle = handles[i];

		unreserve(c, handle);
		handles[i] = handles[c->n_live];
		handles[c->n_live] = handle;
	}
}

double bench_graph_packing(void)
{
	const size_t most = SZ_1G / SZ_4K + 1;
	uint32_t *handles = calloc(most, sizeof(*handles));
	double full[FILLS], r = -1;
	struct churn c;

	if (churn_init(&c, SZ_1G, SZ_1G) && handles) {
		for (size_t i = 0; i < most; i++)
			handles[i] = FIRST_HANDLE + (uint32_t)i;
		for (size_t i = 0; i < FILLS; i++) {
			fill(&c, handles);
			full[i] = (double)c.bytes / (double)SZ_1G;
			empty_half(&c, handles);
		}
		r = median(full, FILLS);
	}
	churn_deinit(&c);
	free(handles);
	return r;
}

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

double bench_graph_bytes_per_res(size_t n)
{
	size_t before = heap_bytes();
	struct churn c;
	double r = -1;

	if (churn_init(&c, SZ_4K, (UINT64_C(1) << 47) - SZ_4K) && churn_settle(&c, n))
		r = (double)(heap_bytes() - before) / (double)n;
	churn_deinit(&c);
	return r;
}
