/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The aliases of one memory, in its root: by session, then by which part of the root they are over.
 *
 *	root	offset 0                                        len
 *		|------------------------------------------------|
 *	alias	     |---- session 1, 5 ----|
 *		|-------------- session 2, 3 (all of it) --------|
 *
 * Each knows the furthest end below it in the tree, so which aliases of a session are over an offset is told in O(log n) and
 * one step for each of them.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

struct physmem;
struct plan;
struct session;

RB_HEAD(alias_tree, physmem);
TAILQ_HEAD(import_list, physmem);

struct aliases {
	struct alias_tree tree;
	struct import_list
		imports; /* those in other sessions than the owner's; IMPORTS_MAX at most */
	size_t n, n_imports;
};

void aliases_init(struct aliases *a);
/* Of its root, which must have its extents. */
void alias_link(struct physmem *m);
void alias_unlink(struct physmem *m);

/*
 * The alias behind after (NULL: the first) that is over an offset of the root: of one session, or of each (s NULL), by
 * session, part and handle. NULL when there is none.
 */
struct physmem *alias_over(const struct physmem *root, const struct session *s, uint64_t offset,
			   const struct physmem *after);
/* An alias of a session over exactly this part of its root; NULL. */
struct physmem *alias_exactly(const struct physmem *root, const struct session *s,
			      struct range part);
/* Asserts what the tree promises. */
void aliases_check(const struct physmem *root);
/* One in the session of the root's owner, of which those keep it from being freed; NULL. */
struct physmem *alias_of_owner(const struct physmem *root);

/*
 * An alias of [pa, pa + len) inside one extent of a physmem that the session has, or of a window, the right to which the
 * daemon checks. -EINVAL, -EDQUOT, -ENOMEM.
 */
int plan_physmem_map(struct plan *p, struct session *s, uint32_t handle, uint64_t pa, uint64_t len);
/* What it is, from what it is over; and whether that is somebody else's memory. */
void alias_take_nature(struct physmem *m, struct physmem *root);
/*
 * Room among the root's imports; and it pays for its user what the arena's user does not. 0, -EDQUOT. Taken back by
 * physmem_destroy().
 */
int alias_admit(struct plan *p, struct physmem *m);
