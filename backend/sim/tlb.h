/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's translation look-aside buffer: one for all contexts, set associative, least recently used goes first.
 *
 * An entry stays until it is evicted or invalidated, whatever happens to the table it came from.
 *
 * A block of any size has one entry. Its set is chosen by the block number, so a look-up probes the four sets that
 * blocks of the four sizes would be in; the hardware's own hash is not known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a walk found. */
struct translation {
	uint32_t va, pa; /* of the block's start */
	uint8_t shift;   /* log2 of the block's bytes: 12, 16, 20, 24 */
	uint8_t ap;      /* AP[2:0] */
	uint8_t memory;  /* TEX[2:0] C B */
	bool xn, shareable, global, second_level;
};

struct tlb_entry {
	bool valid;
	uint8_t vmid, asid;
	uint64_t used;
	struct translation t;
};

struct tlb {
	struct tlb_entry *entries; /* [set][way] */
	unsigned int n_sets, n_ways;
	uint64_t clock;
};

/* 0 or -ENOMEM. ways divides entries. */
int tlb_init(struct tlb *tlb, unsigned int entries, unsigned int ways);
void tlb_deinit(struct tlb *tlb);

/* NULL: a miss. *out_many: two entries answer, which hardware calls a multi-hit fault. The hit counts as a use. */
const struct translation *tlb_find(struct tlb *tlb, uint8_t vmid, uint8_t asid, uint32_t va,
				   bool *out_many);
void tlb_insert(struct tlb *tlb, uint8_t vmid, uint8_t asid, const struct translation *t);

/* What an invalidation names; all the named parts must match. */
struct tlb_match {
	bool by_vmid, by_asid, by_va;
	bool keep_global; /* an entry that is global does not match an ASID; otherwise it matches every ASID */
	uint8_t vmid, asid;
	uint32_t va;
};
void tlb_invalidate(struct tlb *tlb, const struct tlb_match *match);
