// SPDX-License-Identifier: BSD-3-Clause
/* The function of the API that reads the broker's tables. */
#include <vcm/inspect.h>

#include <assert.h>
#include <errno.h>

#include "libvcmclient/call.h"
#include "libvcmclient/error.h"
#include "libvcmclient/inspect.h"

_Static_assert(VCM_ROW_MAX_N == ROW_MAX_N && VCM_ROW_MAX_S == ROW_MAX_S,
	       "rows are as wide on the wire");

void inspect_row(const struct row *in, struct vcm_row *out)
{
	*out = (struct vcm_row){ .n_n = in->n_n, .n_s = in->n_s };
	for (size_t i = 0; i < ROW_MAX_N; i++)
		out->n[i] = i < in->n_n ? in->n[i] : 0;
	for (size_t i = 0; i < ROW_MAX_S; i++)
		out->s[i] = i < in->n_s && in->s[i] ? in->s[i] : "";
}

static int give_rows(const struct reply *reply, vcm_row_fn fn, void *ctx)
{
	for (size_t i = 0; i < reply->n_rows; i++) {
		struct vcm_row row;
		int r;

		inspect_row(&reply->rows[i], &row);
		r = fn(ctx, &row);
		if (r != 0)
			return r;
	}
	return 0;
}

/* One page. Out: where the next one begins, 0: there is none. */
static int give_page(enum vcm_table_kind table, uint64_t arg, uint64_t *cursor, vcm_row_fn fn,
		     void *ctx)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_INSPECT);
	const uint64_t before = *cursor;

	c.op.arg = (unsigned int)table;
	c.op.addr = before;
	c.op.len = arg;
	if (call_ask(&c) < 0)
		return error_status(c.err);
	*cursor = c.packet->reply.values[0];
	if (*cursor != 0 && *cursor == before)
		return error_status(
			refuse(error_reason(), -EPROTO, "the broker's table does not end"));
	error_clear();
	return give_rows(&c.packet->reply, fn, ctx);
}

int vcm_inspect(enum vcm_table_kind table, uint64_t arg, vcm_row_fn fn, void *ctx)
{
	uint64_t cursor = 0;
	int r = 0;

	if (!fn) {
		error_clear();
		return error_status(
			refuse(error_reason(), -EINVAL, "there is no function to call"));
	}
	do
		r = give_page(table, arg, &cursor, fn, ctx);
	while (r == 0 && cursor != 0);
	return r == 0 ? error_status(0) : r;
}
