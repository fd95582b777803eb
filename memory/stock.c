// SPDX-License-Identifier: BSD-3-Clause
#include "memory/stock.h"

#include "base/mem.h"
#include "base/range.h"

#define N_SHELVES (sizeof(((struct stock *)0)->shelves) / sizeof(struct stock_shelf))
#define BIG_MAX 2

static struct stock_piece *stock_piece_free(struct stock_piece *p)
{
	piece_deinit(&p->piece);
	return mem_free(p);
}

CLEANUP_DEFINE(struct stock_piece *, stock_piece_free)

void stock_init(struct stock *s, uint64_t len)
{
	uint64_t n_big = len / (2 * SZ_16M);

	if (n_big > BIG_MAX)
		n_big = BIG_MAX;
	*s = (struct stock){ 0 };
	s->shelves[0].piece_len = SZ_2M;
	s->shelves[0].n_wanted = (len - n_big * SZ_16M) / SZ_2M;
	s->shelves[1].piece_len = SZ_16M;
	s->shelves[1].n_wanted = n_big;
}

static bool shelf_clear(struct stock_shelf *shelf)
{
	bool any = shelf->n_full > 0 || shelf->filling;
	struct stock_piece *p;

	while ((p = SLIST_FIRST(&shelf->full))) {
		SLIST_REMOVE_HEAD(&shelf->full, next);
		stock_piece_free(p);
	}
	shelf->n_full = 0;
	if (shelf->filling)
		shelf->filling = stock_piece_free(shelf->filling);
	return any;
}

void stock_deinit(struct stock *s)
{
	for (size_t i = 0; i < N_SHELVES; i++)
		shelf_clear(&s->shelves[i]);
}

bool stock_drop(struct stock *s)
{
	bool any = false;

	for (size_t i = 0; i < N_SHELVES; i++)
		any = shelf_clear(&s->shelves[i]) || any;
	s->paused = true;
	return any;
}

void stock_resume(struct stock *s)
{
	s->paused = false;
}

static struct stock_piece *shelf_take(struct stock_shelf *shelf)
{
	struct stock_piece *p = SLIST_FIRST(&shelf->full);

	if (p) {
		SLIST_REMOVE_HEAD(&shelf->full, next);
		shelf->n_full--;
	} else if (shelf->filling && piece_fill(&shelf->filling->piece) == 0) {
		p = STEAL_PTR(shelf->filling);
	}
	return p;
}

bool stock_take(struct stock *s, uint64_t len, struct piece *out)
{
	for (size_t i = 0; i < N_SHELVES; i++) {
		_cleanup_(mem_freep) struct stock_piece *p = NULL;

		if (s->shelves[i].piece_len != len)
			continue;
		p = shelf_take(&s->shelves[i]);
		if (p)
			*out = p->piece;
		return p;
	}
	return false;
}

bool stock_has(const struct stock *s, uint64_t len)
{
	for (size_t i = 0; i < N_SHELVES; i++) {
		const struct stock_shelf *shelf = &s->shelves[i];

		if (shelf->piece_len != len)
			continue;
		return shelf->n_full || (shelf->filling && shelf->filling->piece.filled >= len / 2);
	}
	return false;
}

static int shelf_start(struct stock_shelf *shelf)
{
	_cleanup_(stock_piece_freep) struct stock_piece *p = mem_new0(struct stock_piece);
	int r;

	if (!p)
		return -1;
	p->piece = PIECE_NULL;
	r = piece_init(&p->piece, SOURCE_MEMFD, shelf->piece_len);
	if (r < 0)
		return r;
	shelf->filling = STEAL_PTR(p);
	return 0;
}

static int shelf_fill_step(struct stock_shelf *shelf)
{
	bool more = true;
	int r = 0;

	if (!shelf->filling)
		r = shelf_start(shelf);
	if (r == 0)
		r = piece_fill_step(&shelf->filling->piece, &more);
	if (r < 0)
		return r;
	if (!more) {
		struct stock_piece *p = STEAL_PTR(shelf->filling);

		SLIST_INSERT_HEAD(&shelf->full, p, next);
		shelf->n_full++;
	}
	return 0;
}

static struct stock_shelf *shelf_wanting(struct stock *s)
{
	for (size_t i = 0; i < N_SHELVES && !s->paused; i++)
		if (s->shelves[i].n_full < s->shelves[i].n_wanted)
			return &s->shelves[i];
	return NULL;
}

bool stock_wants(struct stock *s)
{
	return shelf_wanting(s);
}

void stock_fill_step(struct stock *s)
{
	struct stock_shelf *shelf = shelf_wanting(s);

	if (shelf && shelf_fill_step(shelf) < 0)
		s->paused = true;
}

uint64_t stock_len(const struct stock *s)
{
	uint64_t len = 0;

	for (size_t i = 0; i < N_SHELVES; i++)
		len += s->shelves[i].n_full * s->shelves[i].piece_len;
	return len;
}
