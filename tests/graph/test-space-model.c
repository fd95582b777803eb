// SPDX-License-Identifier: BSD-3-Clause
/* Random operations on a space and on an array of pages, which must agree. */
#include "graph/space.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "tests/suite.h"

static struct range range_at(uint64_t first, uint64_t len)
{
	struct range r;

	ck_assert(range_make(first, len, &r));
	return r;
}

struct model {
	uint64_t first; /* page number */
	size_t n;
	unsigned char *taken;
	struct range *takes;
	size_t n_takes;
	uint64_t rng, used;
};

static uint64_t rnd(struct model *m, uint64_t n)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (m->rng >> 11) % n;
}

/* The index of the lowest fit among lo to end - 1, or n. */
static size_t model_find(const struct model *m, size_t lo, size_t end, size_t len, uint64_t align)
{
	for (size_t i = lo; i < end; i++) {
		size_t k = 0;

		i += (size_t)(-(m->first + i) & (align - 1));
		if (i + len > end)
			break;
		while (k < len && !m->taken[i + k])
			k++;
		if (k == len)
			return i;
		i += k;
	}
	return m->n;
}

/* What space_take() looks for: a fit inside a block of 16 MB in use (outside of the space is in use), else the lowest. */
static size_t model_find_used(const struct model *m, size_t len, uint64_t align)
{
	const uint64_t block = 4096, past = m->first + m->n;

	for (uint64_t at = m->first & -block; at < past && align < block; at += block) {
		size_t lo = at < m->first ? 0 : (size_t)(at - m->first);
		size_t end = (size_t)((at + block < past ? at + block : past) - m->first), found;

		if (end - lo == block && !memchr(m->taken + lo, 1, block))
			continue;
		found = model_find(m, lo, end, len, align);
		if (found < m->n)
			return found;
	}
	return model_find(m, 0, m->n, len, align);
}

static uint64_t model_largest(const struct model *m, uint64_t align)
{
	uint64_t best = 0, run = 0;

	for (size_t i = m->n; i-- > 0;) {
		run = m->taken[i] ? 0 : run + 1;
		if (run > best && ((m->first + i) & (align - 1)) == 0)
			best = run;
	}
	return best;
}

static void model_mark(struct model *m, struct range r, int taken)
{
	size_t i = (size_t)((r.first >> PAGE_SHIFT) - m->first), n = (size_t)(range_len(r) / SZ_4K);

	for (size_t k = i; k < i + n; k++)
		if (m->taken[k] == taken)
			ck_abort_msg("page %zu was so before", k);
	memset(m->taken + i, taken, n);
	m->used = taken ? m->used + range_len(r) : m->used - range_len(r);
	if (taken)
		m->takes[m->n_takes++] = r;
}

static void model_drop(struct model *m, size_t k)
{
	m->takes[k] = m->takes[--m->n_takes];
}

static struct range model_range(const struct model *m, size_t i, size_t n)
{
	return range_at((m->first + i) << PAGE_SHIFT, (uint64_t)n << PAGE_SHIFT);
}

/* One that is live, at times with the one that follows it; and at times back again. */
static void step_put(struct space *s, struct model *m)
{
	size_t k = (size_t)rnd(m, m->n_takes);
	struct range r = m->takes[k];

	model_drop(m, k);
	for (size_t i = 0; m->rng % 4 == 0 && i < m->n_takes; i++)
		if (m->takes[i].first == r.last + 1) {
			r.last = m->takes[i].last;
			model_drop(m, i);
		}
	model_mark(m, r, 0);
	mem_fail_nth(1);
	space_put(s, r);
	if (rnd(m, 8) == 0) {
		ck_assert_int_eq(space_take_at(s, r), 0);
		model_mark(m, r, 1);
	}
	ck_assert_int_eq(mem_fail_fired(), 0);
	if (rnd(m, 64) == 0)
		space_trim(s);
}

