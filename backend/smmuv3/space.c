// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tables that are active on an SMMU. Contexts with one table share an ASID, and so each other's TLB entries. ASID 0 is
 * the parking descriptor's. An ASID that is given is in no TLB: it was invalidated when it came back.
 */
#include "backend/smmuv3/device.h"

#include <errno.h>
#include <stddef.h>

#include "backend/smmuv3/registers.h"

/* A command that is refused is one that did not happen: then everything goes, and if that is refused too, everybody. */
static int sync_or_else(struct smmuv3 *s)
{
	if (!v3_sync(s))
		return 0;
	v3_command(s, CMD_TLBI_NSNH_ALL, 0);
	if (v3_sync(s))
		v3_stop(s, "the TLB cannot be invalidated");
	return s->lost ? -EIO : 0;
}

static void forget_asid(struct smmuv3 *s, uint16_t asid)
{
	v3_command(s, CMD_TLBI_NH_ASID | (uint64_t)asid << CMD_ASID_SHIFT, 0);
}

static int invalidate(struct stale_user *user, const struct stale *stale)
{
	struct v3_space *space = (struct v3_space *)(void *)user;

	if (stale->all) {
		forget_asid(space->smmu, space->asid);
	} else {
		/* Not "leaf": the addresses of tables that went are cached, too. */
		for (unsigned int i = 0; i < stale->n; i++)
			v3_command(space->smmu,
				   CMD_TLBI_NH_VA | (uint64_t)space->asid << CMD_ASID_SHIFT,
				   stale->at[i]);
	}
	return sync_or_else(space->smmu);
}

static uint16_t unused_asid(const struct smmuv3 *s)
{
	uint32_t last = s->asid16 ? 0xFFFF : 0xFF;

	/* As many spaces as can be in use differ from one of as many ASIDs and one; what was left counts, too. */
	for (uint32_t asid = 1; asid <= last; asid++) {
		bool used = false;

		for (unsigned int i = 0; i <= s->n_contexts; i++)
			used |= s->spaces[i].n_contexts && s->spaces[i].asid == asid;
		for (unsigned int i = 0; i < s->n_contexts; i++)
			used |= s->contexts[i].left_asid == asid;
		if (!used)
			return (uint16_t)asid;
	}
	return 0;
}

struct v3_space *v3_space_get(struct smmuv3 *s, struct table *t)
{
	struct v3_space *unused = NULL;
	uint16_t asid;

	for (unsigned int i = 0; i <= s->n_contexts; i++) {
		struct v3_space *space = &s->spaces[i];

		if (space->n_contexts && space->table == t) {
			space->n_contexts++;
			return space;
		}
		if (!space->n_contexts)
			unused = space;
	}
	asid = unused_asid(s);
	if (!unused || !asid)
		return NULL;
	*unused = (struct v3_space){
		.user.invalidate = invalidate, .smmu = s, .table = t, .n_contexts = 1, .asid = asid
	};
	a64_attach(t, &unused->user);
	return unused;
}

void v3_space_put(struct v3_space *space)
{
	if (--space->n_contexts)
		return;
	forget_asid(space->smmu, space->asid);
	sync_or_else(space->smmu);
	a64_detach(space->table, &space->user);
	space->table = NULL;
}

void v3_left_forget(struct smmuv3 *s, struct v3_context *c)
{
	if (!c->left_asid)
		return;
	forget_asid(s, c->left_asid);
	sync_or_else(s);
	c->left_asid = 0;
}
