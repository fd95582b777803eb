/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page tables in the ARMv7 short-descriptor format, kept in table memory that the hardware walks.
 *
 *	va 31      20 19    12 11       0
 *	  |  L1 slot  | L2 slot | offset |	an L1 table is 16 KB, an L2 table 1 KB, and exists while it has an entry
 *
 * The life of a change: descriptors are stored at once, so that hardware may use a new mapping as soon as map returns;
 * what hardware may still hold of an old one ("stale") is invalidated in update_done, and only then are L2 tables that
 * became empty given back. Within an update a range that was unmapped may be mapped again: what is stale there is
 * invalidated first, because two block sizes for one address confuse a TLB (ARM: undefined).
 *
 * Nothing here knows registers: who has the table active is a user of it, and invalidates when asked.
 *
 * Table memory is written through bus_ops.view() and must be memory that the walker snoops: there is no cache
 * maintenance here (user space of x86 needs none; a machine whose walker does not snoop needs its view uncached).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/smmu/smmu.h"
#include "backend/stale.h"

/* As many addresses are invalidated one by one; when more are stale, everything is. One TLBIVA costs a register write;
 * TLBIALL costs one too, and the refill of the whole TLB. */
#define V7S_STALE_MAX 8

/* The one ops table; its format_ctx is a struct v7s. map, unmap and protect are called between update_start and
 * update_done only (asserted). protect counts as new attributes for whole blocks: one that is partly inside is split. */
extern const struct table_ops v7s_ops;

/* A user is told of everything that becomes stale from now on. */
void v7s_attach(struct table *table, struct stale_user *user);
void v7s_detach(struct table *table, struct stale_user *user);

/* Another process follows: tables that are left go with the format. No hardware walks them any more. */
void v7s_leave(struct v7s *format);

/* What the table says of va: 0, with the block's size and its physical address (of the block's start), or -ENOENT. */
int v7s_lookup(const struct table *table, uint64_t va, uint64_t *out_pa, uint64_t *out_size);
