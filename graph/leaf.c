// SPDX-License-Identifier: BSD-3-Clause
#include "graph/leaf.h"

#include <assert.h>
#include <string.h>

#include "graph/lanes.h"

#define WORD_FREE UINT64_MAX

static struct row word_row(const struct leaf *l, unsigned g)
{
	return (struct row){ l->words[g], 1, 2, WORD_LEN };
}

static struct row group_row(const struct leaf *l)
{
	return (struct row){ l->groups, 2, 3, GROUP_LEN };
}

void leaf_init(struct leaf *l)
{
	memset(l->bits, 0xff, sizeof(l->bits));
	memset(l->words, WORD_LEN, sizeof(l->words));
	for (unsigned k = 0; k < ROW_RUN + 3; k++)
		for (unsigned i = 0; i < ROW_N; i++)
			l->groups[k][i] = GROUP_LEN;
}

/* The bits first to end - 1 of the word that starts at page 0; both may lie outside it. */
static uint64_t word_mask(uint64_t first, uint64_t end)
{
	return (WORD_FREE << first) & (end >= WORD_LEN ? WORD_FREE : ~(WORD_FREE << end));
}

/* Where n ones start, for n from 1 to 64. */
static uint64_t word_runs_of(uint64_t w, unsigned n)
{
	while (n > 1) {
		unsigned half = n / 2;

		w &= w >> half;
		n -= half;
	}
	return w;
}

static uint8_t word_prefix(uint64_t w)
{
	return w == WORD_FREE ? WORD_LEN : (uint8_t)__builtin_ctzll(~w);
}

static uint8_t word_suffix(uint64_t w)
{
	return w == WORD_FREE ? WORD_LEN : (uint8_t)__builtin_clzll(~w);
}

/* Where 1, 2, 4, ... 32 ones start; then the longest is put together from the largest piece down. */
static uint8_t word_longest(uint64_t w)
{
	uint64_t pow[6] = { w }, at;
	unsigned k = 0, n;

	if (w == 0)
		return 0;
	while (k < 5 && (pow[k + 1] = pow[k] & (pow[k] >> (1U << k))))
		k++;
	at = pow[k];
	n = 1U << k;
	while (k-- > 0) {
		uint64_t more = at & (pow[k] >> n);

		if (more) {
			at = more;
			n += 1U << k;
		}
	}
	return (uint8_t)n;
}

static uint8_t word_longest_64k(uint64_t w)
{
	uint8_t best = word_prefix(w);

	for (unsigned at = 16; at < WORD_LEN; at += 16) {
		uint8_t n = word_prefix(w >> at);

		best = n > best ? n : best;
	}
	return best;
}

static bool word_update(struct leaf *l, unsigned g, unsigned i)
{
	uint8_t(*line)[ROW_N] = l->words[g];
	uint64_t w = l->bits[g][i];
	bool changed = lanes_put_u8(line[ROW_PREFIX], i, word_prefix(w));

	changed |= lanes_put_u8(line[ROW_SUFFIX], i, word_suffix(w));
	changed |= lanes_put_u8(line[ROW_RUN + RUN_4K], i, word_longest(w));
	changed |= lanes_put_u8(line[ROW_RUN + RUN_64K], i, word_longest_64k(w));
	return changed;
}

/* What the words of group g say. */
static bool group_update(struct leaf *l, unsigned g)
{
	const uint8_t(*word)[ROW_N] = l->words[g];
	const lanes every_1m = { UINT16_MAX, 0, 0, 0, UINT16_MAX, 0, 0, 0 };
	lanes suffix = lanes_load_u8(word[ROW_SUFFIX]);
	lanes ahead = lanes_ahead(lanes_load_u8(word[ROW_PREFIX]), WORD_LEN);
	lanes run = lanes_load_u8(word[ROW_RUN + RUN_4K]);
	lanes run_64k = lanes_load_u8(word[ROW_RUN + RUN_64K]);
	uint16_t(*line)[ROW_N] = l->groups;
	bool changed = lanes_put(line[ROW_PREFIX], g, ahead[0]);

	changed |= lanes_put(line[ROW_SUFFIX], g, (uint16_t)row_suffix(word_row(l, g)));
	changed |= lanes_put(line[ROW_RUN + RUN_4K], g, lanes_run(run, suffix, ahead, 1));
	changed |= lanes_put(line[ROW_RUN + RUN_64K], g, lanes_run(run_64k, suffix, ahead, 16));
	changed |= lanes_put(line[ROW_RUN + RUN_1M], g, lanes_top(ahead & every_1m));
	return changed;
}

void leaf_sum(const struct leaf *l, struct sum *out)
{
	const uint16_t(*line)[ROW_N] = l->groups;
	lanes suffix = lanes_load(line[ROW_SUFFIX]);
	lanes ahead = lanes_ahead(lanes_load(line[ROW_PREFIX]), GROUP_LEN);
	lanes run = lanes_load(line[ROW_RUN + RUN_4K]);
	lanes run_64k = lanes_load(line[ROW_RUN + RUN_64K]);
	lanes run_1m = lanes_load(line[ROW_RUN + RUN_1M]);

	out->prefix = ahead[0];
	out->suffix = row_suffix(group_row(l));
	out->run[RUN_4K] = lanes_run(run, suffix, ahead, 1);
	out->run[RUN_64K] = lanes_run(run_64k, suffix, ahead, 16);
	out->run[RUN_1M] = lanes_run(run_1m, suffix, ahead, 256);
	out->run[RUN_2M] = lanes_top(ahead);
	out->run[RUN_16M] = ahead[0];
}

