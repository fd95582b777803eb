// SPDX-License-Identifier: BSD-3-Clause
#include "graph/user.h"

#include <errno.h>

#include "base/mem.h"
#include "graph/graph.h"

static int user_cmp(const struct user *a, const struct user *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

RB_GENERATE(user_tree, user, by_uid, user_cmp)

struct user *user_get(struct graph *g, uint32_t uid, const struct limits *limits)
{
	struct user *u = RB_FIND(user_tree, &g->users, &(struct user){ .uid = uid });

	if (u)
		return u;
	u = mem_new0(struct user);
	if (!u)
		return NULL;
	u->graph = g;
	u->uid = uid;
	u->limits = *limits;
	RB_INIT(&u->arenas);
	RB_INSERT(user_tree, &g->users, u);
	return u;
}

int user_charge_objects(struct user *u, uint64_t n, struct reason *why)
{
	if (n > u->limits.objects || u->objects > u->limits.objects - n)
		return refuse(why, -EDQUOT, "user %u has %llu objects and may have %llu", u->uid,
			      (unsigned long long)u->objects,
			      (unsigned long long)u->limits.objects);
	u->objects += n;
	u->graph->n_objects += n;
	return 0;
}

void user_release_objects(struct user *u, uint64_t n)
{
	u->objects -= n;
	u->graph->n_objects -= n;
}

int user_check_bytes(const struct user *u, uint64_t more, struct reason *why)
{
	if (more > u->limits.bytes || u->bytes > u->limits.bytes - more)
		return refuse(
			why, -EDQUOT,
			"user %u has 0x%llx bytes of arenas, wants 0x%llx more and may have 0x%llx",
			u->uid, (unsigned long long)u->bytes, (unsigned long long)more,
			(unsigned long long)u->limits.bytes);
	return 0;
}

int user_check_arena(const struct user *u, struct reason *why)
{
	if (u->n_arenas < u->limits.arenas)
		return 0;
	return refuse(why, -EDQUOT,
		      "user %u has %llu arenas and may have %llu: small memory that is not "
		      "VCM_COHERENT shares one",
		      u->uid, (unsigned long long)u->n_arenas,
		      (unsigned long long)u->limits.arenas);
}
