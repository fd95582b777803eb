/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a page table is made of: its memory, the tables below the root that come and go, and the record of what hardware
 * may still hold. a64.c decides what is in the descriptors.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/smmuv3/a64-descriptor.h"
#include "backend/smmuv3/a64.h"

/*
 * Tables that are not linked are chained through their first word. The link has bit 0 clear: a walk that is still under
 * way in an unlinked table finds a fault there.
 */
#define A64_CHAIN_END UINT64_C(4)

struct a64 {
	struct bus bus;
	struct a64_config config;
	LIST_HEAD(, a64_table) tables;
	bool left;
};

struct a64_table {
	LIST_ENTRY(a64_table) link;
	struct a64 *format;
	uint64_t *root;
	uint64_t root_pa;
	uint64_t n_sub; /* tables below the root, linked and dead */
	uint64_t dead;  /* chain of those that wait for update_done */
	bool updating;
	bool leaked; /* hardware that does not answer may walk what is dead: its memory is nobody's for ever */
	struct stale stale;
};

static inline struct a64_table *a64_self(struct table *t)
{
	return (struct a64_table *)(void *)t;
}

static inline const struct a64_table *a64_const_self(const struct table *t)
{
	return (const struct a64_table *)(const void *)t;
}

/* Hardware sees all of the old descriptor or all of the new one, and what was stored before it. */
static inline void a64_store(uint64_t *at, uint64_t d)
{
	__atomic_store_n(at, d, __ATOMIC_RELEASE);
}

/* NULL without memory. */
struct table *a64_table_new(void *format_ctx);
void a64_table_free(struct table *table);

/* n zeroed tables into the chain, or -ENOMEM and none. */
int sub_reserve(struct a64_table *t, uint64_t n, uint64_t *chain);
/* The first of the chain; its address for a descriptor. */
uint64_t *sub_pop(const struct a64_table *t, uint64_t *chain, uint64_t *out_pa);
/* Gives the chain's tables back to the bus. */
void sub_release(struct a64_table *t, uint64_t *chain);
/* They are nobody's from now on. */
void sub_abandon(struct a64_table *t, uint64_t *chain);
/* The table that a descriptor names. */
uint64_t *sub_of(const struct a64_table *t, uint64_t d);
/* The table that *slot names, at `level`, onto the chain of the dead with all below it; *slot is invalid from now on. */
void sub_unlink(struct a64_table *t, uint64_t *slot, unsigned int level);

/* Has everything that is stale invalidated by every user; what one cannot is leaked. */
void table_flush(struct a64_table *t);