uint64_t leaf_mark(struct leaf *l, unsigned first, unsigned end, bool taken)
{
	unsigned from = first / WORD_LEN, to = (end - 1) / WORD_LEN + 1;

	for (unsigned i = from; i < to; i++) {
		unsigned base = i * WORD_LEN;
		uint64_t mask = word_mask(first > base ? first - base : 0, end - base);
		uint64_t *bits = &l->bits[i / ROW_N][i % ROW_N];

		assert((*bits & mask) == (taken ? mask : 0));
		*bits = taken ? *bits & ~mask : *bits | mask;
	}
	return word_mask(from, to);
}

bool leaf_update(struct leaf *l, uint64_t words)
{
	bool changed = false;

	for (unsigned g = 0; words; g++, words >>= ROW_N) {
		bool group_changed = false;

		for (unsigned row = words & 0xff; row; row &= row - 1)
			group_changed |= word_update(l, g, (unsigned)__builtin_ctz(row));
		if (group_changed)
			changed |= group_update(l, g);
	}
	return changed;
}

bool leaf_is_free(const struct leaf *l, unsigned first, unsigned end)
{
	for (unsigned i = first / WORD_LEN; i * WORD_LEN < end; i++) {
		unsigned base = i * WORD_LEN;
		uint64_t mask = word_mask(first > base ? first - base : 0, end - base);

		if (~l->bits[i / ROW_N][i % ROW_N] & mask)
			return false;
	}
	return true;
}

/* A run inside the word; one that starts or ends outside is the row's business. */
static bool word_fit(uint64_t w, struct fit *q, uint64_t base)
{
	static const uint64_t multiples[] = {
		WORD_FREE,          0x5555555555555555, 0x1111111111111111,
		0x0101010101010101, 0x0001000100010001, 0x0000000100000001,
	};
	uint64_t at;

	if (q->align >= WORD_LEN || q->len > WORD_LEN)
		return false;
	at = word_runs_of(w, (unsigned)q->len) & multiples[__builtin_ctzll(q->align)];
	if (at)
		q->found = base + (unsigned)__builtin_ctzll(at);
	return at != 0;
}

/* A word that the limits cut: what lies outside them counts as taken. */
static bool word_fit_cut(uint64_t w, struct fit *q, uint64_t base)
{
	if (q->first >= base + WORD_LEN || q->end <= base)
		return false;
	w &= word_mask(q->first > base ? q->first - base : 0, q->end - base);
	if (fit_reaches(q, base + word_prefix(w)))
		return true;
	if (w == WORD_FREE)
		return false;
	if (word_fit(w, q, base))
		return true;
	q->open = base + WORD_LEN - word_suffix(w);
	return false;
}

static bool group_fit(const struct leaf *l, unsigned g, struct fit *q, uint64_t base)
{
	for (unsigned i = 0;; i++) {
		switch (row_fit(word_row(l, g), q, base, &i, ROW_N)) {
		case ROW_FOUND:
			return true;
		case ROW_NONE:
			return false;
		case ROW_INSIDE:
			if (word_fit(l->bits[g][i], q, base + i * WORD_LEN))
				return true;
			if (!fit_goes_on(q))
				return false;
			q->open = base + (i + 1) * WORD_LEN - word_suffix(l->bits[g][i]);
		}
	}
}

static bool group_fit_cut(const struct leaf *l, unsigned g, struct fit *q, uint64_t base)
{
	for (unsigned i = 0; i < ROW_N; i++)
		if (word_fit_cut(l->bits[g][i], q, base + i * WORD_LEN))
			return true;
	return false;
}

static bool leaf_fit_cut(const struct leaf *l, struct fit *q, uint64_t base)
{
	for (unsigned g = 0; g < ROW_N; g++) {
		uint64_t at = base + g * GROUP_LEN;
		bool cut = at < q->first || at + GROUP_LEN > q->end;

		if (cut ? group_fit_cut(l, g, q, at) : group_fit(l, g, q, at))
			return true;
		if (!q->budget)
			return false;
	}
	return false;
}

bool leaf_fit(const struct leaf *l, struct fit *q, uint64_t base)
{
	if (base < q->first || base + LEAF_LEN > q->end)
		return leaf_fit_cut(l, q, base);
	for (unsigned g = 0;; g++) {
		switch (row_fit(group_row(l), q, base, &g, ROW_N)) {
		case ROW_FOUND:
			return true;
		case ROW_NONE:
			return false;
		case ROW_INSIDE:
			if (group_fit(l, g, q, base + g * GROUP_LEN))
				return true;
			if (!fit_goes_on(q))
				return false;
		}
	}
}
