/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where physical memory is in the broker's own addresses, and moving bytes between such places.
 *
 *	PA   0x40000000  pa  ............. 0x401fffff     struct place: pa = the whole arena, at = its first byte
 *	         |       |<- run ->|
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "memory/arena.h"
#include "memory/tables.h"

struct place {
	struct range pa;
	uint8_t *at;
	unsigned int how; /* PLACE_* */
	bool holes;       /* a client can make holes that the kernel cannot fill */
};

/* How bytes are accessed. */
#define PLACE_GUARDED 1U /* somebody else has the memory too: its pages may go away */
#define PLACE_WORDS 2U   /* as a device's: in aligned words */

/* False when nothing is at pa. tables: the first of a chain. */
bool place_find(struct arenas *arenas, const struct tables *tables, uint64_t pa, struct place *out);

/*
 * Makes sure of [pa, pa + len) before the first byte is moved: false when part of it is no memory, or is a hole. What a
 * client does after that is met by place_copy().
 */
bool place_check(struct arenas *arenas, const struct tables *tables, uint64_t pa, uint64_t len);

/* The bytes from pa to the end of the place, at most len; and those up to last, at most len. */
uint64_t place_run(const struct place *p, uint64_t pa, uint64_t len);
uint64_t place_run_back(const struct place *p, uint64_t last, uint64_t len);
/* The byte at pa. */
uint8_t *place_byte(const struct place *p, uint64_t pa);

/* 0, or -EFAULT when a page went away under it. The two may overlap. */
int place_copy(unsigned int how, uint8_t *to, const uint8_t *from, uint64_t len);
int place_zero(unsigned int how, uint8_t *at, uint64_t len);
