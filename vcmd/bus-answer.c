// SPDX-License-Identifier: BSD-3-Clause
/*
 * A reply of the protocol as the answer of a method call: typed, or for a batch a dictionary an operation.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-refusal.h"

/* What every bus carries in a message. Pieces of memory beyond are left out: they are asked for from where these end. */
#define FDS_MAX 16

/* Where the answer of one operation is in a reply, and what has been given of it. */
struct answering {
	sd_bus_message *m;
	const struct reply *reply;
	const int *fds;
	size_t n_fds;
	size_t value;   /* the next */
	size_t n_given; /* fds in the message */
	const struct bus_call_op *op;
	uint32_t index; /* of the operation */
	bool named;     /* in a dictionary */
};

static int begin(struct answering *a, const char *name, const char *type)
{
	int r;

	if (!a->named)
		return 0;
	r = sd_bus_message_open_container(a->m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(a->m, 's', name);
	return r < 0 ? r : sd_bus_message_open_container(a->m, 'v', type);
}

static int finish(struct answering *a)
{
	int r = a->named ? sd_bus_message_close_container(a->m) : 0;

	return r < 0 || !a->named ? r : sd_bus_message_close_container(a->m);
}

static int add_number(struct answering *a, const char *name, char type, uint64_t v)
{
	const char types[2] = { type };
	uint32_t u = (uint32_t)v;
	int truth = v != 0, r = begin(a, name, types);

	if (r >= 0)
		r = sd_bus_message_append_basic(a->m, type,
						type == 't' ? (const void *)&v :
						type == 'b' ? (const void *)&truth :
							      (const void *)&u);
	return r < 0 ? r : finish(a);
}

static int add_data(struct answering *a, const char *name)
{
	int r = begin(a, name, "ay");

	if (r >= 0)
		r = sd_bus_message_append_array(a->m, 'y', a->reply->data, a->reply->n_data);
	return r < 0 ? r : finish(a);
}

static int add_row(sd_bus_message *m, const struct row *row)
{
	int r = sd_bus_message_open_container(m, 'r', "atas");

	if (r >= 0)
		r = sd_bus_message_append_array(m, 't', row->n, row->n_n * sizeof(row->n[0]));
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < row->n_s; i++)
		r = sd_bus_message_append_basic(m, 's', row->s[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int add_rows(struct answering *a, const char *name)
{
	int r = begin(a, name, "a(atas)");

	if (r >= 0)
		r = sd_bus_message_open_container(a->m, 'a', "(atas)");
	for (size_t i = 0; r >= 0 && i < a->reply->n_rows; i++)
		r = add_row(a->m, &a->reply->rows[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(a->m);
	return r < 0 ? r : finish(a);
}

/* --- memory */

/* The fd of a piece's arena, which came with the first piece of it; -1. */
static int fd_of(const struct answering *a, const struct piece *piece)
{
	for (size_t i = 0; i < a->reply->n_pieces; i++) {
		const struct piece *p = &a->reply->pieces[i];

		if (p->arena == piece->arena && p->fd && p->fd <= a->n_fds)
			return a->fds[p->fd - 1];
	}
	return -1;
}

/* The index of an fd among those of this operation, which it is one of from now on; -1: they are as many as may be. */
static int place_of(const struct answering *a, int *fds, size_t *n_fds, int fd)
{
	for (size_t i = 0; i < *n_fds; i++)
		if (fds[i] == fd)
			return (int)i;
	if (fd < 0 || a->n_given + *n_fds == FDS_MAX)
		return -1;
	fds[(*n_fds)++] = fd;
	return (int)*n_fds - 1;
}

static int add_pieces(struct answering *a, const char *name, int *fds, size_t *n_fds)
{
	int r = begin(a, name, "a(utt)");

	if (r >= 0)
		r = sd_bus_message_open_container(a->m, 'a', "(utt)");
	for (size_t i = 0; r >= 0 && i < a->reply->n_pieces; i++) {
		const struct piece *p = &a->reply->pieces[i];
		int place;

		if (p->op != a->index)
			continue;
		place = place_of(a, fds, n_fds, fd_of(a, p));
		if (place < 0)
			break;
		r = sd_bus_message_append(a->m, "(utt)", (uint32_t)place, p->offset, p->len);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(a->m);
	return r < 0 ? r : finish(a);
}

static int add_fds(struct answering *a, const char *name, const int *fds, size_t n_fds)
{
	int r = begin(a, name, "ah");

	if (r >= 0)
		r = sd_bus_message_open_container(a->m, 'a', "h");
	for (size_t i = 0; r >= 0 && i < n_fds; i++)
		r = sd_bus_message_append_basic(a->m, 'h', &fds[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(a->m);
	a->n_given += n_fds;
	return r < 0 ? r : finish(a);
}

static int add_fd(struct answering *a, const char *name)
{
	int r = a->n_fds ? begin(a, name, "h") : -EBADF;

	if (r >= 0)
		r = sd_bus_message_append_basic(a->m, 'h', &a->fds[0]);
	return r < 0 ? r : finish(a);
}

/* Two results for one field. */
static int add_memory(struct answering *a, const char *name)
{
	int fds[FDS_MAX];
	size_t n_fds = 0;
	int r = add_pieces(a, name, fds, &n_fds);

	return r < 0 ? r : add_fds(a, name + strlen(name) + 1, fds, n_fds);
}

/* --- one operation, and all of them */

static int add_field(struct answering *a, char field, char type, const char *name)
{
	switch (field) {
	case 'h':
		return add_number(a, name, type, a->op->handle);
	case 'm':
		return add_memory(a, name);
	case 'd':
		return add_data(a, name);
	case 'f':
		return add_fd(a, name);
	case 'R':
		return add_rows(a, name);
	default:
		if (a->value >= a->reply->n_values)
			return -EPROTO;
		return add_number(a, name, type, a->reply->values[a->value++]);
	}
}

static int add_operation(struct answering *a)
{
	const struct bus_method *method = a->op->method;
	const char *name = method->out_names;
	size_t end = a->value + op_n_values(method->code);
	int r = 0;

	for (size_t i = 0; r >= 0 && method->out_fields[i]; i++, name += strlen(name) + 1)
		r = add_field(a, method->out_fields[i], method->out[i], name);
	a->value = end;
	return r;
}

static int add_batch(const struct bus_call *c, struct answering *a)
{
	int r = sd_bus_message_open_container(a->m, 'a', "a{sv}");

	a->named = true;
	for (; r >= 0 && a->index < c->n_ops; a->index++) {
		a->op = &c->ops[a->index];
		r = sd_bus_message_open_container(a->m, 'a', "{sv}");
		if (r >= 0)
			r = add_operation(a);
		if (r >= 0)
			r = sd_bus_message_close_container(a->m);
	}
	return r < 0 ? r : sd_bus_message_close_container(a->m);
}

static void refuse_batch(const struct bus_call *c, const struct reply *reply)
{
	struct reason text;

	refuse(&text, 0, "operation %u (%s): %s", reply->failed,
	       reply->failed < c->n_ops ? c->ops[reply->failed].method->name : "?", reply->reason);
	bus_refuse_status(c->bus, c->m, reply->status, text.text);
}

void bus_call_reply(const struct bus_call *c, const struct reply *reply, const int *fds,
		    size_t n_fds)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	struct answering a = { .reply = reply, .fds = fds, .n_fds = n_fds, .op = c->ops };
	int r;

	if (reply->status < 0 && c->batch) {
		refuse_batch(c, reply);
		return;
	}
	if (reply->status < 0) {
		bus_refuse_status(c->bus, c->m, reply->status, reply->reason);
		return;
	}
	r = sd_bus_message_new_method_return(c->m, &m);
	a.m = m;
	if (r >= 0)
		r = c->batch ? add_batch(c, &a) : add_operation(&a);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	if (r >= 0)
		return;
	log_warning("%s: a reply cannot be sent: %s", sd_bus_message_get_sender(c->m),
		    strerror(-r));
	bus_refuse_status(c->bus, c->m, r, "the answer cannot be sent; what was asked for is done");
}
