// SPDX-License-Identifier: BSD-3-Clause
/* Rows for people to read. */
#include <inttypes.h>

#include "journal/row.h"

static void describe_body(const struct row_head *row, const void *body, struct reason *out)
{
	const struct row_ids *ids = body;
	const struct row_session *s = body;
	const struct row_reply *reply = body;
	const struct row_hook *hook = body;
	const struct row_arena *arena = body;
	const struct row_vcm *vcm = body;
	const struct row_bound *bound = body;
	const struct row_physmem *m = body;
	const struct row_res *res = body;
	const struct row_avcm *a = body;
	const struct row_grant *g = body;

	switch ((enum row_kind)row->kind) {
	case ROW_IDS:
		reason_write(out, "ids: sessions %" PRIu64 ", objects %" PRIu64 ", arenas %" PRIu64,
			     ids->session, ids->object, ids->arena);
		break;
	case ROW_SESSION:
		reason_write(out, "session %" PRIu64 ": uid %u, gid %u, pid %" PRIu64 ", %s",
			     row->session, s->uid, s->gid, s->pid, s->name);
		break;
	case ROW_REPLY:
		reason_write(out,
			     "session %" PRIu64 ": reply to %" PRIu64 ": %u values; %" PRIu64
			     " seen, %u handles",
			     row->session, row->key, reply->n_values, reply->ack, reply->n_handles);
		break;
	case ROW_HOOK:
		reason_write(out, "session %" PRIu64 ": hook on %s %s", row->session, hook->device,
			     hook->set ? "set" : "removed");
		break;
	case ROW_ARENA:
		reason_write(out,
			     "arena %" PRIu64 ": uid %u, memtype %u, 0x%" PRIx64 "-0x%" PRIx64
			     ", stored as %" PRIu64 ", flags %x",
			     row->key, arena->uid, arena->memtype - 1, arena->first, arena->last,
			     arena->stored, arena->flags);
		break;
	case ROW_VCM:
		reason_write(out,
			     "session %" PRIu64 ": vcm %" PRIu64 ": id %" PRIu64
			     ", type %u, 0x%" PRIx64 "-0x%" PRIx64,
			     row->session, row->key, vcm->id, vcm->type, vcm->first, vcm->last);
		break;
	case ROW_BOUND:
		reason_write(out,
			     "session %" PRIu64 ": bound %" PRIu64 " of vcm %u: 0x%" PRIx64
			     "-0x%" PRIx64,
			     row->session, row->key, bound->vcm, bound->first, bound->last);
		break;
	case ROW_PHYSMEM:
		reason_write(out,
			     "session %" PRIu64 ": physmem %" PRIu64 ": id %" PRIu64
			     ", memtype %u, 0x%" PRIx64
			     " bytes in %u extents, attr 0x%x, flags %x, from 0x%" PRIx64,
			     row->session, row->key, m->id, m->memtype - 1, m->len, m->n_extents,
			     m->attr, m->flags, m->n_extents ? m->extents[0].first : 0);
		break;
	case ROW_RES:
		reason_write(out,
			     "session %" PRIu64 ": reservation %" PRIu64 " of vcm %u: 0x%" PRIx64
			     ", 0x%" PRIx64 " bytes, attr 0x%x, bound %u, physmem %u",
			     row->session, row->key, res->vcm, res->addr, res->len, res->attr,
			     res->bound, res->physmem);
		break;
	case ROW_AVCM:
		reason_write(out,
			     "session %" PRIu64 ": association %" PRIu64
			     " of vcm %u with %s: attr 0x%x, %s",
			     row->session, row->key, a->vcm, a->device, a->attr,
			     a->is_active ? "active" : "not active");
		break;
	case ROW_GRANT:
		reason_write(out, "session %" PRIu64 ": grant of physmem %u to %s", row->session,
			     g->physmem, g->writable ? "write" : "read");
		break;
	case N_ROW_KINDS:
		break;
	}
}

void row_describe(const struct row_head *row, struct reason *out)
{
	reason_write(out, "session %" PRIu64 ": %s %" PRIu64 "%s", row->session,
		     row_kind_name(row->kind), row->key, row->flags & ROW_GONE ? " is gone" : "");
	if (!(row->flags & ROW_GONE) && row_is_right(row))
		describe_body(row, row + 1, out);
}
