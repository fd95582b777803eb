// SPDX-License-Identifier: BSD-3-Clause
#include "journal/row.h"

#include <string.h>

static const struct shape {
	const char *name;
	size_t len; /* of the body, at least */
} shapes[N_ROW_KINDS] = {
	[ROW_IDS] = { "ids", sizeof(struct row_ids) },
	[ROW_SESSION] = { "session", sizeof(struct row_session) },
	[ROW_REPLY] = { "reply", sizeof(struct row_reply) },
	[ROW_HOOK] = { "hook", sizeof(struct row_hook) },
	[ROW_ARENA] = { "arena", sizeof(struct row_arena) },
	[ROW_VCM] = { "vcm", sizeof(struct row_vcm) },
	[ROW_BOUND] = { "bound", sizeof(struct row_bound) },
	[ROW_PHYSMEM] = { "physmem", sizeof(struct row_physmem) },
	[ROW_RES] = { "reservation", sizeof(struct row_res) },
	[ROW_AVCM] = { "association", sizeof(struct row_avcm) },
	[ROW_GRANT] = { "grant", sizeof(struct row_grant) },
};

static const struct shape *shape_of(unsigned int kind)
{
	return kind < N_ROW_KINDS && shapes[kind].name ? &shapes[kind] : NULL;
}

const char *row_kind_name(unsigned int kind)
{
	const struct shape *s = shape_of(kind);

	return s ? s->name : "row";
}

const void *row_body(const struct row_head *row, size_t min_len)
{
	if ((row->flags & ROW_GONE) || row->len < sizeof(*row) + min_len)
		return NULL;
	return row + 1;
}

static bool is_text(const char *text)
{
	return memchr(text, 0, ROW_NAME_LEN) != NULL;
}

static bool physmem_is_right(const struct row_physmem *m, size_t len)
{
	bool whole = m->flags & ROW_PHYSMEM_WHOLE;

	return whole ? (m->flags & ROW_PHYSMEM_ALIAS) && !m->n_extents :
		       m->n_extents > 0 &&
			       m->n_extents <= (len - sizeof(*m)) / sizeof(struct row_extent);
}

/* What the counts and texts of a body say about it, which is as long as its kind asks for. */
static bool body_is_right(const struct row_head *row, const void *body, size_t len)
{
	switch ((enum row_kind)row->kind) {
	case ROW_REPLY:
		return ((const struct row_reply *)body)->n_values <=
		       (len - sizeof(struct row_reply)) / sizeof(uint64_t);
	case ROW_PHYSMEM:
		return physmem_is_right(body, len);
	case ROW_SESSION:
		return is_text(((const struct row_session *)body)->name);
	case ROW_HOOK:
		return is_text(((const struct row_hook *)body)->device);
	case ROW_AVCM:
		return is_text(((const struct row_avcm *)body)->device);
	case ROW_IDS:
	case ROW_ARENA:
	case ROW_VCM:
	case ROW_BOUND:
	case ROW_RES:
	case ROW_GRANT:
	case N_ROW_KINDS:
		break;
	}
	return true;
}

bool row_is_right(const struct row_head *row)
{
	const struct shape *s = shape_of(row->kind);
	const void *body;

	if (!s || (row->flags & ROW_GONE))
		return row->kind != 0;
	body = row_body(row, s->len);
	return body && body_is_right(row, body, row->len - sizeof(*row));
}
