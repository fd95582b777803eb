/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page tables in the AArch64 stage 1 format with a 4 KB granule, kept in table memory that the hardware walks.
 *
 *	va 47      39 38     30 29     21 20     12 11       0
 *	  | level 0  | level 1 | level 2 | level 3 | offset |	a table is 4 KB; below the root it exists while it has an entry
 *	             | 1 GB    | 2 MB    | 4 KB, or 64 KB by the contiguous hint on 16 entries
 *
 * The life of a change is that of the short-descriptor format: descriptors are stored at once; what hardware may still
 * hold of an old one ("stale") is invalidated in update_done, and only then are tables that became empty given back. A
 * range that was unmapped and is mapped again in one update is invalidated in between.
 *
 * A change that the architecture allows only through an invalid entry (another size of block, another memory type or
 * shareability: DDI 0487 D8, break-before-make) goes through one, unless the format's SMMUs can do without.
 *
 * Nothing here knows registers or queues: who has the table active is a user of it, and invalidates when asked. Table
 * memory is written through bus_ops.view(), without cache maintenance.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/smmuv3/smmuv3.h"
#include "backend/stale.h"

/*
 * As many addresses are invalidated one by one; when more are stale, everything is. Two groups of 64 KB: as the
 * contiguous bit is a hint, each page of a group may be cached alone and has an address here.
 */
#define A64_STALE_MAX STALE_MAX

/* The one ops table; its format_ctx is a struct a64. map, unmap and protect are called between update_start and
 * update_done only (asserted). A block that a change covers in part is split first. */
extern const struct table_ops a64_ops;

/* A user is told of everything that becomes stale from now on. */
void a64_attach(struct table *table, struct stale_user *user);
void a64_detach(struct table *table, struct stale_user *user);

/* Another process follows: what hardware walks stays as it is, and a64_free() takes tables that are left. */
void a64_leave(struct a64 *format);

unsigned int a64_pa_bits(const struct a64 *format);

/* What the table says of va: 0, with the size of its block or group, the physical address of that one's start, and the
 * descriptor (of its first entry); or -ENOENT. Any of the three may be NULL. */
int a64_lookup(const struct table *table, uint64_t va, uint64_t *out_pa, uint64_t *out_size,
	       uint64_t *out_descriptor);
