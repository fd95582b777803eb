/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A part of the process's address space that belongs to a reservation or a bound of a VCM_PREBUILT_USER vcm.
 *
 *	  addr                                     addr + len
 *	   |  PROT_NONE: reserved, nothing behind it  |
 *	   |  arena 7, 0x4000   |  arena 9, 0         |     shown: the pieces of the physmem, one after the other
 *
 * The memory follows what the broker has agreed to. Answers may be dealt with by several threads in any order: each carries
 * the stamp of its request, and one that is older than what was done last is passed over. What is shown and the attributes
 * each have a last of their own, as the one says nothing of the other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/reason.h"
#include "libvcmclient/arena.h"

struct mapping;

/* A run of an arena's bytes, and a use of the arena (arenas_get()), which keeps fd open. */
struct piece_run {
	uint32_t arena;
	int fd;
	uint64_t offset, len;
};

/*
 * Address space of its own, aligned as the reservation attributes say, and to 2 MB where huge pages fit. arenas outlives it.
 * 0; -ENOMEM: the process has no such space, or no memory.
 */
int mapping_new(struct arenas *arenas, uint64_t len, uint32_t attr, struct mapping **out,
		struct reason *why);
/* A part of the space of another one, to which it keeps a reference; where, says mapping_place(). NULL without memory. */
struct mapping *mapping_new_inside(struct mapping *outer, uint64_t len, uint32_t attr);

/* A further reference; NULL is fine. */
struct mapping *mapping_ref(struct mapping *m);
/* Returns NULL; NULL is fine. The last one unmaps. */
struct mapping *mapping_unref(struct mapping *m);
CLEANUP_DEFINE(struct mapping *, mapping_unref)

/* 0: a part whose place is not known yet. */
uint64_t mapping_addr(struct mapping *m);
uint64_t mapping_len(const struct mapping *m);
bool mapping_is_part(const struct mapping *m);

/* Where it lies in the other one's space. 0, or -EPROTO when it does not. */
int mapping_place(struct mapping *m, uint64_t addr, struct reason *why);

/*
 * Maps the runs, which cover it exactly, with its protection. Each run's use of its arena goes over to the mapping on
 * success. 0, also when something newer was done already (then the uses have ended); -ENOMEM, -EACCES...: then
 * nothing is mapped, and the uses stay the caller's.
 */
int mapping_show(struct mapping *m, uint64_t stamp, const struct piece_run *runs, size_t n_runs,
		 struct reason *why);
/* Whether something newer than that was shown or hidden: what is behind it by now is not that request's. */
bool mapping_is_past(struct mapping *m, uint64_t stamp);
/* Nothing is behind it any more. Cannot fail. */
void mapping_hide(struct mapping *m, uint64_t stamp);
/*
 * The protection that attr (reservation attributes) stands for. Out: the attributes that held before.
 * 0, or a negative errno number: then nothing has changed.
 */
int mapping_protect(struct mapping *m, uint64_t stamp, uint32_t attr, uint32_t *out_old,
		    struct reason *why);
/* Gives the space back: the reservation or bound is gone. Whatever was to be done after it is passed over. */
void mapping_close(struct mapping *m);
