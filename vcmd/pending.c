// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/pending.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "graph/arena.h"
#include "graph/plan.h"
#include "graph/pool.h"
#include "proto/message.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/pipeline.h"
#include "vcmd/store.h"
#include "vcmd/transport.h"

/* Less than that in one plan is filled while everybody waits. */
#define AT_ONCE SZ_2M
/* What small requests may have taken together; a large one is longer. */
#define SMALL_MAX (4 * SZ_16M)
/* Memory in a window that others have had meanwhile, so often in a row, is zeroed while everybody waits. */
#define TRIES_MAX 3

/* A request of its own, until it is carried out. */
struct pending {
	LIST_ENTRY(pending) link;
	TAILQ_ENTRY(pending) turn; /* in a queue, while it has none */
	struct broker *broker;
	struct client *client;
	bool has_turn;
	unsigned int tries; /* before this one */
	enum pending_size size;
	uint64_t missing;
	struct ahead_list ahead;
	struct loop_idle *filler;
	struct store_barrier *barrier;
	struct request req;
	struct op ops[];
};

/* --- memory */

static void ahead_free(struct broker *b, struct ahead *a)
{
	if (a->stored)
		store_remove(b->store, STORE_ARENA, a->stored);
	memory_unplaced_free(b->memory, a->memory);
	loop_idle_kick(b->chores); /* it may be long */
	mem_free(a);
}

static void drop_all(struct broker *b, struct ahead_list *list)
{
	struct ahead *a;

	while ((a = SLIST_FIRST(list))) {
		SLIST_REMOVE_HEAD(list, link);
		ahead_free(b, a);
	}
}

static int store(struct broker *b, struct ahead *a, struct reason *why)
{
	int r;

	if (!b->journal || memory_unplaced_fd(a->memory) < 0)
		return 0;
	r = store_put(b->store, STORE_ARENA, b->last_stored + 1, memory_unplaced_fd(a->memory),
		      why);
	if (r == 0)
		a->stored = ++b->last_stored;
	return r;
}

static struct ahead *ahead_new(struct broker *b, const struct arena *arena, struct reason *why)
{
	const struct config_pool *pool = arena->pool->hw;
	struct ahead *a = mem_new0(struct ahead);

	if (!a)
		return NULL;
	a->memory = memory_unplaced_new(b->memory, arena->range, pool->source, why);
	if (a->memory && store(b, a, why) == 0)
		return a;
	ahead_free(b, a);
	return NULL;
}

struct ahead *pending_take(struct broker *b, const struct arena *arena)
{
	const struct config_pool *pool = arena->pool->hw;
	struct ahead *a;

	SLIST_FOREACH(a, &b->pendings.ahead, link)
		if (memory_unplaced_fits(a->memory, arena->range, pool->source)) {
			SLIST_REMOVE(&b->pendings.ahead, a, ahead, link);
			return a;
		}
	return NULL;
}

static bool is_waited_for(const struct broker *b, const struct step *s)
{
	return s->kind == STEP_ARENA_NEW &&
	       (b->pendings.tries < TRIES_MAX || !config_pool_is_physical(s->arena->pool->hw));
}

/* A new file, also that of a page that was renewed, is safe in the store before anything can lie in it. */
static bool is_at_hand(const struct broker *b, const struct arena *arena)
{
	const struct config_pool *pool = arena->pool->hw;

	return (!b->journal || pool->source == SOURCE_WINDOW) &&
	       memory_is_at_hand(b->memory, range_len(arena->range), pool->source);
}

/* What is ahead for this step goes over to `found`. */
static bool find(struct broker *b, const struct arena *arena, struct ahead_list *found)
{
	struct ahead *a = pending_take(b, arena);

	if (a)
		SLIST_INSERT_HEAD(found, a, link);
	return a;
}

static void move_all(struct ahead_list *from, struct ahead_list *to)
{
	struct ahead *a;

	while ((a = SLIST_FIRST(from))) {
		SLIST_REMOVE_HEAD(from, link);
		SLIST_INSERT_HEAD(to, a, link);
	}
}

/* The arenas that are neither ahead nor at hand: bytes. take: and memory for them. */
static int look_ahead(struct broker *b, const struct plan *p, bool take, struct reason *why)
{
	struct ahead_list found = SLIST_HEAD_INITIALIZER(found), more = found;
	uint64_t near = 0, far = 0;
	int r = 0;

	for (size_t i = 0; i < p->n_steps && r == 0; i++) {
		const struct step *s = &p->steps[i];
		struct ahead *a;

		if (!is_waited_for(b, s) || find(b, s->arena, &found))
			continue;
		*(is_at_hand(b, s->arena) ? &near : &far) += range_len(s->arena->range);
		if (!take)
			continue;
		a = ahead_new(b, s->arena, why);
		r = a ? 0 : -ENOMEM;
		if (a)
			SLIST_INSERT_HEAD(&more, a, link);
	}
	move_all(&found, &b->pendings.ahead);
	move_all(&more, &b->pendings.ahead);
	b->pendings.missing = far || near > AT_ONCE ? far + near : 0;
	return r;
}

static enum pending_size size_of(uint64_t missing)
{
	return missing > SMALL_MAX ? PENDING_LARGE : PENDING_SMALL;
}

static bool may_take(const struct pendings *all, uint64_t missing)
{
	if (size_of(missing) == PENDING_LARGE)
		return !all->taken[PENDING_LARGE];
	return all->taken[PENDING_SMALL] + missing <= SMALL_MAX;
}

