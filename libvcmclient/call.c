// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/call.h"

#include <assert.h>
#include <errno.h>

#include "base/range.h"
#include "libvcmclient/batch.h"
#include "libvcmclient/error.h"
#include "libvcmclient/mapping.h"

struct call call_begin(uint32_t code)
{
	/* What goes into a batch waits for nobody. */
	struct call c = { .entry = batch_is_open() ? entry_begin_unguarded() : entry_begin(),
			  .op = { .code = code, .name = "" } };

	if (!c.entry.session)
		c.err = -ENOTCONN;
	return c;
}

void call_deinit(struct call *c)
{
	int saved_errno = errno;

	if (c->entry.session) {
		step_undo(c->entry.session, &c->step);
		mapping_unref(c->on.mapping);
		mapping_unref(c->target.mapping);
		connection_put(c->entry.session->connection, c->packet);
	}
	entry_leave(&c->entry);
	errno = saved_errno;
}

void call_fail(struct call *c, int err)
{
	assert(err < 0);
	if (c->err == 0)
		c->err = err;
}

static void find(struct call *c, enum handle_kind kind, const void *p, struct handle_info *out)
{
	int r = handles_find(c->entry.session->handles, kind, p, out, error_reason());

	if (r < 0)
		call_fail(c, r);
}

void call_on(struct call *c, enum handle_kind kind, const void *p)
{
	if (c->err < 0)
		return;
	find(c, kind, p, &c->on);
	c->op.on = c->on.wire;
}

void call_target(struct call *c, enum handle_kind kind, const void *p)
{
	if (c->err < 0)
		return;
	find(c, kind, p, &c->target);
	c->op.target = c->target.wire;
}

void call_target_if(struct call *c, enum handle_kind kind, const void *p)
{
	if (p)
		call_target(c, kind, p);
}

void call_device(struct call *c, size_t dev_id)
{
	c->op.target = dev_id <= UINT32_MAX ? (uint32_t)dev_id : 0;
}

void call_creates(struct call *c, enum handle_kind kind, bool is_user)
{
	const struct handle_info info = { .is_pending = batch_is_open(),
					  .is_user = is_user,
					  .mapping = c->step.mapping };
	int r;

	if (c->err < 0)
		return;
	r = handles_take(c->entry.session->handles, kind, &info, &c->step.creates);
	if (r < 0) {
		call_fail(c, refuse(error_reason(), r, "no handle for another %s",
				    handle_kind_name(kind)));
		return;
	}
	c->op.handle = c->step.creates;
	c->made = handles_pointer(c->entry.session->handles, kind, c->step.creates);
}

void call_frees(struct call *c)
{
	c->step.frees = true;
}

/* The broker refuses such lengths too; but there is no space for it to refuse them in. */
static void check_len(struct call *c, uint64_t len)
{
	if (c->err == 0 && (len == 0 || !is_aligned(len, PAGE_LEN)))
		call_fail(c, refuse(error_reason(), -EINVAL, "%#llx bytes: not a multiple of 4 KB",
				    (unsigned long long)len));
}

void call_takes_space(struct call *c, uint64_t len, uint32_t attr)
{
	int r;

	check_len(c, len);
	if (c->err < 0)
		return;
	r = mapping_new(&c->entry.session->arenas, len, attr, &c->step.mapping, error_reason());
	if (r < 0) {
		call_fail(c, r);
		return;
	}
	c->step.effect = EFFECT_SPACE;
	c->op.addr = mapping_addr(c->step.mapping);
}

void call_takes_part(struct call *c, uint64_t len, uint32_t attr)
{
	check_len(c, len);
	if (c->err < 0)
		return;
	c->step.mapping = mapping_new_inside(c->on.mapping, len, attr);
	if (!c->step.mapping)
		call_fail(c, refuse(error_reason(), -ENOMEM, "no memory"));
	else
		c->step.effect = EFFECT_PLACE;
}

void call_affects(struct call *c, enum effect effect)
{
	if (c->err < 0 || !c->on.mapping)
		return;
	c->step.effect = effect;
	c->step.mapping = mapping_ref(c->on.mapping);
}

static bool is_pending(const struct call *c)
{
	return c->on.is_pending || c->target.is_pending;
}

static void send(struct call *c)
{
	size_t failed;
	int r;

	if (c->err < 0)
		return;
	if (is_pending(c)) {
		call_fail(c, refuse(error_reason(), -EINPROGRESS,
				    "the batch that creates the object is not committed"));
		return;
	}
	entry_guard(&c->entry);
	r = transaction_run(c->entry.session, &c->op, &c->step, 1, &c->packet, &failed,
			    error_reason());
	if (r < 0)
		call_fail(c, r);
}

int call_do(struct call *c)
{
	if (batch_is_open())
		c->err = batch_collect(c->entry.session, &c->op, &c->step, c->err, error_reason());
	else
		send(c);
	return error_status(c->err);
}

int call_ask(struct call *c)
{
	send(c);
	return c->err;
}

void *call_made(struct call *c)
{
	error_end(c->err);
	return c->err == 0 ? c->made : NULL;
}

uint64_t call_value(struct call *c, size_t i, uint64_t error_value)
{
	error_end(c->err);
	if (c->err < 0)
		return error_value;
	assert(i < c->packet->reply.n_values);
	return c->packet->reply.values[i];
}

static void *pointer(struct call *c, enum handle_kind kind, uint32_t wire)
{
	void *p = handles_pointer(c->entry.session->handles, kind, wire);

	if (!p && wire & HANDLE_BROKER)
		call_fail(c, refuse(error_reason(), -ENOMEM, "no memory"));
	else if (!p)
		call_fail(c, refuse(error_reason(), -EINVAL, "the %s went away meanwhile",
				    handle_kind_name(kind)));
	return p;
}

void *call_object(struct call *c, enum handle_kind kind, size_t i)
{
	uint64_t wire = c->err == 0 ? c->packet->reply.values[i] : 0;
	void *p = NULL;

	if (wire > UINT32_MAX)
		call_fail(c, refuse(error_reason(), -EPROTO, "the broker answered with no handle"));
	else if (wire)
		p = pointer(c, kind, (uint32_t)wire);
	error_end(c->err);
	return p;
}
