/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about the graph. None changes it; all are O(log n), times the answers where there are many: for memory
 * that has aliases, times those that the session has of the page asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bound;
struct extent;
struct graph;
struct physmem;
struct res;
struct session;
struct vcm;

/* The reservation that starts at addr; NULL. */
struct res *vcm_res_at(const struct vcm *v, uint64_t addr);
/* The reservation that contains addr; NULL. */
struct res *vcm_res_containing(struct vcm *v, uint64_t addr);
/* The last reservation that starts at or before addr; NULL. */
struct res *vcm_res_before(const struct vcm *v, uint64_t addr);
/* By address. r NULL: the first. */
struct res *vcm_res_next(struct vcm *v, struct res *r);
#define VCM_FOREACH_RES(r, v) for ((r) = vcm_res_next((v), NULL); (r); (r) = vcm_res_next((v), (r)))
/* By address. b NULL: the first. */
struct bound *vcm_bound_next(struct vcm *v, struct bound *b);
/* The physical address behind addr of a backed reservation; 0 when not backed or outside. */
uint64_t res_to_pa(const struct res *r, uint64_t addr);
/* The lowest address of v that maps pa: 0, or -ENOENT. */
int vcm_addr_of_pa(struct graph *g, struct vcm *v, uint64_t pa, uint64_t *out);

/* Every reservation that maps pa, of one session or of all (s NULL), by id of vcm, address and handle within each
 * physmem. after NULL: the first; NULL too when after does not map pa. */
struct res *graph_next_res_of_pa(struct graph *g, const struct session *s, uint64_t pa,
				 struct res *after);
/* One step for each physmem that holds pa, however many reservations each of them backs. */
size_t graph_count_res_of_pa(struct graph *g, const struct session *s, uint64_t pa);
/* The extent, and the physmem, that owns pa; NULL. */
struct extent *graph_extent_of_pa(const struct graph *g, uint64_t pa);
struct physmem *graph_physmem_of_pa(const struct graph *g, uint64_t pa);
