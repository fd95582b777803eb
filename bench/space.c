// SPDX-License-Identifier: BSD-3-Clause
#include "bench/space.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "graph/space.h"

#define ROUNDS 9
#define ROUND_PAIRS 100000
#define SZ_1G (UINT64_C(1) << 30)

struct live {
	uint64_t first : 48, pages : 16; /* first is a page number */
};

struct churn {
	struct space *space;
	struct live *live;
	size_t n_live;
	uint64_t rng, pages;
	size_t next; /* to put; chosen early, so that we measure the space and not this array in far memory */
	bool odd, fake;
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

static uint64_t rnd_pages(struct churn *c)
{
	/* one minus the sums of the geometric series, of 2^16 */
	static const uint16_t above[] = { 40227, 24674, 15117, 9244, 5636, 3418,
					  2055,  1218,  703,   387,  193,  73 };
	uint64_t r = rnd(c) >> 16;
	unsigned k = 0;
	uint64_t n;

	while (k < 12 && (r & 0xffff) < above[k])
		k++;
	n = UINT64_C(1) << k;
	return c->odd && k < 12 ? n + (r >> 16 & (n - 1)) : n;
}

static uint64_t align_of(uint64_t len)
{
	return len >= SZ_16M ? SZ_16M : len >= SZ_1M ? SZ_1M : len >= SZ_64K ? SZ_64K : SZ_4K;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others use this machine too */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool churn_take(struct churn *c)
{
	uint64_t pages = rnd_pages(c), len = pages << PAGE_SHIFT, first = 0;

	if (!c->fake && space_take(c->space, len, align_of(len), &first))
		return false;
	c->live[c->n_live++] = (struct live){ first >> PAGE_SHIFT, (uint16_t)pages };
	c->pages += pages;
	return true;
}

static void churn_put(struct churn *c)
{
	size_t i = c->next < c->n_live ? c->next : c->n_live - 1;
	struct live l = c->live[i];
	struct range r = { (uint64_t)l.first << PAGE_SHIFT,
			   ((uint64_t)(l.first + l.pages) << PAGE_SHIFT) - 1 };

	c->next = rnd_below(c, c->n_live);
	__builtin_prefetch(&c->live[c->next]);
	if (!c->fake)
		space_put(c->space, r);
	c->pages -= l.pages;
	c->live[i] = c->live[--c->n_live];
}

static bool churn_init(struct churn *c, struct range r, size_t max)
{
	*c = (struct churn){ .rng = UINT64_C(0x2545f4914f6cdd1d) };
	c->space = space_new(r);
	c->live = calloc(max, sizeof(*c->live));
	return c->space && c->live;
}

static void churn_deinit(struct churn *c)
{
	space_free(c->space);
	free(c->live);
}

static void churn_pairs(struct churn *c, size_t n)
{
	while (n--) {
		churn_put(c);
		if (!churn_take(c))
			abort();
	}
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

/* Filled to n_live and mixed, so that holes are where they are in the long run. */
static bool churn_settle(struct churn *c, size_t n_live)
{
	while (c->n_live < n_live)
		if (!churn_take(c))
			return false;
	churn_pairs(c, 2 * n_live);
	return true;
}

static double pair_ns(size_t n_live, bool fake)
{
	struct churn c;
	double ns[ROUNDS];
	double r = -1;

	if (churn_init(&c, (struct range){ SZ_4K, (UINT64_C(1) << 47) - 1 }, n_live + 1)) {
		c.fake = fake;
		if (churn_settle(&c, n_live)) {
			for (size_t i = 0; i < ROUNDS; i++) {
				uint64_t start = now_ns();

				churn_pairs(&c, ROUND_PAIRS);
				ns[i] = (double)(now_ns() - start) / ROUND_PAIRS;
			}
			r = median(ns, ROUNDS);
		}
	}
	churn_deinit(&c);
	return r;
}

double bench_space_pair_ns(size_t n_live)
{
	return pair_ns(n_live, false);
}

double bench_space_driver_ns(size_t n_live)
{
	return pair_ns(n_live, true);
}

#define SEEDS 16

static double packing_of(uint64_t seed, unsigned rounds, bool odd)
{
	const uint64_t all = SZ_1G / SZ_4K;
	struct churn c;
	double full = -1;

	if (churn_init(&c, (struct range){ SZ_1G, 2 * SZ_1G - 1 }, all + 1)) {
		c.rng *= 2 * seed + 1;
		c.odd = odd;
		while (churn_take(&c))
			;
		while (rounds--) {
			while (c.pages > all / 2)
				churn_put(&c);
			while (churn_take(&c))
				;
		}
		full = (double)c.pages / (double)all;
	}
	churn_deinit(&c);
	return full;
}

static double packing(unsigned rounds, bool odd)
{
	double sum = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		sum += packing_of(seed, rounds, odd);
	return sum / SEEDS;
}

double bench_space_packing(unsigned rounds)
{
	return packing(rounds, false);
}

double bench_space_packing_odd(unsigned rounds)
{
	return packing(rounds, true);
}

/* One page after the other, then all back. */
static double page_ns(struct space *s)
{
	enum { N = 2000 };
	static uint64_t at[N];
	double ns[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = now_ns();

		for (size_t k = 0; k < N; k++)
			if (space_take(s, SZ_4K, SZ_4K, &at[k]))
				return -1;
		for (size_t k = 0; k < N; k++)
			space_put(s, (struct range){ at[k], at[k] + SZ_4K - 1 });
		ns[i] = (double)(now_ns() - start) / N;
	}
	return median(ns, ROUNDS);
}

double bench_space_full_ratio(void)
{
	struct range r = { SZ_1G, 2 * SZ_1G - 1 };
	const uint64_t all = SZ_1G / SZ_4K;
	struct space *empty = space_new(r);
	struct churn c;
	double ratio = -1;

	if (churn_init(&c, r, all + 1) && empty) {
		size_t tries = 0;

		while (c.pages < all / 100 * 95) {
			if (!churn_take(&c) && ++tries % 1000 == 0)
				churn_put(&c);
		}
		ratio = page_ns(c.space) / page_ns(empty);
	}
	churn_deinit(&c);
	space_free(empty);
	return ratio;
}

double bench_space_bytes(size_t n_live)
{
	struct churn c;
	double r = -1;

	if (churn_init(&c, (struct range){ SZ_4K, (UINT64_C(1) << 47) - 1 }, n_live + 1) &&
	    churn_settle(&c, n_live))
		r = (double)space_footprint(c.space) / (double)n_live;
	churn_deinit(&c);
	return r;
}