static void step_take(struct space *s, struct model *m)
{
	size_t len = (size_t)(1 + rnd(m, UINT64_C(1) << (rnd(m, 30) ? rnd(m, 6) : rnd(m, 14))));
	uint64_t order = rnd(m, rnd(m, 4) ? 6 : 16), align = UINT64_C(1) << order, first = 7;
	bool is_class = !order || order == 4 || order == 8 || order == 9 || order == 12;
	size_t lo = 0, end = m->n, at;
	bool within = rnd(m, 4) == 0;
	int err;

	if (within) {
		lo = (size_t)rnd(m, m->n);
		end = lo + (size_t)rnd(m, m->n - lo) + 1;
		err = space_take_within(s, model_range(m, lo, end - lo), len * SZ_4K, align * SZ_4K,
					&first);
	} else {
		err = space_take(s, len * SZ_4K, align * SZ_4K, &first);
	}
	at = is_class && !within ? model_find_used(m, len, align) :
				   model_find(m, lo, end, len, align);
	ck_assert_int_eq(err, at == m->n ? -ENOSPC : 0);
	if (err)
		return;
	if (is_class || m->n < 12000)
		ck_assert_uint_eq(first, (m->first + at) << PAGE_SHIFT);
	ck_assert_uint_eq(first % (align * SZ_4K), 0);
	ck_assert_uint_ge(first >> PAGE_SHIFT, m->first + lo);
	ck_assert_uint_le((first >> PAGE_SHIFT) + len, m->first + end);
	model_mark(m, range_at(first, len * SZ_4K), 1);
}

static void step_take_at(struct space *s, struct model *m)
{
	size_t i = (size_t)rnd(m, m->n), n = (size_t)(1 + rnd(m, rnd(m, 16) ? 40 : m->n - i)), k;
	struct range r;
	int err;

	n = n > m->n - i ? m->n - i : n;
	r = model_range(m, i, n);
	for (k = i; k < i + n && !m->taken[k]; k++)
		;
	ck_assert_int_eq(space_is_free(s, r), k == i + n);
	err = space_take_at(s, r);
	ck_assert_int_eq(err, k == i + n ? 0 : -EBUSY);
	if (!err)
		model_mark(m, r, 1);
}

static void check_sums(struct space *s, struct model *m)
{
	static const uint64_t classes[] = { 1, 16, 256, 512, 4096 };
	uint64_t order = rnd(m, 16), most, first;

	ck_assert_uint_eq(space_used(s), m->used);
	for (size_t c = 0; c < 5; c++)
		ck_assert_uint_eq(space_largest(s, classes[c] * SZ_4K),
				  model_largest(m, classes[c]) * SZ_4K);
	most = space_largest(s, SZ_4K << order);
	ck_assert_uint_le(most, model_largest(m, UINT64_C(1) << order) * SZ_4K);
	if (most == 0)
		return;
	ck_assert_int_eq(space_take(s, most, SZ_4K << order, &first), 0);
	space_put(s, range_at(first, most));
}

static void step(struct space *s, struct model *m, size_t i)
{
	/* it fills, and it empties */
	uint64_t fill = i / 2000 % 2 ? 40 : 65, what = rnd(m, 100);

	if (what >= fill && m->n_takes)
		step_put(s, m);
	else if (what % 8 == 0)
		step_take_at(s, m);
	else
		step_take(s, m);
	if (i % 64 == 0)
		check_sums(s, m);
}

static void compare(uint64_t seed, uint64_t first, size_t n, size_t n_steps)
{
	struct model m = { .first = first, .n = n, .rng = seed * UINT64_C(0x9e3779b97f4a7c15) };
	struct space *s = space_new(range_at(first << PAGE_SHIFT, (uint64_t)n << PAGE_SHIFT));

	m.taken = calloc(n, 1);
	m.takes = calloc(n, sizeof(*m.takes));
	ck_assert(s && m.taken && m.takes);
	for (size_t i = 0; i < n_steps; i++)
		step(s, &m, i);
	while (m.n_takes) {
		space_put(s, m.takes[0]);
		model_drop(&m, 0);
	}
	ck_assert(space_is_free(s, space_range(s)));
	ck_assert_uint_eq(space_used(s), 0);
	space_free(s);
	free(m.taken);
	free(m.takes);
}

START_TEST(random_operations_agree_with_a_model_of_pages)
{
	compare(1, 1, 700, 40000);
	compare(2, 0x40000, 4096, 20000);
	compare(3, 0x3fff7, 9000, 20000);
	compare(4, 0x7fffffff1, 11111, 20000);
	compare(5, 0xfffffffff0000, 5000, 20000);
}
END_TEST

START_TEST(random_operations_agree_with_a_model_of_many_rows)
{
	compare(6, 1, 70000, 8000);
	compare(7, 0x3ffff, 40000, 8000);
	compare(8, 0x7fffffff0000 - 30000, 70000, 8000);
}
END_TEST

SUITE_MAIN("space-model", random_operations_agree_with_a_model_of_pages,
	   random_operations_agree_with_a_model_of_many_rows)
