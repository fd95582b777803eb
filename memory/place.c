// SPDX-License-Identifier: BSD-3-Clause
#include "memory/place.h"

#include "memory/guard.h"
#include "memory/zero.h"

struct move {
	uint8_t *to;
	const uint8_t *from; /* NULL: zeroes */
	uint64_t len;
	bool words;
};

static bool find_table(const struct tables *tables, uint64_t pa, struct place *out)
{
	for (; tables; tables = tables->next) {
		if (!range_has(tables->pa, pa))
			continue;
		*out = (struct place){ .pa = tables->pa,
				       .at = tables->at,
				       .how = tables->strict ? PLACE_WORDS : 0 };
		return true;
	}
	return false;
}

bool place_find(struct arenas *arenas, const struct tables *tables, uint64_t pa, struct place *out)
{
	struct arena *a;

	if (find_table(tables, pa, out))
		return true;
	a = arenas_at(arenas, pa);
	if (!a)
		return false;
	*out = (struct place){ .pa = a->pa,
			       .at = a->piece.at,
			       .how = PLACE_GUARDED | (a->piece.strict ? PLACE_WORDS : 0) };
	out->holes = a->piece.source == SOURCE_HUGETLB || a->piece.source == SOURCE_PAGEMAP;
	return true;
}

static void do_touch(void *arg)
{
	const struct move *m = arg;

	for (uint64_t i = 0; i < m->len; i += SZ_2M)
		(void)*(const volatile uint8_t *)(m->from + i);
}

/* A hole that can be filled is filled by looking at it. */
static bool touch(const struct place *p, struct range pa)
{
	uint64_t first = align_down(pa.first - p->pa.first, SZ_2M);
	struct move m = { .from = p->at + first, .len = pa.last - p->pa.first - first + 1 };

	return guard_run(do_touch, &m) == 0;
}

bool place_check(struct arenas *arenas, const struct tables *tables, uint64_t pa, uint64_t len)
{
	struct range left;
	struct place p;

	if (len == 0)
		return true;
	if (!range_make(pa, len, &left))
		return false;
	for (;;) {
		struct range here = left;

		if (!place_find(arenas, tables, left.first, &p))
			return false;
		if (p.pa.last < left.last)
			here.last = p.pa.last;
		if (p.holes && !touch(&p, here))
			return false;
		if (here.last == left.last)
			return true;
		left.first = here.last + 1;
	}
}

uint64_t place_run(const struct place *p, uint64_t pa, uint64_t len)
{
	return p->pa.last - pa < len ? p->pa.last - pa + 1 : len;
}

uint64_t place_run_back(const struct place *p, uint64_t last, uint64_t len)
{
	return last - p->pa.first < len ? last - p->pa.first + 1 : len;
}

uint8_t *place_byte(const struct place *p, uint64_t pa)
{
	return p->at + (pa - p->pa.first);
}

static void do_move(void *arg)
{
	const struct move *m = arg;

	if (m->from)
		(m->words ? copy_words : copy_bytes)(m->to, m->from, m->len);
	else
		(m->words ? zero_words : zero_bytes)(m->to, m->len);
}

static int move(unsigned int how, struct move m)
{
	m.words = how & PLACE_WORDS;
	if (how & PLACE_GUARDED)
		return guard_run(do_move, &m);
	do_move(&m);
	return 0;
}

int place_copy(unsigned int how, uint8_t *to, const uint8_t *from, uint64_t len)
{
	return move(how, (struct move){ .to = to, .from = from, .len = len });
}

int place_zero(unsigned int how, uint8_t *at, uint64_t len)
{
	return move(how, (struct move){ .to = at, .len = len });
}
