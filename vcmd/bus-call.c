// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-call.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vcmd/bus-authority.h"
#include "vcmd/bus-bare.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-object.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"

CLEANUP_DEFINE(struct bus_call *, bus_call_free)

struct bus_call *bus_call_new(struct bus *bus, sd_bus_message *m, size_t n_ops)
{
	struct bus_call *c = mem_zalloc(sizeof(*c) + n_ops * sizeof(*c->ops));

	if (!c)
		return NULL;
	c->bus = bus;
	c->m = sd_bus_message_ref(m);
	c->n_ops = n_ops;
	return c;
}

struct bus_call *bus_call_free(struct bus_call *c)
{
	if (!c)
		return NULL;
	sd_bus_message_unref(c->m);
	mem_free(c->ops_held);
	return mem_free(c);
}

void bus_call_let_go(struct bus_call *c)
{
	sd_bus_message *bare = bus_bare(c->bus, c->m);

	sd_bus_message_unref(c->m);
	c->m = bare;
}

void bus_call_keep(struct bus_call *c, const struct op *ops, size_t n_ops)
{
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].n_data || *ops[i].name)
			return;
	bus_call_let_go(c);
}

/* --- errors */

static int invalid(sd_bus_error *error, const char *fmt, ...) _printf_(2, 3);

