/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a page table is made of: its memory, the L2 tables that come and go, and the record of what hardware may still
 * hold. v7s.c decides what is in the descriptors.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/smmu/descriptor.h"
#include "backend/smmu/v7s.h"

#define SPAN (UINT64_C(1) << 32) /* bytes of an address space, virtual or physical */

/*
 * L2 tables that are not linked into an L1 are chained through their first word. The link has [1:0] = 00: a walk that
 * is still under way in an unlinked table finds a fault there, not a page.
 */
#define CHAIN_END 4U

struct v7s {
	struct bus bus;
	LIST_HEAD(, v7s_table) tables;
	bool left;
};

struct v7s_table {
	LIST_ENTRY(v7s_table) link;
	struct v7s *format;
	uint32_t *l1;
	uint64_t l1_pa;
	unsigned int n_l2; /* linked and dead */
	uint32_t dead;     /* chain of L2 tables that wait for update_done */
	bool updating;
	struct stale stale;
};

/*
 * One entry, one access: table memory may be mapped as a device's, where the wide and unaligned accesses that compilers make
 * of loops, and memset(), are faults.
 */
static inline uint32_t v7s_load(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static inline void v7s_store(uint32_t *at, uint32_t d)
{
	__atomic_store_n(at, d, __ATOMIC_RELAXED);
}

static inline struct v7s_table *v7s_self(struct table *t)
{
	return (struct v7s_table *)(void *)t;
}

static inline const struct v7s_table *v7s_const_self(const struct table *t)
{
	return (const struct v7s_table *)(const void *)t;
}

/* NULL without memory. */
struct table *v7s_table_new(void *format_ctx);
void v7s_table_free(struct table *table);

/* n zeroed L2 tables into the chain, or -ENOMEM and none. */
int l2_reserve(struct v7s_table *t, unsigned int n, uint32_t *chain);
/* The first of the chain, for l2_link(). */
uint32_t *l2_pop(struct v7s_table *t, uint32_t *chain, uint32_t *out_pa);
/* Gives the chain's tables back to the bus. */
void l2_release(struct v7s_table *t, uint32_t *chain);
/* The table that an L1 descriptor names. */
uint32_t *l2_of(const struct v7s_table *t, uint32_t l1);
/* Its entries become visible before the table does. */
void l2_link(struct v7s_table *t, unsigned int slot, uint32_t pa);
/* Onto the chain of the dead, whatever is in it. */
void l2_unlink(struct v7s_table *t, unsigned int slot);

/* The blocks of n entries of an L2 table, whose first one is at va. They begin and end with whole blocks. */
void stale_pages(struct v7s_table *t, const uint32_t *l2, unsigned int n, uint64_t va);