int pending_prepare(struct broker *b, const struct plan *p, struct reason *why)
{
	struct pendings *all = &b->pendings;
	int r = look_ahead(b, p, false, why);

	if (r < 0 || !all->missing)
		return r;
	all->has_turn = may_take(all, all->missing);
	if (all->has_turn)
		r = look_ahead(b, p, true, why);
	if (r == 0)
		return PENDING_WAIT;
	drop_all(b, &all->ahead);
	return r;
}

/* --- requests */

static size_t text_len(const struct request *req)
{
	size_t n = 0;

	for (size_t i = 0; i < req->n_ops; i++)
		n += strlen(req->ops[i].name) + 1 + req->ops[i].n_data;
	return n;
}

/* The decoder's memory is anybody's when this call returns. */
static struct pending *copy(const struct request *req)
{
	size_t ops = req->n_ops * sizeof(struct op);
	struct pending *p = mem_zalloc(sizeof(*p) + ops + text_len(req));
	char *text;

	if (!p)
		return NULL;
	memcpy(p->ops, req->ops, ops);
	text = (char *)p->ops + ops;
	for (size_t i = 0; i < req->n_ops; i++) {
		struct op *op = &p->ops[i];
		size_t len = strlen(op->name) + 1;

		op->name = memcpy(text, op->name, len);
		text += len;
		if (op->n_data > 0)
			op->data = memcpy(text, op->data, op->n_data);
		text += op->n_data;
	}
	p->req = *req;
	p->req.ops = p->ops;
	return p;
}

/* Others may have their turn now. */
static void give_back(struct pending *p)
{
	struct pendings *all = &p->broker->pendings;

	if (!p->has_turn) {
		TAILQ_REMOVE(&all->queues[p->size], p, turn);
		return;
	}
	all->taken[p->size] -= p->missing;
	loop_idle_kick(all->turns);
}

static void pending_free(struct pending *p)
{
	give_back(p);
	LIST_REMOVE(p, link);
	store_barrier_free(p->barrier);
	loop_idle_free(p->filler);
	drop_all(p->broker, &p->ahead);
	mem_free(p);
}

/* It is carried out from the start: it may wait for more. */
static void again(struct pending *p)
{
	struct broker *b = p->broker;
	struct client *c = p->client;

	if (c->link)
		c->transport->resume(c->link);
	SLIST_SWAP(&b->pendings.ahead, &p->ahead, ahead);
	b->pendings.tries = p->tries + p->has_turn;
	pipeline_again(b, c, &p->req);
	b->pendings.tries = 0;
	drop_all(b, &b->pendings.ahead);
	pending_free(p);
	client_after_request(c); /* c may be gone */
}

static void on_safe(void *ctx)
{
	again(ctx);
}

static void fail(struct pending *p, const struct reason *why)
{
	struct client *c = p->client;

	if (c->link)
		c->transport->resume(c->link);
	pipeline_refuse(p->broker, c, &p->req, -ENOMEM, why);
	pending_free(p);
	client_after_request(c);
}

static void make_safe(struct pending *p)
{
	int err = 0;

	if (p->broker->journal)
		p->barrier = store_barrier_start(p->broker->store, on_safe, p, &err);
	if (p->barrier)
		return;
	if (p->broker->journal)
		fail(p, &(struct reason){ "the broker is out of memory" });
	else
		again(p);
}

static bool fill(void *ctx)
{
	struct pending *p = ctx;
	struct reason why = { "" };
	bool more = false;
	struct ahead *a;

	SLIST_FOREACH(a, &p->ahead, link) {
		if (memory_unplaced_fill(p->broker->memory, a->memory, &more, &why) < 0) {
			fail(p, &why);
			return false;
		}
		if (more)
			return true;
	}
	make_safe(p);
	return false;
}

int pending_add(struct broker *b, struct client *c, const struct request *req)
{
	struct pendings *all = &b->pendings;
	struct pending *p = copy(req);

	if (p)
		p->filler = loop_idle_new(b->loop, fill, p);
	if (!p || !p->filler) {
		drop_all(b, &all->ahead);
		mem_free(p);
		return -ENOMEM;
	}
	p->broker = b;
	p->client = c;
	p->missing = all->missing;
	p->size = size_of(p->missing);
	p->has_turn = all->has_turn;
	p->tries = all->tries;
	SLIST_INIT(&p->ahead);
	SLIST_SWAP(&all->ahead, &p->ahead, ahead);
	LIST_INSERT_HEAD(&c->pendings, p, link);
	if (p->has_turn) {
		all->taken[p->size] += p->missing;
		loop_idle_kick(p->filler);
	} else {
		TAILQ_INSERT_TAIL(&all->queues[p->size], p, turn);
	}
	if (c->link)
		c->transport->pause(c->link);
	return 0;
}

/* The next of those who wait for a turn. */
static bool give_turn(void *ctx)
{
	struct broker *b = ctx;

	for (int size = 0; size < N_PENDING_SIZES; size++) {
		struct pending *p = TAILQ_FIRST(&b->pendings.queues[size]);

		if (!p || !may_take(&b->pendings, p->missing))
			continue;
		again(p);
		return true;
	}
	return false;
}

int pendings_init(struct broker *b)
{
	SLIST_INIT(&b->pendings.ahead);
	for (int size = 0; size < N_PENDING_SIZES; size++)
		TAILQ_INIT(&b->pendings.queues[size]);
	b->pendings.turns = loop_idle_new(b->loop, give_turn, b);
	return b->pendings.turns ? 0 : -ENOMEM;
}

void pendings_deinit(struct broker *b)
{
	loop_idle_free(b->pendings.turns);
}

void pending_abandon(struct client *c)
{
	struct pending *p;

	while ((p = LIST_FIRST(&c->pendings))) {
		if (c->link)
			c->transport->resume(c->link);
		pending_free(p);
	}
}