static int invalid(sd_bus_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sd_bus_error_setfv(error, SD_BUS_ERROR_INVALID_ARGS, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* --- whose session */

static int open_own(struct bus_peer *p, sd_bus_error *error)
{
	struct reason why = { "" };
	int r = p->session ? 0 : bus_session_open(p, &(struct bus_opening){ .name = "" }, &why);

	return r < 0 ? bus_refuse_handled(error, r, why.text) : 0;
}

/* At the root a caller acts in its own session, which begins with the first call. */
static int find_session(struct bus *bus, sd_bus_message *m, struct bus_session **out,
			sd_bus_error *error)
{
	struct bus_peer *p = bus_peer_of(bus, m);
	const char *path = sd_bus_message_get_path(m);
	struct bus_session *s;
	uint64_t id;
	int r;

	if (!p)
		return bus_refuse_handled(error, -EACCES, "");
	if (!strcmp(path, BUS_ROOT)) {
		r = open_own(p, error);
		*out = p->session;
		return r;
	}
	s = bus_object_parse_session(path, &id) ? bus_session_find(bus, id) : NULL;
	if (!s || !bus_session_may_use(s, p))
		return bus_refuse_handled(error, -EACCES, "the session is not yours, nor shared");
	*out = s;
	return 0;
}

/* --- arguments */

static void set_number(struct op *op, char field, uint64_t v)
{
	switch (field) {
	case 'h':
		op->handle = (uint32_t)v;
		break;
	case 'o':
		op->on = (uint32_t)v;
		break;
	case 't':
		op->target = (uint32_t)v;
		break;
	case 'a':
		op->addr = v;
		break;
	case 'l':
		op->len = v;
		break;
	case 'r':
		op->attr = (uint32_t)v;
		break;
	default:
		op->arg = v;
		break;
	}
}

static bool is_too_long(const struct op *op)
{
	return op->n_data > PROTO_MAX_DATA || strnlen(op->name, PROTO_MAX_DATA) == PROTO_MAX_DATA;
}

/* One argument, of the type that it must have. Texts and data stay the message's. */
static int read_argument(sd_bus_message *m, char type, char field, struct op *op)
{
	union {
		uint32_t u;
		uint64_t t;
		int b;
	} v = { .t = 0 };
	int r;

	if (type == 's')
		r = sd_bus_message_read_basic(m, 's', &op->name);
	if (type == 'a')
		r = sd_bus_message_read_array(m, 'y', &op->data, &op->n_data);
	/* Now: the call may be held, and its message with it. */
	if (type == 's' || type == 'a')
		return r < 0 || !is_too_long(op) ? r : -EMSGSIZE;
	r = sd_bus_message_read_basic(m, type, &v);
	if (r >= 0)
		set_number(op, field, type == 't' ? v.t : v.u);
	return r;
}

/* The last touch: what the wire wants and D-Bus callers need not know. */
static void complete(struct bus_session *s, const struct bus_method *method, struct op *op,
		     struct bus_call_op *out)
{
	if (bus_method_takes(method, 'h') && !op->handle)
		op->handle = bus_session_pick(s);
	*out = (struct bus_call_op){ method, op->handle, op->on, op->target };
}

static int bad_argument(sd_bus_error *error, int r, size_t i)
{
	if (r == -EMSGSIZE)
		return bus_refuse_handled(error, r, "an argument is longer than a message may be");
	return invalid(error, "argument %zu is not understood", i);
}

int bus_call_method(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const struct bus_method *method = bus_method_find(sd_bus_message_get_member(m));
	struct op op = { .code = method->code, .name = "" };
	struct bus_session *s = NULL;
	struct bus_call *call;
	int r = find_session(userdata, m, &s, error);

	if (r < 0)
		return r;
	for (size_t i = 0; method->in_fields[i]; i++) {
		r = read_argument(m, method->in[i], method->in_fields[i], &op);
		if (r < 0)
			return bad_argument(error, r, i);
	}
	call = bus_call_new(userdata, m, 1);
	if (!call)
		return bus_refuse_handled(error, -ENOMEM, "the broker is out of memory");
	complete(s, method, &op, &call->ops[0]);
	if (!bus_authority_ask(s, call, &op))
		bus_session_request(s, call, &op, 1);
	return 1;
}

/* --- batches: a(sa{sv}), the name of each operation and its arguments by name */

/* The index of an argument; -1. */
static int find_argument(const struct bus_method *method, const char *name)
{
	const char *n = method->in_names;

	for (int i = 0; *n; i++, n += strlen(n) + 1)
		if (!strcmp(n, name))
			return i;
	return -1;
}

static int read_named(sd_bus_message *m, const struct bus_method *method, struct op *op,
		      sd_bus_error *error)
{
	char type[3] = "";
	const char *name;
	int r = sd_bus_message_read_basic(m, 's', &name), i;

	if (r < 0)
		return r;
	i = find_argument(method, name);
	if (i < 0)
		return invalid(error, "%s has no argument %s", method->name, name);
	type[0] = method->in[i];
	type[1] = type[0] == 'a' ? 'y' : 0;
	r = sd_bus_message_enter_container(m, 'v', type);
	if (r <= 0)
		return invalid(error, "%s: %s is of type %s", method->name, name, type);
	r = read_argument(m, method->in[i], method->in_fields[i], op);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_dictionary(sd_bus_message *m, const struct bus_method *method, struct op *op,
			   sd_bus_error *error)
{
	size_t left = strlen(method->in_fields);
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		if (left-- == 0)
			return invalid(error, "%s: an argument is given twice", method->name);
		r = read_named(m, method, op, error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_operation(sd_bus_message *m, struct op *op, const struct bus_method **out,
			  sd_bus_error *error)
{
	const char *name;
	int r = sd_bus_message_read_basic(m, 's', &name);

	if (r < 0)
		return r;
	*out = bus_method_find(name);
	if (!*out)
		return invalid(error, "there is no operation %.63s", name);
	*op = (struct op){ .code = (*out)->code, .name = "" };
	return read_dictionary(m, *out, op, error);
}

struct batch {
	size_t n;
	struct op ops[PROTO_MAX_OPS];
	const struct bus_method *methods[PROTO_MAX_OPS];
};

static int read_batch(sd_bus_message *m, struct batch *b, sd_bus_error *error)
{
	int r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
		if (b->n == PROTO_MAX_OPS)
			return invalid(error, "a batch has at most %d operations", PROTO_MAX_OPS);
		r = read_operation(m, &b->ops[b->n], &b->methods[b->n], error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		b->n++;
	}
	if (r >= 0 && !b->n)
		return invalid(error, "a batch has at least one operation");
	return r;
}

/* Who chooses no handle could not be told which it was, were it asked again. */
static int check_handles(const struct batch *b, sd_bus_error *error)
{
	for (size_t i = 0; i < b->n; i++)
		if (bus_method_takes(b->methods[i], 'h') && !b->ops[i].handle)
			return invalid(error, "operation %zu (%s) needs a handle of your choice", i,
				       b->methods[i]->name);
	return 0;
}

/* The call of a batch that has been read; NULL without memory. */
static struct bus_call *batch_call(struct bus *bus, sd_bus_message *m, struct bus_session *s,
				   struct batch *b)
{
	struct bus_call *call = bus_call_new(bus, m, b->n);

	if (!call)
		return NULL;
	call->batch = true;
	for (size_t i = 0; i < b->n; i++)
		complete(s, b->methods[i], &b->ops[i], &call->ops[i]);
	return call;
}

int bus_call_batch(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(mem_freep) struct batch *b = mem_new0(struct batch);
	struct bus_session *s = NULL;
	struct bus_call *call;
	int r = find_session(userdata, m, &s, error);

	if (r < 0)
		return r;
	r = b ? read_batch(m, b, error) : bus_refuse_handled(error, -ENOMEM, "");
	if (r < 0)
		return r;
	call = batch_call(userdata, m, s, b);
	if (!call)
		return bus_refuse_handled(error, -ENOMEM, "");
	bus_session_request(s, call, b->ops, b->n);
	return 1;
}

static int read_once(sd_bus_message *m, uint32_t *ticket, uint32_t *seen, struct batch *b,
		     sd_bus_error *error)
{
	int r = sd_bus_message_read(m, "uu", ticket, seen);

	if (r >= 0)
		r = read_batch(m, b, error);
	return r < 0 ? r : check_handles(b, error);
}

int bus_call_once(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(mem_freep) struct batch *b = mem_new0(struct batch);
	_cleanup_(bus_call_freep) struct bus_call *call = NULL;
	struct bus_session *s = NULL;
	struct reason why = { "" };
	uint32_t ticket, seen;
	int r = find_session(userdata, m, &s, error);

	if (r < 0)
		return r;
	r = b ? read_once(m, &ticket, &seen, b, error) : bus_refuse_handled(error, -ENOMEM, "");
	if (r < 0)
		return r;
	call = batch_call(userdata, m, s, b);
	if (!call)
		return bus_refuse_handled(error, -ENOMEM, "");
	r = bus_session_take_ticket(s, call, ticket, seen, &why);
	if (r < 0)
		return bus_refuse_handled(error, r, why.text);
	if (r == 0)
		bus_session_request(s, STEAL_PTR(call), b->ops, b->n);
	return 1;
}
