/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about the graph. None changes it; all are O(log n), times the answers where there are many.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct graph;
struct physmem;
struct res;
struct session;
struct vcm;

/* The reservation that starts at addr; NULL. */
struct res *vcm_res_at(const struct vcm *v, uint64_t addr);
/* The reservation that contains addr; NULL. */
struct res *vcm_res_containing(const struct vcm *v, uint64_t addr);
/* By address. r NULL: the first. */
struct res *vcm_res_next(struct vcm *v, struct res *r);
/* The physical address behind addr of a backed reservation; 0 when not backed or outside. */
uint64_t res_to_pa(const struct res *r, uint64_t addr);
/* The lowest address of v that maps pa: 0, or -ENOENT. */
int vcm_addr_of_pa(struct graph *g, struct vcm *v, uint64_t pa, uint64_t *out);

/* Every reservation that maps pa, of one session or of all (s NULL), by id of vcm, address and handle within each
 * physmem. after NULL: the first. */
struct res *graph_next_res_of_pa(struct graph *g, const struct session *s, uint64_t pa,
				 const struct res *after);
size_t graph_count_res_of_pa(struct graph *g, const struct session *s, uint64_t pa);
/* The physmem that owns pa; NULL. */
struct physmem *graph_physmem_of_pa(const struct graph *g, uint64_t pa);
