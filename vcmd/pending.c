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
#include "vcmd/pipeline.h"
#include "vcmd/store.h"
#include "vcmd/transport.h"

/* A request of its own, until it is carried out. */
struct pending {
	LIST_ENTRY(pending) link;
	struct broker *broker;
	struct client *client;
	struct ahead_list ahead;
	struct store_barrier *barrier;
	struct request req;
	struct op ops[];
};

/* --- memory */

static void ahead_free(struct broker *b, struct ahead *a)
{
	if (a->stored)
		store_remove(b->store, STORE_ARENA, a->stored);
	memory_unplaced_free(a->memory);
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

static struct ahead *ahead_new(struct broker *b, const struct arena *arena, struct reason *why)
{
	const struct config_pool *pool = arena->pool->hw;
	struct ahead *a = mem_new0(struct ahead);

	if (!a)
		return NULL;
	a->len = range_len(arena->range);
	a->source = pool->source;
	a->memory = memory_unplaced_new(b->memory, arena->range, a->source, why);
	if (a->memory && store_put(b->store, STORE_ARENA, b->last_stored + 1,
				   memory_unplaced_fd(a->memory), why) == 0) {
		a->stored = ++b->last_stored;
		return a;
	}
	if (a->memory)
		memory_unplaced_free(a->memory);
	mem_free(a);
	return NULL;
}

struct ahead *pending_take(struct broker *b, uint64_t len, enum memory_source source)
{
	struct ahead *a;

	SLIST_FOREACH(a, &b->ahead, link)
		if (a->len == len && a->source == source) {
			SLIST_REMOVE(&b->ahead, a, ahead, link);
			return a;
		}
	return NULL;
}

static bool wants_file(const struct step *s)
{
	return s->kind == STEP_ARENA_NEW && !config_pool_is_physical(s->arena->pool->hw);
}

/* What is ahead for this step goes over to `found`. */
static bool find(struct broker *b, const struct arena *arena, struct ahead_list *found)
{
	const struct config_pool *pool = arena->pool->hw;
	struct ahead *a = pending_take(b, range_len(arena->range), pool->source);

	if (a)
		SLIST_INSERT_HEAD(found, a, link);
	return a;
}

int pending_prepare(struct broker *b, const struct plan *p, struct reason *why)
{
	struct ahead_list found = SLIST_HEAD_INITIALIZER(found), more = found;
	struct ahead *a;
	int r = 0;

	for (size_t i = 0; i < p->n_steps && r >= 0; i++) {
		const struct step *s = &p->steps[i];

		if (!wants_file(s) || find(b, s->arena, &found))
			continue;
		a = ahead_new(b, s->arena, why);
		r = a ? PENDING_WAIT : -ENOMEM;
		if (a)
			SLIST_INSERT_HEAD(&more, a, link);
	}
	while ((a = SLIST_FIRST(&found)) || (a = SLIST_FIRST(&more))) {
		if (a == SLIST_FIRST(&found))
			SLIST_REMOVE_HEAD(&found, link);
		else
			SLIST_REMOVE_HEAD(&more, link);
		SLIST_INSERT_HEAD(&b->ahead, a, link);
	}
	if (r < 0)
		drop_all(b, &b->ahead);
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

static void pending_free(struct pending *p)
{
	LIST_REMOVE(p, link);
	store_barrier_free(p->barrier);
	drop_all(p->broker, &p->ahead);
	mem_free(p);
}

static void on_safe(void *ctx)
{
	struct pending *p = ctx;
	struct broker *b = p->broker;
	struct client *c = p->client;

	if (c->link)
		c->transport->resume(c->link);
	SLIST_SWAP(&b->ahead, &p->ahead, ahead);
	pipeline_again(b, c, &p->req); /* it may wait for more */
	drop_all(b, &b->ahead);
	pending_free(p);
	client_after_request(c); /* c may be gone */
}

int pending_add(struct broker *b, struct client *c, const struct request *req)
{
	struct pending *p = copy(req);
	int err = -ENOMEM;

	if (!p) {
		drop_all(b, &b->ahead);
		return -ENOMEM;
	}
	p->broker = b;
	p->client = c;
	SLIST_INIT(&p->ahead);
	SLIST_SWAP(&b->ahead, &p->ahead, ahead);
	LIST_INSERT_HEAD(&c->pendings, p, link);
	p->barrier = store_barrier_start(b->store, on_safe, p, &err);
	if (!p->barrier) {
		pending_free(p);
		return -ENOMEM;
	}
	if (c->link)
		c->transport->pause(c->link);
	return 0;
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
