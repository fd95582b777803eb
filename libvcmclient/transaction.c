// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/transaction.h"

#include <assert.h>
#include <errno.h>

#include "libvcmclient/mapping.h"
#include "libvcmclient/piece.h"
#include "libvcmclient/session.h"

#define STAMP_SHIFT 11 /* room for the index of an operation */
_Static_assert(PROTO_MAX_OPS < 1 << STAMP_SHIFT,
	       "the stamps of one request are in the order of its operations");

struct transaction {
	struct session *session;
	const struct op *ops;
	struct step *steps;
	size_t n;
	struct packet *packet;
};

void step_undo(struct session *s, struct step *step)
{
	if (step->creates)
		handles_release(s->handles, step->creates);
	if (step->effect == EFFECT_SPACE)
		mapping_close(step->mapping);
	mapping_unref(step->mapping);
	*step = STEP_NULL;
}

static uint64_t stamp(const struct transaction *t, size_t i)
{
	return t->packet->reply.serial << STAMP_SHIFT | (i + 1);
}

/* One more operation, of ours, to take back what cannot be followed here. */
static void take_back(struct transaction *t, const struct op *op)
{
	const struct request request = { .ops = op, .n_ops = 1 };
	struct packet *packet = NULL;

	if (connection_request(t->session->connection, &request, &packet, NULL) == 0)
		connection_put(t->session->connection, packet);
}

/* Whether a later operation of the same batch does that to the same mapping. */
static bool is_followed_by(const struct transaction *t, size_t i, enum effect effect)
{
	for (size_t k = i + 1; k < t->n; k++)
		if (t->steps[k].mapping == t->steps[i].mapping && t->steps[k].effect == effect)
			return true;
	return false;
}

static int show(struct transaction *t, size_t i, struct reason *why)
{
	_cleanup_(pieces_deinit) struct pieces pieces = PIECES_NULL(&t->session->arenas);
	struct mapping *mapping = t->steps[i].mapping;
	const struct op back = { .code = OP_UNBACK, .on = t->ops[i].on, .name = "" };
	int r;

	/* The memory is taken away again: its pieces cannot be had any more. */
	if (is_followed_by(t, i, EFFECT_HIDE))
		return 0;
	r = pieces_gather(&pieces, t->session->connection, t->packet, (uint32_t)i, t->ops[i].on,
			  mapping_len(mapping), why);
	/* Another thread has taken it away meanwhile: what it did comes after this. */
	if (r == -ESTALE)
		return 0;
	if (r == 0)
		r = mapping_show(mapping, stamp(t, i), pieces.runs, pieces.n, why);
	if (r == 0)
		pieces.n = 0;
	else if (!mapping_is_past(mapping, stamp(t, i)))
		take_back(t, &back);
	return r;
}

static int protect(struct transaction *t, size_t i, struct reason *why)
{
	struct op back = { .code = OP_RES_SET_ATTR, .on = t->ops[i].on, .name = "" };
	int r;

	r = mapping_protect(t->steps[i].mapping, stamp(t, i), t->ops[i].attr, &back.attr, why);
	if (r < 0)
		take_back(t, &back);
	return r;
}

static int agree(struct transaction *t, const struct step *step, uint64_t addr, struct reason *why)
{
	if (addr == mapping_addr(step->mapping))
		return 0;
	connection_break(t->session->connection, -EPROTO,
			 "the broker chose an address that is not its to choose");
	return refuse(why, -EPROTO, "the broker chose an address that is not its to choose");
}

/* This side of the ith operation, whose answers are values. */
static int follow(struct transaction *t, size_t i, const uint64_t *values, struct reason *why)
{
	const struct step *step = &t->steps[i];

	switch (step->effect) {
	case EFFECT_NONE:
		return 0;
	case EFFECT_SPACE:
		return agree(t, step, values[0], why);
	case EFFECT_PLACE:
		return mapping_place(step->mapping, values[0], why);
	case EFFECT_SHOW:
		return show(t, i, why);
	case EFFECT_HIDE:
		/* What ends anyway takes all that is in it along; a part leaves its place to the whole. */
		if (mapping_is_part(step->mapping) || !is_followed_by(t, i, EFFECT_CLOSE))
			mapping_hide(step->mapping, stamp(t, i));
		return 0;
	case EFFECT_PROTECT:
		return protect(t, i, why);
	case EFFECT_CLOSE:
		mapping_close(step->mapping);
		return 0;
	case EFFECT_TRIM:
		arenas_trim(&t->session->arenas);
		return 0;
	}
	assert(false);
	return -EINVAL;
}

/* Everything is followed, whatever fails in between; the first failure is reported. */
static int follow_all(struct transaction *t, size_t *out_failed, struct reason *why)
{
	static const uint64_t none; /* of an answer without values: there is no NULL + 0 */
	const uint64_t *values = t->packet->reply.n_values ? t->packet->reply.values : &none;
	int result = 0;

	for (size_t i = 0; i < t->n; i++) {
		int r = follow(t, i, values, result < 0 ? NULL : why);

		if (r < 0 && result == 0) {
			result = r;
			*out_failed = i;
		}
		values += op_n_values(t->ops[i].code);
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->steps[i].frees)
			handles_release(t->session->handles, t->ops[i].on);
		mapping_unref(t->steps[i].mapping);
		t->steps[i] = STEP_NULL;
	}
	return result;
}

/* Whether the broker agreed, and said all that it must. */
static int check(const struct transaction *t, size_t *out_failed, struct reason *why)
{
	const struct reply *reply = &t->packet->reply;
	size_t n_values = 0;

	if (reply->status < 0) {
		if (reply->failed < t->n)
			*out_failed = reply->failed;
		return refuse(why, reply->status, "%s", reply->reason);
	}
	for (size_t i = 0; i < t->n; i++)
		n_values += op_n_values(t->ops[i].code);
	if (reply->status == 0 && reply->n_values == n_values)
		return 0;
	connection_break(t->session->connection, -EPROTO,
			 "the broker's answer has not the values that belong to it");
	return refuse(why, -EPROTO, "the broker's answer has not the values that belong to it");
}

static void free_begin(const struct transaction *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->steps[i].frees)
			handles_free_begin(t->session->handles, t->ops[i].on);
}

static void undo_all(const struct transaction *t)
{
	for (size_t i = t->n; i-- > 0;) {
		if (t->steps[i].frees)
			handles_free_undo(t->session->handles, t->ops[i].on);
		step_undo(t->session, &t->steps[i]);
	}
}

int transaction_run(struct session *s, const struct op *ops, struct step *steps, size_t n,
		    struct packet **out, size_t *out_failed, struct reason *why)
{
	const struct request request = { .ops = ops, .n_ops = n };
	struct transaction t = { .session = s, .ops = ops, .steps = steps, .n = n };
	int r;

	*out_failed = n;
	free_begin(&t);
	r = connection_request(s->connection, &request, &t.packet, why);
	if (r == 0)
		r = check(&t, out_failed, why);
	if (r < 0)
		undo_all(&t);
	else
		r = follow_all(&t, out_failed, why);
	*out = t.packet;
	return r;
}
