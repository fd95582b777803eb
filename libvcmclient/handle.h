/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pointers of the API, which point nowhere: they are names.
 *
 *	 63        56 55             32 31  30                      0
 *	+------------+-----------------+---+------------------------+
 *	| 0x50+kind  |   generation    | b |         index          |   64-bit pointers; b: made by the broker
 *	+------------+-----------------+---+------------------------+
 *	 31    29 28        23 22 21              0
 *	+--------+------------+---+----------------+
 *	|  kind  | generation | b |     index      |                   32-bit pointers
 *	+--------+------------+---+----------------+
 *
 * b and index are the handle on the wire. A slot's generation changes whenever its object goes, so that a pointer kept too
 * long is found out; generations go on from one session to the next. What the broker makes (a clone's contents) is counted the
 * same way, by the frees of this side: nobody else can free it, and the broker gives the lowest free index to the next object.
 * On 64 bits no such pointer is a canonical address: nothing can be there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/reason.h"

struct mapping;

enum handle_kind {
	HANDLE_NONE,
	HANDLE_VCM,
	HANDLE_RES,
	HANDLE_BOUND,
	HANDLE_AVCM,
	HANDLE_PHYSMEM,
	HANDLE_N_KINDS
};

#define HANDLE_BROKER 0x80000000u /* in a wire handle: made by the broker */

struct handle {
	enum handle_kind kind;
	uint32_t generation;
	uint32_t wire;
};

/* The pointer of a handle whose parts are in their bounds. */
void *handle_encode(struct handle h);
/* False when p cannot have come from handle_encode(). */
bool handle_decode(const void *p, struct handle *out);

struct handles;

struct handles *handles_new(void);
/* Returns NULL; NULL is fine. Lets go of the mappings that are left. */
struct handles *handles_free(struct handles *h);
CLEANUP_DEFINE(struct handles *, handles_free)

/* What the table knows of an object. */
struct handle_info {
	uint32_t wire;
	bool is_pending;         /* a batch that is not committed creates it */
	bool is_user;            /* a vcm of the process's own address space */
	struct mapping *mapping; /* a reference, which is the caller's; or NULL */
};

/*
 * Takes the lowest free handle for an object that is about to be created; info says what it is (its wire is ignored, its
 * mapping gets another reference). Out: the handle.
 * 0; -ENOMEM; -ENOSPC when all are taken; -ENOTCONN after handles_close().
 */
int handles_take(struct handles *h, enum handle_kind kind, const struct handle_info *info,
		 uint32_t *out);
/* A pending object is pending no longer. */
void handles_settle(struct handles *h, uint32_t wire);
/* The object is gone, or was never made: its pointers are stale from now on. */
void handles_release(struct handles *h, uint32_t wire);

/*
 * What frees a broker-made object is about to be sent, and was refused; handles_release() instead when it was done. Handles
 * of ours are passed over.
 * The broker may give the index to another object before this side knows that the first is gone. Whoever is told the index
 * meanwhile cannot say which of the two is meant: then the pointer stays valid, so that none of a live object is refused.
 */
void handles_free_begin(struct handles *h, uint32_t wire);
void handles_free_undo(struct handles *h, uint32_t wire);

/* What stands behind a pointer of the API. 0, or -EINVAL when it is no object of that kind. */
int handles_find(struct handles *h, enum handle_kind kind, const void *p, struct handle_info *out,
		 struct reason *why);
/*
 * The pointer of a handle that the broker named; NULL when it is 0, or is one of ours that is no such object (any more), or
 * is a broker-made one for which memory is short.
 */
void *handles_pointer(struct handles *h, enum handle_kind kind, uint32_t wire);

/* The session is over: no handle can be taken any more, and all mappings are closed and let go. */
void handles_close(struct handles *h);

/* Around a fork: no thread is between sessions meanwhile, so the child's first session goes on behind the parent's last. */
void handles_before_fork(void);
void handles_after_fork(void);

/* The names of the kinds, for people: "vcm", "res"... */
const char *handle_kind_name(enum handle_kind kind);
