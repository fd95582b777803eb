/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sharing: a grant is a token that stands for a physmem; whoever shows it gets an import, a physmem of its own session
 * over the same memory.
 *
 *	session 1			session 2 (another user, perhaps)
 *	physmem 7 <--- grant: token ...	 ..> import 3		both in root 7's list of aliases, both on its extents
 *	   |__ extents __________________________|
 *
 * A grant ends with the physmem that it stands for, an import does not: the memory lives until nobody has it. A root whose
 * owner has let go, but which others have imported, is an orphan: of no session, found by its imports only.
 *
 *	who pays	the arena's user, as long as one of its sessions has the memory; every import of another user, in
 *			full. So nobody can be made to pay for what it has given up, and nobody gets memory for nothing.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

struct physmem;
struct plan;
struct session;

/*
 * 128 random bits. The first half says where the grant is looked for, and how long that takes may tell something of it; the
 * second half is compared in constant time. The daemon bounds how often a user may be wrong.
 */
struct token {
	uint64_t where, secret;
};

struct grant {
	RB_ENTRY(grant) by_token; /* in the graph */
	struct physmem *physmem;
	struct token token;
	bool writable;
};

RB_HEAD(grant_tree, grant);
RB_PROTOTYPE(grant_tree, grant, by_token, grant_cmp)

/* Imports of one memory: so many, that walking over them never holds the broker up. */
#define IMPORTS_MAX 1024
/* Of one memory, in all sessions: those over one place are walked one by one. */
#define ALIASES_MAX 65536

/*
 * The grant of a physmem that allows to write, or not to. There is one of each at most: asked for again, it is the same one
 * and fresh, a token nobody else has, is not used. -EACCES it may not be written; -EINVAL a window; -EDQUOT, -ENOMEM.
 */
int plan_export(struct plan *p, struct physmem *m, bool writable, struct token fresh,
		const struct grant **out);
/* Both grants of a physmem end; what has been imported stays. */
int plan_revoke(struct plan *p, struct physmem *m);
/*
 * A physmem of the session over the memory that the token stands for. -EACCES: there is no such token (any more), or the
 * memory is another user's and not VCM_COHERENT, or only a part of it. -EDQUOT, -ENOMEM; -EINVAL (the handle).
 */
int plan_import(struct plan *p, struct session *s, uint32_t handle, struct token token);

/* For the plan's changes. */
void grant_link(struct grant *g);
void grant_unlink(struct grant *g);
void grant_destroy(struct grant *g);
