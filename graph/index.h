/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reservations of a vcm by address: shelves under shelves, down to one slot for each page that a reservation may start
 * at. Finding one among a million touches little more memory than finding one among ten.
 *
 *	0x0000 .. 0x3fffff	shelf of 64	[ 64 KB | 64 KB | ... ]
 *						     |
 *	0x0000 .. 0xffff	ledge of 16	[ 7 | 0 | 0 | 12 | ... ]	handles, of those at 0x0000 and 0x3000
 *
 * A ledge holds handles, half as long as pointers, since it is one of the few lines of memory that every reserve and unreserve
 * touches: so what is in an index must be named in its session.
 *
 * In a region whose addresses come from elsewhere than a space (from the client, from the memory) many reservations may
 * start at one address, and few anywhere: it has no shelves but a tree.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "graph/res.h"

struct ledge;
struct session;
struct shelf;

union shelf_slot {
	struct shelf *shelf;
	struct ledge *ledge;  /* of level 1 */
	struct res_tree tree; /* where there are no shelves */
};

struct res_index {
	unsigned int levels; /* of shelves; 0: a tree */
	uint64_t base;       /* what the root covers starts here */
	union shelf_slot root;
	const struct session *session; /* that names the reservations */
	size_t footprint;              /* bytes of shelves and ledges */
};

/* shelved: its addresses are multiples of 4 KB inside r, each at most once; else a tree. */
void res_index_init(struct res_index *x, const struct session *session, struct range r,
		    bool shelved);
/* No reservation is in it any more. */
void res_index_deinit(struct res_index *x);
/* Bytes of a struct res that can be inserted. */
size_t res_index_entry_size(const struct res_index *x);
/* Room for what starts at addr: afterwards, until res_index_trim(), an insert there cannot fail. 0, -ENOMEM. */
int res_index_want(struct res_index *x, uint64_t addr);
/* r has its handle, and has a name by it before anything is looked up. */
void res_index_insert(struct res_index *x, struct res *r);
void res_index_remove(struct res_index *x, struct res *r);
/* A hint: it will be removed soon. Misses of the cache are most of what a million reservations cost. */
void res_index_near(const struct res_index *x, const struct res *r);
/* Frees shelves that are empty. */
void res_index_trim(struct res_index *x);

/* The reservation that starts at addr, of several the one with the lowest handle; NULL. */
struct res *res_index_at(const struct res_index *x, uint64_t addr);
/* The last one that starts at or before addr; NULL. */
struct res *res_index_before(const struct res_index *x, uint64_t addr);
/* By address and handle. r NULL: the first. */
struct res *res_index_next(const struct res_index *x, struct res *r);
