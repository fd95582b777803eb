// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/pipeline.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "graph/physmem.h"
#include "graph/plan.h"
#include "graph/session.h"
#include "vcmd/about.h"
#include "vcmd/broker.h"
#include "vcmd/call.h"
#include "vcmd/client.h"
#include "vcmd/journal.h"
#include "vcmd/monitor.h"
#include "vcmd/ops.h"
#include "vcmd/pending.h"
#include "vcmd/pieces.h"
#include "vcmd/program.h"

/* Tests make a stage fail, once. */
static int stage(struct broker *b, enum stage s, struct reason *why)
{
	if (b->fail_stage != s)
		return 0;
	b->fail_stage = STAGE_NONE;
	return refuse(why, -ENOMEM, "a failure was asked for at stage %d", s);
}

/* The point of no return. */
static int journal(struct broker *b, const struct call *c, struct reason *why)
{
	struct served served = { 0 };
	int r = stage(b, STAGE_JOURNAL, why);

	if (r < 0 || !b->journal)
		return r;
	if (c)
		served = (struct served){ c->client, c->serial, c->answer->values,
					  c->answer->n_values, client_keeps(c->client, c->serial) };
	return journal_plan(b->journal, &b->plan, c ? &served : NULL, why);
}

static void log_refusal(const struct call *c, const struct request *req, int status)
{
	struct log_about about;

	if (log_get_level() < LOG_L_INFO)
		return;
	about = about_op(c, &req->ops[c->op < req->n_ops ? c->op : 0]);
	log_about(LOG_L_INFO, &about, "session %llu (%s, pid %d, uid %u): %s: %s (%s)",
		  (unsigned long long)c->session->id, c->client->name, (int)c->client->pid,
		  c->client->uid, about.operation ? about.operation : "unknown operation",
		  c->why->text, strerror(-status));
}

/* What a request has come to. */
static void answer(const struct call *c, const struct request *req, int r)
{
	struct answer *a = c->answer;

	c->broker->n_requests++;
	c->client->n_requests++;
	if (r == CALL_PARKED)
		return;
	if (r < 0) {
		log_refusal(c, req, r);
		c->broker->n_refused++;
		c->client->n_refused++;
		a->n_values = a->n_pieces = a->n_fds = a->n_data = a->n_rows = 0;
	}
	a->status = r;
	a->failed = c->op;
	client_reply(c->client, req->serial, a);
}

/*
 * call, req: the request that the plan is of, which is answered when it is done; NULL: it is the broker's own. What only the
 * broker sees comes after the answer: whoever waits for that has been told by then.
 */
static int execute(struct broker *b, const struct call *call, const struct request *req,
		   struct reason *why)
{
	struct plan *p = &b->plan;
	int r = stage(b, STAGE_PROGRAM, why);

	if (r == 0 && call)
		r = pending_prepare(b, p, why);
	if (r == 0)
		r = program_run(b, p, why);
	if (r == 0) {
		r = journal(b, call, why);
		if (r < 0)
			program_undo(b, p);
	}
	if (r != 0) {
		b->answer->n_wanted = 0;
		plan_abort(p);
		return r;
	}
	program_retire(b, p);
	pieces_fill(b);
	if (call)
		answer(call, req, 0);
	monitor_plan(b->monitor, p);
	plan_commit(p);
	journal_retired(b->journal);
	broker_changed(b);
	return 0;
}

int pipeline_execute(struct broker *b, struct reason *why)
{
	return execute(b, NULL, NULL, why);
}

/*
 * Rights are the last thing that is checked, so that a wrong handle says so to everybody; what has been planned by then
 * is aborted.
 */
static int plan_op(struct call *c, const struct op *op)
{
	const struct op_row *row = op_row(op->code);
	int r;

	if (!row)
		return refuse(c->why, -ENOSYS, "there is no operation %u", op->code);
	r = row->plan(c, op);
	return r != 0 ? r : stage(c->broker, STAGE_PLAN, c->why);
}

static int authorise(struct call *c, const struct op *op)
{
	const struct op_row *row = op_row(op->code);
	int r = stage(c->broker, STAGE_AUTHORISE, c->why);

	return r < 0 || !row ? r : rights_check(c->client, row->right, op, c->why);
}

/* Whether the operation can only come alone: then it has no part in a transaction. */
static int check_company(struct call *c, const struct request *req)
{
	for (size_t i = 0; i < req->n_ops && req->n_ops > 1; i++) {
		const struct op_row *row = op_row(req->ops[i].code);

		if (row && row->alone) {
			c->op = (uint32_t)i;
			return refuse(c->why, -EINVAL, "%s cannot be part of a batch",
				      op_name(req->ops[i].code));
		}
	}
	return 0;
}

