// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API for who runs the broker. */
#include <vcm/manage.h>

#include <errno.h>
#include <stdbool.h>

#include "libvcmclient/call.h"
#include "libvcmclient/error.h"
#include "libvcmclient/inspect.h"

int vcm_session_kill(uint64_t session)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SESSION_KILL);

	c.op.arg = session;
	return error_status(call_ask(&c));
}

/* One answer; *since is where the next one begins, 0 at first. */
static int give_events(uint64_t *since, vcm_event_fn fn, void *ctx)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_MONITOR);
	const struct reply *reply;
	int r = 0;

	c.op.addr = *since;
	if (call_ask(&c) < 0)
		return error_status(c.err);
	reply = &c.packet->reply;
	*since = reply->values[0];
	error_clear();
	for (size_t i = 0; r == 0 && i < reply->n_rows; i++) {
		struct vcm_row row;

		inspect_row(&reply->rows[i], &row);
		r = fn(ctx, &row, i == 0 ? reply->values[1] : 0);
	}
	return r;
}

int vcm_monitor(vcm_event_fn fn, void *ctx)
{
	uint64_t since = 0;
	int r = 0;

	if (!fn) {
		error_clear();
		return error_status(
			refuse(error_reason(), -EINVAL, "there is no function to call"));
	}
	do
		r = give_events(&since, fn, ctx);
	while (r == 0);
	return r;
}

/* The next page of the journal, of which the report is the only one. */
static int give_journal(bool rows, uint64_t *cursor, vcm_row_fn fn, void *ctx)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_JOURNAL);
	const struct reply *reply;
	int r = 0;

	c.op.arg = rows;
	c.op.addr = *cursor;
	if (call_ask(&c) < 0)
		return error_status(c.err);
	reply = &c.packet->reply;
	if (reply->values[0] && reply->values[0] <= *cursor)
		return error_status(
			refuse(error_reason(), -EPROTO, "the broker's journal does not end"));
	*cursor = reply->values[0];
	error_clear();
	for (size_t i = 0; r == 0 && i < reply->n_rows; i++) {
		struct vcm_row row;

		inspect_row(&reply->rows[i], &row);
		r = fn(ctx, &row);
	}
	return r;
}

static int walk_journal(bool rows, vcm_row_fn fn, void *ctx)
{
	uint64_t cursor = 0;
	int r = 0;

	if (!fn) {
		error_clear();
		return error_status(
			refuse(error_reason(), -EINVAL, "there is no function to call"));
	}
	do
		r = give_journal(rows, &cursor, fn, ctx);
	while (r == 0 && cursor);
	return r == 0 ? error_status(0) : r;
}

int vcm_journal_verify(vcm_row_fn fn, void *ctx)
{
	return walk_journal(false, fn, ctx);
}

int vcm_journal_show(vcm_row_fn fn, void *ctx)
{
	return walk_journal(true, fn, ctx);
}

int vcm_reload(void)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RELOAD);

	return error_status(call_ask(&c));
}
