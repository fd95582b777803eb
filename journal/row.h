/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows: one object each, whole. Handles name objects of the same session; 0 is none.
 *
 *	kind	session	key		body
 *	-----------------------------------------------------------------
 *	IDS	0	0		row_ids
 *	SESSION	its id	0		row_session
 *	REPLY	its id	serial		row_reply, values
 *	HOOK	its id	a number	row_hook
 *	ARENA	0	its id		row_arena
 *	VCM	its id	handle		row_vcm
 *	BOUND	its id	handle		row_bound
 *	PHYSMEM	its id	handle		row_physmem, extents
 *	RES	its id	handle		row_res
 *	AVCM	its id	handle		row_avcm
 *	GRANT	its id	first half	row_grant
 *
 * Memory whose owner has let go of it, and which others have imported, is a PHYSMEM of session 0, by its id.
 *
 * A new kind is added at the end; a body only ever grows, and what an older release did not write reads as 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "journal/format.h"

#define ROW_NAME_LEN 64 /* bytes, with the final 0 */
#define ROW_TOKEN_LEN 16

enum row_kind {
	ROW_IDS = 1,
	ROW_SESSION,
	ROW_REPLY,
	ROW_HOOK,
	ROW_ARENA,
	ROW_VCM,
	ROW_BOUND,
	ROW_PHYSMEM,
	ROW_RES,
	ROW_AVCM,
	ROW_GRANT,
	N_ROW_KINDS,
};

/* Numbers that are never used again: up to these they may have been. */
struct row_ids {
	uint64_t session, object;
	uint64_t arena;
};

/* Neither: whoever wrote it did not say, and a pid of 0 is all that tells a node's. */
enum row_session_flags {
	ROW_SESSION_LOCAL = 1, /* over a socket */
	ROW_SESSION_NODE = 2,
};

struct row_session {
	uint32_t uid, gid;
	uint64_t pid; /* 0: none that we know, of a node or in a container */
	uint64_t flags;
	uint8_t token[ROW_TOKEN_LEN];
	char name[ROW_NAME_LEN];
};

/* A request of the session has been carried out, and this is what it was answered. */
struct row_reply {
	uint64_t ack;       /* replies up to this serial have been seen by the client */
	uint32_t n_handles; /* one beyond the highest handle of its own that the client has ever used */
	uint32_t n_values;
	uint64_t values[];
};

struct row_hook {
	uint32_t set, unused;
	char device[ROW_NAME_LEN];
};

enum row_arena_flags {
	ROW_ARENA_SOLE = 1,
	ROW_ARENA_CONTIGUOUS = 2,
	ROW_ARENA_QUARANTINED = 4,
};

struct row_arena {
	uint32_t uid, memtype;
	uint64_t first, last; /* physical */
	uint64_t stored;      /* its number in the fd store; 0: it has no fd */
	uint32_t flags, unused;
};

struct row_vcm {
	uint64_t id;
	uint64_t first, last;
	uint32_t type, unused;
};

struct row_bound {
	uint64_t first, last;
	uint32_t vcm, unused;
};

struct row_extent {
	uint64_t first, len; /* physical */
	uint64_t arena;      /* 0: in a window */
};

enum row_physmem_flags {
	ROW_PHYSMEM_ALIAS = 1,
	ROW_PHYSMEM_IMPORT = 2, /* an alias whose root another session owns, or nobody */
	ROW_PHYSMEM_READ_ONLY = 4,
	ROW_PHYSMEM_WHOLE =
		8, /* an import of all that its root has; its extents are not repeated */
};

/* An alias has the id, memtype and attributes of its root, and one extent inside it, or all that the root has. */
struct row_physmem {
	uint64_t id;
	uint64_t len;
	uint64_t paid; /* bytes that the user of an alias pays for it */
	uint32_t memtype, attr;
	uint32_t flags;
	uint32_t n_extents;
	struct row_extent extents[];
};

struct row_res {
	uint64_t addr, len;
	uint32_t vcm, bound, physmem, attr;
};

struct row_avcm {
	uint32_t vcm, attr;
	uint32_t is_active, unused;
	char device[ROW_NAME_LEN];
};

struct row_grant {
	uint64_t secret; /* the second half of the token; the first is the key */
	uint32_t physmem;
	uint32_t writable;
};

/* "reservation" and so on; "row" for a kind of a later release. */
const char *row_kind_name(unsigned int kind);

/* A line for people: what the row says. */
void row_describe(const struct row_head *row, struct reason *out);

/*
 * The body of a row that is not ROW_GONE, min_len bytes at least: NULL when it is shorter. A kind of a later release has no
 * body that we know.
 */
const void *row_body(const struct row_head *row, size_t min_len);
/* Whether the row is what its kind says: flags, lengths, counts, texts that end. Unknown kinds are right. */
bool row_is_right(const struct row_head *row);