static int plan_all(struct call *c, const struct request *req)
{
	int r = check_company(c, req);

	for (c->op = r ? c->op : 0; r == 0 && c->op < req->n_ops; c->op++) {
		const struct op *op = &req->ops[c->op];
		const struct op_row *row = op_row(op->code);

		c->plan->op = c->op;
		if (c->op > 0)
			r = plan_check_work(c->plan);
		if (r < 0)
			break;
		/* What acts at once, beside the graph, must be allowed before it acts. */
		if (row && row->alone)
			r = authorise(c, op);
		if (r == 0)
			r = plan_op(c, op);
		if (r == 0 && row && !row->alone)
			r = authorise(c, op);
		if (r != 0)
			break;
	}
	return r;
}

static void reset(struct answer *a)
{
	a->status = 0;
	a->failed = 0;
	a->why.text[0] = 0;
	a->n_values = a->n_wanted = a->n_pieces = a->n_fds = a->n_data = a->n_rows = 0;
}

static int run_once(struct call *c, const struct request *req)
{
	int r;

	reset(c->answer);
	plan_begin(c->plan, c->broker->graph, c->why);
	r = plan_all(c, req);
	if (r != 0) { /* a request that waits has planned nothing */
		c->answer->n_wanted = 0;
		plan_abort(c->plan);
		return r;
	}
	r = execute(c->broker, c, req, c->why);
	c->op = c->plan->op;
	return r;
}

/* Arenas that are kept for users who hold nothing in them make way for somebody who needs the memory. */
static int relieve(struct broker *b, const struct op *op, struct reason *why)
{
	int r;

	monitor_pressure(b->monitor, (uint32_t)op->arg);
	plan_begin(&b->plan, b->graph, why);
	r = plan_evict(&b->plan, (uint32_t)op->arg);
	if (r < 0) {
		plan_abort(&b->plan);
		return r;
	}
	return pipeline_execute(b, why);
}

static int run(struct call *c, const struct request *req)
{
	int r;

	while ((r = run_once(c, req)) == GRAPH_E_PRESSURE) {
		uint32_t op = c->op;

		r = relieve(c->broker, &req->ops[op], c->why);
		if (r < 0)
			break;
	}
	return r;
}

static struct call call_of(struct broker *b, struct client *c, const struct request *req)
{
	return (struct call){ .broker = b,
			      .client = c,
			      .session = c->session,
			      .plan = &b->plan,
			      .why = &b->answer->why,
			      .answer = b->answer,
			      .serial = req->serial };
}

static void serve(struct broker *b, struct client *c, const struct request *req)
{
	struct call call = call_of(b, c, req);
	int r = run(&call, req);

	if (r == 0)
		return;
	if (r == PENDING_WAIT) {
		r = pending_add(b, c, req);
		if (r == 0)
			return;
		refuse(call.why, r, "the broker is out of memory");
	}
	answer(&call, req, r);
}

void pipeline_again(struct broker *b, struct client *c, const struct request *req)
{
	serve(b, c, req);
}

void pipeline_refuse(struct broker *b, struct client *c, const struct request *req, int status,
		     const struct reason *why)
{
	struct call call = call_of(b, c, req);

	reset(b->answer);
	b->answer->why = *why;
	answer(&call, req, status);
}

int pipeline_packet(struct broker *b, struct client *c, const void *buf, size_t len,
		    struct reason *why)
{
	struct reply_kept kept;
	struct request req;
	int r = request_decode(b->codec, buf, len, &req, why);

	if (r < 0)
		return r;
	/* The hello of a session that there is goes on where another connection ended. */
	if (req.serial <= c->last_serial || (!req.is_hello && req.ack > c->last_serial))
		return refuse(why, -EPROTO, "serial %llu (acknowledging %llu) after %llu",
			      (unsigned long long)req.serial, (unsigned long long)req.ack,
			      (unsigned long long)c->last_serial);
	if (req.n_ops > c->max_ops)
		return refuse(why, -EPROTO, "%zu operations are more than %u", req.n_ops,
			      c->max_ops);
	c->last_serial = req.serial;
	replies_seen(&c->replies, req.ack);
	if (req.is_hello)
		return client_hello(c, &req, why);
	if (c->state != CLIENT_LIVE)
		return refuse(why, -EPROTO, "a request outside a session");
	if (req.serial <= c->sent_before && replies_find(&c->replies, req.serial, &kept)) {
		client_reply_kept(c, &kept);
		return 0;
	}
	serve(b, c, &req);
	c->granted = 0;
	client_after_request(c);
	return 0;
}
